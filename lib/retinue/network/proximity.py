"""How near two vertices are to a reader who sets out at one of them: personalised PageRank of pairs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy.sparse import csr_array, diags_array  # type: ignore[import-untyped]

from retinue.errors import RetinueError
from retinue.network import compact, engines, links
from retinue.network import edges as given
from retinue.network.compact import Graph

__all__ = ["personalised_pagerank"]

DAMPING = 0.85
AT_ONCE = 4_000_000  # numbers in memory at a time


def personalised_pagerank(
    edges: DataFrame,
    *,
    steps: int = 2,
    damping: float = DAMPING,
    work: int = 500_000_000,
    max_wedges: int | None = None,
    engine: str = "auto",
    local_limit: int = engines.LOCAL_LIMIT,
) -> DataFrame:
    """For each pair that two or three `steps` lead between, how much of a reader's time is at the other end.

    The reader sets out at one end, goes on along an edge by its weight, and begins anew at the same
    vertex with a probability of 1 - `damping`. Both ways are added up.

    Out, a row a pair with src < dst, linked or not: src, dst, personalised_pagerank (double, 0..2).
    In: undirected edges with src, dst and optionally weight.

    Time is passed on from a vertex only where so much for each of its edges has gathered there, a tolerance,
    that a source costs 1 / ((1 - damping) tolerance) edges at most, whatever the size of the graph; the
    tolerance follows from `work`, the edges passed in all. Of a pair's number less is missing than the
    tolerance times the edges of both ends, where all edges weigh the same; nothing is added. With
    `max_wedges`, those hubs do not lead to a pair, as the step before its dst, that bring nobody together in
    `links.predict`.

    One task up to `local_limit` edges, joins beyond (`engine`: auto, local, distributed); the numbers are the
    same. Runs Spark jobs by joins, one a step. Source: Andersen, Chung and Lang (2006).
    Raises SchemaMismatch; RetinueError for a damping outside 0..1, other steps, work below 1, another engine.
    """
    if not 0 < damping < 1 or steps not in (2, 3) or work < 1:
        raise RetinueError(
            f"damping is {damping}, steps {steps} and work {work}; "
            "give a share between 0 and 1, 2 or 3, and 1 or more"
        )
    rows = given.read(edges, what="personalised_pagerank")
    if engines.is_local(rows, engine=engine, local_limit=local_limit):

        def kernel(graph: Graph) -> Iterator[pa.RecordBatch]:
            return _pairs(graph, steps=steps, damping=damping, work=work, max_wedges=max_wedges)

        kind = rows.schema["src"].dataType.simpleString()
        returns = f"src {kind}, dst {kind}, personalised_pagerank double"
        return compact.in_one_task(rows, kernel, returns=returns, directed=False)
    return _joined(given.undirected(rows), steps=steps, damping=damping, work=work, max_wedges=max_wedges)


def _tolerance(vertices: int, damping: float, work: int) -> float:
    return vertices / ((1 - damping) * work)


# In one task.


def _pairs(
    graph: Graph, *, steps: int, damping: float, work: int, max_wedges: int | None
) -> Iterator[pa.RecordBatch]:
    """The pairs, some sources at a time; one way is to the other as the weighted degrees of the ends are."""
    strength = np.asarray(graph.links.sum(axis=1))
    least = _tolerance(graph.size, damping, work) * np.diff(graph.links.indptr)
    share = np.divide(1, strength, out=np.zeros(graph.size), where=strength > 0)
    passing = (diags_array(share) @ graph.links).tocsr()
    onward = _onward(graph.neighbours, steps, max_wedges)
    at_once = max(AT_ONCE // min(graph.size, work // graph.size + 1), 1)
    for first in range(0, graph.size, at_once):
        span = slice(first, min(first + at_once, graph.size))
        time = reached(passing, span, least=least, damping=damping)
        found = time.multiply(_ones(graph.neighbours[span] @ onward)).tocoo()
        one, other = found.row.astype(np.int64) + first, found.col.astype(np.int64)
        kept = other > one
        one, other = one[kept], other[kept]
        both = found.data[kept] * (1 + strength[one] / strength[other])
        src, dst = (graph.ids.take(pa.array(end)) for end in (one, other))
        yield from compact.batches({"src": src, "dst": dst, "personalised_pagerank": both})


def reached(passing: Any, sources: slice, *, least: NDArray[np.float64], damping: float) -> Any:
    """The time at each vertex (columns) of who sets out at each of the sources (rows).

    In each step those vertices pass on what has come to them where `least` or more has gathered.
    """
    count = sources.stop - sources.start
    places = (np.arange(count), np.arange(sources.start, sources.stop))
    waiting = csr_array((np.ones(count), places), shape=(count, passing.shape[0]))
    time = csr_array(waiting.shape)
    while True:
        moves = waiting.copy()
        moves.data[moves.data < least[moves.indices]] = 0
        moves.eliminate_zeros()
        if not moves.nnz:
            return time + (1 - damping) * waiting
        time = time + (1 - damping) * moves
        waiting = waiting - moves + damping * (moves @ passing)


def _onward(ties: Any, steps: int, max_wedges: int | None) -> Any:
    """Where a neighbour leads in one step less, the last of them not out of a hub."""
    neighbours = np.diff(ties.indptr)
    through = csr_array(
        diags_array((neighbours <= links.highest_degree(neighbours, max_wedges)).astype(float)) @ ties
    )
    through.eliminate_zeros()
    return through if steps == 2 else _ones(ties @ through)


def _ones(ways: Any) -> Any:
    ways.data = np.ones_like(ways.data)
    return ways


# By joins.


def _joined(ties: DataFrame, *, steps: int, damping: float, work: int, max_wedges: int | None) -> DataFrame:
    degree = ties.groupBy(F.col("src").alias("id")).agg(
        F.sum("weight").alias("strength"), F.count("*").alias("degree")
    )
    vertices = engines.settled(degree)
    tolerance = _tolerance(max(vertices.count(), 1), damping, work)
    strengths = vertices.withColumnRenamed("id", "src")
    shares = engines.settled(
        ties.join(strengths, "src").select(
            "src",
            "dst",
            (F.col("weight") / F.col("strength")).alias("share"),
            (tolerance * F.col("degree")).alias("least"),
        )
    )
    begun = vertices.select(
        F.col("id").alias("source"), "id", F.lit(1.0).alias("waiting"), F.lit(0.0).alias("time")
    )
    time = _passed_on(begun, shares, damping)
    pairs = _led_to(ties, steps, max_wedges).join(
        time.withColumnsRenamed({"source": "src", "id": "dst"}), ["src", "dst"]
    )
    others = vertices.select(F.col("id").alias("dst"), F.col("strength").alias("other"))
    both = (F.col("time") * (1 + F.col("strength") / F.col("other"))).alias("personalised_pagerank")
    return pairs.join(strengths, "src").join(others, "dst").select("src", "dst", both)


def _passed_on(state: DataFrame, shares: DataFrame, damping: float) -> DataFrame:
    """source, id, time: step after step until nobody has enough to pass on."""
    least = shares.select(F.col("src").alias("id"), "least").distinct()
    staying = F.lit(1 - damping)
    while True:
        moves = state.join(least, "id").where("waiting >= least")
        arriving = moves.join(shares, F.col("id") == F.col("src")).select(
            "source",
            F.col("dst").alias("id"),
            (damping * F.col("waiting") * F.col("share")).alias("waiting"),
            F.lit(0.0).alias("time"),
        )
        left = moves.select(
            "source", "id", (-F.col("waiting")).alias("waiting"), (staying * F.col("waiting")).alias("time")
        )
        if moves.isEmpty():
            return state.select("source", "id", (F.col("time") + staying * F.col("waiting")).alias("time"))
        parts = state.unionByName(left).unionByName(arriving)
        state = engines.settled(
            parts.groupBy("source", "id").agg(F.sum("waiting").alias("waiting"), F.sum("time").alias("time"))
        )


def _led_to(ties: DataFrame, steps: int, max_wedges: int | None) -> DataFrame:
    """src, dst: the pairs that so many steps lead between."""
    ways = ties.select("src", "dst")
    through = ways
    if max_wedges is not None:
        hubs = links.left_out(ties, max_wedges=max_wedges).select(F.col("id").alias("src"))
        through = ways.join(hubs, "src", "left_anti")
    onward = through if steps == 2 else _then(ways, through)
    return _then(ways, onward).where("src < dst")


def _then(ways: DataFrame, onward: DataFrame) -> DataFrame:
    further = onward.toDF("dst", "end")
    return ways.join(further, "dst").select("src", F.col("end").alias("dst")).distinct()
