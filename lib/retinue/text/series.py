"""Series of numbers in even steps of time, on the driver, for the analyses that compare a few of them."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retinue.errors import RetinueError, nearest
from retinue.schema import quoted, require

__all__ = ["STEPS", "Array", "even", "season", "steps_at"]

Array = NDArray[np.float64]
STEPS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
_CYCLES = {"hour": (24, 24 * 7), "day": (7,)}


def steps_at(rows: DataFrame, at: str, value: str, *, step: str, what: str) -> dict[int, float]:
    """The sum of `value` in each step of the UTC clock, by steps since 1970; null values count as not there.

    Runs a Spark job; a number a step comes to the driver.
    """
    if step not in STEPS:
        raise RetinueError(f"step is {step!r}{nearest(step, STEPS)}; give hour or day")
    require(rows, [at, value], what=what)
    seconds = STEPS[step] // timedelta(seconds=1)
    place = F.floor(F.unix_seconds(F.col(quoted(at)).cast("timestamp")) / seconds)
    told = rows.select(place.alias("step"), F.col(quoted(value)).cast("double").alias("value"))
    known = told.where("step IS NOT NULL AND value IS NOT NULL")
    return {row.step: row.value for row in known.groupBy("step").agg(F.sum("value").alias("value")).collect()}


def even(values: dict[int, float], first: int, last: int, *, absent: float | None) -> Array:
    """The values from the first step to the last; `absent` where there is none, or in line between others."""
    steps = np.arange(first, last + 1)
    if absent is not None or not values:
        return np.array([values.get(int(each), absent) for each in steps], dtype=np.float64)
    known = np.array(sorted(values), dtype=np.int64)
    line: Array = np.interp(steps, known, [values[int(each)] for each in known])
    return line


def season(values: Array, first: int, *, step: str, known: NDArray[np.bool_] | None = None) -> Array:
    """The trend and the week in a series: a straight line, and how far off it weekdays, or their hours, are.

    Only steps that are `known` tell it.
    """
    known = np.ones(len(values), dtype=bool) if known is None else known
    place = np.arange(len(values), dtype=np.float64)
    slope, start = np.polyfit(place[known], values[known], 1)
    line = start + slope * place
    fitted: Array = line
    for cycle in _CYCLES[step]:
        phase = (first + np.arange(len(values))) % cycle
        count = np.bincount(phase[known], minlength=cycle)
        off = np.bincount(phase[known], weights=(values - fitted)[known], minlength=cycle)
        fitted = fitted + (off / np.maximum(count, 1))[phase]
    return fitted
