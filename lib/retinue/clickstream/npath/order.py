"""The order of the rows, and how far apart two of them are along it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TypeAlias

from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from retinue.clickstream.npath.faults import printed, shown_in
from retinue.clickstream.npath.sql import Snippet
from retinue.errors import PatternError
from retinue.schema import quoted

WRITTEN = re.compile(
    r"\s*(?P<key>.*?)(?:\s+(?P<way>ASC|DESC))?(?:\s+NULLS\s+(?P<nulls>FIRST|LAST))?\s*$",
    re.IGNORECASE | re.DOTALL,
)

Number: TypeAlias = int | float | Decimal


@dataclass(frozen=True)
class Order:
    """One key of the order: with its direction, and the column itself, if that is known, as it was given."""

    sort: Column
    column: Column | None
    text: str

    @property
    def key(self) -> Column:
        """The column itself. Raises PatternError where a Column hides it behind its direction."""
        if self.column is None:
            raise PatternError(
                f"order_by: {self.text} is a Column whose values are asked for, and they do not show behind"
                " its direction; write it as text, such as 'at * 2 DESC', or as a Column without asc or desc"
            )
        return self.column


def partition_keys(rows: DataFrame, partition_by: str | Column | Sequence[str | Column]) -> dict[str, Column]:
    """The columns that tell the partitions apart, by their names; none for a single partition.

    Raises PatternError for a column that is not there.
    """
    keys = {}
    for key in [partition_by] if isinstance(partition_by, str | Column) else partition_by:
        with shown_in(printed(key), what="partition_by"):
            column = named(rows, key) if isinstance(key, str) else key
            keys[rows.select(column).columns[0]] = column
    return keys


def read(rows: DataFrame, order_by: str | Column | Sequence[str | Column]) -> list[Order]:
    """The keys that `order_by` names or gives.

    Raises PatternError for a column that is not there or has no order, and where there is no key at all.
    """
    keys = [order_by] if isinstance(order_by, str | Column) else order_by
    if not keys:
        raise PatternError("order_by: it is empty; name at least one column, for paths have an order")
    return [_written(rows, key) if isinstance(key, str) else _given(rows, key) for key in keys]


def _written(rows: DataFrame, text: str) -> Order:
    found = WRITTEN.match(text)
    assert found
    way, nulls = (found["way"] or "asc").lower(), (found["nulls"] or "").lower()
    with shown_in(text, start=found.start("key"), what="order_by"):
        key = named(rows, found["key"])
        sort = getattr(key, f"{way}_nulls_{nulls}" if nulls else way)()
        _refuse_no_order(rows, sort)
    return Order(sort, key, text)


def _given(rows: DataFrame, column: Column) -> Order:
    """A Column as it is; its key apart from its direction shows only in how it prints, if that is a name."""
    text = printed(column)
    found = re.fullmatch(r"(.*) (?:ASC|DESC) NULLS (?:FIRST|LAST)", text, re.DOTALL)
    with shown_in(text, what="order_by"):
        _refuse_no_order(rows, column)
        if found is None:
            return Order(column.asc(), column, text)
        return Order(column, named(rows, found[1]) if Snippet(found[1]).is_name else None, text)


def _refuse_no_order(rows: DataFrame, sort: Column) -> None:
    rows.select(F.row_number().over(Window.orderBy(sort)))


def named(rows: DataFrame, name: str) -> Column:
    """The column of this name, or else what the text says as SQL."""
    known = name.lower() in (column.lower() for column in rows.columns)
    return F.col(quoted(name)) if known else F.expr(name)


def is_there(rows: DataFrame, name: str) -> bool:
    """Whether a column of the rows goes by this name, be it with a frame's alias before it."""
    try:
        rows.select(F.expr(name))
    except AnalysisException:
        return False
    return True


def clock(rows: DataFrame, key: Column, within: timedelta | Number) -> tuple[Column, Number]:
    """The key as numbers, and the limit in the same units: microseconds for times and dates.

    A number stands for seconds where the key is a timestamp, for days where it is a date; a timedelta
    stands for its seconds where the key is a number.
    """
    if within < (timedelta(0) if isinstance(within, timedelta) else 0):  # type: ignore[operator]
        raise PatternError(f"within: {within} is below zero; give how far a match may reach")
    kind = rows.select(key).schema[0].dataType
    if isinstance(kind, T.TimestampType):
        return F.unix_micros(key), _micros(within, timedelta(seconds=1))
    if isinstance(kind, T.TimestampNTZType):
        # A cast to timestamp would go through the session's zone, where some hours are missing or come twice.
        since = (key - F.expr("timestamp_ntz'1970-01-01'")).cast("interval second")
        return (since.cast("decimal(26,6)") * 1_000_000).cast("long"), _micros(within, timedelta(seconds=1))
    if isinstance(kind, T.DateType):
        return F.unix_date(key).cast("long") * 86_400_000_000, _micros(within, timedelta(days=1))
    limit = within.total_seconds() if isinstance(within, timedelta) else within
    if isinstance(kind, T.DecimalType):
        return key, Decimal(str(limit))
    if isinstance(kind, T.IntegralType):
        return key.cast("long"), limit
    if isinstance(kind, T.FractionalType):
        # As they are written: in binary .4 - .1 is more than .3.
        return key.cast("string").try_cast("decimal(38,9)"), Decimal(str(limit))
    raise PatternError(
        f"within: it needs times or numbers, and the first of order_by is of type {kind.simpleString()}"
    )


def _micros(within: timedelta | Number, unit: timedelta) -> Number:
    one = timedelta(microseconds=1)
    if isinstance(within, timedelta):
        return within // one
    return within if within == math.inf else round(within * (unit // one))  # 1.001 s is 1,001,000
