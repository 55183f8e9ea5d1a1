"""All models on the same journeys, each figure with the interval that other people would have given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from retinue.attribution import arrow, path_replicates
from retinue.attribution import replicates as weighed
from retinue.attribution.replicates import Journeys, Tally
from retinue.attribution.rules import POSITION, WEEK, age
from retinue.errors import RetinueError
from retinue.schema import quoted, require

__all__ = ["bootstrap", "disagreement"]

Array = NDArray[np.float64]


def bootstrap(
    journeys: DataFrame,
    *,
    person: str = "person_id",
    by: str = "channel",
    order: int = 1,
    half_life: timedelta = WEEK,
    weights: Sequence[float] = POSITION,
    replicates: int = 200,
    level: float = 0.95,
    seed: int = 0,
) -> DataFrame:
    """Every model's credit by channel, and between which bounds it would lie had other people come.

    Out, a row a model and channel: model (first, last, last_non_direct, linear, position, time_decay, shapley
    (the game of counts), markov or counterfactual), channel (as `by`), conversions, conversions_low,
    conversions_high, value, value_low, value_high (double). What no touch led to is under the channel null.

    The bounds are those of `level` of the replicates, in each of which every person counts a Poisson number
    of times, with all of his journeys, so that they hold where one person's journeys are alike. They tell
    chance alone: no interval makes credit a cause. They are of as many journeys, and for all models but one
    of far more, too: the counterfactual rule finds the path without a touch more often among more journeys,
    and its figures drift with their number, out of the bounds at last (see bench/coverage.py).

    In: journeys with `person`, touches that have `by` (touches where it is null are left out), converted_at,
    value and is_converted. Runs Spark jobs: one pass over the journeys to list the channels, one to weigh
    them, and one of three shuffles for the counterfactual rule, whose paths are compared with each other (see
    `path_replicates.credits`); sums come to the driver, for each replicate at most channels ^ (order + 1).
    Sources: Efron (1979); Poisson weights: Chamandy, Muralidharan, Najmi and Naidu (2012).
    Raises SchemaMismatch; RetinueError where a number is out of bounds.
    """
    require(journeys, [person, "touches", "converted_at", "value", "is_converted"], what="bootstrap")
    if order < 1 or replicates < 2 or not 0 < level < 1:
        raise RetinueError(
            f"order is {order}, replicates {replicates}, level {level}; give at least 1, at least 2, and a "
            "share between 0 and 1"
        )
    given = _given(journeys, person, by, half_life)
    found = given.select(F.explode("channels").alias("channel")).distinct().collect()
    channels = sorted(row.channel for row in found)
    tallied = _tallied(given, channels, order, (weights[0], weights[1], weights[2]), replicates, seed)
    kind = given.schema["channels"].dataType.elementType.simpleString()  # type: ignore[attr-defined]
    rows: Iterator[tuple[Any, ...]] = iter(())
    if tallied:
        compared = path_replicates.credits(given, channels=channels, replicates=replicates, seed=seed)
        credited = weighed.credits(tallied) | {"counterfactual": (compared[0], compared[1])}
        rows = _rows(credited, tallied.totals[2:], channels, level)
    return journeys.sparkSession.createDataFrame(rows, f"model string, channel {kind}, {_AMOUNTS}")


def disagreement(credited: DataFrame, *, by: str = "channel", within: Sequence[str] = ()) -> DataFrame:
    """How far the models are apart: for each channel the one that credits least and the one that does most.

    Out, a row a channel: `within`, `by`, least_model, least_conversions, most_model, most_conversions,
    disagreement (double, the difference as a share of all conversions; null where there are none),
    is_beyond_chance (boolean: the interval of the one ends before that of the other begins). Models of equal
    credit go by name. In: what `bootstrap` gives, more than one where columns of `within` tell them apart.
    Lazy; a shuffle of a row a model and channel. Raises SchemaMismatch.
    """
    of = [quoted(name) for name in within]
    require(credited, ["model", *within, by, *_BOUNDED], what="disagreement")
    told = F.struct("conversions", "model", "conversions_low", "conversions_high")
    total = F.sum("conversions").over(Window.partitionBy(*of, "model"))
    ends = (
        credited.withColumn("_total", total)
        .groupBy(*of, quoted(by))
        .agg(F.min(told).alias("_least"), F.max(told).alias("_most"), F.max("_total").alias("_total"))
    )
    apart = F.col("_most.conversions") - F.col("_least.conversions")
    return ends.select(
        *of,
        quoted(by),
        F.col("_least.model").alias("least_model"),
        F.col("_least.conversions").alias("least_conversions"),
        F.col("_most.model").alias("most_model"),
        F.col("_most.conversions").alias("most_conversions"),
        F.try_divide(apart, F.col("_total")).alias("disagreement"),
        (F.col("_least.conversions_high") < F.col("_most.conversions_low")).alias("is_beyond_chance"),
    )


_BOUNDED = ("conversions", "conversions_low", "conversions_high")
_AMOUNTS = ", ".join(
    f"{name}{end} double" for name in ("conversions", "value") for end in ("", "_low", "_high")
)


def _rows(
    credited: dict[str, tuple[Array, Array]], untouched: Array, channels: list[Any], level: float
) -> Iterator[tuple[Any, ...]]:
    of_nothing = _bounded(untouched, level)
    for model, amounts in credited.items():
        conversions, value = (_bounded(each, level) for each in amounts)
        for channel, *figures in zip(channels, conversions, value, strict=True):
            yield (model, channel, *figures[0], *figures[1])
        if untouched[0].any():
            yield (model, None, *of_nothing[0], *of_nothing[1])


def _bounded(figures: Array, level: float) -> list[list[float]]:
    """Each figure with its bounds."""
    low, high = weighed.bounds(figures, level)
    told: list[list[float]] = np.column_stack([figures[:, 0], low, high]).tolist()
    return told


def _given(journeys: DataFrame, person: str, by: str, half_life: timedelta) -> DataFrame:
    """key, channels, ages (half-lives), is_converted, value."""
    named = F.filter("touches", lambda touch: touch[by].isNotNull())
    kept = journeys.withColumn("touches", named)
    age_of = age(kept)
    life = half_life / timedelta(microseconds=1)
    return kept.select(
        F.xxhash64(quoted(person)).alias("key"),
        F.transform("touches", lambda touch: touch[by]).alias("channels"),
        F.transform("touches", lambda touch: F.coalesce(age_of(touch) / life, F.lit(0.0))).alias("ages"),
        "is_converted",
        F.coalesce(F.col("value").cast("double"), F.lit(0.0)).alias("value"),
    )


def _tallied(
    given: DataFrame,
    channels: list[Any],
    order: int,
    positions: tuple[float, float, float],
    replicates: int,
    seed: int,
) -> Tally | None:
    def weigh(batches: Iterator[pa.RecordBatch]) -> Iterator[Tally]:
        for rows in arrow.cut(batches, weighed.AT_ONCE, lists="channels"):
            yield weighed.tally(
                _read(rows, channels),
                weighed.drawn(_keys(rows), replicates=replicates, seed=seed),
                channels=channels,
                order=order,
                positions=positions,
            )

    return arrow.added_up(given, weigh, weighed.summed)


def _keys(rows: pa.RecordBatch) -> NDArray[np.uint64]:
    keys: NDArray[np.int64] = rows.column("key").to_numpy(zero_copy_only=False)
    return keys.view(np.uint64)


def _read(rows: pa.RecordBatch, channels: list[Any]) -> Journeys:
    paths = arrow.codes_of(rows.column("channels"), channels)
    return Journeys(
        codes=paths.codes,
        sizes=paths.sizes,
        ages=rows.column("ages").flatten().to_numpy(zero_copy_only=False),
        is_converted=rows.column("is_converted").to_numpy(zero_copy_only=False).astype(bool),
        value=rows.column("value").to_numpy(zero_copy_only=False),
    )
