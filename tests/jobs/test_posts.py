"""Posts from files to findings: what the small world hides is found, and once more is as once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lakes import fresh, rows
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from retinue import commands, job, promises, samples, settings, tables
from retinue.job import Report
from retinue.samples.world import SmallWorld
from retinue.settings import Settings
from retinue.sources import mappings

JOBS = ("ingest_posts", *commands.OF_POSTS)
TABLES = ("silver.posts", "silver.post_versions", "silver.post_tokens", "silver.post_sentiment")


def delivered(world: SmallWorld, folder: Path) -> Path:
    """The world's posts as Parquet."""
    missing = [column.name for column in tables.POST if column.name not in world.posts.columns]
    whole = world.posts.withColumns({name: F.lit(None) for name in missing})
    whole.select([F.col(column.name).cast("string") for column in tables.POST]).write.parquet(str(folder))
    return folder


def chosen(home: Path, source: Path) -> Settings:
    """The posts as of the source, on the legal basis that needs no consent."""
    mapping = home.parent / "posts.toml"
    mapping.write_text(mappings.text("generic_posts_parquet").replace('"consent"', '"anonymous"'))
    base = settings.load("test", home=home, overrides=["sentiment.scorer=vader"])
    return replace(base, ingest=replace(base.ingest, input=str(source), mapping=str(mapping)))


@pytest.fixture(scope="module")
def world(spark: SparkSession) -> SmallWorld:
    return samples.small_world(spark, visitors=200)


@pytest.fixture(scope="module")
def told(
    spark: SparkSession, world: SmallWorld, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Settings, dict[str, Report]]:
    folder = tmp_path_factory.mktemp("posts")
    home = folder / "home"
    asked = chosen(home, delivered(world, folder / "in"))
    return home, asked, {name: job.perform(name, fresh(spark, home), asked) for name in JOBS}


def value(reports: dict[str, Report], name: str, question: str) -> Any:
    (found,) = [each.value for each in reports[name].answer.findings if each.question == question]
    return found


def test_the_burst_the_pasted_text_and_the_slogan_are_found(
    spark: SparkSession, world: SmallWorld, told: tuple[Path, Settings, dict[str, Report]]
) -> None:
    home, _, reports = told
    lake = fresh(spark, home)
    alerts = lake.read("gold.reputation_alerts").collect()
    (threat,) = [each for each in alerts if each.kind == "threat"]
    assert threat.topic == world.truth.alert_theme
    assert threat.started_at.date() == world.truth.alert_on
    assert set(threat.explanation.split(", ")) & set(samples.posts.THEMES[world.truth.alert_theme])
    assert value(reports, "watch_reputation", "How many texts do several people paste?") == 1
    (first,) = lake.read("gold.copied_texts").collect()
    of_first = (F.col("post_id") == first.post_id) | (F.col("original_post_id") == first.post_id)
    pasted = lake.read("silver.posts").where(of_first).collect()
    assert {each.post_id for each in pasted} == world.truth.pasted_posts
    brand, slogan = world.truth.slogan
    claims = lake.read("gold.taglines").collect()
    assert [(each.brand, each.phrase) for each in claims if each.rank == 1] == [(brand, slogan)]
    assert [job for job, report in reports.items() if not report.answer.findings] == []


def test_the_lake_keeps_its_promises_and_sentiment_is_the_planted_mood(
    spark: SparkSession, world: SmallWorld, told: tuple[Path, Settings, dict[str, Report]]
) -> None:
    home, _, _ = told
    lake = fresh(spark, home)
    assert [each for each in promises.kept(lake) if not each.holds] == []
    judged = lake.read("silver.post_sentiment").join(world.post_labels, "post_id")
    assert judged.where("mood IN ('positive', 'negative', 'neutral') AND sentiment <> mood").count() <= (
        0.05 * judged.count()
    )


def test_the_same_delivery_again_changes_nothing(
    spark: SparkSession, told: tuple[Path, Settings, dict[str, Report]]
) -> None:
    home, asked, _ = told
    before = {name: rows(fresh(spark, home), name).count() for name in TABLES}
    again = [job.perform(name, fresh(spark, home), asked) for name in ("ingest_posts", "tokenize_posts")]
    assert again[0].answer.rows_in == 0
    assert again[1].answer.rows_in == again[1].answer.rows_out == 0
    assert {name: rows(fresh(spark, home), name).count() for name in TABLES} == before
    kept = fresh(spark, home).read("ops.runs").where("job = 'ingest_posts'").collect()
    assert all(json.loads(row["settings"])["texts"] for row in kept)
