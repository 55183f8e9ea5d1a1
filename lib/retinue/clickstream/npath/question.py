"""What a search asks for, read and checked before any rows are touched."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column

from retinue.clickstream.npath import modes, symbols
from retinue.clickstream.npath.automaton import build
from retinue.clickstream.npath.faults import fault
from retinue.clickstream.npath.matcher import Matcher
from retinue.clickstream.npath.measures import Aggregate, Asked, Measure, Reader, Value
from retinue.clickstream.npath.pattern import parse
from retinue.clickstream.npath.symbols import Symbol
from retinue.errors import nearest


@dataclass(frozen=True)
class Question:
    """The symbols, what finds their pattern, and what to tell of the matches.

    `values` are what each row must bring along; `exposed` are those of the row itself, by the names that
    measures know them by; `aggregates` are those over the rows of a match. `columns` are those of the rows.
    """

    columns: Sequence[str]
    symbols: Sequence[Symbol]
    matcher: Matcher
    measures: Mapping[str, Measure]
    where: Measure | None
    values: Sequence[Value]
    exposed: Mapping[str, str]
    aggregates: Mapping[Aggregate, Asked]
    by_row: bool
    empty_matches: bool
    unmatched_rows: bool

    @property
    def symbol_names(self) -> list[str]:
        """The symbols as the caller spells them, by number."""
        return [symbol.name for symbol in self.symbols]


def ask(
    columns: Sequence[str],
    *,
    given: Mapping[str, str | Column],
    pattern: str,
    measures: Mapping[str, str],
    where: str | None,
    mode: str,
    output: str,
    prefer: str,
    empty_matches: bool,
    unmatched_rows: bool,
    is_there: Callable[[str], bool] = lambda name: False,
) -> Question:
    """The question about rows of these columns that the arguments of npath put.

    `is_there` tells whether a column goes by a longer name, such as one with a frame's alias before it.

    Raises PatternError with a caret under the place of whatever does not parse.
    """
    by_row = _word(output, ("match", "row"), "output") == "row"
    longest = _word(prefer, ("longest", "first"), "prefer") == "longest"
    signs = symbols.read(given)
    numbers = {sign.name: sign.number for sign in signs}
    automaton = build(parse(pattern, numbers))
    taking = {symbol for symbol in automaton.symbol if symbol is not None}
    reader = Reader(numbers, taking, columns, is_there)
    told = {
        name: reader.measure(text, what=f"measure {name}", running=by_row) for name, text in measures.items()
    }
    kept = None if where is None else reader.condition(where, what="where")
    return Question(
        columns=columns,
        symbols=signs,
        matcher=Matcher(
            automaton, longest=longest, skip=modes.read(mode, signs), labelled=reader.needs_labels
        ),
        measures=told,
        where=kept,
        values=list(reader.values.values()),
        exposed=reader.exposed,
        aggregates=reader.aggregates,
        by_row=by_row,
        empty_matches=empty_matches,
        unmatched_rows=unmatched_rows and by_row,
    )


def _word(word: str, known: tuple[str, str], what: str) -> str:
    if word.lower() not in known:
        raise fault(f"it is {' or '.join(known)}{nearest(word.lower(), known)}", word, 0, what=what)
    return word.lower()
