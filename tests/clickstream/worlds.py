"""Small random worlds of one visitor each, and frames that hold thousands of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from oracles.sessions import Event
from pyspark.sql import DataFrame, SparkSession

SECOND = 1_000_000
TIMEOUT, CLICK_LAG, MAX_EVENTS = 1800 * SECOND, 2 * SECOND, 4
_EPOCH = datetime(1970, 1, 1)
_GAPS = [
    0,
    0,
    1,
    CLICK_LAG - 1,
    CLICK_LAG,
    7 * SECOND,
    TIMEOUT - 1,
    TIMEOUT,
    TIMEOUT,
    TIMEOUT + 1,
    9 * TIMEOUT,
]


@dataclass(frozen=True)
class Kind:
    """A type of visitor, time and tie, and how an event's number becomes one."""

    at_type: str
    at: Callable[[int], Any]
    id_type: str = "string"
    grain: int = 1


KINDS = {
    "timestamp": Kind("timestamp", lambda us: (_EPOCH + timedelta(microseconds=us)).replace(tzinfo=UTC)),
    "timestamp_ntz": Kind("timestamp_ntz", lambda us: _EPOCH + timedelta(microseconds=us), id_type="bigint"),
    "bigint": Kind("bigint", lambda us: us // SECOND, id_type="bigint", grain=SECOND),
    "double": Kind("double", lambda us: us / SECOND),
    "decimal": Kind("decimal(20,6)", lambda us: Decimal(us) / SECOND),
}

_rows = st.lists(
    st.tuples(
        st.sampled_from(_GAPS),
        st.sampled_from([None, 1, 2, 2, 10]),
        st.sampled_from([None, "/", "/a", "/b"]),
        st.sampled_from([None, "page_view", "product_view", "search", "ping", "ping", "purchase"]),
        st.integers(0, 19).map(lambda n: n == 0),  # the time is lost
    ),
    min_size=1,
    max_size=9,
)
_starts = st.sampled_from([-2_000_000_000 * SECOND, -3 * SECOND, 0, 1_331_066_527 * SECOND + 123_456])
World = tuple[int, list[tuple[int, int | None, str | None, str | None, bool]]]


def draw(count: int) -> list[World]:
    """The same worlds at every call."""
    worlds: list[World] = []

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(_starts, _rows)
    def collect(start: int, rows: Any) -> None:
        worlds.append((start, rows))

    collect()
    return worlds


def events(worlds: list[World], kind: Kind) -> list[Event]:
    """World by world, each a visitor; every fiftieth is nobody's."""
    as_id: Callable[[str, int], str | int] = (
        (lambda word, n: n) if kind.id_type == "bigint" else (lambda word, n: f"{word}{n}")
    )
    found = []
    for number, (start, rows) in enumerate(worlds):
        visitor = None if number % 50 == 49 else as_id("vé-", number)
        micros = start - start % kind.grain
        for gap, tie, page, event_type, is_lost in rows:
            micros += -(-gap // kind.grain) * kind.grain
            label = None if tie is None else as_id("e", tie)
            found.append(Event(visitor, None if is_lost else micros, label, page, event_type))
    return found


def frame(spark: SparkSession, events: list[Event], kind: Kind) -> DataFrame:
    """The events in no order; `micros` rides along to tell an event by."""
    rows = [
        (e.visitor, None if e.micros is None else kind.at(e.micros), e.tie, e.page, e.event_type, e.micros)
        for e in events
    ]
    random.Random(5).shuffle(rows)
    schema = (
        f"visitor_id {kind.id_type}, occurred_at {kind.at_type}, event_id {kind.id_type}, "
        "page string, event_type string, micros bigint"
    )
    return spark.createDataFrame(rows, schema)
