"""All models on the same journeys, each figure with the interval that other people would have given."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import reduce
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retinue.attribution import replicates as weighed
from retinue.attribution.replicates import Journeys, Tally
from retinue.attribution.rules import POSITION, WEEK, age
from retinue.errors import RetinueError
from retinue.schema import quoted, require

__all__ = ["bootstrap"]

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
    (the game of counts) or markov), channel (as `by`), conversions, conversions_low, conversions_high, value,
    value_low, value_high (double). What no touch led to is under the channel null.

    The bounds are those of `level` of the replicates, in each of which every person counts a Poisson number
    of times, with all of his journeys, so that they hold where one person's journeys are alike. They tell
    chance alone: no interval makes credit a cause.

    In: journeys with `person`, touches that have `by` (touches where it is null are left out), converted_at,
    value and is_converted. Runs Spark jobs: one pass over the journeys to list the channels, one to weigh
    them; sums come to the driver, for each replicate at most channels ^ (order + 1).
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
    rows = _rows(tallied, channels, level) if tallied else []
    return journeys.sparkSession.createDataFrame(rows, f"model string, channel {kind}, {_AMOUNTS}")


_AMOUNTS = ", ".join(
    f"{name}{end} double" for name in ("conversions", "value") for end in ("", "_low", "_high")
)


def _rows(tallied: Tally, channels: list[Any], level: float) -> Iterator[tuple[Any, ...]]:
    for model, (conversions, value) in weighed.credits(tallied).items():
        for code, channel in enumerate(channels):
            yield (model, channel, *_bounds(conversions[code], level), *_bounds(value[code], level))
        if tallied.totals[2:, 0].any():
            yield (model, None, *_bounds(tallied.totals[2], level), *_bounds(tallied.totals[3], level))


def _bounds(replicates: Array, level: float) -> list[float]:
    """The figure itself, then the bounds of the others."""
    outside = (1 - level) / 2
    low, high = np.quantile(replicates[1:], [outside, 1 - outside])
    return [float(replicates[0]), float(low), float(high)]


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
    def weigh(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        parts = (
            weighed.tally(
                _read(rows, channels),
                weighed.drawn(_keys(rows), replicates=replicates, seed=seed),
                channels=channels,
                order=order,
                positions=positions,
            )
            for batch in batches
            for rows in _cut(batch)
        )
        yield from _sent(parts)

    def add_up(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from _sent(_received(batches))

    sums = given.mapInArrow(weigh, "tally binary").repartition(1).mapInArrow(add_up, "tally binary")
    return next(_received(sums.toArrow().to_batches()), None)


def _cut(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    for start in range(0, batch.num_rows, weighed.AT_ONCE):
        yield batch.slice(start, weighed.AT_ONCE)


def _keys(rows: pa.RecordBatch) -> NDArray[np.uint64]:
    keys: NDArray[np.int64] = rows.column("key").to_numpy(zero_copy_only=False)
    return keys.view(np.uint64)


def _read(rows: pa.RecordBatch, channels: list[Any]) -> Journeys:
    listed = rows.column("channels")
    told = listed.flatten()
    codes = pa.compute.index_in(told, value_set=pa.array(channels, type=told.type))
    return Journeys(
        codes=codes.to_numpy(zero_copy_only=False).astype(np.int64),
        ages=rows.column("ages").flatten().to_numpy(zero_copy_only=False),
        sizes=listed.value_lengths().to_numpy(zero_copy_only=False).astype(np.int64),
        is_converted=rows.column("is_converted").to_numpy(zero_copy_only=False).astype(bool),
        value=rows.column("value").to_numpy(zero_copy_only=False),
    )


def _sent(parts: Iterator[Tally]) -> Iterator[pa.RecordBatch]:
    first = next(parts, None)
    if first is not None:
        whole = reduce(weighed.summed, parts, first)
        yield pa.RecordBatch.from_arrays([pa.array([pickle.dumps(whole)], pa.binary())], ["tally"])


def _received(batches: Iterator[pa.RecordBatch]) -> Iterator[Tally]:
    for batch in batches:
        for sent in batch.column("tally").to_pylist():
            yield pickle.loads(sent)
