"""Probabilities of ties against a plain count of the log, and against those that made the log."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import numpy as np
import pytest
from pyspark.sql import DataFrame, Row, SparkSession

from retinue.errors import RetinueError, SchemaMismatch
from retinue.network.actions import probabilities
from retinue.network.spread import spread

START = datetime(2026, 3, 1)
Log = list[tuple[int | None, str | None, float | None]]
Ties = list[tuple[int, int]]


def frames(spark: SparkSession, ties: Ties, log: Log) -> tuple[DataFrame, DataFrame]:
    """The log's times are in seconds."""
    return (
        spark.createDataFrame(ties, "src bigint, dst bigint"),
        spark.createDataFrame(log, "user_id bigint, item_id string, at double"),
    )


def by_tie(rows: DataFrame) -> dict[tuple[int, int], Row]:
    return {(row.src, row.dst): row for row in rows.collect()}


def counted(
    ties: Ties, log: Log, *, window: float, is_shared: bool, until: float = float("inf")
) -> dict[tuple[int, int], tuple[int, float]]:
    """Trials and successes of each tie, by going through the log for each."""
    first: dict[tuple[int, str], float] = {}
    for who, what, when in log:
        if None not in (who, what, when) and when <= until:
            first[who, what] = min(when, first.get((who, what), when))
    trials = {key: when for key, when in first.items() if when + window <= until}
    passed = [
        (u, v, what)
        for u, v in {tie for tie in ties if tie[0] != tie[1]}
        for (who, what), when in trials.items()
        if who == u and 0 < first.get((v, what), -1) - when <= window
    ]
    senders = Counter((v, what) for _, v, what in passed)
    found = {(u, v): (sum(who == u for who, _ in trials), 0.0) for u, v in ties if u != v}
    for u, v, what in passed:
        total, successes = found[u, v]
        found[u, v] = (total, successes + (1 / senders[v, what] if is_shared else 1))
    return found


def test_trials_and_successes_are_those_of_a_plain_count(spark: SparkSession):
    chance = np.random.default_rng(5)
    ties = [(u, v) for u, v in chance.integers(12, size=(60, 2)).tolist()]
    ties += [(0, v) for v in range(1, 14)] + [(v, 1) for v in range(1, 12)] + ties[:5]  # 12 and 13 do nothing
    log: Log = [
        (int(chance.zipf(1.5)) % 12, f"item {chance.integers(9)}", float(chance.integers(40)))
        for _ in range(150)
    ]
    edges, actions = frames(spark, ties, [*log, (None, "item 1", 1.0), (1, None, 1.0), (1, "item 1", None)])
    for credit, until in (("full", 30.0), ("Shared", None)):
        rows = by_tie(
            probabilities(
                edges, actions, window=timedelta(seconds=9), credit=credit, until=until, prior_trials=0
            )
        )
        end = float("inf") if until is None else until
        expected = counted(ties, log, window=9, is_shared=credit == "Shared", until=end)
        assert {tie: (row.trials, pytest.approx(row.successes)) for tie, row in rows.items()} == expected
        for row in rows.values():
            assert row.probability == (pytest.approx(row.successes / row.trials) if row.trials else None)


def test_a_share_of_few_is_drawn_to_that_of_all(spark: SparkSession):
    log: Log = [(1, "a", 0.0), (2, "a", 60.0)]  # 1 of 1
    log += [(3, f"{n}", 0.0) for n in range(99)] + [(4, f"{n}", 86_400.0) for n in range(19)]  # 19 of 99
    rows = by_tie(probabilities(*frames(spark, [(1, 2), (3, 4), (5, 1), (4, 3)], log), prior_trials=5))
    rate = (1 + 19) / (1 + 99 + 19)
    assert rows[1, 2].probability == pytest.approx((1 + 5 * rate) / (1 + 5))
    assert rows[3, 4].probability == pytest.approx((19 + 5 * rate) / (99 + 5))
    assert rows[4, 3].probability == pytest.approx(5 * rate / (19 + 5))
    assert rows[5, 1].probability == pytest.approx(rate)
    assert (rows[5, 1].trials, rows[5, 1].successes) == (0, 0)


def test_probabilities_that_made_a_log_are_found_in_it(spark: SparkSession):
    """Senders with three receivers each; half of the receivers hear of it in time, some only later."""
    chance = np.random.default_rng(11)
    planted = {(u, 100 + 3 * u + j): float(chance.uniform(0.05, 0.7)) for u in range(8) for j in range(3)}
    log: list[tuple[int, int, datetime]] = []
    for u in range(8):
        for item in range(400):
            sent = START + timedelta(minutes=int(chance.integers(100_000)))
            log.append((u, 1000 * u + item, sent))
            for (sender, receiver), p in planted.items():
                if sender == u:
                    hears = timedelta(minutes=int(chance.integers(1, 24 * 60 + 1)))
                    forgets = timedelta(days=2)
                    log.append(
                        (receiver, 1000 * u + item, sent + (hears if chance.random() < p else forgets))
                    )
    edges = spark.createDataFrame(list(planted), "src bigint, dst bigint")
    actions = spark.createDataFrame(log, "user_id bigint, item_id bigint, at timestamp")
    learned = probabilities(edges, actions, window=timedelta(days=1), prior_trials=1)
    rows = by_tie(learned)
    for tie, p in planted.items():
        assert rows[tie].trials == 400
        assert rows[tie].probability == pytest.approx(p, abs=4 * (p * (1 - p) / 400) ** 0.5)
    (row,) = spread(learned, seeds=[0], probability="probability", samples=2000).collect()
    assert row.spread == pytest.approx(1 + sum(planted[0, 100 + j] for j in range(3)), abs=0.25)


def test_what_cannot_be_is_refused(spark: SparkSession):
    edges, actions = frames(spark, [(1, 2)], [(1, "a", 0.0)])
    for knobs, told in (
        ({"credit": "half"}, "credit is 'half'"),
        ({"window": timedelta(0)}, "window is 0:00:00"),
        ({"prior_trials": -1}, "prior_trials -1"),
    ):
        with pytest.raises(RetinueError, match=told):
            probabilities(edges, actions, **knobs)
    with pytest.raises(SchemaMismatch, match="item_id"):
        probabilities(edges, actions.drop("item_id"))
    with pytest.raises(SchemaMismatch, match="user_id is string"):
        probabilities(edges, actions.withColumn("user_id", actions.user_id.cast("string")))
