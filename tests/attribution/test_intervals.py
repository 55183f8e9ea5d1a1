"""All models in one pass: the same figures as each alone, and bounds that other people would give."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta

import numpy as np
import pytest
from lives import frames, lives
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from scipy.stats import chisquare, poisson

from retinue.attribution import counterfactual, intervals, journeys, markov, replicates, rules, shapley
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
        "counterfactual": counterfactual.attribute(paths),
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


Lived = tuple[int, tuple[str, ...], bool, float]  # person, path, whether it converts, value


def given(spark: SparkSession, lived: Iterable[Lived]) -> DataFrame:
    end = datetime(2026, 3, 2)
    rows = [
        (person, [(end, channel) for channel in path], end if converts else None, value, converts)
        for person, path, converts, value in lived
    ]
    form = (
        "person_id bigint, touches array<struct<occurred_at: timestamp, channel: string>>, "
        "converted_at timestamp, value double, is_converted boolean"
    )
    return spark.createDataFrame(rows, form)


def of_people(seed: int) -> list[Lived]:
    """Two journeys a person: paths that everybody takes, paths that few take, and without touches."""
    rng = random.Random(seed)
    lived = []
    for n in range(5000):
        path = tuple(rng.choices("abc", k=rng.choice([0, 1, 1, 2, 2, 3, 6])))
        converts = not path or rng.random() < 0.2 + 0.3 * ("a" in path)
        lived.append((n // 2, path, converts, float(rng.randrange(9)) if converts else 0.0))
    return lived


def by_dictionaries(lived: list[Lived], weights: list[float]) -> dict[str, float]:
    won: defaultdict[tuple[str, ...], float] = defaultdict(float)
    taken, worth = won.copy(), won.copy()
    for (_, path, converts, value), weight in zip(lived, weights, strict=True):
        taken[path] += weight
        won[path] += weight * converts
        worth[path] += weight * converts * value
    rate = {path: won[path] / taken[path] if taken[path] else 0.0 for path in taken}
    credit: defaultdict[str, float] = defaultdict(float)
    for path in filter(None, taken):
        gains = [max(0.0, rate[path] - rate.get(path[:n] + path[n + 1 :], 0.0)) for n in range(len(path))]
        whole = sum(gains)
        shares = [gain / whole for gain in gains] if whole else [*[0.0] * (len(path) - 1), 1.0]
        for channel, share in zip(path, shares, strict=True):
            credit[channel] += won[path] * share
            credit[f"value of {channel}"] += worth[path] * share
    return credit


def between(figures: list[float], level: float) -> list[float]:
    """Low and high, so that of n figures and one more each is as likely in any of n + 1 places."""
    found = []
    for part in ((1 - level) / 2, (1 + level) / 2):
        place = part * (len(figures) + 1) - 1
        low, rest = int(place), place - int(place)
        found.append(sorted(figures)[low] * (1 - rest) + sorted(figures)[low + 1] * rest)
    return found


@pytest.mark.parametrize("partitions", [1, 5])
def test_the_counterfactual_rule_is_anew_that_of_a_plain_loop_in_each_replicate(
    spark: SparkSession, partitions: int
) -> None:
    lived = of_people(1)
    frame = given(spark, lived).repartition(partitions, F.rand(1))
    told = intervals.bootstrap(frame, replicates=30, level=0.8, seed=3).where("model = 'counterfactual'")
    people = [n for n, *_ in lived]
    keys = {
        row.id: row.key
        for row in spark.range(max(people) + 1).select("id", F.xxhash64("id").alias("key")).collect()
    }
    hashed = np.array([keys[n] for n in people], dtype=np.int64).view(np.uint64)
    weights = replicates.drawn(hashed, replicates=30, seed=3)
    figures = [by_dictionaries(lived, column.tolist()) for column in weights.T]
    rows = {row.channel: row for row in told.collect()}
    assert rows.keys() == {"a", "b", "c", None}
    for channel in "abc":
        row = rows[channel]
        for name, key in (("conversions", channel), ("value", f"value of {channel}")):
            first, *others = (each[key] for each in figures)
            got = [row[name], row[f"{name}_low"], row[f"{name}_high"]]
            assert got == pytest.approx([first, *between(others, 0.8)], rel=1e-9), (channel, name)


def test_a_journey_of_many_thousand_touches_is_no_trouble(spark: SparkSession) -> None:
    """Written out, the paths without a touch would have 400 million."""
    rng = random.Random(2)
    whole = tuple(rng.choices("abc", k=20_000))
    less = whole[:777] + whole[778:]
    lived = [(1, whole, True, 3.0), (2, less, True, 5.0)]
    told = intervals.bootstrap(given(spark, lived), replicates=20).where("model = 'counterfactual'")
    start = max(n for n in range(778) if n == 0 or whole[n] != whole[n - 1])
    stop = next(n for n in range(777, len(whole)) if whole[n] != whole[777])
    # Without any touch of that run the shorter path is left, which converts as often.
    counts = Counter(whole[:start] + whole[stop:]), Counter(less)
    for row in told.collect():
        first, second = (count[row.channel] / count.total() for count in counts)
        assert row.conversions == pytest.approx(first + second, rel=1e-9)
        assert row.value == pytest.approx(3 * first + 5 * second, rel=1e-9)


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
