"""What a search made of one partition: its rows, what became of each attempt, and the words for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from html import escape

import pandas as pd

__all__ = ["END", "Attempt", "Journey", "Row"]

END = "$"
"""What stands among expected symbols for the partition's end."""


@dataclass(frozen=True)
class Row:
    """A row of the partition: its place from 1, the columns shown, and the symbols that hold for it."""

    number: int
    values: Mapping[str, object]
    symbols: tuple[str, ...]


@dataclass(frozen=True)
class Attempt:
    """What came of a match that began at the row `first`.

    outcome: `matched`; `broken` (the row `broken_at` is none that the pattern takes next), `ended` (the
        partition did), `timed_out` (the row `broken_at` lies beyond `within`); `not_begun` (the pattern
        does not begin with this row); `skipped` (the search did not look here, for the match before holds
        the row, or goes on later).
    symbols: those that took the rows from `first` on, one each; of a failed attempt the furthest it got.
    expected: those that could have taken the next row, in the pattern's order; `$` is the partition's end.
    missing: how many more rows a match would have needed at least; None where none could follow.
    why: what came of it in words.
    match: the number of the match, from 1.
    taken_words, expected_words: which words of the pattern took each row, and could have taken the next:
        their places in the pattern's text.
    """

    first: int
    outcome: str
    symbols: tuple[str, ...] = ()
    expected: tuple[str, ...] = ()
    broken_at: int | None = None
    missing: int | None = None
    why: str = ""
    match: int | None = None
    taken_words: tuple[tuple[int, int], ...] = ()
    expected_words: tuple[tuple[int, int], ...] = ()

    @property
    def last(self) -> int | None:
        """The last row taken, if any was."""
        return self.first + len(self.symbols) - 1 if self.symbols else None

    def rank(self) -> tuple[bool, float, int, int]:
        """The order of attempts by how near they came: matches, then those that missed the fewest rows."""
        missing = float("inf") if self.missing is None else self.missing
        return (self.outcome != "matched", missing, -len(self.symbols), self.first)

    @property
    def has_begun(self) -> bool:
        """Whether it took a row, or matched without one."""
        return self.has_failed or self.outcome == "matched"

    @property
    def has_failed(self) -> bool:
        """Whether it began, and came to nothing."""
        return self.outcome in ("broken", "ended", "timed_out")


@dataclass(frozen=True, repr=False)
class Journey:
    """One partition as the search saw it: `attempts` has one for every row, in their order.

    `str` tells it in lines, `html` as a page, which is how a notebook shows it; `row_table` and
    `attempt_table` give it as pandas frames.
    """

    partition: Mapping[str, object]
    pattern: str
    symbols: Mapping[str, str]
    rows: Sequence[Row]
    attempts: Sequence[Attempt]

    @property
    def matches(self) -> list[Attempt]:
        """The attempts that became matches, as npath gives them."""
        return [attempt for attempt in self.attempts if attempt.outcome == "matched"]

    @property
    def failures(self) -> list[Attempt]:
        """The attempts that began and came to nothing."""
        return [attempt for attempt in self.attempts if attempt.has_failed]

    @property
    def name(self) -> str:
        """The partition in words."""
        values = {key: "null" if value is None else value for key, value in self.partition.items()}
        return ", ".join(f"{key} {value}" for key, value in values.items()) or "all rows"

    @property
    def verdict(self) -> str:
        """Whether it matched, and else what kept the furthest attempt from it."""
        if self.matches:
            return (
                f"{_counted(len(self.matches), 'match', 'matches')}: "
                + "; ".join(_rows_of(match) for match in self.matches[:5])
                + ("; …" if len(self.matches) > 5 else "")
            )
        if self.nearest is None:
            return "No match: no row begins the pattern"
        return f"No match. The attempt that came nearest {self.nearest.why}"

    @property
    def nearest(self) -> Attempt | None:
        """The failed attempt that missed the fewest rows, and of these took the most."""
        return min(self.failures, key=Attempt.rank, default=None)

    def row_table(self) -> pd.DataFrame:
        """A row a row: number, the columns shown, and `symbols`, a list of those that hold."""
        rows = [{"number": row.number, **row.values, "symbols": list(row.symbols)} for row in self.rows]
        return pd.DataFrame(rows, columns=["number", *(self.rows[0].values if self.rows else ()), "symbols"])

    def attempt_table(self) -> pd.DataFrame:
        """A row an attempt: first, last, outcome, symbols, expected, missing, broken_at, match, why."""
        told = ["first", "last", "outcome", "symbols", "expected", "missing", "broken_at", "match", "why"]
        return pd.DataFrame(
            [[getattr(attempt, name) for name in told] for attempt in self.attempts], columns=told
        )

    def __str__(self) -> str:
        symbols = [f"  {name}: {predicate}" for name, predicate in self.symbols.items()]
        rows = self.row_table().assign(symbols=[", ".join(row.symbols) or "–" for row in self.rows])
        told = [f"  {attempt.why}" for attempt in self.attempts if attempt.has_begun]
        return "\n".join(
            [
                f"{self.name}: {self.verdict}",
                f"pattern: {self.pattern}",
                *symbols,
                rows.to_string(index=False),
                f"attempts that began: {len(told)}",
                *told,
            ]
        )

    def html(self) -> str:
        """The journey as one HTML page that holds all it shows."""
        from retinue.clickstream.npath.page import page  # which takes journeys

        return page(self)

    def _repr_html_(self) -> str:
        """The page in a frame of its own, so that its style stays inside."""
        style = "width:100%;height:38rem;border:0"
        return f'<iframe title="{escape(self.name)}" style="{style}" srcdoc="{escape(self.html())}"></iframe>'


