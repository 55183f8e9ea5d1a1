from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession

from retinue.errors import RetinueError, SchemaMismatch
from retinue.text.lead_lag import lead_lag
from retinue.text.series import Array

START = datetime(2026, 1, 5)
DAYS = 90


def persistent(rng: np.random.Generator, count: int, carried: float) -> Array:
    series = np.zeros(count)
    for n in range(1, count):
        series[n] = carried * series[n - 1] + rng.normal()
    return series


def weekly(count: int) -> Array:
    return np.array([5.0, 4, 3, 2, 3, 9, 12])[np.arange(count) % 7] + 0.1 * np.arange(count)


def frame(spark: SparkSession, values: Array, step: timedelta = timedelta(days=1)) -> DataFrame:
    rows = [(START + n * step, float(value)) for n, value in enumerate(values)]
    return spark.createDataFrame(rows, "at timestamp, value double")


def found(rows: DataFrame) -> list[int]:
    return [row.lag for row in rows.collect() if row.p_value <= 0.05]


@pytest.mark.parametrize("lag", [3, -2])
def test_what_comes_after_is_found_at_its_lag(lag: int, spark: SparkSession):
    rng = np.random.default_rng(1)
    media = rng.poisson(2, DAYS + 10).astype(float)
    talk = np.roll(media, lag) + persistent(rng, DAYS + 10, 0.6)
    ads, said = (
        frame(spark, values[5:-5] + weekly(DAYS)).withColumnsRenamed({"at": "day", "value": "posts"})
        for values in (media, talk)
    )
    rows = lead_lag(ads, said, at="day", value="posts", permutations=499).collect()
    assert [row.lag for row in rows] == list(range(-7, 8))
    best = max(rows, key=lambda row: row.correlation)
    assert best.lag == lag
    assert best.p_value <= 0.01
    assert best.correlation > best.bound
    assert {(row.p_value <= 0.05) == (abs(row.correlation) >= row.bound) for row in rows} == {True}


def test_series_that_only_persist_or_share_a_week_do_not_go_together(spark: SparkSession):
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(6):
        both = (frame(spark, persistent(rng, DAYS, 0.9) + 10 * weekly(DAYS)) for _ in range(2))
        hits += bool(found(lead_lag(*both, permutations=199)))
    assert hits <= 2  # of 6 at .05: more has a chance of .002


def test_hours_and_gaps(spark: SparkSession):
    rng = np.random.default_rng(3)
    ads = (rng.random(500) < 0.1).astype(float)
    said = 10 + 3 * np.roll(ads, 4) + rng.normal(size=500)
    hour = timedelta(hours=1)
    silent = frame(spark, ads, hour).where(
        "value > 0 or at in (timestamp'2026-01-05', timestamp'2026-01-25 19:00')"
    )
    mood = frame(spark, said, hour).where("hour(at) != 3")
    assert found(lead_lag(silent, mood, step="hour", absent=None, permutations=499)) == []
    assert found(lead_lag(silent, mood.fillna(10), step="hour", permutations=499)) != []


def test_a_series_that_does_not_vary_says_nothing(spark: SparkSession):
    even, odd = frame(spark, weekly(40)), frame(spark, np.random.default_rng(4).normal(size=40))
    rows = lead_lag(even, odd, max_lag=1).collect()
    assert [(row.lag, row.correlation, row.bound, row.p_value) for row in rows] == [
        (lag, None, None, None) for lag in (-1, 0, 1)
    ]


def test_what_cannot_be_is_refused(spark: SparkSession):
    days = frame(spark, weekly(20))
    with pytest.raises(RetinueError, match="share 20 steps"):
        lead_lag(days, days)
    with pytest.raises(RetinueError, match="did you mean 'day'"):
        lead_lag(days, days, step="days")
    with pytest.raises(RetinueError, match="max_lag is -1"):
        lead_lag(days, days, max_lag=-1)
    with pytest.raises(SchemaMismatch, match="value"):
        lead_lag(days, days.drop("value"))
