"""Channels: what brought a visit, by the first rule of a table that holds for its page and referrer.

`channel_rules` says how a table is written. A word in parentheses names nothing: so are (none) and (not set)
written where nothing is known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from operator import and_
from string import Formatter

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retinue.attribution.channel_rules import UNMATCHED, ChannelRules, Rule, load, loads, names
from retinue.schema import quoted, require

__all__ = ["UNMATCHED", "ChannelRules", "Rule", "channel_of", "coverage", "load", "loads", "names", "touches"]

Landing = Mapping[str, Column] | Column  # what the rules look at, by name

# What the globs of a condition are held against.
_WORDS = {
    "utm_medium": "utm_medium",
    "utm_source": "utm_source",
    "utm_campaign": "utm_campaign",
    "campaign_id": "campaign_id",
    "channel_is": "channel",
    "page": "path",
}

_SCHEME = r"(?:[a-z][a-z0-9+.-]*+:)?+//"
_IN_HOST = r"\s/?#\\@:\[\]"  # the characters that no host has; a backslash ends it, as browsers see it
_HOST = (
    rf"^\s*+(?:{_SCHEME}(?>[^/?#\\]*@|)"  # user and password, up to the last @
    rf"|(?=[^{_IN_HOST}]+\.[a-z]))"  # or a host without //, which must have a dot
    rf"(\[[^\s\]/?#\\@]+\]|[^{_IN_HOST}]*[^{_IN_HOST}.])"
    r"\.*(?=[:/?#\\]|\s*+\z)"
)
_PATH = rf"^\s*+(?:{_SCHEME}[^/?#\\]*+)?+([^?#]*)"
_TOP_LEVEL = r"\.(?:[^.]+|(?:com?|net?|org?)\.[a-z]{2})"  # .de, .com, .co.uk, .com.au, .ne.jp


def channel_of(
    rules: ChannelRules,
    *,
    page: str | Column = "page",
    referrer: str | Column = "referrer",
    campaign_id: str | Column = "campaign_id",
    channel: str | Column = "channel",
) -> Column:
    """The channel of the first rule that holds (string), `unmatched` where none does, never null.

    `page` is the landing page: a whole URL, or a path with its query. Its parameters are percent-decoded, `+`
    is a space, a percent sign that is no escape stands for itself; names go case aside, the first that is not
    empty counts, `;` separates like `&`, and nothing after a `#` is looked at. `channel` is the source's own
    word. A referrer is internal that has one of `own_hosts`, the page's own host, or a path alone; one
    without any host, such as about:blank, is none.
    """
    given = (page, referrer, campaign_id, channel)
    columns = [F.col(each) if isinstance(each, str) else each for each in given]
    return _once(_landing(*columns), lambda landing: _caught(rules, landing)["channel"])


def touches(sessionized: DataFrame, *, rules: ChannelRules, person: str = "person_id") -> DataFrame:
    """A row a visit, with the channel of the first rule that holds for its first event.

    In: what sessionize gives, with `person`, occurred_at, page, referrer, campaign_id and channel (strings;
    see `channel_of`). Out:

    - `person`, and visitor_id where there is one; session_id; occurred_at, of the first event
    - channel (string, never null), touch_type (string): `click`
    - campaign_id: the event's own, else utm_campaign; ad_id: utm_content
    - source: utm_source, else the referrer's host; lower case
    - rule (int): the number, from 1, of the rule that caught it; null where none did

    Every visit stays, those of machines and those that only went on (`internal` and `session_refresh` in the
    standard table) too: `journeys.build` has `excluded` for them. Lazy, no shuffle. Raises SchemaMismatch.
    """
    needed = ("session_id", "event_index", "occurred_at", "page", "referrer", "campaign_id", "channel")
    require(sessionized, [person, *needed], what="channels.touches")
    who = [name for name in dict.fromkeys([person, "visitor_id"]) if name in sessionized.columns]
    # As columns of their own, which Spark compiles, unlike the inside of `channel_of`: half the time.
    kept = [F.col(name) for name in map(quoted, [*who, "session_id", "occurred_at"])]
    parts = _landing(*map(F.col, ("page", "referrer", "campaign_id", "channel")))
    landed = sessionized.where("event_index = 1").select(
        *kept, *(part.alias(f"_{name}") for name, part in parts.items())
    )
    landing = {name: F.col(f"_{name}") for name in parts}
    return landed.withColumn("_caught", _caught(rules, landing)).select(
        *kept,
        "_caught.channel",
        F.lit("click").alias("touch_type"),
        landing["campaign_id"].alias("campaign_id"),
        landing["utm_content"].alias("ad_id"),
        F.coalesce(F.lower(landing["utm_source"]), landing["referrer_host"]).alias("source"),
        "_caught.rule",
    )


def coverage(touches: DataFrame) -> DataFrame:
    """How many visits each rule caught, by channel; what none caught is a row even where that is nothing.

    In: what `touches` gives. Out: channel, rule (null for the unmatched), visit_count (bigint), share
    (double, of all visits; null where there are none at all). Lazy. Raises SchemaMismatch.
    """
    require(touches, ["channel", "rule"], what="channels.coverage")
    none = touches.sparkSession.range(1).select(
        F.lit(UNMATCHED).alias("channel"), F.lit(None).cast("int").alias("rule"), F.lit(0).alias("_visits")
    )
    caught = touches.select("channel", "rule", F.lit(1).alias("_visits")).union(none)
    counted = caught.groupBy("channel", "rule").agg(F.sum("_visits").alias("visit_count"))
    share = F.try_divide("visit_count", F.sum("visit_count").over(Window.partitionBy()))
    return counted.withColumn("share", share.cast("double"))


def _once(values: Mapping[str, Column], told: Callable[[Column], Column]) -> Column:
    """`told` of the struct of these values, each worked out once however often it is asked for."""
    row = F.struct(*(value.alias(name) for name, value in values.items()))
    return F.get(F.transform(F.array(row), told), F.lit(0))


def _landing(page: Column, referrer: Column, campaign_id: Column, channel: Column) -> dict[str, Column]:
    """What the rules look at."""
    utm_campaign = _parameter(page, "utm_campaign")
    return {
        "page": page,
        "path": _first(F.lower(page), _PATH),
        "page_host": _first(F.lower(page), _HOST),
        "utm_medium": _parameter(page, "utm_medium"),
        "utm_source": _parameter(page, "utm_source"),
        "utm_campaign": utm_campaign,
        "utm_content": _parameter(page, "utm_content"),
        "campaign_id": F.coalesce(_word(campaign_id), utm_campaign),
        "channel": _word(channel),
        "referrer_host": _first(F.lower(referrer), _HOST),
        "is_path": referrer.rlike(r"^\s*+/(?!/)"),  # of one's own site, then
    }


def _parameter(page: Column, name: str) -> Column:
    raw = _first(page, rf"(?i)^[^?#]*\?(?:[^#]*?[&;])??{name}=([^&;#]+)")
    # A percent sign that is no escape stands for itself.
    return _word(F.try_url_decode(F.regexp_replace(raw, "%(?![0-9A-Fa-f]{2})", "%25")))


def _word(text: Column) -> Column:
    """Without white space around it; null where that leaves nothing, or only what stands in parentheses."""
    return _first(text, r"(?s)^\s*+(?!\(.*\)\s*\z)(.*\S)")


def _first(text: Column, pattern: str) -> Column:
    """The group of the first match, null where there is none; unlike a CASE it evaluates the text once."""
    return F.get(F.regexp_extract_all(text, F.lit(pattern), F.lit(1)), F.lit(0))


def _caught(rules: ChannelRules, landing: Landing) -> Column:
    """The struct of the number of the first rule that holds, and of its channel."""
    tried = []
    for number, rule in enumerate(rules.rules, start=1):
        channel = _channel(rule, landing)
        told = F.struct(F.lit(number).alias("rule"), channel.alias("channel"))
        tried.append(F.when(_holds(rule, rules, landing) & channel.isNotNull(), told))
    none = F.struct(F.lit(None).cast("int").alias("rule"), F.lit(UNMATCHED).alias("channel"))
    return F.coalesce(*tried, none)


def _channel(rule: Rule, landing: Landing) -> Column:
    """Its name, null where a word that it takes from the visit is not there."""
    pieces = []
    for text, place, _, _ in Formatter().parse(rule.channel):
        pieces += [F.lit(text)] if text else []
        pieces += [F.lower(landing[place])] if place else []
    return F.concat(*pieces)


def _holds(rule: Rule, rules: ChannelRules, landing: Landing) -> Column:
    conditions = [
        landing[part].rlike(_any_glob(getattr(rule, name)))
        for name, part in _WORDS.items()
        if getattr(rule, name)
    ]
    if rule.click_id:
        ids = "|".join(map(re.escape, rule.click_id))
        conditions.append(landing["page"].rlike(rf"(?i)^[^?#]*\?(?:[^#]*[&;])?(?:{ids})=[^&;#]"))
    if rule.referrer:
        conditions.append(landing["referrer_host"].rlike(_any_host(rule.referrer)))
    if rule.referrer_is:
        words = [word.lower() for word in rule.referrer_is]
        conditions.append(_origin(rules.own_hosts, landing).isin(words))
    return reduce(and_, conditions, F.lit(True))


def _origin(own_hosts: Iterable[str], landing: Landing) -> Column:
    """One of ORIGINS."""
    host = landing["referrer_host"]
    is_own = landing["is_path"] | (host == landing["page_host"]) | host.rlike(_any_host(own_hosts))
    return F.when(is_own, "internal").when(host.isNotNull(), "external").otherwise("none")


def _any_glob(globs: Iterable[str]) -> str:
    return rf"(?isu)\A(?:{'|'.join(map(_glob, globs))})\z"


def _glob(glob: str) -> str:
    """As a regular expression that never tries a text twice, however many stars there are.

    What stands between two stars is taken where it is found first: if that leads to no match, none does.
    """
    first, *others = (re.escape(piece).replace(r"\?", ".") for piece in glob.split("*"))
    if not others:
        return first
    *between, last = others
    return first + "".join(f"(?>.*?{piece})" for piece in between) + f".*{last}"


def _any_host(hosts: Iterable[str]) -> str:
    """Any of them, or a host under it; nothing where there is none."""
    return rf"(?:^|\.)(?:{'|'.join(map(_host, hosts)) or '(?!)'})\z"


def _host(host: str) -> str:
    stem = host.lower().removesuffix(".*")
    labels = re.escape(stem).replace(r"\*", "[^.]*").replace(r"\?", "[^.]")
    return labels + (_TOP_LEVEL if stem != host.lower() else "")
