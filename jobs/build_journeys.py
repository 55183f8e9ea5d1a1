"""By which ways do people come to a conversion, or to none?

Reads silver.sessionized_events and silver.ad_touches; writes gold.channel_coverage and gold.journeys.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retinue import cli, job, plots
from retinue.answer import Answer, Finding
from retinue.attribution import channels, journeys, touchpoints
from retinue.attribution.journeys import Lookbacks
from retinue.job import Analysed
from retinue.lake import Lake
from retinue.settings import AttributionSettings, Settings

READS = ("silver.sessionized_events", "silver.ad_touches")
WRITES = ("gold.channel_coverage", "gold.journeys")


def run(lake: Lake, settings: Settings) -> Answer:
    """Tell each visit's channel, put ads beside, and lay before each conversion what led up to it."""
    chosen = settings.attribution
    rules = channels.load(chosen.channels)
    with job.analysed(lake, settings) as visits:
        came = channels.touches(visits.rows, rules=rules).persist()
        coverage = visits.keep("gold.channel_coverage", channels.coverage(came))
        touches = touchpoints.gathered(came, _ads(visits), landing=chosen.landing)
        kept = visits.keep("gold.journeys", _journeys(visits, touches, chosen))
        answer = visits.answer(
            (*_of_channels(coverage), *_of_journeys(kept)),
            figures={"journeys": plots.journey_sankey(journeys.paths(kept))},
            rows_out=kept.count(),
        )
        came.unpersist()
        return replace(answer, rests_on={**answer.rests_on, f"the channel table {rules.name}": rules.digest})


def _ads(visits: Analysed) -> DataFrame:
    """The touches of ads; where a segment is asked for, of the people in it."""
    seen = visits.lake.read("silver.ad_touches", purpose="analytics")
    people = visits.rows.select("person_id").distinct()
    return seen.join(people, "person_id", "left_semi") if visits.segment else seen


def _journeys(visits: Analysed, touches: DataFrame, chosen: AttributionSettings) -> DataFrame:
    """Those of each kind of conversion."""
    done = touchpoints.conversions(visits.rows, kinds=chosen.predicates, value=chosen.value)
    windows = Lookbacks(
        click=chosen.lookback,
        view=chosen.view_lookback,
        channels=chosen.windows,
        channel_views=chosen.view_windows,
    )
    asked: dict[str, Any] = {
        "lookback": windows,
        "as_of": visits.as_of,
        "excluded": chosen.excluded or None,
        "optional": chosen.optional or None,
    }

    def of_kind(name: str) -> DataFrame:
        reached = done.where(F.col("conversion_type") == name).drop("conversion_type")
        built = journeys.build(touches, reached, restart=chosen.restart, **asked)
        lost = journeys.lapsed(touches, reached, **asked).withColumn("is_open", F.lit(False))
        whole = built.withColumn("is_open", ~F.col("is_converted")).unionByName(lost)
        return whole.withColumn("conversion_type", F.lit(name))

    return reduce(DataFrame.unionByName, map(of_kind, chosen.predicates))


def _of_channels(coverage: DataFrame) -> Iterable[Finding]:
    unmatched = coverage.where("rule IS NULL").agg(F.sum("visit_count").alias("visits")).first()
    most = coverage.groupBy("channel").agg(F.sum("visit_count").alias("visits"))
    first = most.orderBy(F.desc("visits"), "channel").first()
    yield Finding("Which channel brings most visits?", first["channel"] if first else None)
    yield Finding("How many visits does no rule catch?", unmatched["visits"] if unmatched else 0, "visits")


def _of_journeys(kept: DataFrame) -> Iterable[Finding]:
    counts = kept.groupBy("conversion_type").agg(
        F.count_if("is_converted").alias("converted"),
        F.count_if("is_open").alias("open"),
        F.count_if(F.expr("NOT is_converted AND NOT is_open")).alias("lapsed"),
        F.avg(F.when(F.col("is_converted"), F.size("touches"))).alias("touches"),
    )
    for row in counts.orderBy("conversion_type").collect():  # a row a kind of conversion
        kind = row["conversion_type"]
        yield Finding(f"How many journeys end in this conversion: {kind}?", row["converted"], "journeys")
        yield Finding(f"How many came to nothing ({kind})?", row["lapsed"], "journeys")
        yield Finding(f"How many are open still ({kind})?", row["open"], "journeys")
        yield Finding(f"How many touches lead up to one ({kind})?", row["touches"], "touches")


if __name__ == "__main__":
    cli.submitted(__file__)
