"""The few rows that a picture shows, out of a pandas or a Spark frame of any size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retinue.schema import require

__all__ = ["Largest", "Rows", "first", "is_null", "largest", "largest_keys", "only"]

Rows = pd.DataFrame | DataFrame


@dataclass(frozen=True)
class Largest:
    """The rows of the largest size, and what all the others come to."""

    kept: list[tuple[Any, int]]
    other_count: int
    other_size: int


def largest(rows: Rows, *, key: str, size: str, limit: int, what: str) -> Largest:
    """The `limit` rows of the largest positive size, ties by key; rows without a key do not count.

    At most `limit` rows and one sum are collected. Raises SchemaMismatch. Runs Spark jobs where the frame
    is Spark's.
    """
    _require(rows, [key, size], what)
    if isinstance(rows, pd.DataFrame):
        counted = rows.loc[(rows[size].fillna(0) > 0) & rows[key].notna()]
        row_count, total = len(counted), counted[size].sum()
        pairs = zip(counted[key], counted[size], strict=True)
        ranked = sorted(pairs, key=lambda pair: (-pair[1], _texts(pair[0])))[:limit]
    else:
        named = rows.where((F.col(size) > 0) & F.col(key).isNotNull()).select(key, size)
        row_count, total = named.agg(F.count("*"), F.coalesce(F.sum(size), F.lit(0))).collect()[0]
        ranked = [
            (label, number) for label, number in named.orderBy(F.desc(size), key).limit(limit).collect()
        ]
    kept = [(label, int(number)) for label, number in ranked]
    return Largest(kept, row_count - len(kept), int(total) - sum(number for _, number in kept))


def first(
    rows: Rows,
    *,
    columns: Sequence[str],
    limit: int,
    what: str,
    by: Sequence[str] | None = None,
    ascending: bool | Sequence[bool] = True,
) -> list[tuple[Any, ...]]:
    """The first `limit` rows by these columns in turn, each `ascending` or not; no more are collected.

    `by` are the columns that order them, where some of `columns` cannot or need not.
    Raises SchemaMismatch. Runs a Spark job where the frame is Spark's.
    """
    _require(rows, columns, what)
    by = list(columns if by is None else by)
    up = [ascending] * len(by) if isinstance(ascending, bool) else list(ascending)
    if isinstance(rows, pd.DataFrame):
        shown = rows[list(columns)].sort_values(by, ascending=up)[:limit]
    else:
        shown = rows.select(*columns).orderBy(*by, ascending=up).limit(limit).toPandas()
    return list(shown.itertuples(index=False, name=None))


def largest_keys(rows: Rows, *, key: str, size: str, limit: int, what: str) -> list[Any]:
    """The `limit` keys whose sizes come to most, ties by key; null is none. No more are collected.

    Raises SchemaMismatch. Runs a Spark job where the frame is Spark's.
    """
    _require(rows, [key, size], what)
    if isinstance(rows, pd.DataFrame):
        ranked = rows.groupby(key, sort=True)[size].sum().sort_values(ascending=False, kind="stable")
        return list(ranked.index[:limit])
    totals = rows.where(F.col(key).isNotNull()).groupBy(key).agg(F.sum(size).alias("_total"))
    return [row[0] for row in totals.orderBy(F.desc("_total"), key).select(key).limit(limit).collect()]


def only(rows: Rows, *, key: str, keys: Sequence[Any]) -> Rows:
    """The rows that have one of these keys."""
    if isinstance(rows, pd.DataFrame):
        return rows[rows[key].isin(keys)]
    return rows.where(F.col(key).isin(list(keys)))


def is_null(value: Any) -> bool:
    """Whether a cell is empty: None, NaN, NaT or NA, as Spark and pandas have it."""
    return bool(pd.isna(value))


def _require(rows: Rows, columns: Sequence[str], what: str) -> None:
    require(cast(DataFrame, rows), columns, what=what)  # which asks either kind for its columns alone


def _texts(key: Any) -> tuple[str, ...]:
    """What ties between keys are ordered by: the text, or the texts of a list in turn."""
    return (key,) if isinstance(key, str) else tuple(str(part) for part in key)
