"""From partitions to what the caller sees: a row a match, or a row for each row of a match."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from retinue.clickstream.npath.aggregates import Match, over_match
from retinue.clickstream.npath.faults import shown_in
from retinue.clickstream.npath.measures import LABEL, NUMBER, Measure, quoted
from retinue.clickstream.npath.question import Question
from retinue.clickstream.npath.running import ROW, TAKEN, Running, with_running
from retinue.clickstream.npath.sequences import ROWS

MATCHES, MATCH = "_npath_matches", "_npath_match"
START, LENGTH = f"{MATCH}.start", f"{MATCH}.length"


def matches(partitions: DataFrame, spans: Column, question: Question, keys: Mapping[str, str]) -> DataFrame:
    """A row a match that `where` keeps: the keys, its number, its rows, and what is asked of them all.

    Where unmatched rows are asked for, each partition adds itself as a match of none of its rows: it has
    neither start nor number.
    """
    cuts = F.transform(MATCHES, _cut)
    if question.unmatched_rows:
        cuts = F.concat(cuts, F.array(_uncut()))
    found = partitions.select(*keys, ROWS, spans.alias(MATCHES))
    found = found.select(*keys, F.posexplode(cuts).alias(NUMBER, MATCH))
    found = _with_aggregates(found.withColumn(NUMBER, F.col(NUMBER) + 1), question, partitions)
    if question.where is not None:
        found = _kept(found, question, question.where, keys)
    return found if question.empty_matches else found.filter((F.col(LENGTH) > 0) | F.col(START).isNull())


def _cut(span: Column) -> Column:
    """A span of the matcher's, with its rows; `here` is the row that a bare column means."""
    taken = F.slice(ROWS, span["start"] + 1, span["length"])
    here = F.get(ROWS, F.greatest(span["start"] + span["length"] - 1, span["start"]))
    rows = F.transform(taken, lambda row, index: _labelled(F.get(span["labels"], index), row))
    return F.struct(span["start"], span["length"], rows.alias("rows"), here.alias("here"))


def _uncut() -> Column:
    none = F.lit(None)
    rows = F.transform(ROWS, lambda row: _labelled(none, row))
    return F.struct(
        none.cast("int").alias("start"),
        none.cast("int").alias("length"),
        rows.alias("rows"),
        F.get(ROWS, F.lit(0)).alias("here"),
    )


def _labelled(label: Column, row: Column) -> Column:
    return F.struct(label.cast("tinyint").alias("label"), row.alias("row"))


def _with_aggregates(found: DataFrame, question: Question, partitions: DataFrame) -> DataFrame:
    """The matches with what is asked of all their rows."""
    rows = (
        F.when(F.col(START).isNotNull(), F.col(MATCH)["rows"])
        if question.unmatched_rows
        else F.col(MATCH)["rows"]
    )
    match = Match(rows, question.symbol_names, _types(partitions))
    for aggregate, asked in question.aggregates.items():
        if not aggregate.running:
            with shown_in(asked.text, start=asked.place, what=asked.what):
                found = found.withColumn(asked.name, over_match(aggregate, match))
    return found


def _types(partitions: DataFrame) -> Callable[[Callable[[str], Column], str], T.DataType]:
    values = partitions.select(F.explode(ROWS).alias("row"))
    return lambda function, name: values.select(function(f"row.{quoted(name)}")).schema[0].dataType


def _kept(found: DataFrame, question: Question, where: Measure, keys: Mapping[str, str]) -> DataFrame:
    """The matches for which `where` holds, numbered anew."""
    scope = _in_scope(found, question, keys, F.col(MATCH)["here"])
    with shown_in(where.text, what=where.what):
        scope.filter(where.snippet.sql)
    kept = scope.filter(F.expr(where.snippet.sql) | F.col(START).isNull()).select(*found.columns)
    number = F.row_number().over(Window.partitionBy(*keys).orderBy(F.col(START).asc_nulls_last()))
    return kept.withColumn(NUMBER, number)


def _in_scope(rows: DataFrame, question: Question, keys: Mapping[str, str], row: Column) -> DataFrame:
    """The frame with all that a measure may name: the partition's columns, and the row's own."""
    shown = {name.lower() for name in keys.values()}
    own = [row[value].alias(name) for name, value in question.exposed.items() if name.lower() not in shown]
    return rows.select("*", *(F.col(key).alias(name) for key, name in keys.items()), *own)


def by_match(found: DataFrame, question: Question, keys: Mapping[str, str]) -> DataFrame:
    """A row a match: the partition's columns, then the measures."""
    return _told(_in_scope(found, question, keys, F.col(MATCH)["here"]), question, keys, _expression)


def by_row(found: DataFrame, question: Question, keys: Mapping[str, str]) -> DataFrame:
    """A row for each row of a match: the partition's columns, then the measures."""
    rows = _exploded(found, question, keys)
    if question.unmatched_rows:
        rows = _without_matched_again(rows, keys)
    for aggregate, asked in question.aggregates.items():
        if aggregate.running:
            with shown_in(asked.text, start=asked.place, what=asked.what):
                rows = with_running(
                    rows, asked.name, Running(aggregate, [*keys, START_], question.symbol_names)
                )
    return _told(_in_scope(rows, question, keys, F.col(ROW)), question, keys, _expression_of_row)


START_ = "_npath_start"


def _exploded(found: DataFrame, question: Question, keys: Mapping[str, str]) -> DataFrame:
    """The rows of the matches; one that took none has the row where it began."""
    none = F.array(_labelled(F.lit(None), F.col(MATCH)["here"]))
    rows = F.explode(F.when(F.col(LENGTH) == 0, none).otherwise(F.col(MATCH)["rows"])).alias(MATCH)
    finals = [asked.name for aggregate, asked in question.aggregates.items() if not aggregate.running]
    taken = F.coalesce(F.col(LENGTH) > 0, F.lit(False)).alias(TAKEN)
    exploded = found.select(*keys, NUMBER, *finals, F.col(START).alias(START_), taken, rows)
    return exploded.withColumns({LABEL: F.col(MATCH)["label"], ROW: F.col(MATCH)["row"]}).drop(MATCH)


def _without_matched_again(rows: DataFrame, keys: Mapping[str, str]) -> DataFrame:
    """The partition's rows only where no match has shown them."""
    same = Window.partitionBy(*keys, F.col(ROW)["position"])
    of_match = F.col(START_).isNotNull()
    return rows.withColumn("_npath_shown", F.max(of_match).over(same)).filter(
        of_match | ~F.col("_npath_shown")
    )


def _told(
    scope: DataFrame, question: Question, keys: Mapping[str, str], expression: Callable[[Measure], Column]
) -> DataFrame:
    replaced = {name.lower() for name in question.measures}
    columns = [F.col(quoted(name)) for name in keys.values() if name.lower() not in replaced]
    for name, measure in question.measures.items():
        with shown_in(measure.text, what=measure.what):
            column = expression(measure).alias(name)
            scope.select("*", column)
        columns.append(column)
    return scope.select(*columns)


def _expression(measure: Measure) -> Column:
    return F.expr(measure.snippet.sql)


def _expression_of_row(measure: Measure) -> Column:
    """What is said of a match is null for a row of none."""
    column = _expression(measure)
    return F.when(F.col(START_).isNotNull(), column) if measure.is_of_match else column
