"""Who counts in a network: measures of a vertex, and who moves how many."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retinue.errors import RetinueError, nearest
from retinue.network import centrality, compact, cores, degrees, engines, pagerank, sampled, triangles
from retinue.network import edges as given
from retinue.network.compact import Graph
from retinue.network.engines import settled
from retinue.network.spread import seeds, spread

__all__ = ["MEASURES", "links_among_neighbours", "measures", "ranks", "seeds", "spread"]

MEASURES = {
    "pagerank": "double",
    "degree": "bigint",
    "in_degree": "bigint",
    "out_degree": "bigint",
    "core_number": "int",
    "triangles": "bigint",
    "clustering": "double",
    "closeness": "double",
    "betweenness": "double",
}
RULE = pagerank.Rule()


@dataclass(frozen=True)
class _Paths:
    """From how many vertices shortest paths are followed, and which draw."""

    exact_limit: int
    samples: int
    seed: int

    def count(self, graph: Graph) -> int:
        is_small = graph.size * graph.links.nnz <= self.exact_limit
        return graph.size if is_small else min(self.samples, graph.size)


def measures(
    edges: DataFrame,
    *,
    directed: bool = False,
    which: Sequence[str] = ("pagerank", "degree"),
    vertices: DataFrame | None = None,
    exact_limit: int = 2_000_000_000,
    samples: int = 64,
    seed: int = 0,
    engine: str = "auto",
    local_limit: int = engines.LOCAL_LIMIT,
) -> DataFrame:
    """How each vertex stands in the network, by networkx's definitions.

    Out, a row a vertex: id and a column for each of `which`:

    pagerank      double, adds up to 1: damping .85, weights count, who links to nobody goes on anywhere.
    degree        bigint, its edges, a self-loop twice; in_degree and out_degree where they have directions,
                  else the same.
    core_number   int, the greatest k whose core it is in.
    triangles     bigint, that it is a corner of, whatever the directions.
    clustering    double, 0..1, of its pairs of neighbours the share that is tied.
    closeness     double, the share of the others that can reach it, by their mean distance in edges.
    betweenness   double, 0..1, of the pairs of others the share whose shortest paths lead through it.

    In: edges with src, dst and optionally weight; `vertices` with id, where some may have no edge.

    One task up to `local_limit` edges, joins beyond (`engine`: auto, local, distributed), with the same
    numbers. closeness and betweenness are exact where vertices times edges are at most `exact_limit`. On
    larger graphs in one task, and always by joins, they are estimates from the paths out of `samples`
    vertices. With a probability of .9 no vertex's betweenness, nor its mean distance as a share of the
    longest, is then off by more than sqrt(ln(20 vertices) / (2 samples)) (Hoeffding); ranks settle far
    earlier. Runs Spark jobs to choose, and beyond.

    Sources: Brin and Page (1998); Seidman (1983); Watts and Strogatz (1998), Fagiolo (2007); Wasserman and
    Faust (1994); Brandes (2001). Raises SchemaMismatch; RetinueError for an unknown measure or engine.
    """
    names = [_known(name) for name in which]
    rows = given.read(edges, what="influence.measures")
    if samples < 1:
        raise RetinueError(f"samples is {samples}; it must be 1 or more")
    chosen = _Paths(exact_limit, samples, seed)
    if engines.is_local(rows, engine=engine, local_limit=local_limit):
        returns = ", ".join(f"{name} {MEASURES[name]}" for name in names)

        def kernel(graph: Graph) -> Mapping[str, Any]:
            return {name: _LOCAL[name](graph, chosen) for name in names}

        return compact.per_vertex(rows, kernel, returns=returns, directed=directed, vertices=vertices)
    return _joined(rows, names, directed=directed, vertices=vertices, paths=chosen)


def ranks(
    edges: DataFrame,
    *,
    directed: bool = False,
    damping: float = RULE.damping,
    personalization: Mapping[Any, float] | None = None,
    iterations: int = RULE.iterations,
    tolerance: float = RULE.tolerance,
    vertices: DataFrame | None = None,
    engine: str = "auto",
    local_limit: int = engines.LOCAL_LIMIT,
) -> DataFrame:
    """PageRank: the share of time spent at each vertex by a reader who goes on along edges by their weight.

    With a probability of 1 - `damping`, and wherever no edge leads on, the reader begins anew: anywhere, or
    with `personalization`, ids and weights, at one of these.

    Out, a row a vertex: id, pagerank (double; all add up to 1). It ends after `iterations` steps, or where a
    step moves less than `tolerance` in all. In: as in `measures`. One task up to `local_limit` edges, joins
    beyond, with the same numbers; GraphFrames' own is not taken, as it knows no weights and adds up to the
    number of vertices. Runs Spark jobs to choose, and beyond one a step. Sources: Brin and Page (1998);
    Haveliwala (2002). Raises SchemaMismatch; RetinueError for a damping outside 0..1, another engine, or
    where nobody to begin with is in the graph.
    """
    rows = given.read(edges, what="influence.ranks")
    chosen = dict(personalization or {})
    rule = pagerank.Rule(damping=damping, tolerance=tolerance, iterations=iterations)
    if engines.is_local(rows, engine=engine, local_limit=local_limit):

        def kernel(graph: Graph) -> Mapping[str, Any]:
            jump = _jump(graph, chosen) if chosen else None
            return {"pagerank": pagerank.walked(graph, rule, jump=jump)[0]}

        return compact.per_vertex(
            rows, kernel, returns="pagerank double", directed=directed, vertices=vertices
        )
    links = given.directed(rows) if directed else given.undirected(rows)
    every = given.every(rows, vertices)
    start = pagerank.beginning(every, chosen) if chosen else pagerank.anywhere(every)
    return pagerank.joined(links, start, rule)[0]


def links_among_neighbours(
    edges: DataFrame,
    *,
    directed: bool = False,
    vertices: DataFrame | None = None,
    engine: str = "auto",
    local_limit: int = engines.LOCAL_LIMIT,
) -> DataFrame:
    """Of the links that a vertex's neighbours could have among themselves, the share that there are.

    Out, a row a vertex: id, links_among_neighbours (double, 0..1). Where edges are `directed`, two neighbours
    could have two links, and who is tied in either direction is a neighbour; else it is `clustering`. In and
    engines: as in `measures`. Source: the rules of LCC in LDBC Graphalytics. Raises SchemaMismatch;
    RetinueError for another engine.
    """
    rows = given.read(edges, what="influence.links_among_neighbours")
    name = "links_among_neighbours"
    if engines.is_local(rows, engine=engine, local_limit=local_limit):

        def kernel(graph: Graph) -> Mapping[str, Any]:
            return {name: triangles.links_among_neighbours(graph)}

        return compact.per_vertex(
            rows, kernel, returns=f"{name} double", directed=directed, vertices=vertices
        )
    links = given.directed(rows) if directed else given.undirected(rows)
    found = triangles.links_joined(links, directed=directed)
    every = given.every(rows, vertices).select("id")
    return every.join(found, "id", "left").select("id", F.coalesce(name, F.lit(0.0)).alias(name))


def _jump(graph: Graph, chosen: Mapping[Any, float]) -> pagerank.Floats:
    """Where the reader begins anew: a share for each vertex."""
    jump = np.zeros(graph.size)
    for vertex, weight in chosen.items():
        jump[graph.places([vertex])] = weight
    if not jump.sum() > 0:
        raise RetinueError("nobody of the personalization is in the graph with a weight above 0")
    share: pagerank.Floats = jump / jump.sum()
    return share


def _known(name: str) -> str:
    if name.lower() not in MEASURES:
        raise RetinueError(
            f"there is no measure {name!r}{nearest(name, MEASURES)}; there are {', '.join(MEASURES)}"
        )
    return name.lower()


# In one task.


def _pagerank(graph: Graph, _: _Paths) -> Any:
    return pagerank.walked(graph, RULE)[0]


def _out_degree(graph: Graph, _: _Paths) -> Any:
    loops = graph.looped if graph.is_directed else 2 * graph.looped
    return np.diff(graph.links.indptr).astype(np.int64) + loops


def _in_degree(graph: Graph, paths: _Paths) -> Any:
    if not graph.is_directed:
        return _out_degree(graph, paths)
    return np.bincount(graph.links.indices, minlength=graph.size) + graph.looped


def _degree(graph: Graph, paths: _Paths) -> Any:
    out = _out_degree(graph, paths)
    return out + _in_degree(graph, paths) if graph.is_directed else out


def _closeness(graph: Graph, paths: _Paths) -> Any:
    draw = np.random.default_rng(paths.seed)
    return centrality.closeness(graph, sources=draw.choice(graph.size, paths.count(graph), replace=False))


def _betweenness(graph: Graph, paths: _Paths) -> Any:
    return centrality.betweenness(graph, samples=paths.count(graph), seed=paths.seed)


_LOCAL: dict[str, Callable[[Graph, _Paths], Any]] = {
    "pagerank": _pagerank,
    "degree": _degree,
    "in_degree": _in_degree,
    "out_degree": _out_degree,
    "core_number": lambda graph, _: cores.core_numbers(graph).astype(np.int32),
    "triangles": lambda graph, _: triangles.triangles(graph),
    "clustering": lambda graph, _: triangles.clustering(graph),
    "closeness": _closeness,
    "betweenness": _betweenness,
}


# By joins.


def _joined(
    rows: DataFrame, names: Sequence[str], *, directed: bool, vertices: DataFrame | None, paths: _Paths
) -> DataFrame:
    """A frame for each group of measures, joined by id; of whom it says nothing, the measure is 0."""
    rows = rows.persist()
    links = given.directed(rows) if directed else given.undirected(rows)
    every = settled(given.every(rows, vertices))
    asked = {*names}
    parts = []
    if "pagerank" in asked:
        parts.append(_ranked(links, every))
    if asked & {"degree", "in_degree", "out_degree"}:
        parts.append(degrees.joined(links, every, directed=directed))
    if "core_number" in asked:
        parts.append(cores.joined(given.heard(rows) if directed else links))
    if asked & {"triangles", "clustering"}:
        parts.append(triangles.joined(links, directed=directed))
    if asked & {"closeness", "betweenness"}:
        parts.append(sampled.paths(every, links, samples=paths.samples, seed=paths.seed))
    measured = reduce(lambda one, other: one.join(other, "id", "left"), parts, every.select("id"))
    nothing = {name: F.coalesce(name, F.lit(0)).cast(MEASURES[name]).alias(name) for name in names}
    try:
        return settled(measured.select("id", *nothing.values()))
    finally:
        rows.unpersist()


def _ranked(links: DataFrame, every: DataFrame) -> DataFrame:
    return pagerank.joined(links, pagerank.anywhere(every), RULE)[0]
