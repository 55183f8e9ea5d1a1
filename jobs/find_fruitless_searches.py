"""Where did search fail the people who were about to buy, and what did that cost?

Reads silver.sessionized_events; writes gold.fruitless_searches, gold.fruitless_rates,
gold.fruitless_terms and gold.search_synonyms.
"""

from __future__ import annotations

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from retinue import cli, job, plots
from retinue.answer import Answer, Finding
from retinue.clickstream import searches
from retinue.job import Analysed
from retinue.lake import Lake
from retinue.settings import Settings

READS = ("silver.sessionized_events",)
WRITES = (
    "gold.fruitless_searches",
    "gold.fruitless_rates",
    "gold.fruitless_terms",
    "gold.search_synonyms",
)


def run(lake: Lake, settings: Settings) -> Answer:
    """The sessions lost over searches, the norm beside them, the terms that fail and what would help."""
    with job.analysed(lake, settings) as visits:
        lost = visits.keep("gold.fruitless_searches", _lost(visits, settings))
        sessions = searches.search_sessions(visits.rows, fruitless=settings.searches.fruitless).persist()
        try:
            return _answer(visits, settings, lost, sessions)
        finally:
            sessions.unpersist()


def _lost(visits: Analysed, settings: Settings) -> DataFrame:
    chosen = settings.searches
    return searches.fruitless_searches(
        visits.rows,
        min_products=chosen.min_products,
        min_searches=chosen.min_searches,
        near=chosen.near,
        abandon_within=chosen.abandon_within,
        fruitless=chosen.fruitless,
        until=visits.until,
        timeout=settings.sessions.timeout,
    )


def _answer(visits: Analysed, settings: Settings, lost: DataFrame, sessions: DataFrame) -> Answer:
    rates = visits.keep(
        "gold.fruitless_rates",
        searches.compare_by_products(sessions, min_products=settings.searches.min_products),
    )
    terms = visits.keep("gold.fruitless_terms", searches.fruitless_terms(sessions))
    visits.keep("gold.search_synonyms", searches.suggest_synonyms(sessions))
    lost_count, at_risk = lost.count(), searches.value_at_risk(sessions).first()
    assert at_risk is not None, "value_at_risk gives one row"
    figures = {
        "fruitless_terms": plots.fruitless_terms(_counted(_shown(terms))),
        "search_rates": plots.search_rates(rates, trend=searches.trend_by_products(rates)),
    }
    if at_risk["risk_amount"] is not None:
        figures["terms_at_risk"] = plots.terms_at_risk(_shown(terms))
    return visits.answer(
        (
            Finding("How many sessions of serious shoppers were lost to search?", lost_count, "sessions"),
            *_of_rates(rates),
            *_of_value(at_risk),
        ),
        figures=figures,
        rows_out=lost_count,
    )


def _of_rates(rates: DataFrame) -> tuple[Finding, ...]:
    by_kind = {row["is_serious"]: row for row in rates.where("product_count IS NULL").collect()}
    everyone, serious = by_kind.get(None), by_kind.get(True)
    searched = everyone["search_count"] if everyone else 0
    return (
        Finding("How many searches were there?", searched, "searches"),
        Finding("What share of sessions with a search has a fruitless one?", _rate(everyone), "share"),
        Finding("And of the sessions of serious shoppers?", _rate(serious), "share"),
    )


def _of_value(lost: Row) -> tuple[Finding, ...]:
    cost = Finding("How many orders did fruitless searches cost?", lost["lost_order_count"], "orders")
    if lost["risk_amount"] is None:
        return (cost,)
    currency = lost["currency"] or "(no currency)"
    return (
        cost,
        Finding("What were these orders worth?", lost["risk_amount"], currency),
        Finding("What at the least?", lost["risk_low"], currency),
        Finding("What at the most?", lost["risk_high"], currency),
    )


def _rate(row: Row | None) -> float | None:
    return None if row is None else row["fruitless_rate"]


def _counted(terms: DataFrame) -> DataFrame:
    return terms.select("query", F.col("fruitless_session_count").alias("session_count"))


def _shown(terms: DataFrame) -> DataFrame:
    """A search without words has a name too."""
    return terms.withColumn("query", F.coalesce("query", F.lit("(no words)")))


if __name__ == "__main__":
    cli.submitted(__file__)
