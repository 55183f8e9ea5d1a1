"""What do visitors go on to do once they have shared, logged in or subscribed?

Reads silver.sessionized_events; writes gold.engagement.
"""

from __future__ import annotations

from pyspark.sql import Row

from retinue import cli, job, plots
from retinue.answer import Answer, Finding
from retinue.clickstream import engagement
from retinue.job import Analysed
from retinue.lake import Lake
from retinue.settings import Settings

READS = ("silver.sessionized_events",)
WRITES = ("gold.engagement",)


def run(lake: Lake, settings: Settings) -> Answer:
    """Compare the users of each of conf's tools with everyone else, as of the day."""
    with job.analysed(lake, settings) as visits:
        return _answer(visits, settings)


def _answer(visits: Analysed, settings: Settings) -> Answer:
    chosen = settings.engagement
    outcomes = engagement.engagement(
        visits.rows, tools=chosen.predicates, lead=chosen.lead, order=chosen.order
    )
    rates = visits.keep("gold.engagement", outcomes)
    rows = rates.orderBy("tool", "outcome").collect()  # as many as conf has tools, times three
    return visits.answer(
        (finding for row in rows if row["outcome"] == "order" for finding in _told(row)),
        rows_out=len(rows),
        figures={"engagement": plots.engagement(rates)},
    )


def _told(row: Row) -> tuple[Finding, ...]:
    return (
        Finding(f"How many visitors used {row['tool']}?", row["visitor_count"], "visitors"),
        Finding(f"What share of them then orders ({row['tool']})?", row["rate"], "share"),
    )


if __name__ == "__main__":
    cli.submitted(__file__)
