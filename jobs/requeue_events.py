"""Which quarantined records go through, now that their mapping is mended?

Reads ops.quarantine and bronze.events; good records go to bronze.events, the others keep their place with the
reason that holds now.
"""

from __future__ import annotations

from retinue import cli, feeds
from retinue.answer import Answer
from retinue.lake import Lake
from retinue.settings import Settings

READS = ("ops.quarantine", "bronze.events")
WRITES = ("bronze.events", "ops.quarantine")


def run(lake: Lake, settings: Settings) -> Answer:
    """Read them again by conf's ingest.mapping."""
    return feeds.requeue(lake, settings, feeds.EVENTS)


if __name__ == "__main__":
    cli.submitted(__file__)
