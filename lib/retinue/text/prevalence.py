"""Shares of classes, corrected for what the classifier is known to get wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf

from retinue.errors import RetinueError
from retinue.schema import quoted, require

__all__ = ["corrected"]

Floats = NDArray[np.float64]
PRIOR = 0.5  # Jeffreys'
STEPS, CLOSE = 2_000, 1e-7
_TYPE = "array<struct<raw_share: double, corrected_share: double, low: double, high: double>>"


def corrected(
    counted: DataFrame,
    *,
    confusion: Mapping[str, Mapping[str, int]],
    by: Sequence[str] = (),
    predicted: str = "sentiment",
    count: str = "count",
    resamples: int = 500,
    seed: int = 0,
) -> DataFrame:
    """The share of each class by group, as it would be if the classifier made no errors, with 95% intervals.

    A classifier that takes a tenth of the positive posts for negative reports angry customers where there are
    none. What it does to each class is known from texts with labels (`confusion`: true class -> class found
    -> rows, out of fold, as `classifier.train` evaluates it); the shares that would make it find what it
    found are the corrected ones.

    In: `by` (columns such as brand and day; none: all rows are one group), `predicted` (class found; another
    than those of the confusion does not count), `count` (bigint, how many). Several rows of a group and class
    are added.

    Out, a row a group and class: `by`, `predicted` (the class), raw_share (double, of the rows found),
    corrected_share, low and high (double, 0 to 1; the corrected shares of a group sum to 1). The interval
    holds what is uncertain about the classifier and about the counts: `resamples` draws of both, rates from a
    Dirichlet distribution, counts from a multinomial one. All holds if the classifier errs on a class as it
    did in the confusion, whatever the shares. A group without rows found has none.

    Lazy; one shuffle, of counts. An Arrow batch function over groups.
    Source: Saerens, Latinne and Decaestecker, "Adjusting the outputs of a classifier to new a priori
    probabilities" (2002): the most likely shares by expectation maximisation, here from classes found; they
    stay within 0 and 1, where adjusted counts (Forman, "Quantifying counts and costs via classification",
    2008) have to be clipped.
    Raises SchemaMismatch; RetinueError for a confusion that is not square, or without rows for a class.
    """
    require(counted, [*by, predicted, count], what="prevalence.corrected")
    classes, seen = _square(confusion)
    sums = [
        F.coalesce(F.sum(F.when(F.col(quoted(predicted)) == name, F.col(quoted(count)))), F.lit(0))
        for name in classes
    ]
    groups = counted.groupBy(*map(quoted, by)).agg(F.array(*sums).cast("array<double>").alias("_counts"))

    def shares(batch: pa.Array) -> pa.Array:
        every = [_of_group(seen, np.array(found), resamples, seed) for found in batch.to_pylist()]
        return pa.array(every)

    told_by = arrow_udf(shares, _TYPE)  # type: ignore[call-overload]
    told = groups.where(F.aggregate("_counts", F.lit(0.0), lambda a, b: a + b) > 0).withColumn(
        "_shares", told_by(F.col("_counts"))
    )
    names = F.array(*map(F.lit, classes))
    return told.select(
        *map(quoted, by), F.explode(F.arrays_zip(names.alias("name"), F.col("_shares").alias("share")))
    ).select(*map(quoted, by), F.col("col.name").alias(predicted), "col.share.*")


def _square(confusion: Mapping[str, Mapping[str, int]]) -> tuple[list[str], Floats]:
    """The classes in order, and the counts, true classes by found ones."""
    classes = sorted(confusion)
    if len(classes) < 2 or any(set(found) - set(classes) for found in confusion.values()):
        raise RetinueError(
            f"the confusion has the true classes {', '.join(classes) or 'none'}; it needs two or more, and "
            f"finds none but these"
        )
    seen = np.array([[confusion[true].get(found, 0) for found in classes] for true in classes], dtype=float)
    empty = [name for name, rows in zip(classes, seen.sum(axis=1), strict=True) if rows <= 0]
    if empty:
        raise RetinueError(f"the confusion has no rows that are {empty[0]}; what it gets wrong is not known")
    return classes, seen


def _of_group(seen: Floats, counts: Floats, resamples: int, seed: int) -> list[dict[str, float]]:
    """Raw and most likely shares of a group; draws begin anew for each, so that no other group moves them."""
    rng = np.random.default_rng(seed)
    raw = counts / counts.sum()
    prior = seen + PRIOR
    likely = _likely((prior / prior.sum(axis=1, keepdims=True))[None], raw[None])[0]
    rates = np.stack([rng.dirichlet(row, size=resamples) for row in prior], axis=1)
    found = rng.multinomial(int(counts.sum()), raw, size=resamples) / counts.sum()
    low, high = np.percentile(_likely(rates, found), [2.5, 97.5], axis=0)
    columns = {"raw_share": raw, "corrected_share": likely, "low": low, "high": high}
    return [{name: float(column[each]) for name, column in columns.items()} for each in range(len(raw))]


def _likely(rates: Floats, found: Floats) -> Floats:
    """The shares that make what was found most likely: true classes by expectation, then their means.

    rates: for each draw, true classes by found ones; found: for each draw, the shares found.
    """
    shares = np.full(found.shape, 1 / found.shape[1])
    for _ in range(STEPS):
        expected = np.einsum("dt,dtf->df", shares, rates)
        better = shares * np.einsum("dtf,df->dt", rates, found / expected)
        moved, shares = np.abs(better - shares).max(), better
        if moved < CLOSE:
            break
    return shares
