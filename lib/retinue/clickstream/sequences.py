"""Patterns over a visitor's rows with time between them, matched on numpy arrays alone.

Worked out backwards: for every part of the pattern and every row, where the next part has to start for the
rest to match, or that it cannot. No row is tried twice, so that no pattern takes more than a time linear in
the rows for each of its parts, and a match is then read off from its first row on.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from retinue.clickstream.visits import FOREVER, NONE, Flags, Integers, Visits, apart, first_without
from retinue.errors import PatternError

_PARTS = re.compile(
    r"""\s*(?: \(\s*\?\s*t\s*(?P<op><=|<|>=|>|==)\s*(?P<gap>\d+(?:\.\d+)?)\s*\)
             | \(\s*\?\s*(?P<condition>\d+)\s*\)
             | (?P<star>\.\s*\*)
             | (?P<any>\.) )\s*""",
    re.VERBOSE,
)


class Part(NamedTuple):
    """One part of a pattern: a row of a condition, any row (condition 0), a gap in time, or any rows."""

    kind: str  # row, star, or the comparison of a gap
    number: int = 0  # which condition, or how long the gap


def parse(pattern: str, *, conditions: int, unit: int) -> list[Part]:
    """The parts of a pattern, after the `.*` that every pattern begins with; gaps times `unit`.

    Times are whole numbers then, so that a gap that is none asks the same as one next to it.

    Raises PatternError, with a caret under the place.
    """
    parts, place = [Part("star")], 0
    while place < len(pattern):
        found = _PARTS.match(pattern, place)
        if not found:
            raise _fault(pattern, place, "expected (?N), (?t op n) with op < <= > >= ==, . or .*")
        parts.append(_part(found, conditions, unit, after=parts[-1]))
        place = found.end()
    return parts


def _part(found: re.Match[str], conditions: int, unit: int, *, after: Part) -> Part:
    place = found.start() + len(found.group()) - len(found.group().lstrip())
    if found["star"]:
        return Part("star")
    if found["any"]:
        return Part("row")
    if found["op"]:
        if after.kind not in ("row", "star"):
            raise _fault(found.string, place, "a time must follow a row or .*, not another time")
        return _gap(found["op"], Fraction(found["gap"]) * unit)
    if not 1 <= int(found["condition"]) <= conditions:
        raise _fault(found.string, place, f"there are conditions 1 to {conditions}")
    return Part("row", int(found["condition"]))


def _gap(op: str, gap: Fraction) -> Part:
    """The comparison of whole numbers with the gap, be it a fraction, as one with a whole number."""
    if gap.denominator == 1:
        return Part(op, int(gap))
    if op == "==":
        return Part("==", FOREVER + 1)  # no whole number is equal to it
    return Part(op, math.floor(gap) if op in ("<=", ">") else math.ceil(gap))


def _fault(pattern: str, place: int, what: str) -> PatternError:
    return PatternError(f"the pattern does not parse: {what}\n  {pattern}\n  {' ' * place}^")


def match(visits: Visits, parts: Sequence[Part]) -> tuple[Integers, Integers]:
    """Each visitor's number of matches, and the rows that took the conditions of the first one.

    The rows: visitors x conditions of the pattern, NONE where there is no match.
    """
    places = _places(visits)
    leads = _leads(places, parts)
    visitors = np.arange(len(visits.offsets) - 1)
    start, count = visits.offsets[:-1] + visitors, np.zeros_like(visitors)
    first = np.full((len(visitors), sum(part.number > 0 for part in parts if part.kind == "row")), NONE)
    while len(visitors := visitors[_can_start(places, leads[0], start[visitors])]):
        end, taken = _read(start[visitors], parts, leads)
        is_first = count[visitors] == 0
        first[visitors[is_first]] = (taken - visitors[:, None])[is_first]
        count[visitors] += 1
        start[visitors] = np.maximum(end, start[visitors] + 1)
    return count, first


class Places(NamedTuple):
    """The rows of a batch, with a place behind each visitor's last row for where a match may end."""

    at: Integers
    mask: Integers
    first: Integers  # the place of the first row of the same visitor
    end: Integers  # the place behind its last row
    is_end: Flags


