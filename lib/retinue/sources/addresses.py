"""What an address (URL) tells of an event: words searched for, result count, product, campaign."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pyspark.sql import Column
from pyspark.sql import functions as F

from retinue.sources.mappings import UrlRules

__all__ = ["FOUND", "found"]

FOUND = ("query", "result_count", "product_id", "category", "campaign_id", "channel")
_LONGEST = 2_000  # characters looked at: what a pattern can cost is bounded by it
_PATH = r"^(?:[A-Za-z][A-Za-z0-9+.-]*:)?(?://[^/?#]*)?([^?#]*)"


def found(address: Column, title: Column, rules: UrlRules) -> dict[str, Column]:
    """The event columns of FOUND that `rules` find in an address and a page title, as strings.

    Parameters are percent-decoded, `+` is a space; the first that is not empty counts. Only the
    first 2,000 characters of either are looked at, and nothing after a `#`.
    """
    address, title = (_first(F.left(text, F.lit(_LONGEST)), "^[^#]+", 0) for text in (address, title))
    counted = F.coalesce(_parameter(address, rules.result_count), _first(title, rules.title_result_count, 1))
    return {
        "query": F.when(_is_search(address, rules), _words(_parameter(address, rules.query))),
        "result_count": _first(F.regexp_replace(counted, "[^0-9]", ""), "[0-9]+", 0),
        "product_id": _first(address, rules.product_id, 1),
        "category": _first(address, rules.category, 1),
        "campaign_id": _parameter(address, rules.campaign_id),
        "channel": _parameter(address, rules.channel),
    }


def _is_search(address: Column, rules: UrlRules) -> Column:
    if not rules.search_path:
        return F.lit(True)
    return F.regexp_extract(address, _PATH, 1).rlike(rules.search_path)


def _parameter(address: Column, names: Iterable[str]) -> Column:
    names = [re.escape(name) for name in names]
    raw = _first(address, rf"[?&;](?:{'|'.join(names)})=([^&;]+)" if names else "", 1)
    # A percent sign that is no escape stands for itself.
    return F.url_decode(F.regexp_replace(raw, "%(?![0-9A-Fa-f]{2})", "%25"))


def _first(text: Column, pattern: str, group: int) -> Column:
    """The first match, null where there is none; the text is evaluated once, unlike in a CASE."""
    if not pattern:
        return F.lit(None).cast("string")
    return F.get(F.regexp_extract_all(text, F.lit(pattern), F.lit(group)), F.lit(0))


def _words(text: Column) -> Column:
    return _first(F.regexp_replace(text, r"\s+", " "), r"\S(?:.*\S)?", 0)
