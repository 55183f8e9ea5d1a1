"""Funnels: how far each visitor gets in a chain of steps, and how many get how far."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf

from retinue.clickstream import chains, held, histories, sequences
from retinue.clickstream.funnel_reports import OPTIONAL, dropped_at, report, time_to_convert, visitors_at
from retinue.clickstream.funnel_rules import MODES, Exclusion, Question, modes, refuse_number
from retinue.clickstream.visits import Gate, Integers, Rules
from retinue.errors import RetinueError
from retinue.schema import require

__all__ = [
    "MODES",
    "Exclusion",
    "dropped_at",
    "funnel",
    "report",
    "sequence_matches",
    "time_to_convert",
    "visitors_at",
]

Length = timedelta | float


def funnel(
    events: DataFrame,
    *,
    visitor: str = "visitor_id",
    at: str = "occurred_at",
    steps: Mapping[str, str | Column],
    window: Length,
    mode: str | Collection[str] = frozenset(),
    tie: str | None = None,
    optional: str | Collection[str] = (),
    gates: Mapping[str, Length | tuple[Length, Length]] | None = None,
    exclusions: Sequence[str | Column | Exclusion] | Mapping[str, str | Column | Exclusion] = (),
    hold: str | Sequence[str] = (),
    breakdown: str | Sequence[str] = (),
    until: datetime | float | None = None,
) -> DataFrame:
    """How many of the steps each visitor took, in their order, the last at most `window` after the first.

    `steps` are predicates by name, as SQL or Columns; null does not hold. A visitor is at level k who has
    k rows, one after the other, of which the j-th satisfies step j; other rows between do not matter. A row
    takes one step only, so equal steps need as many rows. Rows of one time are in the order of `tie` (nulls
    first), and where that says nothing, of the first step that each satisfies, then of its last; rows that
    are an exclusion alone come after these, and with strict_order rows that are nothing come before.

    Of several chains the one that reaches the visitor's highest level first counts; of those that end at
    the same row, the one that starts last, with each step, from the last one back, at its earliest.

    `mode`: one or several of ClickHouse's windowFunnel modes (case does not matter):

    - strict_order: the search ends at the first row, after a step 1, that is no step at all, or only steps
      whose predecessor has not been reached yet; leave rows that shall not count out of `events`
    - allow_reentry: with strict_order, rows of the latter kind are passed over instead
    - strict_deduplication: the search ends at a row that repeats a step reached before, other than the
      first, unless it takes the visitor a level higher
    - strict_increase: each step is strictly later than the one before
    - strict_once: no row takes two steps, which is so anyway, save with clickhouse (and slower there)
    - clickhouse: levels exactly as that engine has them: one row may take several steps that follow each
      other, and rows of one time are in the order of their steps, whatever `tie` says. That engine knows
      no optional steps, gates or exclusions, and refuses them

    What narrows or widens the chains, in any combination:

    - `optional` names steps, not the first, that may be left out and never end the search. The level and
      the order are those of the other, the required, steps. An optional step is taken by the first row that
      satisfies it between the required steps around it in the winning chain; where that ends before the
      latter, up to `window` after the first step. Several in one place need no order
    - `gates`: by name of a required step, the most time since the required step before, or a pair of the
      least and the most; both inclusive, and all within `window`
    - `exclusions`: predicates, or Exclusions, that may hold of no row between two steps of a chain (a list,
      or a dict by name). A row of which one does breaks the chains that it would lie in, from there on; the
      level reached stays
    - `hold`: columns that have the same value in all steps of a chain. Each value is a funnel of its own,
      over the rows that have it; null is no value. The visitor has the best of their levels; of equal ones
      that which was reached first, then that which began last, then the least value

    In: `visitor`, `at` (timestamp, timestamp_ntz read as UTC, or a number; fractions count to six digits).
    A row without time is no step; rows without visitor are left out. `window` and gates are timedeltas or
    numbers in units of `at`, seconds for timestamps; a timedelta counts seconds where `at` is a number.
    `breakdown`: columns to take from the row of the first step. `until` (a datetime, UTC where it has no
    zone, or a number in units of `at`) is the end of the data; later rows do not count.

    Out, a row a visitor: `visitor`; the columns of `hold` and `breakdown`, as the winning chain's first row
    has them; level (int; 0 where not even the first step was taken); for each step `<name>_at` (the type of
    `at`): when the winning chain took it, null where it did not, with {"optional": true} in the metadata of
    the optional ones; with exclusions unbroken_level (int: the level there were without them); with `until`
    is_open (boolean: some chain's next step could still come after it, and the last step is not taken).

    One shuffle by visitor, none where the rows already lie so. A visitor's rows that are steps (with
    strict_order all) are held in memory together. The time is linear in the rows, times their logarithm
    with gates, for each step.
    Raises SchemaMismatch; RetinueError for steps, a window or whatever else cannot be. A number in `at` too
    large to count to its last digit stops the Spark job with a message.
    """
    held_columns, carried = _listed(hold), list(dict.fromkeys([*_listed(hold), *_listed(breakdown)]))
    require(events, [visitor, at, *([tie] if tie else []), *carried], what="a funnel")
    question = Question(steps, _listed(optional), [*map(_exclusion, _listed(exclusions))], modes(mode))
    _refuse_names([visitor, *carried], steps)
    rules = question.rules(
        window=histories.span(events, at, window, "window"),
        gates={step: _gate(events, at, step, gate) for step, gate in (gates or {}).items()},
        until=None if until is None else histories.moment(events, at, until),
    )
    rows = histories.timed(
        events, visitor=visitor, at=at, tie=tie, predicates=question.predicates, carried=carried
    )
    rows = _of_values(rows, held_columns) if held_columns else rows
    found = _level_udf(rules, question.order)(
        *(F.col(f"rows.{part}") for part in ("instant", "mask", "value"))
    )
    return (
        histories.gathered(rows, _counts(rules, held_columns))
        .withColumn("found", found)
        .select(
            F.col("visitor").alias(visitor),
            *(_taken(0)["carried"][name].alias(name) for name in carried),
            F.col("found.level").alias("level"),
            *(_time(question, name) for name in steps),
            *([F.col("found.unbroken_level").alias("unbroken_level")] if rules.barriers else []),
            *([F.col("found.is_open").alias("is_open")] if rules.until is not None else []),
        )
    )


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
    Rows of one time are in the order of `tie` (nulls first), then of the first condition that each
    satisfies, then of its last.

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
    refuse_number(len(conditions), "conditions")
    parts = sequences.parse(pattern, conditions=len(conditions), unit=histories.unit(events, at))
    rows = histories.timed(events, visitor=visitor, at=at, tie=tie, predicates=conditions)
    found = _match_udf(parts)(F.col("rows.instant"), F.col("rows.mask"))
    taken = F.filter("found.places", lambda place: place.isNotNull())
    return (
        histories.gathered(rows, F.col("mask") != 0)
        .withColumn("found", found)
        .select(
            F.col("visitor").alias(visitor),
            (F.col("found.count") > 0).alias("is_match"),
            F.col("found.count").alias("match_count"),
            F.transform(taken, lambda place: F.get("rows", place)["at"]).alias("times"),
        )
    )


def _listed(given: Any) -> list[Any]:
    """One or several, as a list; of a dict its values."""
    if isinstance(given, str | Column | Exclusion):
        return [given]
    return list(given.values() if isinstance(given, Mapping) else given)


def _exclusion(given: str | Column | Exclusion) -> Exclusion:
    return given if isinstance(given, Exclusion) else Exclusion(given)


def _refuse_names(columns: Sequence[str], steps: Mapping[str, str | Column]) -> None:
    taken = {"level", "unbroken_level", "is_open"}
    for column in columns:
        if column.lower() in taken:
            raise RetinueError(f"there would be a second column {column}; give it another name")
        taken.add(column.lower())
    for name in steps:
        column = f"{name}_at".lower()
        if column in taken:
            raise RetinueError(f"the step {name!r} gives a second column {column}; give it another name")
        taken.add(column)


def _gate(events: DataFrame, at: str, step: str, given: Length | tuple[Length, Length]) -> Gate:
    least, most = given if isinstance(given, tuple | list) else (0, given)
    what = f"the gate of {step}"
    gate = Gate(histories.span(events, at, least, what), histories.span(events, at, most, what))
    if gate.least > gate.most:
        raise RetinueError(f"{what} is from {least} to {most}; the least time comes first")
    return gate


def _of_values(rows: DataFrame, hold: Sequence[str]) -> DataFrame:
    """The rows with a number for each value of a visitor, which is all that the reckoning needs to know."""
    values = Window.partitionBy("visitor").orderBy(*(F.col("carried")[name] for name in hold))
    return rows.withColumn("value", F.dense_rank().over(values))


def _counts(rules: Rules, hold: Sequence[str]) -> Column:
    """Whether a row is one to reckon with."""
    counts = F.lit("strict_order" in rules.modes) | (F.col("mask") != 0)
    if rules.until is not None:
        counts &= F.col("instant") <= rules.until
    for name in hold:
        counts &= F.col("carried")[name].isNotNull()
    return counts


def _taken(place: int) -> Column:
    """The row of the winning chain at this place."""
    return F.get("rows", F.get("found.places", place))


def _time(question: Question, name: str) -> Column:
    time = _taken(question.names.index(name))["at"]
    return time.alias(f"{name}_at", metadata={OPTIONAL: name in question.optional})


def _level_udf(rules: Rules, order: Sequence[int]) -> Callable[..., Column]:
    def levels(instant: pa.Array, mask: pa.Array, value: pa.Array) -> pa.Array:
        visits = histories.arrays(instant, mask)
        groups, owner = held.split(replace(visits, mask=_arranged(visits.mask, order)), histories.flat(value))
        found = chains.longest(groups, rules)
        unbroken = chains.longest(groups, replace(rules, barriers=())) if rules.barriers else found
        best = held.best(groups, owner, found)
        return pa.StructArray.from_arrays(
            [
                pa.array(best.level, pa.int32()),
                histories.places(visits, np.append(best.rows, best.optional, axis=1)),
                pa.array(held.highest(owner, unbroken.level), pa.int32()),
                pa.array(best.is_open),
            ],
            names=["level", "places", "unbroken_level", "is_open"],
        )

    kind = "level int, places array<int>, unbroken_level int, is_open boolean"
    # The hint of the function says what kind it is; pyspark's stubs only know the kind as an argument.
    return arrow_udf(levels, kind)  # type: ignore[call-overload,no-any-return]


def _arranged(mask: Integers, order: Sequence[int]) -> Integers:
    """The bits in this order."""
    bits = [(mask >> bit & 1) << place for place, bit in enumerate(order)]
    arranged: Integers = np.bitwise_or.reduce(bits)
    return arranged


def _match_udf(parts: list[sequences.Part]) -> Callable[..., Column]:
    def matches(instant: pa.Array, mask: pa.Array) -> pa.Array:
        visits = histories.arrays(instant, mask)
        count, rows = sequences.match(visits, parts)
        return pa.StructArray.from_arrays(
            [pa.array(count), histories.places(visits, rows)], names=["count", "places"]
        )

    return arrow_udf(matches, "count bigint, places array<int>")  # type: ignore[call-overload,no-any-return]
