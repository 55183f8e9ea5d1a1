"""Sessions as one would cut them by hand: a visitor's events in a list, walked once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise


@dataclass(frozen=True)
class Event:
    visitor: str | int | None
    micros: int | None
    tie: str | int | None
    page: str | None = None
    event_type: str | None = None


@dataclass(frozen=True)
class Placed:
    event: Event
    session_id: str | None = None
    session_index: int | None = None
    event_index: int | None = None
    is_rapid: bool | None = None
    is_runaway: bool | None = None


@dataclass(frozen=True)
class Session:
    visitor: str | int | None
    session_id: str
    session_index: int
    started: int
    ended: int
    event_count: int
    page_count: int
    entry_page: str | None
    exit_page: str | None
    engaged: float | None


def sessionize(events: Iterable[Event], timeout: int, click_lag: int, max_events: int) -> Iterator[Placed]:
    """All times in microseconds."""
    events = list(events)
    yield from (Placed(event) for event in events if event.visitor is None or event.micros is None)
    whole = [event for event in events if event.visitor is not None and event.micros is not None]
    for _, own in groupby(sorted(whole, key=_order), key=lambda event: event.visitor):
        for index, session in enumerate(_cut(list(own), timeout), start=1):
            yield from _number(session, index, click_lag, max_events)


def summarize(placed: Iterable[Placed], heartbeat: int, first_ping: int) -> Iterator[Session]:
    rows = [row for row in placed if row.session_id is not None]
    rows.sort(key=lambda row: (row.session_id, row.event_index))
    for session_id, group in groupby(rows, key=lambda row: row.session_id):
        own = list(group)
        events = [row.event for row in own]
        pages = [event.page for event in events if event.page is not None]
        yield Session(
            visitor=events[0].visitor,
            session_id=str(session_id),
            session_index=own[0].session_index or 0,
            started=events[0].micros or 0,
            ended=events[-1].micros or 0,
            event_count=len(own),
            page_count=sum(e.event_type in ("page_view", "product_view", "search") for e in events),
            entry_page=pages[0] if pages else None,
            exit_page=pages[-1] if pages else None,
            engaged=_engaged(events, heartbeat, first_ping),
        )


def _order(event: Event) -> tuple[str, int, bool, str | int]:
    tie = event.tie if event.tie is not None else ""
    return str(event.visitor), event.micros or 0, event.tie is not None, tie


def _cut(events: list[Event], timeout: int) -> list[list[Event]]:
    sessions = [[events[0]]]
    for before, event in pairwise(events):
        if (event.micros or 0) - (before.micros or 0) > timeout:
            sessions.append([])
        sessions[-1].append(event)
    return sessions


def _number(session: list[Event], index: int, click_lag: int, max_events: int) -> Iterator[Placed]:
    first = session[0]
    tie = "" if first.tie is None else str(first.tie)
    text = "\x1f".join([str(first.visitor), str(first.micros), tie])
    session_id = hashlib.sha256(text.encode()).hexdigest()[:32]
    for place, event in enumerate(session):
        gap = (event.micros or 0) - (session[place - 1].micros or 0)
        is_rapid = place > 0 and gap < click_lag
        yield Placed(event, session_id, index, place + 1, is_rapid, len(session) > max_events)


def _engaged(events: list[Event], heartbeat: int, first_ping: int) -> float | None:
    pings = [event for event in events if event.event_type == "ping"]
    if not pings:
        return None
    seconds = 0.0
    for page in {event.page for event in pings}:
        beats = {(event.micros or 0) // heartbeat for event in pings if event.page == page}
        seconds += first_ping / 1e6 + (len(beats) - 1) * heartbeat / 1e6
    return seconds
