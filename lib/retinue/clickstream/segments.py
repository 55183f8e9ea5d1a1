"""Patterns kept under a name: the visitors or sessions that follow one, for every other analysis to look at.

A segment is a TOML file. The ready ones lie in retinue.conf's `segments/`.

    about = "one line on who they are"
    partition = "session"                 # session | visitor: what is searched, and who is kept
    pattern = "^.NotBought*.Cart.NotBought*.$"
    within_minutes = 30                   # from a match's first event to its last; without it, no limit

    [symbols]                             # name = SQL over the columns of sessionized events
    Cart = "event_type = 'add_to_cart'"
    NotBought = "event_type IS DISTINCT FROM 'purchase'"
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retinue.clickstream.npath import npath, symbols
from retinue.clickstream.npath.pattern import parse
from retinue.declarations import Kind, digest
from retinue.errors import PatternError, nearest
from retinue.schema import quoted, require

__all__ = ["Segment", "load", "loads", "members", "names", "of"]

PARTITIONS = ("session", "visitor")
SEGMENTS = Kind("segment", "segments")


@dataclass(frozen=True)
class Segment:
    """Who has a match of a pattern among their events; see the module's docstring for the file it is from."""

    name: str
    symbols: Mapping[str, str]
    pattern: str
    about: str = ""
    partition: str = "session"
    within_minutes: float | None = None

    @property
    def digest(self) -> str:
        """12 hex digits of what it declares; remarks and layout of the file do not count."""
        return digest(asdict(self))


def names() -> list[str]:
    """The ready segments, sorted."""
    return SEGMENTS.names()


def load(name: str | Path) -> Segment:
    """The ready segment of this name, or the one in this .toml file.

    Raises UnknownSetting with every fault of the file at once, or for a name that is not there;
    InputMissing for a file that cannot be read.
    """
    return loads(SEGMENTS.text(name), name=Path(name).stem)


def loads(text: str, *, name: str) -> Segment:
    """The segment that this TOML text declares. Raises UnknownSetting with every fault at once."""
    return Segment(name=name, **SEGMENTS.declared(text, name=name, faults=_faults))


def members(
    sessionized: DataFrame, segment: Segment, *, visitor: str = "visitor_id", at: str = "occurred_at"
) -> DataFrame:
    """Who has at least one match of the segment's pattern that takes a row: each once.

    In: what sessionize gives, with the columns that the segment's symbols name. Out: the visitor, and with
    partition `session` the session_id too. Rows without a visitor or session are nobody's. Lazy.

    Raises SchemaMismatch where a column is missing, PatternError where a symbol cannot be read.
    """
    keys = [visitor] if segment.partition == "visitor" else [visitor, "session_id"]
    require(sessionized, [visitor, "session_id", "event_index", at], what=f"segment '{segment.name}'")
    minutes = segment.within_minutes
    found = npath(
        sessionized.where(F.col(quoted(visitor)).isNotNull() & F.col("session_id").isNotNull()),
        partition_by=keys,
        order_by=[at, "event_index"],
        symbols=segment.symbols,
        pattern=segment.pattern,
        measures={},
        within=None if minutes is None else timedelta(minutes=minutes),
    )
    return found.distinct()


def of(
    sessionized: DataFrame, segment: Segment, *, visitor: str = "visitor_id", at: str = "occurred_at"
) -> DataFrame:
    """All rows of the segment's members: whole sessions, or whole histories where it is of visitors.

    It composes: `sessionized.transform(segments.of, segment=segments.load("cart_abandoners"))`. Lazy.

    Raises SchemaMismatch and PatternError as `members` does.
    """
    kept = members(sessionized, segment, visitor=visitor, at=at)
    return sessionized.join(kept, kept.columns, "left_semi").select(*map(quoted, sessionized.columns))


def _faults(declared: Mapping[str, Any]) -> Iterable[str]:
    known = [field.name for field in fields(Segment) if field.name != "name"]
    for key in declared:
        if key not in known:
            instead = nearest(key, known) or f"; there are {', '.join(known)}"
            yield f"{key} is no key of a segment{instead}"
    yield from _text_faults(declared)
    partition = declared.get("partition", PARTITIONS[0])
    if partition not in PARTITIONS:
        near = nearest(partition, PARTITIONS) if isinstance(partition, str) else ""
        yield f"partition is {partition!r}: one of {', '.join(PARTITIONS)}{near}"
    minutes = declared.get("within_minutes", 1)
    if isinstance(minutes, bool) or not isinstance(minutes, int | float) or not 0 <= minutes < 1e9:
        yield f"within_minutes is {minutes!r}: a number of minutes, from 0 on"
    yield from _pattern_faults(declared)


def _text_faults(declared: Mapping[str, Any]) -> Iterable[str]:
    for key in ("about", "pattern"):
        if not isinstance(declared.get(key, ""), str):
            yield f"{key} is {declared[key]!r}; it is a text"
    if not declared.get("pattern"):
        yield "pattern is missing: symbols with . | ? * + ^ $ between and behind them"


def _pattern_faults(declared: Mapping[str, Any]) -> Iterable[str]:
    """What is wrong with the symbols; and if nothing is, with the pattern."""
    given = declared.get("symbols")
    if not isinstance(given, dict) or not given:
        yield "[symbols] is missing: name = SQL over the columns of an event"
        return
    wrong = [name for name, sql in given.items() if not isinstance(sql, str) or not sql.strip()]
    yield from (f"symbols.{name} is {given[name]!r}; it is a condition in SQL" for name in wrong)
    try:
        numbers = {symbol.name.lower(): symbol.number for symbol in symbols.read(given)}
        parse(str(declared.get("pattern") or "()"), numbers)
    except PatternError as error:
        yield str(error)
