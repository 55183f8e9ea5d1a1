"""What an address (URL) tells of an event: words searched for, result count, product, campaign."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from itertools import groupby
from operator import itemgetter

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retinue.sources.mappings import UrlRules

__all__ = ["FOUND", "with_found"]

FOUND = ("query", "result_count", "product_id", "category", "campaign_id", "channel")
_LONGEST = 2_000  # characters looked at: what a pattern can cost is bounded by it
_PAID = r"(?i)^(?:cpc|ppc|cpa|paid|retargeting|remarketing|ads)"
_NETWORKS = (
    r"(?i)^(?:facebook|instagram|linkedin|twitter|tiktok|pinterest|reddit|snapchat|youtube|quora|"
    r"(?:fb|ig|meta|x)\b)"
)
_PATH = r"^(?:[A-Za-z][A-Za-z0-9+.-]*:)?(?://[^/?#]*)?([^?#]*)"


def with_found(rows: DataFrame, rules: UrlRules | None, *, only_tags: Column | None = None) -> DataFrame:
    """Adds the struct `_found`: what `rules` find in `_address` and `_title`, a string for each of
    FOUND, null for what is not there or not looked for.

    Parameters are percent-decoded, `+` is a space; the first that is not empty counts, for the channel
    in the order of its rule. Only the first 2,000 characters of either are looked at, and nothing after
    a `#`. Where the rule of the channel has utm_medium and utm_source, a medium such as cpc is
    `paid_social` if the source is a network. Where `only_tags` holds, nothing but the campaign and the
    channel is looked for.
    """
    if rules is None:
        nothing = F.lit(None).cast("string")
        return rows.withColumn("_found", F.struct(*(nothing.alias(name) for name in FOUND)))
    shortened = rows.withColumns(
        {
            "_address": _first(F.left("_address", F.lit(_LONGEST)), "^[^#]+", 0),
            "_title": F.left("_title", F.lit(_LONGEST)),
        }
    ).withColumn("_parameters", _first(F.col("_address"), "[?](.+)", 1))
    is_read = F.lit(True) if only_tags is None else ~only_tags
    address, parameters, title = (
        F.when(is_read, F.col(name)) for name in ("_address", "_parameters", "_title")
    )
    found = _found(address, parameters, title, rules) | _tags(F.col("_parameters"), rules)
    return shortened.withColumn("_found", F.struct(*(found[name].alias(name) for name in FOUND)))


def _tags(parameters: Column, rules: UrlRules) -> dict[str, Column]:
    """What whoever made the link wrote on it, or an advertiser added at the click."""
    said = [_paid_social(parameters)] if {"utm_medium", "utm_source"} <= set(rules.channel) else []
    split = [rule.partition("=")[::2] for rule in rules.channel]
    for word, group in groupby(split, key=itemgetter(1)):
        names = [name for name, _ in group]
        if word:
            said.append(F.when(parameters.rlike(f"(?i){_pattern(names)}"), word))
        else:
            said += [_parameter(parameters, [name], flags="(?i)") for name in names]
    # Most addresses have none: one look instead of many.
    has_any = parameters.rlike(f"(?i){_pattern(name for name, _ in split)}")
    return {
        "campaign_id": _parameter(parameters, rules.campaign_id, flags="(?i)"),
        "channel": F.when(has_any, F.coalesce(*said, F.lit(None).cast("string"))),
    }


def _paid_social(parameters: Column) -> Column:
    """The word for a click paid for on a network, where `cpc` alone would tell of one on a search."""
    medium, source = (_parameter(parameters, [name], flags="(?i)") for name in ("utm_medium", "utm_source"))
    return F.when(medium.rlike(_PAID) & source.rlike(_NETWORKS), "paid_social")


def _found(address: Column, parameters: Column, title: Column, rules: UrlRules) -> dict[str, Column]:
    counted = F.coalesce(
        _parameter(parameters, rules.result_count), _first(title, rules.title_result_count, 1)
    )
    return {
        "query": F.when(_is_search(address, rules), _words(_parameter(parameters, rules.query))),
        "result_count": _first(F.regexp_replace(counted, "[^0-9]", ""), "[0-9]+", 0),
        "product_id": _first(address, rules.product_id, 1),
        "category": _first(address, rules.category, 1),
    }


def _is_search(address: Column, rules: UrlRules) -> Column:
    if not rules.search_path:
        return F.lit(True)
    return F.regexp_extract(address, _PATH, 1).rlike(rules.search_path)


def _parameter(parameters: Column, names: Collection[str], *, flags: str = "") -> Column:
    raw = _first(parameters, flags + _pattern(names) if names else "", 1)
    # A percent sign that is no escape stands for itself.
    return F.url_decode(F.regexp_replace(raw, "%(?![0-9A-Fa-f]{2})", "%25"))


def _pattern(names: Iterable[str]) -> str:
    return rf"(?:^|[?&;])(?:{'|'.join(map(re.escape, names))})=([^&;]+)"


def _first(text: Column, pattern: str, group: int) -> Column:
    """The first match, null where there is none; the text is evaluated once, unlike in a CASE."""
    if not pattern:
        return F.lit(None).cast("string")
    return F.get(F.regexp_extract_all(text, F.lit(pattern), F.lit(group)), F.lit(0))


def _words(text: Column) -> Column:
    return _first(F.regexp_replace(text, r"\s+", " "), r"\S(?:.*\S)?", 0)
