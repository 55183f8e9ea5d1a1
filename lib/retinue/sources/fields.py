"""A record's text cut into the fields that its mapping declares."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from retinue.sources import weblog
from retinue.sources.mappings import CsvOptions, Mapping

__all__ = ["is_broken", "is_nested", "of_text"]

_BROKEN = "_retinue_broken"
_MOST_DELIMITERS = 20_000  # the CSV parser takes 20,480 columns and stops the job at one more


def of_text(text: Column, mapping: Mapping) -> Column:
    """A struct of the declared fields, scalars as strings, nested ones typed; `is_broken` says where
    the text is no record of the mapping's format. What is empty in CSV is null.
    """
    if mapping.format == "combined":
        return _struct(weblog.fields_of(text), list(mapping.fields))
    if mapping.format != "csv":
        return _of_json(text, mapping)
    if not mapping.csv.quote:
        return _struct(_unquoted(text, mapping.csv), list(mapping.fields))
    return _of_csv(text, mapping)


def is_broken(fields: Column, mapping: Mapping) -> Column:
    """Whether `of_text` found no record: too many or too few values, no JSON object, no log line."""
    is_quoted_csv = mapping.format == "csv" and mapping.csv.quote
    return fields.isNull() | fields[_BROKEN].isNotNull() if is_quoted_csv else fields.isNull()


def is_nested(declared: str) -> bool:
    """Whether a DDL type is an array, a map or a struct."""
    return "<" in declared


def _struct(values: Column, names: list[str]) -> Column:
    """A struct out of an array of exactly as many values as there are names, else null."""
    fields = (F.get(values, F.lit(i)).alias(name) for i, name in enumerate(names))
    return F.when(F.size(values) == len(names), F.struct(*fields))


def _of_csv(text: Column, mapping: Mapping) -> Column:
    options = mapping.csv
    delimiters = F.length(text) - F.length(F.replace(text, F.lit(options.delimiter), F.lit("")))
    schema = ", ".join(f"`{name}` string" for name in (*mapping.fields, _BROKEN))
    return F.from_csv(
        F.when((F.length(text) <= _MOST_DELIMITERS) | (delimiters <= _MOST_DELIMITERS), text),
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
    if not options.escape:
        return F.transform(F.split(text, delimiter, -1), _filled)
    escape = _literally(options.escape)
    # A delimiter counts after an even number of escapes (Java bounds what it looks back over).
    splitter = f"(?<=(?<!{escape})(?:{escape}{escape}){{0,50}}){delimiter}"
    return F.transform(
        F.split(text, splitter, -1),
        lambda value: _filled(F.regexp_replace(value, f"{escape}([\\s\\S])", "$1")),
    )


def _literally(mark: str) -> str:
    return f"\\x{ord(mark):02x}"


def _filled(value: Column) -> Column:
    return F.when(value != "", value)


def _of_json(text: Column, mapping: Mapping) -> Column:
    fields = ", ".join(
        f"`{name}` {declared if is_nested(declared) else 'string'}"
        for name, declared in mapping.fields.items()
    )
    # As an array, so that text after the object is seen: alone, it would be passed over.
    bracketed = F.concat(F.lit("["), text, F.lit("]"))
    is_object = F.trim(text, F.lit(" \t\r\n")).like("{%}")
    objects = F.from_json(F.when(is_object, bracketed), f"array<struct<{fields}>>", {"mode": "PERMISSIVE"})
    return F.when(F.size(objects) == 1, F.get(objects, F.lit(0)))
