"""The attempts of a search: where each began, how far it got, and what could have gone on.

All attempts in a partition walk forward together, and those that have come to the same states go on as one:
time grows with the rows and with how many sets of states stand at a row, not with how long the attempts are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from retinue.clickstream.npath.automaton import ACCEPT, ANY_ROW, FIRST_ROW, Automaton
from retinue.clickstream.npath.matcher import ENDED, MOST_CELLS, Found, Matcher, everywhere

BROKEN, ENDED_EARLY, TIMED_OUT = "broken", "ended", "timed_out"
"""Why an attempt failed: a row that the pattern does not take, the partition's end, the limit of time."""


class Attempt(NamedTuple):
    """An attempt that failed: it took the rows `start` up to before `end`, the furthest that any way led.

    `states` are those that took the last row, as bits; where no row was taken, the one before the pattern.
    """

    start: int
    end: int
    states: int
    outcome: str


def searched(
    matcher: Matcher, masks: Sequence[int], limits: Sequence[int] | None, name: str = ""
) -> tuple[list[Found], list[int]]:
    """The matches, and the rows from which the search tried in vain."""
    found, failed, place = [], list[int](), 0
    for match in matcher.find(masks, limits, name):
        failed.extend(range(place, match.start))
        found.append(match)
        place = matcher.resume(match, name)
    failed.extend(range(place, len(masks)))
    return found, failed


def beginnings(matcher: Matcher, masks: Sequence[int], limits: Sequence[int] | None) -> set[int]:
    """The rows from which there is a match that takes rows, wherever else there is one."""
    cells = matcher.open
    places = everywhere(cells.along(masks)) if limits is None else cells.timed_places(masks, limits)
    return {start for start in range(len(masks)) if places(start)(start).front[1 << _entry(start)] & ~ENDED}


class Walk:
    """Follows an automaton forward; what it learns in one partition serves the next."""

    def __init__(self, automaton: Automaton) -> None:
        self.automaton = automaton
        self.distance = _distances(automaton)
        self.known_ahead: dict[int, int] = {}
        self.known_steps: dict[tuple[int, int], int] = {}

    def attempts(
        self, masks: Sequence[int], starts: Sequence[int], limits: Sequence[int] | None
    ) -> Iterator[Attempt]:
        """How far the attempts from these rows, in their order, got: those from which there is no match.

        `limits` holds for each row the place before which a match from it must end, and never falls.
        """
        if not starts:
            return
        crowd, waiting = _Crowd(), iter(starts)
        begins, late = next(waiting), iter(starts)
        expires = next(late) if limits else None
        for place, mask in enumerate(masks):
            if place == begins:
                crowd.join(place, 1 << _entry(place))
                begins = next(waiting, len(masks))
            while limits and expires is not None and limits[expires] <= place:
                crowd.leave(expires, place)
                expires = next(late, None)
            if crowd.states:
                crowd.move(place, {states: self.step(states, mask) for states in crowd.states})
        for start in starts:
            yield crowd.attempt(start, len(masks))

    def ahead(self, states: int) -> int:
        """The states that could take the next row after these."""
        if states not in self.known_ahead:
            followers = 0
            for state in bits(states):
                for follower in self.automaton.after[state]:
                    followers |= 1 << follower
            self.known_ahead[states] = followers & ~ENDED
        return self.known_ahead[states]

    def wants_end(self, states: int) -> bool:
        """Whether after these the match would have ended, were the last row the partition's last."""
        return any(ACCEPT in self.automaton.after_last[state] for state in bits(states))

    def missing(self, states: int) -> int | None:
        """How many more rows a match would have needed at least after these; None where none would do."""
        return min((self.distance[state] for state in bits(states) if state in self.distance), default=None)

    def step(self, states: int, mask: int) -> int:
        """The states that take a row for which these symbols hold, after those states."""
        key = (states, mask)
        if key not in self.known_steps:
            if len(self.known_steps) >= MOST_CELLS:
                self.known_steps.clear()
                self.known_ahead.clear()
            takers = (state for state in bits(self.ahead(states)) if self._takes(state, mask))
            self.known_steps[key] = sum(1 << state for state in takers)
        return self.known_steps[key]

    def path(self, masks: Sequence[int], start: int, end: int, *, is_match: bool = False) -> list[int]:
        """The states that take these rows, one each, in the way that the pattern prefers.

        Of all ways as far as `end`; or, if `is_match`, of those where the match ends there.
        """
        states: Iterable[int] = [_entry(start)]
        trail = []
        for mask in masks[start:end]:
            before: dict[int, int] = {}  # in the order of preference, for that is how it is filled
            for state in states:
                for follower in self.automaton.after[state]:
                    if self._takes(follower, mask):
                        before.setdefault(follower, state)
            states = before
            trail.append(before)
        after = self.automaton.after_last if end == len(masks) else self.automaton.after
        state = next(state for state in states if not is_match or not trail or ACCEPT in after[state])
        path = []
        for before in reversed(trail):
            path.append(state)
            state = before[state]
        return path[::-1]

    def _takes(self, state: int, mask: int) -> bool:
        symbol = self.automaton.symbol[state]
        return symbol is not None and bool(mask >> symbol & 1)


