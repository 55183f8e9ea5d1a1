"""Fruitless searches found the slow way: one session at a time, row by row, in plain Python."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import pairwise
from math import sqrt
from statistics import fmean, stdev
from typing import NamedTuple

import numpy as np

Z = 1.959963984540054


class Event(NamedTuple):
    kind: str
    product: str | None = None
    results: int | None = None
    query: str | None = None
    price: int | None = None
    currency: str | None = None


class Session(NamedTuple):
    """A session with a search, as search_sessions sums it up."""

    product_count: int
    browsed_amount: float | None
    searches: list[tuple[str | None, str | None]]
    has_order: bool
    order_amount: float | None
    currency: str | None

    @property
    def failures(self) -> int:
        return sum(reason is not None for _, reason in self.searches)


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


def summed_up(events: Sequence[Event], fruitless: str = "auto") -> Session | None:
    """What led up to the first search and what came of all; None without one."""
    places = [place for place, event in enumerate(events) if event.kind == "search"]
    if not places:
        return None
    before = events[: places[0]]
    seen = [event for event in before if event.kind == "product_view"]
    orders = [event for event in events[places[0] :] if event.kind == "purchase"]
    currencies = {event.currency for event in (*seen, *orders) if event.currency is not None}
    prices = [event.price for event in seen if event.price is not None]
    paid = [event.price for event in orders if event.price is not None]
    one = len(currencies) < 2
    return Session(
        product_count=products(before),
        browsed_amount=fmean(prices) if prices and one else None,
        searches=[(events[place].query, reason(events, place, fruitless)) for place in places],
        has_order=bool(orders),
        order_amount=sum(paid) if paid and one else None,
        currency=next(iter(currencies), None) if one else None,
    )


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The two rates that lie just Z of their own standard errors from the one found."""
    rate, share = successes / trials, Z * Z / trials
    low, high = sorted(np.roots([1 + share, -2 * rate - share, rate * rate]).real)
    return max(low, 0.0), min(high, 1.0)


class Rate(NamedTuple):
    sessions: int
    failed: int
    searches: int
    fruitless: int


def rates(
    sessions: Iterable[Session], groups: Callable[[Session], Iterable[Hashable]]
) -> dict[Hashable, Rate]:
    """The counts of each group that a session belongs to."""
    members = defaultdict(list)
    for session in sessions:
        for group in groups(session):
            members[group].append(session)
    return {
        group: Rate(
            len(these),
            sum(session.failures > 0 for session in these),
            sum(len(session.searches) for session in these),
            sum(session.failures for session in these),
        )
        for group, these in members.items()
    }


class Trend(NamedTuple):
    slope: float
    low: float
    high: float
    intercept: float
    z: float


def trend(groups: Mapping[int, tuple[int, int]]) -> Trend:
    """The line through each single session by matrices, and the sandwich of its errors; x -> (n, failed)."""
    x = np.repeat(list(groups), [n for n, _ in groups.values()])
    y = np.concatenate([[1.0] * k + [0.0] * (n - k) for n, k in groups.values()])
    design = np.column_stack([np.ones(len(x)), x])
    inverse = np.linalg.inv(design.T @ design)
    intercept, slope = inverse @ design.T @ y
    residuals = y - design @ [intercept, slope]
    errors = inverse @ (design.T * residuals**2) @ design @ inverse
    half = Z * sqrt(errors[1, 1])
    return Trend(slope, slope - half, slope + half, intercept, sqrt(len(x)) * np.corrcoef(x, y)[0, 1])


def term(query: str | None) -> str | None:
    return " ".join((query or "").lower().split()) or None


def band(value: float, edges: Sequence[float]) -> int:
    return sum(edge < value for edge in edges)


class Lost(NamedTuple):
    sessions: int
    compared: int
    orders: int
    expected: float | None
    lost: tuple[float, float, float] | None
    amount: float | None
    risk: tuple[float, float, float] | None


