"""Funnels: how far each visitor gets in a chain of steps, and how many get how far."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from functools import reduce

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.pandas.functions import arrow_udf

from retinue.clickstream import chains, sequences
from retinue.clickstream.times import MICROSECONDS, epoch_micros
from retinue.errors import RetinueError, nearest
from retinue.schema import require

MODES = (
    "strict_order",
    "strict_deduplication",
    "strict_increase",
    "strict_once",
    "allow_reentry",
    "clickhouse",
)
_MOST = 60  # predicates: one bit each of a long
_FOREVER = 1 << 62


def funnel(
    events: DataFrame,
    *,
    visitor: str = "visitor_id",
    at: str = "occurred_at",
    steps: Mapping[str, str | Column],
    window: timedelta | float,
    mode: str | Collection[str] = frozenset(),
    tie: str | None = None,
) -> DataFrame:
    """How many of the steps each visitor took, in their order, the last at most `window` after the first.

    `steps` are predicates by name, as SQL or Columns; null does not hold. A visitor is at level k who has
    k rows, one after the other, of which the j-th satisfies step j; other rows between do not matter. A row
    takes one step only, so equal steps need as many rows. Rows of one time are in the order of `tie` (nulls
    first), and where that says nothing, of the steps that they satisfy.

    Of several chains the one that reaches the visitor's highest level first counts; of those that end at
    the same row, the one that starts last, with each step at its earliest.

    `mode`: one or several of ClickHouse's windowFunnel modes (case does not matter):

    - strict_order: the search ends at the first row, after a step 1, that is no step at all, or only steps
      whose predecessor has not been reached yet
    - allow_reentry: with strict_order, rows of the latter kind are passed over instead
    - strict_deduplication: the search ends at a row that repeats a step reached before, other than the
      first, unless it takes the visitor a level higher
    - strict_increase: each step is strictly later than the one before
    - strict_once: no row takes two steps, which is so anyway, save with clickhouse (and slower there)
    - clickhouse: levels exactly as that engine has them: one row may take several steps that follow each
      other, and rows of one time are in the order of their steps, whatever `tie` says

    In: `visitor`, `at` (timestamp, timestamp_ntz read as UTC, or a number). A row without time is no step;
    rows without visitor are left out. `window` is a timedelta or a number in units of `at`, seconds for
    timestamps; a timedelta counts seconds where `at` is a number.

    Out, a row a visitor: `visitor`, level (int; 0 where not even the first step was taken), and for each
    step `<name>_at` (the type of `at`): when the winning chain took it, null beyond the level.

    One shuffle by visitor, none where the rows already lie so. A visitor's rows that are steps (with
    strict_order all) are held in memory together.
    Raises SchemaMismatch; RetinueError for steps, a window or a mode that cannot be.
    """
    require(events, [visitor, at, *([tie] if tie else [])], what="a funnel")
    modes = _modes(mode)
    _refuse_steps(steps, visitor)
    levels = _level_udf(len(steps), _span(events, at, window), modes)
    rows = _collected(events, visitor, at, tie, list(steps.values()), all_rows="strict_order" in modes)
    return rows.withColumn("found", levels(F.col("rows.instant"), F.col("rows.mask"))).select(
        visitor,
        F.col("found.level").alias("level"),
        *(
            F.get("rows", F.get("found.places", place))["at"].alias(f"{name}_at")
            for place, name in enumerate(steps)
        ),
    )


def report(funnelled: DataFrame, *, by: Sequence[str] = (), steps: Sequence[str] | None = None) -> DataFrame:
    """How many visitors reached each step, how many were lost before it, and how long it took.

    In: what funnel gives; `steps` are the names in order, by default those of all columns after level that
    end in `_at`. `by` breaks the report down by further columns (joined on by visitor).

    Out, a row a step (and value of `by`): `by`, step_index (int, from 1), step, visitor_count (level at
    least that), share_of_first (of the visitors that took the first step), share_of_previous (of those at
    the step before; 1 for the first), drop_count (visitors at the step before and not at this one),
    lower_quartile_seconds, median_seconds, upper_quartile_seconds (double: from the step before to this one,
    nearest rank, exact to a ten-thousandth of the ranks; units of `at` where it is a number; null for the
    first), median_seconds_from_first. A share of nobody is null.

    Raises SchemaMismatch.
    """
    names = list(steps) if steps is not None else _step_names(funnelled)
    require(funnelled, ["level", *by, *(f"{name}_at" for name in names)], what="a funnel's report")
    places = range(1, len(names) + 1)
    seconds = [_seconds(funnelled, f"{name}_at") for name in names]
    totals = funnelled.groupBy(*by).agg(
        *(F.count_if(F.col("level") >= place).alias(f"_count_{place}") for place in places),
        *(
            _quartiles(seconds[place - 1] - seconds[place - 2]).alias(f"_step_{place}")
            for place in places[1:]
        ),
        *(_quartiles(seconds[place - 1] - seconds[0]).alias(f"_all_{place}") for place in places[1:]),
    )
    return totals.select(*by, F.inline(F.array(*map(_report_row, places, names))))


def sequence_matches(
    events: DataFrame,
    *,
    visitor: str = "visitor_id",
    at: str = "occurred_at",
    conditions: Sequence[str | Column],
    pattern: str,
    tie: str | None = None,
) -> DataFrame:
    """Whether, how often and when each visitor's rows match `pattern`, as ClickHouse's sequenceMatch does.

    `conditions` are predicates, as SQL or Columns; null does not hold. Only rows that satisfy one of them
    are seen at all. The pattern, in which blanks do not matter, is a row of

    - `(?N)`: one row that satisfies condition N, from 1
    - `.`: one row, whichever
    - `.*`: any number of rows
    - `(?t op n)` with op < <= > >= ==: any number of rows, up to one whose time is that much after the row
      matched before (after the row where a `.*` before it ends); n in units of `at`, seconds for timestamps

    A match may start at any row and takes as few rows as it can; the next starts at the row after its last.
    Rows of one time are in the order of `tie` (nulls first), then of the conditions that they satisfy.

    In: `visitor`, `at` (timestamp, timestamp_ntz read as UTC, or a number); rows without visitor are left
    out, rows without time match nothing.

    Out, a row a visitor: `visitor`, is_match (boolean), match_count (bigint), times (array of the type of
    `at`: those of the rows that took the `(?N)` of the first match; empty where there is none).

    One shuffle by visitor, none where the rows already lie so. The time is linear in the rows (times the
    length of the pattern), whatever the pattern. A visitor's rows that satisfy a condition are held in
    memory together.
    Raises SchemaMismatch; PatternError, with a caret under the place; RetinueError for conditions that
    cannot be.
    """
    require(events, [visitor, at, *([tie] if tie else [])], what="a sequence")
    _refuse_number(len(conditions), "conditions")
    parts = sequences.parse(pattern, conditions=len(conditions), unit=_unit(events, at))
    matches = _match_udf(parts)
    rows = _collected(events, visitor, at, tie, conditions, all_rows=False)
    return rows.withColumn("found", matches(F.col("rows.instant"), F.col("rows.mask"))).select(
        visitor,
        (F.col("found.count") > 0).alias("is_match"),
        F.col("found.count").alias("match_count"),
        F.transform("found.places", lambda place: F.get("rows", place)["at"]).alias("times"),
    )


def _modes(mode: str | Collection[str]) -> frozenset[str]:
    modes = frozenset(word.lower() for word in ([mode] if isinstance(mode, str) else mode))
    for unknown in sorted(modes.difference(MODES)):
        raise RetinueError(f"mode has {unknown!r}; there are {', '.join(MODES)}{nearest(unknown, MODES)}")
    return modes


def _refuse_steps(steps: Mapping[str, str | Column], visitor: str) -> None:
    _refuse_number(len(steps), "steps")
    taken = {visitor.lower(), "level"}
    for name in steps:
        column = f"{name}_at".lower()
        if column in taken:
            raise RetinueError(f"the step {name!r} gives a second column {column}; give it another name")
        taken.add(column)


def _refuse_number(number: int, what: str) -> None:
    if not 1 <= number <= _MOST:
        raise RetinueError(f"there are {number} {what}; there must be 1 to {_MOST}")


def _collected(
    events: DataFrame,
    visitor: str,
    at: str,
    tie: str | None,
    predicates: Sequence[str | Column],
    *,
    all_rows: bool,
) -> DataFrame:
    """A row a visitor, with its rows in order: instant, tie, mask (bit k - 1 where predicate k holds), at."""
    row = F.struct(
        _instant(events, at).alias("instant"),
        *([F.col(tie).alias("tie")] if tie else []),
        _mask(predicates).alias("mask"),
        F.col(at).alias("at"),
    )
    narrow = events.where(F.col(visitor).isNotNull()).select(visitor, row.alias("row"))
    counts = F.col("row.instant").isNotNull() & (F.lit(all_rows) | (F.col("row.mask") != 0))
    return narrow.groupBy(visitor).agg(
        F.sort_array(F.collect_list(F.when(counts, F.col("row")))).alias("rows")
    )


def _mask(predicates: Sequence[str | Column]) -> Column:
    none = F.lit(0).cast("bigint")
    holds = [F.expr(predicate) if isinstance(predicate, str) else predicate for predicate in predicates]
    bits = [F.when(hold, F.lit(1 << bit).cast("bigint")).otherwise(none) for bit, hold in enumerate(holds)]
    return reduce(Column.bitwiseOR, bits)


def _instant(events: DataFrame, at: str) -> Column:
    """The time as a whole number of units: whole numbers as they are, all else in microseconds."""
    return F.col(at).cast("bigint") if _unit(events, at) == 1 else epoch_micros(events, at)


def _unit(events: DataFrame, at: str) -> int:
    return 1 if isinstance(events.schema[at].dataType, T.IntegralType) else MICROSECONDS


def _span(events: DataFrame, at: str, window: timedelta | float) -> int:
    number = window.total_seconds() if isinstance(window, timedelta) else window
    if not number >= 0:
        raise RetinueError(f"window is {window}; it must be 0 or more")
    micros = round(min(number, _FOREVER) * MICROSECONDS)  # a float such as 0.3 is meant to its last digit
    return min(micros * _unit(events, at) // MICROSECONDS, _FOREVER)


def _level_udf(steps: int, window: int, modes: frozenset[str]) -> Callable[..., Column]:
    def levels(instant: pa.Array, mask: pa.Array) -> pa.Array:
        visits = _visits(instant, mask)
        level, rows = chains.longest(visits, steps=steps, window=window, modes=modes)
        return pa.StructArray.from_arrays(
            [pa.array(level, pa.int32()), _places(visits, rows)], names=["level", "places"]
        )

    # The hint of the function says what kind it is; pyspark's stubs only know the kind as an argument.
    return arrow_udf(levels, "level int, places array<int>")  # type: ignore[call-overload,no-any-return]


def _match_udf(parts: list[sequences.Part]) -> Callable[..., Column]:
    def matches(instant: pa.Array, mask: pa.Array) -> pa.Array:
        visits = _visits(instant, mask)
        count, rows = sequences.match(visits, parts)
        return pa.StructArray.from_arrays([pa.array(count), _places(visits, rows)], names=["count", "places"])

    return arrow_udf(matches, "count bigint, places array<int>")  # type: ignore[call-overload,no-any-return]


def _visits(instant: pa.Array, mask: pa.Array) -> chains.Visits:
    """A batch of visitors out of two arrays of lists."""
    offsets = instant.offsets.to_numpy().astype(np.int64)
    at, masks = (lists.flatten().to_numpy(zero_copy_only=False) for lists in (instant, mask))
    return chains.Visits(offsets - offsets[0], at, masks)


def _places(visits: chains.Visits, rows: chains.Integers) -> pa.Array:
    """The rows that were taken as lists of places among the visitor's own, from 0, as long as they are."""
    taken = rows != chains.NONE
    own = (rows - visits.offsets[:-1, None])[taken]
    offsets = np.concatenate([[0], np.cumsum(taken.sum(axis=1))])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(own, pa.int32()))


