"""Centrality by shortest paths: how near a vertex is to all others, and how many paths lead through it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retinue.network.compact import Graph

__all__ = ["betweenness", "closeness", "spread_of_distances"]

Floats = NDArray[np.float64]
AT_ONCE = 64  # sources that share a machine word


def closeness(graph: Graph, *, sources: NDArray[np.int64]) -> Floats:
    """How near those who reach a vertex are to it: their share of all, by their mean distance (Wasserman-Faust).

    From all vertices it is exact; from fewer, drawn at random, an estimate.
    """
    reached, total = np.zeros(graph.size), np.zeros(graph.size)
    for hops, new in spread_of_distances(graph, sources):
        if hops:
            reached += new
            total += hops * new
    others = np.full(graph.size, len(sources), dtype=np.float64)
    others[sources] -= 1
    return np.divide(reached * reached, total * others, out=np.zeros(graph.size), where=total * others > 0)


def spread_of_distances(graph: Graph, sources: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """For 64 sources at a time and each distance, how many of them each vertex is at that distance from.

    All walk at once: a vertex has a bit a source. Source: Then et al., "The More the Merrier" (2014).
    """
    arriving = graph.links.T.tocsr()
    has_way = np.flatnonzero(np.diff(arriving.indptr))
    starts = arriving.indptr[has_way]
    for first in range(0, len(sources), AT_ONCE):
        chosen = sources[first : first + AT_ONCE]
        new = np.zeros(graph.size, dtype=np.uint64)
        np.bitwise_or.at(new, chosen, np.uint64(1) << np.arange(len(chosen), dtype=np.uint64))
        seen, hops = new.copy(), 0
        while new.any():
            yield hops, np.bitwise_count(new)
            passed = np.zeros_like(seen)
            passed[has_way] = np.bitwise_or.reduceat(new[arriving.indices], starts)
            new = passed & ~seen
            seen |= new
            hops += 1


def betweenness(graph: Graph, *, exact_limit: int, max_error: float, doubt: float, seed: int) -> Floats:
    """The share of the shortest paths between others that lead through a vertex, as a share of all pairs.

    Exact where vertices times edges are at most `exact_limit`; beyond, from paths drawn at random, off by more
    than `max_error` at any vertex with a probability of `doubt` at most.
    Sources: Brandes (2001); Riondato and Kornaropoulos (2016).
    """
    import networkit  # takes seconds, and few tasks need it

    if graph.size < 3:
        return np.zeros(graph.size)
    networkit.setNumberOfThreads(1)  # the task has one core, and the same numbers come out again
    networkit.setSeed(seed, False)
    copy = networkit_graph(graph)
    if graph.size * graph.links.nnz <= exact_limit:
        found = networkit.centrality.Betweenness(copy, normalized=True)
    else:
        found = networkit.centrality.ApproxBetweenness(copy, epsilon=max_error, delta=doubt)
    return np.asarray(found.run().scores())


def networkit_graph(graph: Graph, *, weighted: bool = False) -> Any:
    """The same graph as networkit has them."""
    import networkit

    tied = graph.links.tocoo()
    kept = slice(None) if graph.is_directed else tied.row < tied.col
    ends = (tied.row[kept].astype(np.uint64), tied.col[kept].astype(np.uint64))
    given = (tied.data[kept], ends) if weighted else ends
    return networkit.GraphFromCoo(given, n=graph.size, weighted=weighted, directed=graph.is_directed)
