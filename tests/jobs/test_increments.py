"""Events that arrive late, twice and out of order leave what they leave when they arrive at once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from chispa import assert_df_equality
from lakes import fresh
from pyspark.sql import SparkSession

from retinue import job, settings
from retinue.settings import Settings

WORLDS, SLICES = 20, 5
START = datetime(2026, 3, 1, 22, tzinfo=UTC)
GAPS = (0, 0, 1, 9, 60, 1_799, 1_800, 1_800, 1_801, 4_000, 40_000)  # seconds; 1,800 does not split
SILVER = ("silver.events", "silver.sessionized_events", "silver.sessions")
Record = dict[str, Any]


def world(number: int, chance: random.Random) -> Iterator[Record]:
    """Three visitors with ties, gaps at the timeout, a burst now and then, and a runaway session."""
    for visitor in range(3):
        at = START + timedelta(seconds=chance.randrange(50_000))
        for event in range(chance.randint(1, 16)):
            at += timedelta(seconds=chance.choice(GAPS))
            yield {
                "event_id": f"{number}-{visitor}-{event}",
                "visitor_id": f"{number}-{visitor}",
                "occurred_at": at,
                "event_type": chance.choice(["page_view", "search", "purchase", "ping"]),
                "event_name": "seen",
                "page": chance.choice(["/", "/a", None]),
                "user_agent": chance.choice(["Mozilla/5.0", None, "Googlebot/2.1"]),
                "source": "web",
                "legal_basis": chance.choice(["anonymous", "contract"]),
            }


def slices(chance: random.Random) -> list[list[Record]]:
    """Every world dealt out over up to five deliveries, with some records delivered again."""
    delivered: list[list[Record]] = [[] for _ in range(SLICES)]
    for number in range(WORLDS):
        last = chance.randint(1, SLICES)
        for record in world(number, chance):
            delivered[chance.randrange(last)].append(record)
            if chance.random() < 0.1:
                delivered[chance.randrange(SLICES)].append(record)
    return delivered


def deliver(spark: SparkSession, home: Path, records: list[Record], number: int, chosen: Settings) -> None:
    """One file into bronze, and what it changes in silver."""
    chance = random.Random(number)
    rows = [
        {
            **record,
            "source_file": f"{number}.csv",
            "source_digest": f"{number}",
            "position": position,
            "ingested_at": START + timedelta(days=10, hours=number),
            "record": "",
        }
        for position, record in enumerate(chance.sample(records, len(records)), 1)
    ]
    lake = fresh(spark, home)
    lake.append("bronze.events", lake.frame("bronze.events", rows), transaction=f"file/{number}")
    for name in ("clean_events", "sessionize_events"):
        job.perform(name, fresh(spark, home), chosen)


def test_slices_out_of_order_equal_one_go(spark: SparkSession, tmp_path: Path) -> None:
    delivered = slices(random.Random(20_260_301))
    narrow = ["bots.max_per_minute=3", "sessions.max_events=4"]
    whole, sliced = (
        settings.load("test", home=tmp_path / name, overrides=narrow) for name in ("whole", "sliced")
    )
    for number, records in enumerate(delivered):
        deliver(spark, sliced.home_path, records, number, sliced)
    deliver(spark, whole.home_path, [record for part in delivered for record in part], 0, whole)

    for name in SILVER:
        once, bit_by_bit = fresh(spark, whole.home_path).read(name), fresh(spark, sliced.home_path).read(name)
        assert once.count() > 0
        assert_df_equality(bit_by_bit, once, ignore_row_order=True)
    aside = ["job", "reason", "source", "subject_id", "record"]
    once, bit_by_bit = (
        fresh(spark, each.home_path).read("ops.quarantine").select(aside) for each in (whole, sliced)
    )
    assert once.count() > 0, "some session must run away, or the test shows nothing"
    assert_df_equality(bit_by_bit, once, ignore_row_order=True)
    flagged = fresh(spark, whole.home_path).read("silver.events").where("bot_reason LIKE '%rate%'")
    assert flagged.count() > 0, "some visitor must be too quick, or the test shows nothing"
