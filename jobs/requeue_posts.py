"""Which quarantined posts go through, now that their mapping is mended?

Reads ops.quarantine and bronze.posts; good records go to bronze.posts and on to silver.posts and
silver.post_versions, the others keep their place with the reason that holds now.
"""

from __future__ import annotations

from dataclasses import replace

from retinue import cli, feeds
from retinue.answer import Answer
from retinue.lake import Lake
from retinue.settings import Settings
from retinue.text import silver

READS = ("ops.quarantine", "bronze.posts")
WRITES = ("bronze.posts", "ops.quarantine", "silver.post_versions", "silver.posts")


def run(lake: Lake, settings: Settings) -> Answer:
    """Read them again by conf's ingest.mapping, and clean all posts anew."""
    again = feeds.requeue(lake, settings, feeds.POSTS)
    silver.clean(lake, settings.texts, since=None)
    return replace(again, findings=(*again.findings, *silver.told(lake)))


if __name__ == "__main__":
    cli.submitted(__file__)
