"""How many visitors get from the first step to the last, and where do the others stay?

Reads silver.sessionized_events; writes gold.funnels and gold.funnel_visitors.
"""

from __future__ import annotations

from datetime import timedelta

from pyspark.sql import Row

from retinue import cli, job, plots
from retinue.answer import Answer, Finding
from retinue.clickstream import funnels
from retinue.job import Analysed
from retinue.lake import Lake
from retinue.settings import Settings

READS = ("silver.sessionized_events",)
WRITES = ("gold.funnels", "gold.funnel_visitors")


def run(lake: Lake, settings: Settings) -> Answer:
    """One row a step of conf's funnel."""
    with job.analysed(lake, settings) as visits:
        return _answer(visits, settings)


def _answer(visits: Analysed, settings: Settings) -> Answer:
    chosen = settings.funnel
    reached = funnels.funnel(
        visits.rows,
        steps=chosen.predicates,
        window=timedelta(minutes=chosen.window_minutes),
        tie="event_index",
        until=visits.until,
    )
    visits.keep("gold.funnel_visitors", reached)
    steps = visits.keep("gold.funnels", funnels.report(reached)).orderBy("step_index")
    rows = steps.collect()  # as many as conf has steps
    return visits.answer(
        _findings(rows, chosen.window_minutes),
        figures={"funnel": plots.funnel(steps)},
        rows_out=len(rows),
    )


def _findings(rows: list[Row], minutes: float) -> tuple[Finding, ...]:
    first, last = rows[0], rows[-1]
    worst = max(rows[1:], key=lambda row: row["drop_count"], default=first)
    there = f"{last['step']} within {minutes:g} minutes"
    return (
        Finding(f"How many visitors reach {first['step']}?", first["visitor_count"], "visitors"),
        Finding(f"What share of these gets to {there}?", last["share_of_first"], "share"),
        Finding(
            "Before which step do most visitors stay behind?",
            worst["step"] if first["visitor_count"] else None,
        ),
    )


if __name__ == "__main__":
    cli.submitted(__file__)
