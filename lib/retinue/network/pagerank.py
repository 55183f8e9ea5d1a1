"""PageRank: where a reader ends up who follows links at random and now and then begins anew."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from retinue.network.compact import Graph

__all__ = ["walked"]

Floats = NDArray[np.float64]


def walked(
    graph: Graph,
    *,
    damping: float,
    tolerance: float,
    iterations: int,
    jump: Floats | None = None,
    start: Floats | None = None,
) -> tuple[Floats, int]:
    """The share of time at each vertex, and in how many steps it stood still.

    A step is the power method's; it stands still where the shares move by less than `tolerance` in all. Who
    links to nobody, and who begins anew, goes on as `jump` says, by default anywhere.
    """
    jump = np.full(graph.size, 1 / graph.size) if jump is None else jump
    rank = jump if start is None else start
    given = np.asarray(graph.links.sum(axis=1))
    share = np.divide(damping, given, out=np.zeros(graph.size), where=given > 0)
    arriving: Any = graph.links.T.tocsr()
    for step in range(1, iterations + 1):
        passed = arriving @ (rank * share)
        reached = passed + (1 - passed.sum()) * jump
        moved = np.abs(reached - rank).sum()
        rank = reached
        if moved < tolerance:
            return rank, step
    return rank, iterations