def _distances(automaton: Automaton) -> dict[int, int]:
    """State -> the fewest rows that lead from it to a match's end, wherever the partition's end is."""
    before: dict[int, set[int]] = {}
    for state, after in enumerate(zip(automaton.after, automaton.after_last, strict=True)):
        for follower in chain(*after):
            before.setdefault(follower, set()).add(state)
    distance, ahead = {ACCEPT: -1}, deque([ACCEPT])
    while ahead:
        state = ahead.popleft()
        found = before.get(state, set()) - distance.keys()
        distance.update(dict.fromkeys(found, distance[state] + 1))
        ahead.extend(found)
    return distance


class _Crowd:
    """Attempts on their way, each known by its start; those in the same states follow one leader."""

    def __init__(self) -> None:
        self.states: dict[int, int] = {}  # where leaders stand -> the leader
        self.place_of: dict[int, int] = {}  # leader -> its states
        self.leader: dict[int, int] = {}
        self.stopped: dict[int, tuple[int, int, str]] = {}  # leader -> what became of all behind it
        self.late: dict[int, tuple[int, int, str]] = {}

    def join(self, start: int, states: int) -> None:
        self.states[states] = self.leader[start] = start
        self.place_of[start] = states

    def leave(self, start: int, place: int) -> None:
        """The time of this attempt is over, if it still goes on."""
        leader = self.led_by(start)
        if leader not in self.stopped:
            self.late[start] = (place, self.place_of[leader], TIMED_OUT)

    def move(self, place: int, steps: dict[int, int]) -> None:
        """All take the row at this place, or stop before it."""
        moved: dict[int, int] = {}
        for states, leader in self.states.items():
            ahead = steps[states]
            if not ahead:
                self.stopped[leader] = (place, states, BROKEN)
            elif ahead in moved:
                self.leader[leader] = moved[ahead]
            else:
                moved[ahead] = leader
                self.place_of[leader] = ahead
        self.states = moved

    def attempt(self, start: int, length: int) -> Attempt:
        leader = self.led_by(start)
        ended = (length, self.place_of[leader], ENDED_EARLY)
        return Attempt(start, *self.late.get(start, self.stopped.get(leader, ended)))

    def led_by(self, start: int) -> int:
        leader = start
        while self.leader[leader] != leader:
            leader = self.leader[leader]
        while self.leader[start] != leader:
            self.leader[start], start = leader, self.leader[start]
        return leader


def bits(states: int) -> Iterator[int]:
    """The numbers of the bits that are set, from the lowest."""
    while states:
        lowest = states & -states
        yield lowest.bit_length() - 1
        states ^= lowest


def _entry(start: int) -> int:
    return ANY_ROW if start else FIRST_ROW
