"""How fast ads convert, worked out plainly: every exposure by a loop, curves by the textbook's sums."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise, product
from math import comb
from typing import NamedTuple

import numpy as np

Ends = Sequence[tuple[float, str]]  # of each exposure how long it lasted, and converted, competed or censored


class Exposure(NamedTuple):
    person: str
    channel: str
    at: int
    lasted: int
    outcome: str
    is_first: bool


def exposures(
    touches: dict[str, list[tuple[int, str]]],
    conversions: dict[str, list[int]],
    *,
    horizon: int,
    until: int,
    competing: bool = True,
) -> Iterable[Exposure]:
    """Each touch (an hour and a channel) before `until` looks at all that its person did."""
    for person, own in touches.items():
        goals = [hour for hour in conversions.get(person, []) if hour < until]
        ends = [_end(touch, own, goals, horizon, until, competing=competing) for touch in own]
        for place, (hour, channel) in enumerate(own):
            if hour >= until:
                continue
            running = [
                other
                for other, (started, of) in enumerate(own)
                if of == channel and (started, other) < (hour, place) and ends[other][0] >= hour
            ]
            yield Exposure(person, channel, hour, ends[place][0] - hour, ends[place][1], not running)


def _end(touch, own, goals, horizon, until, *, competing):
    hour, channel = touch
    rivals = [at for at, other in own if at > hour and other != channel and at < until] if competing else []
    ways = [(at, 0, "converted") for at in goals if at >= hour]
    ways += [(at, 1, "competed") for at in rivals]
    ways += [(hour + horizon, 2, "censored"), (until, 2, "censored")]
    at, _, outcome = min(ways)
    return at, outcome


def survival(ends: Ends) -> dict[float, float]:
    """Kaplan and Meier's, of whatever is not censored."""
    alive, curve = 1.0, {}
    for at in sorted({lasted for lasted, _ in ends}):
        at_risk = sum(lasted >= at for lasted, _ in ends)
        alive *= 1 - sum(lasted == at and how != "censored" for lasted, how in ends) / at_risk
        curve[at] = alive
    return curve


def incidence(ends: Ends, weights: Sequence[float] | None = None) -> dict[float, float]:
    """Aalen and Johansen's, of conversion against what competes; each exposure may count by a weight."""
    weights = [1.0] * len(ends) if weights is None else weights
    given = list(zip(ends, weights, strict=True))
    alive, total, curve = 1.0, 0.0, {}
    for at in sorted({lasted for lasted, _ in ends}):
        at_risk = sum(weight for (lasted, _), weight in given if lasted >= at)
        converted = sum(weight for end, weight in given if end == (at, "converted"))
        stopped = sum(weight for (lasted, how), weight in given if lasted == at and how != "censored")
        total += alive * converted / at_risk
        alive *= 1 - stopped / at_risk
        curve[at] = total
    return curve


def value_at(curve: dict[float, float], at: float) -> float:
    return max((share for when, share in curve.items() if when <= at), default=0.0)


def lost(curve: dict[float, float], horizon: float) -> float:
    """The area below the incidence up to the horizon."""
    times = [0.0, *(at for at in curve if at < horizon), horizon]
    return sum(value_at(curve, at) * (until - at) for at, until in pairwise(times))


def variance(ends: Ends, figure: Callable[[dict[float, float]], float]) -> float:
    """Of a figure of the curve: each exposure's pull on it, squared and summed (infinitesimal jackknife)."""
    step = 1e-5

    def pull(place: int) -> float:
        more, less = ([1.0 + sign * step * (n == place) for n in range(len(ends))] for sign in (1, -1))
        return (figure(incidence(ends, more)) - figure(incidence(ends, less))) / (2 * step)

    return sum(pull(place) ** 2 for place in range(len(ends)))


def log_rank(one: Ends, rest: Ends) -> tuple[float, float]:
    """Conversions expected of the first group, and chi-square: each time a draw without replacement."""
    expected, off, spread = 0.0, 0.0, 0.0
    for at in conversion_times([one, rest]):
        (mine, drawn), (others, more) = (_standing(group, at) for group in (one, rest))
        all_, events = mine + others, drawn + more
        chances = {
            k: comb(mine, k) * comb(others, events - k) / comb(all_, events) for k in range(events + 1)
        }
        mean = sum(k * chance for k, chance in chances.items())
        expected += mean
        off += drawn - mean
        spread += sum((k - mean) ** 2 * chance for k, chance in chances.items())
    return expected, off**2 / spread


def log_rank_of_all(groups: Sequence[Ends]) -> float:
    """Chi-square of all groups, of which the last is left out, as it is what the others leave."""
    off, spread = np.zeros(len(groups)), np.zeros((len(groups), len(groups)))
    for at in conversion_times(groups):
        at_risk, converted = np.array([_standing(group, at) for group in groups]).T
        all_, events = at_risk.sum(), converted.sum()
        off += converted - events * at_risk / all_
        for i, j in product(range(len(groups)), repeat=2):
            share = at_risk[i] / all_ * ((i == j) - at_risk[j] / all_)
            spread[i, j] += share * events * (all_ - events) / max(all_ - 1, 1)
    return float(off[:-1] @ np.linalg.solve(spread[:-1, :-1], off[:-1]))


def conversion_times(groups: Iterable[Ends]) -> list[float]:
    return sorted({lasted for group in groups for lasted, how in group if how == "converted"})


def _standing(group: Ends, at: float) -> tuple[int, int]:
    """How many are at risk, and how many of them convert."""
    return sum(lasted >= at for lasted, _ in group), sum(end == (at, "converted") for end in group)
