"""From a record to what its mapping declares: fields of their types, and expressions over them."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping as Dict
from datetime import UTC, datetime

from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from retinue.errors import UnknownSetting
from retinue.sources import fields
from retinue.sources.files import survey
from retinue.sources.mappings import COLUMNS, Mapping
from retinue.sources.records import of_files, with_text

__all__ = [
    "ORIGIN",
    "REASONS",
    "delivered",
    "detail",
    "evaluated",
    "filled",
    "fresh_records",
    "lost",
    "utc",
    "whole",
    "with_fields",
    "with_ids",
    "word",
]

ORIGIN = ("source_file", "source_digest", "position", "record")
"""Where a record came from: columns that every reader keeps."""

REASONS = {
    "damaged_file": "the rest of the file cannot be read: its compression, or Parquet itself, is broken",
    "bad_encoding": "bytes that are no text in the mapping's encoding, or NUL",
    "unparsable": "not of the mapping's format: too few or too many values, no JSON object, no log line",
    "bad_number": "a number that is none, or out of its range",
    "bad_time": "a time not written as the mapping declares",
    "bad_value": "another field that is not of its declared type, or a word that its column does not know",
    "missing_time": "no time",
    "time_out_of_range": "before `earliest` or after `latest`",
}
"""What a reason of any kind of record can begin with; after a colon it may say more."""


def fresh_records(spark: SparkSession, path: str, mapping: Mapping, known: Collection[str]) -> DataFrame:
    """The records of the files whose bytes are new: of equal ones the first by name, none that is `known`."""
    fresh = {file.digest: file for file in reversed(survey(spark, path, format=mapping.format))}
    files = sorted((fresh[digest] for digest in fresh.keys() - set(known)), key=lambda file: file.path)
    return of_files(spark, path, files, mapping)


def with_fields(records: DataFrame, mapping: Mapping) -> DataFrame:
    """`_origin`; `_fault` where the record is not what it should be; a column a declared field."""
    _check_types(mapping)
    texts = with_text(records, mapping.encoding)
    cut = texts.select(
        F.struct(*ORIGIN).alias("_origin"), "_text", fields.cut(F.col("_text"), mapping).alias("_cut")
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


def evaluated(cut: DataFrame, expressions: Dict[str, str], mapping: Mapping) -> DataFrame:
    """`_origin`, `_fault`, and a column an expression over the fields.

    Raises UnknownSetting with every expression that does not resolve.
    """
    columns, faults = {}, []
    for name, expression in expressions.items():
        try:
            column = F.col(f"`{expression}`") if expression in cut.columns else F.expr(expression)
            cut.select(column.cast("string"))
            columns[name] = column
        except AnalysisException as error:
            key = name if name in COLUMNS[mapping.kind] else f"url.{name.removeprefix('_')}"
            faults.append(f"{key} is {expression!r}: {_first_line(error)}")
    _refuse(faults, mapping)
    return cut.select("_origin", "_fault", *(column.alias(name) for name, column in columns.items()))


def whole(cut: DataFrame, mapping: Mapping) -> DataFrame:
    """`_origin`, `_fault`, and every column of the mapping's kind, null where the mapping is silent."""
    filled_in = evaluated(cut, dict(mapping.columns), mapping)
    missing = [name for name in COLUMNS[mapping.kind] if name not in mapping.columns]
    return filled_in.withColumns({name: F.lit(None).cast("string") for name in missing})


def delivered(judged: DataFrame, mapping: Mapping, *, source: str) -> DataFrame:
    """The columns of the mapping's kind, whose they are and on which basis, whence they came, and reason."""
    return judged.select(
        *COLUMNS[mapping.kind],
        F.lit(source).alias("source"),
        F.lit(mapping.legal_basis).alias("legal_basis"),
        *(F.col(f"_origin.{name}") for name in ORIGIN),
        F.col("_fault").alias("reason"),
    )


def filled(name: str) -> Column:
    """The column as text; white space alone is nothing."""
    text = F.col(name).cast("string")
    return F.when(F.trim(text, F.lit(" \t\r\n")) != "", text)


def word(name: str, words: Collection[str], default: str) -> Column:
    """The column's word, case and outer blanks aside; `default` where it says none, null for one unknown."""
    said = F.lower(F.trim(filled(name)))
    return F.when(said.isNull(), default).when(said.isin(*words), said)


def lost(reason: str, name: str) -> Column:
    """The reason where something stands there (`_name`, the text), and it could not be read (`name`)."""
    written = F.col(f"_{name}")
    return F.when(F.col(name).isNull() & written.isNotNull(), detail(reason, name, written))


def detail(reason: str, name: str, text: Column) -> Column:
    """A reason with the name of the column and the beginning of what stands there."""
    return F.concat(F.lit(f"{reason}: {name} is "), F.left(text.cast("string"), F.lit(60)))


def utc(time: datetime) -> datetime:
    """A time without a zone is UTC."""
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time


def with_ids(rows: DataFrame, *, id: str, of: list[str]) -> DataFrame:
    """`id`: the SHA-256 of the columns `of`, and of the ordinal, from 1, among equal rows of the file.

    In: these columns, source_digest, position and reason. A bad row has no id. One shuffle.
    """
    written = (
        F.unix_micros(name).alias(name) if rows.schema[name].dataType.typeName() == "timestamp" else name
        for name in of
    )
    content = F.to_json(F.struct(*written), {"ignoreNullFields": "false"})
    is_good = F.col("reason").isNull()
    # Bad rows are no equals: a broken file would otherwise go to one task.
    row = F.when(is_good, F.sha2(content, 256)).otherwise(F.col("position").cast("string"))
    equals = Window.partitionBy("source_digest", "_row").orderBy("position")
    ordinal = F.row_number().over(equals).cast("string")
    numbered = F.sha2(F.concat(F.col("_row"), F.lit("\u001f"), ordinal), 256)
    return rows.withColumn("_row", row).withColumn(id, F.when(is_good, numbered)).drop("_row")


def _is_promise(declared: str) -> bool:
    """Whether a value can break the declared type: text cannot, what is nested came typed."""
    return declared.lower() != "string" and not fields.is_nested(declared)


def _broken_promise(text: Column, name: str, declared: str) -> Column:
    reason = {"boolean": "bad_value", "date": "bad_time"}.get(declared.lower(), "bad_number")
    return F.when(text.isNotNull() & text.try_cast(declared).isNull(), detail(reason, name, text))


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
