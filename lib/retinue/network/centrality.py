"""Centrality by shortest paths: how near a vertex is to all others, and how many paths lead through it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retinue.network.compact import Graph

__all__ = ["betweenness", "closeness", "networkit_graph", "walked"]

Floats = NDArray[np.float64]
AT_ONCE = 64  # sources that share a machine word


def closeness(graph: Graph, *, sources: NDArray[np.int64]) -> Floats:
    """How near those who reach a vertex are to it: their share of all by their mean distance.

    From all vertices it is exact; from fewer, drawn at random, an estimate. Source: Wasserman and Faust
    (1994).
    """
    reached, total = np.zeros(graph.size), np.zeros(graph.size)
    for first in range(0, len(sources), AT_ONCE):
        for hops, new in walked(graph, sources[first : first + AT_ONCE]):
            count = np.bitwise_count(new) if hops else 0
            reached += count
            total += hops * count
    others = np.full(graph.size, len(sources), dtype=np.float64)
    others[sources] -= 1
    return np.divide(reached * reached, total * others, out=np.zeros(graph.size), where=total * others > 0)


def walked(graph: Graph, sources: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.uint64]]]:
    """For each distance, from which of up to 64 sources a vertex is just that far: a bit a source.

    All walk at once. Source: Then et al., "The More the Merrier" (2014).
    """
    arriving = graph.links.T.tocsr()
    has_way = np.flatnonzero(np.diff(arriving.indptr))
    starts = arriving.indptr[has_way]
    new = np.zeros(graph.size, dtype=np.uint64)
    np.bitwise_or.at(new, sources, np.uint64(1) << np.arange(len(sources), dtype=np.uint64))
    seen, hops = new.copy(), 0
    while new.any():
        yield hops, new
        passed = np.zeros_like(seen)
        passed[has_way] = np.bitwise_or.reduceat(new[arriving.indices], starts)
        new = passed & ~seen
        seen |= new
        hops += 1


def betweenness(graph: Graph, *, samples: int, seed: int) -> Floats:
    """Of the pairs of others the share whose shortest paths lead through a vertex.

    From the paths out of all vertices, or of `samples` drawn at random where those are fewer. Source: Brandes
    (2001); Brandes and Pich (2007).
    """
    import networkit  # takes seconds, and few tasks need it

    if graph.size < 3:
        return np.zeros(graph.size)
    networkit.setNumberOfThreads(1)  # the task has one core, and the same numbers come out again
    networkit.setSeed(seed, False)
    copy = networkit_graph(graph)
    if samples >= graph.size:
        found = networkit.centrality.Betweenness(copy, normalized=True)
    else:
        found = networkit.centrality.EstimateBetweenness(copy, samples, normalized=True)
    return np.asarray(found.run().scores())


def networkit_graph(graph: Graph, *, weighted: bool = False) -> Any:
    """The same graph as networkit has them."""
    import networkit

    tied = graph.links.tocoo()
    kept = slice(None) if graph.is_directed else tied.row < tied.col
    ends = (tied.row[kept].astype(np.uint64), tied.col[kept].astype(np.uint64))
    given = (tied.data[kept], ends) if weighted else ends
    return networkit.GraphFromCoo(given, n=graph.size, weighted=weighted, directed=graph.is_directed)
