"""Thousands of broken records: none stops the reader, each is good or has a reason."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from sources.reading import RANGE, mapping

from retinue.sources import events, mappings

RECORDS = 4_000
_LOG = (
    '10.0.0.1 - - [17/May/2015:10:05:03 +0000] "GET /search?q=red+shoes&hits=3 HTTP/1.1" 200 12 '
    '"-" "Moz \\"x\\""'
)
_CSV = 'a,2024-07-01 12:00:00,"view, ""x""",1.50,12'
_JSON = json.dumps(
    {"who": "a", "at": "2024-07-01", "what": "find", "price": 1.5, "hits": "3", "x": {"y": [1]}}
)
_GA4 = json.dumps(
    {
        "event_timestamp": "1700000000123456",
        "user_pseudo_id": "u.1",
        "event_name": "purchase",
        "event_params": [{"key": "page_location", "value": {"string_value": "https://x.y/?q=1"}}],
        "items": [{"item_id": "i1", "price": 2}],
    }
)
_ADOBE = "\t".join(
    ["1700000000", "1", "2", "7", "8", "", "0", "0", "home", "http://x/?q=1", *["a;b;1;2.5"] * 9]
)
_SNOWPLOW = "\t".join(
    "2024-01-02 03:04:05" if name.endswith("_tstamp") else "1"
    for name in mappings.load("snowplow_enriched").fields
)
SEEDS = {
    "csv": (mapping(), _CSV),
    "spanning": (mapping(csv="multiline = true"), _CSV),
    "latin": (mapping(encoding="cp1252"), _CSV),
    "typed": (mapping(hits="int"), _CSV),
    "jsonl": (mapping("jsonl"), _JSON),
    "combined_log": (mappings.load("combined_log"), _LOG),
    "ga4_export": (mappings.load("ga4_export"), _GA4),
    "adobe_data_feed": (mappings.load("adobe_data_feed"), _ADOBE),
    "snowplow_enriched": (mappings.load("snowplow_enriched"), _SNOWPLOW),
}
_PIECES = [*(bytes([mark]) for mark in b"\"\\,\t{}[]:'\0\xff\xc3\r% "), b"%zz", b"9" * 40, b"-1", b"1e999"]
_PIECES += [b"NaN", b"null", b"\xef\xbb\xbf", "é😀\ufffd".encode(), b"\\N", b"\x1b["]


def _broken(seed: bytes, chance: random.Random) -> bytes:
    """The record with a few of its bytes cut, doubled, replaced or put elsewhere."""
    record = bytearray(seed)
    for _ in range(chance.choice([0, 1, 1, 2, 3, 8, 30])):
        at = chance.randrange(len(record) + 1)
        to = min(len(record), at + chance.choice([0, 1, 1, 2, 10, 200]))
        record[at:to] = chance.choice(
            [
                b"",
                chance.choice(_PIECES),
                bytes([chance.randrange(256)]),
                bytes(record[at:to]) * 2,
                chance.randbytes(5),
            ]
        )
    return bytes(record).replace(b"\n", b" ")


@pytest.mark.parametrize("name", SEEDS)
def test_broken_records(spark: SparkSession, tmp_path: Path, name: str) -> None:
    chosen, seed = SEEDS[name]
    chance = random.Random(name)
    lines = [_broken(seed.encode(), chance) for _ in range(RECORDS // len(SEEDS) * 2)]
    lines += [chance.randbytes(chance.randrange(300)).replace(b"\n", b"") for _ in range(50)]
    lines += [seed.encode() * 5_000, *(mark * 300_001 for mark in (b"\\", b'"', b"{", b"["))]
    records = [line for line in lines if line.strip(b" \t\r\v\f")]
    (tmp_path / "broken").write_bytes(b"\n".join(lines) + b"\n" + seed.encode() + b"\n")
    read = events.read(spark, str(tmp_path / "broken"), chosen, **RANGE)
    code = F.substring_index("reason", ":", 1)
    found = read.groupBy(code.alias("reason")).agg(
        F.count("*").alias("count"),
        F.max("position").alias("last"),
        F.count_if(F.col("visitor_id").isNull() | F.col("occurred_at").isNull()).alias("incomplete"),
        F.count_distinct("position").alias("positions"),
    )
    by_reason = {row["reason"]: row for row in found.collect()}
    assert set(by_reason) <= {None, *events.REASONS}
    assert None in by_reason
    assert len(by_reason) > 3
    total = sum(row["count"] for row in by_reason.values())
    assert total == sum(row["positions"] for row in by_reason.values())
    assert total == max(row["last"] for row in by_reason.values())
    if not chosen.csv.multiline:  # there a record may take the line end after it
        assert total == len(records) + 1
    assert by_reason[None]["incomplete"] == 0
