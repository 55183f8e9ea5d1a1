"""Each partition's rows in one array, in order, with no more of them than the search needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from retinue.clickstream.npath.faults import shown_in
from retinue.clickstream.npath.lags import with_lags
from retinue.clickstream.npath.measures import Value
from retinue.clickstream.npath.order import Order
from retinue.clickstream.npath.question import Question
from retinue.clickstream.npath.symbols import Symbol, with_mask
from retinue.schema import has_order, quoted

ROWS = "_npath_rows"
EARLY, MASK, POSITION, CLOCK = "_npath_early", "_npath_mask", "_npath_position", "_npath_clock"


def gather(
    rows: DataFrame,
    question: Question,
    *,
    keys: Sequence[Column],
    order: Sequence[Order],
    clock: Column | None,
    max_rows: int | None = None,
) -> DataFrame:
    """A row a partition of up to `max_rows`: `_npath_key0` and on, and `_npath_rows`, its rows in order.

    They are structs of position (from 1), mask (the bits of the symbols that hold), clock, and the values.
    Rows equal in the order follow that of all else that is asked of them, so the result is always the same.
    """
    around = [symbol for symbol in question.symbols if symbol.looks_around]
    alone = [symbol for symbol in question.symbols if not symbol.looks_around]
    ties = [EARLY, *_ties(rows, around, question.values)]
    names = [f"_npath_key{index}" for index in range(len(keys))]
    rows = rows.select(
        "*", *map(Column.alias, keys, names), (F.lit(None) if clock is None else clock).alias(CLOCK)
    )
    rows = with_mask(rows, alone, None, into=EARLY)
    window = Window.partitionBy(*names).orderBy(*(key.sort for key in order), *ties)
    rows = with_mask(rows.withColumn(POSITION, F.row_number().over(window)), around, window, into=MASK)
    rows = rows.withColumn(MASK, F.col(MASK).bitwiseOR(F.col(EARLY)))
    for value in question.values:
        rows = _with_value(rows, value, window)
    if max_rows is None:
        return _collected(rows, names, question.values)
    # One row too many tells a runaway partition, and is all of it that is held.
    rows = rows.filter(F.col(POSITION) <= max_rows + 1)
    return _collected(rows, names, question.values).filter(F.size(ROWS) <= max_rows)


def _ties(rows: DataFrame, symbols: Iterable[Symbol], values: Iterable[Value]) -> list[str]:
    """The columns that the search asks for in order, which decide between rows that are equal in it."""
    snippets = [symbol.snippet for symbol in symbols if symbol.snippet] + [value.snippet for value in values]
    asked = {column for snippet in snippets for column in snippet.columns(rows.columns)}
    return [quoted(field.name) for field in rows.schema if field.name in asked and has_order(field.dataType)]


def _with_value(rows: DataFrame, value: Value, window: WindowSpec) -> DataFrame:
    rows, snippet = with_lags(rows, value.snippet, window, text=value.text, what=value.what)
    with shown_in(value.text, start=snippet.start, what=value.what):
        column = F.expr(snippet.sql)
        if value.of is not None:
            bits = sum(1 << symbol for symbol in value.of)
            column = F.when(F.col(MASK).bitwiseAND(bits) != 0, column)
        return rows.withColumn(value.name, column)


def _collected(rows: DataFrame, keys: Iterable[str], values: Iterable[Value]) -> DataFrame:
    named = {POSITION: "position", MASK: "mask", CLOCK: "clock"}
    row = F.struct(
        *(F.col(column).alias(name) for column, name in named.items()), *(value.name for value in values)
    )
    together = F.collect_list(row)
    in_order = F.sort_array(together)  # by position, which no two share
    if not has_order(rows.select(row).schema[0].dataType):
        in_order = F.array_sort(together, lambda one, other: one["position"] - other["position"])
    return rows.groupBy(*keys).agg(in_order.alias(ROWS))
