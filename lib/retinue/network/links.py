"""Links that are not there yet: pairs with neighbours in common, and what these say of a link."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from scipy.sparse import csr_array, diags_array  # type: ignore[import-untyped]

from retinue.errors import RetinueError, nearest
from retinue.network import compact, engines
from retinue.network import edges as given
from retinue.network.compact import Graph

__all__ = ["SCORES", "highest_degree", "left_out", "predict"]

SCORES = (
    "common_neighbours",
    "jaccard",
    "adamic_adar",
    "resource_allocation",
    "preferential_attachment",
)
AT_ONCE = 10_000_000  # wedges in memory at a time
BLOCK = 1_000  # neighbours of a hub that one task pairs with as many others
_COLUMNS = (
    "common_neighbours bigint, jaccard double, adamic_adar double, resource_allocation double, "
    "preferential_attachment bigint"
)


def predict(
    edges: DataFrame,
    *,
    by: str = "adamic_adar",
    limit: int | None = None,
    max_wedges: int | None = None,
    engine: str = "auto",
    local_limit: int = engines.LOCAL_LIMIT,
) -> DataFrame:
    """Every pair that is not linked and has a neighbour in common, with what its neighbours say of a link.

    Out, a row a pair with src < dst: src, dst, common_neighbours (bigint), jaccard (double, 0..1, of the
    neighbours that either has, the share that both have), adamic_adar (double, sum of 1 / log degree of the
    common neighbours), resource_allocation (double, sum of 1 / degree), preferential_attachment (bigint,
    product of the two degrees). `limit` keeps for each src the best pairs by the score `by`, ties by dst.

    In: undirected edges with src and dst; weights play no part. Self-loops count in degrees only.

    `max_wedges` bounds the work: pairs of neighbours of one vertex are counted, and vertices of the highest
    degrees, whose pairs would go beyond, bring nobody together; `left_out` says which they are and what share
    of the pairs that is. Without it every vertex does, and one of a million neighbours makes 5e11 pairs.

    One task up to `local_limit` edges, joins beyond (`engine`: auto, local, distributed); the numbers are the
    same. Runs a Spark job to choose. Sources: Liben-Nowell and Kleinberg (2007); Zhou, Lü and Zhang (2009).
    Raises SchemaMismatch; RetinueError for an unknown score or engine, or a limit below 1.
    """
    score, rows = _checked(by, limit=limit, max_wedges=max_wedges), given.read(edges, what="links.predict")
    if engines.is_local(rows, engine=engine, local_limit=local_limit):
        kind = rows.schema["src"].dataType.simpleString()

        def kernel(graph: Graph) -> Iterator[pa.RecordBatch]:
            return _pairs(graph, by=score, limit=limit, max_wedges=max_wedges)

        returns = f"src {kind}, dst {kind}, {_COLUMNS}"
        return compact.in_one_task(rows, kernel, returns=returns, directed=False)
    pairs = _joined(rows, max_wedges=max_wedges)
    return pairs if limit is None else _best(pairs, by=score, limit=limit)


def left_out(edges: DataFrame, *, max_wedges: int) -> DataFrame:
    """The vertices that bring nobody together in `predict` under this budget, and what is lost with them.

    Out, a row a vertex: id, degree (bigint, neighbours), wedge_count (bigint, pairs of neighbours),
    wedge_share (double, 0..1, of all such pairs of the graph). In: as in `predict`. Runs Spark jobs; the
    distribution of degrees comes to the driver. Raises as `predict` does.
    """
    _checked("jaccard", limit=None, max_wedges=max_wedges)
    rows = given.read(edges, what="links.left_out")
    degrees = _degrees(rows)
    highest, total = _highest(degrees, max_wedges)
    pairs = F.expr("degree * (degree - 1) DIV 2")
    dropped = degrees.where(F.col("degree") > highest).withColumn("wedge_count", pairs)
    share = F.col("wedge_count") / F.lit(max(total, 1))
    return dropped.select("id", "degree", "wedge_count", share.alias("wedge_share"))


def _checked(by: str, *, limit: int | None, max_wedges: int | None) -> str:
    if by.lower() not in SCORES:
        raise RetinueError(f"by is {by!r}{nearest(by, SCORES)}; there are {', '.join(SCORES)}")
    for name, number in {"limit": limit, "max_wedges": max_wedges}.items():
        if number is not None and number < 1:
            raise RetinueError(f"{name} is {number}; give 1 or more, or None for no bound")
    return by.lower()


# In one task.


def _pairs(graph: Graph, *, by: str, limit: int | None, max_wedges: int | None) -> Iterator[pa.RecordBatch]:
    """The pairs, a run of vertices at a time: their rows of the adjacency matrix times the whole."""
    ties = graph.neighbours
    neighbours = np.diff(ties.indptr)
    brings = neighbours <= highest_degree(neighbours, max_wedges)
    degree = neighbours + 2 * graph.looped
    weights = {
        "common_neighbours": brings.astype(np.float64),
        "adamic_adar": _where(brings, 1 / np.log(np.maximum(degree, 2))),
        "resource_allocation": _where(brings, 1 / np.maximum(degree, 1)),
    }
    scaled = {name: _lean(diags_array(weight).tocsr() @ ties) for name, weight in weights.items()}
    for span in compact.parts(ties @ (neighbours * brings).astype(np.float64), most=AT_ONCE):
        shared = {name: ties[span] @ other for name, other in scaled.items()}
        found = _scored(graph, span, shared, degree)
        kept = slice(None) if limit is None else _first(found["one"], found["other"], found[by], limit)
        chosen = {name: column[kept] for name, column in found.items()}
        src, dst = (graph.ids.take(pa.array(chosen.pop(end))) for end in ("one", "other"))
        yield from compact.batches({"src": src, "dst": dst, **chosen})


def highest_degree(neighbours: NDArray[np.int32], max_wedges: int | None) -> float:
    """The highest degree whose vertices, and all below, stay within the budget."""
    if max_wedges is None:
        return np.inf
    degree, count = np.unique(neighbours, return_counts=True)
    return _within(degree.astype(float), count.astype(float), max_wedges)


def _within(degree: NDArray[np.float64], count: NDArray[np.float64], max_wedges: int) -> float:
    work = np.cumsum(count * degree * (degree - 1) / 2)
    return float(degree[work <= max_wedges].max(initial=0))


def _scored(
    graph: Graph, span: slice, shared: dict[str, Any], degree: NDArray[np.int64]
) -> dict[str, NDArray[Any]]:
    """The pairs of these vertices with later ones; the three products have them in the same order."""
    product = shared["common_neighbours"]
    one = np.repeat(np.arange(span.start, span.stop), np.diff(product.indptr))
    other = product.indices.astype(np.int64)
    later = other > one
    is_new = later.copy()
    is_new[later] = ~_linked(graph, span, one[later], other[later])
    one, other = one[is_new], other[is_new]
    summed = {name: matrix.data[is_new] for name, matrix in shared.items()}
    common = summed["common_neighbours"]
    neighbours = np.diff(graph.neighbours.indptr)
    return {
        "one": one,
        "other": other,
        "common_neighbours": common.astype(np.int64),
        "jaccard": common / (neighbours[one] + neighbours[other] - common),
        "adamic_adar": summed["adamic_adar"],
        "resource_allocation": summed["resource_allocation"],
        "preferential_attachment": degree[one].astype(np.int64) * degree[other],
    }


def _linked(graph: Graph, span: slice, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.bool_]:
    own = graph.neighbours[span].tocoo()
    known = np.sort((own.row.astype(np.int64) + span.start) * graph.size + own.col)
    if not len(known):
        return np.zeros(len(one), dtype=bool)
    asked = one * graph.size + other
    place = np.minimum(np.searchsorted(known, asked), len(known) - 1)
    return np.asarray(known[place] == asked)


def _first(
    one: NDArray[np.int64], other: NDArray[np.int64], score: NDArray[Any], limit: int
) -> NDArray[np.int64]:
    order = np.lexsort((other, -score, one))
    starts = np.flatnonzero(np.diff(one[order], prepend=-1))
    length = np.diff(np.append(starts, len(order)))
    return order[np.arange(len(order)) - np.repeat(starts, length) < limit]


def _where(chosen: NDArray[np.bool_], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weights of those chosen. Who has one neighbour makes no pair: its weight only keeps its row."""
    return np.where(chosen, weight, 0.0)


