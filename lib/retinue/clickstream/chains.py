"""How far each visitor gets in a chain of steps: the reckoning behind a funnel, on numpy arrays alone.

All visitors of a batch are worked out together, a few array operations a step. The trick is in the order:
visitors lie one after the other and each one's rows in time, so the row at which a chain starts is also
what makes one chain better than another (the later its start, the longer its window lasts), and a running
maximum over the whole batch finds the best chain so far of every visitor at once; a start that lies before
the visitor's own first row is no chain of theirs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Chain = tuple[tuple[int, int], ...]  # the time and row of each step

NONE = -1  # no row


@dataclass(frozen=True)
class Visits:
    """The rows of a batch of visitors: visitor v has rows offsets[v] to offsets[v + 1], in order.

    A mask has bit k - 1 where step k's predicate holds.
    """

    offsets: Integers
    at: Integers
    mask: Integers

    @cached_property
    def rows(self) -> Integers:
        """Each row's number."""
        return np.arange(len(self.at))

    @cached_property
    def first(self) -> Integers:
        """For each row the first row of its visitor."""
        return np.repeat(self.offsets[:-1], np.diff(self.offsets))

    @cached_property
    def instant(self) -> Integers:
        """For each row the first row of its visitor with the same time."""
        begins = np.ones(len(self.at), dtype=bool)
        begins[1:] = (self.at[1:] != self.at[:-1]) | (self.first[1:] != self.first[:-1])
        return np.maximum.accumulate(np.where(begins, self.rows, 0))


def longest(visits: Visits, *, steps: int, window: int, modes: Collection[str]) -> tuple[Integers, Integers]:
    """Each visitor's level, and the rows of its winning chain (visitors x steps, NONE beyond the level).

    A chain of level k is k rows, one after the other, the j-th of which step j's predicate holds, the last
    at most `window` after the first. The winning chain is the one that reaches the visitor's highest level
    first; among those that do so at the same row, the one that starts last, each step at its earliest row.

    With the mode `clickhouse` every step that a row can be is an entry of its own, and at equal times the
    entries are in the order of their steps, whatever the order of their rows.
    """
    if "clickhouse" not in modes:
        return _longest(visits, steps, window, modes)
    entries, row = _entries(visits, steps)
    if "strict_once" in modes:
        return _longest_once(entries, row, steps, window, modes)
    level, chain = _longest(entries, steps, window, modes)
    return level, np.where(chain == NONE, NONE, np.append(row, NONE)[chain])


def _longest(visits: Visits, steps: int, window: int, modes: Collection[str]) -> tuple[Integers, Integers]:
    chains = _chains(visits, steps, window, modes)
    alive = visits.rows < _end(visits, chains, modes)
    return _winners(visits, chains, alive)


def _entries(visits: Visits, steps: int) -> tuple[Visits, Integers]:
    """The entries of all rows in order, and the row of each; a row that is no step is an entry as well."""
    holds = np.stack([visits.mask == 0] + [_holds(visits, step) for step in range(1, steps + 1)], axis=1)
    row, step = np.nonzero(holds)
    order = np.lexsort((row, step, visits.at[row], visits.first[row]))
    row, step = row[order], step[order]
    offsets = np.searchsorted(visits.first[row], visits.offsets)
    return Visits(offsets, visits.at[row], (1 << step) >> 1), row


def _chains(visits: Visits, steps: int, window: int, modes: Collection[str]) -> list[Integers]:
    """For each step and row: the row at which the chain starts whose step this row is, or NONE."""
    chains = [np.where(_holds(visits, 1), visits.rows, NONE)]
    for step in range(2, steps + 1):
        start = _before(np.maximum.accumulate(chains[-1]), _earlier(visits, modes))
        fits = (start >= visits.first) & (visits.at - visits.at[start] <= window)
        if "strict_increase" in modes and "clickhouse" in modes:
            fits &= _is_after_last(visits, chains[-1])
        chains.append(np.where(_holds(visits, step) & fits, start, NONE))
    return chains


def _earlier(visits: Visits, modes: Collection[str]) -> Integers:
    """For each row the row below which all rows may come before it in a chain."""
    return visits.instant if "strict_increase" in modes and "clickhouse" not in modes else visits.rows


def _is_after_last(visits: Visits, chain: Integers) -> Flags:
    """Whether a row is later than the last row before it that took the step before.

    ClickHouse forgets the rows that took it earlier, even where only they lie strictly before.
    """
    took = np.maximum.accumulate(np.where(chain == NONE, NONE, visits.rows))
    later: Flags = visits.at[_before(took, visits.rows)] < visits.at
    return later


def _holds(visits: Visits, step: int) -> Flags:
    return (visits.mask >> (step - 1) & 1).astype(bool)


def _before(best: Integers, earlier: Integers) -> Integers:
    """The running maximum as it was before each row."""
    return np.concatenate([[NONE], best])[earlier]