def lost(
    failed: Sequence[Session],
    sessions: Iterable[Session],
    *,
    products: Sequence[float],
    prices: Sequence[float],
) -> Lost:
    """What the failed sessions did not order, measured by those all of whose searches succeeded."""

    def stratum(session: Session) -> tuple[int, int]:
        price = session.browsed_amount
        return band(session.product_count, products), (
            0 if not prices else -1 if price is None else band(price, prices)
        )

    norm = defaultdict(list)
    for session in sessions:
        if not session.failures:
            norm[stratum(session)].append(session)
    compared = [session for session in failed if stratum(session) in norm]
    orders = sum(session.has_order for session in compared)
    paid = [s.order_amount for members in norm.values() for s in members if s.order_amount is not None]
    amount = fmean(paid) if paid else None
    if not compared:
        return Lost(len(failed), 0, 0, None, None, amount, None)
    expected = below = above = 0.0
    for key, count in Counter(map(stratum, compared)).items():
        ordered, all_ = sum(session.has_order for session in norm[key]), len(norm[key])
        low, high = wilson(ordered, all_)
        expected += count * ordered / all_
        below += (count * (ordered / all_ - low)) ** 2
        above += (count * (high - ordered / all_)) ** 2
    least, most = (len(compared) * limit for limit in wilson(orders, len(compared)))
    gap = expected - orders
    gap_low, gap_high = gap - sqrt(below + (most - orders) ** 2), gap + sqrt(above + (orders - least) ** 2)
    half = Z * stdev(paid) / sqrt(len(paid))
    risk = (
        gap * amount,
        gap * amount - sqrt((gap - gap_low) ** 2 * amount**2 + gap**2 * half**2),
        gap * amount + sqrt((gap_high - gap) ** 2 * amount**2 + gap**2 * half**2),
    )
    floored = tuple(max(0.0, value) for value in risk)
    return Lost(len(failed), len(compared), orders, expected, (gap, gap_low, gap_high), amount, floored)


def edits(one: str, other: str) -> int:
    """Levenshtein's distance by the textbook's table."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        above, row = row, [i]
        for j, b in enumerate(other, start=1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a != b)))
    return row[-1]


def similarity(one: str, other: str) -> float:
    these, those = ({f"  {text}  "[i : i + 3] for i in range(len(text) + 2)} for text in (one, other))
    return len(these & those) / len(these | those)


def suggestions(
    sessions: Iterable[Sequence[tuple[str | None, str | None]]],
    *,
    failing_rate: float,
    min_similarity: float,
    min_refined: int,
    limit: int,
) -> list[tuple[str, int, str, int, float, int, int, int]]:
    """Every failing term beside every finding one."""
    searched, fruitless, refined = Counter(), Counter(), Counter()
    for searches in sessions:
        terms = [(term(query), why is not None) for query, why in searches]
        searched.update(words for words, _ in terms)
        fruitless.update(words for words, failed in terms if failed)
        moves = {(a, b) for (a, failed), (b, still) in pairwise(terms) if failed and not still and a != b}
        refined.update(moves)
    known = [words for words in searched if words is not None]
    failing = {words for words in known if fruitless[words] / searched[words] >= failing_rate}
    rows = []
    for query in failing:
        allowed = 0 if len(query) <= 2 else 1 if len(query) <= 5 else 2
        near = []
        for other in set(known) - failing:
            distance, alike, went_on = edits(query, other), similarity(query, other), refined[query, other]
            if distance <= allowed or alike >= min_similarity or went_on >= min_refined:
                found = searched[other] - fruitless[other]
                near.append((-went_on, -alike, distance, -found, other))
        for rank, (went_on, alike, distance, found, other) in enumerate(sorted(near)[:limit], start=1):
            rows.append((query, rank, other, distance, -alike, -went_on, -found, fruitless[query]))
    return sorted(rows)
