"""From partitions to matches: a row a match, with what is asked of all its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from retinue.clickstream.npath.aggregates import Match, over_match
from retinue.clickstream.npath.faults import shown_in
from retinue.clickstream.npath.measures import NUMBER, Aggregate, Measure, quoted
from retinue.clickstream.npath.question import Question
from retinue.clickstream.npath.sequences import ROWS

SPANS, MATCH = "_npath_spans", "_npath_match"
START, LENGTH, HERE, TAKEN_ROWS = "_npath_start", "_npath_length", "_npath_here", "_npath_taken_rows"


def matches(partitions: DataFrame, spans: Column, question: Question, keys: Mapping[str, str]) -> DataFrame:
    """A row a match that `where` keeps: the keys, `_npath_number`, start, length, and the aggregates over it.

    `_npath_here` is the row that a plain column means. With a row a row there are `_npath_taken_rows` too,
    and where unmatched rows are asked for, each partition adds all its rows as those of a match without a
    start.
    """
    spans = F.concat(spans, F.array(_no_span())) if question.unmatched_rows else spans
    found = partitions.select(*keys, ROWS, spans.alias(SPANS))
    cuts = F.transform(SPANS, _cutter(found, question))
    found = found.select(*keys, F.posexplode(cuts).alias(NUMBER, MATCH)).select(*keys, NUMBER, f"{MATCH}.*")
    found = found.withColumn(NUMBER, F.col(NUMBER) + 1)
    if question.where is not None:
        found = _kept(found, question, question.where, keys)
    return found if question.empty_matches else found.filter((F.col(LENGTH) > 0) | F.col(START).isNull())


def _no_span() -> Column:
    fields = {"start": "int", "length": "int", "labels": "array<tinyint>"}
    return F.struct(*(F.lit(None).cast(kind).alias(name) for name, kind in fields.items()))


def _cutter(partitions: DataFrame, question: Question) -> Callable[[Column], Column]:
    """What turns a span into the match: its aggregates are taken here, so that its rows need not travel."""
    typed = _types(partitions)

    def over(aggregate: Aggregate) -> Callable[[Column], Column]:
        return lambda span: over_match(aggregate, Match(_taken(span), question.symbol_names, typed))

    asked = [(over(aggregate), it) for aggregate, it in question.aggregates.items() if not aggregate.running]
    for value, it in asked:
        with shown_in(it.text, start=it.place, what=it.what):
            partitions.select(F.transform(SPANS, value))

    def cut(span: Column) -> Column:
        last = F.greatest(span["start"] + span["length"] - 1, span["start"])
        rows = [F.coalesce(_taken(span), _labelled(F.col(ROWS))).alias(TAKEN_ROWS)] if question.by_row else []
        told = [value(span).alias(it.name) for value, it in asked]
        here = F.get(ROWS, last).alias(HERE)
        return F.struct(span["start"].alias(START), span["length"].alias(LENGTH), here, *rows, *told)

    return cut


def _taken(span: Column) -> Column:
    return _labelled(F.slice(ROWS, span["start"] + 1, span["length"]), span["labels"])


def _labelled(rows: Column, labels: Column | None = None) -> Column:
    """Each row with the number of the symbol that took it, if one did."""

    def labelled(row: Column, index: Column) -> Column:
        label = F.lit(None).cast("tinyint") if labels is None else F.get(labels, index)
        return F.struct(label.alias("label"), row.alias("row"))

    return F.transform(rows, labelled)


def _types(partitions: DataFrame) -> Callable[[Callable[[str], Column], str], T.DataType]:
    values = partitions.select(F.explode(ROWS).alias("row"))
    return lambda function, name: values.select(function(f"row.{quoted(name)}")).schema[0].dataType


def _kept(found: DataFrame, question: Question, where: Measure, keys: Mapping[str, str]) -> DataFrame:
    """The matches for which `where` holds, numbered anew."""
    scope = in_scope(found, question, keys, F.col(HERE))
    with shown_in(where.text, what=where.what):
        scope.filter(where.snippet.sql)
    kept = scope.filter(F.expr(where.snippet.sql) | F.col(START).isNull()).select(*found.columns)
    number = F.row_number().over(Window.partitionBy(*keys).orderBy(F.col(START).asc_nulls_last()))
    return kept.withColumn(NUMBER, number)


def in_scope(rows: DataFrame, question: Question, keys: Mapping[str, str], row: Column) -> DataFrame:
    """The frame with all that a measure may name: the partition's columns, and those of the row."""
    shown = {name.lower() for name in keys.values()}
    own = [row[value].alias(name) for name, value in question.exposed.items() if name.lower() not in shown]
    return rows.select("*", *(F.col(key).alias(name) for key, name in keys.items()), *own)
