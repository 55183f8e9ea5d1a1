"""The symbols: a predicate each, and for each row the set of those that hold, as bits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial, reduce

from pyspark.sql import Column, DataFrame, WindowSpec
from pyspark.sql import functions as F

from retinue.clickstream.npath.faults import fault, found_by, printed, shown_in
from retinue.clickstream.npath.lags import moves, with_lags
from retinue.clickstream.npath.sql import Snippet
from retinue.errors import PatternError

MOST = 63


@dataclass(frozen=True)
class Symbol:
    """A name, what holds for its rows, and its number."""

    name: str
    predicate: str | Column
    number: int

    @property
    def snippet(self) -> Snippet | None:
        """The predicate where it is a text."""
        return Snippet(self.predicate) if isinstance(self.predicate, str) else None

    @property
    def what(self) -> str:
        """What it is called where something is wrong with it."""
        return f"symbol {self.name}"

    @property
    def looks_around(self) -> bool:
        """Whether it asks other rows of the partition."""
        return self.snippet is not None and moves(self.snippet)


def read(symbols: Mapping[str, str | Column]) -> list[Symbol]:
    """The symbols, numbered in the order given.

    Raises PatternError for a name that cannot stand in a pattern, one given twice, and too many.
    """
    for name in symbols:
        if not name.isidentifier():
            raise fault(
                "a name is made of letters, digits and _, with no digit first", name, 0, what="symbols"
            )
    if len({name.lower() for name in symbols}) < len(symbols):
        raise PatternError(
            f"symbols: {', '.join(symbols)} has a name twice, for case does not count; rename one"
        )
    if not 1 <= len(symbols) <= MOST:
        raise PatternError(f"symbols: there are {len(symbols)}; give from 1 to {MOST}")
    return [Symbol(name, predicate, number) for number, (name, predicate) in enumerate(symbols.items())]


def with_mask(
    rows: DataFrame, symbols: Iterable[Symbol], window: WindowSpec | None, *, into: str
) -> DataFrame:
    """The rows with the bits of the symbols that hold; null does not hold."""
    bits, checks = [F.lit(0).cast("long")], []
    for symbol in symbols:
        rows, predicate = _predicate(rows, symbol, window)
        bits.append(F.when(predicate, F.lit(1 << symbol.number).cast("long")).otherwise(F.lit(0)))
        checks.append(partial(_check, rows, symbol, predicate))
    with found_by(checks):
        return rows.withColumn(into, reduce(lambda one, other: one.bitwiseOR(other), bits))


def _predicate(rows: DataFrame, symbol: Symbol, window: WindowSpec | None) -> tuple[DataFrame, Column]:
    snippet = symbol.snippet
    if snippet is not None and window is not None:
        rows, snippet = with_lags(rows, snippet, window, text=snippet.sql, what=symbol.what)
    with shown_in(printed(symbol.predicate), what=symbol.what):
        return rows, symbol.predicate if snippet is None else F.expr(snippet.sql)  # type: ignore[return-value]


def _check(rows: DataFrame, symbol: Symbol, predicate: Column) -> None:
    with shown_in(printed(symbol.predicate), what=symbol.what):
        rows.select("*", F.when(predicate, 1))
