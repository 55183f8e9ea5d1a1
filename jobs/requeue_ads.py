"""Which quarantined touches, costs or assignments go through, now that their mapping is mended?

Reads ops.quarantine and the kind's bronze table; good records go there and on to the kind's silver table, the
others keep their place with the reason that holds now.
"""

from __future__ import annotations

from dataclasses import replace

from retinue import cli, feeds
from retinue.answer import Answer
from retinue.attribution import ads
from retinue.lake import Lake
from retinue.settings import Settings

READS = ("ops.quarantine", "bronze.ad_touches", "bronze.ad_costs", "bronze.ad_assignments")
WRITES = (
    "bronze.ad_touches",
    "bronze.ad_costs",
    "bronze.ad_assignments",
    "ops.quarantine",
    "silver.ad_touches",
    "silver.ad_costs",
    "silver.ad_assignments",
)


def run(lake: Lake, settings: Settings) -> Answer:
    """Read them again by conf's ingest.mapping, and clean what is in bronze anew."""
    again = feeds.requeue(lake, settings, *feeds.ADS)
    ads.clean(lake, since=dict.fromkeys(ads.BRONZE))
    return replace(again, findings=(*again.findings, *ads.told(lake)))


if __name__ == "__main__":
    cli.submitted(__file__)
