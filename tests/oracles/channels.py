"""Channels worked out by hand: addresses by urllib, rules one after the other."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import NamedTuple
from urllib.parse import unquote_plus, urlsplit

from retinue.attribution.channel_rules import ChannelRules, Rule


class Visit(NamedTuple):
    page: str | None = None
    referrer: str | None = None
    campaign_id: str | None = None
    channel: str | None = None


class Touch(NamedTuple):
    channel: str
    rule: int | None
    campaign_id: str | None
    ad_id: str | None
    source: str | None


Words = dict[str, str | None]


def touch(visit: Visit, table: ChannelRules) -> Touch:
    parameters = parameters_of(visit.page)
    host = host_of(visit.referrer)
    words: Words = {
        **{f"utm_{name}": parameters.get(f"utm_{name}") for name in ("medium", "source", "campaign")},
        "campaign_id": word(visit.campaign_id) or parameters.get("utm_campaign"),
        "channel_is": word(visit.channel),
        "channel": word(visit.channel),
        "page": urlsplit(visit.page).path if visit.page is not None else None,
        "referrer_host": host,
        "referrer_is": origin(visit, host, table),
    }
    found = (words["campaign_id"], parameters.get("utm_content"))
    source = (words["utm_source"] or host or "").lower() or None
    for number, rule in enumerate(table.rules, start=1):
        places = re.findall(r"\{(\w+)\}", rule.channel)
        if holds(rule, words, parameters) and all(words[place] for place in places):
            named = rule.channel.format(**{place: (words[place] or "").lower() for place in places})
            return Touch(named, number, *found, source)
    return Touch("unmatched", None, *found, source)


def holds(rule: Rule, words: Words, parameters: dict[str, str | None]) -> bool:
    globbed = ("utm_medium", "utm_source", "utm_campaign", "campaign_id", "channel_is", "page")
    for name in globbed:
        given, said = getattr(rule, name), words[name]
        if given and not (said is not None and any(matches(said, glob) for glob in given)):
            return False
    if rule.click_id and not any(name.lower() in parameters for name in rule.click_id):
        return False
    host = words["referrer_host"]
    if rule.referrer and not (host and any(lies_under(host, suffix) for suffix in rule.referrer)):
        return False
    return not rule.referrer_is or words["referrer_is"] in map(str.lower, rule.referrer_is)


def matches(text: str, glob: str) -> bool:
    return fnmatchcase(text.lower(), glob.lower().replace("[", "[[]"))


def parameters_of(page: str | None) -> dict[str, str | None]:
    """The first of each name that is not empty, decoded."""
    found: dict[str, str | None] = {}
    for pair in re.split("[&;]", urlsplit(page).query if page is not None else ""):
        name, _, value = pair.partition("=")
        if value and name.lower() not in found:
            found[name.lower()] = word(unquote_plus(value))
    return found


def word(text: str | None) -> str | None:
    text = (text or "").strip(" \t\n\r\v\f")
    return None if not text or (text[0] == "(" and text[-1] == ")") else text


def host_of(address: str | None) -> str | None:
    address = (address or "").strip()
    if "//" not in address and re.match(r"[^\s/?#@:]+\.[a-zA-Z]", address):
        address = "//" + address
    parts = urlsplit(address)
    host = (parts.hostname or "").rstrip(".")
    return (f"[{host}]" if ":" in host else host) or None


def origin(visit: Visit, host: str | None, table: ChannelRules) -> str:
    if (visit.referrer or "").startswith("/") and not (visit.referrer or "").startswith("//"):
        return "internal"
    if host is None:
        return "none"
    is_own = host == host_of(visit.page) or any(lies_under(host, own) for own in table.own_hosts)
    return "internal" if is_own else "external"


def lies_under(host: str, pattern: str) -> bool:
    """Label by label from the right; a last label * is a top-level domain, with com. and the like before."""
    labels, wanted = host.split("."), pattern.lower().split(".")
    if wanted[-1] == "*":
        second = r"(co|com|ne|net|or|org)"
        is_two = len(labels) > 2 and re.fullmatch(rf"{second}\.[a-z]{{2}}", ".".join(labels[-2:])) is not None
        endings = [labels[:-1], *([labels[:-2]] if is_two else [])]
        return any(ends_with(rest, wanted[:-1]) for rest in endings)
    return ends_with(labels, wanted)


def ends_with(labels: list[str], wanted: list[str]) -> bool:
    last = labels[-len(wanted) :]
    return len(last) == len(wanted) and all(map(fnmatchcase, last, wanted))
