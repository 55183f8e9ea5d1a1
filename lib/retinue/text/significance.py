"""Which of many differences are none of chance: odds of two shares, and a bound on false discoveries."""

from __future__ import annotations

from collections.abc import Callable
from math import erfc, sqrt

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf

from retinue.errors import RetinueError
from retinue.schema import quoted

__all__ = ["discoveries", "log_odds"]


def log_odds(here: Column, all_here: Column, there: Column, all_there: Column) -> tuple[Column, Column]:
    """The natural log of the odds ratio of here / all_here and there / all_there, and its standard error.

    Half a case is added on each side, so that it is finite where there is none.
    Sources: Haldane (1956), Anscombe (1956), Gart (1966).
    """
    cells = [cell + 0.5 for cell in (here, all_here - here, there, all_there - there)]
    error = F.sqrt(1 / cells[0] + 1 / cells[1] + 1 / cells[2] + 1 / cells[3])
    return F.log(cells[0] / cells[1]) - F.log(cells[2] / cells[3]), error


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
    likely = scored.withColumn("_p", _chance()(F.col(quoted(z)))).where(F.col("_p") <= rate)
    ranked = likely.withColumn("_rank", F.row_number().over(Window.orderBy("_p", quoted(tie))))
    falling = Window.orderBy(F.desc("_rank"))
    q_value = F.min(F.col("_p") * F.col("_tested") / F.col("_rank")).over(falling)
    judged = ranked.crossJoin(F.broadcast(tested)).withColumn("q_value", q_value)
    return judged.where(F.col("q_value") <= rate).select(*map(quoted, scored.columns), "q_value")


def _chance() -> Callable[[Column], Column]:
    """How likely a standard normal number is at least so large; accurate far out, where 1 - p is not."""

    def tails(batch: pa.Array) -> pa.Array:
        scores = batch.to_numpy(zero_copy_only=False)
        return pa.array(np.fromiter((erfc(score / sqrt(2)) / 2 for score in scores), np.float64, len(scores)))

    return arrow_udf(tails, "double")  # type: ignore[no-any-return, call-overload]
