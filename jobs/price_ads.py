"""What does each ad truly return: as credited, and where a group was held out, as caused?

Reads gold.journeys, gold.attribution_credits and gold.attribution of the same day, silver.ad_costs and
silver.ad_assignments; writes gold.ad_returns and gold.ad_days. Costs without touches and touches without cost
are rows. An experiment counts that began no later than the first cost and touch that count; where there is
none, no shift of budget is suggested.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Any

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retinue import cli, job, plots
from retinue.answer import Answer, Finding
from retinue.attribution import levels, roi, touchpoints
from retinue.errors import UnknownSetting
from retinue.job import Analysed
from retinue.lake import Lake
from retinue.settings import AttributionSettings, Settings

READS = (
    "gold.journeys",
    "gold.attribution_credits",
    "gold.attribution",
    "silver.sessionized_events",
    "silver.ad_touches",
    "silver.ad_costs",
    "silver.ad_assignments",
)
WRITES = ("gold.ad_returns", "gold.ad_days")
SHOWN = "markov"  # the model that findings and the picture tell of


@dataclass(frozen=True)
class Ledger:
    """What was spent, what was credited, who was tried, and in which currency value is."""

    costs: DataFrame
    models: DataFrame
    credits: DataFrame
    journeys: DataFrame
    assignments: DataFrame
    currency: str | None
    begin: datetime | None


def run(lake: Lake, settings: Settings) -> Answer:
    """Put cost beside credit, and beside both what experiments say."""
    if settings.segment:
        raise UnknownSetting(
            f"segment is '{settings.segment}', and costs are not known by segment; run price_ads without one"
        )
    chosen = settings.attribution
    with job.analysed(lake, settings) as visits:
        ledger = _ledger(visits, chosen)
        returns = visits.keep("gold.ad_returns", _returns(ledger, chosen))
        days = visits.keep("gold.ad_days", _days(ledger))
        kind = next(iter(chosen.predicates))
        # As many rows as there are names of channels and ads that are told apart.
        shown = returns.where((F.col("model") == SHOWN) & (F.col("conversion_type") == kind)).toPandas()
        by_channel = shown[shown["level"] == "channel"]
        return visits.answer(
            (*_of_costs(ledger.costs, by_channel), *_of_returns(by_channel), *_of_experiments(shown)),
            figures={"returns": plots.roi_waterfall(by_channel, by="name")},
            rows_out=returns.count() + days.count(),
        )


def _ledger(visits: Analysed, chosen: AttributionSettings) -> Ledger:
    lake, begin = visits.lake, chosen.begin(visits.as_of)
    seen = lake.read("silver.ad_touches", purpose="analytics").select("person_id")
    people = visits.rows.select("person_id").union(seen)
    found = visits.kept_about(people, "gold.journeys", by="build_journeys")
    known, currency = touchpoints.valued(touchpoints.ended_since(found, begin), currency=chosen.currency)
    costs = lake.read("silver.ad_costs").where(F.col("spent_on") < F.lit(visits.as_of))
    lots = lake.read("silver.ad_assignments", purpose="analytics")
    return Ledger(
        costs=costs.where(F.col("spent_on") >= F.lit(begin.date())) if begin else costs,
        models=visits.kept("gold.attribution", by="attribute_conversions"),
        credits=visits.kept_about(people, "gold.attribution_credits", by="attribute_conversions"),
        journeys=known,
        assignments=lots.where(F.col("assigned_at") < F.lit(visits.as_of).cast("timestamp")),
        currency=currency,
        begin=begin,
    )


def _returns(ledger: Ledger, chosen: AttributionSettings) -> DataFrame:
    """Of each kind of conversion at each level that credit was given at, in one go."""
    credited = ledger.models.withColumn("named", _named())
    kinds = F.broadcast(credited.select("conversion_type").distinct())
    costs = _costs(ledger)
    returned = roi.returns(
        credited, costs.crossJoin(kinds).withColumn("named", _named()), by="named", margin=chosen.margin
    )
    told = roi.calibrated(
        returned.withColumn("tried", F.struct("named", "currency")),
        _gains(ledger, costs, chosen),
        by="tried",
        margin=chosen.margin,
    )
    return told.select("named.*", "*")


def _costs(ledger: Ledger) -> DataFrame:
    """Costs at each level at which credit was given, by the names that it has there."""
    kept: defaultdict[str, list[str]] = defaultdict(list)
    # As many names as the models told apart.
    for row in ledger.models.select("level", "name").distinct().collect():
        kept[row["level"]] += [row["name"]] if row["name"] else []
    return levels.folded(ledger.costs, ledger.journeys, kept=kept)


def _gains(ledger: Ledger, costs: DataFrame, chosen: AttributionSettings) -> DataFrame:
    """What experiments brought about that began before anything that they are held against."""
    lots = levels.assigned(ledger.assignments)
    touches = levels.named(_touches(ledger.journeys), levels=levels.LEVELS)
    every = costs.select("level", "name", "spent_on").unionByName(
        touches.select("level", "name", F.to_date("occurred_at").alias("spent_on"))
    )
    first = every.groupBy("level", "name").agg(F.min("spent_on").alias("first_on"))
    held = lots.join(F.broadcast(first), ["level", "name"], "left")

    def of_kind(kind: str) -> DataFrame:
        done = ledger.journeys.where(F.col("is_converted") & (F.col("conversion_type") == kind))
        named = held.withColumn("conversion_type", F.lit(kind)).withColumn("named", _named())
        key = F.struct("named", F.lit(ledger.currency).alias("currency")).alias("tried")
        people = roi.tried(named.select("*", key), done, by="tried", begin=ledger.begin)
        return people.join(F.broadcast(named.select(key, "first_on").distinct()), "tried")

    people = reduce(DataFrame.unionByName, map(of_kind, chosen.predicates))
    return roi.incremental(people.where("first_on IS NULL OR to_date(begun_at) <= first_on"), by="tried")


def _touches(journeys: DataFrame) -> DataFrame:
    return journeys.select(F.explode("touches").alias("touch")).select("touch.*")


def _named() -> Column:
    """What stands under a key of its own at each kind and level."""
    return F.struct("conversion_type", "level", "name")


def _days(ledger: Ledger) -> DataFrame:
    """Of ads, or of the campaign or channel where there is no ad."""
    kinds = F.broadcast(ledger.credits.select("conversion_type").distinct())
    credits = levels.named(ledger.credits, levels=["ad_id"]).withColumn("currency", F.lit(ledger.currency))
    costs = levels.named(ledger.costs, levels=["ad_id"]).crossJoin(kinds)
    daily = roi.daily(credits.withColumn("named", _named()), costs.withColumn("named", _named()), by="named")
    return daily.select("named.*", "*")


def _of_costs(costs: DataFrame, by_channel: pd.DataFrame) -> Iterable[Finding]:
    sums = costs.groupBy("currency").agg(F.sum("cost_amount").cast("double").alias("cost"))
    for row in sums.orderBy("currency").collect():
        yield Finding("How much was spent?", row["cost"], row["currency"] or "in an unnamed currency")
    lone = by_channel[by_channel["matched"] == roi.COST_ALONE]["cost_amount"].sum()
    free = by_channel[by_channel["matched"] == roi.CREDIT_ALONE]["conversions"].sum()
    yield Finding("How much of it on channels without a touch?", float(lone))
    yield Finding("How many conversions are credited to what has no cost?", float(free), "conversions")


def _of_returns(by_channel: pd.DataFrame) -> Iterable[Finding]:
    rated = by_channel[by_channel["attributed_roi"].notna()]
    best = rated.sort_values(["attributed_roi", "name"], ascending=[False, True]).head(1)
    yield Finding("Which channel's cost is credited with most return?", _told(best, "name"))
    yield Finding("How much, of its cost?", _told(best, "attributed_roi"), "share")


def _of_experiments(shown: pd.DataFrame) -> Iterable[Finding]:
    known = shown[shown["incremental_margin_amount"].notna()]
    yield Finding("Of how many channels and ads does a held-out group tell?", len(known), "names")
    first = known.sort_values(["margin_amount", "name"], ascending=[False, True]).head(1)
    yield Finding("Which of them is credited with most?", _told(first, "name"))
    yield Finding("What does its own experiment say it returns?", _told(first, "incremental_roi"), "share")
    yield Finding("How much of the credit did it cause?", _told(first, "calibration"), "share")
    yield Finding("What would become it: more budget, less, or to wait?", _told(first, "suggestion"))


def _told(row: pd.DataFrame, name: str) -> Any:
    """Of one row; None where there is none, or nothing in it."""
    return None if row.empty or row[name].isna().any() else row[name].item()


if __name__ == "__main__":
    cli.submitted(__file__)
