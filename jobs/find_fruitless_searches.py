"""Where did search fail the people who were about to buy?

Reads silver.sessionized_events; writes gold.fruitless_searches and gold.fruitless_rates.
"""

from __future__ import annotations

from datetime import date

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from retinue import cli, job, plots
from retinue.answer import Answer, Finding
from retinue.clickstream import searches
from retinue.lake import Lake
from retinue.settings import Settings

READS = ("silver.sessionized_events",)
WRITES = ("gold.fruitless_searches", "gold.fruitless_rates")


def run(lake: Lake, settings: Settings) -> Answer:
    """Judge every search, keep the sessions lost over them, and the norm beside them."""
    visits = job.analysed(lake, settings)
    chosen = settings.searches
    lost = searches.fruitless_searches(
        visits.events,
        min_products=chosen.min_products,
        min_searches=chosen.min_searches,
        near=chosen.near,
        abandon_within=chosen.abandon_within,
        fruitless=chosen.fruitless,
        until=visits.until,
        timeout=settings.sessions.timeout,
    )
    lake.replace("gold.fruitless_searches", lost, as_of=visits.as_of)
    rates = searches.compare_with_norm(
        visits.events, min_products=chosen.min_products, fruitless=chosen.fruitless
    )
    lake.replace("gold.fruitless_rates", rates, as_of=visits.as_of)
    judged = searches.judge_searches(visits.events, fruitless=chosen.fruitless)
    return Answer(
        as_of=visits.as_of,
        findings=_findings(lake, visits.as_of),
        figures={"fruitless_terms": plots.fruitless_terms(_terms(judged))},
        rows_in=visits.events.count(),
        rows_out=lake.rows_written("gold.fruitless_searches"),
    )


def _findings(lake: Lake, day: date) -> tuple[Finding, ...]:
    lost = _of_day(lake, "gold.fruitless_searches", day).count()
    rates = _of_day(lake, "gold.fruitless_rates", day).where("product_count IS NULL").collect()
    by_kind = {row["is_serious"]: row for row in rates}
    everyone, serious = by_kind.get(None), by_kind.get(True)
    searched = everyone["search_count"] if everyone else 0
    return (
        Finding("How many sessions of serious shoppers were lost to search?", lost, "sessions"),
        Finding("How many searches were there?", searched, "searches"),
        Finding("What share of sessions with a search has a fruitless one?", _rate(everyone), "share"),
        Finding("And of the sessions of serious shoppers?", _rate(serious), "share"),
    )


def _of_day(lake: Lake, name: str, day: date) -> DataFrame:
    return lake.read(name).where(F.col("as_of") == F.lit(day))


def _rate(row: Row | None) -> float | None:
    return None if row is None else row["fruitless_rate"]


def _terms(judged: DataFrame) -> DataFrame:
    """Each fruitless term with its sessions; where the source keeps no words that is said."""
    term = F.coalesce("query", F.lit("(the source keeps no words)")).alias("query")
    sessions = F.count_distinct("session_id").alias("session_count")
    return judged.where("is_fruitless").groupBy(term).agg(sessions)


if __name__ == "__main__":
    cli.submitted(__file__)
