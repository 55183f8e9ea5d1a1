"""The k-core: who stays when all with fewer than k neighbours leave, again and again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retinue.network.compact import Graph
from retinue.network.engines import settled, watched

__all__ = ["core_numbers", "joined", "spans"]

Ints = NDArray[np.int64]


def core_numbers(graph: Graph) -> Ints:
    """The greatest k whose core a vertex is in; where edges have directions both ways count.

    Peels the graph from outside, a layer at a time. Source: Matula and Beck (1983).
    """
    ones = graph.links.astype(bool).astype(np.int64)
    ties = (ones + ones.T).tocsr() if graph.is_directed else ones
    left = np.asarray(ties.sum(axis=1))
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
            np.subtract.at(left, ties.indices[entries], ties.data[entries])
            touched = np.unique(ties.indices[entries])
            layer = touched[stays[touched] & (left[touched] <= k)]
    return core


def spans(starts: Ints, rows: Ints) -> Ints:
    """Where the entries of these rows lie, one row after the other."""
    length = starts[rows + 1] - starts[rows]
    first = np.repeat(starts[rows] - np.concatenate([[0], np.cumsum(length)[:-1]]), length)
    return first + np.arange(length.sum())


def joined(ties: DataFrame) -> DataFrame:
    """The same by joins: id, core_number. Runs Spark jobs, a round each, until none changes.

    In: src and dst, each edge from either side; where it has both directions, twice. A vertex's number is at
    most the largest h for which h of its neighbours have h or more, and at first its degree.
    Source: Lü, Zhou, Zhang and Stanley (2016).
    """
    degree = F.count("*").cast("int").alias("core_number")
    ties = ties.select("src", "dst").persist()
    numbers = settled(ties.groupBy(F.col("src").alias("id")).agg(degree))
    falling = F.sort_array(F.collect_list("core_number"), asc=False)
    largest = F.size(F.filter(falling, lambda number, place: number > place))
    try:
        while True:
            heard = ties.join(numbers.withColumnRenamed("id", "dst"), "dst")
            fewer = heard.groupBy(F.col("src").alias("id")).agg(largest.alias("fewer"))
            is_less = F.count_if(F.col("fewer") < F.col("core_number"))
            rounded, told = watched(numbers.join(fewer, "id"), fell=is_less)
            numbers = rounded.select("id", F.least("core_number", "fewer").alias("core_number"))
            if not told["fell"]:
                return numbers
    finally:
        ties.unpersist()
