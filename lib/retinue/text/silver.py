"""Posts of bronze into silver: for the jobs that bring them in, and those that bring them in after all."""

from __future__ import annotations

from pyspark.sql import functions as F

from retinue.answer import Finding
from retinue.clickstream.incremental import of, touched
from retinue.lake import Lake
from retinue.settings import TextSettings
from retinue.text import posts

__all__ = ["clean", "told"]


def clean(lake: Lake, chosen: TextSettings, *, since: int | None) -> None:
    """Bring silver.posts and silver.post_versions up to bronze.posts where this changed after `since`.

    None is all of it. Only posts with new records are read again; copies are looked for among all, since any
    post may repeat any. Runs Spark jobs.
    """
    bronze = lake.read("bronze.posts")
    changed = touched(lake.changes("bronze.posts", since=since), by=posts.KEY).persist()
    try:
        if changed.isEmpty():
            return
        delivered = of(bronze, changed)
        lake.merge("silver.post_versions", posts.versions(delivered), within=changed)
        fresh = posts.current(delivered, among=chosen.languages)
        kept = lake.read("silver.posts").join(changed, [*posts.KEY], "left_anti").select(fresh.columns)
        known = posts.with_copies(
            fresh.unionByName(kept), threshold=chosen.copy_likeness, least_words=chosen.copy_words
        )
        lake.merge("silver.posts", known)
    finally:
        changed.unpersist()


def told(lake: Lake) -> tuple[Finding, ...]:
    """What is known by now. Runs a Spark job and brings one row."""
    known = lake.read("silver.posts").agg(
        F.count("*").alias("posts"),
        F.count_if(F.col("version_count") > 1).alias("edited"),
        F.count_if("is_copy").alias("copies"),
    )
    counts = known.first()
    assert counts is not None, "an aggregate without groups has one row"
    return (
        Finding("How many posts are known?", counts["posts"], "posts"),
        Finding("How many posts were edited?", counts["edited"], "posts"),
        Finding("How many posts nearly repeat an earlier one?", counts["copies"], "posts"),
    )
