"""The time-shuffle test: whether people act sooner after their neighbours than times alone would have it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array  # type: ignore[import-untyped]

__all__ = ["Shuffled", "shuffle_test"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
AT_ONCE = 2_000_000  # numbers held for the permutations that are tried together
STEEPEST = 30.0  # beyond which a correlation is as good as endless


class Shuffled(NamedTuple):
    """What the times show, what they show in the wrong order on average, and how often as much."""

    correlation: float
    shuffled_correlation: float
    p_value: float


def shuffle_test(links: Any, at: Floats, alike: Ints, *, permutations: int, seed: int) -> Shuffled:
    """How much acting goes with active neighbours, and how much it does when those alike swap their times.

    links: ones from who acts on whom (sparse, a row a source); at: when each acted, infinite for who did not;
    alike: a group for each, within which times are shuffled among those who acted.

    The correlation is the alpha in the chance of acting, proportional to (1 + active neighbours) ^ alpha, as
    it is most likely; time runs from the first action to the last. Who acts does not change, only when: so a
    group that is active because its members are alike keeps all of its correlation. p_value is exact where,
    without influence, any order of times is as likely among those alike.
    Source: Anagnostopoulos, Kumar and Mahdian, "Influence and correlation in social networks" (2008), here in
    continuous time.
    """
    watch = _watch(links, at)
    if not len(watch.source) or not watch.total:
        return Shuffled(np.nan, np.nan, np.nan)
    rng = np.random.default_rng(seed)
    order = np.argsort(alike[watch.actors], kind="stable")
    at_once = max(1, AT_ONCE // (len(watch.source) + len(watch.most)))
    drawn = [
        _correlations(watch, _swapped(watch.rank, alike[watch.actors], order, count, rng))
        for count in _parts(permutations, at_once)
    ]
    found = _correlations(watch, watch.rank[np.newaxis])[0]
    by_chance = np.concatenate(drawn)
    as_much = (by_chance >= found - 1e-9).sum()
    return Shuffled(float(found), float(by_chance.mean()), float((1 + as_much) / (1 + permutations)))


class _Watch(NamedTuple):
    """Who is watched by whom, by the places of those who acted; the edges are sorted by who watches."""

    actors: Ints  # who acted
    rank: Ints  # the place of each one's time among the different times
    times: Floats  # the different times, the last twice
    source: Ints  # of an edge from who acted, the place among actors
    watcher: Ints  # its end: the place among actors, or one past them for who never acted
    begin: Ints  # the first edge of the same watcher
    is_last: NDArray[np.bool_]  # whether it is the watcher's last
    most: Floats  # 0, 1, 2 ... active neighbours, as far as there are
    total: float  # time of all that is watched at first


def _watch(links: Any, at: Floats) -> _Watch:
    actors = np.flatnonzero(np.isfinite(at))
    place = np.full(len(at), len(actors))
    place[actors] = np.arange(len(actors))
    watched = links.tocsr()[actors].tocoo()
    order = np.argsort(watched.col, kind="stable")
    source, end = watched.row[order].astype(np.int64), watched.col[order]
    times, rank = np.unique(at[actors], return_inverse=True)
    begin = np.searchsorted(end, end)
    last = np.append(end[1:] != end[:-1], True) if len(end) else np.zeros(0, dtype=bool)
    most = np.arange(1 + np.max(np.arange(len(end)) - begin + 1, initial=0), dtype=np.float64)
    lasted = np.minimum(at, times[-1]) - times[0] if len(times) else np.zeros(0)
    return _Watch(
        actors, rank, np.append(times, times[-1:]), source, place[end], begin, last, most, lasted.sum()
    )


def _parts(total: int, at_once: int) -> list[int]:
    return [min(at_once, total - done) for done in range(0, total, at_once)]


def _swapped(rank: Ints, alike: Ints, order: Ints, count: int, rng: np.random.Generator) -> Ints:
    """The ranks shuffled among those alike, `count` times: drawn numbers are sorted within each group."""
    drawn = rng.random((count, len(rank))) + alike[order]
    swapped = np.empty((count, len(rank)), dtype=np.int64)
    swapped[:, order] = rank[order][np.argsort(drawn, axis=1)]
    return swapped


def _correlations(watch: _Watch, rank: Ints) -> Floats:
    """Of each row of ranks, the alpha that is most likely.

    The edges of a watcher are sorted by the time of their sources, so that the k-th makes k active; the k-th
    that is earlier than the watcher's own time adds log(k + 1) - log(k) to what the watcher had when acting.
    """
    never = np.full((len(rank), 1), len(watch.times) - 1)
    stop = np.concatenate([rank, never], axis=1)[:, watch.watcher]
    base = watch.begin * len(watch.times)
    active = np.sort(rank[:, watch.source] + base, axis=1) - base
    count = np.arange(len(watch.source)) - watch.begin + 1
    is_actor = watch.watcher < len(watch.actors)
    earned = ((active < stop) & is_actor) @ np.log((count + 1) / count)
    times = watch.times
    following = np.where(watch.is_last, stop, np.roll(active, -1, axis=1))
    lasted = np.maximum(times[np.minimum(following, stop)] - times[active], 0.0)
    edges = np.arange(len(count))
    by_count: Any = csr_array((np.ones(len(count)), (count, edges)), shape=(len(watch.most), len(count)))
    exposed = (by_count @ lasted.T).T
    exposed[:, 0] = watch.total - exposed.sum(axis=1)
    return _steepness(exposed, earned / len(watch.actors), np.log1p(watch.most))


def _steepness(exposed: Floats, earned: Floats, logs: Floats) -> Floats:
    """The alpha at which the expected log of 1 + active neighbours of who acts is what it was, by halving."""
    low, high = np.full(len(earned), -STEEPEST), np.full(len(earned), STEEPEST)
    for _ in range(40):
        middle: Floats = (low + high) / 2
        weight = exposed * np.exp(middle[:, np.newaxis] * logs)
        is_less = weight @ logs < earned * weight.sum(axis=1)
        low, high = np.where(is_less, middle, low), np.where(is_less, high, middle)
    return middle