def _lean(scaled: Any) -> Any:
    """Without the rows of zeros of those who bring nobody together, so that no product walks them."""
    scaled.eliminate_zeros()
    return csr_array(scaled)


# By joins.


def _joined(rows: DataFrame, *, max_wedges: int | None) -> DataFrame:
    ties = given.undirected(rows).select("src", "dst")
    degrees = _degrees(rows)
    brings = (
        degrees if max_wedges is None else degrees.where(F.col("degree") <= _highest(degrees, max_wedges)[0])
    )
    met = _met(ties.join(brings.withColumnRenamed("id", "src"), "src"))
    shared = met.groupBy("one", "other").agg(
        F.count("*").alias("common_neighbours"),
        F.sum(1 / F.log(F.col("counted"))).alias("adamic_adar"),
        F.sum(1 / F.col("counted")).alias("resource_allocation"),
    )
    new = shared.withColumnsRenamed({"one": "src", "other": "dst"}).join(ties, ["src", "dst"], "left_anti")
    return _with_degrees(new, degrees)


def _met(ties: DataFrame) -> DataFrame:
    """A row for each two neighbours of a vertex: one, other, counted (its degree).

    A hub's neighbours are dealt into blocks, each paired with each, so that no task has all of them.
    """
    blocks = F.ceil(F.col("degree") / BLOCK).cast("int")
    dealt = ties.withColumns({"blocks": blocks, "block": F.pmod(F.xxhash64("dst"), blocks).cast("int")})
    every = F.explode(F.sequence(F.lit(0), F.col("blocks") - 1))
    one = dealt.select("src", F.col("dst").alias("one"), F.col("block").alias("first"), every.alias("second"))
    other = dealt.select(
        "src", F.col("dst").alias("other"), F.col("block").alias("second"), every.alias("first"), "counted"
    )
    return one.join(other, ["src", "first", "second"]).where(F.col("one") < F.col("other"))


