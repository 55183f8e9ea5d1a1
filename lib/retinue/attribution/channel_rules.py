"""The table of rules that says which channel brought a visit: declared in TOML, checked before Spark starts.

The ready tables lie in retinue.conf's `channels/`.

    about = "one line on the table"
    own_hosts = ["shop.example"]          # referrers from these, and from hosts under them, are internal

    [[rules]]                             # the first rule that holds wins
    channel = "paid_search"               # or {channel}, {utm_source}, {utm_medium}, {referrer_host}: the
                                          # visit's own word, lower case; none there, the rule does not hold
    utm_medium = ["cpc", "paid?search"]   # every condition must hold, and of its list one; case aside

A rule without conditions holds for all that is left. The conditions:

    utm_medium, utm_source, utm_campaign  # globs (* and ?) over the whole of what the landing page carries
    campaign_id                           # globs over the event's own, or utm_campaign where it has none
    channel_is                            # globs over the source's own word for the channel
    page                                  # globs over the path of the landing page
    click_id                              # parameters of the landing page that are not empty: gclid, msclkid
    referrer                              # hosts: google.com is www.google.com too, not notgoogle.com;
                                          # google.* is google.de and www.google.co.uk, not google.my.example
    referrer_is                           # none | internal | external
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from string import Formatter
from typing import Any

from retinue.declarations import Kind, digest
from retinue.errors import nearest

__all__ = ["ORIGINS", "UNMATCHED", "ChannelRules", "Rule", "load", "loads", "names"]

UNMATCHED = "unmatched"
"""The channel of a visit that no rule catches."""
ORIGINS = ("none", "internal", "external")
"""Where a referrer may be from."""
TABLES = Kind("channel table", "channels")
_PLACES = ("channel", "utm_source", "utm_medium", "referrer_host")

_GLOB = (re.compile(r"(?s).*\S.*"), "a text")
_HOST = (
    re.compile(r"(?=.*[^.*?])[^\s/#\\@:.]+(?:\.[^\s/#\\@:.]+)*"),
    "a host, as google.com, google.* or *.shop.example",
)
_FORMS = {
    "own_hosts": _HOST,
    "referrer": _HOST,
    "referrer_is": (re.compile("|".join(ORIGINS), re.IGNORECASE), f"one of {', '.join(ORIGINS)}"),
    "click_id": (re.compile(r"[\w.-]+"), "the name of a parameter, as gclid"),
}


@dataclass(frozen=True)
class Rule:
    """A channel, and the conditions under which a visit is its own; without any it takes what is left."""

    channel: str
    utm_medium: tuple[str, ...] = ()
    utm_source: tuple[str, ...] = ()
    utm_campaign: tuple[str, ...] = ()
    campaign_id: tuple[str, ...] = ()
    channel_is: tuple[str, ...] = ()
    page: tuple[str, ...] = ()
    click_id: tuple[str, ...] = ()
    referrer: tuple[str, ...] = ()
    referrer_is: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChannelRules:
    """Rules, the first that holds first, and one's own hosts; see the module's docstring for the file."""

    name: str
    rules: tuple[Rule, ...]
    own_hosts: tuple[str, ...] = ()
    about: str = ""

    @property
    def digest(self) -> str:
        """12 hex digits of what it declares; remarks and layout of the file do not count."""
        return digest(asdict(self))


CONDITIONS = tuple(field.name for field in fields(Rule) if field.name != "channel")


def names() -> list[str]:
    """The ready tables, sorted."""
    return TABLES.names()


def load(name: str | Path) -> ChannelRules:
    """The ready table of this name, or the one in this .toml file.

    Raises UnknownSetting with every fault of the file at once, or for a name that is not there;
    InputMissing for a file that cannot be read.
    """
    return loads(TABLES.text(name), name=Path(name).stem)


def loads(text: str, *, name: str) -> ChannelRules:
    """The table that this TOML text declares. Raises UnknownSetting with every fault at once."""
    declared = TABLES.declared(text, name=name, faults=_faults)
    return ChannelRules(
        name=name,
        rules=tuple(
            Rule(rule["channel"], **{key: tuple(rule[key]) for key in CONDITIONS if key in rule})
            for rule in declared["rules"]
        ),
        own_hosts=tuple(declared.get("own_hosts", ())),
        about=declared.get("about", ""),
    )


def _faults(declared: Mapping[str, Any]) -> Iterable[str]:
    known = [field.name for field in fields(ChannelRules) if field.name != "name"]
    yield from _key_faults(declared, known, of="a channel table")
    if not isinstance(declared.get("about", ""), str):
        yield f"about is {declared['about']!r}; it is a text"
    yield from _list_faults("own_hosts", declared.get("own_hosts", []))
    rules = declared.get("rules")
    if not isinstance(rules, list) or not rules or not all(isinstance(rule, dict) for rule in rules):
        yield "[[rules]] is missing: a channel, and conditions"
        return
    for number, rule in enumerate(rules, start=1):
        yield from (f"rule {number}: {fault}" for fault in _rule_faults(rule))
        if number < len(rules) and _takes_all(rule):
            yield f"rule {number} has no condition and takes all that is left; none behind it can hold"


def _key_faults(declared: Mapping[str, Any], known: Iterable[str], *, of: str) -> Iterable[str]:
    for key in declared:
        if key not in known:
            instead = nearest(key, known) or f"; there are {', '.join(known)}"
            yield f"{key} is no key of {of}{instead}"


def _rule_faults(rule: Mapping[str, Any]) -> Iterable[str]:
    yield from _key_faults(rule, ["channel", *CONDITIONS], of="a rule")
    channel = rule.get("channel")
    if isinstance(channel, str) and channel.strip():
        yield from _channel_faults(channel)
    else:
        yield "channel is missing" if channel is None else f"channel is {channel!r}; it is a text"
    for name in CONDITIONS:
        if name in rule:
            yield from _list_faults(name, rule[name])
            if rule[name] == []:
                yield f"{name} is empty; nothing would match it"


def _channel_faults(channel: str) -> Iterable[str]:
    if channel == UNMATCHED:
        yield f"channel is {UNMATCHED}, which is what no rule catches"
    try:
        pieces = list(Formatter().parse(channel))
    except ValueError as error:
        yield f"channel is {channel!r}: {error}"
        return
    for _, place, form, conversion in pieces:
        if place is not None and (place not in _PLACES or form or conversion):
            near = nearest(place, _PLACES)
            yield f"channel is {channel!r}: in braces stands one of {', '.join(_PLACES)}{near}"


def _list_faults(name: str, given: Any) -> Iterable[str]:
    if not isinstance(given, list):
        yield f"{name} is {given!r}; it is a list of texts"
        return
    form, wanted = _FORMS.get(name, _GLOB)
    for each in given:
        if not isinstance(each, str) or not form.fullmatch(each):
            yield f"{name} has {each!r}; it is {wanted}"


def _takes_all(rule: Mapping[str, Any]) -> bool:
    return list(rule) == ["channel"] and "{" not in str(rule["channel"])
