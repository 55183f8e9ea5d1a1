"""The search as a whole: ask, gather the partitions, match, tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from pyspark.sql import Column, DataFrame

from retinue.clickstream.npath import order
from retinue.clickstream.npath.matches import matches
from retinue.clickstream.npath.output import by_match, by_row
from retinue.clickstream.npath.prepared import prepare
from retinue.clickstream.npath.skips import always_leads_on
from retinue.clickstream.npath.spans import dead_ends, spans
from retinue.errors import PatternError


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
    max_rows: int | None = None,
) -> DataFrame:
    """The matches of `pattern` in each partition's rows in order, from each start the longest there is.

    A row carries every symbol whose predicate holds for it (null does not); a match is an unbroken run of
    rows that the pattern takes one by one. Rows equal in `order_by` follow the other columns asked for, so
    the answer never depends on how Spark laid them out; give a tie-breaker where that is not the order meant.

    Gives one row a match with `output="match"`: the columns of `partition_by`, then the measures. With
    `output="row"` one row for each row of a match. Types are those of the SQL; a measure named like a
    partition's column takes its place. The order of the result is Spark's.

    Which searches led to an order?

    >>> clicks = spark.createDataFrame(enumerate(["home", "search", "item", "order"]), "at int, page string")
    >>> npath(
    ...     clicks.selectExpr("'ann' as visitor", "*"),
    ...     partition_by=["visitor"],
    ...     order_by=["at"],
    ...     symbols={"Search": "page = 'search'", "Step": "page <> 'order'", "Order": "page = 'order'"},
    ...     pattern="Search.Step*.Order",
    ...     measures={"path": "accumulate(page)", "steps": "count(* of Step)"},
    ... ).collect()
    [Row(visitor='ann', path='[search, item, order]', steps=1)]

    partition_by: columns, or none for one partition of all rows; null is a value like any other.
    order_by: names, each with ASC or DESC and NULLS FIRST or LAST if wished, or Columns.
    symbols: name -> predicate in SQL, or a Column. In a text, lag(expression, n[, default]) and lead with
        no window of their own look inside the partition. Case does not count in names; at most 63.
    pattern: `.` then, `|` or, `?` `*` `+` `{n}` `{n,}` `{,m}` `{n,m}` `{,}`, with `?` after them reluctant,
        parentheses, `()` nothing, and `^` and `$` for the partition's two ends, which need no dot.
        Quantifiers bind closest, then `.`, then `|`. Repetition beyond the least must take a row.
    measures: name -> SQL over aggregates of the match's rows: first, last, first_notnull, last_notnull,
        sum, avg, min, max(x of any(A, B)), nth(x, n of A) from 1, or from -1 at the end, count(* of A),
        count(x), count(distinct x), max_choose(by, x) and min_choose (of equal ones the first row),
        dupcount(x) (equal values right before the last row), dupcountcum(x) (all rows equal to the one
        before), accumulate([distinct | cdistinct] x [of A] [delimiter '; ']) as text such as `[a, b, c]`
        (cdistinct: once a run), classifier([of A]) (the symbol that took the last row), match_number()
        (from 1 a partition). Without `of`, or with any(*), every row counts. Distinct values and equal
        ones count null as a value, except in count. lag and lead move within the partition, from the row
        that first, last, nth or a choose picks, or from the row itself. A plain column is that of the
        row; of the last row with one row a match. With a row a row, aggregates look no further than the
        row, unless `final` stands before them.
    mode: where the next match may begin: `overlapping`, a row after this one did; `nonoverlapping`, after
        its last row; `to_first A` or `to_last A`, at the first or last row that A took.
    prefer: `longest`, or `first`: the leftmost alternative, greedy or reluctant as written. Of longest
        matches that take the same rows the labels are those that `first` would try first.
    where: SQL over aggregates, save match_number, that a match must fulfil to be shown and numbered; the next
        one is looked for as after any match.
    within: how far the first column of the order may go from a match's first row to its last, inclusive: a
        timedelta, or a number (seconds for a timestamp, days for a date). It limits which matches exist.
    empty_matches: whether matches that took no rows are shown, each for the row where it began: counts 0,
        lists empty, all else null, a plain column that row's. They are numbered whether shown or not.
    unmatched_rows: whether rows that no shown match holds are shown too: measures that are one of their
        columns show it, all others are null. Only with a row a row.
    max_rows: partitions of more rows are left out, whole: they are not matched, and none of their rows is
        shown. `runaway` tells which they are. None, the default, leaves nobody out.

    Time grows with the rows and the rows of the matches, whatever the pattern. A partition's rows, cut to
    what is asked of them, must fit in a task's memory; `max_rows` bounds that too. Lazy, save for a skip of
    `to_first` or `to_last` that the pattern does not make sure of (A.B* with to_last B may take no B): that
    runs a Spark job at once, the search itself, to refuse what leads nowhere. Semantics are those of row
    pattern recognition (ISO/IEC 19075-5) and of Teradata's nPath, where `longest`, the modes and the
    aggregates come from.

    Raises PatternError with a caret under the place of a pattern, symbol or measure that does not parse, an
    unknown symbol, or an unknown column; and for a skip that makes no progress or is to a symbol that took
    no row, with the partition's name.
    """
    search = prepare(
        rows,
        partition_by=partition_by,
        order_by=order_by,
        symbols=symbols,
        pattern=pattern,
        measures=measures,
        mode=mode,
        prefer=prefer,
        within=within,
        where=where,
        output=output,
        empty_matches=empty_matches,
        unmatched_rows=unmatched_rows,
        max_rows=max_rows,
    )
    question, names = search.question, search.names
    if not always_leads_on(question.matcher.automaton, question.matcher.skip):
        _refuse_dead_ends(search.partitions, dead_ends(question.matcher, search.limit, names))
    found = matches(search.partitions, spans(question.matcher, search.limit, names), question, names)
    return (by_row if question.by_row else by_match)(found, question, names)


def _refuse_dead_ends(partitions: DataFrame, dead_end: Column) -> None:
    found = partitions.select(dead_end.alias("dead_end")).filter("dead_end is not null").first()
    if found:
        raise PatternError(found["dead_end"])
