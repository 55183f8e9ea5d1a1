from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import sqrt

import pytest
from oracles import searches as oracle
from oracles.searches import Event
from pyspark.sql import DataFrame, SparkSession

from retinue.clickstream import searches
from retinue.errors import RetinueError, SchemaMismatch

NOON = datetime(2024, 5, 1, 12)
SCHEMA = """visitor_id string, session_id string, event_index bigint, occurred_at timestamp,
            event_type string, product_id string, query string, result_count bigint"""
PAGE, PING, CLICK, BUY = Event("page_view"), Event("ping"), Event("result_click"), Event("purchase")


def miss(query: str = "x") -> Event:
    return Event("search", results=0, query=query)


def hit(query: str = "y") -> Event:
    return Event("search", results=3, query=query)


def product(name: str | None) -> Event:
    return Event("product_view", product=name)


QUERIES = ["red shoes", "Red Shoes", "shoes, blue", "hat", None]
SERIOUS = [product(name) for name in "abcde"]


def sessionized(spark: SparkSession, sessions: Mapping[str, Sequence[Event]]) -> DataFrame:
    rows = [
        (f"v{name}", name, at, NOON + timedelta(seconds=at), e.kind, e.product, e.query, e.results)
        for name, events in sessions.items()
        for at, e in enumerate(events, start=1)
    ]
    random.Random(1).shuffle(rows)
    return spark.createDataFrame(rows, SCHEMA)


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


def test_what_fruitless_means(spark: SparkSession) -> None:
    unknown = Event("search")
    frame = sessionized(
        spark,
        {
            "zero": [miss(), product("a")],
            "some": [hit(), PAGE],
            "clicked": [unknown, PAGE, CLICK],
            "viewed": [unknown, product("a")],
            "idle": [unknown, PAGE, BUY],
            "again": [unknown, unknown, CLICK],
        },
    )

    def reasons(fruitless: str) -> dict[tuple[str, int], str | None]:
        judged = searches.judge_searches(frame, fruitless=fruitless).collect()
        assert all(row.is_fruitless == (row.reason is not None) for row in judged)
        return {(row.session_id, row.search_index): row.reason for row in judged}

    nothing = dict.fromkeys(
        [("zero", 1), ("some", 1), ("clicked", 1), ("viewed", 1), ("idle", 1), ("again", 1), ("again", 2)]
    )
    idle = {("idle", 1): "no_click", ("again", 1): "no_click"}
    assert reasons("AUTO") == nothing | {("zero", 1): "zero_results"} | idle
    assert reasons("zero_results") == nothing | {("zero", 1): "zero_results"}
    assert reasons("no_click") == nothing | {("some", 1): "no_click"} | idle


@pytest.fixture(scope="module")
def random_sessions() -> dict[str, list[Event]]:
    draw = random.Random(3)
    kinds = ["page_view", "product_view", "search", "search", "result_click", "ping", "purchase", "other"]

    def event() -> Event:
        kind = draw.choices(kinds, [4, 4, 4, 4, 1, 2, 0.3, 1])[0]
        if kind == "search":
            return Event(kind, None, draw.choice([None, 0, 0, 2]), draw.choice(QUERIES))
        return Event(kind, draw.choice([None, "a", "b", "c"]) if kind == "product_view" else None)

    return {f"s{number}": [event() for _ in range(draw.randrange(1, 25))] for number in range(600)}


@pytest.fixture(scope="module")
def random_frame(spark: SparkSession, random_sessions: dict[str, list[Event]]) -> DataFrame:
    return sessionized(spark, random_sessions).cache()


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
    last = NOON + timedelta(seconds=7)
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


def test_the_norm_by_products_seen(random_frame, random_sessions) -> None:
    rows = oracle.norm(list(random_sessions.values()), "auto")
    table = searches.compare_with_norm(random_frame, min_products=2, most_products=3).collect()
    groups = {(row.is_serious, row.product_count): row for row in table}
    assert len(groups) == len(table) == 7  # 0 and 1, 2 and 3; others, serious, all
    for (serious, count), row in groups.items():
        members = [
            (searched, failed)
            for seen, searched, failed in rows
            if serious in (None, seen >= 2) and count in (None, min(seen, 3))
        ]
        sessions, bad = len(members), sum(failed > 0 for _, failed in members)
        assert (row.session_count, row.fruitless_session_count) == (sessions, bad)
        assert row.search_count == sum(searched for searched, _ in members)
        assert row.fruitless_search_count == sum(failed for _, failed in members)
        assert row.fruitless_rate == bad / sessions
        # Wilson's limits are the rates that lie just 1.96 of their own standard errors from the one found.
        for limit in (row.low, row.high):
            error = 1.959964 * sqrt(limit * (1 - limit) / sessions)
            assert abs(limit - row.fruitless_rate) == pytest.approx(error, rel=1e-5, abs=1e-7)
        assert 0 <= row.low <= row.fruitless_rate <= row.high <= 1
        assert row.low < row.high


def test_columns_that_may_be_missing_and_rows_without_a_session(spark: SparkSession) -> None:
    events = [product("a")] * 5 + [Event("search"), Event("search")]
    frame = sessionized(spark, {"s": events}).drop("product_id", "query", "result_count")
    adrift = frame.limit(1).selectExpr(
        "visitor_id", "null as session_id", "event_index", "occurred_at", "event_type"
    )
    assert found(frame.unionByName(adrift)) == {"s": (5, 2, [], 0)}


def test_one_shuffle_and_none_where_rows_lie_by_visitor(random_frame, capsys) -> None:
    searches.fruitless_searches(random_frame).explain()
    assert capsys.readouterr().out.count("Exchange") == 1
    searches.fruitless_searches(random_frame.repartition(3, "visitor_id")).explain()
    assert capsys.readouterr().out.count("Exchange") == 1


def test_what_cannot_be_is_refused(random_frame) -> None:
    with pytest.raises(RetinueError, match=r"fruitless is 'zero_result'; .*did you mean 'zero_results'"):
        searches.judge_searches(random_frame, fruitless="zero_result")
    with pytest.raises(SchemaMismatch, match="needs the column event_type"):
        searches.judge_searches(random_frame.drop("event_type"))
