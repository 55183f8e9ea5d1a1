"""The measures' language: SQL with aggregates over the rows that symbols took.

Reading a measure takes its aggregates out of the text, and out of the aggregates the expressions that
each row must bring along; what is left is a scalar expression of plain columns, and Spark's to read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from retinue.clickstream.npath.faults import fault, unknown_symbol
from retinue.clickstream.npath.sql import Call, Snippet, Token, calls, split
from retinue.errors import PatternError
from retinue.schema import quoted

CHOOSING = {"first", "last", "nth", "first_notnull", "last_notnull", "max_choose", "min_choose"}
"""The aggregates whose value is one row's, from which lag and lead can move."""

ARGUMENTS = {
    **dict.fromkeys(["first", "last", "first_notnull", "last_notnull", "sum", "avg", "min", "max"], 1),
    **dict.fromkeys(["count", "accumulate", "dupcount", "dupcountcum"], 1),
    **dict.fromkeys(["nth", "max_choose", "min_choose"], 2),
}
REPEATS = {"count": ("distinct",), "accumulate": ("distinct", "cdistinct")}
WORDS = {*ARGUMENTS, "classifier", "match_number", "lag", "lead"}

MOST_ROWS = 2**31 - 1  # an array holds no more

NUMBER = "_npath_number"
LABEL = "_npath_label"


@dataclass(frozen=True)
class Value:
    """An expression that each row brings along, read only where a symbol of `of` holds (None: anywhere)."""

    name: str
    snippet: Snippet
    of: frozenset[int] | None
    text: str
    what: str


@dataclass(frozen=True)
class Aggregate:
    """A function over those of a match's rows that the symbols `of` took (None: all).

    `values` are the names of what it reads of each row: LABEL is the symbol's name. `nth` counts from 1,
    negative from the end. `repeats` tells whether equal values count once (distinct) or once in a
    run (cdistinct). `running` looks no further than the row itself. `delimiter` is a literal of SQL.
    """

    function: str
    values: tuple[str, ...]
    of: frozenset[int] | None
    running: bool = False
    nth: int = 0
    repeats: str = ""
    delimiter: str = "', '"


@dataclass(frozen=True)
class Asked:
    """The name that stands in for an aggregate, and where it was first asked for."""

    name: str
    place: int
    text: str
    what: str


@dataclass(frozen=True)
class Measure:
    """What is left of a text for Spark, over the row's own columns and the stand-ins of aggregates.

    `is_column` tells whether it is a column of the row itself and no more.
    """

    text: str
    what: str
    snippet: Snippet
    is_column: bool


class Reader:
    """Reads measures and gathers what they have in common: the values of the rows, and the aggregates.

    `symbols` come with their numbers; `everything` are those in the pattern, which together
    are every row of a match; `columns` are those of the rows, and `is_there` tells whether a column goes by
    a longer name too, such as that of a frame's alias. `exposed` are the values that measures ask of the
    row itself, by the names that they know them by.
    """

    def __init__(
        self,
        symbols: Mapping[str, int],
        everything: Collection[int],
        columns: Sequence[str],
        is_there: Callable[[str], bool] = lambda name: False,
    ) -> None:
        self.symbols = {name.lower(): number for name, number in symbols.items()}
        self.names, self.everything = list(symbols), set(everything)
        self.columns, self.is_there = columns, is_there
        self.values: dict[tuple[str, frozenset[int] | None], Value] = {}
        self.aggregates: dict[Aggregate, Asked] = {}
        self.exposed: dict[str, str] = {}

    def measure(self, text: str, *, what: str, running: bool) -> Measure:
        """The measure; if `running`, aggregates look no further than the row unless they say final.

        Where there is one row a match, that is its last: running and final mean the same.

        Raises PatternError with a caret under the place.
        """
        _refuse_no_text(text, what)
        return _Reading(self, text, what).measure(running)

    def condition(self, text: str, *, what: str) -> Measure:
        """A measure that says whether a match is kept, read before those that are get their numbers."""
        _refuse_no_text(text, what)
        for call in calls(Snippet(text), ["match_number"]):
            raise fault(
                "match_number() is not known yet: only the matches that are kept get one",
                text,
                call.start,
                what=what,
            )
        return self.measure(text, what=what, running=False)

    def value(self, snippet: Snippet, of: frozenset[int] | None, text: str, what: str) -> str:
        """The name of a value of the rows, the same for the same text."""
        key = (snippet.sql.strip(), of)
        if key not in self.values:
            self.values[key] = Value(self.fresh_name(), snippet, of, text, what)
        return self.values[key].name

    def expose(self, name: str | None, snippet: Snippet, text: str, what: str) -> str:
        """The name that measures know a value of the row itself by; the value's own where it has no other."""
        value = self.value(snippet, None, text, what)
        self.exposed[name or value] = value
        return name or value

    def aggregate(self, aggregate: Aggregate, place: int, text: str, what: str) -> str:
        """The name of an aggregate, the same for the same question."""
        return self.aggregates.setdefault(aggregate, Asked(self.fresh_name(), place, text, what)).name

    @property
    def needs_labels(self) -> bool:
        """Whether it matters which symbol took a row."""
        return any(aggregate.of is not None or LABEL in aggregate.values for aggregate in self.aggregates)

    def fresh_name(self) -> str:
        """A name that no frame has."""
        return f"ν{len(self.values) + len(self.aggregates)}"


