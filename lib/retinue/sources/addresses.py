"""What an address (URL) tells of an event: words searched for, result count, product, campaign."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retinue.sources.mappings import UrlRules

__all__ = ["FOUND", "with_found"]

FOUND = ("query", "result_count", "product_id", "category", "campaign_id", "channel")
_LONGEST = 2_000  # characters looked at: what a pattern can cost is bounded by it
_PATH = r"^(?:[A-Za-z][A-Za-z0-9+.-]*:)?(?://[^/?#]*)?([^?#]*)"


def with_found(rows: DataFrame, rules: UrlRules | None) -> DataFrame:
    """Adds the struct `_found`: what `rules` find in `_address` and `_title`, a string for each of
    FOUND, null for what is not there or not looked for.

    Parameters are percent-decoded, `+` is a space; the first that is not empty counts. Only the
    first 2,000 characters of either are looked at, and nothing after a `#`.
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
    found = _found(F.col("_address"), F.col("_parameters"), F.col("_title"), rules)
    return shortened.withColumn("_found", F.struct(*(value.alias(name) for name, value in found.items())))


def _found(address: Column, parameters: Column, title: Column, rules: UrlRules) -> dict[str, Column]:
    counted = F.coalesce(
        _parameter(parameters, rules.result_count), _first(title, rules.title_result_count, 1)
    )
    return {
        "query": F.when(_is_search(address, rules), _words(_parameter(parameters, rules.query))),
        "result_count": _first(F.regexp_replace(counted, "[^0-9]", ""), "[0-9]+", 0),
        "product_id": _first(address, rules.product_id, 1),
        "category": _first(address, rules.category, 1),
        "campaign_id": _parameter(parameters, rules.campaign_id),
        "channel": _parameter(parameters, rules.channel),
    }


def _is_search(address: Column, rules: UrlRules) -> Column:
    if not rules.search_path:
        return F.lit(True)
    return F.regexp_extract(address, _PATH, 1).rlike(rules.search_path)


def _parameter(parameters: Column, names: Iterable[str]) -> Column:
    names = [re.escape(name) for name in names]
    raw = _first(parameters, rf"(?:^|[?&;])(?:{'|'.join(names)})=([^&;]+)" if names else "", 1)
    # A percent sign that is no escape stands for itself.
    return F.url_decode(F.regexp_replace(raw, "%(?![0-9A-Fa-f]{2})", "%25"))


def _first(text: Column, pattern: str, group: int) -> Column:
    """The first match, null where there is none; the text is evaluated once, unlike in a CASE."""
    if not pattern:
        return F.lit(None).cast("string")
    return F.get(F.regexp_extract_all(text, F.lit(pattern), F.lit(group)), F.lit(0))


def _words(text: Column) -> Column:
    return _first(F.regexp_replace(text, r"\s+", " "), r"\S(?:.*\S)?", 0)
