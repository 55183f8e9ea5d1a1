"""The small world as files, and the settings that read them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retinue import settings, tables
from retinue.job import Report
from retinue.samples.world import SmallWorld
from retinue.settings import Settings
from retinue.sources import mappings

Told = tuple[Path, Settings, dict[str, Report]]


def delivered(world: SmallWorld, folder: Path, kind: str) -> Path:
    """The world's posts or contacts as Parquet, every column as text."""
    given, columns = {"posts": (world.posts, tables.POST), "contacts": (_follows(world), tables.CONTACT)}[
        kind
    ]
    missing = [column.name for column in columns if column.name not in given.columns]
    whole = given.withColumns({name: F.lit(None) for name in missing})
    whole.select([F.col(column.name).cast("string") for column in columns]).write.parquet(str(folder / kind))
    return folder / kind


def reading(home: Path, kind: str, source: Path) -> Settings:
    """These files, on the legal basis that needs no consent."""
    mapping = home.parent / f"{kind}.toml"
    mapping.write_text(mappings.text(f"generic_{kind}_parquet").replace('"consent"', '"anonymous"'))
    base = settings.load("test", home=home, overrides=["sentiment.scorer=vader", "graph.seeds=5"])
    return replace(base, ingest=replace(base.ingest, input=str(source), mapping=str(mapping)))


def value(reports: dict[str, Report], name: str, question: str) -> Any:
    """What a job found."""
    (found,) = [each.value for each in reports[name].answer.findings if each.question == question]
    return found


def _follows(world: SmallWorld) -> DataFrame:
    return world.follows.select(
        F.lit("chirp").alias("network"),
        F.concat_ws("-", "src", "dst", "followed_at").alias("contact_id"),
        "relationship",
        F.col("src").alias("profile_id"),
        F.col("dst").alias("to_profile_id"),
        F.col("followed_at").alias("occurred_at"),
    )
