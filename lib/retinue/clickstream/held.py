"""Chains whose steps all have one value of a property: found within each value, of which the best counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from retinue.clickstream.visits import Found, Integers, Visits


def split(visits: Visits, value: Integers) -> tuple[Visits, Integers]:
    """Each value of a visitor, whose rows lie by value, as a visitor of its own; and who each one was."""
    visitors = np.arange(len(visits.offsets) - 1)
    of_row = np.repeat(visitors, np.diff(visits.offsets))
    changes = np.flatnonzero((value[1:] != value[:-1]) & (of_row[1:] == of_row[:-1])) + 1
    owner = np.concatenate([visitors, of_row[changes]])
    starts = np.concatenate([visits.offsets[:-1], changes])
    order = np.lexsort((starts, owner))
    return replace(visits, offsets=np.append(starts[order], visits.offsets[-1])), owner[order]


def best(visits: Visits, owner: Integers, found: Found) -> Found:
    """Each owner's winning chain: the highest level, ended first, begun last, of the least value.

    It is open where that of any value is, and no chain has taken all steps.
    """
    firsts = np.flatnonzero(np.diff(owner, prepend=-1))
    at = np.append(visits.at, 0)  # for those that have no row
    end = found.rows[np.arange(len(owner)), np.maximum(found.level - 1, 0)]
    order = np.lexsort((~at[found.rows[:, 0]], at[end], -found.level, owner))
    chosen = order[firsts]
    level = found.level[chosen]
    is_open = np.logical_or.reduceat(found.is_open, firsts) if len(firsts) else found.is_open
    return Found(level, found.rows[chosen], found.optional[chosen], is_open & (level < found.rows.shape[1]))


def highest(owner: Integers, level: Integers) -> Integers:
    """Each owner's highest level."""
    firsts = np.flatnonzero(np.diff(owner, prepend=-1))
    highest: Integers = np.maximum.reduceat(level, firsts) if len(firsts) else level
    return highest
