"""What the tests of the readers share: a small mapping, and rows by their position."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
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


def written(folder: Path, form: str, kind: str, said: Sequence[dict[str, Any]]) -> Path:
    """A file of the generic mapping of this form and kind, all of it text."""
    path, columns = folder / f"{kind}.{form}", list(mappings.COLUMNS[kind])
    whole = [{name: each.get(name) for name in columns} for each in said]
    if form == "csv":
        text = io.StringIO()
        table = csv.DictWriter(text, columns)
        table.writeheader()
        table.writerows(whole)
        path.write_text(text.getvalue(), encoding="utf-8")
    elif form == "jsonl":
        path.write_text("".join(json.dumps(each) + "\n" for each in said), encoding="utf-8")
    else:
        pq.write_table(
            pa.Table.from_pylist(whole, pa.schema([(name, pa.string()) for name in columns])), path
        )
    return path
