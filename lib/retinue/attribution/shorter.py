"""Paths known by a hash, and the paths that are left of them without a touch, in time linear in touches.

Plain numpy, so that a Spark task and a simulation share it. A path's hash is the polynomial sum of
mark(touch) x base ^ place modulo the prime 2^61 - 1, at two bases, so that what is left without a touch
follows from the sums before and after it. Of two paths of n touches the chance of one hash is below
(n / 2^61)^2. Source: Karp and Rabin (1987); a prime, because modulo 2^64 Thue-Morse sequences collide at
every base.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = ["Paths", "Runs", "hashes", "mixed", "runs"]

Numbers = NDArray[np.int64]
Words = NDArray[np.uint64]

_BITS = np.uint64(61)
_PRIME = np.uint64(2**61 - 1)


@dataclass(frozen=True)
class Paths:
    """Paths one after the other as flat arrays; `codes` number the channels, in any way."""

    codes: Numbers  # of each touch
    sizes: Numbers  # touches of each path

    @cached_property
    def rows(self) -> Numbers:
        """The path of each touch."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    @cached_property
    def places(self) -> Numbers:
        """The place of each touch in its path, from 0."""
        return np.arange(len(self.codes)) - np.repeat(np.cumsum(self.sizes) - self.sizes, self.sizes)


@dataclass(frozen=True)
class Runs:
    """Touches of one channel in a row: whichever of them is dropped, the same path is left."""

    rows: Numbers  # the path of each run
    lasts: Numbers  # the last touch of each
    times: Numbers  # the touches of each
    is_last: NDArray[np.bool_]  # whether the path ends with it
    shorter: Numbers  # the hash of what is left, two numbers a run


def hashes(paths: Paths) -> Numbers:
    """Two numbers a path, the same for the same codes in the same order."""
    starts, stops = _ends(paths)
    sums = (_Sums.of(paths, seed) for seed in _SEEDS)
    return np.stack([_less(each.before[stops], each.before[starts]) for each in sums], 1).view(np.int64)


def runs(paths: Paths) -> Runs:
    """Every run of the paths, one after the other."""
    is_last = paths.places == paths.sizes[paths.rows] - 1
    is_end = is_last.copy()
    is_end[:-1] |= paths.codes[:-1] != paths.codes[1:]
    lasts = np.flatnonzero(is_end)
    rows = paths.rows[lasts]
    starts, stops = (ends[rows] for ends in _ends(paths))
    left = []
    for seed in _SEEDS:
        sums = _Sums.of(paths, seed)
        kept = _less(sums.before[lasts], sums.before[starts])
        moved = _times(_less(sums.before[stops], sums.before[lasts + 1]), sums.inverse)
        left.append(_rest(kept + moved))
    return Runs(rows, lasts, np.diff(lasts, prepend=-1), is_last[lasts], np.stack(left, 1).view(np.int64))


def mixed(numbers: Words) -> Words:
    """splitmix64: bits of one number have no likeness to those of the next."""
    with np.errstate(over="ignore"):
        one = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        two = (one ^ (one >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return two ^ (two >> np.uint64(31))


_SEEDS = (0x243F6A8885A308D3, 0x13198A2E03707344)  # of pi


@dataclass(frozen=True)
class _Sums:
    """Of all paths in a row, what the touches before each add up to, and at last all of them."""

    before: Words
    inverse: np.uint64  # what takes a touch one place forward

    @classmethod
    def of(cls, paths: Paths, seed: int) -> _Sums:
        base = int(mixed(np.array([seed], dtype=np.uint64))[0] % _PRIME)
        with np.errstate(over="ignore"):
            marks = mixed(paths.codes.view(np.uint64) + np.uint64(seed)) % _PRIME
        powers = _powers(base, int(paths.sizes.max(initial=0)))
        return cls(_cumulated(_times(marks, powers[paths.places])), np.uint64(pow(base, -1, int(_PRIME))))


def _ends(paths: Paths) -> tuple[Numbers, Numbers]:
    stops = np.cumsum(paths.sizes)
    return stops - paths.sizes, stops


def _powers(base: int, size: int) -> Words:
    powers = np.ones(1, dtype=np.uint64)
    while len(powers) < size:
        onward = np.uint64(pow(base, len(powers), int(_PRIME)))
        powers = np.concatenate([powers, _times(powers, onward)])
    return powers


def _cumulated(terms: Words) -> Words:
    """The sums before each term and at last of all; by halves, as the whole would overflow."""
    half = np.uint64(32)
    low, high = (
        np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(each, dtype=np.uint64)])
        for each in (terms & np.uint64(2**32 - 1), terms >> half)
    )
    return _rest(_rest(low) + _times(_rest(high), np.uint64(2**32)))


def _less(one: Words, other: Words) -> Words:
    return _rest(one + (_PRIME - other))


def _times(one: Words, other: Words | np.uint64) -> Words:
    """The product modulo the prime, of factors below it: by halves, no sum reaches 2^64."""
    half, rest = np.uint64(31), np.uint64(30)
    one_high, one_low = one >> half, one & np.uint64(2**31 - 1)
    other_high, other_low = other >> half, other & np.uint64(2**31 - 1)
    middle = one_low * other_high + one_high * other_low
    high = one_high * other_high * np.uint64(2) + (middle >> rest)
    return _rest(high + ((middle & np.uint64(2**30 - 1)) << half) + one_low * other_low)


def _rest(numbers: Words) -> Words:
    """The numbers modulo the prime."""
    folded = (numbers >> _BITS) + (numbers & _PRIME)
    return np.where(folded >= _PRIME, folded - _PRIME, folded)
