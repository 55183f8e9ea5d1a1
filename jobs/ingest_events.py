"""What was delivered, and which records could not be read?

Reads event files by a mapping; good records go to bronze.events, the others to ops.quarantine.
"""

from __future__ import annotations

from retinue import cli, feeds
from retinue.answer import Answer
from retinue.lake import Lake
from retinue.settings import Settings

READS = ()
WRITES = ("ops.quarantine", "bronze.events")


def run(lake: Lake, settings: Settings) -> Answer:
    """Every record arrives or waits with its reason."""
    return feeds.ingest(lake, settings, feeds.EVENTS)


if __name__ == "__main__":
    cli.submitted(__file__)