def _places(visits: Visits) -> Places:
    visitors = np.arange(len(visits.offsets) - 1)
    counts = np.diff(visits.offsets) + 1
    ends = visits.offsets[1:] + visitors
    is_end = np.zeros(len(visits.at) + len(visitors), dtype=bool)
    is_end[ends] = True
    at, mask = np.zeros((2, len(is_end)), dtype=np.int64)
    at[~is_end], mask[~is_end] = visits.at, visits.mask
    firsts = visits.offsets[:-1] + visitors
    return Places(at, mask, np.repeat(firsts, counts), np.repeat(ends, counts), is_end)


def _leads(places: Places, parts: Sequence[Part]) -> list[Integers]:
    """For each part and place, where the next part starts if this one starts here, or NONE: no match."""
    fits, leads = np.ones(len(places.at), dtype=bool), list[Integers]()
    for before, part in reversed(list(zip([None, *parts], parts, strict=False))):
        if part.kind == "row":
            lead = _lead_of_row(places, part, fits)
        elif part.kind == "star":
            lead = _next(fits)[: len(fits)]
        else:
            after_row = before is not None and before.kind == "row"
            lead = _lead_of_gap(places, part, fits, after_row=after_row)
        lead = np.where(lead <= places.end, lead, NONE)
        leads.append(lead)
        fits = lead != NONE
    return leads[::-1]


def _lead_of_row(places: Places, part: Part, fits: Flags) -> Integers:
    is_row = (places.mask >> (part.number - 1) & 1).astype(bool) if part.number else ~places.is_end
    beyond = len(fits)
    return np.where(is_row & np.append(fits[1:], False), np.arange(beyond) + 1, beyond)


def _lead_of_gap(places: Places, part: Part, fits: Flags, *, after_row: bool) -> Integers:
    """The first place in time from which the rest fits; behind the last row all holds but a least time."""
    here, beyond = np.arange(len(fits)), len(fits)
    base = places.at[np.maximum(here - after_row, 0)]
    low, high = here, places.end
    if part.kind in (">=", ">", "=="):
        low = _first_apart(places, base, part.number, or_less=part.kind == ">")
    if part.kind in ("<=", "<", "=="):
        high = _first_apart(places, base, part.number, or_less=part.kind != "<")
    found = _next(fits & ~places.is_end)[low]
    at_end = fits & (part.kind in ("<", "<=") or part == Part(">=", 0))
    return np.where(places.is_end, np.where(at_end, here, beyond), np.where(found < high, found, beyond))


def _first_apart(places: Places, base: Integers, gap: int, *, or_less: bool) -> Integers:
    """From each place on the first one of its visitor `gap` or more (`or_less`: more) after `base`."""

    def is_near(place: Integers) -> Flags:
        since = apart(places.at[place], base)
        return since <= np.uint64(gap) if or_less else since < np.uint64(gap)

    if gap > FOREVER:
        return places.end
    return first_without(np.arange(len(base)), places.end, is_near)


def _next(flags: Flags) -> Integers:
    """For each place, and the one beyond all, the first flagged one from there on."""
    flagged = np.append(np.where(flags, np.arange(len(flags)), len(flags)), len(flags))
    return np.minimum.accumulate(flagged[::-1])[::-1]


def _can_start(places: Places, lead: Integers, start: Integers) -> Flags:
    can: Flags = ~places.is_end[start] & (lead[start] != NONE)
    return can


def _read(start: Integers, parts: Sequence[Part], leads: Sequence[Integers]) -> tuple[Integers, Integers]:
    """Where the matches from these places end, and the places that took their conditions."""
    taken = [np.empty((0, len(start)), dtype=np.int64)]
    for part, lead in zip(parts, leads, strict=True):
        if part.kind == "row" and part.number:
            taken.append(start[None])
        start = lead[start]
    return start, np.concatenate(taken).T
