"""Doing again only what new rows touch: exact wherever the rows of one key decide alone."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame

from retinue.schema import require


def touched(changes: DataFrame, *, by: Sequence[str | Column]) -> DataFrame:
    """The distinct keys that have a changed row: `by` (columns, or expressions with an alias).

    Sessions are decided by visitor; bot flags by visitor and UTC day.
    """
    return changes.select(*by).distinct()


def of(rows: DataFrame, keys: DataFrame) -> DataFrame:
    """The rows whose key is among `keys`, matched on all of its columns by name; a null matches nothing.

    Raises SchemaMismatch where `rows` lacks a column of the key.
    """
    require(rows, keys.columns, what="of")
    return rows.join(keys, keys.columns, "left_semi").select(*rows.columns)
