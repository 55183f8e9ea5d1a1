"""Event records of files, read by a mapping into typed event columns; what is not good says why."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from retinue import schema
from retinue.sources import addresses, declared, times
from retinue.sources.declared import ORIGIN, detail, filled, lost
from retinue.sources.mappings import EVENT_COLUMNS, Mapping
from retinue.tables import EVENT_TYPES

__all__ = ["REASONS", "parse", "read", "with_event_ids"]

REASONS = {
    **declared.REASONS,
    "missing_event_id": "the mapping names the event's id, the record has none",
    "missing_visitor": "nobody whom the event belongs to",
}
"""What a reason can begin with; after a colon it may say more."""


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

    Columns: the event columns (strings; occurred_at timestamp; result_count bigint; price_amount
    decimal(18,4)), source, legal_basis, source_file, source_digest (SHA-256 of the file's bytes),
    position (the record's number in its file, from 1), record (the line as it stands; a Parquet row
    as JSON) and reason: null for a good row, else a word of REASONS, where useful with `: detail`.
    No record is dropped: good rows and rows with a reason are all there are. Lines of white space
    and headers are no records. `latest` and `earliest` themselves are in range.

    Of files with equal bytes only the first by name is read, and none whose digest is in `known`.

    Runs Spark jobs, see `records.of_files`; the driver reads each file once for its digest.
    Raises InputMissing for a path without files, SchemaMismatch for a header that is not the
    mapping's, UnknownSetting for SQL in the mapping that does not resolve.
    """
    records = declared.fresh_records(spark, path, mapping, known)
    return parse(records, mapping, source=source, earliest=earliest, latest=latest)


def parse(
    records: DataFrame, mapping: Mapping, *, source: str, earliest: datetime, latest: datetime
) -> DataFrame:
    """The same as `read` over records that were read before: source_file, source_digest, position, record.

    So quarantined records go through again after their mapping was mended. Lazy. Where the mapping
    names no event_id, it is the SHA-256 of the event columns and the ordinal, from 1, among the
    equal rows of that file in the order of position: pass all records of a file to get the ids
    that `read` gives.

    Raises SchemaMismatch, and UnknownSetting for SQL in the mapping that does not resolve.
    """
    schema.require(records, ORIGIN, what="events.parse")
    cut = declared.with_fields(records, mapping)
    named = _mapped(cut, mapping).withColumn("_named", _named_type(mapping))
    found = addresses.with_found(named, mapping.url, only_tags=F.col("_named").isin("other", "ping"))
    typed = _with_numbers(_completed(found, mapping))
    judged = _judged(typed, mapping, declared.utc(earliest), declared.utc(latest))
    events = declared.delivered(judged, mapping, source=source)
    return events if "event_id" in mapping.columns else with_event_ids(events)


# --- from the source's fields to the event columns ----------------------------------------------


def _mapped(cut: DataFrame, mapping: Mapping) -> DataFrame:
    """The mapping's expressions, evaluated: `occurred_at` as a time and as text, the rest as text."""
    expressions = dict(mapping.columns)
    if mapping.url:
        expressions |= {"_address": mapping.url.address, "_title": mapping.url.title or "NULL"}
    evaluated = declared.evaluated(cut, expressions, mapping)
    occurred_at = times.instant(F.col("occurred_at"), evaluated.schema["occurred_at"].dataType, mapping.time)
    return evaluated.select(
        "_origin",
        "_fault",
        occurred_at.alias("occurred_at"),
        *(filled(name).alias(_AS_TEXT.get(name, name)) for name in expressions),
    )


_AS_TEXT = {"occurred_at": "_occurred_at"}


def _completed(found_rows: DataFrame, mapping: Mapping) -> DataFrame:
    """All event columns, as text but for occurred_at: the columns' own word before the address's.

    But for the channel: a tag of this very visit knows more than what a source made of it.
    """
    typed = found_rows.withColumn("_type", _event_type())
    is_search = F.col("_type") == "search"
    found = {name: F.col(f"_found.{name}") for name in addresses.FOUND}
    found |= {name: F.when(is_search, found[name]) for name in ("query", "result_count")}

    def value(name: str) -> Column:
        words = [F.col(name)] if name in mapping.columns else []
        words.append(found.get(name, F.lit(None)).cast("string"))
        return F.coalesce(*(reversed(words) if name == "channel" else words)).alias(name)

    said = [value(name) for name in EVENT_COLUMNS if name not in ("occurred_at", "event_type")]
    return typed.select(
        "_origin", "_fault", "occurred_at", "_occurred_at", F.col("_type").alias("event_type"), *said
    )


def _named_type(mapping: Mapping) -> Column:
    """The event type that the columns say, or that the event's name stands for."""
    said = F.lower(F.col("event_type")) if "event_type" in mapping.columns else F.lit(None).cast("string")
    name = F.col("event_name") if "event_name" in mapping.columns else F.lit(None).cast("string")
    named = [
        F.when(name.isin([word for word, of in mapping.event_types.items() if of == type]), type)
        for type in sorted(set(mapping.event_types.values()))
    ]
    return F.coalesce(F.when(said.isin(list(EVENT_TYPES)), said), *named, F.lit(mapping.otherwise))


def _event_type() -> Column:
    """A page view may turn out more by its address."""
    is_page_view = F.col("_named") == "page_view"
    return (
        F.when(is_page_view & F.col("_found.query").isNotNull(), "search")
        .when(is_page_view & F.col("_found.product_id").isNotNull(), "product_view")
        .otherwise(F.col("_named"))
    )


def _with_numbers(completed: DataFrame) -> DataFrame:
    """`result_count` and `price_amount` as numbers, and as text (`_result_count`, `_price_amount`)."""
    count = F.regexp_replace("result_count", r"\.0*$", "").try_cast("bigint")  # `12.0` is twelve
    return completed.withColumns(
        {
            **{f"_{name}": F.col(name) for name in _NUMBERS},
            "result_count": F.when(count >= 0, count),
            "price_amount": F.col("price_amount").try_cast("decimal(18,4)"),
        }
    )


_NUMBERS = ("result_count", "price_amount")


# --- good or not ----------------------------------------------------------------------------------


def _judged(typed: DataFrame, mapping: Mapping, earliest: datetime, latest: datetime) -> DataFrame:
    """`_fault` completed: the first that holds of REASONS."""
    at, said = F.col("occurred_at"), F.col("_occurred_at")
    is_outside = ~at.between(F.lit(earliest), F.lit(latest))
    faults = [
        F.col("_fault"),
        *([F.when(F.col("event_id").isNull(), "missing_event_id")] if "event_id" in mapping.columns else []),
        F.when(F.col("visitor_id").isNull(), "missing_visitor"),
        F.when(said.isNull(), "missing_time"),
        lost("bad_time", "occurred_at"),
        F.when(is_outside, detail("time_out_of_range", "occurred_at", said)),
        *(lost("bad_number", name) for name in _NUMBERS),
    ]
    return typed.withColumns(
        {
            "_fault": F.coalesce(*faults),
            # A time outside may be one that no calendar in Python can hold.
            "occurred_at": F.when(~is_outside, at),
        }
    )


def with_event_ids(events: DataFrame) -> DataFrame:
    """`event_id`: the SHA-256 of the event's columns, and of the ordinal among equal rows of its file.

    In: what `parse` gives. A bad row has no id. One shuffle.
    """
    columns = [name for name in EVENT_COLUMNS if name not in ("event_id", "occurred_at")]
    return declared.with_ids(events, id="event_id", of=["occurred_at", *columns])
