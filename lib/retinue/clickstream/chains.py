"""How far each visitor gets in a chain of steps: the reckoning behind a funnel, on numpy arrays alone.

All visitors of a batch are worked out together, a few array operations a step. The trick is in the order:
visitors lie one after the other and each one's rows in time, so the row at which a chain starts is also
what makes one chain better than another (the later its start, the longer its window lasts). Whatever may
lie between two steps, the rows that may come before a row are a range whose ends only ever move on. So the
last row in it that took the step before has the best start, and where that row lies before the range, the
step cannot be taken.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from retinue.clickstream import walks
from retinue.clickstream.visits import (
    FOREVER,
    NONE,
    Flags,
    Found,
    Gate,
    Integers,
    Rules,
    Visits,
    apart,
    first_without,
)


def longest(visits: Visits, rules: Rules) -> Found:
    """Each visitor's level and winning chain.

    A chain of level k is k rows, one after the other, the j-th of which step j's predicate holds, the last
    at most `window` after the first, with gates and exclusions kept. The winning chain is the one that
    reaches the visitor's highest level first; among those that do so at the same row, the one that starts
    last; among those, told from the last step back, each step at its earliest row.

    With the mode `clickhouse` every step that a row can be is an entry of its own, and at equal times the
    entries are in the order of their steps, whatever the order of their rows.
    """
    if "clickhouse" not in rules.modes:
        return _longest(visits, rules)
    entries, row = _entries(visits, rules.steps)
    if "strict_once" in rules.modes:
        return walks.longest_once(entries, row, rules)
    found = _longest(entries, rules)
    return replace(found, rows=np.where(found.rows == NONE, NONE, np.append(row, NONE)[found.rows]))


def _longest(visits: Visits, rules: Rules) -> Found:
    lows, chains = _chains(visits, rules)
    stop = _stop(visits, chains, rules)
    level, rows = _winners(visits, lows, chains, stop)
    return Found(
        level,
        rows,
        _optional(visits, rows, stop, rules),
        _is_open(visits, chains, stop, rules) & (level < rules.steps),
    )


def _entries(visits: Visits, steps: int) -> tuple[Visits, Integers]:
    """The entries of all rows in order, and the row of each; a row that is no step is an entry as well."""
    holds = np.stack([visits.mask == 0] + [visits.holds(step) for step in range(1, steps + 1)], axis=1)
    row, step = np.nonzero(holds)
    order = np.lexsort((row, step, visits.at[row], visits.first[row]))
    row, step = row[order], step[order]
    offsets = np.searchsorted(visits.first[row], visits.offsets)
    return Visits(offsets, visits.at[row], (1 << step) >> 1), row


def _chains(visits: Visits, rules: Rules) -> tuple[list[Integers], list[Integers]]:
    """For each step and row: the row at which the chain starts whose step this row is, or NONE.

    Before these, for each step and row, the first row that the step before may have been taken by.
    """
    lows, chains = [visits.first], [np.where(visits.holds(1), visits.rows, NONE)]
    for step in range(2, rules.steps + 1):
        low, high = _range(visits, rules, step)
        before = _before(_latest(visits, chains[-1] != NONE), high)
        start = chains[-1][before]
        fits = (before >= low) & (apart(visits.at, visits.at[start]) <= np.uint64(rules.window))
        if "strict_increase" in rules.modes and "clickhouse" in rules.modes:
            # That engine forgets all but the last row, even where only an earlier one lies strictly before.
            fits &= visits.at[before] < visits.at
        lows.append(low)
        chains.append(np.where(visits.holds(step) & fits, start, NONE))
    return lows, chains


def _range(visits: Visits, rules: Rules, step: int) -> tuple[Integers, Integers]:
    """For each row the first row that may have taken the step before, and the one behind the last."""
    low, high = visits.first, _earlier(visits, rules.modes)
    if gate := rules.gates.get(step):
        least, most = np.uint64(gate.least), np.uint64(gate.most)
        low = first_without(low, visits.rows, lambda row: apart(visits.at, visits.at[row]) > most)
        late = first_without(low, visits.rows, lambda row: apart(visits.at, visits.at[row]) >= least)
        high = np.minimum(high, late)
    return np.maximum(low, _unbroken(visits, rules, step, visits.rows)), high


def _unbroken(visits: Visits, rules: Rules, step: int, end: Integers) -> Integers:
    """For each row the first from which on the step before can reach `end` with nothing excluded between."""
    low = visits.first
    for predicate, after, before in rules.barriers:
        if after < step <= before:
            excluded = _before(_latest(visits, visits.holds(predicate)), end)
            # An excluded row may be the step `after`, yet none between that and `before`.
            low = np.maximum(low, excluded + (after < step - 1))
    return low


def _earlier(visits: Visits, modes: Collection[str]) -> Integers:
    """For each row the row below which all rows may come before it in a chain."""
    return visits.instant if "strict_increase" in modes and "clickhouse" not in modes else visits.rows


def _latest(visits: Visits, flags: Flags) -> Integers:
    """For each row the last flagged one up to it, be it another visitor's, or NONE."""
    return np.maximum.accumulate(np.where(flags, visits.rows, NONE))


def _before(best: Integers, earlier: Integers) -> Integers:
    """The running maximum as it was before each row."""
    return np.concatenate([[NONE], best])[earlier]


