"""Who follows, writes to or refers whom?

Reads files by a mapping of kind contacts; good records go to bronze.contacts, the others to ops.quarantine.
Then silver.contacts: each contact once, as it was delivered first.
"""

from __future__ import annotations

from dataclasses import replace

from retinue import cli, feeds, job
from retinue.answer import Answer
from retinue.lake import Lake
from retinue.network import contacts
from retinue.settings import Settings

NAME = "ingest_contacts"
READS = ()
WRITES = ("ops.quarantine", "bronze.contacts", "silver.contacts")


def run(lake: Lake, settings: Settings) -> Answer:
    """Bronze first, then what it changes in silver."""
    since = job.last_seen(lake, settings, job=NAME, table="bronze.contacts", section=None)
    arrived = feeds.ingest(lake, settings, feeds.CONTACTS)
    contacts.clean(lake, since=since)
    return replace(arrived, findings=(*arrived.findings, *contacts.told(lake)))


if __name__ == "__main__":
    cli.submitted(__file__)
