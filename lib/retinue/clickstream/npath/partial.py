"""Matches that began and were never completed: searched, and no order within half an hour."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf

from retinue.clickstream.npath import order
from retinue.clickstream.npath.aggregates import named
from retinue.clickstream.npath.attempts import ENDED_EARLY, TIMED_OUT, Attempt, Walk, bits, searched
from retinue.clickstream.npath.journey import END
from retinue.clickstream.npath.matcher import Matcher
from retinue.clickstream.npath.matches import LENGTH, matches
from retinue.clickstream.npath.measures import Measure
from retinue.clickstream.npath.output import by_match
from retinue.clickstream.npath.prepared import prepare
from retinue.clickstream.npath.question import Question
from retinue.clickstream.npath.sequences import ROWS
from retinue.clickstream.npath.spans import limits, lists
from retinue.clickstream.npath.sql import Snippet
from retinue.clickstream.times import instant_micros
from retinue.errors import PatternError

__all__ = ["partial_matches"]

AT = "_npath_at"
CARRIED = ("labels", "expected", "missing", "outcome")
ARROW = pa.list_(
    pa.struct(
        [
            ("start", pa.int32()),
            ("length", pa.int32()),
            ("labels", pa.list_(pa.int8())),
            ("expected", pa.list_(pa.int8())),
            ("missing", pa.int32()),
            ("outcome", pa.string()),
        ]
    )
)
TYPE = (
    "array<struct<start: int, length: int, labels: array<tinyint>,"
    " expected: array<tinyint>, missing: int, outcome: string>>"
)


def partial_matches(
    rows: DataFrame,
    *,
    partition_by: Sequence[str | Column],
    order_by: Sequence[str | Column],
    symbols: Mapping[str, str | Column],
    pattern: str,
    measures: Mapping[str, str] = MappingProxyType({}),
    mode: str = "nonoverlapping",
    prefer: str = "longest",
    within: timedelta | order.Number | None = None,
    until: datetime | date | order.Number | None = None,
    max_rows: int | None = None,
) -> DataFrame:
    """The attempts that took a row and did not become a match: a row for each row where npath tries in vain.

    An attempt takes rows for as long as any way through the pattern can, up to `within` of its first row,
    that included. Like npath the search tries every row but those that the mode skips after a match, so an
    attempt may begin inside a failed one, but with `nonoverlapping` never inside a match.

    until: the end of the data, at which everything up to it, it included, is known: a datetime (UTC where it
        has no zone) or date, or a number in the units of the first order column (seconds for timestamps).
        It needs an ascending order. Without it a partition's last row is where its history ends.
    measures: npath's, over the rows that the attempt took; lead(last(page), 1) is the page that came instead.
    The other arguments are npath's.

    Gives, a row an attempt, the columns of `partition_by`, then

    - started_at, last_at: the first order column in the first and the last row taken, in its type
    - row_count (int): how many rows were taken
    - reached (array of string): the symbols that took them, one each, in the way that the pattern prefers
    - expected (array of string): the symbols that could have taken the next row, as given; `$` is the end
    - missing (int): how many more rows a match would have needed at least; null where none could follow
    - outcome (string): `broken`, a row came in time that the pattern does not take; `timed_out`, `within`
      passed: the next row lies beyond it, or there is no next row and start + within <= until; `open`, there
      is no next row, and start + within > until or there is no `within`, so that it may still be completed;
      `ended`, there is no next row and no `until` is given

    and the measures. Time grows with the rows and the rows of the attempts. Lazy. Raises PatternError as
    npath does, and for an `until` that does not fit the order.
    """
    told = {"started_at": f"first({AT})", "last_at": f"last({AT})"}
    search = prepare(
        rows.withColumn(AT, order.read(rows, order_by)[0].key),
        partition_by=partition_by,
        order_by=order_by,
        symbols=symbols,
        pattern=pattern,
        measures={**told, **measures},
        mode=mode,
        prefer=prefer,
        within=within,
        max_rows=max_rows,
    )
    end = None if until is None else _on_clock(until, has_times=search.has_times)
    question = search.question
    trials = Trials(question.matcher, len(question.symbols), search.limit, end)
    found = matches(search.partitions, _spans(trials), question, search.names, carried=CARRIED)
    return by_match(*_with_carried(found, question, measures), search.names)


def _with_carried(
    found: DataFrame, question: Question, measures: Mapping[str, str]
) -> tuple[DataFrame, Question]:
    """The attempts with all that is told of them, and the question that asks for it in its order."""
    names = [*question.symbol_names, END]
    told = {
        "row_count": F.col(LENGTH),
        "reached": F.transform("labels", lambda label: named(label, names)),
        "expected": F.transform("expected", lambda label: named(label, names)),
        "missing": F.col("missing"),
        "outcome": F.col("outcome"),
    }
    kept = [column for column in found.columns if column not in CARRIED]
    own = [column.alias(f"_npath_{name}") for name, column in told.items()]
    asked = {name: Measure(name, name, Snippet(f"_npath_{name}"), is_column=False) for name in told}
    both = {name: measure for name, measure in question.measures.items() if name not in measures}
    given = {name: question.measures[name] for name in measures}
    return found.select(*kept, *own), replace(question, measures=both | asked | given)


def _on_clock(until: datetime | date | order.Number, *, has_times: bool) -> order.Number:
    """The end of the data in the units of the rows' clocks."""
    if has_times:
        if isinstance(until, date) and not isinstance(until, datetime):
            until = datetime(until.year, until.month, until.day)
        return instant_micros(until if isinstance(until, datetime) else float(until))
    if isinstance(until, date):
        raise PatternError(f"until: {until} is a time, and the first of order_by is a number; give a number")
    return Decimal(str(until))