def _end(visits: Visits, chains: list[Integers], modes: Collection[str]) -> Integers:
    """For each row its visitor's first row that ends the search, or a number beyond all rows."""
    ends = np.zeros(len(visits.at), dtype=bool)
    reached = _reached(visits, chains)
    if "strict_order" in modes:
        ends |= _interrupts(visits, reached, reentry="allow_reentry" in modes)
    if "strict_deduplication" in modes:
        ends |= _repeats(visits, chains, reached)
    last = _firsts(visits, ends)
    return np.repeat(np.where(last == NONE, len(visits.at), last), np.diff(visits.offsets))


def _reached(visits: Visits, chains: list[Integers]) -> Integers:
    """For each row the highest level that its visitor had reached before it."""
    bests = [_before(np.maximum.accumulate(chain), visits.rows) for chain in chains]
    levels: Integers = np.sum([best >= visits.first for best in bests], axis=0, dtype=np.int64)
    return levels


def _interrupts(visits: Visits, reached: Integers, *, reentry: bool) -> Flags:
    """Rows that are no step at all, and without re-entry also those that only are steps yet to come."""
    possible = (1 << (reached + 1)) - 1
    welcome = visits.mask if reentry else visits.mask & possible
    unwelcome: Flags = (reached > 0) & (welcome == 0)
    return unwelcome


def _repeats(visits: Visits, chains: list[Integers], reached: Integers) -> Flags:
    """Rows that are a step from the second on that was reached before, unless they lead one step on."""
    done = visits.mask & ((1 << reached) - 1) & ~1
    leads_on = np.zeros(len(visits.at), dtype=bool)
    for level, chain in enumerate(chains):
        leads_on |= (reached == level) & (chain != NONE)
    repeats: Flags = (done != 0) & ~leads_on
    return repeats


def _winners(visits: Visits, chains: list[Integers], alive: Flags) -> tuple[Integers, Integers]:
    ends = np.stack([_firsts(visits, alive & (chain != NONE)) for chain in chains], axis=1)
    level = (ends != NONE).sum(axis=1)
    rows = np.full_like(ends, NONE)
    visitors = np.flatnonzero(level)
    last = level[visitors] - 1
    rows[visitors, last] = ends[visitors, last]
    starts = np.stack(chains, axis=1)[ends[visitors, last], last]
    for step, chain in enumerate(chains[:-1]):
        behind = last > step
        # The best chain of a step starts at `starts` from the earliest row at which it could.
        rows[visitors[behind], step] = np.searchsorted(np.maximum.accumulate(chain), starts[behind])
    return level, rows


def _firsts(visits: Visits, flags: Flags) -> Integers:
    """Each visitor's first row that is flagged, or NONE."""
    flagged = np.append(np.flatnonzero(flags), len(flags))
    found = flagged[np.searchsorted(flagged, visits.offsets[:-1])]
    return np.where(found < visits.offsets[1:], found, NONE)


def _longest_once(
    entries: Visits, row: Integers, steps: int, window: int, modes: Collection[str]
) -> tuple[Integers, Integers]:
    """The same where entries of one row exclude each other, which takes a walk entry by entry."""
    rows = np.full((len(entries.offsets) - 1, steps), NONE)
    step = [mask.bit_length() for mask in entries.mask.tolist()]
    listed = list(zip(entries.at.tolist(), step, row.tolist(), strict=True))
    for visitor, (begin, end) in enumerate(pairwise(entries.offsets.tolist())):
        chain = _walk(listed[begin:end], steps, window, modes)
        rows[visitor, : len(chain)] = [row for _, row in chain]
    return (rows != NONE).sum(axis=1), rows


def _walk(entries: Iterable[tuple[int, int, int]], steps: int, window: int, modes: Collection[str]) -> Chain:
    """One visitor's longest chain of entries (time, step, row; step 0: a row that is none).

    Of the chains of a level that use the same rows at the present time, all that matters is the one that
    starts last; so as time moves on one chain a level is left.
    """
    levels: list[dict[frozenset[int], Chain]] = [{frozenset(): ()}, *({} for _ in range(steps))]
    longest: Chain = ()
    now = None
    for at, step, row in entries:
        if at != now:
            levels, now = [_latest(level) for level in levels], at
        if _ends_walk(levels, step, modes):
            break
        for chain in levels[step - 1].values() if step else ():
            if _extends(chain, at, row, window, modes):
                longer = (*chain, (at, row))
                used = frozenset(row for time, row in longer if time == at)
                levels[step][used] = max(levels[step].get(used, ()), longer, key=_start)
                longest = max(longest, longer, key=len)
    return longest


def _start(chain: Chain) -> Chain:
    return chain[:1]


def _latest(level: dict[frozenset[int], Chain]) -> dict[frozenset[int], Chain]:
    return {frozenset(): max(level.values(), key=_start)} if level else {}


def _ends_walk(levels: list[dict[frozenset[int], Chain]], step: int, modes: Collection[str]) -> bool:
    if step > 1 and "strict_deduplication" in modes and levels[step]:
        return True
    if "strict_order" not in modes or not levels[1]:
        return False
    return step == 0 or (not levels[step - 1] and "allow_reentry" not in modes)


def _extends(chain: Chain, at: int, row: int, window: int, modes: Collection[str]) -> bool:
    if not chain:
        return True
    follows = chain[-1][0] < at or "strict_increase" not in modes
    return follows and at - chain[0][0] <= window and all(row != taken for _, taken in chain)
