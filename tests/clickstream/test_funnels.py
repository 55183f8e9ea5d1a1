from __future__ import annotations

import random
from collections.abc import Collection
from datetime import datetime, timedelta

import pytest
from oracles import clickhouse
from oracles import funnels as oracle
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from retinue.clickstream import funnels
from retinue.errors import PatternError, RetinueError, SchemaMismatch

NOON = datetime(2024, 5, 1, 12)
STEPS = {"look": "kind = 'look'", "cart": "kind = 'cart'", "buy": "kind = 'buy'"}
BITS = {f"step{k}": f"(mask & {1 << k}) > 0" for k in range(3)}


def happenings(spark: SparkSession, *rows: tuple[str | None, int | None, str]) -> DataFrame:
    """Events out of (visitor, second, kind)."""
    timed = [(who, None if at is None else NOON + timedelta(seconds=at), kind) for who, at, kind in rows]
    return spark.createDataFrame(timed, "visitor_id string, occurred_at timestamp, kind string")


def levels(funnelled: DataFrame) -> dict[str, int]:
    return {row.visitor_id: row.level for row in funnelled.select("visitor_id", "level").collect()}


def test_levels_and_times_worked_by_hand(spark: SparkSession) -> None:
    events = happenings(
        spark,
        ("all", 0, "look"), ("all", 5, "other"), ("all", 10, "cart"), ("all", 60, "buy"),
        ("late", 0, "look"), ("late", 10, "cart"), ("late", 61, "buy"),
        ("again", 0, "look"), ("again", 40, "look"), ("again", 50, "cart"), ("again", 70, "buy"),
        ("loop", 0, "look"), ("loop", 1, "cart"), ("loop", 2, "look"), ("loop", 3, "cart"),
        ("loop", 4, "buy"),
        ("backwards", 0, "buy"), ("backwards", 1, "cart"), ("backwards", 2, "look"),
        ("never", 0, "cart"), ("timeless", None, "look"), (None, 0, "look"),
    )  # fmt: skip
    found = funnels.funnel(events, steps=STEPS, window=timedelta(minutes=1))
    assert found.columns == ["visitor_id", "level", "look_at", "cart_at", "buy_at"]

    def seconds(at: datetime | None) -> float | None:
        return None if at is None else (at - NOON).total_seconds()

    assert {row[0]: (row[1], *map(seconds, row[2:])) for row in found.collect()} == {
        "all": (3, 0, 10, 60),
        "late": (2, 0, 10, None),
        "again": (3, 40, 50, 70),
        "loop": (3, 2, 3, 4),
        "backwards": (1, 2, None, None),
        "never": (0, None, None, None),
        "timeless": (0, None, None, None),
    }


def test_one_row_takes_one_step_save_in_clickhouse(spark: SparkSession) -> None:
    events = happenings(spark, ("once", 0, "look"), ("twice", 0, "look"), ("twice", 1, "look"))
    twice = {"first": "kind = 'look'", "second": F.col("kind") == "look"}
    assert levels(funnels.funnel(events, steps=twice, window=9)) == {"once": 1, "twice": 2}
    engine = funnels.funnel(events, steps=twice, window=9, mode="ClickHouse")
    assert levels(engine) == {"once": 2, "twice": 2}
    both = funnels.funnel(events, steps=twice, window=9, mode=["clickhouse", "STRICT_ONCE"])
    assert levels(both) == {"once": 1, "twice": 2}


def test_rows_of_one_time_are_in_the_order_of_the_tie_then_of_the_steps(spark: SparkSession) -> None:
    rows = [("v", 0, "cart", 1), ("v", 0, "look", 2), ("w", 0, "look", 1), ("w", 0, "cart", 2)]
    events = spark.createDataFrame(rows, "visitor_id string, occurred_at bigint, kind string, event_id int")
    knobs = {"steps": {name: STEPS[name] for name in ("look", "cart")}, "window": 0}
    assert levels(funnels.funnel(events, **knobs)) == {"v": 2, "w": 2}
    assert levels(funnels.funnel(events, tie="event_id", **knobs)) == {"v": 1, "w": 2}
    assert levels(funnels.funnel(events, tie="event_id", mode="clickhouse", **knobs)) == {"v": 2, "w": 2}
    assert levels(funnels.funnel(events, mode="strict_increase", **knobs)) == {"v": 1, "w": 1}


