"""Which paths do visits take, which of them end in an order, and where do the others stop?

Reads silver.sessionized_events; writes gold.top_paths, gold.transitions, gold.frequent_paths and
gold.drop_offs.
"""

from __future__ import annotations

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from retinue import cli, job, plots
from retinue.answer import Answer, Finding
from retinue.clickstream import loops, paths, subpaths
from retinue.job import Analysed
from retinue.lake import Lake
from retinue.settings import Settings

READS = ("silver.sessionized_events",)
WRITES = ("gold.top_paths", "gold.transitions", "gold.frequent_paths", "gold.drop_offs")


def run(lake: Lake, settings: Settings) -> Answer:
    """Count paths, steps and where they stop as of the day."""
    with job.analysed(lake, settings) as visits:
        return _answer(visits, settings)


def _answer(visits: Analysed, settings: Settings) -> Answer:
    chosen = settings.paths
    events = visits.rows
    common = visits.keep(
        "gold.top_paths",
        paths.top_paths(events, of=chosen.of, length=chosen.length, limit=chosen.limit),
    )
    moves = visits.keep("gold.transitions", paths.transitions(events, of=chosen.of))
    visits.keep(
        "gold.frequent_paths",
        subpaths.frequent_subpaths(
            events, of=chosen.of, min_support=chosen.min_support, max_length=chosen.length
        ),
    )
    ends = visits.keep("gold.drop_offs", loops.drop_offs(events, of=chosen.of))
    return visits.answer(
        _findings(common, ends),
        figures={
            "top_paths": plots.sankey(common),
            "step_matrix": plots.step_matrix(paths.step_matrix(events, of=chosen.of)),
            "transitions": plots.transitions(moves),
            "drop_offs": plots.drop_offs(ends),
        },
        rows_out=common.count(),
    )


def _findings(common: DataFrame, ends: DataFrame) -> tuple[Finding, ...]:
    first = common.orderBy(F.desc("session_count"), "path").first()
    best = common.where("conversion_count > 0").orderBy(F.desc("conversion_count"), "path").first()
    worst = ends.orderBy(F.desc("drop_off_count"), "step").first()
    return (
        Finding("Which path is the commonest?", _told(first)),
        Finding("What share of the sessions takes it?", first["share"] if first else None, "share"),
        Finding("Which path brings the most orders?", _told(best)),
        Finding("How many sessions on it end in one?", best["conversion_count"] if best else 0, "sessions"),
        Finding("At which step do most sessions stop?", worst["step"] if worst else None),
    )


def _told(path: Row | None) -> str | None:
    return " > ".join(path["path"]) if path else None


if __name__ == "__main__":
    cli.submitted(__file__)
