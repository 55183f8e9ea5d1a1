"""Spread against every way that a small graph's edges can pass, and seeds against every choice there is."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from scipy.sparse import csr_array

from retinue.errors import RetinueError, SchemaMismatch
from retinue.network.cascades import CERTAIN, ways
from retinue.network.compact import Graph
from retinue.network.reverse_reachable import assured, chosen, hit_rates
from retinue.network.spread import best_seeds, seeds, spread, spread_of

Edges = dict[tuple[int, int], float]


def graph(size: int, edges: Edges) -> Graph:
    pairs, p = np.array(list(edges)).reshape(-1, 2), np.array(list(edges.values()))
    with np.errstate(divide="ignore"):
        hazard = np.minimum(-np.log1p(-p), CERTAIN)
    links = csr_array((hazard, (pairs[:, 0], pairs[:, 1])), shape=(size, size))
    return Graph(pa.array(range(size)), links, np.zeros(size, bool), np.full(size, np.nan), True)


def small_graph(size: int, count: int, *, seed: int = 0) -> Edges:
    chance = np.random.default_rng(seed)
    pairs = [(u, v) for u in range(size) for v in range(size) if u != v]
    picked = chance.choice(len(pairs), count, replace=False)
    return {pairs[i]: float(chance.choice([0.1, 0.3, 0.5, 0.9, 1.0])) for i in picked}


def exact_spread(edges: Edges, begun: tuple[int, ...]) -> float:
    """The mean number of active vertices over all ways that the edges can pass or not."""
    mean = 0.0
    for passes in product([False, True], repeat=len(edges)):
        chance, active = 1.0, set(begun)
        for p, does in zip(edges.values(), passes, strict=True):
            chance *= p if does else 1 - p
        if chance:
            live = [edge for edge, does in zip(edges, passes, strict=True) if does]
            for _ in live:
                active |= {v for u, v in live if u in active}
            mean += chance * len(active)
    return mean


def best(
    given: Graph, k: int, *, allowed: NDArray[np.bool_] | None = None, **knobs: float
) -> dict[str, list]:
    everyone = np.ones(given.size, dtype=bool) if allowed is None else allowed
    usual = {"epsilon": 0.1, "delta": 0.01, "max_members": 5_000_000, "seed": 0}
    columns = best_seeds(given, everyone, k=k, **{**usual, **knobs})
    return {name: np.asarray(column).tolist() for name, column in columns.items()}


def random_graph(size: int, degree: int, p: float) -> Graph:
    pairs = np.random.default_rng(size).integers(size, size=(size * degree, 2))
    return graph(size, {(u, v): p for u, v in pairs.tolist() if u != v})


@pytest.mark.parametrize(("size", "count"), [(4, 6), (5, 9), (6, 11)])
def test_cascades_forward_and_sets_backward_have_the_exact_mean(size: int, count: int):
    edges = small_graph(size, count)
    given = graph(size, edges)
    for begun in [(0,), (1, size - 1)]:
        mean, error = spread_of(given, np.array(begun), samples=40_000, seed=1)
        assert mean == pytest.approx(exact_spread(edges, begun), abs=4.5 * error + 1e-9)
    alone = [np.array([vertex]) for vertex in range(size)]
    rates = hit_rates(ways(given.links.T.tocsr()), alone, 60_000, np.random.default_rng(2))
    exact = [exact_spread(edges, (vertex,)) for vertex in range(size)]
    assert [size * rate[0] for rate in rates] == pytest.approx(exact, abs=4.5 * size * 0.5 / 60_000**0.5)


def test_chains_and_stars_have_the_spread_of_their_formulas():
    p, length = 0.7, 30
    chain = graph(length, {(i, i + 1): p for i in range(length - 1)})
    mean, error = spread_of(chain, np.array([0]), samples=20_000, seed=0)
    assert mean == pytest.approx((1 - p**length) / (1 - p), abs=4 * error)
    star = graph(1001, {(0, leaf): 0.02 for leaf in range(1, 1001)})
    mean, error = spread_of(star, np.array([0]), samples=20_000, seed=0)
    assert mean == pytest.approx(1 + 1000 * 0.02, abs=4 * error)
    assert error == pytest.approx((1000 * 0.02 * 0.98 / 20_000) ** 0.5, rel=0.05)  # a binomial's
    assert spread_of(star, np.array([5, 6]), samples=10, seed=0) == (2, 0)
    sure = graph(500, {(i, i + 1): 1.0 for i in range(499)})
    assert spread_of(sure, np.array([100]), samples=10, seed=0) == (400, 0)


def test_two_hubs_with_the_same_followers_are_not_both_chosen():
    crowd, others = range(10, 70), range(70, 110)
    edges = {(hub, one): 0.9 for hub in (0, 1) for one in crowd} | {(2, one): 0.9 for one in others}
    found = best(graph(110, edges), k=2)
    assert sorted(found["id"]) == [0, 2]
    assert found["spread"] == pytest.approx([1 + 54, 2 + 54 + 36], rel=0.02)
    assert found["gain"][1] == pytest.approx(37, rel=0.03)
    assert found["degree_spread"] == pytest.approx([1 + 54, 2 + 60 * 0.99], rel=0.02)
    assert min(found["assured"]) > 0.8


def test_what_is_chosen_is_as_good_as_is_said():
    for seed in range(3):
        edges = small_graph(6, 10, seed=seed)
        allowed = np.array([True, True, False, True, True, True])
        found = best(graph(6, edges), k=2, allowed=allowed)
        exact = [exact_spread(edges, tuple(found["id"][:rank])) for rank in (1, 2)]
        top = [
            max(exact_spread(edges, group) for group in combinations(np.flatnonzero(allowed), rank))
            for rank in (1, 2)
        ]
        assert 2 not in found["id"]
        for rank in (0, 1):
            assert found["spread"][rank] == pytest.approx(
                exact[rank], abs=4.5 * found["standard_error"][rank]
            )
            assert 0.7 < found["assured"][rank] <= exact[rank] / top[rank]


def test_fresh_sets_do_not_flatter_a_choice_as_its_own_do():
    given = random_graph(2000, 5, 0.1)
    back, everyone = ways(given.links.T.tocsr()), np.ones(2000, dtype=bool)
    chance = np.random.default_rng(0)
    knobs = {"k": 20, "epsilon": 0.1, "delta": 0.01, "max_members": 4000}
    choice = chosen(back, allowed=everyone, chance=chance, **knobs)
    assert choice.set_count < 5000  # far fewer than are needed
    own = 2000 * choice.hit[-1] / choice.set_count
    (rate,) = hit_rates(back, [choice.vertices], 50_000, chance)
    fresh, error = 2000 * rate[-1], 2000 * (rate[-1] / 50_000) ** 0.5
    truth, _ = spread_of(given, choice.vertices, samples=5000, seed=4)
    assert fresh == pytest.approx(truth, abs=4 * error)
    assert own > truth + 10 * error
    many = chosen(back, allowed=everyone, chance=chance, **{**knobs, "max_members": 400_000})
    (better,) = hit_rates(back, [many.vertices], 50_000, chance)
    assert better[-1] > rate[-1]
    assert assured(many, better)[-1] > assured(choice, rate)[-1]


def test_more_precision_takes_more_sets_and_the_same_seed_the_same_ones():
    given = random_graph(200, 4, 0.1)
    coarse, fine = best(given, k=3, epsilon=0.3), best(given, k=3, epsilon=0.1)
    assert 7 < fine["set_count"][0] / coarse["set_count"][0] < 11  # by the square
    assert best(given, k=3, epsilon=0.3) == coarse
    capped = best(given, k=3, max_members=1000)
    assert capped["set_count"][0] < 1000
    assert capped["assured"][-1] < coarse["assured"][-1]


def test_where_all_is_alike_the_smallest_ids_come_first():
    ring = graph(9, {(i, (i + 1) % 9): 1.0 for i in range(9)})
    found = best(ring, k=9)
    assert found["id"] == list(range(9))
    assert found["spread"] == pytest.approx([9] * 9)
    assert best(graph(1, {}), k=1)["spread"] == [1]


def test_spread_reads_edges_as_they_are_given(spark: SparkSession):
    rows = [
        ("a", "b", 0.5),
        ("a", "b", 0.5),
        ("b", "a", 0.0),
        ("b", "c", 1.0),
        ("c", "c", 1.0),
        ("d", "a", None),
    ]
    edges = spark.createDataFrame(rows, "src string, dst string, chance double")
    (row,) = spread(edges, seeds=["a", "a", "zoe"], probability="chance", samples=20_000).collect()
    assert (row.seed_count, row.samples) == (2, 20_000)
    assert row.spread == pytest.approx(2 + 2 * 0.75, abs=4 * row.standard_error)
    (row,) = spread(edges, seeds=["c"], probability="chance", directed=False, samples=20_000).collect()
    assert row.spread == pytest.approx(2 + 0.75, abs=4 * row.standard_error)
    (row,) = spread(edges.limit(0), seeds=["a"], probability=0.5).collect()
    assert (row.spread, row.standard_error) == (1, 0)
    with pytest.raises(PySparkException, match=r"probability is (1\.5|3\.0); give one"):
        spread(edges.withColumn("chance", edges.chance * 3), seeds=["a"], probability="chance").collect()


def test_seeds_are_chosen_among_the_candidates(spark: SparkSession):
    edges = spark.createDataFrame(
        [(hub, leaf) for hub, leaves in ((1, 30), (2, 20), (3, 10)) for leaf in range(100, 100 + leaves)],
        "src bigint, dst bigint",
    )
    rows = seeds(edges, k=2, probability=0.5, epsilon=0.3).collect()
    assert [(row.rank, row.id) for row in rows] == [(1, 1), (2, 2)]
    assert rows[0].spread == pytest.approx(1 + 15, rel=0.05)
    assert rows[1].spread == rows[1].degree_spread == pytest.approx(rows[0].spread + rows[1].gain)
    asked = spark.createDataFrame([(3,), (999,), (None,)], "id bigint")
    rows = seeds(edges, asked, k=5, probability=0.5, epsilon=0.3).collect()
    assert [row.id for row in rows] == [3, 999]
    assert rows[1].gain == pytest.approx(1, rel=0.2)
    assert seeds(edges, asked.limit(0), k=1).collect() == []


def test_what_cannot_be_is_refused(spark: SparkSession):
    edges = spark.createDataFrame([(1, 2, 0.5)], "src bigint, dst bigint, chance double")
    for knobs, told in (
        ({"seeds": []}, "no seeds"),
        ({"seeds": ["a"]}, "not all ids"),
        ({"seeds": [1], "probability": 1.5}, "probability is 1.5"),
        ({"seeds": [1], "samples": 1}, "samples is 1"),
    ):
        with pytest.raises(RetinueError, match=told):
            spread(edges, **knobs)
    for knobs, told in (({"k": 0}, "k is 0"), ({"k": 1, "epsilon": 0.7}, "epsilon is 0.7")):
        with pytest.raises(RetinueError, match=told):
            seeds(edges, **knobs)
    with pytest.raises(SchemaMismatch, match="chanse"):
        spread(edges, seeds=[1], probability="chanse")
    with pytest.raises(SchemaMismatch, match="id is string"):
        seeds(edges, spark.createDataFrame([("1",)], "id string"), k=1)
