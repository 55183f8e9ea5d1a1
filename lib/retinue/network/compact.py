"""A graph in the memory of one task: numbered vertices and a sparse matrix of weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy.sparse import csr_array  # type: ignore[import-untyped]

__all__ = ["Graph", "batches", "compacted", "in_one_task", "parts", "per_vertex"]

ROWS = 65_536  # of a batch given back
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Graph:
    """The vertices are numbered in the order of their ids, so that the smallest number has the smallest id.

    `links` has the weight from row to column, both ways where the graph is undirected, and no self-loop;
    `looped` marks who has one; `values` is what was said of each vertex, NaN where nothing was.
    """

    ids: pa.Array
    links: Any
    looped: NDArray[np.bool_]
    values: NDArray[np.float64]
    is_directed: bool

    @property
    def size(self) -> int:
        """How many vertices there are."""
        return len(self.ids)

    @cached_property
    def neighbours(self) -> Any:
        """Ones where there is an edge either way: the graph without directions and weights."""
        both = self.links + self.links.T if self.is_directed else self.links
        return csr_array((np.ones(both.nnz), both.indices, both.indptr), shape=both.shape)

    def places(self, ids: Iterable[object]) -> Ints:
        """The numbers of these ids; who is not in the graph has none."""
        found = pc.index_in(pa.array(list(ids), type=self.ids.type), value_set=self.ids)
        return np.asarray(found.drop_null(), dtype=np.int64)


def compacted(rows: Iterable[pa.RecordBatch], *, directed: bool) -> Graph:
    """The graph of rows src, dst, weight of `edges.read`; one without dst is a vertex with a value."""
    table = pa.Table.from_batches(rows)
    src, dst = table["src"], table["dst"]
    ids = pc.unique(pa.chunked_array([*src.chunks, *dst.chunks], type=src.type)).drop_null()
    ids = ids.take(pc.sort_indices(ids))
    weights = table["weight"].to_numpy()
    is_edge = dst.is_valid().to_numpy()
    one = pc.index_in(src, value_set=ids).to_numpy()
    values = np.full(len(ids), np.nan)
    values[one[~is_edge]] = weights[~is_edge]
    one, weights = one[is_edge], weights[is_edge]
    other = pc.index_in(dst.drop_null(), value_set=ids).to_numpy()
    looped = np.zeros(len(ids), dtype=bool)
    looped[one[one == other]] = True
    is_tie = one != other
    links = csr_array((weights[is_tie], (one[is_tie], other[is_tie])), shape=(len(ids), len(ids)))
    if not directed:
        links = links.maximum(links.T).tocsr()
    return Graph(ids, links, looped, values, directed)


def batches(columns: Mapping[str, Any]) -> Iterator[pa.RecordBatch]:
    """The columns in batches that a JVM takes without choking."""
    return iter(pa.table(dict(columns)).to_batches(max_chunksize=ROWS))


def parts(work: NDArray[Any], *, most: int) -> Iterator[slice]:
    """The rows in runs whose work comes to `most`, or of one row where that alone is more."""
    done, start = np.cumsum(work), 0
    while start < len(work):
        before = done[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(done, before + most, side="right")))
        yield slice(start, stop)
        start = stop


def in_one_task(
    edges: DataFrame,
    kernel: Callable[[Graph], Iterable[pa.RecordBatch]],
    *,
    returns: str,
    directed: bool,
    vertices: DataFrame | None = None,
) -> DataFrame:
    """What `kernel` makes of the whole graph, in a single task of the cluster.

    In: edges as `edges.read` gives them; `vertices` with id and, where there is one, a value (double), for
    those without an edge or of which the kernel has to know something. `returns` is the DDL of what the
    kernel yields.
    """

    def solved(rows: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        given = list(rows)
        yield from kernel(compacted(given, directed=directed)) if given else ()

    if vertices is not None:
        value = F.col("value") if "value" in vertices.columns else F.lit(None)
        named = vertices.select(F.col("id").alias("src"), value.cast("double").alias("weight"))
        edges = edges.unionByName(named, allowMissingColumns=True)
    return edges.repartition(1).mapInArrow(solved, returns)


def per_vertex(
    edges: DataFrame,
    kernel: Callable[[Graph], Mapping[str, Any]],
    *,
    returns: str,
    directed: bool,
    vertices: DataFrame | None = None,
) -> DataFrame:
    """A row a vertex: id and the columns that `kernel` gives, whose DDL is `returns`."""

    def rows(graph: Graph) -> Iterator[pa.RecordBatch]:
        return batches({"id": graph.ids, **kernel(graph)})

    kind = edges.schema["src"].dataType.simpleString()
    return in_one_task(edges, rows, returns=f"id {kind}, {returns}", directed=directed, vertices=vertices)
