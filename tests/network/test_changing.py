from __future__ import annotations

import random
from typing import Any

import networkx as nx
import pytest
from pyspark.sql import DataFrame, SparkSession

from retinue.errors import SchemaMismatch
from retinue.network import changing, communities, influence

TIES = "src string, dst string"


def frame(spark: SparkSession, ties: Any) -> DataFrame:
    return spark.createDataFrame([(str(src), str(dst)) for src, dst in ties], TIES)


def of(rows: DataFrame, column: str = "community_id") -> dict[str, Any]:
    return {row["id"]: row[column] for row in rows.collect()}


def test_components_after_edges_came_and_went_are_those_of_all(spark: SparkSession):
    rng = random.Random(3)
    for case in range(4):
        graph = nx.gnm_random_graph(60, 45, seed=case)
        graph.remove_nodes_from([*nx.isolates(graph)])
        known = communities.components(frame(spark, graph.edges), engine="local")
        gone = rng.sample([*graph.edges], 6)
        come = [(rng.randrange(70), rng.randrange(70)) for _ in range(8)]
        after = graph.copy()
        after.remove_edges_from(gone)
        left = [*after.edges]
        after.add_edges_from(come)
        grown = changing.components(
            known, frame(spark, come), removed=frame(spark, gone), edges=frame(spark, left), engine="local"
        )
        wanted = {str(v): min(map(str, part)) for part in nx.connected_components(after) for v in part}
        assert of(grown) == wanted


def test_removed_edges_want_those_that_are_left(spark: SparkSession):
    ties = frame(spark, [("a", "b")])
    known = communities.components(ties, engine="local")
    with pytest.raises(SchemaMismatch, match="needs edges"):
        changing.components(known, ties, removed=ties)


@pytest.mark.parametrize("engine", ["local", "distributed"])
def test_ranks_walked_on_are_the_cold_ones_in_fewer_steps(spark: SparkSession, engine: str):
    graph = nx.barabasi_albert_graph(400, 3, seed=1)
    before = influence.ranks(frame(spark, graph.edges), engine="local").localCheckpoint()
    graph.add_edges_from([(5, 399), (17, 250), (400, 3)])
    graph.remove_edge(*next(iter(graph.edges)))
    edges = frame(spark, graph.edges)
    warm = changing.ranks(edges, before, engine=engine, tolerance=1e-6).localCheckpoint()
    cold = changing.ranks(edges, before.limit(0), engine=engine, tolerance=1e-6).localCheckpoint()
    exact = {str(v): rank for v, rank in nx.pagerank(graph, tol=1e-13, max_iter=1_000).items()}
    for found in (warm, cold):
        assert sum(abs(rank - exact[v]) for v, rank in of(found, "pagerank").items()) < 6e-6
    assert max(of(warm, "steps").values()) < min(of(cold, "steps").values())


def members(spark: SparkSession, groups: dict[Any, str], kind: str) -> DataFrame:
    rows = [(member, group) for group, those in groups.items() for member in those]
    return spark.createDataFrame(rows, f"id string, community_id {kind}")


def test_a_community_goes_on_where_most_of_both_met(spark: SparkSession):
    before = members(spark, {1: "abcde", 2: "fghi", 3: "jk", 7: "xyz"}, "bigint")
    now = members(spark, {"a": "abcfm", "d": "de", "g": "ghi", "j": "jkxyz", "n": "no"}, "string")
    found = of(changing.lasting(now, before, after=8))
    groups = {name: "".join(sorted(v for v in found if found[v] == name)) for name in set(found.values())}
    assert groups == {1: "abcfm", 2: "ghi", 7: "jkxyz", 9: "de", 10: "no"}
    first = of(changing.lasting(now, before.limit(0)))
    assert [first[v] for v in "adgjn"] == [1, 2, 3, 4, 5]


def test_where_members_went(spark: SparkSession):
    before = members(spark, {1: "abcdef", 2: "ghij", 3: "kl"}, "bigint")
    now = members(spark, {1: "abcd", 5: "ef", 2: "ghijklm"}, "bigint")
    rows = {(row["before"], row["now"]): row for row in changing.flows(before, now).collect()}
    assert {ends: row["fate"] for ends, row in rows.items()} == {
        (1, 1): "went_on",
        (1, 5): "split",
        (2, 2): "went_on",
        (3, 2): "merged",
        (None, 2): "joined",
    }
    assert rows[1, 5]["member_count"] == 2
    assert rows[1, 5]["share_of_before"] == pytest.approx(1 / 3)
    assert rows[3, 2]["share_of_now"] == pytest.approx(2 / 7)


def test_who_rose_beyond_chance(spark: SparkSession):
    rng = random.Random(5)
    mean = {f"v{n}": rng.choice([3, 10, 40]) for n in range(300)}

    def drawn(means: dict[str, float]) -> list[tuple[str, int]]:
        return [(v, sum(rng.random() < m / 1_000 for _ in range(1_000))) for v, m in means.items()]

    then, quiet = drawn(mean), drawn(mean)
    schema = "id string, weight bigint"
    before = spark.createDataFrame(then, schema)
    assert changing.risers(before, spark.createDataFrame(quiet, schema)).isEmpty()
    loud = [(v, n) for v, n in quiet if v != "v7"] + [("v7", 120), ("newcomer", 60)]
    found = {row["id"]: row for row in changing.risers(before, spark.createDataFrame(loud, schema)).collect()}
    assert found.keys() == {"v7", "newcomer"}
    assert found["newcomer"]["is_new"]
    assert found["newcomer"]["ratio"] is None
    assert found["v7"]["ratio"] > 2
