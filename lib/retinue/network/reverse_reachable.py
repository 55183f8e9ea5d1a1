"""Reverse-reachable sets: who would have activated a vertex drawn at random.

The share of the sets that a group of seeds is in is the share of the graph that it activates on average, so
that the group that is in most sets spreads furthest. Sources: Borgs, Brautbar, Chayes and Lucier (2014); the
number of sets by IMM of Tang, Shi and Xiao (2015) with the correction of Chen (2018); the bound on what is
chosen by OPIM of Tang, Tang, Xiao and Yuan (2018).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack  # type: ignore[import-untyped]

from retinue.network.cascades import Ways, runs
from retinue.network.cores import spans

__all__ = ["Choice", "assured", "chosen", "hit_rates"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
GREEDY = 1 - 1 / math.e  # what greedy cover reaches of the best
AT_ONCE = 5_000_000  # members of sets that are counted together


@dataclass(frozen=True)
class Choice:
    """Vertices in the order they were chosen, and what the sets they were chosen by say of the first few.

    For the first vertex, the first two and so on, `hit` counts the sets that they are in, and `most` those
    that any group as large could be in at best. What is said has that `doubt`.
    """

    vertices: Ints
    hit: Ints
    most: Ints
    set_count: int
    doubt: float


def chosen(
    back: Ways,
    *,
    k: int,
    allowed: Flags,
    epsilon: float,
    delta: float,
    max_members: int,
    chance: np.random.Generator,
) -> Choice:
    """The k allowed vertices that greedily cover most sets, of as many as IMM asks for.

    Their spread is at least 1 - 1/e - epsilon of the best there is, but for a chance of delta, unless the
    sets had to end at `max_members` vertices in all.
    """
    size, margin = back.size, math.sqrt(2) * epsilon
    ways_to_choose = _log_choices(int(allowed.sum()), k)
    doubt = _shared_doubt(size, ways_to_choose, epsilon, delta)
    sets, least = csr_array((0, size), dtype=np.int8), float(k)
    for halvings in range(1, max(int(math.log2(size)), 1)):
        guess = size / 2**halvings
        first_bound = ways_to_choose - math.log(doubt) + math.log(max(math.log2(size), 1))
        needed = (2 + 2 / 3 * margin) * first_bound / margin**2 * size / guess
        sets = _enlarged(sets, back, math.ceil(needed), max_members, chance)
        spread = size * _cover(sets, k, allowed)[1][-1] / sets.shape[0]
        if spread >= (1 + margin) * guess:
            least = max(least, spread / (1 + margin))
            break
        if guess < k or sets.nnz >= max_members:
            break
    enough = _needed(size, ways_to_choose, epsilon, doubt) / least
    sets = _enlarged(sets, back, math.ceil(enough), max_members, chance)
    return Choice(*_cover(sets, k, allowed), sets.shape[0], doubt)


def hit_rates(back: Ways, groups: Sequence[Ints], count: int, chance: np.random.Generator) -> list[Floats]:
    """The share of `count` fresh sets that the first vertex of each group is in, the first two, and so on."""
    places = [_places(group, back.size) for group in groups]
    hits = [np.zeros(len(group) + 1, dtype=np.int64) for group in groups]
    for sets in _sets(back, count, chance):
        for place, hit in zip(places, hits, strict=True):
            first = np.minimum.reduceat(place[sets.indices], sets.indptr[:-1])
            hit += np.bincount(first, minlength=len(hit))
    return [np.cumsum(hit[:-1]) / count for hit in hits]


def assured(choice: Choice, rate: Floats) -> Floats:
    """The share of the best possible spread that the first few surely reach, by their rate in fresh sets."""
    count, doubt = choice.set_count, -math.log(choice.doubt)
    low = (np.sqrt(rate * count + 2 / 9 * doubt) - math.sqrt(doubt / 2)) ** 2 - doubt / 18
    high = (np.sqrt(choice.most + doubt / 2) + math.sqrt(doubt / 2)) ** 2
    return np.asarray(np.clip(low / high, 0, 1))


def _sets(back: Ways, count: int, chance: np.random.Generator) -> Iterator[Any]:
    """Batches of sets, a row a set and a column a vertex."""

    def roots(together: int) -> Ints:
        return chance.integers(back.size, size=(together, 1))

    for run, vertex, together in runs(back, roots, count, chance):
        starts = np.searchsorted(run, np.arange(together + 1)).astype(np.int32)
        ones = np.ones(len(vertex), dtype=np.int8)
        yield csr_array((ones, vertex.astype(np.int32), starts), shape=(together, back.size))


def _enlarged(sets: Any, back: Ways, count: int, max_members: int, chance: np.random.Generator) -> Any:
    """The sets and more, up to the count, or up to the batch that has the member that is too many."""
    batches, members = [sets], sets.nnz
    more = _sets(back, count - sets.shape[0], chance)
    while members < max_members and (batch := next(more, None)) is not None:
        batches.append(batch)
        members += batch.nnz
    return vstack(batches, format="csr")


def _cover(sets: Any, k: int, allowed: Flags) -> tuple[Ints, Ints, Ints]:
    """The vertices that are in most sets which those before are not in, ties to the smallest number.

    With them, for each first few, the sets they are in and the most that as many vertices could be in.
    """
    holders, is_open, free = sets.tocsc(), np.ones(sets.shape[0], dtype=bool), allowed.copy()
    left = _counts(sets, np.arange(sets.shape[0]))
    vertices, hit, most = np.zeros(k, np.int64), np.zeros(k + 1, np.int64), np.full(k, sets.shape[0])
    for rank in range(k):
        gain = np.where(free, left, -1)
        most[rank:] = np.minimum(most[rank:], hit[rank] + _best_sums(gain, k)[rank:])
        best = int(gain.argmax())
        holding = holders.indices[holders.indptr[best] : holders.indptr[best + 1]]
        new = holding[is_open[holding]]
        is_open[new], free[best] = False, False
        left -= _counts(sets, new)
        vertices[rank], hit[rank + 1] = best, hit[rank] + len(new)
    return vertices, hit[1:], most


def _best_sums(gain: Ints, k: int) -> Ints:
    """The greatest gain, the two greatest together, and so on to k."""
    best = np.partition(gain, len(gain) - k)[len(gain) - k :]
    return np.cumsum(np.maximum(np.sort(best)[::-1], 0))


def _counts(sets: Any, chosen: Ints) -> Ints:
    """In how many of the chosen sets each vertex is."""
    members = int((sets.indptr[chosen + 1] - sets.indptr[chosen]).sum())
    total = np.zeros(sets.shape[1], dtype=np.int64)
    for some in np.array_split(chosen, 1 + members // AT_ONCE):
        total += np.bincount(sets.indices[spans(sets.indptr, some)], minlength=len(total))
    return total


def _places(group: Ints, size: int) -> Ints:
    """Where in the group each vertex stands; who is not in it comes after all."""
    place = np.full(size, len(group))
    place[group] = np.arange(len(group))
    return place


def _log_choices(of: int, k: int) -> float:
    """The logarithm of the number of ways to choose k of so many."""
    return math.lgamma(of + 1) - math.lgamma(k + 1) - math.lgamma(of - k + 1)


def _needed(size: int, ways_to_choose: float, epsilon: float, doubt: float) -> float:
    """The sets that suffice for vertices whose spread is 1 (lambda* of IMM)."""
    alpha = math.sqrt(math.log(2 / doubt))
    beta = math.sqrt(GREEDY * (ways_to_choose + math.log(2 / doubt)))
    return 2 * size * (GREEDY * alpha + beta) ** 2 / epsilon**2


def _shared_doubt(size: int, ways_to_choose: float, epsilon: float, delta: float) -> float:
    """The doubt for each number of sets that may turn out to be needed, so that together they make delta.

    How many are needed is learned from the sets themselves: that is what the correction corrects.
    """
    doubt = delta / 2
    for _ in range(8):  # it moves by the logarithm of a logarithm, and stands still long before
        doubt = delta / 2 / math.ceil(_needed(size, ways_to_choose, epsilon, doubt))
    return doubt
