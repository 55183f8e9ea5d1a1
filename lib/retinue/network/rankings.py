"""How well a score ranks pairs that linked above pairs that did not, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame

__all__ = ["Ranking", "compared"]

Floats = NDArray[np.float64]


class Ranking:
    """Pairs by a score, the best first; equal scores are one step, so that no order among them counts."""

    def __init__(self, score: Floats, is_linked: NDArray[np.bool_]) -> None:
        self.order = np.argsort(-score, kind="stable")
        ordered = score[self.order]
        self.ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
        self.is_linked = is_linked[self.order]

    def measures(self, weight: Floats, at: Sequence[int]) -> Floats:
        """ROC AUC, average precision, and for each number `at` the precision of so many first pairs.

        Average precision is scikit-learn's: precision at each step, by the share of links it adds. Where a
        number falls within a step, its links are spread evenly. NaN without links or without others.
        """
        weight = weight[self.order]
        seen = np.cumsum(weight)[self.ends]
        hits = np.cumsum(weight * self.is_linked)[self.ends]
        links, others = hits[-1], seen[-1] - hits[-1]
        if not (links > 0 and others > 0):
            return np.full(2 + len(at), np.nan)
        gained = np.diff(hits, prepend=0)
        missed = np.diff(seen, prepend=0) - gained
        auc = (missed * (hits - gained / 2)).sum() / (links * others)
        precision = np.divide(hits, seen, out=np.zeros(len(seen)), where=seen > 0)
        firsts = np.minimum(at, seen[-1])
        found = np.interp(firsts, np.append(0, seen), np.append(0, hits)) / firsts
        return np.array([auc, (gained * precision).sum() / links, *found])


def compared(
    pairs: DataFrame, *, scores: Sequence[str], at: Sequence[int], draws: int, seed: int = 0
) -> DataFrame:
    """The measures of `Ranking` for each score, and the same in `draws` draws of the vertices.

    In: src, dst, is_linked (boolean), weight (how many pairs the row stands for), the scores as doubles.
    Out, a row a score: score, measured (array<double>), drawn (array of arrays, a draw each, the same for all
    scores).

    A draw gives each vertex a Poisson number of mean 1, and a pair the product of its two, since pairs with a
    vertex in common are no independent evidence. One task has a score's pairs in memory, 40 bytes each.
    Source: Owen (2007), the pigeonhole bootstrap. Lazy.
    """
    long = pairs.unpivot(["src", "dst", "is_linked", "weight"], list(scores), "score", "value")

    def measured(pairs: pa.Table) -> pa.Table:
        return _measured(pairs, at=tuple(at), draws=draws, seed=seed)

    return long.groupBy("score").applyInArrow(
        measured, "score string, measured array<double>, drawn array<array<double>>"
    )


def _measured(pairs: pa.Table, *, at: Sequence[int], draws: int, seed: int) -> pa.Table:
    ranking = Ranking(pairs["value"].to_numpy(), pairs["is_linked"].to_numpy())
    weight = pairs["weight"].to_numpy()
    one, other, count = _numbered(pairs["src"], pairs["dst"])
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(draws):
        times = rng.poisson(1.0, count)
        drawn.append(ranking.measures(weight * times[one] * times[other], at).tolist())
    measured = ranking.measures(weight, at).tolist()
    return pa.table(
        {
            "score": pairs["score"].slice(0, 1),
            "measured": pa.array([measured], pa.list_(pa.float64())),
            "drawn": pa.array([drawn], pa.list_(pa.list_(pa.float64()))),
        }
    )


def _numbered(src: pa.ChunkedArray, dst: pa.ChunkedArray) -> tuple[Any, Any, int]:
    """Both ends as numbers by the order of their ids, and how many there are."""
    ids = pc.unique(pa.chunked_array([*src.chunks, *dst.chunks]))
    ids = ids.take(pc.sort_indices(ids))
    one, other = (pc.index_in(end, value_set=ids).to_numpy() for end in (src, dst))
    return one, other, len(ids)
