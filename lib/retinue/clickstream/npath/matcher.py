"""Matches in one partition, each row given as the set of the symbols that hold for it.

Time is linear in the rows plus the rows of the matches returned, however the pattern is nested.
A backward pass finds for each place the states from which the rows ahead can be matched to an end;
its moves are memoised by row and so make a lazily built deterministic automaton. From a place where
a match can begin a forward run keeps to those states and hence never walks into a dead end.
Sets of states and sets of symbols are the bits of integers. Nothing recurses on rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, chain, compress, islice
from operator import attrgetter, getitem
from typing import Literal, NamedTuple, TypeAlias

from retinue.clickstream.npath.automaton import ACCEPT, ANY_ROW, FIRST_ROW, Automaton
from retinue.errors import PatternError

ENDED = 1 << ACCEPT
MOST_CELLS = 20_000
STRIDE = 64
BEGINS = attrgetter("begins")


class Found(NamedTuple):
    """A match: rows `start` up to before `end`, and where asked for their symbols, a byte a row."""

    start: int
    end: int
    labels: bytes


class Skip(NamedTuple):
    """Where the search goes on after a match that took rows; `symbol` where it is to that symbol's row."""

    to: Literal["next row", "past last row", "first", "last"]
    symbol: int = -1
    name: str = ""


class Matcher:
    """Finds the matches of one automaton; what it learns in one partition serves the next."""

    def __init__(self, automaton: Automaton, *, longest: bool, skip: Skip, labelled: bool) -> None:
        self.automaton, self.skip = automaton, skip
        self.labelled = labelled or skip.symbol >= 0
        self.open = _Cells(automaton, single=not longest, endings=ENDED)
        self.cut = _Cells(automaton, single=True, endings=0)
        self.symbol = {
            1 << state: symbol for state, symbol in enumerate(automaton.symbol) if symbol is not None
        }

    def find(
        self, masks: Sequence[int], limits: Sequence[int] | None = None, name: str = ""
    ) -> Iterator[Found]:
        """The matches, by their start.

        `limits` holds for each row the place before which a match from it must end. `name` names the
        partition in the PatternError of a skip that leads nowhere.
        """
        starts: Iterable[int]
        if limits is None:
            cells = self.open.along(masks)
            starts, ends = _starts(cells), self._ends(everywhere(cells), share=self.skip.to == "next row")
        else:
            starts = range(len(masks))
            ends = self._ends(self.open.timed_places(masks, limits), share=False)
        onward = 0
        for start in starts:
            if start < onward:
                continue
            end = ends(start)
            if end is not None:
                found = Found(start, end, self._labels(masks, start, end) if self.labelled else b"")
                yield found
                onward = self.resume(found, name)

    def _ends(self, places: _Places, *, share: bool) -> Callable[[int], int | None]:
        """From a start to the end of its match, or None.

        Where runs overlap they often come together; `share` lets the later ones end where the first did.
        """
        known: dict[tuple[int, int], int] = {}

        def end(start: int) -> int | None:
            at = places(start)
            place, front = start, at(start).front[_entry(start)]
            if not front:
                return None
            passed = []
            while front != ENDED:
                place += 1
                front = at(place).front[front]
                if share and not place % STRIDE:
                    if (place, front) in known:
                        place = known[place, front]
                        break
                    passed.append((place, front))
            known.update(dict.fromkeys(passed, place))
            return place

        return end

    def _labels(self, masks: Sequence[int], start: int, end: int) -> bytes:
        """The symbols of the preferred way to match exactly these rows."""
        cell = self.cut.cell(ENDED, at_end=end == len(masks))
        cells = [cell]
        for mask in reversed(masks[start:end]):
            cell = cell[mask]
            cells.append(cell)
        front, labels = cells.pop().front[_entry(start)], bytearray()
        while cells:
            labels.append(self.symbol[front])
            front = cells.pop().front[front]
        return bytes(labels)

    def resume(self, found: Found, name: str) -> int:
        """The row that the search goes on from after this match; `name` names the partition if it cannot."""
        if self.skip.to == "next row" or found.start == found.end:
            return found.start + 1
        if self.skip.to == "past last row":
            return found.end
        row = self._labelled_row(found)
        if row > found.start:
            return row
        trouble = "is the row where the match began" if row == found.start else "took no row of the match"
        partition = f"in the partition {name}, in the match from its row" if name else "in the match from row"
        raise PatternError(
            f"mode to_{self.skip.to} {self.skip.name}: {partition}"
            f" {found.start + 1} on, {self.skip.name} {trouble}, so the search cannot go on from there"
        )

    def _labelled_row(self, found: Found) -> int:
        """The row that the search goes on from; -1 where the symbol took none."""
        rows = [found.start + row for row, label in enumerate(found.labels) if label == self.skip.symbol]
        return (rows[0] if self.skip.to == "first" else rows[-1]) if rows else -1


