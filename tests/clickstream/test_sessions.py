"""Sessions: worked by hand, against plain Python, against the plan, and on a public clickstream."""

from __future__ import annotations

import hashlib
import re
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from clickstream import worlds
from oracles import sessions as oracle
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from retinue.clickstream import incremental
from retinue.clickstream.sessions import sessionize, summarize
from retinue.errors import SchemaMismatch

EVENTS = "visitor_id string, occurred_at timestamp, event_id string, page string, event_type string"
NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)
KNOBS = {
    "timeout": timedelta(microseconds=worlds.TIMEOUT),
    "click_lag": timedelta(microseconds=worlds.CLICK_LAG),
    "max_events": worlds.MAX_EVENTS,
}


def at(**after: float) -> datetime:
    return NOON + timedelta(**after)


def digest(*parts: object) -> str:
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:32]


def plan(rows: DataFrame) -> str:
    return str(rows._jdf.queryExecution().executedPlan().toString())  # type: ignore[operator]


def exchanges(rows: DataFrame) -> int:
    return len(re.findall(r"\bExchange ", plan(rows)))


# By hand


def test_a_gap_equal_to_the_timeout_does_not_split(spark: SparkSession) -> None:
    rows = [
        ("v", at(minutes=60, microseconds=1), "d", None, None),
        ("v", NOON, "b", None, None),
        ("v", at(minutes=30), "c", None, None),
        ("v", NOON, "a", None, None),
    ]
    placed = sessionize(
        spark.createDataFrame(rows, EVENTS), click_lag=timedelta(microseconds=1), max_events=2
    )
    micros = 1_709_294_400_000_000
    first, second = digest("v", micros, "a"), digest("v", micros + 3_600_000_001, "d")
    assert {row.event_id: tuple(row)[5:] for row in placed.collect()} == {
        "a": (first, 1, 1, False, True),
        "b": (first, 1, 2, True, True),
        "c": (first, 1, 3, False, True),
        "d": (second, 2, 1, False, False),
    }
    assert first == "318b2d18003828d4f9f9b1e9c9d73a87"
    assert placed.columns[5:] == ["session_id", "session_index", "event_index", "is_rapid", "is_runaway"]


def test_session_columns_of_the_input_are_replaced(spark: SparkSession) -> None:
    events = spark.createDataFrame([("v", NOON, "a", None, None)], EVENTS)
    once = sessionize(events.withColumns({"session_id": F.lit("own"), "is_rapid": F.lit(7)}))
    numbers = ["session_id", "session_index", "event_index"]
    assert once.columns == [*events.columns, "is_rapid", *numbers]
    assert sessionize(once).collect() == once.collect()
    timed = sessionize(once, click_lag=timedelta(seconds=1))
    assert timed.columns == [*events.columns, *numbers, "is_rapid"]
    assert timed.first().is_rapid is False


def test_without_a_tie_the_id_has_an_empty_third_part(spark: SparkSession) -> None:
    events = spark.sql("select 7L who, 2.5D seconds, 'x' as `odd.name`, map(1, 2) as facts")
    (row,) = sessionize(events, visitor="who", at="seconds", tie=None).collect()
    assert row.session_id == digest(7, 2_500_000, "")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"at": "occured_at"}, "sessionize needs the column occured_at; .* did you mean 'occurred_at'"),
        ({"tie": "ordinal"}, "sessionize needs the column ordinal"),
        ({"at": "page"}, "page is string; a time must be"),
        ({"tie": "session_id"}, "sessionize adds session_id"),
    ],
)
def test_columns_that_cannot_serve_are_refused(
    spark: SparkSession, change: dict[str, str], message: str
) -> None:
    events = spark.createDataFrame([], EVENTS + ", session_id string")
    with pytest.raises(SchemaMismatch, match=message):
        sessionize(events, **change)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "knob", [{"timeout": timedelta(-1)}, {"click_lag": timedelta(-1)}, {"max_events": 0}]
)
def test_knobs_that_make_no_sense_are_refused(spark: SparkSession, knob: dict[str, timedelta]) -> None:
    with pytest.raises(ValueError, match="must"):
        sessionize(spark.createDataFrame([], EVENTS), **knob)  # type: ignore[arg-type]


