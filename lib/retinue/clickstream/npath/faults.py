"""Faults in a text that the caller wrote, shown at their place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches

from pyspark.errors import AnalysisException, QueryContextType
from pyspark.sql import Column

from retinue.errors import PatternError, nearest

OWN = ("_npath", "ν", "λ")
"""How the names begin that are the search's own."""


def fault(message: str, text: str, place: int, *, what: str) -> PatternError:
    """The error that says `message` of `what`, with the line of `text` and a caret under the place."""
    place = min(max(place, 0), len(text))
    start = text.rfind("\n", 0, place) + 1
    line = text[start:].split("\n", 1)[0]
    margin = "".join("\t" if letter == "\t" else " " for letter in line[: place - start])
    return PatternError(f"{what}: {message}\n  {line}\n  {margin}^")


def unknown_symbol(word: str, names: Iterable[str]) -> str:
    """That there is no such symbol among those of these names, and which was likely meant."""
    spelled = {name.lower(): name for name in names}
    near = re.sub(r"'(.*)'", lambda found: f"'{spelled[found[1]]}'", nearest(word.lower(), spelled))
    return f"unknown symbol {word}; the symbols are {', '.join(spelled.values()) or 'none'}{near}"


@contextmanager
def shown_in(text: str, *, start: int = 0, what: str, columns: Sequence[str] = ()) -> Iterator[None]:
    """Whatever Spark refuses within is a PatternError at its place in `text`, read from `start` on.

    `columns` are those that the caller knows, where Spark does not see them all.
    """
    try:
        yield
    except AnalysisException as refusal:
        raise fault(
            _sentence(refusal, columns), text, start + _place(refusal, text[start:]), what=what
        ) from None


@contextmanager
def found_by(checks: Iterable[Callable[[], object]]) -> Iterator[None]:
    """Whatever Spark refuses within is looked for by the checks, each of which knows the place of its part.

    So what is right is read once, as a whole, and only what is wrong once more part by part.
    """
    try:
        yield
    except AnalysisException:
        for check in checks:
            check()
        raise


def printed(column: str | Column) -> str:
    """A Column as text, or the text itself."""
    return column if isinstance(column, str) else str(column).removeprefix("Column<'").removesuffix("'>")


def _sentence(refusal: AnalysisException, columns: Sequence[str]) -> str:
    """What Spark found, without its plan."""
    names = refusal.getMessageParameters() or {}
    if str(refusal.getCondition()).startswith("UNRESOLVED_COLUMN"):
        unknown = names["objectName"].replace("`", "")
        proposed = re.findall(r"`([^`]*)`", names.get("proposal", ""))
        likely = get_close_matches(unknown, columns, n=5, cutoff=0) if columns else proposed
        there = ", ".join(name for name in likely if not name.startswith(OWN))
        return f"unknown column {unknown}" + (f"; there is {there}" if there else "")
    if refusal.getCondition() == "MISSING_GROUP_BY":
        return "an aggregate of Spark's has no place here, only those of a match, such as count(* of A)"
    if refusal.getCondition() == "DATATYPE_MISMATCH.INVALID_ORDERING_TYPE":
        kind = names["dataType"].strip('"').lower()
        return f"values of type {kind} have no order"
    first = str(refusal).strip().split("\n")[0].split(" SQLSTATE")[0]
    return re.sub(r"^\[[\w.]+\] ", "", first).rstrip(".")


def _place(refusal: AnalysisException, text: str) -> int:
    for context in refusal.getQueryContext():
        if context.contextType() is QueryContextType.SQL:
            return context.startIndex()
    told = re.search(r"\(line (\d+), pos (\d+)\)", str(refusal))
    if told is None:
        return 0
    lines = text.splitlines(keepends=True)[: int(told[1]) - 1]
    return sum(map(len, lines)) + int(told[2])
