"""Calls inside a text of SQL, found without parsing the rest: that stays Spark's.

A call that means something here gives way to a stand-in, a column name no longer than the call, padded
with blanks: so a place in the text stays what it was, and Spark's complaints point where they should.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

TOKEN = re.compile(
    r"""(?P<blank>\s+|--[^\n]*|/\*.*?\*/)
    | (?P<string>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")
    | (?P<quoted>`(?:[^`]|``)*`)
    | (?P<number>\d[\w.]*)
    | (?P<name>[^\W\d]\w*)
    | (?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Token:
    """A word of the text, at `start` up to before `end`."""

    kind: str
    word: str
    start: int
    end: int

    def says(self, *words: str) -> bool:
        """Whether it is one of these words, given in lower case; a text in quotes is none."""
        return self.kind != "string" and self.word.lower() in words

    @property
    def name(self) -> str:
        """What it names, out of its quotes."""
        return self.word[1:-1].replace("``", "`") if self.kind == "quoted" else self.word


@dataclass(frozen=True)
class Snippet:
    """A piece of SQL that begins at `start` of the text that the caller wrote."""

    sql: str
    start: int = 0

    @property
    def tokens(self) -> list[Token]:
        """Its words, placed in the caller's text."""
        found = (
            Token(str(token.lastgroup), token[0], self.start + token.start(), self.start + token.end())
            for token in TOKEN.finditer(self.sql)
        )
        return [token for token in found if token.kind != "blank"]

    def part(self, start: int, end: int) -> Snippet:
        """What stands from one place to another of the caller's text."""
        return Snippet(self.sql[start - self.start : end - self.start], start)

    def with_stand_in(self, start: int, end: int, word: str) -> Snippet:
        """The same with `word` in the place of a part at least as long."""
        head, tail = self.sql[: start - self.start], self.sql[end - self.start :]
        return replace(self, sql=head + word.ljust(end - start) + tail)

    @property
    def is_name(self) -> bool:
        """Whether it is a name and no more, of whatever parts."""
        return all(token.kind in ("name", "quoted") or token.word == "." for token in self.tokens)

    def qualified(self, known: Collection[str]) -> list[tuple[Token, Token]]:
        """Where one of the columns `known` stands behind other names, such as a frame's: first and last."""
        tokens, lower = self.tokens, {column.lower() for column in known}
        chains = (
            list(_chain(tokens[index:]))
            for index in range(len(tokens))
            if not (index and tokens[index - 1].word == ".")
        )
        pairs = (
            (chain[0], next((token for token in chain if token.name.lower() in lower), chain[0]))
            for chain in chains
            if chain
        )
        return [(first, column) for first, column in pairs if first is not column]

    def columns(self, known: Collection[str]) -> list[str]:
        """The columns among `known` that the text may name."""
        words = {token.name.lower() for token in self.tokens if token.kind in ("name", "quoted")}
        return [column for column in known if column.lower() in words]


def _chain(tokens: Sequence[Token]) -> Iterator[Token]:
    """The names with dots between that the tokens begin with."""
    for token, dot in zip_longest(tokens[::2], tokens[1::2]):
        if token.kind not in ("name", "quoted"):
            return
        yield token
        if dot is None or dot.word != ".":
            return


@dataclass(frozen=True)
class Call:
    """`name(inner)` at `start` up to before `end`, its parenthesis at `opening`; `closed` if that is."""

    name: str
    start: int
    opening: int
    end: int
    inner: Sequence[Token]
    closed: bool


def calls(snippet: Snippet, names: Collection[str]) -> Iterator[Call]:
    """The outermost calls of functions of these names, in lower case; one with OVER after it is Spark's."""
    tokens, index = snippet.tokens, 0
    while index < len(tokens):
        call = _call_at(tokens, index) if tokens[index].says(*names) else None
        if call is None:
            index += 1
            continue
        index += len(call.inner) + 3
        if not (index < len(tokens) and tokens[index].says("over")):
            yield call


def _call_at(tokens: Sequence[Token], index: int) -> Call | None:
    if index + 1 == len(tokens) or tokens[index + 1].word != "(" or (index and tokens[index - 1].word == "."):
        return None
    name, inner = tokens[index], list(_until_closed(tokens[index + 2 :]))
    closing = index + 2 + len(inner)
    closed = closing < len(tokens)
    end = tokens[closing].end if closed else tokens[-1].end
    return Call(name.word.lower(), name.start, tokens[index + 1].start, end, inner, closed)


def _until_closed(tokens: Sequence[Token]) -> Iterator[Token]:
    depth = 0
    for token in tokens:
        depth += (token.word == "(") - (token.word == ")")
        if depth < 0:
            return
        yield token


def split(tokens: Sequence[Token], word: str) -> list[list[Token]]:
    """The tokens between those that say `word` outside of any parentheses."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += token.word in ("(", "[")
        depth -= token.word in (")", "]")
        if depth == 0 and token.says(word):
            parts.append([])
        else:
            parts[-1].append(token)
    return parts
