from __future__ import annotations

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from retinue.errors import RetinueError
from retinue.network import compact, proximity
from retinue.network.compact import Graph
from retinue.network.proximity import personalised_pagerank


def ties(graph: nx.Graph) -> list[tuple[int, int, float]]:
    return [(one, other, float(tie.get("weight", 1))) for one, other, tie in graph.edges(data=True)]


def compacted(graph: nx.Graph) -> Graph:
    src, dst, weight = zip(*ties(graph), strict=True)
    return compact.compacted(
        pa.table({"src": src, "dst": dst, "weight": weight}).to_batches(), directed=False
    )


def found(graph: nx.Graph, **knobs: float) -> dict[tuple[int, int], float]:
    given = {"steps": 2, "damping": 0.85, "work": 10**10, "max_wedges": None, **knobs}
    rows = pa.Table.from_batches(list(proximity._pairs(compacted(graph), **given))).to_pylist()
    return {(row["src"], row["dst"]): row["personalised_pagerank"] for row in rows}


def expected(graph: nx.Graph) -> dict[int, dict[int, float]]:
    return {each: nx.pagerank(graph, personalization={each: 1}, tol=1e-13) for each in graph}


def test_both_ways_add_up_to_networkx_personalised_pagerank():
    graph = nx.karate_club_graph()
    ranks, pairs = expected(graph), found(graph)
    for (one, other), near in pairs.items():
        assert one < other
        assert near == pytest.approx(ranks[one][other] + ranks[other][one], abs=1e-5)
    led = {(u, v) for u in graph for v in graph for z in nx.common_neighbors(graph, u, v) if u < v}
    assert set(pairs) == led


def test_three_steps_lead_from_a_person_to_a_product():
    graph = nx.Graph([(1, 11), (2, 11), (2, 12), (3, 12), (3, 13)])
    assert set(found(graph, steps=3)) == {
        (1, 11),
        (2, 11),
        (2, 12),
        (3, 12),
        (3, 13),
        (1, 12),
        (2, 13),
        (3, 11),
    }


def test_less_work_misses_no_more_than_its_tolerance():
    graph = nx.barabasi_albert_graph(60, 3, seed=2)
    ranks, work = expected(graph), 100_000
    tolerance = len(graph) / (0.15 * work)
    for (one, other), near in found(graph, work=work).items():
        missing = ranks[one][other] + ranks[other][one] - near
        assert -1e-9 <= missing <= tolerance * (graph.degree[one] + graph.degree[other])


def test_a_hub_leads_to_nobody_and_a_star_costs_no_more_than_its_leaves():
    leaves = 200_000
    star = pa.table(
        {"src": np.zeros(leaves, int), "dst": np.arange(1, leaves + 1), "weight": np.ones(leaves)}
    )
    graph = compact.compacted(star.to_batches(), directed=False)
    pairs = proximity._pairs(graph, steps=2, damping=0.85, work=10**8, max_wedges=10**6)
    assert sum(batch.num_rows for batch in pairs) == 0


def test_engines_agree(spark: SparkSession):
    graph = nx.karate_club_graph()
    edges = spark.createDataFrame(ties(graph), "src bigint, dst bigint, weight double")
    local, joined = (
        {
            (row.src, row.dst): row.personalised_pagerank
            for row in personalised_pagerank(
                edges, damping=0.5, work=2_000, max_wedges=400, engine=engine
            ).collect()
        }
        for engine in ("local", "distributed")
    )
    assert local == pytest.approx(joined, abs=1e-9)
    assert 30 < len(local) < 332


def test_what_cannot_be_is_refused(spark: SparkSession):
    edges = spark.createDataFrame([(1, 2)], "src int, dst int")
    with pytest.raises(RetinueError, match=r"damping is 1\.0"):
        personalised_pagerank(edges, damping=1.0)
    with pytest.raises(RetinueError, match="steps 1"):
        personalised_pagerank(edges, steps=1)
