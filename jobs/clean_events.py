"""Which events happened, once each, and which of them were machines?

Reads bronze.events; writes silver.events. Only the days of visitors with new records are
cleaned again: a day decides by itself whether a visitor went at a machine's pace.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retinue import cli, job
from retinue.answer import Answer, Finding
from retinue.clickstream import events
from retinue.clickstream.incremental import of, touched
from retinue.lake import Lake
from retinue.settings import Settings

NAME = "clean_events"
READS = ("bronze.events",)
WRITES = ("silver.events",)


def run(lake: Lake, settings: Settings) -> Answer:
    """Deduplicate, flag, merge."""
    delivered = _delivered(lake, settings).persist()
    try:
        cleaned = events.flag_bots(delivered, max_per_minute=settings.bots.max_per_minute)
        lake.merge("silver.events", cleaned)
        return _answer(lake, rows_in=delivered.count())
    finally:
        delivered.unpersist()


def _delivered(lake: Lake, settings: Settings) -> DataFrame:
    """The first delivery of every event on the days to clean: all of them on a full run."""
    bronze = lake.read("bronze.events")
    since = job.last_seen(lake, settings, job=NAME, table="bronze.events", section="bots")
    if since is None:
        return events.first_delivered(bronze)
    days = touched(lake.changes("bronze.events", since=since), by=["visitor_id", _day()])
    on_days = of(bronze.select("*", _day()), days)
    # The same event may have been delivered for another day before: it is that one then.
    with_twins = of(bronze, touched(on_days, by=["source", "event_id"]))
    return of(events.first_delivered(with_twins).select("*", _day()), days)


def _day() -> Column:
    return F.to_date("occurred_at").alias("_day")


def _answer(lake: Lake, *, rows_in: int) -> Answer:
    known = lake.read("silver.events").agg(
        F.count("*").alias("events"),
        F.count_distinct("visitor_id").alias("visitors"),
        F.count_if("is_bot").alias("bots"),
    )
    counts = known.first()
    assert counts is not None, "an aggregate without groups has one row"
    return Answer(
        findings=(
            Finding("How many events are known?", counts["events"], "events"),
            Finding("How many visitors made them?", counts["visitors"], "visitors"),
            Finding("How many events are a machine's?", counts["bots"], "events"),
        ),
        rows_in=rows_in,
        rows_out=lake.rows_written("silver.events"),
    )


if __name__ == "__main__":
    cli.submitted(__file__)
