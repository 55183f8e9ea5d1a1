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
    address = F.regexp_extract(F.left(address, F.lit(_LONGEST)), r"^[^#]*", 0)
    counted = F.coalesce(
        _parameter(address, rules.result_count),
        _group(F.left(title, F.lit(_LONGEST)), rules.title_result_count),
    )
    return {
        "query": F.when(_is_search(address, rules), _words(_parameter(address, rules.query))),
        "result_count": _present(F.regexp_replace(counted, "[^0-9]", "")),
        "product_id": _group(address, rules.product_id),
        "category": _group(address, rules.category),
        "campaign_id": _parameter(address, rules.campaign_id),
        "channel": _parameter(address, rules.channel),
    }


def _is_search(address: Column, rules: UrlRules) -> Column:
    if not rules.search_path:
        return F.lit(True)
    return F.regexp_extract(address, _PATH, 1).rlike(rules.search_path)


def _parameter(address: Column, names: Iterable[str]) -> Column:
    names = [re.escape(name) for name in names]
    if not names:
        return F.lit(None).cast("string")
    raw = _present(F.regexp_extract(address, rf"[?&;](?:{'|'.join(names)})=([^&;]+)", 1))
    return F.coalesce(F.try_url_decode(raw), raw)


def _group(text: Column, pattern: str) -> Column:
    if not pattern:
        return F.lit(None).cast("string")
    return _present(F.regexp_extract(text, pattern, 1))


def _words(text: Column) -> Column:
    return _present(F.trim(F.regexp_replace(text, r"\s+", " ")))


def _present(text: Column) -> Column:
    return F.when(text != "", text)
