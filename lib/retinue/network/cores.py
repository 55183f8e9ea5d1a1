"""The k-core: who stays when all with fewer than k neighbours leave, again and again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retinue.network.compact import Graph

__all__ = ["core_numbers", "spans"]

Ints = NDArray[np.int64]


def core_numbers(graph: Graph) -> Ints:
    """The greatest k whose core a vertex is in; where edges have directions both ways count.

    Peels the graph from outside, a layer at a time. Source: Matula and Beck (1983).
    """
    links = graph.links
    ways = links + links.T if graph.is_directed else links
    ties = (_ones(links) + _ones(links.T)).tocsr() if graph.is_directed else _ones(ways)
    left = np.asarray(ties.sum(axis=1)).astype(np.int64)
    core = np.zeros(graph.size, dtype=np.int64)
    stays = np.ones(graph.size, dtype=bool)
    k = 0
    while stays.any():
        k = max(k, int(left[stays].min()))
        layer = np.flatnonzero(stays & (left <= k))
        while len(layer):
            stays[layer] = False
            core[layer] = k
            entries = spans(ties.indptr, layer)
            np.subtract.at(left, ties.indices[entries], ties.data[entries].astype(np.int64))
            touched = np.unique(ties.indices[entries])
            layer = touched[stays[touched] & (left[touched] <= k)]
    return core


def spans(starts: Ints, rows: Ints) -> Ints:
    """Where the entries of these rows lie, one row after the other."""
    length = starts[rows + 1] - starts[rows]
    first = np.repeat(starts[rows] - np.concatenate([[0], np.cumsum(length)[:-1]]), length)
    return first + np.arange(length.sum())


def _ones(links: object) -> object:
    ones = links.copy()  # type: ignore[attr-defined]
    ones.data = np.ones_like(ones.data)
    return ones
