from __future__ import annotations

import heapq
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_array

from retinue.errors import RetinueError, SchemaMismatch
from retinue.network import homophily
from retinue.network.matched_neighbours import first_exposure, leaning, risk_ratio
from retinue.network.time_shuffle import shuffle_test

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
START = datetime(2026, 1, 5)
PEOPLE, COMMUNITIES = 240, 6
MEMBERSHIP = np.arange(PEOPLE) % COMMUNITIES
NEVER = np.inf


def friendships(rng: np.random.Generator) -> Any:
    """Ties both ways, nine of ten within communities."""
    src = rng.integers(0, PEOPLE, 4 * PEOPLE)
    inside = MEMBERSHIP[src] + COMMUNITIES * rng.integers(0, PEOPLE // COMMUNITIES, len(src))
    dst = np.where(rng.random(len(src)) < 0.1, rng.integers(0, PEOPLE, len(src)), inside)
    one, other = np.concatenate([src, dst]), np.concatenate([dst, src])
    links = csr_array((np.ones(len(one)), (one, other)), shape=(PEOPLE, PEOPLE))
    links.setdiag(0)
    links.eliminate_zeros()
    links.data[:] = 1
    return links


def waves(rng: np.random.Generator, *, least: float = 0.2, most: float = 0.8, width: float = 0.1) -> Floats:
    """Communities like to act to different degrees, each around a time of its own; nobody moves another."""
    rate, middle = rng.uniform(least, most, COMMUNITIES), rng.random(COMMUNITIES)
    times = middle[MEMBERSHIP] + width * rng.normal(size=PEOPLE)
    return np.where(rng.random(PEOPLE) < rate[MEMBERSHIP], times, NEVER)


def spread(rng: np.random.Generator, links: Any, at: Floats, chance: float) -> Floats:
    """The same, where who acts moves each neighbour with a chance, a short while later."""
    acted = np.full(PEOPLE, NEVER)
    due = [(float(time), who) for who, time in enumerate(at) if np.isfinite(time)]
    heapq.heapify(due)
    while due:
        time, who = heapq.heappop(due)
        if acted[who] == NEVER:
            acted[who] = time
            for other in links.indices[links.indptr[who] : links.indptr[who + 1]]:
                if rng.random() < chance:
                    heapq.heappush(due, (time + rng.exponential(0.02), int(other)))
    return acted


def verdict(links: Any, at: Floats, alike: Ints, seed: int) -> dict[str, object]:
    return homophily.judged(
        links, at, [alike], np.zeros((PEOPLE, 0)), bins=5, permutations=99, confidence=0.95, seed=seed
    )


def test_likeness_alone_is_hardly_ever_called_influence():
    """Each community acts in a wave of its own: within communities there is nothing to find."""
    rng, alone = np.random.default_rng(1), np.zeros(PEOPLE, dtype=np.int64)
    worlds = [(friendships(rng), waves(rng)) for _ in range(120)]
    told = [verdict(links, at, MEMBERSHIP, n) for n, (links, at) in enumerate(worlds)]
    assert sum(row["verdict"] == "influence" for row in told) <= 3
    by_shuffle = sum(float(str(row["shuffle_p"])) <= 0.05 for row in told)
    by_match = sum(float(str(row["low"])) > 1 for row in told)
    assert by_shuffle <= 12  # of 120 at .05: more has a chance of .01
    assert by_match <= 8  # of 120 at .025: more has a chance of .003
    # Times swapped among all, and all compared with all, take it for influence.
    blind = [verdict(links, at, alone, n)["verdict"] for n, (links, at) in enumerate(worlds[:20])]
    assert blind.count("influence") >= 15


def test_influence_is_found_in_waves():
    rng = np.random.default_rng(2)
    told = []
    for n in range(30):
        links = friendships(rng)
        at = spread(rng, links, waves(rng, least=0.1, most=0.3), 0.15)
        told.append(verdict(links, at, MEMBERSHIP, n))
    assert sum(row["verdict"] == "influence" for row in told) >= 26
    ratios = [(float(str(row["naive_risk_ratio"])), float(str(row["low"]))) for row in told]
    assert np.median([naive for naive, _ in ratios]) > np.median([low for _, low in ratios])
    assert all(0 <= float(str(row["likeness_share"])) <= 1 for row in told)


def test_who_acts_without_a_rhythm_is_no_matter():
    """Friends like the same things, which is why they act, whenever: their times are in no order."""
    rng = np.random.default_rng(3)
    told = []
    for n in range(60):
        links, acts = friendships(rng), np.isfinite(waves(rng))
        told.append(verdict(links, np.where(acts, rng.random(PEOPLE), NEVER), np.zeros_like(MEMBERSHIP), n))
    assert sum(float(str(row["shuffle_p"])) <= 0.05 for row in told) <= 8  # more has a chance of .005


def correlation(links: Any, at: Floats) -> float:
    """The most likely alpha, from everybody's active neighbours stretch by stretch."""
    start, end = at.min(), at[np.isfinite(at)].max()
    lasted, logs = [], []
    earned = 0.0
    for who, own in enumerate(at):
        near = [at[other] for other in links.T.tocsr()[[who]].indices]
        stop = min(own, end)
        moments = sorted({start, stop, *(time for time in near if time < stop)})
        for begin, until in pairwise(moments):
            lasted.append(until - begin)
            logs.append(np.log1p(sum(time <= begin for time in near)))
        if np.isfinite(own):
            earned += np.log1p(sum(time < own for time in near))
    actors = np.isfinite(at).sum()

    def unlikely(alpha: float) -> float:
        return float(actors * np.log(np.exp(alpha * np.array(logs)) @ np.array(lasted)) - alpha * earned)

    return float(minimize_scalar(unlikely, bounds=(-25, 25), method="bounded", options={"xatol": 1e-8}).x)


@pytest.mark.parametrize("seed", range(4))
def test_the_correlation_is_the_most_likely_one(seed: int):
    rng = np.random.default_rng(seed)
    links = csr_array((rng.random((12, 12)) < 0.4) * (1 - np.eye(12)))
    at = np.where(rng.random(12) < 0.7, rng.integers(0, 9, 12).astype(float), NEVER)  # with equal times
    found = shuffle_test(links, at, np.arange(12), permutations=3, seed=0)
    assert found.correlation == pytest.approx(correlation(links, at), abs=1e-4)
    assert found.shuffled_correlation == pytest.approx(found.correlation)  # nobody to swap with
    assert found.p_value == 1


def test_swaps_stay_among_those_alike():
    """0 moves 1, and 2 moves 3; of the four orders of pairs alike all but one are worse or the same."""
    links = csr_array(([1.0, 1.0], ([0, 2], [1, 3])), shape=(4, 4))
    at, pairs = np.array([0.0, 1.0, 5.0, 6.0]), np.array([0, 0, 1, 1])
    found = shuffle_test(links, at, pairs, permutations=3999, seed=1)
    assert found.p_value == pytest.approx(1 / 4, abs=0.03)
    orders = [[0.0, 1, 5, 6], [1.0, 0, 5, 6], [0.0, 1, 6, 5], [1.0, 0, 6, 5]]
    each = [shuffle_test(links, np.array(order), np.arange(4), permutations=1, seed=1) for order in orders]
    mean = np.mean([found.correlation for found in each])
    assert found.shuffled_correlation == pytest.approx(mean, abs=2)


def partial_likelihood(first: Floats, at: Floats, alike: Sequence[int]) -> float:
    """Cox's most likely ratio, event by event."""

    def unlikely(log_ratio: float) -> float:
        total = 0.0
        for who, time in enumerate(at):
            if np.isfinite(time):
                risks = [
                    log_ratio * (first[other] < time)
                    for other in range(len(at))
                    if alike[other] == alike[who] and at[other] >= time
                ]
                total += np.log(np.exp(risks).sum()) - log_ratio * (first[who] < time)
        return float(total)

    return float(
        np.exp(minimize_scalar(unlikely, bounds=(-9, 9), method="bounded", options={"xatol": 1e-9}).x)
    )


def test_the_risk_ratio_is_coxs():
    rng = np.random.default_rng(6)
    for _ in range(3):
        links = csr_array((rng.random((40, 40)) < 0.06) * (1 - np.eye(40)))
        at = np.where(rng.random(40) < 0.7, rng.integers(0, 30, 40).astype(float), NEVER)
        alike = rng.integers(0, 3, 40)
        first = first_exposure(links, at)
        found = risk_ratio(first, at, alike, confidence=0.95)
        assert found.ratio == pytest.approx(partial_likelihood(first, at, list(alike)), rel=1e-5)
        assert found.low < found.ratio < found.high
        assert risk_ratio(first, at, alike, confidence=0.5).low > found.low


def test_neighbours_by_hand():
    """0 acts on 1 and 2, 3 on nobody; 1 acts after 0, then 4, when 2 and 5 have not."""
    links = csr_array(([1.0, 1.0], ([0, 0], [1, 2])), shape=(6, 6))
    at = np.array([0.0, 1.0, NEVER, NEVER, 2.0, NEVER])
    first = first_exposure(links, at)
    assert first.tolist() == [NEVER, 0, 0, NEVER, NEVER, NEVER]
    # At 1, one of 1 and 2 (exposed) acts, none of 3, 4 and 5; at 2, none of 2, one of 3, 4 and 5.
    # 2r / (2r + 3) + r / (r + 3) = 1 where 2r^2 = 9.
    assert risk_ratio(first, at, np.zeros(6, dtype=int), confidence=0.95).ratio == pytest.approx(4.5**0.5)
    only = risk_ratio(first, np.where(at == 2, NEVER, at), np.zeros(6, dtype=int), confidence=0.95)
    assert (only.ratio, only.high) == (np.inf, np.inf)
    assert 0 < only.low < 1
    assert np.isnan(risk_ratio(first, at, np.arange(6), confidence=0.95).ratio)


def test_leaning_orders_by_what_exposes():
    rng = np.random.default_rng(7)
    ties, noise = rng.integers(0, 20, 400).astype(float), rng.normal(size=400)
    first = rng.exponential(1 / (0.01 + ties))
    at = np.where(rng.random(400) < 0.3, rng.random(400), NEVER)
    told = leaning(np.column_stack([ties, noise, np.ones(400)]), first, at)
    assert np.corrcoef(told, ties)[0, 1] > 0.97


def frame(spark: SparkSession, times: dict[str, Floats]) -> DataFrame:
    rows = [
        (f"p{who:03}", START + timedelta(days=30 * float(time)), brand)
        for brand, each in times.items()
        for who, time in enumerate(each)
        if np.isfinite(time)
    ]
    return spark.createDataFrame(rows, "id string, acted_at timestamp, brand string")


@pytest.fixture(scope="module")
def world() -> tuple[Any, dict[str, Floats]]:
    """A dozen brands that communities take up in waves, and two that friends hand on to each other."""
    rng = np.random.default_rng(8)
    links = friendships(rng)
    alone = {f"like {n}": waves(rng) for n in range(12)}
    moved = {f"move {n}": spread(rng, links, waves(rng, least=0.1, most=0.3), 0.2) for n in range(2)}
    return links, alone | moved


@pytest.fixture(scope="module")
def ties(spark: SparkSession, world: tuple[Any, dict[str, Floats]]) -> DataFrame:
    tied = world[0].tocoo()
    rows = [(f"p{one:03}", f"p{other:03}") for one, other in zip(tied.row, tied.col, strict=True)]
    return spark.createDataFrame(rows, "src string, dst string")


def test_brands_that_spread_are_told_from_those_that_are_liked(
    spark: SparkSession, world: tuple[Any, dict[str, Floats]], ties: DataFrame
):
    actions = frame(spark, world[1])
    again = actions.withColumn(
        "acted_at", actions.acted_at + timedelta(days=9)
    )  # only the first action counts
    stranger = spark.createDataFrame([("nobody", START, "like 0"), ("p000", START, None)], actions.schema)
    every = actions.union(again).union(stranger)
    rows = homophily.verdicts(
        every, ties.where("src < dst"), by="brand", at="acted_at", permutations=99, directed=False
    ).collect()
    told = {row.brand: row for row in rows}
    assert sorted(told) == sorted(world[1])
    assert {told[f"move {n}"].verdict for n in range(2)} == {"influence"}
    assert sum(told[f"like {n}"].verdict == "influence" for n in range(12)) <= 1
    for brand, times in world[1].items():
        assert told[brand].actor_count == np.isfinite(times).sum()
        assert (
            told[brand].exposed_count == (first_exposure(world[0], times) < times)[np.isfinite(times)].sum()
        )


def test_those_alike_by_their_traits(
    spark: SparkSession, world: tuple[Any, dict[str, Floats]], ties: DataFrame
):
    links, times = world
    traits = spark.createDataFrame(
        [(f"p{n:03}", f"town {MEMBERSHIP[n]}", None if n == 7 else n % 5, n % 2 == 0) for n in range(PEOPLE)],
        "id string, town string, age int, is_member boolean",
    )
    actions = frame(spark, {"move 0": times["move 0"]})
    row = homophily.verdicts(
        actions, ties, traits, within=["town"], at="acted_at", permutations=99, seed=5
    ).collect()[0]
    who = np.arange(PEOPLE)
    age = np.where(who == 7, (who % 5).astype(float)[who != 7].mean(), who % 5)
    numbers = np.column_stack([age, who % 2 == 0])
    by_hand = homophily.judged(
        links, times["move 0"], [MEMBERSHIP], numbers, bins=5, permutations=99, confidence=0.95, seed=5
    )
    assert row.verdict == by_hand["verdict"] == "influence"
    for name in ("actor_count", "naive_risk_ratio", "risk_ratio", "low", "high", "likeness_share"):
        assert row[name] == pytest.approx(by_hand[name], rel=1e-6)
    assert row.correlation == pytest.approx(by_hand["correlation"], rel=1e-6)


def test_what_says_nothing(spark: SparkSession, ties: DataFrame):
    alone = spark.createDataFrame([("p003", 5.0)], "id string, at double")
    row = homophily.verdicts(alone, ties).collect()[0]
    assert (row.actor_count, row.exposed_count, row.verdict) == (1, 0, "association")
    assert (row.correlation, row.shuffle_p, row.naive_risk_ratio, row.low) == (None, None, None, None)
    assert homophily.verdicts(alone, ties.where("src = 'nobody'")).collect() == []


def test_what_cannot_be_is_refused(spark: SparkSession, ties: DataFrame):
    actions = spark.createDataFrame([("p003", 5.0)], "id string, at double")
    with pytest.raises(RetinueError, match="confidence 1"):
        homophily.verdicts(actions, ties, confidence=1)
    with pytest.raises(SchemaMismatch, match="brand"):
        homophily.verdicts(actions, ties, by="brand")
    with pytest.raises(RetinueError, match="there are no traits"):
        homophily.verdicts(actions, ties, within=["town"])
    with pytest.raises(SchemaMismatch, match="name it in within"):
        homophily.verdicts(actions, ties, actions.selectExpr("id", "'Bonn' AS town"))
    with pytest.raises(SchemaMismatch, match="the ids of actions are bigint"):
        homophily.verdicts(actions.selectExpr("1L AS id", "at"), ties)
