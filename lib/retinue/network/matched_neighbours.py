"""Matched neighbours: who has an active neighbour against who is like them and has none."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Risk", "first_exposure", "leaning", "risk_ratio"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
FARTHEST = 20.0  # a log of a risk ratio beyond which it is as good as endless
RIDGE = 1e-3  # keeps a weight finite where a trait tells all


class Risk(NamedTuple):
    """How many times as likely the exposed are to act, and its interval; endless where only they act."""

    ratio: float
    low: float
    high: float


def first_exposure(links: Any, at: Floats) -> Floats:
    """When the first of those who act on somebody acted; infinite where none did."""
    actors = np.flatnonzero(np.isfinite(at))
    seen = links.tocsr()[actors].tocoo()
    first = np.full(len(at), np.inf)
    np.minimum.at(first, seen.col, at[actors][seen.row])
    return first


def leaning(traits: Floats, first: Floats, at: Floats) -> Floats:
    """How readily each is exposed by its traits (a column each): the log of the rate, to sort by.

    An exponential model of the time until the first neighbour acts, up to one's own action.
    Source: Lu, "Propensity score matching with time-dependent covariates" (2005).
    """
    begin, end = at.min(), at[np.isfinite(at)].max()
    stop = np.minimum(at, end)
    lasted, is_exposed = np.minimum(first, stop) - begin, (first < stop).astype(float)
    spread = traits.std(axis=0)
    told = (traits - traits.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    x = np.column_stack([np.ones(len(told)), told])
    lasted = lasted / max(lasted.mean(), 1e-300)
    weights = np.zeros(x.shape[1])
    ridge = RIDGE * len(x) * (np.arange(x.shape[1]) > 0)
    for _ in range(25):
        expected = lasted * np.exp(np.clip(x @ weights, -30.0, 30.0))
        slope = x.T @ (is_exposed - expected) - ridge * weights
        bend = (x * expected[:, np.newaxis]).T @ x + np.diag(ridge + 1e-9)
        weights = weights + np.clip(np.linalg.solve(bend, slope), -2.0, 2.0)
    return x @ weights


def risk_ratio(first: Floats, at: Floats, alike: Ints, *, confidence: float) -> Risk:
    """How many times as likely to act those with an active neighbour are as those alike without one.

    Each action is compared with all who are alike and have not acted yet, at that very moment; so whatever
    moves those alike together, at whatever time, moves both sides. first: when each was exposed first; at:
    when each acted (both infinite for never); alike: a group for each.

    The ratio is the most likely one (Cox's partial likelihood, by group), the interval that of its score.
    Source: Aral, Muchnik and Sundararajan, "Distinguishing influence-based contagion from homophily-driven
    diffusion" (2009), for neighbours matched moment by moment; Cox (1972).
    """
    acted = np.flatnonzero(np.isfinite(at))
    waiting = _at_least(alike, at, acted, at)
    unexposed = _at_least(alike, np.minimum(first, at), acted, at)
    exposed = waiting - unexposed
    telling = (exposed > 0) & (unexposed > 0)
    if not telling.any():
        return Risk(np.nan, np.nan, np.nan)
    seen = float((first[acted] < at[acted])[telling].sum())
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    ends = [_where(exposed[telling], unexposed[telling], seen, each) for each in (0.0, z, -z)]
    return Risk(*(float(np.exp(end)) if abs(end) < FARTHEST else _endless(end) for end in ends))


def _endless(end: float) -> float:
    return np.inf if end > 0 else 0.0


def _at_least(alike: Ints, when: Floats, acted: Ints, at: Floats) -> Ints:
    """For each who acted, how many of those alike have `when` not before that."""
    different = np.unique(np.concatenate([when, at]))
    width = len(different) + 1
    key = np.sort(alike * width + np.searchsorted(different, when))
    asked = alike[acted] * width
    from_then = np.searchsorted(key, asked + np.searchsorted(different, at[acted]))
    return np.searchsorted(key, asked + width) - from_then


def _where(exposed: Ints, unexposed: Ints, seen: float, off: float) -> float:
    """The log of the ratio at which so many as seen of those who act are exposed, `off` deviations less."""
    low, high = -FARTHEST, FARTHEST
    for _ in range(60):
        middle = (low + high) / 2
        share = exposed / (exposed + unexposed * np.exp(-middle))
        is_less = share.sum() + off * np.sqrt((share * (1 - share)).sum()) < seen
        low, high = (middle, high) if is_less else (low, middle)
    return (low + high) / 2
