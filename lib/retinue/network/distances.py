"""How far it is from one vertex to another, and how many are near."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy.sparse.csgraph import dijkstra  # type: ignore[import-untyped]

from retinue.errors import RetinueError
from retinue.network import centrality, compact, engines
from retinue.network import edges as given
from retinue.network.compact import Graph
from retinue.network.engines import settled, watched

__all__ = ["joined", "reach", "shortest"]

AT_ONCE = 16  # sources whose distances to all are in memory


def shortest(
    edges: DataFrame,
    *,
    sources: Sequence[object],
    directed: bool = False,
    weighted: bool = False,
    engine: str = "auto",
    local_limit: int = engines.LOCAL_LIMIT,
) -> DataFrame:
    """How far each vertex is from each source along the shortest way; who cannot be reached has no row.

    Out: id, source, distance (double: edges, or with `weighted` the sum of their weights as lengths; parallel
    edges are one as long as both together). In: edges with src, dst and, where `weighted`, weight.

    One task up to `local_limit` edges, joins beyond; runs Spark jobs to choose, and beyond one a step.
    Sources: Dijkstra (1959), Bellman (1958). Raises SchemaMismatch; RetinueError without a source or for
    another engine.
    """
    rows = given.read(edges, what="distances.shortest")
    if not sources:
        raise RetinueError("sources is empty; name at least one vertex to start from")
    if not engines.is_local(rows, engine=engine, local_limit=local_limit):
        links = given.directed(rows) if directed else given.undirected(rows)
        return joined(links, _named(rows, sources), weighted=weighted)
    kind = rows.schema["src"].dataType.simpleString()
    chosen = tuple(sources)

    def kernel(graph: Graph) -> Iterator[pa.RecordBatch]:
        return _far(graph, graph.places(chosen), weighted=weighted)

    returns = f"id {kind}, source {kind}, distance double"
    return compact.in_one_task(rows, kernel, returns=returns, directed=directed)


def reach(edges: DataFrame, *, sources: Sequence[object], hops: int = 2, directed: bool = False) -> DataFrame:
    """How many vertices are within 1, 2, ... `hops` edges of each source, itself left out.

    Out, a row a source and number of hops: id, hops (int), reached (bigint). In: edges with src and dst. One
    task walks from 64 sources at a time. Lazy. Raises SchemaMismatch; RetinueError without a source or hops.
    """
    rows = given.read(edges, what="distances.reach")
    if not sources or hops < 1:
        raise RetinueError(f"there are {len(sources)} sources and {hops} hops; give at least one of each")
    kind, chosen = rows.schema["src"].dataType.simpleString(), tuple(sources)

    def kernel(graph: Graph) -> Iterator[pa.RecordBatch]:
        return _near(graph, graph.places(chosen), hops)

    returns = f"id {kind}, hops int, reached bigint"
    return compact.in_one_task(rows, kernel, returns=returns, directed=directed)


def _named(rows: DataFrame, sources: Sequence[object]) -> DataFrame:
    """The sources that are vertices: id."""
    kind = rows.schema["src"].dataType
    named = rows.sparkSession.createDataFrame([(source,) for source in sources], f"id {kind.simpleString()}")
    return given.ids(rows).join(F.broadcast(named), "id", "left_semi").select("id")


def _far(graph: Graph, sources: compact.Ints, *, weighted: bool) -> Iterator[pa.RecordBatch]:
    for first in range(0, len(sources), AT_ONCE):
        chosen = sources[first : first + AT_ONCE]
        far = dijkstra(graph.links, indices=chosen, unweighted=not weighted)
        row, place = np.nonzero(np.isfinite(far))
        yield from compact.batches(
            {
                "id": graph.ids.take(pa.array(place)),
                "source": graph.ids.take(pa.array(chosen[row])),
                "distance": far[row, place],
            }
        )


def _near(graph: Graph, sources: compact.Ints, hops: int) -> Iterator[pa.RecordBatch]:
    for first in range(0, len(sources), centrality.AT_ONCE):
        chosen = sources[first : first + centrality.AT_ONCE]
        reached = np.zeros((hops, len(chosen)), dtype=np.int64)
        for step, new in centrality.walked(graph, chosen):
            if step > hops:
                break
            if step:
                reached[step - 1] = [
                    (new >> np.uint64(bit) & np.uint64(1)).sum() for bit in range(len(chosen))
                ]
        yield from compact.batches(
            {
                "id": graph.ids.take(pa.array(np.repeat(chosen, hops))),
                "hops": np.tile(np.arange(1, hops + 1, dtype=np.int32), len(chosen)),
                "reached": reached.cumsum(axis=0).T.ravel(),
            }
        )


def joined(links: DataFrame, sources: DataFrame, *, weighted: bool) -> DataFrame:
    """id, source, distance by joins: each step goes on from where a shorter way was found."""
    length = F.col("weight") if weighted else F.lit(1.0)
    links = links.select("src", "dst", length.alias("length")).persist()
    known = settled(sources.select("id", F.col("id").alias("source"), F.lit(0.0).alias("distance")))
    new = known
    try:
        found = 1
        while found:
            onward = new.join(links, F.col("id") == F.col("src")).select(
                F.col("dst").alias("id"), "source", (F.col("distance") + F.col("length")).alias("tried")
            )
            nearest = onward.groupBy("id", "source").agg(F.min("tried").alias("tried"))
            merged = known.join(nearest, ["id", "source"], "full")
            is_better = F.col("tried") < F.coalesce("distance", F.lit(float("inf")))
            is_new = F.coalesce(is_better, F.lit(False))
            tried, told = watched(merged.withColumn("is_new", is_new), found=F.count_if("is_new"))
            found = told["found"]
            known = tried.select("id", "source", F.least("distance", "tried").alias("distance"))
            new = tried.where("is_new").select("id", "source", F.col("tried").alias("distance"))
        return known
    finally:
        links.unpersist()
