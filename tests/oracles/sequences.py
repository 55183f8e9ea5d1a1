"""Sequence patterns matched the slow way, by trying every row for every part, in plain Python."""

from __future__ import annotations

import operator
from collections.abc import Sequence

Row = tuple[int, int]
Part = tuple[str, int]  # ("row", condition or 0) | ("star", 0) | (comparison, gap)
COMPARE = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq}


def first_match(rows: Sequence[Row], parts: Sequence[Part], start: int) -> tuple[int, list[int]] | None:
    """Where the leftmost, shortest match from `start` on ends, and the rows of its conditions."""

    def walk(part: int, place: int, base: int) -> tuple[int, list[int]] | None:
        if part == len(parts):
            return place, []
        kind, number = parts[part]
        if kind == "row":
            if place == len(rows) or (number and not rows[place][1] >> (number - 1) & 1):
                return None
            rest = walk(part + 1, place + 1, place)
            return rest and (rest[0], [place] * (number > 0) + rest[1])
        if kind == "star":
            tries = range(place, len(rows) + 1)
            return next((end for at in tries if (end := walk(part + 1, at, at))), None)
        if place == len(rows):
            holds = kind in ("<", "<=") or (kind, number) == (">=", 0)
            return walk(part + 1, place, base) if holds else None
        reach = [at for at in range(place, len(rows)) if COMPARE[kind](rows[at][0] - rows[base][0], number)]
        return next((end for at in reach if (end := walk(part + 1, at, at))), None)

    return walk(0, start, start)


def matches(rows: Sequence[Row], parts: Sequence[Part]) -> tuple[int, list[int]]:
    """How many matches there are, one after the other, and the rows of the first."""
    count, taken, start = 0, [], 0
    while start < len(rows) and (found := first_match(rows, [("star", 0), *parts], start)):
        taken = found[1] if count == 0 else taken
        count, start = count + 1, max(found[0], start + 1)
    return count, taken
