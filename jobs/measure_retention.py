"""Who comes back, and how often?

Reads silver.sessionized_events; writes gold.retention and gold.stickiness.
"""

from __future__ import annotations

from datetime import UTC, datetime, time

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retinue import cli, job, plots
from retinue.answer import Answer, Finding
from retinue.clickstream import retention
from retinue.job import Analysed
from retinue.lake import Lake
from retinue.settings import Settings

READS = ("silver.sessionized_events",)
WRITES = ("gold.retention", "gold.stickiness")


def run(lake: Lake, settings: Settings) -> Answer:
    """Count cohorts and active visitors up to the midnight that begins the day."""
    with job.analysed(lake, settings) as visits:
        return _answer(visits, settings)


def _answer(visits: Analysed, settings: Settings) -> Answer:
    period = settings.retention.period
    midnight = datetime.combine(visits.as_of, time.min, UTC)
    cohorts = visits.keep("gold.retention", retention.retention(visits.rows, period=period, until=midnight))
    days = visits.keep("gold.stickiness", retention.stickiness(visits.rows, until=midnight))
    return visits.answer(
        _findings(cohorts, days, period),
        figures={"retention": plots.retention(cohorts)},
        rows_out=cohorts.count(),
    )


def _findings(cohorts: DataFrame, days: DataFrame, period: str) -> tuple[Finding, ...]:
    next_period = cohorts.where("period_index = 1 AND is_complete")
    came = next_period.agg(F.sum("visitor_count").alias("back"), F.sum("cohort_size").alias("all")).first()
    usual = days.where("is_complete").agg(F.avg("stickiness").alias("share")).first()
    assert came is not None, "an aggregate without groups has one row"
    assert usual is not None, "an aggregate without groups has one row"
    return (
        Finding(
            f"What share of new visitors comes back in the next {period}?",
            came["back"] / came["all"] if came["all"] else None,
            "share",
        ),
        Finding("What share of a month's visitors comes on a day?", usual["share"], "share"),
    )


if __name__ == "__main__":
    cli.submitted(__file__)
