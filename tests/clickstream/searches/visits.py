"""Sessions written as a list of events, and the frame that sessionize would give of them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from oracles.searches import Event
from pyspark.sql import DataFrame, SparkSession

NOON = datetime(2024, 5, 1, 12)
PAGE, PING, CLICK, BUY = Event("page_view"), Event("ping"), Event("result_click"), Event("purchase")

_SCHEMA = """visitor_id string, session_id string, event_index bigint, occurred_at timestamp,
             event_type string, product_id string, query string, result_count bigint,
             price_amount decimal(18, 4), currency string"""
_QUERIES = ["red shoes", "Red  Shoes", "shoes, blue", "red shoe", "hat", "hats", "the hat", " ", None]


def miss(query: str | None = "x") -> Event:
    return Event("search", results=0, query=query)


def hit(query: str | None = "y") -> Event:
    return Event("search", results=3, query=query)


def product(name: str | None, price: int | None = None, currency: str | None = None) -> Event:
    return Event("product_view", product=name, price=price, currency=currency)


def order(price: int | None, currency: str | None = None) -> Event:
    return Event("purchase", price=price, currency=currency)


SERIOUS = [product(name) for name in "abcde"]


def visitor_of(session: str) -> str:
    """Sessions a and a/2 are one visitor's."""
    return "v" + session.split("/")[0]


def starts_of(session: str) -> datetime:
    """A fixed day of the weeks around NOON for each session."""
    return NOON + timedelta(days=random.Random(session).randrange(-20, 20))


def sessionized(spark: SparkSession, sessions: Mapping[str, Sequence[Event]]) -> DataFrame:
    rows = [
        (
            visitor_of(name),
            name,
            place,
            (starts_of(name) + timedelta(seconds=place)).replace(tzinfo=UTC),
            event.kind,
            event.product,
            event.query,
            event.results,
            None if event.price is None else Decimal(event.price),
            event.currency,
        )
        for name, events in sessions.items()
        for place, event in enumerate(events, start=1)
    ]
    random.Random(1).shuffle(rows)
    return spark.createDataFrame(rows, _SCHEMA)


def random_sessions(*, seed: int, count: int) -> dict[str, list[Event]]:
    draw = random.Random(seed)
    kinds = ["page_view", "product_view", "search", "search", "result_click", "ping", "purchase", "other"]

    def event() -> Event:
        kind = draw.choices(kinds, [4, 4, 4, 4, 1, 2, 0.7, 1])[0]
        if kind == "search":
            return Event(kind, None, draw.choice([None, 0, 0, 2]), draw.choice(_QUERIES))
        named = draw.choice([None, "a", "b", "c"]) if kind == "product_view" else None
        price = draw.choice([None, 5, 10, 30]) if kind in {"product_view", "purchase"} else None
        return Event(kind, named, price=price, currency="EUR" if price else None)

    return {
        f"s{number // 2}/{number % 2}": [event() for _ in range(draw.randrange(1, 25))]
        for number in range(count)
    }
