"""What is asked of a funnel by names, checked, and put as the numbers that the reckoning takes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column

from retinue.clickstream.visits import Barrier, Gate, OptionalStep, Rules
from retinue.errors import RetinueError, nearest

MODES = (
    "strict_order",
    "strict_deduplication",
    "strict_increase",
    "strict_once",
    "allow_reentry",
    "clickhouse",
)
_MOST = 60  # predicates: one bit each of a long


@dataclass(frozen=True)
class Exclusion:
    """No row of which `predicate` holds may lie between the step `after` and the step `before`.

    By default these are the first and the last step.
    """

    predicate: str | Column
    after: str | None = None
    before: str | None = None


@dataclass(frozen=True)
class Question:
    """The steps in order, those of them that are optional, and what may not lie between them."""

    steps: Mapping[str, str | Column]
    optional: Collection[str]
    exclusions: Sequence[Exclusion]
    modes: frozenset[str]

    def __post_init__(self) -> None:
        refuse_number(len(self.steps), "steps")
        refuse_number(len(self.predicates), "steps and exclusions")
        for name in self.optional:
            _refuse_unknown(name, list(self.steps), "optional")
        if next(iter(self.steps)) in self.optional:
            raise RetinueError(
                f"the first step, {next(iter(self.steps))}, is optional; a chain starts with it"
            )

    @property
    def required(self) -> list[str]:
        """The steps that make the level."""
        return [name for name in self.steps if name not in self.optional]

    @property
    def names(self) -> list[str]:
        """The required steps, then the optional ones."""
        return [*self.required, *(name for name in self.steps if name in self.optional)]

    @property
    def predicates(self) -> list[str | Column]:
        """The steps' own in order, then the exclusions'."""
        return [*self.steps.values(), *(exclusion.predicate for exclusion in self.exclusions)]

    @property
    def order(self) -> list[int]:
        """The places, among the predicates, of the required steps, the optional ones and the exclusions."""
        places = list(self.steps)
        return [*map(places.index, self.names), *range(len(places), len(self.predicates))]

    def rules(self, *, window: int, gates: Mapping[str, Gate], until: int | None) -> Rules:
        """The same in numbers, predicates counted from 1 in that order."""
        if "clickhouse" in self.modes and (self.optional or self.exclusions or gates):
            raise RetinueError(
                "clickhouse is that engine's own reading, without optional, exclusions or gates"
            )
        return Rules(
            steps=len(self.required),
            window=window,
            modes=self.modes,
            gates={self._gated(step): gate for step, gate in gates.items()},
            barriers=[self._barrier(place) for place in range(len(self.exclusions))],
            optional=[
                OptionalStep(self.names.index(name) + 1, self._before(name))
                for name in self.names[len(self.required) :]
            ],
            until=until,
        )

    def _before(self, optional: str) -> int:
        """How many required steps stand before it."""
        before = list(self.steps)[: list(self.steps).index(optional)]
        return sum(name not in self.optional for name in before)

    def _gated(self, step: str) -> int:
        _refuse_unknown(step, self.required[1:], "gates")
        return self.required.index(step) + 1

    def _barrier(self, place: int) -> Barrier:
        exclusion, required = self.exclusions[place], self.required
        after, before = exclusion.after or required[0], exclusion.before or required[-1]
        for step in (after, before):
            _refuse_unknown(step, required, "an exclusion")
        if required.index(after) >= required.index(before):
            raise RetinueError(f"an exclusion lies between {after} and {before}; the former must come before")
        return Barrier(len(self.steps) + place + 1, required.index(after) + 1, required.index(before) + 1)


def modes(mode: str | Collection[str]) -> frozenset[str]:
    """The modes in lower case. Raises RetinueError for one that there is not."""
    chosen = frozenset(word.lower() for word in ([mode] if isinstance(mode, str) else mode))
    for unknown in sorted(chosen.difference(MODES)):
        raise RetinueError(f"mode has {unknown!r}; there are {', '.join(MODES)}{nearest(unknown, MODES)}")
    return chosen


def refuse_number(number: int, what: str) -> None:
    """Raises RetinueError for more predicates, or fewer, than there can be."""
    if not 1 <= number <= _MOST:
        raise RetinueError(f"there are {number} {what}; there must be 1 to {_MOST}")


def _refuse_unknown(step: str, known: Sequence[str], what: str) -> None:
    if step not in known:
        there = ", ".join(known) or "none"
        raise RetinueError(f"{what} has {step!r}; the steps it may name: {there}{nearest(step, known)}")
