"""Journeys from touches and conversions, and the rules that need their times."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from lives import START, frames, lives
from oracles import attribution as oracle
from oracles.attribution import Journey, Touch
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from retinue.attribution import journeys, rules
from retinue.attribution.rules import Segment
from retinue.errors import RetinueError, SchemaMismatch


def told(built: DataFrame) -> Counter[Journey]:
    def hour(instant: datetime) -> int:
        return round((instant.replace(tzinfo=UTC) - START) / timedelta(hours=1))

    rows = built.collect()
    assert len({row.journey_id for row in rows}) == len(rows)
    assert all(row.is_converted == (row.converted_at is not None) for row in rows)
    return Counter(
        Journey(
            row.person_id,
            tuple(Touch(hour(each.occurred_at), each.channel, each.touch_type) for each in row.touches),
            hour(row.converted_at) if row.converted_at else None,
            row.value,
        )
        for row in rows
    )


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_journeys_are_those_of_a_plain_loop(spark: SparkSession, seed: int, restart: bool) -> None:
    touches, conversions = lives(seed)
    built = journeys.build(
        *frames(spark, touches, conversions),
        lookback=timedelta(days=5),
        as_of=date(2026, 4, 1),
        restart=restart,
    )
    wanted = oracle.journeys(touches, conversions, lookback=120, until=24 * 31, restart=restart)
    assert told(built) == Counter(wanted)
    assert any(each.converted_at is None for each in wanted)
    assert any(not each.touches for each in wanted)


def test_what_came_to_nothing(spark: SparkSession) -> None:
    touches, conversions = lives(3)
    given = frames(spark, touches, conversions)
    lost = journeys.lapsed(*given, lookback=timedelta(days=5), as_of=date(2026, 4, 1))
    assert told(lost) == Counter(oracle.lapsed(touches, conversions, lookback=120, until=24 * 31))
    built = journeys.build(*given, lookback=timedelta(days=5), as_of=date(2026, 4, 1))
    assert lost.schema == built.schema
    both = built.union(lost).select("person_id", F.explode("touches").alias("touch")).distinct().count()
    assert both == len({(who, each) for who, own in touches.items() for each in own if each.at < 24 * 31})


@pytest.mark.parametrize("partitions", [1, 4, 64])
def test_partitions_change_nothing(spark: SparkSession, partitions: int) -> None:
    touches, conversions = lives(4)
    touches["p7"] = [Touch(hour, "abc"[hour % 3], "click") for hour in range(0, 900, 3)]
    conversions["p7"] = [(hour, 1.0) for hour in range(0, 900, 20)]
    given = frames(spark, touches, conversions)
    limits = {"lookback": timedelta(days=5), "as_of": date(2026, 4, 1)}

    def found(*rows: DataFrame) -> tuple[set[str], list[Row]]:
        both = journeys.build(*rows, **limits).unionByName(journeys.lapsed(*rows, **limits)).localCheckpoint()
        credited = rules.attribute(both, model="time_decay").orderBy("channel").collect()
        return {repr(row) for row in both.collect()}, credited

    wanted, credit = found(*given)
    before = spark.conf.get("spark.sql.shuffle.partitions")
    spark.conf.set("spark.sql.shuffle.partitions", partitions)
    try:
        same, credited = found(*(rows.repartition(partitions) for rows in given))
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", before)
    assert same == wanted
    for one, other in zip(credited, credit, strict=True):
        assert one.channel == other.channel
        assert tuple(one)[1:] == pytest.approx(tuple(other)[1:], rel=1e-12)


def test_touches_lapse_by_their_own_windows(spark: SparkSession) -> None:
    touches = {
        "a": [Touch(0, "a"), Touch(5, "b"), Touch(30, "b"), Touch(31, "a"), Touch(80, "a"), Touch(83, "b")]
    }
    windows = journeys.Lookbacks(click=timedelta(hours=20), channels={"b": timedelta(hours=4)})
    limits = {"lookback": windows, "as_of": date(2026, 3, 6)}
    given = frames(spark, touches, {"a": [(45, 1.0)]})
    assert told(journeys.lapsed(*given, **limits)) == Counter(
        [
            Journey("a", (Touch(0, "a"),), None, None),
            Journey("a", (Touch(5, "b"),), None, None),
            Journey("a", (Touch(30, "b"),), None, None),
            Journey("a", (Touch(80, "a"), Touch(83, "b")), None, None),
        ]
    )
    assert told(journeys.build(*given, **limits)) == Counter([Journey("a", (Touch(31, "a"),), 45, 1.0)])


def test_without_as_of_open_journeys_end_at_the_newest_row(spark: SparkSession) -> None:
    touches = {"a": [Touch(0, "x"), Touch(24, "y"), Touch(48, "z")], "b": [Touch(40, "x")]}
    built = journeys.build(*frames(spark, touches, {"b": [(41, 1.0)]}), lookback=timedelta(days=1))
    assert told(built) == Counter(
        [
            Journey("a", (Touch(24, "y"), Touch(48, "z")), None, None),
            Journey("b", (Touch(40, "x"),), 41, 1.0),
        ]
    )


def test_windows_of_views_and_of_channels(spark: SparkSession) -> None:
    touches = {
        "a": [
            Touch(hour, channel, kind)
            for hour in (0, 40, 60, 70)
            for channel in "ab"
            for kind in ("click", "VIEW")
        ]
    }
    windows = journeys.Lookbacks(
        click=timedelta(hours=72),
        view=timedelta(hours=12),
        channels={"b": timedelta(hours=32)},
        channel_views={"b": timedelta(hours=2)},
    )
    built = journeys.build(*frames(spark, touches, {"a": [(72, 1.0)]}), lookback=windows)
    [journey] = told(built)
    assert set(journey.touches) == {
        *(Touch(hour, "a", "click") for hour in (0, 40, 60, 70)),
        *(Touch(hour, "a", "VIEW") for hour in (60, 70)),
        *(Touch(hour, "b", "click") for hour in (40, 60, 70)),
        Touch(70, "b", "VIEW"),
    }


def test_touches_that_never_count_and_such_as_count_alone(spark: SparkSession) -> None:
    touches = {
        "a": [Touch(1, "a", "click"), Touch(2, "b", "view"), Touch(3, "c", "click")],
        "b": [Touch(2, "b", "view"), Touch(3, "c", "click")],
    }
    built = journeys.build(
        *frames(spark, touches, {"a": [(5, 1.0)], "b": [(5, 1.0)]}),
        excluded="channel = 'c'",
        optional=F.col("touch_type") == "view",
    )
    assert {each.person: [touch.channel for touch in each.touches] for each in told(built)} == {
        "a": ["a"],
        "b": ["b"],
    }


def test_what_else_a_conversion_has_rides_along_and_times_may_be_numbers(spark: SparkSession) -> None:
    touches = spark.createDataFrame(
        [(1, 10, "a"), (1, 90, "b"), (2, 50, "a")], "who long, at long, channel string"
    )
    orders = spark.createDataFrame(
        [(1, 100, "o1", "paid"), (1, 100, "o2", None)], "who long, at long, order_id string, status string"
    )
    built = journeys.build(
        touches, orders, person="who", at="at", lookback=timedelta(seconds=50), as_of=100.5
    )
    rows = {row.order_id: row for row in built.collect()}
    assert built.columns == [
        *("journey_id", "who", "order_id", "status", "touches", "converted_at", "value", "is_converted")
    ]
    assert [(each.at, each.channel) for each in rows["o1"].touches] == [(90, "b")]
    assert (rows["o1"].converted_at, rows["o1"].status, rows["o2"].status) == (100, "paid", None)
    assert rows["o1"].journey_id != rows["o2"].journey_id
    assert rows["o1"].value is None
    assert 2 not in {row.who for row in rows.values()}, "a touch of long ago has lapsed"


def test_a_join_by_person_and_no_other_shuffle(spark: SparkSession) -> None:
    built = journeys.build(*frames(spark, *lives(0)), as_of=date(2026, 4, 1))
    plan = built._jdf.queryExecution().executedPlan().toString()  # type: ignore[operator]
    assert plan.count("Exchange hashpartitioning(person_id") <= 4


def test_paths_count_journeys_of_one_sequence_together(spark: SparkSession) -> None:
    touches = {name: [Touch(1, "a"), Touch(2, "b")] for name in "pqr"} | {"s": [Touch(2, "c")]}
    conversions = {"p": [(5, 2.0)], "q": [(6, 3.0)], "t": [(7, 4.0)]}
    built = journeys.build(*frames(spark, touches, conversions), as_of=date(2026, 3, 3))
    counted = {tuple(row.path): tuple(row)[1:] for row in journeys.paths(built).collect()}
    assert counted == {("a", "b"): (2, 5, 1), ("c",): (0, 0, 1), (): (1, 4, 0)}


def test_rules_on_journeys_are_those_on_their_paths(spark: SparkSession) -> None:
    built = journeys.build(*frames(spark, *lives(6)), as_of=date(2026, 4, 1)).localCheckpoint()
    paths = journeys.paths(built)
    for model in ("first", "last", "last_non_direct", "linear", "position"):
        one, other = (
            {row.channel: (row.conversions, row.value or 0.0) for row in each.collect()}
            for each in (rules.attribute(built, model=model), rules.attribute_paths(paths, model=model))
        )
        assert one.keys() == other.keys()
        for channel, each in one.items():
            assert each == pytest.approx(other[channel]), (model, channel)


def test_time_decay_halves_with_each_half_life(spark: SparkSession) -> None:
    touches, conversions = lives(7)
    wanted: dict[str | None, list[float]] = {}
    for journey in oracle.journeys(touches, conversions, lookback=240, until=24 * 31):
        if journey.converted_at is None:
            continue
        shares = oracle.decayed(journey, 48) or [1.0]
        for channel, share in zip([each.channel for each in journey.touches] or [None], shares, strict=True):
            total = wanted.setdefault(channel, [0.0, 0.0])
            total[0] += share
            total[1] += share * (journey.value or 0.0)
    built = journeys.build(
        *frames(spark, touches, conversions), lookback=timedelta(days=10), as_of=date(2026, 4, 1)
    )
    got = rules.attribute(built, model="Time_Decay", half_life=timedelta(days=2))
    assert {row.channel: [row.conversions, row.value] for row in got.collect()} == {
        channel: pytest.approx(each) for channel, each in wanted.items()
    }


def test_a_touch_of_years_ago_keeps_its_share_by_decay(spark: SparkSession) -> None:
    touches = {"a": [Touch(0, "x"), Touch(0, "y")]}
    built = journeys.build(*frames(spark, touches, {"a": [(24 * 900, 1.0)]}), lookback=timedelta(days=1000))
    got = rules.attribute(built, model="time_decay", half_life=timedelta(hours=1)).collect()
    assert {row.channel: row.conversions for row in got} == {"x": 0.5, "y": 0.5}


def shares(spark: SparkSession, segments: list[Segment], hours: list[int]) -> list[float]:
    """Of touches so many hours before the conversion, each a channel of its own."""
    touches = {"a": [Touch(100 - before, f"{n:02d}") for n, before in enumerate(hours)]}
    built = journeys.build(*frames(spark, touches, {"a": [(100, 10.0)]}))
    got = {row.channel: row for row in rules.segmented(built, segments=segments).collect()}
    assert sum(row.conversions for row in got.values()) == pytest.approx(1)
    assert sum(row.value for row in got.values()) == pytest.approx(10)
    if None in got:
        return []
    return [got[f"{n:02d}"].conversions if f"{n:02d}" in got else 0.0 for n in range(len(hours))]


def test_segments_of_rows_and_of_time_earn_their_weights(spark: SparkSession) -> None:
    by_rows = [Segment(3, 0.5), Segment(4, 0.3, "last"), Segment(3, 0.2, "first")]
    ten = [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]
    third = pytest.approx(0.5 / 3)
    assert shares(spark, by_rows, ten) == [0.2, 0, 0, 0, 0, 0, 0.3, third, third, third]
    assert shares(spark, by_rows, [*range(30, 10, -1)])[:10] == [0] * 10
    assert shares(spark, by_rows, ten[5:]) == pytest.approx([0, 0.3 / 0.8, *[0.5 / 0.8 / 3] * 3])
    assert shares(spark, by_rows, [1]) == [1]

    by_time = [
        Segment(timedelta(hours=2), 0.6, "last"),
        Segment(timedelta(hours=4), 0.4, "time_decay", timedelta(hours=1)),
    ]
    assert shares(spark, by_time, [9, 6, 5, 2, 1]) == pytest.approx([0, 0.4 / 3, 0.8 / 3, 0, 0.6])
    assert shares(spark, by_time, [6, 5]) == pytest.approx([1 / 3, 2 / 3])
    assert shares(spark, by_time, [9]) == []


def test_what_cannot_be_is_refused(spark: SparkSession) -> None:
    given = frames(spark, {"a": [Touch(1, "x")]}, {"a": [(2, 1.0)]})
    built = journeys.build(*given)
    with pytest.raises(RetinueError, match="a look-back is"):
        journeys.build(*given, lookback=timedelta(0))
    with pytest.raises(SchemaMismatch, match="channel"):
        journeys.build(given[0].drop("channel"), given[1])
    with pytest.raises(SchemaMismatch, match="a look-back of views"):
        journeys.build(given[0].drop("touch_type"), given[1], lookback=journeys.Lookbacks(view=timedelta(1)))
    with pytest.raises(RetinueError, match="half_life is"):
        rules.attribute(built, model="time_decay", half_life=timedelta(0))
    with pytest.raises(SchemaMismatch, match="time of converted_at's type"):
        rules.attribute(built.withColumn("converted_at", F.lit(1)), model="time_decay")
    with pytest.raises(RetinueError, match="all alike"):
        rules.segmented(built, segments=[Segment(1, 1.0), Segment(timedelta(1), 1.0)])
    with pytest.raises(RetinueError, match="earns nothing"):
        rules.segmented(built, segments=[Segment(1, 0.0)])
    with pytest.raises(RetinueError, match="a segment's model is position"):
        rules.segmented(built, segments=[Segment(1, 1.0, "position")])
