"""Records set aside with the reason, so that bad input never stops the good."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retinue.lake import Lake

__all__ = ["of_events", "of_records", "release", "waiting"]


def of_records(
    rows: DataFrame, lake: Lake, *, job: str, mapping: str, subject: str | None = "visitor_id"
) -> DataFrame:
    """The rows of ops.quarantine for records of files.

    In: source, the column that names the `subject` if there is one, source_file, source_digest, position,
    record, reason.
    A record has one place in quarantine, whatever happens to it: its job, file and position.
    """
    return _set_aside(
        rows,
        lake,
        job=job,
        subject=subject,
        key=[F.col("source_digest"), F.col("position")],
        mapping=F.lit(mapping),
        source_file=F.col("source_file"),
        source_digest=F.col("source_digest"),
        position=F.col("position"),
        record=F.col("record"),
    )


def of_events(rows: DataFrame, lake: Lake, *, job: str) -> DataFrame:
    """The rows of ops.quarantine for events of the lake, kept as JSON.

    In: the columns of silver.events and reason.
    """
    return _set_aside(
        rows,
        lake,
        job=job,
        subject="visitor_id",
        key=[F.col("source"), F.col("event_id")],
        mapping=_none("string"),
        source_file=_none("string"),
        source_digest=_none("string"),
        position=_none("bigint"),
        record=F.to_json(F.struct(*[column for column in rows.columns if column != "reason"])),
    )


def waiting(lake: Lake, *, job: str) -> DataFrame:
    """The records that this job set aside and that have not gone through since."""
    return lake.read("ops.quarantine").where((F.col("job") == job) & F.col("requeued_at").isNull())


def release(lake: Lake, arrived: DataFrame, *, job: str) -> None:
    """Mark the records that this job set aside and that have arrived after all.

    In: source_digest, position. Writes only where one waits.
    """
    held = waiting(lake, job=job)
    through = held.join(
        arrived.select("source_digest", "position"), ["source_digest", "position"], "left_semi"
    )
    if not through.isEmpty():
        lake.merge("ops.quarantine", through.withColumn("requeued_at", F.current_timestamp()))


def _set_aside(
    rows: DataFrame, lake: Lake, *, job: str, subject: str | None, key: list[Column], **kept: Column
) -> DataFrame:
    return rows.select(
        F.sha2(F.concat_ws("\x1f", F.lit(job), *key), 256).substr(1, 32).alias("quarantine_id"),
        F.lit(job).alias("job"),
        "reason",
        "source",
        (F.col(subject) if subject else _none("string")).alias("subject_id"),
        *[column.alias(name) for name, column in kept.items()],
        F.lit(lake.run_id).alias("run_id"),
        F.current_timestamp().alias("quarantined_at"),
        _none("timestamp").alias("requeued_at"),
    )


def _none(kind: str) -> Column:
    return F.lit(None).cast(kind)
