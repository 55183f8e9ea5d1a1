"""Follows, e-mails and referrals of files, read by a mapping; what is not good says why."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from retinue import schema
from retinue.sources import declared, times
from retinue.sources.declared import ORIGIN, detail, filled, lost
from retinue.sources.mappings import CONTACT_COLUMNS, Mapping
from retinue.tables import RELATIONSHIPS

__all__ = ["REASONS", "parse", "read", "with_contact_ids"]

REASONS = {
    **declared.REASONS,
    "missing_contact_id": "the mapping names the contact's id, the record has none",
    "missing_end": "nobody who turned to somebody, or nobody to whom",
}
"""What a reason can begin with; after a colon it may say more."""

_INFINITE = float("inf")


def read(
    spark: SparkSession,
    path: str,
    mapping: Mapping,
    *,
    source: str,
    earliest: datetime,
    latest: datetime,
    known: Collection[str] = (),
) -> DataFrame:
    """The records of `path` (file, folder or glob, plain or compressed, any Hadoop URI), a row each.

    Columns: those of bronze.contacts but when it came in, as `events.read` has them, and reason: null for a
    good row, else a word of REASONS. A contact whose network is not said is the source's; one of no
    relationship follows, one without a weight counts 1. Who turns to himself is good. No record is dropped.

    Runs Spark jobs, see `records.of_files`; the driver reads each file once for its digest.
    Raises InputMissing, SchemaMismatch and UnknownSetting as `events.read` does.
    """
    records = declared.fresh_records(spark, path, mapping, known)
    return parse(records, mapping, source=source, earliest=earliest, latest=latest)


def parse(
    records: DataFrame, mapping: Mapping, *, source: str, earliest: datetime, latest: datetime
) -> DataFrame:
    """The same as `read` over records that were read before: source_file, source_digest, position, record.

    Lazy. Where the mapping names no contact_id, it is the SHA-256 of the contact's columns and the ordinal,
    from 1, among equal rows of the file. Raises SchemaMismatch, and UnknownSetting for SQL that does not
    resolve.
    """
    schema.require(records, ORIGIN, what="contacts.parse")
    said = _said(declared.with_fields(records, mapping), mapping, source)
    judged = _judged(said, mapping, declared.utc(earliest), declared.utc(latest))
    contacts = declared.delivered(judged, mapping, source=source)
    return contacts if "contact_id" in mapping.columns else with_contact_ids(contacts)


def with_contact_ids(contacts: DataFrame) -> DataFrame:
    """`contact_id`: the SHA-256 of the contact's columns, and of the ordinal among equal rows of its file.

    In: what `parse` gives. A bad row has no id. One shuffle.
    """
    columns = [name for name in CONTACT_COLUMNS if name != "contact_id"]
    return declared.with_ids(contacts, id="contact_id", of=columns)


def _said(cut: DataFrame, mapping: Mapping, source: str) -> DataFrame:
    """The contact columns as they are meant, and as text (`_occurred_at`, `_weight`, `_relationship`)."""
    whole = declared.whole(cut, mapping)
    written = whole.schema["occurred_at"].dataType
    return whole.select(
        "_origin",
        "_fault",
        times.instant(F.col("occurred_at"), written, mapping.time).alias("occurred_at"),
        _weight().alias("weight"),
        declared.word("relationship", RELATIONSHIPS, "follows").alias("relationship"),
        F.coalesce(filled("network"), F.lit(source)).alias("network"),
        *(filled(name).alias(name) for name in ("contact_id", "profile_id", "to_profile_id")),
        *(filled(name).alias(f"_{name}") for name in ("occurred_at", "weight", "relationship")),
    )


def _weight() -> Column:
    """The number, 1 where nothing is said, null where it is none that can count."""
    weight = filled("weight").try_cast("double")
    counts = (weight > 0) & (weight < _INFINITE)  # NaN is above all numbers
    return F.when(filled("weight").isNull(), 1.0).when(counts, weight)


def _judged(said: DataFrame, mapping: Mapping, earliest: datetime, latest: datetime) -> DataFrame:
    """`_fault` completed: the first that holds of REASONS."""
    needs_id = "contact_id" in mapping.columns
    is_outside = ~F.col("occurred_at").between(F.lit(earliest), F.lit(latest))
    faults = [
        F.col("_fault"),
        *([F.when(F.col("contact_id").isNull(), "missing_contact_id")] if needs_id else []),
        F.when(F.col("profile_id").isNull() | F.col("to_profile_id").isNull(), "missing_end"),
        F.when(F.col("_occurred_at").isNull(), "missing_time"),
        lost("bad_time", "occurred_at"),
        F.when(is_outside, detail("time_out_of_range", "occurred_at", F.col("_occurred_at"))),
        lost("bad_number", "weight"),
        lost("bad_value", "relationship"),
    ]
    # A time outside may be one that no calendar in Python can hold.
    held = F.when(~is_outside, F.col("occurred_at"))
    return said.withColumns({"_fault": F.coalesce(*faults), "occurred_at": held})
