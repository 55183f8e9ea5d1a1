"""Visitors as the arrays that the reckoning behind funnels and sequences takes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retinue.clickstream.visits import Visits


def visits(visitors: Sequence[Sequence[tuple[int, int]]]) -> Visits:
    rows = np.array([row for visitor in visitors for row in visitor], dtype=np.int64).reshape(-1, 2)
    return Visits(np.cumsum([0] + [len(visitor) for visitor in visitors]), rows[:, 0], rows[:, 1])
