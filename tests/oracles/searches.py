"""Fruitless searches found the slow way: one session at a time, row by row, in plain Python."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple


class Event(NamedTuple):
    kind: str
    product: str | None = None
    results: int | None = None
    query: str | None = None


VIEWS = {"page_view", "product_view", "search"}


def reason(events: Sequence[Event], place: int, fruitless: str) -> str | None:
    """Why the search at this place was fruitless, if it was."""
    clicked, then = False, ""
    for event in events[place + 1 :]:
        if event.kind == "search":
            then = (event.query or "").lower()
            break
        clicked = clicked or event.kind in {"product_view", "result_click"}
    by_results = "zero_results" if events[place].results == 0 else None
    by_click = None if clicked else "no_click"
    if fruitless == "auto":
        return by_click if events[place].results is None else by_results
    query = (events[place].query or "").lower()
    shares = set(re.findall(r"\w+", query)) & set(re.findall(r"\w+", then)) and query != then
    by_words = "refined" if by_click and shares else None
    return {"zero_results": by_results, "no_click": by_click, "refined": by_words}[fruitless]


def views(events: Sequence[Event]) -> int:
    return sum(event.kind in VIEWS for event in events)


def products(events: Sequence[Event]) -> int:
    seen = [event.product for event in events if event.kind == "product_view"]
    return len({product for product in seen if product is not None}) + seen.count(None)


def failed(
    events: Sequence[Event],
    *,
    min_products: int,
    min_searches: int,
    near: int,
    abandon_within: int,
    fruitless: str,
) -> tuple[int, int, list[str], int] | None:
    """Products before, fruitless searches, their queries, pages after; None where it does not qualify."""
    places = [
        place
        for place, event in enumerate(events)
        if event.kind == "search" and reason(events, place, fruitless)
    ]
    if not places:
        return None
    run = [places[-1]]
    for place in reversed(places[:-1]):
        if views(events[place + 1 : run[0]]) > near:
            break
        run.insert(0, place)
    before, after = events[: places[0]], events[places[-1] + 1 :]
    if (
        products(before) < min_products
        or len(run) < min_searches
        or views(after) > abandon_within
        or any(event.kind == "purchase" for event in after)
    ):
        return None
    queries = [query for place in places if (query := events[place].query) is not None]
    return products(before), len(places), queries, views(after)


def norm(sessions: Sequence[Sequence[Event]], fruitless: str) -> list[tuple[int, int, int]]:
    """For each session with a search: products before the first, searches, fruitless ones."""
    rows = []
    for events in sessions:
        places = [place for place, event in enumerate(events) if event.kind == "search"]
        if places:
            failures = sum(reason(events, place, fruitless) is not None for place in places)
            rows.append((products(events[: places[0]]), len(places), failures))
    return rows
