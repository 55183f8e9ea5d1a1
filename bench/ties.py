"""The edges as each library wants them, and a column a vertex written as it gave it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

__all__ = [
    "graphframe",
    "igraph_graph",
    "least",
    "networkit_graph",
    "networkx_graph",
    "numbered",
    "write",
    "write_named",
]


def numbered(source: Path) -> tuple[pa.Array, Any, Any]:
    """The ids, and both ends of the edges as their places among these."""
    table = pq.read_table(source)
    ends = pa.chunked_array([*table["src"].chunks, *table["dst"].chunks])
    found = ends.combine_chunks().dictionary_encode()
    places = found.indices.to_numpy()
    return found.dictionary, places[: len(table)], places[len(table) :]


def networkx_graph(networkx: Any, source: Path) -> Any:
    """A Graph whose nodes are the ids."""
    table = pq.read_table(source)
    graph = networkx.Graph()
    graph.add_edges_from(zip(table["src"].to_pylist(), table["dst"].to_pylist(), strict=True))
    return graph


def networkit_graph(networkit: Any, source: Path) -> tuple[Any, pa.Array]:
    """A Graph, and the ids of its nodes."""
    ids, src, dst = numbered(source)
    ends = (src.astype(np.uint64), dst.astype(np.uint64))
    return networkit.GraphFromCoo(ends, n=len(ids), weighted=False, directed=False), ids


def igraph_graph(igraph: Any, source: Path) -> tuple[Any, pa.Array]:
    """A Graph, and the ids of its vertices."""
    ids, src, dst = numbered(source)
    return igraph.Graph(n=len(ids), edges=np.stack([src, dst], axis=1)), ids


def graphframe(spark: Any, source: Path, *, both_ways: bool) -> Any:
    """A GraphFrame; it knows directed edges only, so that undirected ones are listed both ways."""
    from graphframes import GraphFrame

    edges = spark.read.parquet(str(source)).select("src", "dst")
    vertices = edges.selectExpr("explode(array(src, dst)) AS id").distinct()
    return GraphFrame(vertices, edges.union(edges.select("dst", "src")) if both_ways else edges)


def write(target: Path, ids: pa.Array, **columns: Any) -> None:
    """A row a vertex: its id and the columns."""
    target.mkdir()
    pq.write_table(pa.table({"id": ids, **columns}), target / "answer.parquet", compression="zstd")


def write_named(target: Path, column: str, values: Mapping[str, Any]) -> None:
    """The same of values by id."""
    write(target, pa.array(list(values)), **{column: pa.array(list(values.values()))})


def least(ids: pa.Array, groups: Iterable[int]) -> pa.Array:
    """Each vertex's group, named by the least id in it."""
    told = pa.table({"group": pa.array(groups), "id": ids})
    names = told.group_by("group").aggregate([("id", "min")]).combine_chunks()
    return names["id_min"].take(pc.index_in(told["group"], value_set=names["group"])).combine_chunks()
