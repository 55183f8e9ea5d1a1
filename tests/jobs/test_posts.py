"""Posts from files to findings: what the small world hides is found, and once more is as once."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from lakes import differing, fresh
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from worlds import Told, value

from retinue import job, promises, samples
from retinue.samples.world import SmallWorld


def test_the_burst_the_pasted_text_and_the_slogan_are_found(
    spark: SparkSession, world: SmallWorld, posted: Told
) -> None:
    home, _, reports = posted
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
    spark: SparkSession, world: SmallWorld, posted: Told
) -> None:
    home, _, _ = posted
    lake = fresh(spark, home)
    assert [each for each in promises.kept(lake) if not each.holds] == []
    judged = lake.read("silver.post_sentiment").join(world.post_labels, "post_id")
    assert judged.where("mood IN ('positive', 'negative', 'neutral') AND sentiment <> mood").count() <= (
        0.05 * judged.count()
    )


def test_all_jobs_again_change_no_row(spark: SparkSession, posted: Told, tmp_path: Path) -> None:
    home, asked, reports = posted
    shutil.copytree(home, tmp_path / "again")
    later = replace(asked, home=str(tmp_path / "again"))
    again = {name: job.perform(name, fresh(spark, tmp_path / "again"), later) for name in reports}
    assert again["ingest_posts"].answer.rows_in == 0
    assert again["tokenize_posts"].answer.rows_in == again["tokenize_posts"].answer.rows_out == 0
    assert differing(fresh(spark, home), fresh(spark, tmp_path / "again")) == []
