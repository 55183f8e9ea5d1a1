"""All models in one pass: the same figures as each alone, and bounds that other people would give."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from lives import frames, lives
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from scipy.stats import chisquare, poisson

from retinue.attribution import intervals, journeys, markov, replicates, rules, shapley
from retinue.errors import RetinueError


@pytest.fixture(scope="module")
def built(spark: SparkSession) -> DataFrame:
    given = frames(spark, *lives(11, persons=300))
    return journeys.build(*given, lookback=timedelta(days=8), as_of=date(2026, 4, 1)).localCheckpoint()


@pytest.mark.parametrize("order", [1, 2])
def test_all_models_at_once_are_each_alone(built: DataFrame, order: int) -> None:
    paths = journeys.paths(built)
    alone = {
        **{model: rules.attribute(built, model=model) for model in rules.MODELS},
        "shapley": shapley.attribute(paths),
        "markov": markov.attribute(paths, order=order),
    }
    together = intervals.bootstrap(built, order=order, replicates=20).collect()
    assert {row.model for row in together} == set(alone) == set(replicates.MODELS)
    for model, attributed in alone.items():
        wanted = {row.channel: (row.conversions, row.value or 0.0) for row in attributed.collect()}
        got = {row.channel: (row.conversions, row.value) for row in together if row.model == model}
        assert got.keys() == wanted.keys()
        for channel, each in wanted.items():
            assert got[channel] == pytest.approx(each, rel=1e-9), (model, channel)
    assert all(row.conversions_low <= row.conversions_high for row in together)


def test_however_the_rows_lie_the_bounds_are_the_same(built: DataFrame) -> None:
    one, other = (
        {
            (row.model, row.channel): tuple(row)[2:]
            for row in intervals.bootstrap(each, replicates=30).collect()
        }
        for each in (built, built.repartition(7, F.rand(3)))
    )
    assert one.keys() == other.keys()
    for key, figures in one.items():
        assert figures == pytest.approx(other[key], rel=1e-9), key


def test_bounds_are_as_wide_as_the_people_differ(spark: SparkSession) -> None:
    """Of last touches alone the figure is a sum over people: its variance is that of Poisson weights."""
    seen = spark.range(2000).select(
        F.col("id").alias("person_id"),
        F.lit("2026-03-02").cast("timestamp").alias("occurred_at"),
        F.lit("a").alias("channel"),
    )
    done = seen.select("person_id", "occurred_at")
    one = intervals.bootstrap(journeys.build(seen, done), replicates=800)
    twice = intervals.bootstrap(journeys.build(seen, done.union(done)), replicates=800)
    for bounds, visits in ((one, 1), (twice, 2)):
        row = bounds.where("model = 'last'").collect()[0]
        assert row.conversions == 2000 * visits
        half = (row.conversions_high - row.conversions_low) / 2
        assert half == pytest.approx(visits * 1.96 * np.sqrt(2000), rel=0.12), "a person counts as one"


def test_weights_are_poisson_and_hang_on_the_person_alone() -> None:
    keys = np.arange(20_000, dtype=np.uint64)
    weights = replicates.drawn(keys, replicates=10, seed=1)
    assert (weights[:, 0] == 1).all()
    found = np.bincount(weights[:, 1:].astype(int).ravel(), minlength=6)
    expected = poisson.pmf(np.arange(5), 1.0) * weights[:, 1:].size
    assert (
        chisquare([*found[:5], found[5:].sum()], [*expected, weights[:, 1:].size - expected.sum()]).pvalue
        > 0.001
    )
    assert (replicates.drawn(keys[5:9], replicates=10, seed=1) == weights[5:9]).all()
    assert (replicates.drawn(keys, replicates=10, seed=2) != weights).any()
    assert np.abs(np.corrcoef(weights[:, 1:].T) - np.eye(10)).max() < 0.04


def test_what_cannot_be_is_refused(built: DataFrame) -> None:
    for knobs in ({"order": 0}, {"replicates": 1}, {"level": 1.0}):
        with pytest.raises(RetinueError, match="give at least 1"):
            intervals.bootstrap(built, **knobs)
    assert intervals.bootstrap(built.limit(0)).isEmpty()