def _with_degrees(pairs: DataFrame, degrees: DataFrame) -> DataFrame:
    own = degrees.select(F.col("id").alias("src"), F.struct("degree", "counted").alias("own"))
    others = degrees.select(F.col("id").alias("dst"), F.struct("degree", "counted").alias("others"))
    common = F.col("common_neighbours")
    return (
        pairs.join(own, "src")
        .join(others, "dst")
        .select(
            "src",
            "dst",
            "common_neighbours",
            (common / (F.col("own.degree") + F.col("others.degree") - common)).alias("jaccard"),
            "adamic_adar",
            "resource_allocation",
            (F.col("own.counted") * F.col("others.counted")).alias("preferential_attachment"),
        )
    )


def _degrees(rows: DataFrame) -> DataFrame:
    """id, degree (neighbours) and counted (with the two ends of a self-loop)."""
    neighbours = given.undirected(rows).groupBy(F.col("src").alias("id")).agg(F.count("*").alias("degree"))
    loops = given.ids(rows)
    counted = F.col("degree") + F.when(F.col("is_looped"), 2).otherwise(0)
    return neighbours.join(loops, "id").select("id", "degree", counted.alias("counted"))


def _highest(degrees: DataFrame, max_wedges: int) -> tuple[float, int]:
    """The highest degree within the budget, and how many pairs of neighbours there are in all."""
    counts = degrees.groupBy("degree").count().orderBy("degree").toPandas()  # as many as there are degrees
    degree, count = counts["degree"].to_numpy(float), counts["count"].to_numpy(float)
    return _within(degree, count, max_wedges), int((count * degree * (degree - 1) / 2).sum())


def _best(pairs: DataFrame, *, by: str, limit: int) -> DataFrame:
    best: Column = F.row_number().over(Window.partitionBy("src").orderBy(F.desc(by), "dst"))
    return pairs.withColumn("_place", best).where(F.col("_place") <= limit).drop("_place")
