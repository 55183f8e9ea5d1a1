"""Chains of steps where the steps that one row could take exclude each other, walked visitor by visitor."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import pairwise

import numpy as np

from retinue.clickstream.visits import NONE, Found, Integers, Rules, Visits

Chain = tuple[tuple[int, int], ...]  # the time and row of each step


def longest_once(entries: Visits, row: Integers, rules: Rules) -> Found:
    """Each visitor's level and winning chain of entries, no two of which are of one `row`."""
    visitors = len(entries.offsets) - 1
    rows, is_open = np.full((visitors, rules.steps), NONE), np.zeros(visitors, dtype=bool)
    step = [mask.bit_length() for mask in entries.mask.tolist()]
    listed = list(zip(entries.at.tolist(), step, row.tolist(), strict=True))
    for visitor, (begin, end) in enumerate(pairwise(entries.offsets.tolist())):
        chain, is_open[visitor] = _walk(listed[begin:end], rules)
        rows[visitor, : len(chain)] = [row for _, row in chain]
    level = (rows != NONE).sum(axis=1)
    return Found(level, rows, np.empty((visitors, 0), dtype=np.int64), is_open & (level < rules.steps))


def _walk(entries: Iterable[tuple[int, int, int]], rules: Rules) -> tuple[Chain, bool]:
    """One visitor's longest chain of entries (time, step, row; step 0 is none), and whether one is open.

    Of the chains of a level that use the same rows at the present time, all that matters is the one that
    starts last; so as time moves on one chain a level is left.
    """
    levels: list[dict[frozenset[int], Chain]] = [{frozenset(): ()}, *({} for _ in range(rules.steps))]
    longest: Chain = ()
    now = None
    for at, step, row in entries:
        if at != now:
            levels, now = [_latest_start(level) for level in levels], at
        if _ends_walk(levels, step, rules.modes):
            return longest, False
        for chain in levels[step - 1].values() if step else ():
            if _extends(chain, at, row, rules):
                longer = (*chain, (at, row))
                used = frozenset(row for time, row in longer if time == at)
                levels[step][used] = max(levels[step].get(used, ()), longer, key=_start)
                longest = max(longest, longer, key=len)
    starts = [chain[0][0] for chain in levels[1].values()]
    return longest, rules.until is not None and any(rules.until - at < rules.window for at in starts)


def _start(chain: Chain) -> Chain:
    return chain[:1]


def _latest_start(level: dict[frozenset[int], Chain]) -> dict[frozenset[int], Chain]:
    return {frozenset(): max(level.values(), key=_start)} if level else {}


def _ends_walk(levels: list[dict[frozenset[int], Chain]], step: int, modes: Collection[str]) -> bool:
    if step > 1 and "strict_deduplication" in modes and levels[step]:
        return True
    if "strict_order" not in modes or not levels[1]:
        return False
    return step == 0 or (not levels[step - 1] and "allow_reentry" not in modes)


def _extends(chain: Chain, at: int, row: int, rules: Rules) -> bool:
    if not chain:
        return True
    follows = chain[-1][0] < at or "strict_increase" not in rules.modes
    return follows and at - chain[0][0] <= rules.window and all(row != taken for _, taken in chain)
