"""Names at each level: the commonest told apart, the rest together, and costs under the names of credit."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from retinue.attribution import checks, levels, roi, touchpoints
from retinue.errors import InvariantBroken

AT = datetime(2026, 3, 1)
TOUCH = "struct<occurred_at timestamp, channel string, campaign_id string, ad_id string, creative_id string>"
AD = "channel string, campaign_id string, ad_id string, creative_id string"

Touch = tuple[str, str | None, str | None]


def of(spark: SparkSession, journeys: Iterable[Iterable[Touch]]) -> DataFrame:
    """Journeys of touches a minute apart, each a channel, campaign and ad."""
    rows = [
        (f"p{n}", [(AT + timedelta(minutes=m), *touch, None) for m, touch in enumerate(touches)])
        for n, touches in enumerate(journeys)
    ]
    return spark.createDataFrame(rows, f"person_id string, touches array<{TOUCH}>")


SEEN: list[list[Touch]] = [
    [("display", "c1", "a1"), ("display", "c1", "a2"), ("email", None, None)],
    [("display", "c1", "a1"), ("display", "c2", "a3"), ("search", None, None)],
    [("display", "c1", "a1"), ("display", "c2", None), ("display", None, None)],
]


def test_names_go_by_how_often_they_were_met_and_then_by_name(spark: SparkSession) -> None:
    assert levels.commonest(of(spark, SEEN), most=3) == {
        "channel": ["display", "email", "search"],
        "campaign_id": ["c1", "c2", "(display)"],
        "ad_id": ["a1", "(c2)", "(display)"],
    }, "nobody names a creative"
    assert levels.commonest(of(spark, []), most=3) == {"channel": []}


def test_the_rest_stand_together_at_each_level(spark: SparkSession) -> None:
    kept = levels.commonest(of(spark, SEEN), most=2)
    told = levels.touched(of(spark, SEEN), kept=kept).orderBy("person_id", "occurred_at")
    names = {level: [row["name"] for row in told.where(f"level = '{level}'").collect()] for level in kept}
    assert names == {
        "channel": ["display", "display", "email", "display", "display", "(others)", *["display"] * 3],
        "campaign_id": ["c1", "c1", "(others)", "c1", "c2", "(others)", "c1", "c2", "(others)"],
        "ad_id": ["a1", "(others)", "(others)", "a1", "(others)", "(others)", "a1", "(c2)", "(others)"],
    }
    for level, wanted in names.items():
        journeys = levels.at_level(of(spark, SEEN), level=level, kept=kept[level]).orderBy("person_id")
        assert [touch["name"] for row in journeys.collect() for touch in row["touches"]] == wanted


def test_a_cost_stands_where_its_touches_do(spark: SparkSession) -> None:
    kept = levels.commonest(of(spark, SEEN), most=2)
    costs = spark.createDataFrame(
        [
            (1.0, "display", "c1", "a1", None),  # told apart
            (2.0, "display", "c2", "a3", None),  # met, among the others
            (4.0, "display", "c9", "a9", None),  # never met
            (8.0, "radio", None, None, None),
        ],
        f"cost_amount double, {AD}",
    )
    told = levels.folded(costs, of(spark, SEEN), kept=kept)
    sums = told.groupBy("level", "name").agg(F.sum("cost_amount").alias("cost")).collect()
    assert {(row["level"], row["name"]): row["cost"] for row in sums} == {
        ("channel", "display"): 7.0,
        ("channel", "radio"): 8.0,
        ("campaign_id", "c1"): 1.0,
        ("campaign_id", "c2"): 2.0,
        ("campaign_id", "c9"): 4.0,
        ("campaign_id", "(radio)"): 8.0,
        ("ad_id", "a1"): 1.0,
        ("ad_id", "(others)"): 2.0,
        ("ad_id", "a9"): 4.0,
        ("ad_id", "(radio)"): 8.0,
    }


def test_a_lot_is_of_the_narrowest_it_names(spark: SparkSession) -> None:
    lots = spark.createDataFrame(
        [("display", None, None), ("display", "c1", None), (None, None, "a1")],
        "channel string, campaign_id string, ad_id string",
    )
    told = [(row["level"], row["name"]) for row in levels.assigned(lots).collect()]
    assert told == [("channel", "display"), ("campaign_id", "c1"), ("ad_id", "a1")]


def test_value_is_of_one_currency(spark: SparkSession) -> None:
    rows = [(1.0, "EUR"), (2.0, "USD"), (4.0, "EUR"), (8.0, None), (None, "USD"), (None, "USD")]
    journeys = spark.createDataFrame(rows, "value double, currency string")

    def sum_in(currency: str) -> tuple[Any, ...]:
        told, found = touchpoints.valued(journeys, currency=currency)
        return found, told.agg(F.sum("value")).collect()[0][0]

    assert sum_in("") == ("EUR", 5.0)
    assert sum_in("USD") == ("USD", 10.0), "what names none is in the one that conf names"
    assert touchpoints.valued(journeys.where("currency IS NULL"))[1] is None


def test_a_period_has_what_ended_in_it(spark: SparkSession) -> None:
    rows = [
        (AT, []),
        (AT + timedelta(days=2), []),
        (None, [AT]),
        (None, [AT, AT + timedelta(days=1)]),
        (None, []),
    ]
    journeys = spark.createDataFrame(
        [(at, [(each,) for each in touches]) for at, touches in rows],
        "converted_at timestamp, touches array<struct<occurred_at timestamp>>",
    )
    begin = (AT + timedelta(days=1)).replace(tzinfo=UTC)
    assert touchpoints.ended_since(journeys, begin).count() == 2
    assert touchpoints.ended_since(journeys, None).count() == 5


def test_only_what_came_after_the_lot_counts_and_who_drew_both_is_left_out(spark: SparkSession) -> None:
    def day(n: int) -> datetime:
        return AT + timedelta(days=n)

    lots = spark.createDataFrame(
        [
            ("ann", "x", True, day(1)),
            ("bob", "x", False, day(2)),
            ("cid", "x", True, day(0)),
            ("cid", "x", False, day(3)),
        ],
        "person_id string, channel string, is_treated boolean, assigned_at timestamp",
    )
    done = spark.createDataFrame(
        [("ann", day(0), 1.0), ("ann", day(1), 2.0), ("ann", day(4), 4.0), ("dan", day(4), 8.0)],
        "person_id string, converted_at timestamp, value double",
    )

    def worth(begin: datetime | None = None) -> dict[str, tuple[Any, ...]]:
        rows = roi.tried(lots, done, begin=begin).collect()
        return {row["person_id"]: (row["is_treated"], row["value"], row["begun_at"]) for row in rows}

    assert worth() == {"ann": (True, 6.0, day(0)), "bob": (False, 0.0, day(0))}
    assert worth(day(3).replace(tzinfo=UTC))["ann"] == (True, 4.0, day(0))


def test_each_day_has_its_cost_and_its_touches_credit(spark: SparkSession) -> None:
    credits = spark.createDataFrame(
        [
            ("last", "x", AT, 0.5, 5.0, "EUR"),
            ("last", "x", AT, 0.25, None, "EUR"),
            ("last", None, None, 1.0, 9.0, "EUR"),
        ],
        "model string, channel string, touched_at timestamp, conversions double, value double, "
        "currency string",
    )
    costs = spark.createDataFrame(
        [("x", AT.date(), 3.0, "EUR"), ("y", date(2026, 3, 2), 4.0, "EUR"), ("x", AT.date(), 1.0, "USD")],
        "channel string, spent_on date, cost_amount double, currency string",
    )
    rows = roi.daily(credits, costs).orderBy("channel", "currency").collect()
    assert [tuple(row) for row in rows] == [
        ("last", "x", AT.date(), "EUR", 3.0, 0.75, 5.0),
        ("last", "x", AT.date(), "USD", 1.0, 0.0, 0.0),
        ("last", "y", date(2026, 3, 2), "EUR", 4.0, 0.0, 0.0),
    ]


def test_credit_that_is_lost_stops_the_job(spark: SparkSession) -> None:
    journeys = spark.createDataFrame(
        [("order", True, 10.0), ("order", True, 5.0), ("order", False, None)],
        "conversion_type string, is_converted boolean, value double",
    )

    def credited(conversions: float, value: float) -> DataFrame:
        return spark.createDataFrame(
            [("order", "channel", "last", conversions - 1, value), ("order", "channel", "last", 1.0, 0.0)],
            "conversion_type string, level string, model string, conversions double, value double",
        )

    checks.require_conserved(credited(2.0, 15.0), journeys)
    with pytest.raises(InvariantBroken, match=r"the model last credits 1\.5 conversions by channel"):
        checks.require_conserved(credited(1.5, 15.0), journeys)
    with pytest.raises(InvariantBroken, match="credits 14 value"):
        checks.require_conserved(credited(2.0, 14.0), journeys)


def test_the_chain_converts_as_often_as_journeys_do(spark: SparkSession) -> None:
    rows = [(["a", "b", "a"], 2.0, 5.0), (["b"], 1.0, 9.0), (["a", "a"], 0.0, 3.0), ([], 4.0, 0.0)]
    paths = spark.createDataFrame(rows, "path array<string>, conversions double, nulls double")
    for order in (1, 2, 3):
        checks.require_empirical_rate(paths, order=order)
    checks.require_empirical_rate(paths.limit(0), order=1)