@pytest.mark.parametrize(
    ("kind", "window"),
    [
        ("bigint", 3),
        ("int", 3.5),
        ("double", 3),
        ("decimal(10,1)", timedelta(seconds=3)),
        ("timestamp", 3),
        ("timestamp_ntz", timedelta(seconds=3)),
    ],
)
def test_every_type_of_time_keeps_its_type_and_its_unit(spark: SparkSession, kind, window) -> None:
    rows = [("in", 7, "look"), ("in", 10, "cart"), ("out", 7, "look"), ("out", 11, "cart")]
    events = spark.createDataFrame(rows, "visitor_id string, occurred_at int, kind string")
    since = (
        F.timestamp_seconds("occurred_at").cast(kind)
        if "timestamp" in kind
        else F.col("occurred_at").cast(kind)
    )
    typed = events.withColumn("occurred_at", since)
    found = funnels.funnel(typed, steps={"look": STEPS["look"], "cart": STEPS["cart"]}, window=window)
    assert found.schema["cart_at"].dataType == typed.schema["occurred_at"].dataType
    assert levels(found) == {"in": 2, "out": 1}


def test_a_window_in_tenths_is_exact(spark: SparkSession) -> None:
    rows = [(str(at), at + step / 10, step) for at in range(40) for step in (0, 3)]
    events = spark.createDataFrame(rows, "visitor_id string, occurred_at double, step int")
    found = funnels.funnel(events, steps={"a": "step = 0", "b": "step = 3"}, window=0.3)
    assert set(levels(found).values()) == {2}
    assert set(
        levels(funnels.funnel(events, steps={"a": "step = 0", "b": "step = 3"}, window=0.29)).values()
    ) == {1}


@pytest.fixture(scope="module")
def random_visitors() -> list[list[oracle.Row]]:
    return oracle.random_visitors(10_000, steps=3, seed=11)


@pytest.fixture(scope="module")
def random_events(spark: SparkSession, random_visitors: list[list[oracle.Row]]) -> DataFrame:
    return numbered(spark, random_visitors).cache()


def numbered(spark: SparkSession, visitors: list[list[oracle.Row]]) -> DataFrame:
    rows = [
        (visitor, at, place, mask)
        for visitor, history in enumerate(visitors)
        for place, (at, mask) in enumerate(history)
    ]
    random.Random(2).shuffle(rows)
    return spark.createDataFrame(rows, "visitor_id bigint, occurred_at bigint, event_id int, mask int")


@pytest.mark.parametrize(
    "modes",
    [
        (),
        ("strict_order",),
        ("strict_order", "allow_reentry"),
        ("strict_deduplication",),
        ("strict_increase",),
        ("strict_once",),
        funnels.MODES[:-1],
    ],
    ids=lambda modes: "+".join(modes) or "default",
)
def test_ten_thousand_visitors_as_brute_force_finds_them(random_events, random_visitors, modes) -> None:
    found = funnels.funnel(random_events, steps=BITS, window=5, mode=set(modes), tie="event_id").collect()
    wanted = {}
    for visitor, rows in enumerate(random_visitors):
        chain = oracle.winner(rows, steps=3, window=5, modes=modes)
        times = [rows[place][0] for place in chain] + [None] * (3 - len(chain))
        if rows:
            wanted[visitor] = (len(chain), *times)
    assert {row[0]: tuple(row[1:]) for row in found} == wanted


def test_levels_of_the_real_clickhouse(spark: SparkSession) -> None:
    visitors, answers = clickhouse.funnels()
    events = numbered(spark, visitors).cache()
    for modes in (frozenset(), frozenset({"strict_order", "strict_once"})):
        engine: Collection[str] = modes | {"clickhouse"}
        found = levels(funnels.funnel(events, steps=BITS, window=clickhouse.WINDOW, mode=engine))
        assert [found[visitor] for visitor in range(len(visitors))] == answers[modes]


