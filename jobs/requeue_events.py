"""Which quarantined records go through, now that their mapping is mended?

Reads ops.quarantine; good records go to bronze.events, the others keep their place with the
reason that holds now.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retinue import cli, quarantine
from retinue.answer import Answer, Finding
from retinue.lake import Lake
from retinue.settings import Settings
from retinue.sources import events, mappings

READS = ("ops.quarantine",)
WRITES = ("bronze.events", "ops.quarantine")

RECORD = ["source_digest", "position"]


def run(lake: Lake, settings: Settings) -> Answer:
    """Bronze first: a record that is marked as requeued has arrived."""
    mapping = mappings.load(settings.ingest.mapping)
    waiting = quarantine.waiting(lake, job="ingest_events").where(F.col("mapping") == mapping.name)
    judged = _judged(waiting, mapping, settings).persist()
    try:
        good = judged.where("reason IS NULL").count()
        rows_in = judged.count()
        if good:
            arrived = judged.where("reason IS NULL").withColumn("ingested_at", F.current_timestamp())
            lake.insert("bronze.events", arrived)
        if rows_in:
            lake.merge("ops.quarantine", _marked(waiting, judged))
    finally:
        judged.unpersist()
    return Answer(
        findings=(Finding("How many quarantined records went through?", good, "records"),),
        rows_in=rows_in,
        rows_out=good,
        rows_quarantined=rows_in - good,
    )


def _judged(waiting: DataFrame, mapping: mappings.Mapping, settings: Settings) -> DataFrame:
    """The records read again, each under the source it came from."""
    sources = [row["source"] for row in waiting.select("source").distinct().collect()]
    again = [
        events.parse(
            waiting.where(F.col("source") == source),
            mapping,
            source=source,
            earliest=datetime.fromisoformat(settings.ingest.earliest),
            latest=datetime.now(UTC) + timedelta(days=settings.ingest.latest_ahead_days),
        )
        for source in sources or [""]
    ]
    return reduce(DataFrame.unionByName, again)


def _marked(waiting: DataFrame, judged: DataFrame) -> DataFrame:
    verdicts = judged.select(*RECORD, F.col("reason").alias("now"))
    return (
        waiting.join(verdicts, RECORD)
        .withColumn("requeued_at", F.when(F.col("now").isNull(), F.current_timestamp()))
        .withColumn("reason", F.coalesce("now", "reason"))
    )


if __name__ == "__main__":
    cli.submitted(__file__)
