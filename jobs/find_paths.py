"""Which paths do visits take, and which of them end in an order?

Reads silver.sessionized_events; writes gold.top_paths and gold.transitions.
"""

from __future__ import annotations

from datetime import date

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from retinue import cli, job, plots
from retinue.answer import Answer, Finding
from retinue.clickstream import paths
from retinue.lake import Lake
from retinue.settings import Settings

READS = ("silver.sessionized_events",)
WRITES = ("gold.top_paths", "gold.transitions")


def run(lake: Lake, settings: Settings) -> Answer:
    """Count paths and steps as of the day."""
    visits, chosen = job.analysed(lake, settings), settings.paths
    lake.replace(
        "gold.top_paths",
        paths.top_paths(visits.events, of=chosen.of, length=chosen.length, limit=chosen.limit),
        as_of=visits.as_of,
    )
    lake.replace("gold.transitions", paths.transitions(visits.events, of=chosen.of), as_of=visits.as_of)
    return _answer(lake, visits.events, visits.as_of)


def _answer(lake: Lake, visits: DataFrame, day: date) -> Answer:
    common = lake.read("gold.top_paths").where(F.col("as_of") == F.lit(day)).persist()
    first = common.orderBy(F.desc("session_count"), "path").first()
    best = common.where("conversion_count > 0").orderBy(F.desc("conversion_count"), "path").first()
    findings = (
        Finding("Which path is the commonest?", _told(first)),
        Finding("What share of the sessions takes it?", first["share"] if first else None, "share"),
        Finding("Which path brings the most orders?", _told(best)),
        Finding("How many sessions on it end in one?", best["conversion_count"] if best else 0, "sessions"),
    )
    figures = {"top_paths": plots.sankey(common)}
    rows_in, rows_out = visits.count(), common.count()
    common.unpersist()
    return Answer(as_of=day, findings=findings, figures=figures, rows_in=rows_in, rows_out=rows_out)


def _told(path: Row | None) -> str | None:
    return " > ".join(path["path"]) if path else None


if __name__ == "__main__":
    cli.submitted(__file__)
