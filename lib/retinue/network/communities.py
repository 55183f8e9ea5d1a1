"""Who belongs together: components, and communities tied more closely than chance would."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame

from retinue.errors import RetinueError
from retinue.network import coarse, compact, engines, groups
from retinue.network import edges as given
from retinue.network.compact import Graph

__all__ = ["components", "detect", "label_propagation"]


def components(
    edges: DataFrame,
    *,
    directed: bool = False,
    vertices: DataFrame | None = None,
    engine: str = "auto",
    local_limit: int = engines.LOCAL_LIMIT,
) -> DataFrame:
    """Vertices joined by a path are one component; with `directed`, by paths both ways (strong components).

    Out, a row a vertex: id, community_id (the least id of the component). In: edges with src and dst;
    `vertices` with id, where some may have no edge.

    One task up to `local_limit` edges, GraphFrames beyond (`engine`: auto, local, distributed), the same ids
    from both. Runs Spark jobs to choose, and beyond. Raises SchemaMismatch; RetinueError for another engine.
    """

    def kernel(graph: Graph) -> Mapping[str, Any]:
        return {"community_id": _named(graph, groups.components(graph, strong=directed))}

    rows = given.read(edges, what="communities.components")
    if engines.is_local(rows, engine=engine, local_limit=local_limit):
        return _grouped(rows, kernel, "community_id", directed=directed, vertices=vertices)
    return groups.components_joined(given.every(rows, vertices), given.directed(rows), strong=directed)


def label_propagation(
    edges: DataFrame,
    *,
    iterations: int = 10,
    directed: bool = False,
    vertices: DataFrame | None = None,
    engine: str = "auto",
    local_limit: int = engines.LOCAL_LIMIT,
) -> DataFrame:
    """Who talks alike: each takes, all at once, the label most of its neighbours had, the least of several.

    Out, a row a vertex: id, label (an id; its own at first). It ends after `iterations` steps or where none
    changes. With `directed`, a neighbour that is tied both ways is heard twice. In: as in `components`.

    One task up to `local_limit` edges, joins beyond, with the same labels. Runs Spark jobs to choose, and
    beyond. Sources: Raghavan, Albert and Kumara (2007); the rules of CDLP in LDBC Graphalytics.
    Raises SchemaMismatch; RetinueError for another engine or iterations below 1.
    """
    if iterations < 1:
        raise RetinueError(f"iterations is {iterations}; it must be 1 or more")

    def kernel(graph: Graph) -> Mapping[str, Any]:
        return {"label": _named(graph, groups.label_propagation(graph, iterations=iterations))}

    rows = given.read(edges, what="communities.label_propagation")
    if engines.is_local(rows, engine=engine, local_limit=local_limit):
        return _grouped(rows, kernel, "label", directed=directed, vertices=vertices)
    heard = given.heard(rows) if directed else given.undirected(rows)
    return groups.label_propagation_joined(given.every(rows, vertices), heard, iterations=iterations)


def detect(
    edges: DataFrame,
    *,
    seed: int = 0,
    resolution: float = 1.0,
    vertices: DataFrame | None = None,
    engine: str = "auto",
    local_limit: int = engines.LOCAL_LIMIT,
) -> DataFrame:
    """Communities: groups with more weight among themselves than chance would put there (modularity).

    Out, a row a vertex: id, community_id (the least id of the community). A larger `resolution` makes smaller
    communities. In: undirected edges with src, dst and optionally weight; `vertices` as in `components`.

    One task up to `local_limit` edges runs the Louvain method with refinement, and keeps the best of several
    runs. Beyond, moves on the cluster make the graph so coarse that it comes into one task, and go on after
    it; the modularity lies within .01. Runs Spark jobs to choose, and beyond. The same `seed`, the same
    communities. Sources: Blondel et al. (2008); Rotta and Noack (2011). Raises SchemaMismatch; RetinueError
    for another engine or a resolution that is not above 0.
    """
    if not resolution > 0:
        raise RetinueError(f"resolution is {resolution}; it must be above 0")

    def kernel(graph: Graph) -> Mapping[str, Any]:
        return {"community_id": _named(graph, groups.louvain(graph, resolution=resolution, seed=seed))}

    rows = given.read(edges, what="communities.detect")
    if engines.is_local(rows, engine=engine, local_limit=local_limit):
        return _grouped(rows, kernel, "community_id", directed=False, vertices=vertices)
    return coarse.communities(
        given.every(rows, vertices),
        given.undirected(rows),
        resolution=resolution,
        seed=seed,
        limit=local_limit,
    )


def _grouped(
    rows: DataFrame, kernel: Any, name: str, *, directed: bool, vertices: DataFrame | None
) -> DataFrame:
    kind = rows.schema["src"].dataType.simpleString()
    return compact.per_vertex(rows, kernel, returns=f"{name} {kind}", directed=directed, vertices=vertices)


def _named(graph: Graph, group: compact.Ints) -> pa.Array:
    return graph.ids.take(pa.array(group))
