"""Cascades: who is active in the end when each activation may pass on once along each edge.

An edge that passes with probability p has the hazard -log(1 - p): it passes where at least one of a Poisson
number of shots hits it. Shots are drawn for a vertex as a whole, so that a hub costs what it passes on and
not what it might pass on; hazards of parallel edges add up as the 1 - p of them multiply.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CERTAIN", "Ways", "runs", "ways"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

CERTAIN = 37.0  # the hazard of an edge that always passes: it fails once in 10^16
AT_ONCE = 500_000  # active vertices of the cascades that are run together, about


@dataclass(frozen=True)
class Ways:
    """Where an activation may go: the ends of a vertex's edges, and all hazards one after the other."""

    starts: Ints
    ends: Ints
    line: Floats

    @property
    def size(self) -> int:
        """How many vertices there are."""
        return len(self.starts) - 1

    def passed(self, chance: np.random.Generator, active: Ints) -> tuple[Ints, Ints]:
        """Whom they activate: of each hit the place in `active` it comes from, and the vertex."""
        first, last = self.starts[active], self.starts[active + 1]
        begin, hazard = self.line[first], self.line[last] - self.line[first]
        shots = chance.poisson(hazard)
        by = np.repeat(np.arange(len(active)), shots)
        aim = begin[by] + hazard[by] * chance.random(len(by))
        hit = np.searchsorted(self.line, aim, side="right") - 1
        return by, self.ends[np.minimum(hit, last[by] - 1)]


def ways(hazards: Any) -> Ways:
    """The ways from row to column of a sparse matrix of hazards."""
    line = np.concatenate([[0.0], np.cumsum(hazards.data)])
    return Ways(hazards.indptr.astype(np.int64), hazards.indices.astype(np.int64), line)


def runs(
    ways: Ways, begin: Callable[[int], Ints], count: int, chance: np.random.Generator
) -> Iterator[tuple[Ints, Ints, int]]:
    """Cascades, many at a time: of all active vertices the cascade and the vertex, sorted, and how many ran.

    `begin` gives, for so many cascades, the vertices that are active from the start, a row a cascade. Few
    are run at first, so that it is known how large they grow before many are.
    """
    done = members = 0
    while done < count:
        together = min(count - done, max(4 * done, 1), max(AT_ONCE * done // max(members, 1), 1))
        begun = np.arange(together)[:, np.newaxis] * ways.size + begin(together)
        run, vertex = np.divmod(_active(ways, _distinct(begun.ravel()), chance), ways.size)
        yield run, vertex, together
        done, members = done + together, members + len(run)


def _active(ways: Ways, begun: Ints, chance: np.random.Generator) -> Ints:
    """All that are active in the end, as cascade times size plus vertex, sorted."""
    active = new = begun
    while len(new):
        vertex = new % ways.size
        by, hit = ways.passed(chance, vertex)
        reached = _distinct((new - vertex)[by] + hit)
        place = np.minimum(np.searchsorted(active, reached), len(active) - 1)
        new = reached[active[place] != reached]
        active = np.sort(np.concatenate([active, new]), kind="stable")
    return active


def _distinct(numbers: Ints) -> Ints:
    """The different ones, sorted; for whole numbers this is faster than numpy's own way by hashes."""
    numbers = np.sort(numbers)
    return numbers[np.diff(numbers, prepend=-1) > 0]
