"""The rows of a batch of visitors as numpy arrays, and what is asked and found of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Distances = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

NONE = -1  # no row
FOREVER = 2**64 - 1  # no two instants are further apart


@dataclass(frozen=True)
class Visits:
    """The rows of a batch of visitors: visitor v has rows offsets[v] to offsets[v + 1], in order.

    A mask has bit k - 1 where predicate k holds: the steps first, then whatever else the rules name.
    """

    offsets: Integers
    at: Integers
    mask: Integers

    @cached_property
    def rows(self) -> Integers:
        """Each row's number."""
        return np.arange(len(self.at))

    @cached_property
    def first(self) -> Integers:
        """For each row the first row of its visitor."""
        return np.repeat(self.offsets[:-1], np.diff(self.offsets))

    @cached_property
    def instant(self) -> Integers:
        """For each row the first row of its visitor with the same time."""
        begins = np.ones(len(self.at), dtype=bool)
        begins[1:] = (self.at[1:] != self.at[:-1]) | (self.first[1:] != self.first[:-1])
        return np.maximum.accumulate(np.where(begins, self.rows, 0))

    def holds(self, predicate: int) -> Flags:
        """The rows of which the predicate, counted from 1, holds."""
        return (self.mask >> (predicate - 1) & 1).astype(bool)


class Gate(NamedTuple):
    """The least and the most time from the step before to a step."""

    least: int
    most: int


class Barrier(NamedTuple):
    """A predicate that may hold of no row between two steps."""

    predicate: int
    after: int
    before: int


class OptionalStep(NamedTuple):
    """The predicate of a step that may be left out, and the step that stands before it."""

    predicate: int
    after: int


@dataclass(frozen=True)
class Rules:
    """What makes a chain: one row a step, one after the other, the last at most `window` after the first."""

    steps: int
    window: int
    modes: Collection[str] = frozenset()
    gates: Mapping[int, Gate] = field(default_factory=dict)  # by step, from 2
    barriers: Sequence[Barrier] = ()
    optional: Sequence[OptionalStep] = ()
    until: int | None = None  # the time at which the data end


@dataclass(frozen=True)
class Found:
    """What was found for each visitor: its level, and the rows of its winning chain (NONE beyond it)."""

    level: Integers
    rows: Integers  # visitors x steps
    optional: Integers  # visitors x optional steps: the row that took it, or NONE
    is_open: Flags  # whether the next step of one of its chains could come after the end of the data


def apart(later: Integers, earlier: Integers) -> Distances:
    """How far apart the instants are, exact even from one end of the integers to the other."""
    return later.astype(np.uint64) - earlier.astype(np.uint64)


def first_without(low: Integers, high: Integers, holds: Callable[[Integers], Flags]) -> Integers:
    """In each range the first row that does not hold, where those that do come first; else `high`.

    All ranges are bisected together.
    """
    while (open_still := low < high).any():
        middle = np.where(open_still, (low + high) // 2, low)
        is_later = open_still & holds(np.where(open_still, middle, 0))
        low, high = np.where(is_later, middle + 1, low), np.where(is_later, high, np.minimum(middle, high))
    return low
