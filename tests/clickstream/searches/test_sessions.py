from __future__ import annotations

import pytest
from clickstream.searches.visits import (
    BUY,
    PAGE,
    hit,
    miss,
    order,
    product,
    sessionized,
    starts_of,
    visitor_of,
)
from oracles import searches as oracle
from oracles.searches import Session
from pyspark.sql import DataFrame, Row, SparkSession

from retinue.clickstream import searches


def as_session(row: Row) -> Session:
    assert row.search_count == len(row.searches)
    assert row.fruitless_search_count == sum(reason is not None for _, reason in row.searches)
    asked = [tuple(search) for search in row.searches]
    return Session(
        row.product_count, row.browsed_amount, asked, row.has_order, row.order_amount, row.currency
    )


@pytest.mark.parametrize("fruitless", ["auto", "refined"])
def test_random_sessions_as_the_slow_oracle_sums_them_up(random_frame, random_sessions, fruitless) -> None:
    rows = searches.search_sessions(random_frame, fruitless=fruitless).collect()
    wanted = {name: oracle.summed_up(events, fruitless) for name, events in random_sessions.items()}
    assert {row.session_id: as_session(row) for row in rows} == {
        name: session for name, session in wanted.items() if session
    }
    assert len({row.session_id for row in rows}) == len(rows)
    assert all(row.visitor_id == visitor_of(row.session_id) for row in rows)


def test_what_lies_before_the_first_search_and_what_comes_of_it(spark: SparkSession) -> None:
    frame = sessionized(
        spark,
        {
            "all": [
                *(product("a", 10, "EUR"), product("a", 30, "EUR"), product(None), BUY, PAGE),
                *(miss("Red"), product("b", 99, "EUR"), order(7, "EUR"), order(8, "EUR"), hit("red")),
            ],
            "two currencies": [product("a", 10, "EUR"), hit(), order(7, "USD")],
            "not of the other": [product("a", 10, "EUR"), hit(), product("b", 9, "USD"), BUY],
            "unknown currency": [product("a", 10), hit(), order(7)],
            "no search": [product("a", 10), BUY],
        },
    )
    found = {row.session_id: row for row in searches.search_sessions(frame).collect()}
    assert {name: as_session(row) for name, row in found.items()} == {
        "all": Session(2, 20.0, [("Red", "zero_results"), ("red", None)], True, 15.0, "EUR"),
        "two currencies": Session(1, None, [("y", None)], True, None, None),
        "not of the other": Session(1, 10.0, [("y", None)], True, None, "EUR"),
        "unknown currency": Session(1, 10.0, [("y", None)], True, 7.0, None),
    }
    since = found["all"].first_search_at - starts_of("all")
    assert since.seconds == 6


def test_one_shuffle(random_frame: DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    searches.search_sessions(random_frame, fruitless="no_click").explain()
    assert capsys.readouterr().out.count("Exchange") == 1
