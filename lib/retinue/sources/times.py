"""Times as sources write them, read into instants."""

from __future__ import annotations

import re

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, TimestampNTZType, TimestampType

from retinue.sources.mappings import TimeWriting

__all__ = ["instant"]

_EXPONENT = {"seconds": 6, "milliseconds": 3, "microseconds": 0}


def instant(written: Column, type: DataType, writing: TimeWriting) -> Column:
    """The instant (timestamp) that `written` says, null where it says none.

    A column that is a timestamp already is taken as it is, a timestamp_ntz as local time of the
    writing's zone. Text is read as `writing` declares; a zone or offset in the text itself wins
    over `writing.zone`. In the hour that daylight saving skips, the clock goes on; in the one it
    repeats, the earlier instant is meant.
    """
    if isinstance(type, TimestampType):
        return written
    if isinstance(type, TimestampNTZType):
        return F.to_utc_timestamp(written.cast("timestamp"), writing.zone)
    text = F.trim(written.cast("string"), F.lit(" \t\r\n"))
    if writing.written in _EXPONENT:
        return _since_epoch(text, _EXPONENT[writing.written])
    if writing.written == "iso":
        return _iso(text, writing.zone)
    return _by_pattern(text, writing)


def _since_epoch(text: Column, exponent: int) -> Column:
    units = text.try_cast("decimal(25,6)")
    return F.timestamp_micros(F.floor(units * F.lit(10**exponent)).try_cast("bigint"))


def _iso(text: Column, zone: str) -> Column:
    # Spark's cast also takes a year or a time of day alone, which are no instants.
    dated = F.when(text.rlike(r"^\d{4}-\d{1,2}-\d{1,2}"), F.replace(text, F.lit(","), F.lit(".")))
    timed = F.regexp_replace(dated, "^([^ T]+)$", "$1 00:00:00")
    seconds = F.regexp_replace(timed, r"^([^ T]+[ T]\d{1,2}:\d{2})(?![:\d])", "$1:00")
    zoned = F.regexp_replace(seconds, r"^([^ T]+[ T][0-9:.]+)$", f"$1 {zone}")
    return zoned.try_cast("timestamp")


def _by_pattern(text: Column, writing: TimeWriting) -> Column:
    read = F.try_to_timestamp(text, F.lit(writing.written))
    has_zone = re.search("[XxZzVO]", re.sub("'[^']*'", "", writing.written))
    return read if has_zone else F.to_utc_timestamp(read, writing.zone)
