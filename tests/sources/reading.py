"""What the tests of the readers share: a small mapping, and rows by their position."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pyspark.sql import DataFrame, Row

from retinue.sources import mappings

RANGE: dict[str, Any] = {
    "source": "shop",
    "earliest": datetime(2000, 1, 1),
    "latest": datetime(2030, 1, 1),
}
_MAPPING = """
format = "{format}"
legal_basis = "contract"
encoding = "{encoding}"
{csv}
[fields]
who = "string"
at = "string"
what = "string"
price = "string"
hits = "{hits}"
[time]
zone = "Europe/Vienna"
[columns]
visitor_id = "who"
occurred_at = "at"
event_name = "what"
price_amount = "price"
result_count = "hits"
[event_types]
view = "page_view"
find = "search"
"""


def mapping(
    format: str = "csv", csv: str = "", encoding: str = "utf-8", hits: str = "string"
) -> mappings.Mapping:
    options = f"[csv]\n{csv}" if csv else ""
    return mappings.loads(
        _MAPPING.format(format=format, csv=options, encoding=encoding, hits=hits), name="small"
    )


def by_position(events: DataFrame) -> dict[int, Row]:
    rows = events.collect()
    found = {row["position"]: row for row in rows}
    assert len(found) == len(rows)
    return found


def reasons(events: DataFrame) -> dict[int, str | None]:
    return {position: row["reason"] for position, row in sorted(by_position(events).items())}
