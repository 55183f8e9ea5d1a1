"""Attribution worked out by hand: paths in lists, chains as dense matrices, every coalition."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, pairwise
from math import factorial

import numpy as np


@dataclass(frozen=True)
class Path:
    channels: tuple[str, ...]
    conversions: float
    value: float
    nulls: float


Credit = dict[str | None, tuple[float, float]]


def shared(paths: Iterable[Path], shares: dict[tuple[str, ...], Sequence[float]]) -> Credit:
    """Conversions and value by channel, as each path's touches share."""
    total: dict[str | None, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for path in paths:
        if path.conversions == 0 and path.value == 0:
            continue
        for channel, share in zip(path.channels or (None,), shares[path.channels] or (1.0,), strict=True):
            total[channel][0] += path.conversions * share
            total[channel][1] += path.value * share
    return {channel: (each[0], each[1]) for channel, each in total.items() if each != [0.0, 0.0]}


def by_rule(paths: Sequence[Path], model: str) -> Credit:
    return shared(paths, {path.channels: share(path.channels, model) for path in paths})


def share(channels: Sequence[str], model: str) -> list[float]:
    size = len(channels)
    if size == 0:
        return []
    if model == "linear":
        return [1 / size] * size
    if model == "position":
        return {1: [1.0], 2: [0.5, 0.5]}.get(size) or [0.4, *([0.2 / (size - 2)] * (size - 2)), 0.4]
    place = {"first": 0, "last": size - 1}.get(model)
    if place is None:
        place = max([n for n, each in enumerate(channels) if each != "direct"], default=size - 1)
    return [float(n == place) for n in range(size)]


def markov(paths: Sequence[Path], order: int) -> dict[str, float]:
    """Removal effects, from the chain solved anew without each channel."""
    counts: Counter[tuple[object, object]] = Counter()
    for path in paths:
        states = [
            (None,) * max(0, order - n) + path.channels[max(0, n - order) : n]
            for n in range(len(path.channels) + 1)
        ]
        for one, next_one in pairwise(states):
            counts[one, next_one] += path.conversions + path.nulls
        counts[states[-1], "conversion"] += path.conversions
        counts[states[-1], "nothing"] += path.nulls
    channels = sorted({channel for path in paths for channel in path.channels})
    whole = converting(counts, order, removed=None)
    return {channel: 1 - converting(counts, order, removed=channel) / whole for channel in channels}


def converting(counts: Counter[tuple[object, object]], order: int, *, removed: str | None) -> float:
    """How likely a journey from the start converts, where whoever comes to the removed channel is lost."""
    states = sorted(
        {one for one, _ in counts} | {other for _, other in counts if isinstance(other, tuple)}, key=str
    )
    place = {state: n for n, state in enumerate(states)}
    left: Counter[object] = Counter()
    for (one, _), count in counts.items():
        left[one] += count
    equations, known = np.eye(len(states)), np.zeros(len(states))
    for (one, other), count in counts.items():
        if other == "conversion":
            known[place[one]] += count / left[one]
        elif isinstance(other, tuple) and (removed is None or other[-1] != removed):
            equations[place[one], place[other]] -= count / left[one]
    return float(np.linalg.solve(equations, known)[place[(None,) * order]])


def shapley(paths: Sequence[Path], *, game: str) -> dict[str, float]:
    """By the definition: every coalition of the others, with and without the channel."""
    channels = sorted({channel for path in paths for channel in path.channels})
    sets = [(frozenset(path.channels), path.conversions, path.nulls) for path in paths]
    worth: dict[frozenset[str], float] = {}
    for coalition in map(frozenset, powerset(channels)):
        won = sum(conversions for each, conversions, _ in sets if each and each <= coalition)
        lost = sum(nulls for each, _, nulls in sets if each and each <= coalition)
        worth[coalition] = won if game == "count" else won / (won + lost) if won + lost else 0.0
    size = len(channels)
    return {
        channel: sum(
            factorial(len(others))
            * factorial(size - len(others) - 1)
            / factorial(size)
            * (worth[frozenset({*others, channel})] - worth[frozenset(others)])
            for others in powerset([each for each in channels if each != channel])
        )
        for channel in channels
    }


def powerset(items: Sequence[str]) -> Iterable[tuple[str, ...]]:
    return chain.from_iterable(combinations(items, size) for size in range(len(items) + 1))


def counterfactual(paths: Sequence[Path]) -> Credit:
    summed: dict[tuple[str, ...], Path] = {}
    for path in paths:
        before = summed.get(path.channels, Path(path.channels, 0, 0, 0))
        summed[path.channels] = Path(
            path.channels,
            before.conversions + path.conversions,
            before.value + path.value,
            before.nulls + path.nulls,
        )

    def rate(channels: tuple[str, ...]) -> float:
        path = summed.get(channels)
        journeys = path.conversions + path.nulls if path else 0
        return path.conversions / journeys if path and journeys else 0.0

    shares = {}
    for channels in summed:
        gains = [
            max(0.0, rate(channels) - rate(channels[:n] + channels[n + 1 :])) for n in range(len(channels))
        ]
        total = sum(gains)
        shares[channels] = [each / total for each in gains] if total else share(channels, "last")
    return shared(summed.values(), shares)


@dataclass(frozen=True, order=True)
class Touch:
    at: int
    channel: str
    kind: str = "click"


@dataclass(frozen=True)
class Journey:
    person: str
    touches: tuple[Touch, ...]
    converted_at: int | None
    value: float | None


def journeys(
    touches: dict[str, list[Touch]],
    conversions: dict[str, list[tuple[int, float]]],
    *,
    lookback: int,
    until: int,
    restart: bool = False,
) -> list[Journey]:
    """One a conversion, and one a person whose touches since the last may yet convert."""
    found = []
    for person in touches.keys() | conversions.keys():
        ends = sorted(each for each in conversions.get(person, []) if each[0] < until)
        own = sorted(each for each in touches.get(person, []) if each.at < until)
        last = None
        for at, value in ends:
            led = [each for each in own if at - lookback <= each.at <= at]
            if restart and last is not None:
                led = [each for each in led if each.at > last]
            found.append(Journey(person, tuple(led), at, value))
            last = at
        waiting = [each for each in own if (last is None or each.at > last) and each.at >= until - lookback]
        if waiting:
            found.append(Journey(person, tuple(waiting), None, None))
    return found


def lapsed(
    touches: dict[str, list[Touch]],
    conversions: dict[str, list[tuple[int, float]]],
    *,
    lookback: int,
    until: int,
) -> list[Journey]:
    """Touches that nothing followed in time, cut where one comes too long after the one before."""
    found = []
    for person, all_of_them in touches.items():
        ends = [at for at, _ in conversions.get(person, []) if at < until]
        lost = [
            each
            for each in sorted(all_of_them)
            if each.at + lookback < until and not any(each.at <= end <= each.at + lookback for end in ends)
        ]
        cut: list[list[Touch]] = []
        for each in lost:
            if cut and each.at - cut[-1][-1].at <= lookback:
                cut[-1].append(each)
            else:
                cut.append([each])
        found += [Journey(person, tuple(each), None, None) for each in cut]
    return found


def decayed(journey: Journey, half_life: int) -> list[float]:
    """Shares by time before the conversion."""
    assert journey.converted_at is not None
    weights = [2.0 ** (-(journey.converted_at - each.at) / half_life) for each in journey.touches]
    return [each / sum(weights) for each in weights]
