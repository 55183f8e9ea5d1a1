"""Which words do people use, and in which languages?

Reads silver.posts; writes silver.post_tokens. Only posts that are new or changed are taken apart again.
"""

from __future__ import annotations

from pyspark.sql import functions as F

from retinue import cli, job
from retinue.answer import Answer, Finding
from retinue.clickstream.incremental import of, touched
from retinue.lake import Lake
from retinue.settings import Settings
from retinue.text import posts, stems, tokens

NAME = "tokenize_posts"
READS = ("silver.posts",)
WRITES = ("silver.post_tokens",)


def run(lake: Lake, settings: Settings) -> Answer:
    """Tokens with their kinds, and stems by the language of each post."""
    since = job.last_seen(lake, settings, job=NAME, table="silver.posts", section="texts")
    said = lake.read("silver.posts")
    if since is not None:
        said = of(said, touched(lake.changes("silver.posts", since=since), by=posts.KEY))
    annotated = stems.with_stems(tokens.annotate(said))
    lake.merge(
        "silver.post_tokens",
        annotated.withColumn("tokens", F.transform("annotations", lambda each: each["token"])),
    )
    return _answer(lake, rows_in=said.count())


def _answer(lake: Lake, *, rows_in: int) -> Answer:
    words = lake.read("silver.post_tokens")
    counts = words.agg(
        F.sum(F.size("tokens")).alias("tokens"), F.count_distinct("language").alias("languages")
    )
    row = counts.first()
    distinct = words.select(F.explode("tokens").alias("token")).distinct().count()
    assert row is not None, "an aggregate without groups has one row"
    return Answer(
        findings=(
            Finding("How many words, numbers, tags and emoji are there?", row["tokens"] or 0, "tokens"),
            Finding("How many different ones?", distinct, "tokens"),
            Finding("In how many languages do people write?", row["languages"], "languages"),
        ),
        rows_in=rows_in,
        rows_out=lake.rows_written("silver.post_tokens"),
    )


if __name__ == "__main__":
    cli.submitted(__file__)
