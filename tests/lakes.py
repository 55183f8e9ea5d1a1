"""Lakes that tests start from."""

from __future__ import annotations

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
    """The tables whose rows are not the same in both; maps, which do not compare, count as text."""
    names = [table.name for table in tables.CATALOGUE.values() if table.layer in layers]
    return [name for name in names if _differ(_comparable(one, name), _comparable(other, name))]


def _comparable(lake: Lake, name: str) -> DataFrame:
    columns = tables.find(name).columns
    return lake.read(name).select(
        [F.to_json(c.name) if c.type.startswith("MAP") else c.name for c in columns]
    )


def _differ(one: DataFrame, other: DataFrame) -> bool:
    return one.exceptAll(other).count() + other.exceptAll(one).count() > 0