def everywhere(cells: Sequence[_Cell]) -> _Places:
    """These cells, whatever the match's start."""
    return lambda start: cells.__getitem__


def _starts(cells: Sequence[_Cell]) -> Iterable[int]:
    """The rows from which a match may be found: the first, and all from which inner rows lead to an end."""
    inner = compress(range(1, len(cells) - 1), map(BEGINS, islice(cells, 1, None)))
    return chain(range(min(1, len(cells) - 1)), inner)


def _entry(start: int) -> int:
    return 1 << (ANY_ROW if start else FIRST_ROW)


class _Cell(dict[int, "_Cell"]):
    """The states at a place from which the rows ahead can be matched.

    As a mapping: the symbols of the row before -> the cell one row earlier.
    """

    __slots__ = ("begins", "cells", "front", "moves", "states")

    def __init__(self, cells: _Cells, moves: _Moves, states: int) -> None:
        self.cells, self.moves, self.states = cells, moves, states
        self.front = _Front(moves.after, states, cells.single)
        self.begins = bool(self.front[_entry(1)])  # whether a match begins here, past the first row

    def __missing__(self, mask: int) -> _Cell:
        able = 0
        for state in _bits(self.states):
            able |= self.moves.before[state]
        earlier = self[mask] = self.cells.cell(able & self.cells.takers(mask) | self.cells.endings)
        return earlier


class _Front(dict[int, int]):
    """States at the place before -> those that follow them in a cell; only the preferred one if `single`."""

    __slots__ = ("after", "single", "states")

    def __init__(self, after: Sequence[Sequence[int]], states: int, single: bool) -> None:
        self.after, self.states, self.single = after, states, single

    def __missing__(self, front: int) -> int:
        ahead = 0
        for state in _bits(front):
            for follower in self.after[state]:
                ahead |= self.states & 1 << follower
                if ahead and self.single:
                    break
        self[front] = ahead
        return ahead


class _Moves:
    """The automaton's moves both ways: states by number -> those after, set of those before."""

    def __init__(self, after: Sequence[Sequence[int]]) -> None:
        self.after = after
        self.before = [0] * len(after)
        for state, followers in enumerate(after):
            for follower in followers:
                self.before[follower] |= 1 << state


class _Cells:
    """The cells met so far; `endings` is what every place adds to them, since a match may end there."""

    def __init__(self, automaton: Automaton, *, single: bool, endings: int) -> None:
        self.automaton, self.single, self.endings = automaton, single, endings
        self.inside, self.last = _Moves(automaton.after), _Moves(automaton.after_last)
        self.known: dict[tuple[int, bool], _Cell] = {}
        self.known_takers: dict[int, int] = {}

    def cell(self, states: int, at_end: bool = False) -> _Cell:
        cell = self.known.get((states, at_end))
        if cell is None:
            if len(self.known) >= MOST_CELLS:
                self.known.clear()
            cell = self.known[states, at_end] = _Cell(self, self.last if at_end else self.inside, states)
        return cell

    def takers(self, mask: int) -> int:
        """The states that can take a row for which these symbols hold."""
        if mask not in self.known_takers:
            symbols = enumerate(self.automaton.symbol)
            takers = [1 << state for state, symbol in symbols if symbol is not None and mask >> symbol & 1]
            self.known_takers[mask] = sum(takers)
        return self.known_takers[mask]

    def along(self, masks: Sequence[int]) -> list[_Cell]:
        """The cell at each place, for matches that may end anywhere."""
        cells = [*accumulate(reversed(masks), getitem, initial=self.cell(ENDED, at_end=True))]
        cells.reverse()
        return cells

    def timed_places(self, masks: Sequence[int], limits: Sequence[int]) -> _Places:
        """The cell at each place for the start of the match: the states that can end before its limit."""
        ends = self.soonest_ends(masks)

        def at(place: int, limit: int) -> _Cell:
            states = sum(1 << state for state, end in ends[place].items() if end <= limit)
            return self.cell(states, at_end=place == len(masks))

        return lambda start: lambda place: at(place, limits[start])

    def soonest_ends(self, masks: Sequence[int]) -> list[dict[int, int]]:
        """For each place: the states from which the rows ahead can be matched -> the soonest end."""
        ends = [{ACCEPT: len(masks)}]
        after = self.automaton.after_last
        for place in range(len(masks) - 1, -1, -1):
            ahead, here = ends[-1], {ACCEPT: place}
            for state in _bits(self.takers(masks[place])):
                soonest = min(
                    (ahead[follower] for follower in after[state] if follower in ahead), default=None
                )
                if soonest is not None:
                    here[state] = soonest
            ends.append(here)
            after = self.automaton.after
        ends.reverse()
        return ends


_Places: TypeAlias = Callable[[int], Callable[[int], _Cell]]


def _bits(states: int) -> Iterator[int]:
    while states:
        lowest = states & -states
        yield lowest.bit_length() - 1
        states ^= lowest
