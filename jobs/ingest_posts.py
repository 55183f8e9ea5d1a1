"""What do people say, in posts, reviews, comments and mails, and what do they say twice?

Reads files by a mapping of kind posts; good records go to bronze.posts, the others to ops.quarantine. Then
silver.posts and silver.post_versions: each post once, as it reads now, and what it read before.
"""

from __future__ import annotations

from dataclasses import replace

from retinue import cli, feeds, job
from retinue.answer import Answer
from retinue.lake import Lake
from retinue.settings import Settings
from retinue.text import silver

NAME = "ingest_posts"
READS = ()
WRITES = ("ops.quarantine", "bronze.posts", "silver.post_versions", "silver.posts")


def run(lake: Lake, settings: Settings) -> Answer:
    """Bronze first, then what it changes in silver."""
    since = job.last_seen(lake, settings, job=NAME, table="bronze.posts", section="texts")
    arrived = feeds.ingest(lake, settings, feeds.POSTS)
    silver.clean(lake, settings.texts, since=since)
    return replace(arrived, findings=(*arrived.findings, *silver.told(lake)))


if __name__ == "__main__":
    cli.submitted(__file__)
