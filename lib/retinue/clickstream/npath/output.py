"""From matches to what the caller sees: a row a match, or a row for each row of a match."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retinue.clickstream.npath.faults import found_by, shown_in
from retinue.clickstream.npath.matches import HERE, LENGTH, START, TAKEN_ROWS, in_scope
from retinue.clickstream.npath.measures import LABEL, NUMBER, Measure
from retinue.clickstream.npath.question import Question
from retinue.clickstream.npath.running import ROW, TAKEN, Running, with_running


def by_match(matches: DataFrame, question: Question, keys: Mapping[str, str]) -> DataFrame:
    """A row a match: the partition's columns, then the measures."""
    return _told(in_scope(matches, question, keys, F.col(HERE)), question, keys, _expression)


def by_row(matches: DataFrame, question: Question, keys: Mapping[str, str]) -> DataFrame:
    """A row for each row of a match: the partition's columns, then the measures."""
    rows = _exploded(matches, question, keys)
    if question.unmatched_rows:
        rows = _without_matched_again(rows, keys)
    for aggregate, asked in question.aggregates.items():
        if aggregate.running:
            running = Running(aggregate, [*keys, START], question.symbol_names)
            with shown_in(asked.text, start=asked.place, what=asked.what):
                rows = with_running(rows, asked.name, running)
    return _told(in_scope(rows, question, keys, F.col(ROW)), question, keys, _expression_of_row)


def _exploded(matches: DataFrame, question: Question, keys: Mapping[str, str]) -> DataFrame:
    """The rows of the matches; one that took none has the row where it began."""
    none = F.array(F.struct(F.lit(None).cast("tinyint").alias("label"), F.col(HERE).alias("row")))
    rows = F.explode(F.when(F.col(LENGTH) == 0, none).otherwise(F.col(TAKEN_ROWS))).alias(TAKEN_ROWS)
    finals = [asked.name for aggregate, asked in question.aggregates.items() if not aggregate.running]
    is_taken = F.coalesce(F.col(LENGTH) > 0, F.lit(False)).alias(TAKEN)
    exploded = matches.select(*keys, NUMBER, START, *finals, is_taken, rows)
    return exploded.withColumns({LABEL: F.col(TAKEN_ROWS)["label"], ROW: F.col(TAKEN_ROWS)["row"]})


def _without_matched_again(rows: DataFrame, keys: Mapping[str, str]) -> DataFrame:
    """The partition's rows only where no match has shown them."""
    same = Window.partitionBy(*keys, F.col(ROW)["position"])
    is_of_match = F.col(START).isNotNull()
    rows = rows.withColumn("_npath_is_shown", F.max(is_of_match).over(same))
    return rows.filter(is_of_match | ~F.col("_npath_is_shown"))


def _told(
    scope: DataFrame, question: Question, keys: Mapping[str, str], expression: Callable[[Measure], Column]
) -> DataFrame:
    replaced = {name.lower() for name in question.measures}
    columns = [F.col(key).alias(name) for key, name in keys.items() if name.lower() not in replaced]
    for name, measure in question.measures.items():
        with shown_in(measure.text, what=measure.what, columns=question.columns):
            columns.append(expression(measure).alias(name))

    def check(measure: Measure) -> None:
        with shown_in(measure.text, what=measure.what, columns=question.columns):
            scope.select("*", expression(measure))

    with found_by(partial(check, measure) for measure in question.measures.values()):
        return scope.select(*columns)


def _expression(measure: Measure) -> Column:
    return F.expr(measure.snippet.sql)


def _expression_of_row(measure: Measure) -> Column:
    """A row of no match has its own columns, and null for all else."""
    column = _expression(measure)
    return column if measure.is_column else F.when(F.col(START).isNotNull(), column)
