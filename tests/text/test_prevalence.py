from __future__ import annotations

import numpy as np
import pytest
from pyspark.sql import SparkSession

from retinue.errors import RetinueError, SchemaMismatch
from retinue.text import prevalence

CLASSES = ["negative", "neutral", "positive"]
RATES = np.array([[0.8, 0.1, 0.1], [0.15, 0.6, 0.25], [0.1, 0.2, 0.7]])
SHARES = {"calm": [0.1, 0.3, 0.6], "angry": [0.7, 0.2, 0.1], "none of it": [0.0, 0.5, 0.5]}


def confusion(rows: int) -> dict[str, dict[str, int]]:
    return {
        true: {found: round(rows * rate) for found, rate in zip(CLASSES, rates, strict=True)}
        for true, rates in zip(CLASSES, RATES, strict=True)
    }


def test_shares_known_come_back(spark: SparkSession):
    rows = [
        (name, found, round(100_000 * share))
        for name, shares in SHARES.items()
        for found, share in zip(CLASSES, np.array(shares) @ RATES, strict=True)
    ]
    counted = spark.createDataFrame([*rows, ("empty", None, 5)], "day string, sentiment string, count bigint")
    told = prevalence.corrected(counted, confusion=confusion(20_000), by=["day"], resamples=200)
    assert told.columns == ["day", "sentiment", "raw_share", "corrected_share", "low", "high"]
    got = {(row.day, row.sentiment): row for row in told.collect()}
    assert len(got) == 9
    for name, shares in SHARES.items():
        raw = np.array(shares) @ RATES
        for place, found in enumerate(CLASSES):
            row = got[name, found]
            assert row.raw_share == pytest.approx(raw[place], abs=1e-4)
            assert row.corrected_share == pytest.approx(shares[place], abs=2e-3)
            assert 0 <= row.low <= row.corrected_share + 2e-3
            assert row.low - 2e-3 <= shares[place] <= row.high + 2e-3 <= 1.002
        assert sum(got[name, found].corrected_share for found in CLASSES) == pytest.approx(1)
    assert abs(got["angry", "negative"].raw_share - 0.7) > 0.05  # there was something to correct


def test_intervals_cover_the_truth_as_often_as_they_say(spark: SparkSession):
    """Each world: a confusion seen on 300 texts a class, and 400 posts judged."""
    rng, true, covered = np.random.default_rng(4), np.array([0.3, 0.25, 0.45]), []
    for _ in range(150):
        seen = np.array([rng.multinomial(300, rates) for rates in RATES], dtype=float)
        counts = rng.multinomial(400, true @ RATES).astype(float)
        told = prevalence._of_group(seen, counts, 200, 0)
        covered.extend(each["low"] <= share <= each["high"] for each, share in zip(told, true, strict=True))
    assert 0.90 <= np.mean(covered) <= 0.99


def test_fewer_labels_and_fewer_posts_widen_the_interval(spark: SparkSession):
    def width(labels: int, posts: int) -> float:
        counts = posts * (np.array([0.3, 0.3, 0.4]) @ RATES)
        told = prevalence._of_group(RATES * labels, counts, 300, 0)[0]
        return told["high"] - told["low"]

    assert width(100, 100_000) > 2 * width(10_000, 100_000)
    assert width(10_000, 100) > 2 * width(10_000, 100_000)


def test_rows_of_a_group_add_up_and_other_columns_go(spark: SparkSession):
    counted = spark.createDataFrame(
        [("no", 30), ("no", 30), ("yes", 40), ("maybe", 9), (None, 9)], "verdict string, n bigint"
    )
    sure = {"no": {"no": 10_000}, "yes": {"yes": 10_000}}
    told = prevalence.corrected(counted, confusion=sure, predicted="verdict", count="n").collect()
    assert [(row.verdict, row.raw_share) for row in told] == [("no", 0.6), ("yes", 0.4)]
    assert [row.corrected_share for row in told] == pytest.approx([0.6, 0.4], abs=1e-3)


def test_what_cannot_be_is_said(spark: SparkSession):
    counted = spark.createDataFrame([("no", 3)], "sentiment string, count bigint")
    with pytest.raises(SchemaMismatch):
        prevalence.corrected(counted, confusion=confusion(9), by=["day"])
    with pytest.raises(RetinueError, match="no rows that are yes"):
        prevalence.corrected(counted, confusion={"no": {"no": 3}, "yes": {"no": 0}})
    with pytest.raises(RetinueError, match="finds none but these"):
        prevalence.corrected(counted, confusion={"no": {"no": 3, "maybe": 1}, "yes": {"no": 1}})