@dataclass(frozen=True)
class _Reading:
    """One text being read."""

    reader: Reader
    text: str
    what: str

    def fault(self, message: str, place: Token | int) -> PatternError:
        return fault(message, self.text, place if isinstance(place, int) else place.start, what=self.what)

    def measure(self, running: bool) -> Measure:
        snippet, asked = Snippet(self.text), []
        for call in reversed(list(calls(snippet, WORDS))):
            prefix = self.prefix(Snippet(self.text), call)
            name = self.stand_in(call, running and not _is_final(prefix))
            asked.append(name)
            snippet = snippet.with_stand_in(prefix.start if prefix else call.start, call.end, quoted(name))
        columns = snippet.columns(self.reader.columns)
        for column in columns:
            self.reader.expose(column, Snippet(quoted(column)), self.text, self.what)
        for first, last in snippet.qualified(self.reader.columns):
            whole = snippet.part(first.start, last.end)
            if self.reader.is_there(whole.sql):
                self.reader.expose(last.name, whole, self.text, self.what)
                snippet = snippet.with_stand_in(first.start, last.start, "")
        is_column = snippet.is_name and bool(columns) and not asked
        return Measure(self.text, self.what, snippet, is_column)

    def prefix(self, snippet: Snippet, call: Call) -> Token | None:
        """The word running or final right before the call."""
        before = [token for token in snippet.tokens if token.end <= call.start]
        return before[-1] if before and before[-1].says("running", "final") else None

    def stand_in(self, call: Call, running: bool) -> str:
        if not call.closed:
            raise self.fault("its parenthesis is never closed", call.start)
        if call.name == "match_number":
            if call.inner:
                raise self.fault("match_number takes nothing", call.inner[0])
            return NUMBER
        if call.name in ("lag", "lead"):
            return self.moved(call, running)
        return self.asked(self.aggregate(call, running), call.start)

    def asked(self, aggregate: Aggregate, place: int) -> str:
        return self.reader.aggregate(aggregate, place, self.text, self.what)

    def moved(self, move: Call, running: bool) -> str:
        """The name of a lag or lead: of an aggregate that chooses a row, or else of the row itself."""
        first = split(move.inner, ",")[0]
        if not first:
            raise self.fault(f"{move.name} of what is missing", move.end - 1)
        snippet = self.snippet(first)
        inner = list(calls(snippet, WORDS - {"lag", "lead"}))
        if not inner:
            return self.reader.expose(None, self.part(move.start, move.end), self.text, self.what)
        prefix = self.prefix(snippet, inner[0])
        start = prefix.start if prefix else inner[0].start
        if (start, inner[0].end) != (first[0].start, first[-1].end) or inner[0].name not in CHOOSING:
            raise self.fault(
                f"{move.name} moves from a row, so it takes one of {_listed(CHOOSING)}", first[0]
            )
        return self.asked(self.aggregate(inner[0], running and not _is_final(prefix), move), move.start)

    def aggregate(self, call: Call, running: bool, move: Call | None = None) -> Aggregate:
        inner, delimiter = self.delimiter(call)
        body, of = self.body_and_of(call, inner)
        if call.name == "classifier":
            if body:
                raise self.fault("classifier takes only of", body[0])
            return Aggregate("last", (LABEL,), of, running)
        repeats = self.repeats(call, body)
        arguments = split(body[1:] if repeats else body, ",")
        self.check(call, arguments)
        nth = self.integer(arguments.pop()) if call.name == "nth" else 0
        values = self.values(call, arguments, of, move)
        return Aggregate(call.name, values, of, running, nth, repeats, delimiter)

    def repeats(self, call: Call, body: Sequence[Token]) -> str:
        """The word distinct or cdistinct before what the aggregate reads."""
        if not body or not body[0].says("distinct", "cdistinct"):
            return ""
        word = body[0].word.lower()
        takers = [name for name, words in REPEATS.items() if word in words]
        if call.name in takers:
            return word
        if len(body) > 1:
            raise self.fault(f"{call.name} takes no {word}, only {' and '.join(takers)}", body[0])
        return ""  # a column of that name

    def delimiter(self, call: Call) -> tuple[Sequence[Token], str]:
        """What stands in the parentheses before any delimiter, and the delimiter."""
        parts = split(call.inner, "delimiter") if call.name == "accumulate" else [list(call.inner)]
        if len(parts) == 1:
            return parts[0], Aggregate.delimiter
        if len(parts) > 2 or len(parts[1]) != 1 or parts[1][0].kind != "string":
            raise self.fault("delimiter wants one text in quotes", parts[1][0] if parts[1] else call.end - 1)
        return parts[0], parts[1][0].word

    def body_and_of(self, call: Call, inner: Sequence[Token]) -> tuple[list[Token], frozenset[int] | None]:
        body, *of = split(inner, "of")
        if not of:
            return body, None
        if len(of) > 1 or not of[0]:
            last = [token for token in inner if token.says("of")][-1]
            raise self.fault(
                "of wants a symbol or any(symbol, ...), once; what is itself called of, put in backticks",
                last,
            )
        return body, self.of(of[0])

    def of(self, tokens: Sequence[Token]) -> frozenset[int] | None:
        """The symbols that `of` names; None where they are every row of a match."""
        names = tokens
        if len(tokens) > 1:
            if not (tokens[0].says("any") and tokens[1].word == "(" and tokens[-1].word == ")"):
                raise self.fault("of wants a symbol or any(symbol, ...)", tokens[0])
            listed = split(tokens[2:-1], ",")
            wrong = [part for part in listed if len(part) != 1]
            if wrong:
                raise self.fault(
                    "any wants symbols with commas between", wrong[0][-1] if wrong[0] else tokens[-1]
                )
            names = [part[0] for part in listed]
            stars = [name for name in names if name.word == "*"]
            if stars and len(names) > 1:
                raise self.fault("* is every row of the match, so it stands alone in any", stars[0])
            if stars:
                return None
        symbols = frozenset(map(self.symbol, names))
        return None if symbols >= self.reader.everything else symbols

    def symbol(self, token: Token) -> int:
        symbol = token.name.lower()
        if symbol not in self.reader.symbols:
            raise self.fault(unknown_symbol(token.name, self.reader.names), token)
        return self.reader.symbols[symbol]

    def check(self, call: Call, arguments: Sequence[Sequence[Token]]) -> None:
        wanted = ARGUMENTS[call.name]
        if len(arguments) != wanted or not all(arguments):
            raise self.fault(f"{call.name} wants {wanted} expression{'s' * (wanted > 1)}", call.start)

    def integer(self, tokens: Sequence[Token]) -> int:
        word = "".join(token.word for token in tokens)
        if not re.fullmatch(r"[+-]?[1-9]\d*", word, re.ASCII):
            raise self.fault("nth wants a whole number, from 1 on, or from -1 back from the end", tokens[0])
        return max(-MOST_ROWS, min(MOST_ROWS, int(word[:20])))

    def values(
        self, call: Call, arguments: Sequence[Sequence[Token]], of: frozenset[int] | None, move: Call | None
    ) -> tuple[str, ...]:
        """The names of what the aggregate reads of each row; what it gives is the last of them."""
        if [token.word for token in arguments[0]] == ["*"]:
            if call.name not in ("count", "dupcount", "dupcountcum"):
                raise self.fault(f"{call.name} wants an expression, not *", arguments[0][0])
            return ()
        names = [self.value(argument, of) for argument in arguments]
        if call.name.endswith("_notnull"):
            names = names * 2
        if move:
            names[-1] = self.moved_value(move, arguments[-1], of)
        return tuple(names)

    def value(self, tokens: Sequence[Token], of: frozenset[int] | None) -> str:
        if [token.word.lower() for token in tokens] == ["classifier", "(", ")"]:
            return LABEL
        snippet = self.snippet(tokens)
        inner = next(calls(snippet, WORDS - {"lag", "lead"}), None)
        if inner:
            raise self.fault(f"{inner.name} cannot stand inside another aggregate", inner.start)
        return self.reader.value(snippet, self.guard(of) if len(tokens) > 1 else None, self.text, self.what)

    def guard(self, of: frozenset[int] | None) -> frozenset[int]:
        """The symbols for whose rows an aggregate's expression is read: on others it may fail."""
        return frozenset(self.reader.everything) if of is None else of

    def moved_value(self, move: Call, tokens: Sequence[Token], of: frozenset[int] | None) -> str:
        """The value of `tokens` at the row that lag or lead moves to: the move, with that as its argument."""
        first = split(move.inner, ",")[0]
        head, value = self.part(move.start, first[0].start), self.snippet(tokens)
        tail = self.part(first[-1].end, move.end)
        before, after = value.start - first[0].start, first[-1].end - value.start - len(value.sql)
        sql = head.sql + " " * before + value.sql + " " * after + tail.sql
        return self.reader.value(Snippet(sql, move.start), self.guard(of), self.text, self.what)

    def snippet(self, tokens: Sequence[Token]) -> Snippet:
        return self.part(tokens[0].start, tokens[-1].end)

    def part(self, start: int, end: int) -> Snippet:
        return Snippet(self.text[start:end], start)


def _refuse_no_text(text: object, what: str) -> None:
    if not isinstance(text, str):
        raise PatternError(f"{what}: it is a {type(text).__name__}; write it as text of SQL")


def _is_final(prefix: Token | None) -> bool:
    return prefix is not None and prefix.says("final")


def _listed(words: Collection[str]) -> str:
    return ", ".join(sorted(words))
