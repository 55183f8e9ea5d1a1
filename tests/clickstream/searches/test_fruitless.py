from __future__ import annotations

from datetime import timedelta

import pytest
from clickstream.searches.visits import (
    BUY,
    CLICK,
    PAGE,
    PING,
    SERIOUS,
    hit,
    miss,
    product,
    sessionized,
    starts_of,
)
from oracles import searches as oracle
from oracles.searches import Event
from pyspark.sql import DataFrame, SparkSession

from retinue.clickstream import searches


def found(frame: DataFrame, **knobs: object) -> dict[str, tuple[int, int, list[str], int]]:
    return {
        row.session_id: (row.product_count, row.fruitless_count, row.queries, row.pages_after)
        for row in searches.fruitless_searches(frame, **knobs).collect()
    }


def test_each_boundary(spark: SparkSession) -> None:
    pings = [PING] * 30
    cases: dict[str, tuple[list[Event], bool]] = {
        "two misses, gone": ([*SERIOUS, miss(), miss()], True),
        "four products": ([*SERIOUS[:4], miss(), miss()], False),
        "five views of four products": ([*SERIOUS[:4], product("a"), miss(), miss()], False),
        "five views without product": ([product(None)] * 5 + [miss(), miss()], True),
        "four with and one without": ([*SERIOUS[:4], product(None), miss(), miss()], True),
        "the fifth product after the first miss": ([*SERIOUS[:4], miss(), product("e"), miss()], False),
        "a miss before all products": ([miss(), *SERIOUS, miss(), miss()], False),
        "one miss": ([*SERIOUS, miss()], False),
        "a hit and a miss": ([*SERIOUS, hit(), miss()], False),
        "ten pages between": ([*SERIOUS, miss(), *[PAGE] * 10, miss()], True),
        "eleven pages between": ([*SERIOUS, miss(), *[PAGE] * 11, miss()], False),
        "hits count as pages": ([*SERIOUS, miss(), hit(), *[PAGE] * 10, miss()], False),
        "heartbeats and clicks do not": ([*SERIOUS, miss(), *pings, CLICK, *[PAGE] * 10, miss()], True),
        "far, then near": ([*SERIOUS, miss(), *[PAGE] * 11, miss(), miss()], True),
        "near, then far": ([*SERIOUS, miss(), miss(), *[PAGE] * 11, miss()], False),
        "five pages after": ([*SERIOUS, miss(), miss(), *[PAGE] * 5, *pings], True),
        "six pages after": ([*SERIOUS, miss(), miss(), *[PAGE] * 6], False),
        "bought after": ([*SERIOUS, miss(), miss(), BUY], False),
        "bought between": ([*SERIOUS, miss(), BUY, miss()], True),
        "bought before": ([*SERIOUS, BUY, miss(), miss()], True),
    }
    frame = sessionized(spark, {name: events for name, (events, _) in cases.items()})
    assert set(found(frame)) == {name for name, (_, qualifies) in cases.items() if qualifies}


@pytest.mark.parametrize(
    "knobs",
    [
        {"min_products": 2, "min_searches": 2, "near": 2, "abandon_within": 3, "fruitless": "auto"},
        {"min_products": 0, "min_searches": 1, "near": 0, "abandon_within": 0, "fruitless": "no_click"},
        {"min_products": 1, "min_searches": 3, "near": 3, "abandon_within": 9, "fruitless": "zero_results"},
        {"min_products": 1, "min_searches": 1, "near": 2, "abandon_within": 4, "fruitless": "refined"},
    ],
)
def test_random_sessions_as_the_slow_oracle_finds_them(random_frame, random_sessions, knobs) -> None:
    wanted = {name: oracle.failed(events, **knobs) for name, events in random_sessions.items()}
    assert found(random_frame, **knobs) == {name: row for name, row in wanted.items() if row}
    assert 20 < sum(row is not None for row in wanted.values()) < 580


def test_a_session_that_could_go_on_has_not_been_abandoned(spark: SparkSession) -> None:
    frame = sessionized(spark, {"s": [*SERIOUS, miss("red"), miss("blue")]})
    last = starts_of("s") + timedelta(seconds=7)
    ended = searches.fruitless_searches(frame, until=last + timedelta(minutes=30)).collect()
    assert [row.asDict() for row in ended] == [
        {
            "visitor_id": "vs", "session_id": "s", "product_count": 5, "fruitless_count": 2,
            "first_fruitless_at": last - timedelta(seconds=1), "last_fruitless_at": last,
            "queries": ["red", "blue"], "pages_after": 0,
        }
    ]  # fmt: skip
    open_still = searches.fruitless_searches(frame, until=last + timedelta(minutes=29, seconds=59))
    assert open_still.collect() == []


def test_columns_that_may_be_missing_and_rows_without_a_session(spark: SparkSession) -> None:
    events = [product("a")] * 5 + [Event("search"), Event("search")]
    frame = sessionized(spark, {"s": events}).drop(
        "product_id", "query", "result_count", "price_amount", "currency"
    )
    adrift = frame.limit(1).selectExpr(
        "visitor_id", "null as session_id", "event_index", "occurred_at", "event_type"
    )
    assert found(frame.unionByName(adrift)) == {"s": (5, 2, [], 0)}


def test_one_shuffle_and_none_where_rows_lie_by_visitor(random_frame, capsys) -> None:
    searches.fruitless_searches(random_frame).explain()
    assert capsys.readouterr().out.count("Exchange") == 1
    searches.fruitless_searches(random_frame.repartition(3, "visitor_id")).explain()
    assert capsys.readouterr().out.count("Exchange") == 1