def test_a_report_worked_by_hand(spark: SparkSession) -> None:
    rows = [("a", 0, "look"), ("a", 10, "cart"), ("a", 30, "buy"), ("b", 0, "look"), ("b", 20, "cart")]
    rows += [("c", 0, "look"), ("c", 40, "cart"), ("d", 0, "look"), ("e", 0, "other")]
    funnelled = funnels.funnel(happenings(spark, *rows), steps=STEPS, window=100)
    assert [tuple(row) for row in funnels.report(funnelled).orderBy("step_index").collect()] == [
        (1, "look", 4, 1.0, 1.0, 0, None, None, None, None),
        (2, "cart", 3, 0.75, 0.75, 1, 10.0, 20.0, 40.0, 20.0),
        (3, "buy", 1, 0.25, 1 / 3, 2, 20.0, 20.0, 20.0, 30.0),
    ]
    halves = funnelled.withColumn("half", F.when(F.col("visitor_id") < "c", 1).otherwise(2))
    broken = funnels.report(halves, by=["half"]).where("step = 'cart'").orderBy("half").collect()
    assert [(row.half, row.visitor_count, row.share_of_first, row.median_seconds) for row in broken] == [
        (1, 2, 1.0, 10.0),
        (2, 1, 0.5, 40.0),
    ]


def test_a_funnel_that_nobody_enters_has_no_shares(spark: SparkSession) -> None:
    nobody = funnels.funnel(happenings(spark, ("a", 0, "other")), steps=STEPS, window=1)
    first = funnels.report(nobody).where("step_index = 1").first()
    assert (first.visitor_count, first.share_of_first, first.drop_count) == (0, None, 0)


def test_sequences_worked_by_hand(spark: SparkSession) -> None:
    events = happenings(
        spark,
        ("twice", 0, "look"), ("twice", 30, "buy"), ("twice", 100, "look"), ("twice", 160, "buy"),
        ("slow", 0, "look"), ("slow", 61, "buy"), ("none", 0, "other"), (None, 0, "look"),
    )  # fmt: skip
    found = funnels.sequence_matches(
        events, conditions=[STEPS["look"], F.col("kind") == "buy"], pattern="(?1)(?t<=60)(?2)"
    )
    assert found.columns == ["visitor_id", "is_match", "match_count", "times"]
    assert {row[0]: tuple(row[1:]) for row in found.collect()} == {
        "twice": (True, 2, [NOON, NOON + timedelta(seconds=30)]),
        "slow": (False, 0, []),
        "none": (False, 0, []),
    }


def test_steps_may_look_at_the_row_before(spark: SparkSession) -> None:
    events = happenings(spark, ("v", 0, "look"), ("v", 1, "look"), ("w", 0, "look"))
    before = F.lag("kind").over(Window.partitionBy("visitor_id").orderBy("occurred_at"))
    assert levels(funnels.funnel(events, steps={"repeat": before == "look"}, window=1)) == {"v": 1, "w": 0}


def test_one_shuffle_and_none_where_rows_lie_by_visitor(random_events, capsys) -> None:
    for events in (random_events, random_events.repartition(3, "visitor_id")):
        funnels.funnel(events, steps=BITS, window=5).explain()
        assert capsys.readouterr().out.count("Exchange") == 1


def test_what_cannot_be_is_refused(spark: SparkSession) -> None:
    events = happenings(spark, ("v", 0, "look"))
    with pytest.raises(RetinueError, match=r"mode has 'strict_ordr'; .*did you mean 'strict_order'"):
        funnels.funnel(events, steps=STEPS, window=1, mode="strict_ordr")
    with pytest.raises(RetinueError, match="there are 0 steps; there must be 1 to 60"):
        funnels.funnel(events, steps={}, window=1)
    with pytest.raises(RetinueError, match="the step 'LOOK' gives a second column look_at"):
        funnels.funnel(events, steps=STEPS | {"LOOK": "true"}, window=1)
    with pytest.raises(RetinueError, match="window is -1; it must be 0 or more"):
        funnels.funnel(events, steps=STEPS, window=-1)
    with pytest.raises(SchemaMismatch, match="a funnel needs the column when"):
        funnels.funnel(events, steps=STEPS, window=1, at="when")
    with pytest.raises(SchemaMismatch, match="kind is string; a time must be"):
        funnels.funnel(events, steps=STEPS, window=1, at="kind")
    with pytest.raises(PatternError, match="there are conditions 1 to 1"):
        funnels.sequence_matches(events, conditions=["true"], pattern="(?2)")
