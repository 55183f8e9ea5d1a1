from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest
from pyspark.sql import DataFrame, Row, SparkSession

from retinue.errors import RetinueError, SchemaMismatch
from retinue.text.event_studies import event_study

START = datetime(2026, 1, 5)
DAYS = 84
EVENTS = [(20, "report"), (24, "fair"), (48, "campaign"), (62, "campaign"), (83, "late"), (40, None)]


def events(spark: SparkSession) -> DataFrame:
    rows = [(START + timedelta(days=day, hours=13), name) for day, name in EVENTS]
    return spark.createDataFrame(rows, "at timestamp, name string")


def series(spark: SparkSession, lift: float) -> DataFrame:
    """A week and a line with some noise; after campaigns `lift` more a day, before the report half of it."""
    rng = np.random.default_rng(2)
    values = np.array([50.0, 40, 30, 20, 30, 90, 99])[np.arange(DAYS) % 7] + 0.5 * np.arange(DAYS)
    values += rng.normal(scale=3, size=DAYS)
    values[48:51] += lift
    values[62:65] += lift
    values[17:20] += lift / 2
    rows = [(START.date() + timedelta(days=day), float(value)) for day, value in enumerate(values)]
    return spark.createDataFrame(rows, "at date, value double")


def studied(spark: SparkSession, lift: float) -> dict[tuple[str, str], Row]:
    rows = event_study(series(spark, lift), events(spark)).collect()
    return {(row.name, row.window): row for row in rows}


def test_what_happened_is_told_from_what_was_to_be_expected(spark: SparkSession):
    rows = studied(spark, lift=20)
    assert sorted(rows) == [(n, w) for n in ("campaign", "fair", "report") for w in ("after", "before")]
    campaign = rows["campaign", "after"]
    assert campaign.event_count == 2
    assert campaign.low < 20 < campaign.high
    assert campaign.low > 10
    assert campaign.p_value < 0.05
    assert campaign.difference == pytest.approx(campaign.mean - campaign.expected)
    assert rows["report", "before"].low < 10 < rows["report", "before"].high
    assert rows["report", "before"].p_value <= 0.05
    for quiet in (("campaign", "before"), ("report", "after"), ("fair", "after"), ("fair", "before")):
        assert rows[quiet].low < 0 < rows[quiet].high
        assert rows[quiet].p_value > 0.05
    # Windows are the three days before and the three from the day on; no placebo's touches one of them.
    touched = {day for event, name in EVENTS if name for day in range(event - 3, event + 3)}
    free = [day for day in range(3, DAYS - 2) if not touched & set(range(day - 3, day + 3))]
    assert {row.placebo_count for row in rows.values()} == {len(free)}


def test_where_nothing_happened_little_is_found(spark: SparkSession):
    rng = np.random.default_rng(7)
    days, names = rng.normal(size=500), [(12 * n + 6, f"event {n}") for n in range(40)]
    values = spark.createDataFrame(
        [(START + timedelta(days=n), float(value)) for n, value in enumerate(days)],
        "at timestamp, value double",
    )
    nothing = spark.createDataFrame(
        [(START + timedelta(days=n), name) for n, name in names], "at timestamp, name string"
    )
    rows = event_study(values, nothing).collect()
    assert len(rows) == 80
    assert sum(row.p_value <= 0.05 for row in rows) <= 9  # of 80 at .05: more has a chance of .01
    assert sum(row.low < 0 < row.high for row in rows) >= 70


def test_what_cannot_be_is_refused(spark: SparkSession):
    days, happened = series(spark, lift=0), events(spark)
    with pytest.raises(RetinueError, match="outside the events' windows"):
        event_study(days.where("at < '2026-01-15'"), happened)
    with pytest.raises(RetinueError, match="touch no event"):
        event_study(days, happened.where("name = 'fair'"), before=30, after=30)
    with pytest.raises(RetinueError, match="before is 0"):
        event_study(days, happened, before=0)
    with pytest.raises(SchemaMismatch, match="name"):
        event_study(days, happened.drop("name"))
