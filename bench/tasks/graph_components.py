"""The connected components of a network, each named by the least id in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench import engines, ties
from bench.task import Contestant, Task


def retinue(spark: Any, source: Path, target: Path) -> None:
    """By the library, in one task."""
    _retinue(spark, source, target, engine="local")


def retinue_distributed(spark: Any, source: Path, target: Path) -> None:
    """By the library, which takes GraphFrames beyond one task."""
    _retinue(spark, source, target, engine="distributed")


def _retinue(spark: Any, source: Path, target: Path, *, engine: str) -> None:
    from retinue.network import communities

    found = communities.components(spark.read.parquet(str(source)), engine=engine)
    found.write.parquet(str(target))


def graphframes(spark: Any, source: Path, target: Path) -> None:
    """By GraphFrames, its GraphX way, which costs less than the other."""
    from pyspark.sql import functions as F

    graph = ties.graphframe(spark, source, both_ways=False)
    found = graph.connectedComponents(algorithm="graphx")
    names = found.groupBy("component").agg(F.min("id").alias("community_id"))
    found.join(names, "component").select("id", "community_id").write.parquet(str(target))


def networkx(nx: Any, source: Path, target: Path) -> None:
    """A search from each vertex not yet seen."""
    found = nx.connected_components(ties.networkx_graph(nx, source))
    names = {each: name for group in found for name in [min(group)] for each in group}
    ties.write_named(target, "community_id", names)


def networkit(nk: Any, source: Path, target: Path) -> None:
    """On all cores."""
    graph, ids = ties.networkit_graph(nk, source)
    found = nk.components.ParallelConnectedComponents(graph).run().getPartition().getVector()
    ties.write(target, ids, community_id=ties.least(ids, found))


def igraph(ig: Any, source: Path, target: Path) -> None:
    """A search from each vertex not yet seen."""
    graph, ids = ties.igraph_graph(ig, source)
    ties.write(target, ids, community_id=ties.least(ids, graph.connected_components().membership))


TASK = Task(
    name="graph_components",
    contestants=(
        Contestant("retinue", engines.open_spark, retinue, is_ours=True),
        Contestant("retinue, distributed", engines.open_spark, retinue_distributed, is_ours=True),
        Contestant("GraphFrames", engines.open_spark, graphframes),
        Contestant("networkx", engines.open_networkx, networkx, most=1_000_000),
        Contestant("networkit", engines.open_networkit, networkit),
        Contestant("igraph", engines.open_igraph, igraph, needs="igraph"),
    ),
    digest=("id", "community_id"),
    rows="edges",
)
