"""Event records of files, read by a mapping into typed event columns; what is not good says why."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from retinue import schema
from retinue.errors import UnknownSetting
from retinue.sources import addresses, fields, times
from retinue.sources.files import survey
from retinue.sources.mappings import EVENT_COLUMNS, Mapping
from retinue.sources.records import of_files, with_text
from retinue.tables import EVENT_TYPES

__all__ = ["REASONS", "parse", "read", "with_event_ids"]

REASONS = {
    "damaged_file": "the rest of the file cannot be read: its compression, or Parquet itself, is broken",
    "bad_encoding": "bytes that are no text in the mapping's encoding, or NUL",
    "unparsable": "not of the mapping's format: too few or too many values, no JSON object, no log line",
    "bad_number": "a number that is none, or a negative result count",
    "bad_time": "a time not written as the mapping declares",
    "bad_value": "another field that is not of its declared type",
    "missing_event_id": "the mapping names the event's id, the record has none",
    "missing_visitor": "nobody whom the event belongs to",
    "missing_time": "no time",
    "time_out_of_range": "before `earliest` or after `latest`",
}
"""What a reason can begin with; after a colon it may say more."""

_ORIGIN = ("source_file", "source_digest", "position", "record")


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
    fresh = {file.digest: file for file in reversed(survey(spark, path, format=mapping.format))}
    files = sorted((fresh[digest] for digest in fresh.keys() - set(known)), key=lambda file: file.path)
    return parse(
        of_files(spark, path, files, mapping),
        mapping,
        source=source,
        earliest=earliest,
        latest=latest,
    )


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
    schema.require(records, _ORIGIN, what="events.parse")
    cut = _with_fields(records, mapping)
    named = _with_named_type(_mapped(cut, mapping), mapping)
    found = addresses.with_found(named, mapping.url)
    typed = _with_numbers(_completed(found, mapping))
    judged = _judged(typed, mapping, _utc(earliest), _utc(latest))
    events = judged.select(
        *EVENT_COLUMNS,
        F.lit(source).alias("source"),
        F.lit(mapping.legal_basis).alias("legal_basis"),
        *(F.col(f"_origin.{name}") for name in _ORIGIN),
        F.col("_fault").alias("reason"),
    )
    return events if "event_id" in mapping.columns else with_event_ids(events)


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time


# --- from the record to the source's own fields -------------------------------------------------


def _with_fields(records: DataFrame, mapping: Mapping) -> DataFrame:
    """`_origin`; `_fault` where the record is not what it should be; a column a declared field."""
    _check_types(mapping)
    texts = with_text(records, mapping.encoding)
    cut = texts.select(
        F.struct(*_ORIGIN).alias("_origin"), "_text", fields.cut(F.col("_text"), mapping).alias("_cut")
    )
    values = {name: fields.value(F.col("_cut"), name, mapping) for name in mapping.fields}
    faults = [
        F.when(F.col("_origin.record") == "", "damaged_file"),
        F.when(F.col("_text").isNull(), "bad_encoding"),
        F.when(fields.is_broken(F.col("_cut"), mapping), "unparsable"),
        *(
            _broken_promise(values[name], name, declared)
            for name, declared in mapping.fields.items()
            if _is_promise(declared)
        ),
    ]
    return cut.select(
        "_origin",
        F.coalesce(*faults).alias("_fault"),
        *(
            (values[name].try_cast(declared) if _is_promise(declared) else values[name]).alias(name)
            for name, declared in mapping.fields.items()
        ),
    )


def _is_promise(declared: str) -> bool:
    """Whether a value can break the declared type: text cannot, what is nested came typed."""
    return declared.lower() != "string" and not fields.is_nested(declared)


def _broken_promise(text: Column, name: str, declared: str) -> Column:
    word = {"boolean": "bad_value", "date": "bad_time"}.get(declared.lower(), "bad_number")
    return F.when(text.isNotNull() & text.try_cast(declared).isNull(), _detail(word, name, text))


def _detail(word: str, name: str, text: Column) -> Column:
    return F.concat(F.lit(f"{word}: {name} is "), F.left(text.cast("string"), F.lit(60)))


def _check_types(mapping: Mapping) -> None:
    faults = []
    for name, declared in mapping.fields.items():
        try:
            StructType.fromDDL(f"`{name}` {declared}")
        except AnalysisException as error:
            faults.append(f"fields.{name} is {declared!r}: {_first_line(error)}")
    _refuse(faults, mapping)


def _refuse(faults: list[str], mapping: Mapping) -> None:
    if faults:
        told = "\n".join(f"  {fault}" for fault in faults)
        raise UnknownSetting(f"mapping '{mapping.name}' cannot be used:\n{told}")


def _first_line(error: AnalysisException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else error.__class__.__name__


# --- from the source's fields to the event columns ----------------------------------------------


def _mapped(cut: DataFrame, mapping: Mapping) -> DataFrame:
    """The mapping's expressions, evaluated: `occurred_at` as a time and as text, the rest as text."""
    expressions = dict(mapping.columns)
    if mapping.url:
        expressions |= {"_address": mapping.url.address, "_title": mapping.url.title or "NULL"}
    evaluated = _evaluated(cut, expressions, mapping)
    occurred_at = times.instant(F.col("occurred_at"), evaluated.schema["occurred_at"].dataType, mapping.time)
    return evaluated.select(
        "_origin",
        "_fault",
        occurred_at.alias("occurred_at"),
        *(_filled(name).alias(_AS_TEXT.get(name, name)) for name in expressions),
    )


