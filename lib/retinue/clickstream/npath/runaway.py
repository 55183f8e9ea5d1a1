"""Partitions too long to be anybody's: bots, shared devices, broken ids."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retinue.clickstream.npath import order


def runaway(rows: DataFrame, *, partition_by: Sequence[str | Column], max_rows: int) -> DataFrame:
    """The partitions of more than `max_rows` rows: those that npath leaves out with the same `max_rows`.

    Gives the columns of `partition_by` and `row_count` (bigint), a row a partition. Only the keys travel,
    counted where they lie. Lazy.

    Raises PatternError for an unknown column.
    """
    keys = [key.alias(name) for name, key in order.partition_keys(rows, partition_by).items()]
    counts = rows.groupBy(*keys).agg(F.count("*").alias("row_count"))
    return counts.filter(F.col("row_count") > max_rows)