def test_a_session_in_one_row(spark: SparkSession) -> None:
    rows = [
        ("v", at(seconds=5), "1", None, "search"),
        ("v", at(seconds=10), "2", "/a", "page_view"),
        ("v", at(seconds=15), "3", "/a", "ping"),
        ("v", at(seconds=25), "4", "/a", "ping"),
        ("v", at(seconds=29), "5", "/a", "ping"),
        ("v", at(seconds=31), "6", "/b", "Product_View"),
        ("v", at(seconds=31.5), "7", "/b", "ping"),
        ("v", at(seconds=40), "8", None, "purchase"),
        ("w", at(minutes=10), "9", None, "other"),
        (None, NOON, "10", "/", "page_view"),
    ]
    placed = sessionize(spark.createDataFrame(rows, EVENTS))
    until = at(minutes=30, seconds=40)
    sums = summarize(placed, until=until, also={"is_bot": F.bool_or(F.lit(True))})
    v, w = sums.orderBy("visitor_id").collect()
    micros = 1_709_294_405_000_000
    assert v == Row(
        visitor_id="v",
        session_id=digest("v", micros, "1"),
        session_index=1,
        started_at=at(seconds=5).replace(tzinfo=None),
        ended_at=at(seconds=40).replace(tzinfo=None),
        duration_seconds=35.0,
        event_count=8,
        page_count=3,
        entry_page="/a",
        exit_page="/b",
        engaged_seconds=20.0,  # /a: 5, and 10 for the beat of :20 after that of :10; /b: 5
        is_open=False,  # ended 30 minutes before the end of the data: what comes after comes too late
        is_bot=True,
    )
    assert (w.entry_page, w.exit_page, w.page_count, w.engaged_seconds, w.is_open) == (
        None,
        None,
        0,
        None,
        True,
    )
    still = summarize(placed, until=until - timedelta(microseconds=1)).orderBy("visitor_id")
    assert [row.is_open for row in still.collect()] == [True, True]


def test_summaries_say_null_where_the_columns_are_not_there(spark: SparkSession) -> None:
    placed = sessionize(
        spark.sql("select 7L who, 2.5D seconds, 'x' page"), visitor="who", at="seconds", tie=None
    )
    (bare,) = summarize(placed.drop("page"), visitor="who", at="seconds").collect()
    assert bare[3:] == (2.5, 2.5, 0.0, 1, None, None, None, None, None)
    (paged,) = summarize(placed, visitor="who", at="seconds", until=1802.5).collect()
    assert paged[3:] == (2.5, 2.5, 0.0, 1, 1, "x", "x", None, False)
    with pytest.raises(SchemaMismatch, match="summarize needs the column event_index"):
        summarize(placed.drop("event_index"), visitor="who", at="seconds")


# Against plain Python


@pytest.fixture(scope="module")
def random_worlds() -> list[worlds.World]:
    drawn = worlds.draw(5000)
    assert len(drawn) == 5000
    return drawn


def placements(rows: list[oracle.Placed]) -> Counter[tuple[object, ...]]:
    """What was said of the events, those alike in visitor, time and tie being exchangeable."""
    return Counter(
        (
            *(row.event.visitor, row.event.micros, row.event.tie, row.session_id),
            *(row.session_index, row.event_index, row.is_rapid, row.is_runaway),
        )
        for row in rows
    )


def as_placed(row: Row) -> oracle.Placed:
    event = oracle.Event(row.visitor_id, row.micros, row.event_id, row.page, row.event_type)
    flags = (row.is_rapid, row.is_runaway)
    return oracle.Placed(event, row.session_id, row.session_index, row.event_index, *flags)


@pytest.mark.parametrize(("number", "name"), list(enumerate(worlds.KINDS)))
def test_sessions_are_those_of_the_slow_way(
    spark: SparkSession, random_worlds: list[worlds.World], number: int, name: str
) -> None:
    kind = worlds.KINDS[name]
    events = worlds.events(random_worlds[number :: len(worlds.KINDS)], kind)
    placed = sessionize(worlds.frame(spark, events, kind), **KNOBS).cache()  # type: ignore[arg-type]
    found = [as_placed(row) for row in placed.collect()]
    expected = list(oracle.sessionize(events, worlds.TIMEOUT, worlds.CLICK_LAG, worlds.MAX_EVENTS))
    assert placements(found) == placements(expected)

    instants = {"first": F.min("micros"), "last": F.max("micros")}
    sums = {row.session_id: row for row in summarize(placed, also=instants).collect()}
    placed.unpersist()
    sessions = list(oracle.summarize(found, 10 * worlds.SECOND, 5 * worlds.SECOND))
    assert len(sums) == len(sessions)
    for session in sessions:
        row = sums[session.session_id]
        assert (row.visitor_id, row.session_index) == (session.visitor, session.session_index)
        assert (row["first"], row["last"]) == (session.started, session.ended)
        assert row.duration_seconds == (session.ended - session.started) / worlds.SECOND
        assert (row.event_count, row.page_count) == (session.event_count, session.page_count)
        assert (row.entry_page, row.exit_page) == (session.entry_page, session.exit_page)
        assert row.engaged_seconds == session.engaged


