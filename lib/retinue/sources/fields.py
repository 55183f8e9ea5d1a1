"""A record's text cut into the fields that its mapping declares."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from retinue.sources import weblog
from retinue.sources.mappings import CsvOptions, Mapping

__all__ = ["cut", "is_broken", "is_nested", "value"]

_BROKEN = "_retinue_broken"
_MOST_DELIMITERS = 20_000  # the CSV parser takes 20,480 columns and stops the job at one more


def cut(text: Column, mapping: Mapping) -> Column:
    """The text taken apart, whole, in one expression; `value` and `is_broken` read what comes out.

    Take them in a select of their own, or the record is taken apart again for each field.
    """
    if mapping.format == "combined":
        return weblog.cut(text)
    if mapping.format != "csv":
        return _of_json(text, mapping)
    return _of_csv(text, mapping) if mapping.csv.quote else _unquoted(text, mapping.csv)


def value(cut: Column, name: str, mapping: Mapping) -> Column:
    """A declared field: scalars as strings, nested ones typed. What is empty in CSV is null."""
    if mapping.format == "combined" or (mapping.format == "csv" and not mapping.csv.quote):
        return F.get(cut, F.lit(list(mapping.fields).index(name)))
    record = cut if mapping.format == "csv" else F.get(cut, F.lit(0))
    return record.getField(name)


def is_broken(cut: Column, mapping: Mapping) -> Column:
    """Whether it was no record: too many or too few values, no JSON object, no log line."""
    if mapping.format == "csv" and mapping.csv.quote:
        return cut.isNull() | cut.getField(_BROKEN).isNotNull()
    if mapping.format in ("jsonl", "parquet"):
        return F.coalesce((F.size(cut) != 1) | F.get(cut, F.lit(0)).isNull(), F.lit(True))
    return F.size(cut) != len(mapping.fields)


def is_nested(declared: str) -> bool:
    """Whether a DDL type is an array, a map or a struct."""
    return "<" in declared


def _of_csv(text: Column, mapping: Mapping) -> Column:
    options = mapping.csv
    delimiters = F.length(text) - F.length(F.replace(text, F.lit(options.delimiter), F.lit("")))
    schema = ", ".join(f"`{name}` string" for name in (*mapping.fields, _BROKEN))
    is_safe = (F.length(text) <= _MOST_DELIMITERS) | (delimiters <= _MOST_DELIMITERS)
    return F.from_csv(
        F.when(is_safe, text),
        schema,
        {
            "mode": "PERMISSIVE",
            "columnNameOfCorruptRecord": _BROKEN,
            "sep": options.delimiter,
            "quote": options.quote,
            "escape": options.escape,
        },
    )


def _unquoted(text: Column, options: CsvOptions) -> Column:
    """The values between delimiters; with an escape character, one that it precedes is no delimiter."""
    delimiter = _literally(options.delimiter)
    if options.escape:
        escape = _literally(options.escape)
        # A delimiter counts after an even number of escapes (Java bounds what it looks back over).
        delimiter = f"(?<=(?<!{escape})(?:{escape}{escape}){{0,50}}){delimiter}"
        values = F.transform(
            F.split(text, delimiter, -1), lambda value: F.regexp_replace(value, f"{escape}([\\s\\S])", "$1")
        )
    else:
        values = F.split(text, delimiter, -1)
    return F.transform(values, lambda value: F.when(value != "", value))


def _literally(mark: str) -> str:
    return f"\\x{ord(mark):02x}"


def _of_json(text: Column, mapping: Mapping) -> Column:
    fields = ", ".join(
        f"`{name}`: {declared if is_nested(declared) else 'string'}"
        for name, declared in mapping.fields.items()
    )
    # As an array, so that text after the object is seen: alone, it would be passed over.
    bracketed = F.concat(F.lit("["), text, F.lit("]"))
    is_object = F.trim(text, F.lit(" \t\r\n")).like("{%}")
    return F.from_json(F.when(is_object, bracketed), f"array<struct<{fields}>>", {"mode": "PERMISSIVE"})