def _step_names(funnelled: DataFrame) -> list[str]:
    require(funnelled, ["level"], what="a funnel's report")
    after = funnelled.columns[funnelled.columns.index("level") + 1 :]
    return [column.removesuffix("_at") for column in after if column.endswith("_at")]


def _seconds(funnelled: DataFrame, column: str) -> Column:
    if isinstance(funnelled.schema[column].dataType, T.NumericType):
        return F.col(column).cast("double")
    return epoch_micros(funnelled, column) / MICROSECONDS


def _quartiles(seconds: Column) -> Column:
    return F.percentile_approx(seconds, [0.25, 0.5, 0.75], 10_000)


def _report_row(place: int, name: str) -> Column:
    here, first, before = (F.col(f"_count_{at}") for at in (place, 1, max(place - 1, 1)))
    quartiles = [F.col(f"_step_{place}")[at] if place > 1 else F.lit(None).cast("double") for at in range(3)]
    in_all = F.col(f"_all_{place}")[1] if place > 1 else F.lit(None).cast("double")
    return F.struct(
        F.lit(place).alias("step_index"),
        F.lit(name).alias("step"),
        here.alias("visitor_count"),
        F.try_divide(here, first).alias("share_of_first"),
        F.try_divide(here, before).alias("share_of_previous"),
        (before - here).alias("drop_count"),
        quartiles[0].alias("lower_quartile_seconds"),
        quartiles[1].alias("median_seconds"),
        quartiles[2].alias("upper_quartile_seconds"),
        in_all.alias("median_seconds_from_first"),
    )