def test_cutting_only_touched_visitors_again_equals_one_go(
    spark: SparkSession, random_worlds: list[worlds.World]
) -> None:
    kind = worlds.KINDS["timestamp"]
    richest = sorted(random_worlds, key=lambda world: len(world[1]))[-20:]
    events = [event for event in worlds.events(richest, kind) if event.micros is not None]
    whole = worlds.frame(spark, events, kind).withColumn(
        "slice", F.pmod(F.xxhash64("visitor_id", "micros", "page"), F.lit(5))
    )
    state = sessionize(whole.where("false"), **KNOBS)  # type: ignore[arg-type]
    for number in range(5):
        visitors = incremental.touched(whole.where(F.col("slice") == number), by=["visitor_id"])
        arrived = whole.where(F.col("slice") <= number)
        recut = sessionize(incremental.of(arrived, visitors), **KNOBS)  # type: ignore[arg-type]
        kept = state.join(visitors, "visitor_id", "left_anti").select(*state.columns)
        state = kept.unionByName(recut).localCheckpoint()
    in_one_go = sessionize(whole, **KNOBS)  # type: ignore[arg-type]
    assert Counter(state.collect()) == Counter(in_one_go.collect())
    assert state.count() == len(events) > 150


def test_the_same_rows_get_the_same_numbers_in_whatever_order_they_come(spark: SparkSession) -> None:
    rows = [("v", NOON, tie, f"/{n}", None) for n in range(40) for tie in ("a", None)]
    events = spark.createDataFrame(rows, EVENTS)
    forth = sessionize(events.orderBy("page").coalesce(1), click_lag=HALF_HOUR)
    back = sessionize(events.orderBy(F.desc("page")).coalesce(1), click_lag=HALF_HOUR)
    assert Counter(forth.collect()) == Counter(back.collect())


def test_sessions_of_a_public_clickstream(spark: SparkSession) -> None:
    path = Path(sys.prefix) / "share/retinue/data/ecom.csv.gz"
    schema = "user_id string, session_id string, event string, timestamp timestamp_ntz"
    events = spark.read.csv(str(path), header=True, schema=schema, enforceSchema=True)
    placed = sessionize(events, visitor="user_id", at="timestamp", tie="event")
    sums = summarize(placed, visitor="user_id", at="timestamp").agg(F.count("*"), F.sum("event_count"))
    assert tuple(sums.collect()[0]) == (3605, 31106)


# The plan


@pytest.fixture
def eight_partitions(spark: SparkSession) -> Iterator[SparkSession]:
    knobs = {"spark.sql.shuffle.partitions": "8", "spark.sql.adaptive.coalescePartitions.enabled": "false"}
    before = {key: spark.conf.get(key) for key in knobs}
    for key, value in knobs.items():
        spark.conf.set(key, value)
    yield spark
    for key, value in before.items():
        spark.conf.set(key, str(value))


def test_one_shuffle_does_it_all(spark: SparkSession) -> None:
    events = spark.createDataFrame([], EVENTS)
    plain, flagged = sessionize(events), sessionize(events, **KNOBS)  # type: ignore[arg-type]
    assert (exchanges(plain), plan(plain).count("Sort [")) == (1, 1)
    assert (exchanges(flagged), plan(flagged).count("Sort [")) == (1, 2)


def test_rows_that_lie_by_visitor_are_not_shuffled_again(spark: SparkSession) -> None:
    by_visitor = spark.createDataFrame([], EVENTS).repartition(3, "visitor_id")
    assert exchanges(by_visitor) == exchanges(sessionize(by_visitor, **KNOBS)) == 1  # type: ignore[arg-type]


def test_where_visitor_and_time_are_never_null_summaries_need_no_shuffle(spark: SparkSession) -> None:
    schema = EVENTS.replace(
        " string, occurred_at timestamp", " string not null, occurred_at timestamp not null"
    )
    events = spark.createDataFrame([("v", NOON, "a", None, None)], schema)
    sums = summarize(sessionize(events))
    assert exchanges(sums) == 1
    assert sums.count() == 1


def test_rows_of_nobody_are_spread(eight_partitions: SparkSession) -> None:
    events = eight_partitions.range(8000).selectExpr(
        "if(id % 100 = 0, 'v', null) visitor_id",
        "timestamp_seconds(1700000000) occurred_at",
        "cast(id as string) event_id",
    )
    placed = sessionize(events).groupBy(F.spark_partition_id().alias("partition"))
    sizes = placed.agg(F.count("*").alias("n"), F.count("session_id").alias("placed")).collect()
    assert sum(row.placed for row in sizes) == 80
    assert len(sizes) == 8
    assert max(row.n for row in sizes) < 1300
