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

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame

from retinue.clickstream.npath import npath, symbols
from retinue.clickstream.npath.measures import quoted
from retinue.clickstream.npath.pattern import parse
from retinue.errors import InputMissing, PatternError, UnknownSetting, nearest
from retinue.schema import require

__all__ = ["Segment", "load", "loads", "members", "names", "of"]

PARTITIONS = ("session", "visitor")


@dataclass(frozen=True)
class Segment:
    """Who has a match of a pattern among their events; see the module's docstring for the file it is from."""

    name: str
    symbols: Mapping[str, str]
    pattern: str
    about: str = ""
    partition: str = "session"
    within_minutes: float | None = None


def names() -> list[str]:
    """The ready segments, sorted."""
    folder = resources.files("retinue.conf").joinpath("segments")
    return sorted(
        entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")
    )


def load(name: str | Path) -> Segment:
    """The ready segment of this name, or the one in this .toml file.

    Raises UnknownSetting with every fault of the file at once, or for a name that is not there;
    InputMissing for a file that cannot be read.
    """
    if str(name).endswith(".toml"):
        return loads(_read(Path(name)), name=Path(name).stem)
    known = names()
    if name not in known:
        raise UnknownSetting(
            f"no segment '{name}'{nearest(str(name), known)} "
            f"There are {', '.join(known)}; a segment of your own is given as a path ending in .toml"
        )
    ready = resources.files("retinue.conf").joinpath("segments", f"{name}.toml")
    return loads(ready.read_text(encoding="utf-8"), name=str(name))


def loads(text: str, *, name: str) -> Segment:
    """The segment that this TOML text declares. Raises UnknownSetting with every fault at once."""
    try:
        declared = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UnknownSetting(f"segment '{name}' is no TOML: {error}") from None
    faults = [fault.replace("\n", "\n  ") for fault in _faults(declared)]
    if faults:
        raise UnknownSetting(f"segment '{name}' cannot be used:\n  " + "\n  ".join(faults))
    return Segment(name=name, **declared)


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
        sessionized.dropna(subset=[visitor, "session_id"]),
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


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputMissing(f"the segment {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UnknownSetting(f"the segment {path} is no UTF-8 text") from None


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
