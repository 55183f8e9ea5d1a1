"""PageRank of an undirected network, until a step moves less than a millionth in all.

The ranks may be 1e-5 apart in all. networkx, networkit and igraph have them add up to 1, as retinue does;
those of GraphFrames add up to the number of vertices, by which they are divided here. It does not know of
undirected edges either, so that it gets them both ways, and it ends where no single rank, about 1 each, moves
by a millionth. networkit measures the step as networkx does; igraph solves the equations instead.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench import answers, engines, ties
from bench.task import Contestant, Task

STEP = 1e-6


def retinue(spark: Any, source: Path, target: Path) -> None:
    """By the library, in one task."""
    _retinue(spark, source, target, engine="local")


def retinue_distributed(spark: Any, source: Path, target: Path) -> None:
    """By the library, by joins."""
    _retinue(spark, source, target, engine="distributed")


def _retinue(spark: Any, source: Path, target: Path, *, engine: str) -> None:
    from retinue.network import influence

    ranks = influence.ranks(spark.read.parquet(str(source)), tolerance=STEP, engine=engine)
    ranks.write.parquet(str(target))


def graphframes(spark: Any, source: Path, target: Path) -> None:
    """By GraphFrames, and divided by the number of vertices."""
    from pyspark.sql import functions as F

    graph = ties.graphframe(spark, source, both_ways=True)
    found = graph.pageRank(resetProbability=0.15, tol=STEP).vertices
    size = graph.vertices.count()
    found.select("id", (F.col("pagerank") / size).alias("pagerank")).write.parquet(str(target))


def networkx(nx: Any, source: Path, target: Path) -> None:
    """Its way by scipy; it stops at `tol` times the number of vertices."""
    graph = ties.networkx_graph(nx, source)
    ranks = nx.pagerank(graph, tol=STEP / len(graph), max_iter=1_000)
    ties.write_named(target, "pagerank", ranks)


def networkit(nk: Any, source: Path, target: Path) -> None:
    """By the power method on all cores."""
    graph, ids = ties.networkit_graph(nk, source)
    walk = nk.centrality.PageRank(graph, damp=0.85, tol=STEP)
    walk.norm = nk.centrality.Norm.L1_NORM
    ties.write(target, ids, pagerank=walk.run().scores())


def igraph(ig: Any, source: Path, target: Path) -> None:
    """By PRPACK."""
    graph, ids = ties.igraph_graph(ig, source)
    ties.write(target, ids, pagerank=graph.pagerank())


TASK = Task(
    name="graph_pagerank",
    contestants=(
        Contestant("retinue", engines.open_spark, retinue, is_ours=True),
        Contestant("retinue, distributed", engines.open_spark, retinue_distributed, is_ours=True),
        Contestant("GraphFrames", engines.open_spark, graphframes),
        Contestant("networkx", engines.open_networkx, networkx, most=1_000_000),
        Contestant("networkit", engines.open_networkit, networkit),
        Contestant("igraph", engines.open_igraph, igraph, needs="igraph"),
    ),
    rows="edges",
    differ=answers.apart("pagerank", most=1e-5),
)
