"""The pattern's language: from its text to a tree.

choice     sequence | sequence | ...
sequence   item . item . ...        no dot is needed beside ^ and $, nor beside (^), (^|$) and the like
item       operand, then ? * + {n} {n,} {,m} {n,m} or {,}, then ? for reluctant
operand    symbol, ^, $, (choice), or () for nothing
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from retinue.clickstream.npath.faults import fault, unknown_symbol

DEPTH = 100
MOST_TIMES = 5_000
TOKEN = re.compile(
    r"\s*(?:(?P<name>[^\W\d]\w*)|(?P<range>\{\s*(?:\d+\s*(?:,\s*\d*\s*)?|,\s*\d*\s*)\})|(?P<sign>[.|()^$?*+])|(?P<end>$))"
)
COUNTS = {"?": (0, 1), "*": (0, None), "+": (1, None)}


@dataclass(frozen=True)
class Symbol:
    """One row for which the symbol holds; `number` is its place among the symbols."""

    number: int


@dataclass(frozen=True)
class Anchor:
    """No row: the place before the partition's first row, or the one after its last."""

    at_end: bool


@dataclass(frozen=True)
class Sequence:
    """The parts one after the other; with no parts, nothing."""

    parts: tuple[Pattern, ...]


@dataclass(frozen=True)
class Choice:
    """One of the options; the earlier is preferred."""

    options: tuple[Pattern, ...]


@dataclass(frozen=True)
class Repeat:
    """The body from `least` to `most` times (None: without limit); more is preferred where `greedy`."""

    body: Pattern
    least: int
    most: int | None
    greedy: bool


Pattern: TypeAlias = Symbol | Anchor | Sequence | Choice | Repeat


def parse(text: str, symbols: Mapping[str, int]) -> Pattern:
    """The tree of a pattern over `symbols`, given with their numbers.

    Raises PatternError with a caret under the place.
    """
    parser = _Parser(text, symbols)
    pattern = parser.choice()
    if parser.word:
        raise parser.fault("there is no parenthesis open here")
    return pattern


class _Parser:
    """Reads the text once, left to right; `kind` and `word` are the token ahead, which begins at `place`."""

    def __init__(self, text: str, symbols: Mapping[str, int]) -> None:
        self.text, self.names = text, list(symbols)
        self.symbols = {name.lower(): number for name, number in symbols.items()}
        self.depth = 0
        self.after = 0
        self.advance()

    def advance(self) -> str:
        passed = getattr(self, "word", "")
        token = TOKEN.match(self.text, self.after)
        if token is None:
            self.place = re.compile(r"\s*").match(self.text, self.after).end()  # type: ignore[union-attr]
            raise self.fault(f"{self.text[self.place]!r} has no meaning in a pattern")
        self.kind, self.word = str(token.lastgroup), token[str(token.lastgroup)]
        self.place, self.after = token.start(self.kind), token.end()
        return passed

    def fault(self, message: str, place: int | None = None) -> Exception:
        return fault(message, self.text, self.place if place is None else place, what="pattern")

    def choice(self) -> Pattern:
        options = [self.sequence()]
        while self.word == "|":
            self.advance()
            options.append(self.sequence())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def sequence(self) -> Pattern:
        parts = [self.item()]
        while self.word == "." or self.begins_operand():
            has_dot = self.word == "."
            if has_dot:
                self.advance()
            place = self.place
            parts.append(self.item())
            if not has_dot and not any(map(_is_place, parts[-2:])):
                raise self.fault("a dot or | is missing", place)
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def begins_operand(self) -> bool:
        return self.kind == "name" or self.word in ("(", "^", "$")

    def item(self) -> Pattern:
        operand = self.operand()
        if self.kind == "range" or self.word in COUNTS:
            operand = self.repeat(operand)
        if self.kind == "range" or self.word in COUNTS:
            raise self.fault("this is quantified already; put it in parentheses to quantify it again")
        return operand

    def repeat(self, body: Pattern) -> Repeat:
        place = self.place
        least, most = COUNTS[self.word] if self.word in COUNTS else _range(self.word)
        self.advance()
        if most is not None and most < least:
            raise self.fault(f"the least, {least}, is above the most, {most}", place)
        if max(least, most or 0) > MOST_TIMES:
            raise self.fault(
                f"a part may be counted up to {MOST_TIMES:,} times; use + or *, with count(*) in where",
                place,
            )
        greedy = self.word != "?"
        if not greedy:
            self.advance()
        return Repeat(body, least, most, greedy)

    def operand(self) -> Pattern:
        if self.kind == "name":
            return self.symbol()
        if self.word in ("^", "$"):
            return Anchor(at_end=self.advance() == "$")
        if self.word == "(":
            return self.group()
        raise self.fault("a symbol, ^, $ or ( is missing" if self.text.strip() else "there is no pattern")

    def symbol(self) -> Symbol:
        if self.word.lower() not in self.symbols:
            raise self.fault(unknown_symbol(self.word, self.names))
        return Symbol(self.symbols[self.advance().lower()])

    def group(self) -> Pattern:
        opened = self.place
        self.advance()
        self.depth += 1
        if self.depth > DEPTH:
            raise self.fault(f"parentheses are nested more than {DEPTH} deep", opened)
        inner = Sequence(()) if self.word == ")" else self.choice()
        if self.word != ")":
            raise self.fault("this parenthesis is never closed", opened)
        self.depth -= 1
        self.advance()
        return inner


def _is_place(pattern: Pattern) -> bool:
    """Whether it asks where in the partition it stands, and takes no row: no dot is needed beside it."""
    return pattern != Sequence(()) and not _can_take_rows(pattern)


def _can_take_rows(pattern: Pattern) -> bool:
    match pattern:
        case Symbol():
            return True
        case Anchor():
            return False
        case Repeat(body):
            return _can_take_rows(body)
        case Sequence(parts) | Choice(parts):
            return any(map(_can_take_rows, parts))


def _range(word: str) -> tuple[int, int | None]:
    """The bounds that {n}, {n,}, {,m}, {n,m} or {,} say."""
    least, comma, most = (part.strip() for part in word.strip("{}").partition(","))
    if not comma:
        return _count(least), _count(least)
    return _count(least or "0"), _count(most) if most else None


def _count(digits: str) -> int:
    """The number; one of many digits is only known to be too large."""
    return int(digits) if len(digits) < 20 else sys.maxsize