def _stop(visits: Visits, chains: list[Integers], rules: Rules) -> Integers:
    """Each visitor's first row that ends the search, or the one behind its last."""
    ends = np.zeros(len(visits.at), dtype=bool)
    reached = _reached(visits, chains)
    if "strict_order" in rules.modes:
        ends |= _interrupts(visits, reached, rules)
    if "strict_deduplication" in rules.modes:
        ends |= _repeats(visits, chains, reached)
    first = _firsts(visits, ends)
    return np.where(first == NONE, visits.offsets[1:], first)


def _reached(visits: Visits, chains: list[Integers]) -> Integers:
    """For each row the highest level that its visitor had reached before it."""
    bests = [_before(np.maximum.accumulate(chain), visits.rows) for chain in chains]
    levels: Integers = np.sum([best >= visits.first for best in bests], axis=0, dtype=np.int64)
    return levels


def _interrupts(visits: Visits, reached: Integers, rules: Rules) -> Flags:
    """Rows that are no step at all, and without re-entry also those that only are steps yet to come."""
    steps = (1 << rules.steps) - 1
    optional = sum({1 << (step.predicate - 1) for step in rules.optional})
    possible = steps if "allow_reentry" in rules.modes else steps & ((1 << (reached + 1)) - 1)
    unwelcome: Flags = (reached > 0) & (visits.mask & (possible | optional) == 0)
    return unwelcome


def _repeats(visits: Visits, chains: list[Integers], reached: Integers) -> Flags:
    """Rows that are a step from the second on that was reached before, unless they lead one step on."""
    done = visits.mask & ((1 << reached) - 1) & ~1
    leads_on = np.zeros(len(visits.at), dtype=bool)
    for level, chain in enumerate(chains):
        leads_on |= (reached == level) & (chain != NONE)
    repeats: Flags = (done != 0) & ~leads_on
    return repeats


def _winners(
    visits: Visits, lows: list[Integers], chains: list[Integers], stop: Integers
) -> tuple[Integers, Integers]:
    alive = visits.rows < np.repeat(stop, np.diff(visits.offsets))
    ends = np.stack([_firsts(visits, alive & (chain != NONE)) for chain in chains], axis=1)
    level = (ends != NONE).sum(axis=1)
    rows = np.full_like(ends, NONE)
    visitors = np.flatnonzero(level)
    last = level[visitors] - 1
    rows[visitors, last] = ends[visitors, last]
    starts = np.stack(chains, axis=1)[ends[visitors, last], last]
    for step in reversed(range(len(chains) - 1)):
        behind = last > step
        low = lows[step + 1][rows[visitors[behind], step + 1]]
        rows[visitors[behind], step] = _earliest(chains[step], starts[behind], low)
    return level, rows


def _earliest(chain: Integers, starts: Integers, low: Integers) -> Integers:
    """The first row from `low` on whose chain starts there, for those of which there is one."""
    # The later a row the later its chain starts, so that all rows of one start lie together.
    reached = np.searchsorted(np.maximum.accumulate(chain), starts)
    rows = np.flatnonzero(chain != NONE)
    return rows[np.searchsorted(rows, np.maximum(reached, low))]


def _firsts(visits: Visits, flags: Flags) -> Integers:
    """Each visitor's first row that is flagged, or NONE."""
    found = _next(flags, visits.offsets[:-1])
    return np.where(found < visits.offsets[1:], found, NONE)


def _next(flags: Flags, rows: Integers) -> Integers:
    """The first flagged row from each of these on, or the one beyond all."""
    flagged = np.append(np.flatnonzero(flags), len(flags))
    return flagged[np.searchsorted(flagged, rows)]


def _optional(visits: Visits, rows: Integers, stop: Integers, rules: Rules) -> Integers:
    """The rows that took the optional steps: the first each, after the step before and before the next."""
    taken = np.full((len(rows), len(rules.optional)), NONE)
    following = np.append(rows, np.full((len(rows), 1), NONE), axis=1)
    for place, (predicate, after) in enumerate(rules.optional):
        visitors = np.flatnonzero(rows[:, after - 1] != NONE)
        before, then = rows[visitors, after - 1], following[visitors, after]
        start, end = before + 1, np.where(then == NONE, stop[visitors], then)
        if "strict_increase" in rules.modes:
            start = np.searchsorted(visits.instant, visits.instant[before], side="right")
            end = np.where(then == NONE, end, visits.instant[then])
        row = _next(visits.holds(predicate), start)
        inside = row < end
        visitors, row, then = visitors[inside], row[inside], then[inside]
        in_time = apart(visits.at[row], visits.at[rows[visitors, 0]]) <= np.uint64(rules.window)
        taken[visitors[in_time], place] = row[in_time]
    return taken


def _is_open(visits: Visits, chains: list[Integers], stop: Integers, rules: Rules) -> Flags:
    is_open = np.zeros(len(stop), dtype=bool)
    if rules.until is None:
        return is_open
    until = np.full(len(visits.at), rules.until)
    end = np.repeat(visits.offsets[1:], np.diff(visits.offsets))
    for step, chain in enumerate(chains[:-1], start=2):
        gate = rules.gates.get(step, Gate(0, FOREVER))
        begun = visits.at[chain]
        goes_on = (chain != NONE) & (apart(until, begun) < np.uint64(rules.window))
        goes_on &= apart(until, visits.at) < np.uint64(gate.most)
        goes_on &= apart(visits.at, begun) <= np.uint64(max(rules.window - gate.least, 0))
        goes_on &= gate.least <= rules.window
        goes_on &= visits.rows >= _unbroken(visits, rules, step, end)
        is_open |= _firsts(visits, goes_on) != NONE
    is_open &= stop == visits.offsets[1:]
    return is_open