def why(attempt: Attempt, holds: Sequence[str], *, reach: str = "") -> str:
    """The attempt in words; `holds` are the symbols of the row that broke it, `reach` how far that lies."""
    if attempt.outcome == "skipped":
        return f"row {attempt.first} was not tried: match {attempt.match} goes on past it"
    wanted = f"expected {listed(attempt.expected)}" if attempt.expected else "nothing could follow"
    there = f"the row has {listed(holds, 'and')}" if holds else "the row has none of the symbols"
    if attempt.outcome == "not_begun":
        only_first = "the pattern begins at the first row alone (^)"
        return f"row {attempt.first} begins nothing: " + (
            reach or (f"{wanted}; {there}" if attempt.expected else only_first)
        )
    ways = {
        "matched": "matched",
        "broken": f"broke at row {attempt.broken_at}: {wanted}; {there}",
        "timed_out": f"ran out of time: {wanted}, but row {attempt.broken_at} is {reach}",
        "ended": f"came to the end: {wanted}",
    }
    taken = f"{_rows_of(attempt)} ({run(attempt.symbols)})" if attempt.symbols else _rows_of(attempt)
    return f"took {taken} and {ways[attempt.outcome]}"


def listed(names: Sequence[str], last: str = "or") -> str:
    """The names as a list in words; `$` is the end."""
    words = ["the end" if name == END else name for name in names]
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def span(clock: object, *, has_times: bool) -> str:
    """A distance on the clock in words: microseconds as `1 h 5 min`, else the number."""
    if not has_times:
        return f"{clock}"
    whole = timedelta(microseconds=int(clock))  # type: ignore[call-overload]
    hours, seconds = divmod(whole.seconds, 3600)
    parts = {"d": whole.days, "h": hours, "min": seconds // 60}
    said = [f"{amount} {unit}" for unit, amount in parts.items() if amount]
    rest = seconds % 60 + whole.microseconds / 1e6
    return " ".join([*said, f"{rest:g} s"] if rest or not said else said)


def _rows_of(attempt: Attempt) -> str:
    if not attempt.symbols:
        return f"no row, before row {attempt.first}"
    if attempt.last == attempt.first:
        return f"row {attempt.first}"
    return f"rows {attempt.first} to {attempt.last}"


def run(symbols: Sequence[str]) -> str:
    """The symbols in turn, those that repeat counted: `Search, View ×3`."""
    runs: list[tuple[str, int]] = []
    for symbol in symbols:
        if runs and runs[-1][0] == symbol:
            runs[-1] = (symbol, runs[-1][1] + 1)
        else:
            runs.append((symbol, 1))
    return ", ".join(symbol if count == 1 else f"{symbol} ×{count}" for symbol, count in runs)


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
