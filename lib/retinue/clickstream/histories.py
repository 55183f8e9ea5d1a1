"""Visitors' rows in order: gathered out of a frame, turned into arrays, and what was found turned back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import reduce

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from retinue.clickstream.times import MICROSECONDS, epoch_micros, instant_micros, span_micros
from retinue.clickstream.visits import FOREVER, NONE, Integers, Visits
from retinue.errors import RetinueError, SchemaMismatch
from retinue.schema import has_order, quoted

_DIGITS = 6  # that a microsecond has after a second's point
_LONGEST = 19  # digits of a bigint


def timed(
    events: DataFrame,
    *,
    visitor: str,
    at: str,
    tie: str | None,
    predicates: Sequence[str | Column],
    carried: Sequence[str] = (),
) -> DataFrame:
    """The rows as visitor, value (0), instant, tie, lowest, mask, at, carried.

    The mask has bit k - 1 where predicate k holds, and lowest is its lowest bit (0 where it has none). It
    comes first, so that of two rows of one time, A or B and B alone, the former can be A and the latter B.
    """
    _refuse_unordered(events, [visitor, *([tie] if tie else []), *carried])
    mask = _mask(predicates)
    return events.where(F.col(quoted(visitor)).isNotNull()).select(
        F.col(quoted(visitor)).alias("visitor"),
        F.lit(0).alias("value"),
        instant(events, at).alias("instant"),
        *([F.col(quoted(tie)).alias("tie")] if tie else []),
        mask.bitwiseAND(-mask).alias("lowest"),
        mask.alias("mask"),
        F.col(quoted(at)).alias("at"),
        *(
            [F.struct(*(F.col(quoted(name)).alias(name) for name in carried)).alias("carried")]
            if carried
            else []
        ),
    )


def gathered(rows: DataFrame, counts: Column) -> DataFrame:
    """A row a visitor, with those of its rows that count, in the order of all their columns in turn."""
    row = F.struct(*(name for name in rows.columns if name != "visitor"))
    counted = F.when(counts & F.col("instant").isNotNull(), row)
    return rows.groupBy("visitor").agg(F.sort_array(F.collect_list(counted)).alias("rows"))


def unit(rows: DataFrame, at: str) -> int:
    """Into how many parts the reckoning cuts one unit of the column `at`.

    As many as it has: whole numbers none, decimals their digits, and never more than a second has
    microseconds.
    """
    kind = rows.schema[at].dataType
    if isinstance(kind, T.IntegralType):
        return 1
    return 10 ** min(kind.scale, _DIGITS) if isinstance(kind, T.DecimalType) else MICROSECONDS


def instant(rows: DataFrame, at: str) -> Column:
    """The time as a whole number of those parts (bigint), null where it is null or NaN.

    A number too large for that stops the Spark job with a message.
    """
    kind, time = rows.schema[at].dataType, F.col(quoted(at))
    if isinstance(kind, T.IntegralType):
        return time.cast("bigint")
    if isinstance(kind, T.DecimalType):
        digits = min(kind.scale, _DIGITS)
        whole = (time.try_cast(f"decimal({_LONGEST},{digits})") * unit(rows, at)).try_cast("bigint")
    else:
        whole = epoch_micros(rows, at)
    is_number = time.isNotNull() & (~F.isnan(time) if isinstance(kind, T.FractionalType) else F.lit(True))
    told = F.concat(
        F.lit(f"{at} has the time "),
        time.cast("string"),
        F.lit(f", which is too large to hold to 1/{unit(rows, at)}; cast it to bigint or to a coarser unit"),
    )
    return F.coalesce(whole, F.when(is_number, F.raise_error(told).cast("bigint")))


def span(rows: DataFrame, at: str, length: timedelta | float, what: str) -> int:
    """A length of time, in units of `at` or as a timedelta, as a whole number of its parts."""
    if not isinstance(length, timedelta) and not length >= 0:
        raise RetinueError(f"{what} is {length}; it must be 0 or more")
    if isinstance(length, timedelta):
        micros = span_micros(length)
    else:
        micros = round(min(length, FOREVER) * MICROSECONDS)  # 0.3 is meant to its last digit
    if micros < 0:
        raise RetinueError(f"{what} is {length}; it must be 0 or more")
    return min(micros * unit(rows, at) // MICROSECONDS, FOREVER)


def moment(rows: DataFrame, at: str, time: datetime | float) -> int:
    """An instant, in units of `at` or as a datetime, as a whole number of its parts."""
    return instant_micros(time) * unit(rows, at) // MICROSECONDS


def arrays(instant: pa.Array, mask: pa.Array) -> Visits:
    """A batch of visitors out of two arrays of lists."""
    offsets = instant.offsets.to_numpy().astype(np.int64)
    return Visits(offsets - offsets[0], flat(instant), flat(mask))


def flat(lists: pa.Array) -> Integers:
    """The values of all lists, one after the other."""
    values: Integers = lists.flatten().to_numpy(zero_copy_only=False)
    return values


def places(visits: Visits, rows: Integers) -> pa.Array:
    """The rows that were taken as lists of places among the visitor's own, from 0; null for none."""
    own = (rows - visits.offsets[:-1, None]).ravel()
    offsets = np.arange(len(rows) + 1, dtype=np.int32) * rows.shape[1]
    return pa.ListArray.from_arrays(offsets, pa.array(own, pa.int32(), mask=rows.ravel() == NONE))


def _mask(predicates: Sequence[str | Column]) -> Column:
    none = F.lit(0).cast("bigint")
    holds = [F.expr(predicate) if isinstance(predicate, str) else predicate for predicate in predicates]
    bits = [F.when(hold, F.lit(1 << bit).cast("bigint")).otherwise(none) for bit, hold in enumerate(holds)]
    return reduce(Column.bitwiseOR, bits)


def _refuse_unordered(events: DataFrame, columns: Iterable[str]) -> None:
    for name in columns:
        kind = events.schema[name].dataType
        if not has_order(kind):
            raise SchemaMismatch(f"{name} is {kind.simpleString()}, which has no order; take a part of it")
