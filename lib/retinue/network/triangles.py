"""Triangles: how many, and how closely a vertex's neighbours are tied to each other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from scipy.sparse import csr_array  # type: ignore[import-untyped]

from retinue.network.compact import Graph, parts

__all__ = ["clustering", "joined", "links_among_neighbours", "links_joined", "triangles"]

Floats = NDArray[np.float64]
WEDGES = 20_000_000  # held in memory at a time


def triangles(graph: Graph) -> NDArray[np.int64]:
    """The triangles that each vertex is a corner of, whatever the edges' directions."""
    place, low = _from_small_to_large(graph.neighbours)
    return _corners(low, low, low)[place].astype(np.int64)


def clustering(graph: Graph) -> Floats:
    """The share of a vertex's pairs of neighbours that are tied, 0 where there is none.

    Where edges have directions, the share of the triangles that their directions could make.
    Sources: Watts and Strogatz (1998); with directions Fagiolo (2007).
    """
    if not graph.is_directed:
        degree = np.diff(graph.links.indptr)
        return _share(2.0 * triangles(graph), degree * (degree - 1.0))
    ways = _ways(graph)
    place, low = _from_small_to_large(ways)
    found = _corners(low, low, low)[place]
    total = np.asarray(ways.sum(axis=1))
    mutual = np.asarray((ways == 2).sum(axis=1))
    return _share(found, total * (total - 1) - 2 * mutual)


def links_among_neighbours(graph: Graph) -> Floats:
    """The share of the possible links between a vertex's neighbours that there are, each direction counted.

    Without directions it is `clustering`. Source: LCC of LDBC Graphalytics.
    """
    place, low = _from_small_to_large(_ways(graph) if graph.is_directed else 2 * graph.neighbours)
    tied = low.copy()
    tied.data = np.ones_like(tied.data)
    first, _ = _sums(tied, low, tied)
    _, last = _sums(low, tied, tied)
    middle, _ = _sums(tied.T.tocsr(), low, tied)
    degree = np.diff(graph.neighbours.indptr)
    return _share((first + middle + last)[place], degree * (degree - 1.0))


def _ways(graph: Graph) -> Any:
    """How many directions each tie has, 1 or 2, seen from either end."""
    ones = csr_array(
        (np.ones(graph.links.nnz), graph.links.indices, graph.links.indptr), shape=graph.links.shape
    )
    return (ones + ones.T).tocsr()


def _from_small_to_large(ties: Any) -> tuple[NDArray[np.int64], Any]:
    """Each vertex's place by degree, and the ties from lesser to greater: no row has many, hubs least."""
    order = np.argsort(np.diff(ties.indptr), kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    tied = ties.tocoo()
    one, other = place[tied.row], place[tied.col]
    upward = one < other
    return place, csr_array((tied.data[upward], (one[upward], other[upward])), shape=ties.shape)


def _corners(a: Any, b: Any, c: Any) -> Floats:
    """At each corner of the triangles u < v < w, the sum of a(u, v) b(v, w) c(u, w)."""
    first, last = _sums(a, b, c)
    middle, _ = _sums(a.T.tocsr(), c, b)
    return first + middle + last


def _sums(a: Any, b: Any, c: Any) -> tuple[Floats, Floats]:
    """The sums by row and by column of the product of a and b, where c has something, times c."""
    rows, columns = np.zeros(a.shape[0]), np.zeros(a.shape[0])
    work = a.astype(bool).astype(np.int64) @ np.diff(b.indptr)
    for span in parts(work, most=WEDGES):
        met = (a[span] @ b).multiply(c[span])
        rows[span] = np.asarray(met.sum(axis=1))
        columns += np.asarray(met.sum(axis=0))
    return rows, columns


def _share(part: NDArray[Any], whole: NDArray[Any]) -> Floats:
    share: Floats = np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)
    return share


# By joins.


def joined(links: DataFrame, *, directed: bool) -> DataFrame:
    """id, triangles and clustering by joins, of who has an edge. In: links with src and dst.

    Without directions, each is there from either side.
    """
    ways = _ways_joined(links) if directed else links.select("src", "dst", F.lit(2).alias("ways"))
    tied = ways.groupBy(F.col("src").alias("id")).agg(
        F.sum("ways").alias("total"), F.count_if(F.col("ways") == 2).alias("mutual")
    )
    possible = F.col("total") * (F.col("total") - 1) - 2 * F.col("mutual")
    share = F.try_divide(F.coalesce("turns", F.lit(0)), possible)
    found = F.coalesce("triangles", F.lit(0)).alias("triangles")
    return tied.join(_corners_joined(ways), "id", "left").select("id", found, share.alias("clustering"))


def links_joined(links: DataFrame, *, directed: bool) -> DataFrame:
    """id and links_among_neighbours by joins, of who has an edge."""
    ways = _ways_joined(links) if directed else links.select("src", "dst", F.lit(2).alias("ways"))
    tied = ways.groupBy(F.col("src").alias("id")).agg(F.count("*").alias("degree"))
    share = F.try_divide(F.coalesce("opposite", F.lit(0)), F.expr("degree * (degree - 1)"))
    return tied.join(_corners_joined(ways), "id", "left").select(
        "id", F.coalesce(share, F.lit(0.0)).alias("links_among_neighbours")
    )


def _ways_joined(links: DataFrame) -> DataFrame:
    """src, dst, ways: each tie from either side, with how many directions it has."""
    back = links.select(F.col("dst").alias("src"), F.col("src").alias("dst"))
    either = links.select("src", "dst").union(back)
    return either.groupBy("src", "dst").agg(F.count("*").alias("ways"))


def _corners_joined(ties: DataFrame) -> DataFrame:
    """A row a vertex that is a corner of a triangle: id, triangles, opposite and turns.

    In: src, dst and ways (1 or 2, the directions an edge has), each tie from either side. `opposite` adds up
    the ways of the edges across, `turns` the products of the ways of the three edges. Edges point from small
    degrees to large, so that no hub has many to pair.
    """
    degrees = ties.groupBy(F.col("src").alias("id")).agg(F.count("*").alias("degree"))
    own = degrees.select(F.col("id").alias("src"), F.struct("degree", F.col("id")).alias("low"))
    others = degrees.select(F.col("id").alias("dst"), F.struct("degree", F.col("id")).alias("high"))
    upward = ties.join(own, "src").join(others, "dst").where("low < high").drop("src", "dst")
    one = upward.select("low", F.col("high").alias("middle"), F.col("ways").alias("near"))
    other = upward.select("low", "high", F.col("ways").alias("far"))
    across = upward.select(F.col("low").alias("middle"), "high", F.col("ways").alias("across"))
    found = one.join(other, "low").where("middle < high").join(across, ["middle", "high"])
    turns = F.col("near") * F.col("far") * F.col("across")

    def corner(end: str, opposite: str) -> Column:
        return F.struct(F.col(f"{end}.id").alias("id"), F.col(opposite).alias("opposite"))

    each = F.explode(F.array(corner("low", "across"), corner("middle", "far"), corner("high", "near")))
    told = found.select(each.alias("corner"), turns.alias("turns"))
    return told.groupBy("corner.id").agg(
        F.count("*").alias("triangles"),
        F.sum("corner.opposite").alias("opposite"),
        F.sum("turns").alias("turns"),
    )
