"""The few rows that a picture shows, out of a pandas or a Spark frame of any size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retinue.plots import labels
from retinue.schema import require

__all__ = [
    "OTHERS",
    "Largest",
    "Pair",
    "Rows",
    "check",
    "different",
    "first",
    "folded",
    "is_null",
    "key_name",
    "largest",
    "largest_keys",
    "medians",
    "only",
    "pairs",
    "row_count",
    "without",
]

Rows = pd.DataFrame | DataFrame

OTHERS: Any = object()  # stands for all keys of a column that are not kept


@dataclass(frozen=True)
class Largest:
    """The rows of the largest size, and what all the others come to."""

    kept: list[tuple[Any, int]]
    other_count: int
    other_size: int


class Pair(NamedTuple):
    """Two that edges join, the lesser id first, with their weight in all and how many they are."""

    one: Any
    other: Any
    weight: float
    edge_count: int


def largest(rows: Rows, *, key: str, size: str, limit: int, what: str) -> Largest:
    """The `limit` rows of the largest positive size, ties by key; rows without a key do not count.

    At most `limit` rows and one sum are collected. Raises SchemaMismatch. Runs Spark jobs where the frame
    is Spark's.
    """
    check(rows, [key, size], what)
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
    check(rows, columns, what)
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
    check(rows, [key, size], what)
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


def without(rows: Rows, *, key: str) -> Rows:
    """The rows whose key is null."""
    return rows[rows[key].isna()] if isinstance(rows, pd.DataFrame) else rows.where(F.col(key).isNull())


def row_count(rows: Rows) -> int:
    """How many rows there are. Runs a Spark job where the frame is Spark's."""
    return len(rows) if isinstance(rows, pd.DataFrame) else rows.count()


def different(rows: Rows, columns: Sequence[str]) -> list[int]:
    """How many values each column has, null not among them. Runs a Spark job where the frame is Spark's."""
    if isinstance(rows, pd.DataFrame):
        return [int(rows[column].nunique()) for column in columns]
    return list(rows.agg(*(F.count_distinct(column) for column in columns)).collect()[0])


def medians(
    rows: Rows, *, key: str, value: str, limit: int, what: str
) -> dict[Any, tuple[int, float | None]]:
    """How many rows the `limit` least keys have and the median of their values; null is no key, no value.

    No more are collected. Raises SchemaMismatch. Runs a Spark job where the frame is Spark's.
    """
    check(rows, [key, value], what)
    if isinstance(rows, pd.DataFrame):
        values = rows[value].astype(float)
        found = values.groupby(rows[key], sort=True).agg(["size", "median"])[:limit].reset_index()
        told = list(found.itertuples(index=False, name=None))
    else:
        grouped = rows.where(F.col(key).isNotNull()).groupBy(key).agg(F.count("*"), F.median(value))
        told = [tuple(row) for row in grouped.orderBy(key).limit(limit).collect()]
    return {key: (int(count), None if is_null(median) else float(median)) for key, count, median in told}


def pairs(edges: Rows, *, among: Sequence[Any], limit: int, what: str) -> list[Pair]:
    """The `limit` heaviest pairs of these ids that edges join, either way round, ties by ids.

    No more are collected. Raises SchemaMismatch. Runs a Spark job where the frame is Spark's.
    """
    check(edges, ["src", "dst", "weight"], what)
    inside = only(only(edges, key="src", keys=among), key="dst", keys=among)
    if isinstance(inside, pd.DataFrame):
        tied = inside[inside["src"] != inside["dst"]]
        is_up = tied["src"] < tied["dst"]
        ends = {"one": tied["src"].where(is_up, tied["dst"]), "other": tied["dst"].where(is_up, tied["src"])}
        told = tied.assign(**ends).groupby(["one", "other"])["weight"].agg(["sum", "size"]).reset_index()
        ranked = told.sort_values(["sum", "one", "other"], ascending=[False, True, True])[:limit]
        return [Pair(*row) for row in ranked.itertuples(index=False, name=None)]
    names = [F.least("src", "dst").alias("one"), F.greatest("src", "dst").alias("other")]
    weight = F.coalesce(F.sum("weight"), F.lit(0.0)).alias("weight")
    joined = inside.where("src != dst").groupBy(*names).agg(weight, F.count("*"))
    return [Pair(*row) for row in joined.orderBy(F.desc("weight"), "one", "other").limit(limit).collect()]


def folded(
    rows: Rows, *, kept: Mapping[str, Sequence[Any]], by: str, size: str, what: str
) -> list[tuple[Any, ...]]:
    """What the sizes come to by the columns of `kept` and by `by`; keys that are not kept are OTHERS.

    So many rows are collected as there are ways to combine the keys that are kept. Raises SchemaMismatch.
    Runs a Spark job where the frame is Spark's.
    """
    check(rows, [*kept, by, size], what)
    if isinstance(rows, pd.DataFrame):
        keys = [
            rows[column].astype(object).where(rows[column].isin(named) | rows[column].isna(), OTHERS)
            for column, named in kept.items()
        ]
        found = rows[size].groupby([*keys, rows[by]], dropna=False, sort=False).sum().reset_index()
        return list(found.itertuples(index=False, name=None))
    is_other = [
        F.col(column).isNotNull() & ~F.col(column).isin(list(named)) for column, named in kept.items()
    ]
    kept_keys = [F.when(~other, F.col(column)) for column, other in zip(kept, is_other, strict=True)]
    sums = rows.groupBy(*kept_keys, *is_other, by).agg(F.sum(size)).collect()
    sides = len(kept)
    return [
        (
            *(
                OTHERS if other else key
                for key, other in zip(row[:sides], row[sides : 2 * sides], strict=True)
            ),
            *row[2 * sides :],
        )
        for row in map(tuple, sums)
    ]


def is_null(value: Any) -> bool:
    """Whether a cell is empty: None, NaN, NaT or NA, as Spark and pandas have it."""
    return bool(pd.isna(value))


def key_name(key: Any) -> str:
    """A key in words; a whole number, also where a frame in which some are null has it as a float."""
    is_whole = isinstance(key, float) and key.is_integer()
    return labels.clean(int(key) if is_whole else key)


def check(rows: Rows, columns: Sequence[str], what: str) -> None:
    """Raise SchemaMismatch, naming `what` needs them, where columns are missing."""
    require(cast(DataFrame, rows), columns, what=what)  # which asks either kind for its columns alone


def _texts(key: Any) -> tuple[Any, ...]:
    """What ties between keys are ordered by: the key, or the texts of a list in turn."""
    is_list = isinstance(key, Iterable) and not isinstance(key, str)
    return tuple(str(part) for part in key) if is_list else (key,)
