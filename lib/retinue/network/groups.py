"""Groups of vertices: components, label propagation, and communities of high modularity."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy.sparse.csgraph import connected_components  # type: ignore[import-untyped]

from retinue.network.centrality import networkit_graph
from retinue.network.compact import Graph
from retinue.network.engines import settled, watched

__all__ = [
    "components",
    "components_joined",
    "label_propagation",
    "label_propagation_joined",
    "louvain",
    "modularity",
]

Ints = NDArray[np.int64]
TRIES = 10  # runs of which the best counts, on a graph
SMALL = 1_000_000  # of at most so many entries; of a larger one, whose runs are much alike, the better of two


def components(graph: Graph, *, strong: bool) -> Ints:
    """Each vertex's component, named by the least vertex in it."""
    _, group = connected_components(graph.links, directed=True, connection="strong" if strong else "weak")
    return _named_by_least(group)


def label_propagation(graph: Graph, *, iterations: int) -> Ints:
    """The label that most of a vertex's neighbours had a step before, the least of several; itself at first.

    Where edges have directions each of them is heard, so that a neighbour both ways is heard twice.
    """
    heard: Any = graph.links.tocoo()
    of, by = np.concatenate([heard.row, heard.col]), np.concatenate([heard.col, heard.row])
    if not graph.is_directed:
        of, by = heard.row, heard.col
    label = np.arange(graph.size)
    for _ in range(iterations):
        said = np.sort(of.astype(np.int64) * graph.size + label[by])
        starts = np.flatnonzero(np.diff(said, prepend=-1))
        votes = np.diff(np.append(starts, len(said)))
        listener, choice = np.divmod(said[starts], graph.size)
        order = np.lexsort((choice, -votes, listener))
        first = order[np.flatnonzero(np.diff(listener[order], prepend=-1))]
        told = label.copy()
        told[listener[first]] = choice[first]
        if np.array_equal(told, label):
            break
        label = told
    return label


def louvain(graph: Graph, *, resolution: float, seed: int) -> Ints:
    """The best of several runs of the Louvain method with refinement, by modularity.

    A vertex that stands for several has the weight among them as its value. Each community is named by its
    least vertex. Sources: Blondel et al. (2008); Rotta and Noack (2011).
    """
    import networkit  # takes seconds, and few tasks need it

    networkit.setNumberOfThreads(1)  # the task has one core, and the same communities come out again
    copy = networkit_graph(graph, weighted=True)
    for place in np.flatnonzero(graph.values > 0):
        copy.addEdge(place, place, graph.values[place])
    best, most = np.arange(graph.size), -1.0
    for attempt in range(TRIES if graph.links.nnz <= SMALL else 2):
        networkit.setSeed(seed + attempt, False)
        found = networkit.community.PLM(copy, refine=True, gamma=resolution, par="none randomized")
        group = np.asarray(found.run().getPartition().getVector(), dtype=np.int64)
        quality = modularity(graph, group, resolution=resolution)
        if quality > most + 1e-12:
            best, most = group, quality
    return _named_by_least(best)


def modularity(graph: Graph, group: Ints, *, resolution: float = 1.0) -> float:
    """How much more weight lies within the groups than chance would put there. Source: Newman (2004)."""
    tied = graph.links.tocoo()
    within = 2 * np.nan_to_num(graph.values)
    total = tied.data.sum() + within.sum()
    if not total:
        return 0.0
    inside = tied.data[group[tied.row] == group[tied.col]].sum() + within.sum()
    strength = np.bincount(group, weights=np.asarray(graph.links.sum(axis=1)) + within)
    return float(inside / total - resolution * (strength**2).sum() / total**2)


def _named_by_least(group: Ints) -> Ints:
    _, first, place = np.unique(group, return_index=True, return_inverse=True)
    return first[place]


# By joins.


def components_joined(vertices: DataFrame, links: DataFrame, *, strong: bool) -> DataFrame:
    """id, community_id by GraphFrames, whose own numbers for components are replaced by the least id in each.

    Its GraphX way is taken: the other switches adaptive execution off and costs more. Runs Spark jobs.
    """
    from graphframes import GraphFrame  # takes seconds, and no task needs it

    graph = GraphFrame(vertices.select("id"), links.select("src", "dst"))
    found: DataFrame = (
        graph.stronglyConnectedComponents(maxIter=2**31 - 1)
        if strong
        else graph.connectedComponents(algorithm="graphx")
    )
    least = found.groupBy("component").agg(F.min("id").alias("community_id"))
    return found.join(least, "component").select("id", "community_id")


def label_propagation_joined(vertices: DataFrame, heard: DataFrame, *, iterations: int) -> DataFrame:
    """id, label by joins, with the ties of `label_propagation`. In: src, who hears, and dst, who is heard.

    Runs Spark jobs, a step each.
    """
    heard = heard.select("src", "dst").persist()
    labels = settled(vertices.select("id", F.col("id").alias("label")))
    try:
        for _ in range(iterations):
            said = heard.join(labels.withColumnRenamed("id", "dst"), "dst").groupBy("src", "label").count()
            most = said.groupBy(F.col("src").alias("id")).agg(
                F.min_by("label", F.struct(-F.col("count"), "label")).alias("said")
            )
            is_other = F.count_if(F.col("said") != F.col("label"))
            stepped, told = watched(labels.join(most, "id", "left"), changed=is_other)
            labels = stepped.select("id", F.coalesce("said", "label").alias("label"))
            if not told["changed"]:
                break
        return labels
    finally:
        heard.unpersist()
