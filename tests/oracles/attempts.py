"""How far a search got from a row, by trying every way the pattern has and noting what it looked at."""

from __future__ import annotations

from oracles import npath


class Watched:
    """A row that notes which symbols it was asked for."""

    def __init__(self, place, holds, asked):
        self.place, self.holds, self.asked = place, holds, asked

    def __contains__(self, name):
        self.asked.append((self.place, name, name in self.holds))
        return name in self.holds


def attempt(pattern, rows, start, limit=None):
    """The place where the attempt from `start` got no further, what was looked for there, and the way to it.

    A row for which nothing holds stands behind the last one, or in the place of the first beyond the limit.
    The way is the first that led so far, as the symbols that took its rows: looking goes depth first, so of
    each row's symbols it is the one noted last.
    """
    limit = len(rows) if limit is None else limit
    asked = []
    watched = [Watched(place, holds, asked) for place, holds in enumerate([*rows[:limit], set()])]
    list(npath.ways(pattern, watched, start))
    end = max((place + taken for place, _, taken in asked), default=start)
    way = {}
    for place, name, taken in asked:
        if taken and end - 1 not in way:
            way[place] = name
    wanted = {name for place, name, taken in asked if place == end and not taken}
    return end, wanted, tuple(way[place] for place in range(start, end))


def wants_end(pattern, rows, start, end):
    """Whether there were a match, did the partition end there."""
    return end > start and any(found == end for found, _ in npath.ways(pattern, rows[:end], start))


def searched(pattern, rows, *, mode, prefer, limits=None):
    """The matches, and the rows from which there is none where the search looked."""
    found, failed, start = [], [], 0
    while start < len(rows):
        match = match_at(pattern, rows, start, prefer, limits)
        if match is None:
            failed.append(start)
            start += 1
            continue
        found.append((start, *match))
        start = npath.resume(start, *match, mode)
    return found, failed


def match_at(pattern, rows, start, prefer, limits=None):
    """The match from a row, as where it ends and its labels."""
    return npath.match_at(
        pattern, rows, start, prefer, lambda end: limits is None or end == start or end <= limits[start]
    )


def has_match(pattern, rows, prefer, limits=None):
    """Whether any match takes rows."""
    found = (match_at(pattern, rows, start, prefer, limits) for start in range(len(rows)))
    return any(match and match[1] for match in found)
