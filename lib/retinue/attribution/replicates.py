"""Journeys weighed many times over: what the models need of them, added up in one pass.

Plain numpy, so that a Spark task, a test and a simulation share it. A replicate is a set of weights for
persons; the first one weighs everybody 1, so that it gives the figures themselves. The counterfactual rule
compares journeys with each other, which one pass cannot: see `path_replicates`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix  # type: ignore[import-untyped]
from scipy.stats import poisson  # type: ignore[import-untyped]

from retinue.attribution.markov import Chain, chain_between
from retinue.attribution.shorter import Paths, mixed

__all__ = ["MODELS", "Journeys", "Tally", "bounds", "credits", "drawn", "summed", "tally"]

Array = NDArray[np.float64]
Numbers = NDArray[np.int64]
AT_ONCE = 4096  # journeys whose weights are in memory
DIRECT = "direct"
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Journeys(Paths):
    """Journeys one after the other as flat arrays; `codes` number the channels from 0."""

    ages: Array  # half-lives of each touch before the end of its journey
    is_converted: NDArray[np.bool_]
    value: Array


@dataclass(frozen=True)
class Tally:
    """Sums over journeys, a column a replicate.

    `credits` has for each rule an array channels x replicates of conversions and one of value; `steps` for
    each step of the chain, (*source, next) in codes, next -1 at the end, those of journeys that convert and
    those of others; `totals` conversions and value with touches, then both without.
    """

    credits: dict[str, tuple[Array, Array]]
    steps: dict[tuple[int, ...], tuple[Array, Array]]
    totals: Array


def drawn(keys: NDArray[np.uint64], *, replicates: int, seed: int) -> Array:
    """Poisson weights of mean 1 for each key, the same for the same key wherever it is met."""
    numbers = np.arange(1, replicates + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        words = mixed(keys[:, None] + mixed(numbers * _GOLDEN + np.uint64(seed))[None, :])
    uniform = (words >> np.uint64(11)).astype(np.float64) / 2**53
    weights = np.searchsorted(_POISSON, uniform, side="right").astype(np.float64)
    return np.hstack([np.ones((len(keys), 1)), weights])


_POISSON = poisson.cdf(np.arange(20), 1.0)


def bounds(figures: Array, level: float) -> Array:
    """Low and high of each row of `figures`, of which the first column is the figure itself.

    One more replicate would lie between them as often as `level` says: of n, the places are those of n + 1
    parts. numpy's own choice, of n - 1 parts, would hold .9405 rather than .95 of 200 replicates.
    """
    outside = (1 - level) / 2
    return np.quantile(figures[:, 1:], [outside, 1 - outside], axis=1, method="weibull")


def tally(
    journeys: Journeys,
    weights: Array,
    *,
    channels: Sequence[object],
    order: int,
    positions: tuple[float, float, float],
) -> Tally:
    """What all models need of these journeys, each weighed as its row of `weights` says."""
    won = weights * journeys.is_converted[:, None]
    worth = won * journeys.value[:, None]
    touched = journeys.sizes > 0
    credits = {}
    for name, rule in _RULES.items():
        rows, codes, shares = rule(journeys, channels, positions)
        matrix = csr_matrix((shares, (codes, rows)), shape=(len(channels), len(journeys.sizes)))
        credits[name] = (matrix @ won, matrix @ worth)
    totals = np.stack(
        [won[touched].sum(0), worth[touched].sum(0), won[~touched].sum(0), worth[~touched].sum(0)]
    )
    return Tally(credits, _steps(journeys, won, weights - won, size=len(channels), order=order), totals)


_Shares = tuple[Numbers, Numbers, Array]
_Rule = Callable[[Journeys, Sequence[object], tuple[float, float, float]], _Shares]


def _linear(journeys: Journeys, channels: Sequence[object], positions: tuple[float, float, float]) -> _Shares:
    return journeys.rows, journeys.codes, 1 / np.repeat(journeys.sizes, journeys.sizes)


def _first(journeys: Journeys, channels: Sequence[object], positions: tuple[float, float, float]) -> _Shares:
    return journeys.rows, journeys.codes, (journeys.places == 0).astype(float)


def _last(journeys: Journeys, channels: Sequence[object], positions: tuple[float, float, float]) -> _Shares:
    is_last = journeys.places == np.repeat(journeys.sizes, journeys.sizes) - 1
    return journeys.rows, journeys.codes, is_last.astype(float)


def _last_non_direct(
    journeys: Journeys, channels: Sequence[object], positions: tuple[float, float, float]
) -> _Shares:
    is_direct = np.array([str(channel).lower() == DIRECT for channel in channels])[journeys.codes]
    # The latest of the touches that are not direct, and of the others where there are none.
    merit = np.where(is_direct, 0, 1 + journeys.sizes.max(initial=0)) + journeys.places
    best = np.full(len(journeys.sizes), -1)
    np.maximum.at(best, journeys.rows, merit)
    return journeys.rows, journeys.codes, (merit == best[journeys.rows]).astype(float)


def _position(
    journeys: Journeys, channels: Sequence[object], positions: tuple[float, float, float]
) -> _Shares:
    first, between, last = positions
    sizes, places = np.repeat(journeys.sizes, journeys.sizes), journeys.places
    ends = np.where(
        places == 0, first, np.where(places == sizes - 1, last, between / np.maximum(sizes - 2, 1))
    )
    of_two = np.where(places == 0, first, last) / (first + last)
    return journeys.rows, journeys.codes, np.select([sizes == 1, sizes == 2], [1.0, of_two], ends)


def _time_decay(
    journeys: Journeys, channels: Sequence[object], positions: tuple[float, float, float]
) -> _Shares:
    rows, size = journeys.rows, len(journeys.sizes)
    newest = np.full(size, np.inf)
    np.minimum.at(newest, rows, journeys.ages)
    weights = 2.0 ** (newest[rows] - journeys.ages)
    return rows, journeys.codes, weights / np.bincount(rows, weights, minlength=size)[rows]


def _shapley(
    journeys: Journeys, channels: Sequence[object], positions: tuple[float, float, float]
) -> _Shares:
    """Of the game of counts: each channel of a journey has the same."""
    pairs = np.unique(journeys.rows * len(channels) + journeys.codes)
    rows, codes = np.divmod(pairs, len(channels))
    return rows, codes, 1 / np.bincount(rows, minlength=len(journeys.sizes))[rows]


_RULES: dict[str, _Rule] = {
    "first": _first,
    "last": _last,
    "last_non_direct": _last_non_direct,
    "linear": _linear,
    "position": _position,
    "time_decay": _time_decay,
    "shapley": _shapley,
}
MODELS = (*_RULES, "markov", "counterfactual")


def summed(one: Tally, other: Tally) -> Tally:
    """Both together."""
    steps = dict(one.steps)
    for step, (won, lost) in other.steps.items():
        before = steps.get(step, (0.0, 0.0))
        steps[step] = (before[0] + won, before[1] + lost)
    credits = {
        name: (conversions + other.credits[name][0], value + other.credits[name][1])
        for name, (conversions, value) in one.credits.items()
    }
    return Tally(credits, steps, one.totals + other.totals)


def _steps(
    journeys: Journeys, won: Array, lost: Array, *, size: int, order: int
) -> dict[tuple[int, ...], tuple[Array, Array]]:
    """The steps of the chain, numbered in a base in which 0 is no touch; the last digit comes next."""
    base = size + 1
    rows, places, next_ones = _with_ends(journeys)
    number = np.zeros(len(rows), dtype=np.int64)
    for back in range(order, 0, -1):
        number = number * base + np.where(places >= back, _shifted(next_ones, back), 0)
    kinds, cells = np.unique(number * base + next_ones, return_inverse=True)
    matrix = csr_matrix((np.ones(len(rows)), (cells, rows)), shape=(len(kinds), len(journeys.sizes)))
    with_won, with_lost = matrix @ won, matrix @ lost
    return {_digits(int(kind), base, order): (with_won[n], with_lost[n]) for n, kind in enumerate(kinds)}


def _with_ends(journeys: Journeys) -> tuple[Numbers, Numbers, Numbers]:
    """Of each touch and of each end of a journey with touches: journey, place, code + 1 (0 at the end)."""
    touched = np.flatnonzero(journeys.sizes)
    sizes = journeys.sizes[touched] + 1
    rows = np.repeat(touched, sizes)
    places = np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    next_ones = np.zeros(len(rows), dtype=np.int64)
    next_ones[places < np.repeat(sizes - 1, sizes)] = journeys.codes + 1
    return rows, places, next_ones


def _shifted(codes: Numbers, back: int) -> Numbers:
    return np.concatenate([np.zeros(back, dtype=np.int64), codes[: len(codes) - back]])[: len(codes)]


def _digits(number: int, base: int, order: int) -> tuple[int, ...]:
    digits = []
    for _ in range(order + 1):
        number, digit = divmod(number, base)
        digits.append(digit - 1)
    following, *source = digits
    return (*(each for each in reversed(source) if each >= 0), following)


def credits(tallied: Tally) -> dict[str, tuple[Array, Array]]:
    """Conversions and value by model, all but the counterfactual one: channels x replicates."""
    some = next(iter(tallied.credits.values()))[0]
    effects = np.zeros_like(some)
    for replicate in range(some.shape[1]):
        for code, effect in _chain(tallied, replicate).removal_effects().items():
            effects[code, replicate] = effect
    shares = effects / np.where(effects.sum(0) > 0, effects.sum(0), 1.0)
    return {**tallied.credits, "markov": (shares * tallied.totals[0], shares * tallied.totals[1])}


def _chain(tallied: Tally, replicate: int) -> Chain:
    order = max((len(step) - 1 for step in tallied.steps), default=1)
    return chain_between(
        (
            (step[:-1], None if step[-1] < 0 else step[-1], float(won[replicate]), float(lost[replicate]))
            for step, (won, lost) in tallied.steps.items()
            if won[replicate] + lost[replicate] > 0
        ),
        order=order,
    )
