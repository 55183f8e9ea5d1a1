"""The search as a whole: read what is asked, gather the partitions, match, measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from retinue.clickstream.npath import modes, order, pattern as patterns, symbols as predicates
from retinue.clickstream.npath.aggregates import Match, over_match
from retinue.clickstream.npath.automaton import build
from retinue.clickstream.npath.faults import fault, shown_in
from retinue.clickstream.npath.matcher import Matcher
from retinue.clickstream.npath.measures import LABEL, NUMBER, Asked, Aggregate, Measure, Reader, quoted
from retinue.clickstream.npath.sequences import ROWS, gather
from retinue.clickstream.npath.spans import spans
from retinue.errors import PatternError, nearest

MATCHES, MATCH, KEY = "_npath_matches", "_npath_match", "_npath_key"


def npath(
    rows: DataFrame,
    *,
    partition_by: Sequence[str | Column],
    order_by: Sequence[str | Column],
    symbols: Mapping[str, str | Column],
    pattern: str,
    measures: Mapping[str, str],
    mode: str = "nonoverlapping",
    output: str = "match",
    prefer: str = "longest",
    where: str | None = None,
    within: timedelta | order.Number | None = None,
    empty_matches: bool = False,
    unmatched_rows: bool = False,
) -> DataFrame:
    """The matches of a pattern over rows in order: one row a match, a match as long as the pattern allows."""
    signs = predicates.read(symbols)
    numbers = {sign.name.lower(): sign.number for sign in signs}
    automaton = build(patterns.parse(pattern, numbers))
    reader = Reader(numbers, {symbol for symbol in automaton.symbol if symbol is not None}, rows.columns)
    told = {
        name: reader.measure(text, what=f"measure {name}", running=output == "row") for name, text in measures.items()
    }
    kept = reader.measure(where, what="where", running=False) if where is not None else None
    matcher = Matcher(automaton, longest=prefer == "longest", skip=modes.read(mode, signs), labelled=reader.needs_labels)

    names, keys = _keys(rows, partition_by)
    sorts = order.read(rows, order_by)
    clock, limit = order.clock(rows, sorts[0].key, within) if within is not None else (None, None)
    partitions = gather(rows, keys=keys, order=sorts, symbols=signs, values=[*reader.values.values()], clock=clock)
    find = spans(matcher, limit)
    found = partitions.select(
        *keys, ROWS, find(F.col(f"{ROWS}.mask"), F.col(f"{ROWS}.clock"), F.lit(None).cast("string")).alias(MATCHES)
    )
    matches = found.select(*keys, F.posexplode(F.transform(MATCHES, _cut)).alias(NUMBER, MATCH))
    matches = matches.withColumn(NUMBER, F.col(NUMBER) + 1)
    match = Match(F.col(MATCH)["rows"], [sign.name for sign in signs], _typed(partitions))
    for aggregate, asked in reader.aggregates.items():
        matches = matches.withColumn(asked.name, over_match(aggregate, match))
    matches = matches.filter(F.col(MATCH)["length"] > 0)
    scoped = matches.select("*", *(F.col(k).alias(n) for k, n in zip(keys, names)))
    return scoped.select(*names, *(F.expr(m.snippet.sql).alias(n) for n, m in told.items()))


def _keys(rows: DataFrame, partition_by: Sequence[str | Column]) -> tuple[list[str], dict[str, Column]]:
    columns = [order.named(rows, key) if isinstance(key, str) else key for key in partition_by]
    names = rows.select(*columns).columns
    return names, {f"{KEY}{index}": column for index, column in enumerate(columns)}


def _cut(match: Column) -> Column:
    taken = F.slice(F.col(ROWS), match["start"] + 1, match["length"])
    labelled = F.transform(taken, lambda row, index: F.struct(F.get(match["labels"], index).alias("label"), row.alias("row")))
    here = F.get(F.col(ROWS), F.greatest(match["start"] + match["length"] - 1, match["start"]))
    return F.struct(match["start"], match["length"], labelled.alias("rows"), here.alias("here"))


def _typed(partitions: DataFrame) -> Callable[[Callable[[str], Column], str], T.DataType]:
    values = partitions.select(F.explode(ROWS).alias("row"))
    return lambda function, name: values.select(function(f"row.{quoted(name)}")).schema[0].dataType
