"""Communities of high modularity, by the Louvain method.

No two need find the same, and modularities may be .01 apart. GraphFrames has no such method. By joins, the
library leaves a tenth of the edges to one task at most, so that the cluster has to make the graph coarse.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench import answers, engines, ties
from bench.task import Contestant, Task


def retinue(spark: Any, source: Path, target: Path) -> None:
    """By the library, in one task: the better of two runs with refinement, the best of ten when small."""
    from retinue.network import communities

    found = communities.detect(spark.read.parquet(str(source)), engine="local")
    found.write.parquet(str(target))


def retinue_distributed(spark: Any, source: Path, target: Path) -> None:
    """By the library, by joins first."""
    from retinue.network import communities

    edges = spark.read.parquet(str(source))
    found = communities.detect(edges, engine="distributed", local_limit=edges.count() // 10)
    found.write.parquet(str(target))


def networkx(nx: Any, source: Path, target: Path) -> None:
    """Its Louvain method, in Python."""
    found = nx.community.louvain_communities(ties.networkx_graph(nx, source), seed=0)
    numbers = {each: number for number, group in enumerate(found) for each in group}
    ties.write_named(target, "community_id", numbers)


def networkit(nk: Any, source: Path, target: Path) -> None:
    """One run of its parallel Louvain method with refinement, on all cores."""
    graph, ids = ties.networkit_graph(nk, source)
    found = nk.community.PLM(graph, refine=True).run().getPartition().getVector()
    ties.write(target, ids, community_id=found)


def igraph(ig: Any, source: Path, target: Path) -> None:
    """Its multilevel method."""
    graph, ids = ties.igraph_graph(ig, source)
    ties.write(target, ids, community_id=graph.community_multilevel().membership)


TASK = Task(
    name="graph_communities",
    contestants=(
        Contestant("retinue", engines.open_spark, retinue, is_ours=True),
        Contestant("retinue, distributed", engines.open_spark, retinue_distributed, is_ours=True),
        Contestant("networkx", engines.open_networkx, networkx, most=1_000_000),
        Contestant("networkit", engines.open_networkit, networkit),
        Contestant("igraph", engines.open_igraph, igraph, needs="igraph"),
    ),
    rows="edges",
    differ=answers.less_modular(most=0.01),
    told=answers.communities,
)
