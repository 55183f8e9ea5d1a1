"""What is not by chance: odds of two shares, Dunning's G2, and how many findings of many are."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf
from scipy.stats import hypergeom, norm  # type: ignore[import-untyped]

from retinue.errors import RetinueError
from retinue.schema import quoted

__all__ = [
    "certainties",
    "chance_of",
    "deviate",
    "discoveries",
    "exact",
    "log_likelihood",
    "log_odds",
]

LEAST = 1e-300  # of chances: what is less likely counts as this


def log_odds(here: Column, all_here: Column, there: Column, all_there: Column) -> tuple[Column, Column]:
    """The natural log of the odds ratio of here / all_here and there / all_there, and its standard error.

    Half a case is added on each side, so that it is finite where there is none.
    Sources: Haldane (1956), Anscombe (1956), Gart (1966).
    """
    cells = [cell + 0.5 for cell in (here, all_here - here, there, all_there - there)]
    error = F.sqrt(1 / cells[0] + 1 / cells[1] + 1 / cells[2] + 1 / cells[3])
    return F.log(cells[0] / cells[1]) - F.log(cells[2] / cells[3]), error


def log_likelihood(both: Column, first: Column, second: Column, total: Column) -> Column:
    """Dunning's G2 over the four cells: both, either without the other, neither; 0 is chance alone."""
    both, first, second, total = (each.cast("double") for each in (both, first, second, total))
    cells = (
        (both, first * second),
        (second - both, (total - first) * second),
        (first - both, first * (total - second)),
        (total - first - second + both, (total - first) * (total - second)),
    )
    terms = (
        F.when(seen > 0, seen * F.log(seen * total / by_chance)).otherwise(0.0) for seen, by_chance in cells
    )
    return 2 * reduce(Column.__add__, terms)


def discoveries(scored: DataFrame, *, z: str, rate: float, tie: str) -> DataFrame:
    """The rows whose `z` is so large that of all like them at most the share `rate` is there by chance.

    Out: the rows that stay, with q_value (double): the smallest rate at which the row would stay. One-sided:
    a `z` below 0 is none. All rows of `scored` count as tested; rows with equal `z` are ranked by `tie`.

    Only rows whose own p-value is at most `rate` pass through one task, as no other can stay.
    Lazy. Source: Benjamini and Hochberg (1995). Raises RetinueError where `rate` is not between 0 and 1.
    """
    if not 0 < rate < 1:
        raise RetinueError(f"the false discovery rate is {rate}; it must lie between 0 and 1")
    tested = scored.agg(F.count("*").alias("_tested"))
    likely = scored.withColumn("_p", chance_of(F.col(quoted(z)))).where(F.col("_p") <= rate)
    ranked = likely.withColumn("_rank", F.row_number().over(Window.orderBy("_p", quoted(tie))))
    falling = Window.orderBy(F.desc("_rank"))
    q_value = F.min(F.col("_p") * F.col("_tested") / F.col("_rank")).over(falling)
    judged = ranked.crossJoin(F.broadcast(tested)).withColumn("q_value", q_value)
    return judged.where(F.col("q_value") <= rate).select(*map(quoted, scored.columns), "q_value")


def certainties(scored: DataFrame, tested: DataFrame, *, p: Column, risk: float) -> DataFrame:
    """The rows whose `p` is so small that the risk that any of them is there by chance is at most `risk`.

    Out: the rows that stay, with p_value (double): the smallest risk at which the row would stay. All rows
    of `tested` count. For findings that share their cases, as a phrase and its pieces do.

    Lazy. Source: Bonferroni (1936). Raises RetinueError where `risk` is not between 0 and 1.
    """
    if not 0 < risk < 1:
        raise RetinueError(f"the risk is {risk}; it must lie between 0 and 1")
    tests = tested.agg(F.count("*").alias("_tested"))
    judged = scored.crossJoin(F.broadcast(tests)).withColumn("p_value", p * F.col("_tested"))
    return judged.where(F.col("p_value") <= risk).drop("_tested")


def chance_of(z: Column) -> Column:
    """How likely a standard normal number is at least so large; accurate far out, where 1 - p is not."""
    return arrow_udf(_tails, "double")(z)  # type: ignore[no-any-return, call-overload]


def deviate(chance: Column) -> Column:
    """The standard normal number that is at least so large with this chance: what `chance_of` undoes."""
    return arrow_udf(_deviates, "double")(chance)  # type: ignore[no-any-return, call-overload]


def exact(both: Column, first: Column, second: Column, total: Column) -> Column:
    """How likely chance puts at least `both` of the `second` among the `first` of `total`: Fisher's test."""
    counts = (each.cast("bigint") for each in (both, first, second, total))
    return arrow_udf(_fisher, "double")(*counts)  # type: ignore[no-any-return, call-overload]


def _tails(scores: pa.Array) -> pa.Array:
    return pa.array(norm.sf(scores.to_numpy(zero_copy_only=False)))


def _deviates(chances: pa.Array) -> pa.Array:
    return pa.array(norm.isf(np.maximum(chances.to_numpy(zero_copy_only=False), LEAST)))


def _fisher(both: pa.Array, first: pa.Array, second: pa.Array, total: pa.Array) -> pa.Array:
    drawn, sample, marked, all_there = (
        each.to_numpy(zero_copy_only=False) for each in (both, first, second, total)
    )
    return pa.array(hypergeom.sf(drawn - 1, all_there, marked, sample))
