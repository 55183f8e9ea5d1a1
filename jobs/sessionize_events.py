"""How many visits were there, and how long did they last?

Reads silver.events; writes silver.sessionized_events and silver.sessions. Only visitors with
new events are cut again, and those whose last session was still open.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retinue import cli, job, plots, quarantine
from retinue.answer import Answer, Finding
from retinue.clickstream import sessions
from retinue.lake import Lake
from retinue.settings import Settings

NAME = "sessionize_events"
READS = ("silver.events",)
WRITES = ("silver.sessionized_events", "silver.sessions", "ops.quarantine")


def run(lake: Lake, settings: Settings) -> Answer:
    """Cut, set runaway sessions aside, sum up."""
    events = lake.read("silver.events")
    touched = _touched(lake, settings, events).persist()
    cut = sessions.sessionize(
        events.join(touched, "visitor_id", "left_semi"),
        timeout=settings.sessions.timeout,
        click_lag=settings.sessions.click_lag,
        max_events=settings.sessions.max_events,
    ).persist()
    try:
        _keep(lake, settings, cut, touched)
        return _answer(lake, rows_in=cut.count(), runaway=cut.where("is_runaway").count())
    finally:
        cut.unpersist()
        touched.unpersist()


def _touched(lake: Lake, settings: Settings, events: DataFrame) -> DataFrame:
    """The visitors to cut again: all of them unless a run with the same settings has gone before."""
    since = job.last_seen(lake, settings, job=NAME, table="silver.events", section="sessions")
    known = lake.read("silver.sessions")
    still_open = known if since is None else known.where("is_open")
    changed = lake.changes("silver.events", since=since)
    return changed.select("visitor_id").union(still_open.select("visitor_id")).distinct()


def _keep(lake: Lake, settings: Settings, cut: DataFrame, touched: DataFrame) -> None:
    kept = cut.where(~F.col("is_runaway"))
    lake.merge("silver.sessionized_events", kept, within=touched)
    end = lake.read("silver.events").agg(F.max("occurred_at").alias("end")).first()
    summed = sessions.summarize(
        kept, timeout=settings.sessions.timeout, until=end["end"] if end else None, also=_marks()
    )
    lake.merge("silver.sessions", summed, within=touched)
    most = settings.sessions.max_events
    reason = F.lit(f"runaway_session: more than sessions.max_events = {most} events")
    runaway = cut.where("is_runaway").drop("is_runaway").withColumn("reason", reason)
    subjects = touched.select(F.lit(NAME).alias("job"), F.col("visitor_id").alias("subject_id"))
    lake.merge("ops.quarantine", quarantine.of_events(runaway, lake, job=NAME), within=subjects)


def _marks() -> dict[str, Column]:
    """Who logged in last, whether a machine is behind the session, and the strictest legal basis."""
    basis = F.col("legal_basis")
    logged_in_at = F.when(F.col("user_id").isNotNull(), F.col("event_index"))
    strictness = F.when(basis == "consent", 0).when(basis != "anonymous", 1).otherwise(2)
    return {
        "user_id": F.max_by("user_id", logged_in_at),
        "is_bot": F.bool_or("is_bot"),
        "legal_basis": F.min_by(basis, strictness),
    }


def _answer(lake: Lake, *, rows_in: int, runaway: int) -> Answer:
    visits = lake.read("silver.sessions", purpose="analytics")
    summary = visits.agg(
        F.count("*").alias("sessions"),
        F.count_distinct("visitor_id").alias("visitors"),
        F.median("duration_seconds").alias("median"),
        F.count_if("is_bot").alias("bots"),
    ).first()
    assert summary is not None, "an aggregate without groups has one row"
    by_hour = visits.groupBy(
        (F.weekday("started_at") + 1).alias("weekday"), F.hour("started_at").alias("hour")
    ).agg(F.count("*").alias("session_count"))
    return Answer(
        findings=(
            Finding("How many sessions were there?", summary["sessions"], "sessions"),
            Finding("How many visitors were there?", summary["visitors"], "visitors"),
            Finding("How long is the median session?", summary["median"], "seconds"),
            Finding("How many sessions are a machine's?", summary["bots"], "sessions"),
        ),
        figures={"sessions_by_hour": plots.sessions_by_hour(by_hour)},
        rows_in=rows_in,
        rows_out=rows_in - runaway,
        rows_quarantined=runaway,
    )


if __name__ == "__main__":
    cli.submitted(__file__)
