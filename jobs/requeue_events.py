"""Which quarantined records go through, now that their mapping is mended?

Reads ops.quarantine and bronze.events; good records go to bronze.events, the others keep their place with the
reason that holds now.
"""

from __future__ import annotations

from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retinue import cli, quarantine
from retinue.answer import Answer, Finding
from retinue.lake import Lake
from retinue.settings import Settings
from retinue.sources import events, mappings

READS = ("ops.quarantine", "bronze.events")
WRITES = ("bronze.events", "ops.quarantine")

RECORD = ["source_digest", "position"]
AFTER_ALL = 1 << 40  # more records than a file has


def run(lake: Lake, settings: Settings) -> Answer:
    """Bronze first: a record that is marked as requeued has arrived."""
    mapping = mappings.load(settings.ingest.mapping)
    held = quarantine.waiting(lake, job="ingest_events")
    waiting = held.where(F.col("mapping") == mapping.name)
    known = lake.read("bronze.events")
    judged = _judged(waiting.join(known, RECORD, "left_anti"), mapping, settings, lake)
    judged = (judged if "event_id" in mapping.columns else _numbered(judged, known)).persist()
    try:
        good = judged.where("reason IS NULL").count()
        rows_in = judged.count()
        if good:
            arrived = judged.where("reason IS NULL").withColumn("ingested_at", F.current_timestamp())
            lake.insert("bronze.events", arrived)
        lake.merge("ops.quarantine", _marked(waiting, judged))
    finally:
        judged.unpersist()
    elsewhere = held.where(~F.col("mapping").eqNullSafe(mapping.name)).count()
    return Answer(
        findings=(
            Finding("How many quarantined records went through?", good, "records"),
            Finding("How many wait for another mapping?", elsewhere, "records"),
        ),
        rows_in=rows_in,
        rows_out=good,
        rows_quarantined=rows_in - good,
        rests_on={f"the mapping {mapping.name}": mapping.digest},
        legal_bases=(mapping.legal_basis,),
    )


def _judged(waiting: DataFrame, mapping: mappings.Mapping, settings: Settings, lake: Lake) -> DataFrame:
    """The records read again, each under the source it came from."""
    sources = [row["source"] for row in waiting.select("source").distinct().collect()]
    again = [
        events.parse(
            waiting.where(F.col("source") == source),
            mapping,
            source=source,
            **settings.ingest.sane(now=lake.now),
        )
        for source in sources or [""]
    ]
    return reduce(DataFrame.unionByName, again)


def _numbered(judged: DataFrame, known: DataFrame) -> DataFrame:
    """The records with ids that count their equals that went through: these come first, and keep theirs."""
    counted_last = judged.withColumn("position", F.col("position") + AFTER_ALL)
    of_their_files = known.join(judged, "source_digest", "left_semi").withColumn("reason", F.lit(None))
    together = counted_last.unionByName(of_their_files.select(judged.columns))
    numbered = events.with_event_ids(together).where(F.col("position") > AFTER_ALL)
    return numbered.withColumn("position", F.col("position") - AFTER_ALL)


def _marked(waiting: DataFrame, judged: DataFrame) -> DataFrame:
    """The waiting records with the verdict of now; one that is not judged has arrived before."""
    verdicts = judged.select(*RECORD, F.lit(True).alias("is_judged"), F.col("reason").alias("now"))
    has_arrived = F.col("is_judged").isNull() | F.col("now").isNull()
    return (
        waiting.join(verdicts, RECORD, "left")
        .withColumn("requeued_at", F.when(has_arrived, F.current_timestamp()))
        .withColumn("reason", F.coalesce("now", "reason"))
    )


if __name__ == "__main__":
    cli.submitted(__file__)
