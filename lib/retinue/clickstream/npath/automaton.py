"""The pattern as a nondeterministic automaton whose states are the places where a row can be taken.

Thompson's construction, except that what takes no row is followed through once and for all: each
state knows which states can come after it, in the order in which the pattern prefers them.
"""

from __future__ import annotations

from collections.abc import Sequence as Listing
from dataclasses import dataclass

from retinue.clickstream.npath import pattern as tree
from retinue.errors import PatternError

ACCEPT, FIRST_ROW, ANY_ROW = 0, 1, 2
"""The state where a match has ended, and those before it begins: at the partition's first row, or later."""

MOST_STATES = 5_000
MOST_STEPS = 1_000_000


@dataclass(frozen=True)
class Automaton:
    """States by number: ACCEPT, FIRST_ROW, ANY_ROW, and then one for each row that the pattern can take.

    `symbol` is the symbol that a state takes its row for. `after` lists the states that can follow it,
    the preferred first; `after_last` does so where the row taken was the last of the partition.
    """

    symbol: tuple[int | None, ...]
    after: tuple[tuple[int, ...], ...]
    after_last: tuple[tuple[int, ...], ...]


def build(pattern: tree.Pattern) -> Automaton:
    """The automaton of a pattern.

    Raises PatternError where counted repetition makes it larger than some thousands of states.
    """
    program = _Program()
    entry = program.add(pattern, program.accept, program.accept)
    takes = {node: step for node, step in enumerate(program.steps) if isinstance(step, _Take)}
    number = {program.accept: ACCEPT} | {node: ANY_ROW + 1 + index for index, node in enumerate(takes)}
    reach = _Reach(program.steps, number)
    follows = [take.next for take in takes.values()]
    return Automaton(
        symbol=(None, None, None, *(take.symbol for take in takes.values())),
        after=((), reach(entry, at_start=True), reach(entry), *map(reach, follows)),
        after_last=((), (), (), *(reach(node, at_end=True) for node in follows)),
    )


@dataclass(frozen=True)
class _Take:
    symbol: int
    next: int


@dataclass(frozen=True)
class _Check:
    at_end: bool
    next: int


class _Program:
    """Steps by number: a row taken, an anchor checked, or a list of steps to go on with, the preferred first.

    A part of the pattern is added together with where to go on if it took no row, and if it took some.
    The two differ inside a repetition: an iteration beyond the least that takes no row leads nowhere.
    """

    def __init__(self) -> None:
        self.steps: list[_Take | _Check | list[int]] = []
        self.known: dict[tuple[tree.Pattern, int, int], int] = {}
        self.accept, self.nowhere = self.step([]), self.step([])

    def step(self, step: _Take | _Check | list[int]) -> int:
        if len(self.steps) > MOST_STATES:
            raise _too_large()
        self.steps.append(step)
        return len(self.steps) - 1

    def add(self, part: tree.Pattern, empty: int, taken: int) -> int:
        if not _can_be_empty(part):
            empty = taken
        key = (part, empty, taken)
        if key not in self.known:
            self.known[key] = self.fresh(part, empty, taken)
        return self.known[key]

    def fresh(self, part: tree.Pattern, empty: int, taken: int) -> int:
        match part:
            case tree.Symbol(number):
                return self.step(_Take(number, taken))
            case tree.Anchor(at_end):
                return self.step(_Check(at_end, empty))
            case tree.Sequence(parts):
                return self.sequence(parts, empty, taken)
            case tree.Choice(options):
                return self.step([self.add(option, empty, taken) for option in options])
            case tree.Repeat():
                return self.repeat(part, empty, taken)

    def sequence(self, parts: Listing[tree.Pattern], empty: int, taken: int) -> int:
        for part in reversed(parts):
            empty, taken = self.both(part, empty, taken)
        return empty

    def both(self, part: tree.Pattern, empty: int, taken: int) -> tuple[int, int]:
        """The part for when no row was taken before it, and for when some was."""
        return self.add(part, empty, taken), self.add(part, taken, taken)

    def repeat(self, part: tree.Repeat, empty: int, taken: int) -> int:
        more = (
            self.loop(part, taken) if part.most is None else self.up_to(part, part.most - part.least, taken)
        )
        if more is not None:
            empty, taken = self.option(part, more, empty), self.option(part, more, taken)
        for _ in range(part.least):
            empty, taken = self.both(part.body, empty, taken)
        return empty

    def loop(self, part: tree.Repeat, taken: int) -> int:
        """One more iteration, and after it any number of others."""
        again = self.step([])
        more = self.add(part.body, self.nowhere, again)
        self.steps[again] = _ordered(more, taken, part.greedy)
        return more

    def up_to(self, part: tree.Repeat, most: int, taken: int) -> int | None:
        """One more iteration, and after it others up to `most` in all; None where there is none."""
        more = None
        for _ in range(most):
            after = taken if more is None else self.option(part, more, taken)
            more = self.add(part.body, self.nowhere, after)
        return more

    def option(self, part: tree.Repeat, more: int, leave: int) -> int:
        return self.step(_ordered(more, leave, part.greedy))


def _ordered(more: int, leave: int, greedy: bool) -> list[int]:
    return [more, leave] if greedy else [leave, more]


def _can_be_empty(part: tree.Pattern) -> bool:
    match part:
        case tree.Symbol():
            return False
        case tree.Anchor():
            return True
        case tree.Sequence(parts):
            return all(map(_can_be_empty, parts))
        case tree.Choice(options):
            return any(map(_can_be_empty, options))
        case tree.Repeat(body, least):
            return least == 0 or _can_be_empty(body)


class _Reach:
    """The states that a step leads to without taking a row: depth first, so the preferred come first."""

    def __init__(self, steps: list[_Take | _Check | list[int]], number: dict[int, int]) -> None:
        self.steps, self.number = steps, number
        self.found = 0

    def __call__(self, node: int, at_start: bool = False, at_end: bool = False) -> tuple[int, ...]:
        states, seen, ahead = [], set(), [node]
        while ahead:
            node = ahead.pop()
            if node in seen:
                continue
            seen.add(node)
            step = self.steps[node]
            if node in self.number:
                states.append(self.number[node])
            elif isinstance(step, list):
                ahead.extend(reversed(step))
            elif isinstance(step, _Check) and (at_end if step.at_end else at_start):
                ahead.append(step.next)
        self.found += len(seen)
        if self.found > MOST_STEPS:
            raise _too_large()
        return tuple(states)


def _too_large() -> PatternError:
    return PatternError(
        f"pattern: its counted repetitions unroll to more than {MOST_STATES:,} states;"
        " use smaller counts, or + and * with a condition on count(*) in where"
    )
