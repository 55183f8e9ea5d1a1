"""How far what a few begin would spread, and with whom to begin (the independent cascade model).

Whoever becomes active has one chance to activate each one they act on. Source: Kempe, Kleinberg and Tardos,
"Maximizing the Spread of Influence through a Social Network" (2003).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retinue.errors import RetinueError, SchemaMismatch
from retinue.network.cascades import CERTAIN, runs, ways
from retinue.network.compact import Graph, batches, in_one_task
from retinue.network.edges import read
from retinue.network.reverse_reachable import GREEDY, assured, chosen, hit_rates
from retinue.schema import quoted, require

__all__ = ["seeds", "spread"]

_ESTIMATED = "spread double, standard_error double"


def spread(
    edges: DataFrame,
    *,
    seeds: Iterable[object],
    probability: float | str = 0.1,
    samples: int = 10_000,
    seed: int = 0,
    directed: bool = True,
) -> DataFrame:
    """How many are active in the end, on average, when the seeds are at the start, the seeds included.

    Out, one row: seed_count (int, different seeds), spread (double, the mean of `samples` cascades),
    standard_error (double, of that mean), samples (int).

    In: edges src, dst: src, once active, activates dst with `probability`, one number for all or the column
    that has one an edge, from 0 to 1 (null is no edge). Parallel edges are a chance each: together they fail
    with the product of their chances to fail. `weight` does not count. Where the graph is not `directed`, an
    edge acts both ways, and one that is listed both ways is one, with the greater probability of the two. A
    seed that no edge leaves, or that no edge knows, is active itself and no more.

    Lazy. The graph is held in one task, in some 50 bytes an edge, and all cascades run there.
    Raises SchemaMismatch; RetinueError for numbers that cannot be, or seeds that are no ids.
    """
    if samples < 2:
        raise RetinueError(f"samples is {samples}; give 2 or more, for an error to be known")
    ties = _hazards(edges, probability, what="spread")

    def row(graph: Graph) -> Iterator[pa.RecordBatch]:
        mean, error = spread_of(graph, _named(graph), samples=samples, seed=seed)
        count = pa.array([len(_named(graph))], pa.int32())
        told = {"spread": [mean], "standard_error": [error], "samples": pa.array([samples], pa.int32())}
        return batches({"seed_count": count, **told})

    returns = f"seed_count int, {_ESTIMATED}, samples int"
    return in_one_task(ties, row, returns=returns, directed=directed, vertices=_vertices(edges, seeds))


def seeds(
    edges: DataFrame,
    candidates: DataFrame | None = None,
    *,
    k: int,
    probability: float | str = 0.1,
    epsilon: float = 0.1,
    delta: float = 0.01,
    max_members: int = 50_000_000,
    seed: int = 0,
    directed: bool = True,
) -> DataFrame:
    """The k vertices to begin with, each the one that adds most to the spread of those before, ties by id.

    Out, a row a rank, fewer than k where there are fewer candidates: rank (int, from 1), id, spread (double,
    of the first `rank` together, as in `spread`), standard_error (double), gain (double, over the rank
    before), degree_spread (double, of the `rank` candidates that act on most others, ties by id), assured
    (double, the share of the best possible spread of `rank` candidates that is reached at least, but for a
    chance of `delta`), set_count (bigint). All spreads come from as many fresh reverse-reachable sets as the
    choice was made by: by those it was made by it would be flattered.

    In: edges, `probability`, `directed` as for `spread`; `candidates` with `id`: the only ones that may be
    chosen (who agreed, whom the budget reaches); without it all may. One without an edge is a vertex too.

    The sets are so many that the k reach 1 - 1/e - `epsilon` of the best, but for a chance of `delta` (IMM).
    Where they have `max_members` vertices in all, some 15 bytes each, no more are drawn; `assured`, which is
    reckoned from what was found, tells what that costs.

    Lazy. The graph and the sets are held in one task. Sources: see `reverse_reachable`.
    Raises SchemaMismatch; RetinueError for numbers that cannot be.
    """
    if k < 1 or max_members < 1:
        raise RetinueError(f"k is {k} and max_members {max_members}; give 1 or more of each")
    if not 0 < epsilon < GREEDY or not 0 < delta < 1:
        raise RetinueError(
            f"epsilon is {epsilon} and delta {delta}; give one above 0 and below {GREEDY:.3f}, "
            "the other between 0 and 1"
        )
    ties = _hazards(edges, probability, what="seeds")
    vertices = None if candidates is None else _candidates(edges, candidates)
    is_open = vertices is None

    def rows(graph: Graph) -> Iterator[pa.RecordBatch]:
        allowed = np.full(graph.size, is_open) | ~np.isnan(graph.values)
        knobs: dict[str, Any] = {"epsilon": epsilon, "delta": delta, "max_members": max_members, "seed": seed}
        few = min(k, int(allowed.sum()))
        return batches(best_seeds(graph, allowed, k=few, **knobs)) if few else iter(())

    kind = edges.schema["src"].dataType.simpleString()
    compared = "gain double, degree_spread double, assured double, set_count bigint"
    returns = f"rank int, id {kind}, {_ESTIMATED}, {compared}"
    return in_one_task(ties, rows, returns=returns, directed=directed, vertices=vertices)


def spread_of(graph: Graph, begun: NDArray[np.int64], *, samples: int, seed: int) -> tuple[float, float]:
    """The mean number of active vertices and its standard error, where `links` has the hazards."""
    chance = np.random.default_rng(seed)
    cascades = runs(ways(graph.links), lambda _: begun, samples, chance)
    sizes = np.concatenate([np.bincount(run, minlength=together) for run, _, together in cascades])
    return float(sizes.mean()), float(sizes.std(ddof=1) / math.sqrt(samples))


def best_seeds(
    graph: Graph,
    allowed: NDArray[np.bool_],
    *,
    k: int,
    epsilon: float,
    delta: float,
    max_members: int,
    seed: int,
) -> dict[str, Any]:
    """The columns of `seeds`, where `links` has the hazards and k or more vertices are allowed."""
    chance, back = np.random.default_rng(seed), ways(graph.links.T.tocsr())
    choice = chosen(
        back, k=k, allowed=allowed, epsilon=epsilon, delta=delta, max_members=max_members, chance=chance
    )
    rate, degree_rate = hit_rates(
        back, [choice.vertices, _by_degree(graph, allowed, k)], choice.set_count, chance
    )
    return {
        "rank": np.arange(1, k + 1, dtype=np.int32),
        "id": graph.ids.take(pa.array(choice.vertices)),
        "spread": graph.size * rate,
        "standard_error": graph.size * np.sqrt(rate * (1 - rate) / choice.set_count),
        "gain": graph.size * np.diff(rate, prepend=0),
        "degree_spread": graph.size * degree_rate,
        "assured": assured(choice, rate),
        "set_count": np.full(k, choice.set_count),
    }


def _by_degree(graph: Graph, allowed: NDArray[np.bool_], k: int) -> NDArray[np.int64]:
    """The k allowed vertices that act on most others, ties to the smallest number."""
    degree = np.where(allowed, np.diff(graph.links.indptr), -1)
    return np.argsort(-degree, kind="stable")[:k]


def _named(graph: Graph) -> NDArray[np.int64]:
    """The vertices of which something was said."""
    return np.flatnonzero(~np.isnan(graph.values))


def _hazards(edges: DataFrame, probability: float | str, *, what: str) -> DataFrame:
    """The edges with their hazard as the weight; one that never passes has none, and is no edge."""
    if isinstance(probability, str):
        require(edges, ["src", "dst", probability], what=what)
        return read(edges.withColumn("weight", _hazard(F.col(quoted(probability)))), what=what)
    if not 0 <= probability <= 1:
        raise RetinueError(f"probability is {probability}; give one from 0 to 1, or the column that has it")
    return read(edges.withColumn("weight", _hazard(F.lit(float(probability)))), what=what)


def _hazard(probability: Column) -> Column:
    told = F.concat(F.lit("a probability is "), probability.cast("string"), F.lit("; give one from 0 to 1"))
    chance = probability.cast("double")
    return (
        F.when(chance == 1, CERTAIN)
        .when(chance.between(0, 1), F.least(-F.log1p(-chance), F.lit(CERTAIN)))
        .when(chance.isNotNull(), F.raise_error(told).cast("double"))
    )


def _vertices(edges: DataFrame, seeds: Iterable[object]) -> DataFrame:
    """A row a seed, as `in_one_task` takes vertices."""
    rows, kind = [(each,) for each in seeds], edges.schema["src"].dataType.simpleString()
    if not rows:
        raise RetinueError("there are no seeds; give one id or more")
    try:
        given = edges.sparkSession.createDataFrame(rows, f"id {kind} NOT NULL")
    except (PySparkException, TypeError) as fault:
        raise RetinueError(
            f"the seeds are not all ids like src and dst, which are {kind}: {fault}"
        ) from fault
    return given.withColumn("value", F.lit(1.0))


def _candidates(edges: DataFrame, candidates: DataFrame) -> DataFrame:
    """A row a candidate, as `in_one_task` takes vertices."""
    require(candidates, ["id"], what="seeds")
    kind, other = edges.schema["src"].dataType, candidates.schema["id"].dataType
    if kind != other:
        raise SchemaMismatch(
            f"the candidates' id is {other.simpleString()}, src and dst are {kind.simpleString()}: "
            "cast one of them"
        )
    return candidates.where("id IS NOT NULL").select("id", F.lit(1.0).alias("value"))
