"""Why a visitor matched or not, and what keeps all of them from it: patterns made visible."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import reduce
from itertools import count

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from retinue.clickstream.npath import order
from retinue.clickstream.npath.attempts import BROKEN, TIMED_OUT, Walk, bits, searched
from retinue.clickstream.npath.attempts import Attempt as Failure
from retinue.clickstream.npath.automaton import Automaton, build
from retinue.clickstream.npath.faults import printed
from retinue.clickstream.npath.journey import END, Attempt, Journey, Row, span, why
from retinue.clickstream.npath.page import page
from retinue.clickstream.npath.pattern import parse
from retinue.clickstream.npath.population import explain_population
from retinue.clickstream.npath.prepared import Prepared, prepare
from retinue.clickstream.npath.sequences import ROWS
from retinue.clickstream.npath.spans import limits
from retinue.clickstream.npath.sql import Snippet
from retinue.errors import PatternError
from retinue.schema import quoted, require

__all__ = ["explain_match", "explain_population", "page"]

WORD = re.compile(r"[^\W\d]\w*")


def explain_match(
    rows: DataFrame,
    *,
    partition_by: Sequence[str | Column],
    order_by: Sequence[str | Column],
    symbols: Mapping[str, str | Column],
    pattern: str,
    partition: Mapping[str, object] | object,
    mode: str = "nonoverlapping",
    prefer: str = "longest",
    within: timedelta | order.Number | None = None,
    columns: Sequence[str] | None = None,
    max_rows: int = 2_000,
) -> Journey:
    """What npath does from each row of one partition: the match it finds, or the row that breaks the attempt.

    An attempt takes rows for as long as any way through the pattern can; the first row that none can take
    breaks it, unless the partition ends or the row lies beyond `within` first. What was expected there are
    the symbols of all ways that came so far. Which symbol took a row is told of the way the pattern prefers.

    partition: column -> value for each column of `partition_by`, or the value itself where there is one.
    columns: those to show; by default those that the symbols and the order ask for.
    max_rows: how many rows the partition may have, for they all come to the driver.
    The other arguments are npath's.

    Gives a Journey: `print` it, show its `html()`, or go through its `rows`, `attempts` and `matches`.
    Time and room grow with the rows and the rows of the attempts. Runs Spark jobs.

    Raises PatternError as npath does, and where there is no such partition or it has more than `max_rows`
    rows; SchemaMismatch for a column to show that is not there.
    """
    chosen, values = _chosen(rows, partition_by, partition)
    shown = _shown(rows, order_by, symbols, columns, without=values)
    search = prepare(
        chosen,
        partition_by=partition_by,
        order_by=order_by,
        symbols=symbols,
        pattern=pattern,
        measures={name: quoted(name) for name in shown},
        mode=mode,
        prefer=prefer,
        within=within,
        max_rows=max_rows,
    )
    found = search.partitions.select(ROWS).collect()
    if not found:
        raise PatternError(_absence(chosen, values, max_rows))
    return _journey(search, found[0][0], values, shown, pattern, symbols)


def _chosen(
    rows: DataFrame, partition_by: Sequence[str | Column], partition: Mapping[str, object] | object
) -> tuple[DataFrame, dict[str, object]]:
    """The rows of the partition, and its columns' values."""
    keys = order.partition_keys(rows, partition_by)
    if not isinstance(partition, Mapping):
        partition = dict.fromkeys(keys, partition) if len(keys) == 1 else {}
    given = {str(name).lower(): value for name, value in partition.items()}
    if given.keys() != {name.lower() for name in keys}:
        raise PatternError(
            f"partition: it needs a value for {', '.join(keys) or 'no column'}; "
            f"given is {', '.join(map(str, partition)) or 'none'}"
        )
    values = {name: given[name.lower()] for name in keys}
    tests = [keys[name].eqNullSafe(F.lit(value)) for name, value in values.items()]
    return rows.filter(reduce(Column.__and__, tests, F.lit(True))), values


def _shown(
    rows: DataFrame,
    order_by: Sequence[str | Column],
    symbols: Mapping[str, str | Column],
    columns: Sequence[str] | None,
    *,
    without: Iterable[str],
) -> list[str]:
    if columns is not None:
        require(rows, columns, what="explain_match")
        return list(columns)
    asked = [order_by] if isinstance(order_by, str | Column) else [*order_by]
    snippets = [Snippet(printed(text)) for text in [*asked, *symbols.values()]]
    named = dict.fromkeys(column for snippet in snippets for column in snippet.columns(rows.columns))
    return [column for column in named if column not in set(without)]


def _absence(chosen: DataFrame, values: Mapping[str, object], max_rows: int) -> str:
    name = ", ".join(f"{key} = {value}" for key, value in values.items())
    if chosen.isEmpty():
        return f"partition: there is no row with {name}; look for its spelling, and its type"
    return f"partition: {name} has more than {max_rows:,} rows; raise max_rows, or partition by the session"


