"""Who saw or clicked which ad, what did it cost, and who was held out?

Reads files by a mapping of kind touches, costs or assignments; good records go to the kind's bronze table,
the others to ops.quarantine. Then the kind's silver table: each touch and assignment once, as it was
delivered first, and each cost as it was stated last.
"""

from __future__ import annotations

from dataclasses import replace

from retinue import cli, feeds, job
from retinue.answer import Answer
from retinue.attribution import ads
from retinue.lake import Lake
from retinue.settings import Settings

NAME = "ingest_ads"
READS = ()
WRITES = (
    "ops.quarantine",
    "bronze.ad_touches",
    "bronze.ad_costs",
    "bronze.ad_assignments",
    "silver.ad_touches",
    "silver.ad_costs",
    "silver.ad_assignments",
)


def run(lake: Lake, settings: Settings) -> Answer:
    """Bronze first, then what it changes in silver."""
    since = {
        table: job.last_seen(lake, settings, job=NAME, table=table, section=None) for table in ads.BRONZE
    }
    arrived = feeds.ingest(lake, settings, *feeds.ADS)
    ads.clean(lake, since=since)
    return replace(arrived, findings=(*arrived.findings, *ads.told(lake)))


if __name__ == "__main__":
    cli.submitted(__file__)
