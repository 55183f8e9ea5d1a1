"""Lakes that tests start from."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from retinue import samples, settings
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
