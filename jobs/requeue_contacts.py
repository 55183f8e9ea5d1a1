"""Which quarantined contacts go through, now that their mapping is mended?

Reads ops.quarantine and bronze.contacts; good records go to bronze.contacts and on to silver.contacts, the
others keep their place with the reason that holds now.
"""

from __future__ import annotations

from dataclasses import replace

from retinue import cli, feeds
from retinue.answer import Answer
from retinue.lake import Lake
from retinue.network import contacts
from retinue.settings import Settings

READS = ("ops.quarantine", "bronze.contacts")
WRITES = ("bronze.contacts", "ops.quarantine", "silver.contacts")


def run(lake: Lake, settings: Settings) -> Answer:
    """Read them again by conf's ingest.mapping, and clean all contacts anew."""
    again = feeds.requeue(lake, settings, feeds.CONTACTS)
    contacts.clean(lake, since=None)
    return replace(again, findings=(*again.findings, *contacts.told(lake)))


if __name__ == "__main__":
    cli.submitted(__file__)
