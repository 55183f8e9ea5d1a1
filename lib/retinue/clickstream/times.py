"""Instants as whole microseconds since 1970, so that gaps and windows compare exactly."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from retinue.errors import SchemaMismatch
from retinue.schema import quoted

MICROSECONDS = 1_000_000  # in a second
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def epoch_micros(rows: DataFrame, at: str) -> Column:
    """The column `at` as microseconds since 1970-01-01 UTC (bigint).

    A timestamp is an instant, a timestamp_ntz is read as UTC, a number counts seconds: a fraction is
    taken by its shortest decimal and rounded to the microsecond, halves away from zero. A number that
    is no instant (NaN, infinite, beyond a bigint) gives null.

    Raises SchemaMismatch where `at` has any other type.
    """
    return micros_of(F.col(quoted(at)), rows.schema[at].dataType, name=at)


def micros_of(instant: Column, kind: T.DataType, *, name: str) -> Column:
    """The same for any expression of the type; an error calls it by its `name`."""
    if isinstance(kind, T.TimestampType):
        return F.unix_micros(instant)
    if isinstance(kind, T.IntegralType):
        return F.try_multiply(instant.cast("bigint"), F.lit(MICROSECONDS))
    if isinstance(kind, T.TimestampNTZType):
        # A cast to timestamp would go through the session's time zone; the distance from 1970 does not.
        since = instant - F.expr("timestamp_ntz'1970-01-01'")
        return _micros_of_seconds(since.cast("interval second"))
    if isinstance(kind, T.NumericType):
        return _micros_of_seconds(instant)
    raise SchemaMismatch(
        f"{name} is {kind.simpleString()}; a time must be a timestamp, a timestamp_ntz or a number of seconds"
    )


def instant_micros(instant: date | datetime | float) -> int:
    """The same for one value of Python: a datetime or a date (its midnight; UTC), or a number of seconds."""
    if isinstance(instant, date) and not isinstance(instant, datetime):
        instant = datetime.combine(instant, time())
    if not isinstance(instant, datetime):
        return round(instant * MICROSECONDS)
    return span_micros((instant if instant.tzinfo else instant.replace(tzinfo=UTC)) - _EPOCH)


def span_micros(span: timedelta) -> int:
    """The whole microseconds of a timedelta, which has no finer part."""
    return span // timedelta(microseconds=1)


def floor_micros(micros: Column, span: timedelta) -> Column:
    """The start of the `span` of the UTC clock (a minute, a day, ten seconds) that the instant lies in."""
    return micros - F.pmod(micros, F.lit(span_micros(span)))


def _micros_of_seconds(seconds: Column) -> Column:
    return (seconds.try_cast("decimal(26,6)") * MICROSECONDS).try_cast("bigint")
