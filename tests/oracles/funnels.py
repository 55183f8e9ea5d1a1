"""Funnels found the slow way: every chain of rows there is, one visitor at a time, in plain Python."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Sequence

Row = tuple[int, int]  # time, and a mask with bit k - 1 where step k's predicate holds
Chain = tuple[int, ...]  # places of rows


def winner(rows: Sequence[Row], *, steps: int, window: int, modes: Collection[str]) -> Chain:
    """The winning chain; its length is the level."""
    chains = list(every_chain(rows, steps=steps, window=window, modes=modes))
    end = first_end(rows, chains, steps=steps, modes=modes)
    alive = [chain for chain in chains if chain[-1] < end]
    return min(alive, key=lambda chain: (-len(chain), chain[-1], -chain[0], chain), default=())


def every_chain(
    rows: Sequence[Row], *, steps: int, window: int, modes: Collection[str], begun: Chain = ()
) -> Iterator[Chain]:
    if begun:
        yield begun
    if len(begun) == steps:
        return
    for place in range(begun[-1] + 1 if begun else 0, len(rows)):
        at, mask = rows[place]
        fits = mask >> len(begun) & 1
        in_time = not begun or at - rows[begun[0]][0] <= window
        increases = not begun or at > rows[begun[-1]][0] or "strict_increase" not in modes
        if fits and in_time and increases:
            yield from every_chain(rows, steps=steps, window=window, modes=modes, begun=(*begun, place))


def first_end(rows: Sequence[Row], chains: Sequence[Chain], *, steps: int, modes: Collection[str]) -> int:
    for place, (_, mask) in enumerate(rows):
        holds = {step for step in range(1, steps + 1) if mask >> (step - 1) & 1}
        reached = max((len(chain) for chain in chains if chain[-1] < place), default=0)
        now = max((len(chain) for chain in chains if chain[-1] <= place), default=0)
        welcome = any(step <= reached + 1 for step in holds)
        early = holds and not welcome and "allow_reentry" not in modes
        if "strict_order" in modes and reached and (not holds or early):
            return place
        repeats = any(2 <= step <= reached for step in holds)
        if "strict_deduplication" in modes and repeats and now == reached:
            return place
    return len(rows)


def random_visitors(number: int, *, steps: int, seed: int) -> list[list[Row]]:
    """Short histories with equal times, rows that are no step, and rows that are several."""
    draw = random.Random(seed)

    def visitor() -> list[Row]:
        span, likely = draw.choice([3, 8, 20]), draw.choice([0.2, 0.35, 0.6])
        times = sorted(draw.randrange(span) for _ in range(draw.randrange(8)))
        return [(at, sum(1 << k for k in range(steps) if draw.random() < likely)) for at in times]

    return [visitor() for _ in range(number)]
