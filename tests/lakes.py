"""Lakes that tests start from."""

from __future__ import annotations

from decimal import Decimal
from functools import reduce
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from retinue import samples, settings, tables
from retinue.lake import Lake, connect


def fresh(spark: SparkSession, home: Path) -> Lake:
    """A lake of a run of its own, under a home."""
    return connect(spark, settings.load("test", home=home))


def with_clean_events(spark: SparkSession, home: Path) -> Lake:
    """A lake whose silver.events are the small world's."""
    lake = fresh(spark, home)
    lake.merge("silver.events", samples.small_world(spark, visitors=60).events)
    return lake


def rows(lake: Lake, name: str, *, without: tuple[str, ...] = ()) -> DataFrame:
    """All rows of a table as it is now, without the columns that say when and by which run."""
    return fresh_reader(lake).read(name).drop(*without)


def fresh_reader(lake: Lake) -> Lake:
    """The same lake as another run sees it."""
    return Lake(lake.spark, lake.root, purposes=lake.purposes)


def differing(one: Lake, other: Lake, *, layers: tuple[str, ...] = ("bronze", "silver", "gold")) -> list[str]:
    """The tables whose rows are not the same in both, as often as each is there."""
    names = [table.name for table in tables.CATALOGUE.values() if table.layer in layers]
    mine, others = _prints(one, names), _prints(other, names)
    return [name for name in names if mine[name] != others[name]]


def _prints(lake: Lake, names: list[str]) -> dict[str, tuple[int, Decimal]]:
    """How many rows each table has, and the sum of their hashes: one query for all."""
    printed = reduce(DataFrame.union, (_print(lake, name) for name in names))
    return {row.name: (row.rows, row.hashes) for row in printed.collect()}


def _print(lake: Lake, name: str) -> DataFrame:
    """Maps, which have no hash, count as text."""
    columns = tables.find(name).columns
    hashed = F.xxhash64(*(F.to_json(c.name) if c.type.startswith("MAP") else c.name for c in columns))
    return lake.read(name).agg(
        F.lit(name).alias("name"),
        F.count("*").alias("rows"),
        F.sum(hashed.cast("decimal(38,0)")).alias("hashes"),
    )
