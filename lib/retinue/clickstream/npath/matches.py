"""From partitions to matches: a row a match, with what is asked of all its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeAlias

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from retinue.clickstream.npath.aggregates import Match, over_match
from retinue.clickstream.npath.faults import found_by, shown_in
from retinue.clickstream.npath.measures import NUMBER, Aggregate, Asked, Measure
from retinue.clickstream.npath.question import Question
from retinue.clickstream.npath.sequences import ROWS
from retinue.schema import quoted

SPANS, MATCH = "_npath_spans", "_npath_match"
START, LENGTH, HERE, TAKEN_ROWS = "_npath_start", "_npath_length", "_npath_here", "_npath_taken_rows"

Typed: TypeAlias = Callable[[Callable[[str], Column], str], T.DataType]


def matches(
    partitions: DataFrame,
    spans: Column,
    question: Question,
    keys: Mapping[str, str],
    *,
    carried: Sequence[str] = (),
) -> DataFrame:
    """A row a match that `where` keeps: the keys, `_npath_number`, start, length, and the aggregates over it.

    `_npath_here` is the row that a plain column means. With a row a row there are `_npath_taken_rows` too,
    and where unmatched rows are asked for, each partition adds all its rows as those of a match without a
    start. `carried` are further fields of the spans, which ride along.
    """
    spans = F.concat(spans, F.array(_no_span())) if question.unmatched_rows else spans
    typed = _types(partitions)
    found = partitions.select(*keys, ROWS, spans.alias(SPANS))
    with found_by(_checks(found, question, typed)):
        cuts = F.transform(SPANS, lambda span: _cut(span, lambda rows: _told(rows, question, typed), carried))
        found = found.select(*keys, F.posexplode(cuts).alias(NUMBER, MATCH))
    found = found.select(*keys, (F.col(NUMBER) + 1).alias(NUMBER), f"{MATCH}.*")
    if question.where is not None:
        found = _kept(found, question, question.where, keys)
    return found if question.empty_matches else found.filter((F.col(LENGTH) > 0) | F.col(START).isNull())


def _no_span() -> Column:
    fields = {"start": "int", "length": "int", "labels": "array<tinyint>"}
    return F.struct(*(F.lit(None).cast(kind).alias(name) for name, kind in fields.items()))


def _cut(span: Column, told: Callable[[Column], Mapping[str, Column]], carried: Sequence[str] = ()) -> Column:
    """The span with what is told of its rows; what stands for no match has all of the partition's.

    The rows are cut out once a span and let go with it: of overlapping matches all together may be far
    more than the partition holds. Hence the array of one, which gives them a name.
    """
    last = F.greatest(span["start"] + span["length"] - 1, span["start"])
    here = F.get(ROWS, last).alias(HERE)
    taken = _labelled(F.slice(ROWS, span["start"] + 1, span["length"]), span["labels"])

    def with_rows(rows: Column) -> Column:
        values = (value.alias(name) for name, value in told(rows).items())
        along = (span[name].alias(name) for name in carried)
        return F.struct(span["start"].alias(START), span["length"].alias(LENGTH), here, *along, *values)

    rows = F.array(F.coalesce(taken, _labelled(F.col(ROWS))))
    return F.get(F.transform(rows, with_rows), F.lit(0))


def _told(rows: Column, question: Question, typed: Typed) -> dict[str, Column]:
    """The aggregates by name, taken here so that the rows need not travel where none is shown."""
    shown = {TAKEN_ROWS: rows} if question.by_row else {}
    match = Match(rows, question.symbol_names, typed)
    return shown | {asked.name: over_match(aggregate, match) for aggregate, asked in _whole(question)}


def _checks(spans: DataFrame, question: Question, typed: Typed) -> Iterator[Callable[[], object]]:
    def check(aggregate: Aggregate, asked: Asked) -> None:
        def told(rows: Column) -> dict[str, Column]:
            return {asked.name: over_match(aggregate, Match(rows, question.symbol_names, typed))}

        with shown_in(asked.text, start=asked.place, what=asked.what):
            spans.select(F.transform(SPANS, lambda span: _cut(span, told)))

    return (partial(check, aggregate, asked) for aggregate, asked in _whole(question))


def _whole(question: Question) -> list[tuple[Aggregate, Asked]]:
    """The aggregates over whole matches."""
    return [(aggregate, asked) for aggregate, asked in question.aggregates.items() if not aggregate.running]


def _labelled(rows: Column, labels: Column | None = None) -> Column:
    """Each row with the number of the symbol that took it, if one did."""

    def labelled(row: Column, index: Column) -> Column:
        label = F.lit(None).cast("tinyint") if labels is None else F.get(labels, index)
        return F.struct(label.alias("label"), row.alias("row"))

    return F.transform(rows, labelled)


def _types(partitions: DataFrame) -> Typed:
    values = partitions.select(F.explode(ROWS).alias("row"))
    return lambda function, name: values.select(function(f"row.{quoted(name)}")).schema[0].dataType


def _kept(found: DataFrame, question: Question, where: Measure, keys: Mapping[str, str]) -> DataFrame:
    """The matches for which `where` holds, numbered anew."""
    scope = in_scope(found, question, keys, F.col(HERE))
    with shown_in(where.text, what=where.what, columns=question.columns):
        scope.filter(where.snippet.sql)
    kept = scope.filter(F.expr(where.snippet.sql) | F.col(START).isNull()).select(*found.columns)
    number = F.row_number().over(Window.partitionBy(*keys).orderBy(F.col(START).asc_nulls_last()))
    return kept.withColumn(NUMBER, number)


def in_scope(rows: DataFrame, question: Question, keys: Mapping[str, str], row: Column) -> DataFrame:
    """The frame with all that a measure may name: the columns of the row, and else the partition's."""
    own = {name.lower(): row[value].alias(name) for name, value in question.exposed.items()}
    partition = [F.col(key).alias(name) for key, name in keys.items() if name.lower() not in own]
    return rows.select("*", *partition, *own.values())