def _journey(
    search: Prepared,
    taken: Sequence[T.Row],
    partition: Mapping[str, object],
    shown: Sequence[str],
    pattern: str,
    symbols: Mapping[str, str | Column],
) -> Journey:
    names = search.question.symbol_names
    fields = {column: search.question.exposed[column] for column in shown}
    rows = [
        Row(
            number,
            {column: row[field] for column, field in fields.items()},
            tuple(name for bit, name in enumerate(names) if row["mask"] >> bit & 1),
        )
        for number, row in enumerate(taken, 1)
    ]
    clocks = [row["clock"] for row in taken]
    told = _Teller(search, pattern, rows, [row["mask"] for row in taken], clocks).attempts()
    texts = {name: printed(predicate) for name, predicate in symbols.items()}
    return Journey(partition, pattern, texts, rows, told)


class _Teller:
    """Tells what came of each attempt in one partition."""

    def __init__(
        self,
        search: Prepared,
        pattern: str,
        rows: Sequence[Row],
        masks: Sequence[int],
        clocks: Sequence[order.Number],
    ) -> None:
        self.search, self.rows, self.masks, self.clocks = search, rows, masks, clocks
        self.names = search.question.symbol_names
        automaton, self.words = by_word(pattern, {name.lower(): n for n, name in enumerate(self.names)})
        self.walk = Walk(automaton)

    def attempts(self) -> list[Attempt]:
        """One for each row."""
        within = limits(pa.array([self.clocks])[0], self.search.limit)
        found, failed = searched(self.search.question.matcher, self.masks, within)
        told = {
            failure.start: self.failure(failure) for failure in self.walk.attempts(self.masks, failed, within)
        }
        starts = {match.start: number for number, match in enumerate(found, 1)}
        number = 0
        for start in range(len(self.rows)):
            number = starts.get(start, number)
            if start in starts:
                told[start] = self.match(start, found[number - 1].end, number)
            elif start not in told:
                told[start] = self.in_words(Attempt(start + 1, "skipped", match=number))
        return [told[start] for start in range(len(self.rows))]

    def match(self, start: int, end: int, number: int) -> Attempt:
        states = self.walk.path(self.masks, start, end, is_match=True)
        return self.in_words(self.taken(Attempt(start + 1, "matched", match=number), states))

    def failure(self, failure: Failure) -> Attempt:
        start, end, states, outcome = failure
        ahead = sorted(bits(self.walk.ahead(states)), key=lambda state: self.words[state])
        expected = dict.fromkeys(self.symbol(state) for state in ahead)
        if self.walk.wants_end(states):
            expected[END] = None
        attempt = Attempt(
            start + 1,
            outcome if end > start else "not_begun",
            expected=tuple(expected),
            missing=self.walk.missing(states),
            broken_at=end + 1 if outcome in (BROKEN, TIMED_OUT) else None,
            expected_words=tuple(self.words[state] for state in ahead),
        )
        return self.in_words(self.taken(attempt, self.walk.path(self.masks, start, end)))

    def taken(self, attempt: Attempt, states: Sequence[int]) -> Attempt:
        return replace(
            attempt,
            symbols=tuple(map(self.symbol, states)),
            taken_words=tuple(self.words[state] for state in states),
        )

    def symbol(self, state: int) -> str:
        symbol = self.walk.automaton.symbol[state]
        assert symbol is not None
        return self.names[symbol]

    def in_words(self, attempt: Attempt) -> Attempt:
        broken = self.rows[(attempt.broken_at or attempt.first) - 1]
        return replace(attempt, why=why(attempt, broken.symbols, reach=self.reach(attempt)))

    def reach(self, attempt: Attempt) -> str:
        """How far the row that came too late is from the first."""
        if self.search.limit is None or attempt.broken_at is None:
            return ""
        first, late = self.clocks[attempt.first - 1], self.clocks[attempt.broken_at - 1]
        if first is None:
            return "it is at no time, and within asks for one"
        if attempt.outcome != TIMED_OUT:
            return ""
        if late is None:
            return "at no time"
        passed, limit = (
            span(clock, has_times=self.search.has_times)
            for clock in (abs(late - first), self.search.limit)  # type: ignore[operator]
        )
        return f"{passed} after row {attempt.first}, beyond {limit}"


def by_word(pattern: str, numbers: Mapping[str, int]) -> tuple[Automaton, list[tuple[int, int]]]:
    """The pattern's automaton, where no two words share a state, and for each state its word's place.

    `numbers` are the symbols in lower case with their numbers.
    """
    words, number = list(WORD.finditer(pattern)), count()
    alone = WORD.sub(lambda _: f"w{next(number)}", pattern)
    automaton = build(parse(alone, {f"w{place}": place for place in range(len(words))}))
    spans = [(-1, -1) if word is None else words[word].span() for word in automaton.symbol]
    symbols = [None if word is None else numbers[words[word][0].lower()] for word in automaton.symbol]
    return replace(automaton, symbol=tuple(symbols)), spans