def _spans(trials: Trials) -> Column:
    """The attempts of each partition that came to nothing, as TYPE says."""

    def trace(masks: pa.Array, clocks: pa.Array) -> pa.Array:
        batch = zip(lists(masks), clocks, strict=True)
        return pa.array([list(trials.told(rows, clock)) for rows, clock in batch], ARROW)

    clock = F.col(f"{ROWS}.clock") if trials.limit is not None else F.lit(None).cast("array<int>")
    return arrow_udf(trace, TYPE)(F.col(f"{ROWS}.mask"), clock)  # type: ignore[no-any-return, call-overload]


class Trials:
    """Finds the attempts that came to nothing, in one partition after the other.

    `end` is the number that stands for the partition's end among symbols.
    """

    def __init__(
        self, matcher: Matcher, end: int, limit: order.Number | None, until: order.Number | None
    ) -> None:
        self.matcher, self.end, self.limit, self.until = matcher, end, limit, until
        self.walk = Walk(matcher.automaton)

    def told(self, masks: Sequence[int], clocks: pa.Scalar) -> Iterator[dict[str, object]]:
        """What is told of each, as TYPE says."""
        within, times = limits(clocks, self.limit), clocks.as_py()
        _, failed = searched(self.matcher, masks, within)
        for attempt in self.walk.attempts(masks, failed, within):
            if attempt.end > attempt.start:
                yield {
                    "start": attempt.start,
                    "length": attempt.end - attempt.start,
                    "labels": self.symbols(self.walk.path(masks, attempt.start, attempt.end)),
                    "expected": self.expected(attempt.states),
                    "missing": self.walk.missing(attempt.states),
                    "outcome": self.outcome(attempt, times),
                }

    def symbols(self, states: Iterable[int]) -> list[int]:
        return [symbol for state in states if (symbol := self.matcher.automaton.symbol[state]) is not None]

    def expected(self, states: int) -> list[int]:
        """The symbols in the order given; behind them all the end."""
        symbols = sorted({*self.symbols(bits(self.walk.ahead(states)))})
        return [*symbols, self.end] if self.walk.wants_end(states) else symbols

    def outcome(self, attempt: Attempt, times: Sequence[Any]) -> str:
        if attempt.outcome != ENDED_EARLY or self.until is None:
            return attempt.outcome
        is_over = self.limit is not None and times[attempt.start] + self.limit <= self.until
        return TIMED_OUT if is_over else "open"