_AS_TEXT = {"occurred_at": "_occurred_at"}


def _filled(name: str) -> Column:
    """The column as text; white space alone is nothing."""
    text = F.col(name).cast("string")
    return F.when(F.trim(text, F.lit(" \t\r\n")) != "", text)


def _evaluated(cut: DataFrame, expressions: dict[str, str], mapping: Mapping) -> DataFrame:
    """A column an expression. Raises UnknownSetting with every expression that does not resolve."""
    columns, faults = {}, []
    for name, expression in expressions.items():
        try:
            column = F.col(f"`{expression}`") if expression in cut.columns else F.expr(expression)
            cut.select(column.cast("string"))
            columns[name] = column
        except AnalysisException as error:
            key = name if name in EVENT_COLUMNS else f"url.{name.removeprefix('_')}"
            faults.append(f"{key} is {expression!r}: {_first_line(error)}")
    _refuse(faults, mapping)
    return cut.select("_origin", "_fault", *(column.alias(name) for name, column in columns.items()))


def _with_named_type(mapped: DataFrame, mapping: Mapping) -> DataFrame:
    """Adds `_named`; the address of an event of no type, or of a ping, is not looked at."""
    named = mapped.withColumn("_named", _named_type(mapping))
    if mapping.url is None:
        return named
    return named.withColumn("_address", F.when(~F.col("_named").isin("other", "ping"), F.col("_address")))


def _completed(found_rows: DataFrame, mapping: Mapping) -> DataFrame:
    """All event columns, as text but for occurred_at: the columns' own word before the address's."""
    typed = found_rows.withColumn("_type", _event_type())
    is_search = F.col("_type") == "search"
    found = {name: F.col(f"_found.{name}") for name in addresses.FOUND}
    found |= {name: F.when(is_search, found[name]) for name in ("query", "result_count")}

    def value(name: str) -> Column:
        own = [F.col(name)] if name in mapping.columns else []
        return F.coalesce(*own, found.get(name, F.lit(None)).cast("string")).alias(name)

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
        F.when(at.isNull(), _detail("bad_time", "occurred_at", said)),
        F.when(is_outside, _detail("time_out_of_range", "occurred_at", said)),
        *(
            F.when(
                F.col(name).isNull() & F.col(f"_{name}").isNotNull(),
                _detail("bad_number", name, F.col(f"_{name}")),
            )
            for name in _NUMBERS
        ),
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
    content = F.to_json(
        F.struct(F.unix_micros("occurred_at").alias("occurred_at"), *columns), {"ignoreNullFields": "false"}
    )
    is_good = F.col("reason").isNull()
    # Bad rows are no equals: a broken file would otherwise go to one task.
    row = F.when(is_good, F.sha2(content, 256)).otherwise(F.col("position").cast("string"))
    equals = Window.partitionBy("source_digest", "_row").orderBy("position")
    ordinal = F.row_number().over(equals).cast("string")
    numbered = F.sha2(F.concat(F.col("_row"), F.lit("\u001f"), ordinal), 256)
    return events.withColumn("_row", row).withColumn("event_id", F.when(is_good, numbered)).drop("_row")
