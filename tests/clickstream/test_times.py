"""Instants as microseconds: exact in every type, wherever the session's clock stands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from retinue.clickstream.times import epoch_micros, floor_micros, instant_micros, span_micros


@pytest.fixture
def new_york(spark: SparkSession) -> Iterator[SparkSession]:
    zone = str(spark.conf.get("spark.sql.session.timeZone"))
    spark.conf.set("spark.sql.session.timeZone", "America/New_York")
    yield spark
    spark.conf.set("spark.sql.session.timeZone", zone)


INSTANTS = {
    "timestamp'2024-03-10 02:30:00.000001 UTC'": 1_710_037_800_000_001,
    "timestamp_ntz'2024-03-10 02:30:00.000001'": 1_710_037_800_000_001,  # no such hour in New York
    "timestamp_ntz'1969-12-31 23:59:59.999999'": -1,
    "timestamp_ntz'0001-01-01 00:00:00'": -62_135_596_800_000_000,
    "timestamp_ntz'9999-12-31 23:59:59.999999'": 253_402_300_799_999_999,
    "tinyint(-2)": -2_000_000,
    "1700000000": 1_700_000_000_000_000,
    "9223372036854775807L": None,
    "1700000000.123456D": 1_700_000_000_123_456,
    "-0.1D": -100_000,
    "0.0000005D": 1,
    "-0.0000005D": -1,
    "0.00000049D": 0,
    "4294967295.999999D": 4_294_967_295_999_999,
    "double('NaN')": None,
    "double('-Infinity')": None,
    "1e300D": None,
    "1.5f": 1_500_000,
    "12.3456789BD": 12_345_679,
    "cast(null as timestamp)": None,
}


def test_every_type_of_time_gives_exact_microseconds(new_york: SparkSession) -> None:
    expressions = [f"{literal} c{number}" for number, literal in enumerate(INSTANTS)]
    rows = new_york.range(1).selectExpr(*expressions)
    (row,) = rows.select(*(epoch_micros(rows, name) for name in rows.columns)).collect()
    assert dict(zip(INSTANTS, row, strict=True)) == INSTANTS


def test_an_instant_of_python_gives_the_same() -> None:
    assert instant_micros(datetime(1969, 12, 31, 23, 59, 59, 999999)) == -1
    assert instant_micros(datetime(1970, 1, 1, tzinfo=timezone(timedelta(hours=2)))) == -7_200_000_000
    assert instant_micros(datetime(1970, 1, 1, tzinfo=UTC)) == 0
    assert instant_micros(1.5) == 1_500_000
    assert span_micros(timedelta(days=1, microseconds=1)) == 86_400_000_001


def test_the_clock_is_floored_before_1970_too(spark: SparkSession) -> None:
    rows = spark.createDataFrame([(-1,), (0,), (59_999_999,), (60_000_000,)], "micros bigint")
    floors = rows.select(floor_micros(F.col("micros"), timedelta(minutes=1)).alias("minute")).collect()
    assert [row.minute for row in floors] == [-60_000_000, 0, 0, 60_000_000]
