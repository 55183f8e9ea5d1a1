from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from pyspark.sql import DataFrame, SparkSession

from retinue.errors import RetinueError, SchemaMismatch
from retinue.network import building

ACT = "src string, dst string, relationship string, at timestamp, weight double"


def day(number: int, hour: int = 12) -> datetime:
    return datetime(2026, 3, number, hour)


def posts(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(
        [
            ("x", "1", "ann", day(1), None, None),
            ("x", "2", "bob", day(2), "1", None),
            ("x", "3", "cas", day(3), None, "1"),
            ("x", "4", "ann", day(4), "1", None),  # her own
            ("y", "5", "dan", day(5), "1", None),  # another network's 1 is not there
            ("x", "6", None, day(6), "1", None),
        ],
        "network string, post_id string, person_id string, posted_at timestamp, "
        "reply_to string, share_of string",
    )


def test_who_answers_shares_and_mentions_whom(spark: SparkSession):
    named = spark.createDataFrame(
        [("x", "3", "bob"), ("x", "3", "bob"), ("z", "3", "ann")],
        "network string, post_id string, mentioned string",
    )
    acts = building.acts_of_posts(posts(spark), named)
    assert {tuple(row)[:4] for row in acts.collect()} == {
        ("bob", "ann", "replies", day(2)),
        ("ann", "ann", "replies", day(4)),
        ("cas", "ann", "shares", day(3)),
        ("cas", "bob", "mentions", day(3)),
    }
    assert acts.count() == 4


def test_who_takes_up_which_product(spark: SparkSession):
    events = spark.createDataFrame(
        [("ann", "7", "purchase", day(1)), ("ann", None, "purchase", day(1)), ("ann", "8", "search", day(1))],
        "person_id string, product_id string, event_type string, occurred_at timestamp",
    )
    [act] = building.acts_of_products(events, where="event_type = 'purchase'").collect()
    assert tuple(act) == ("ann", "product:7", "buys", day(1), 1.0)


def test_ties_as_of_a_day_fade_and_leave_out_what_came_later(spark: SparkSession):
    acts = spark.createDataFrame(
        [
            ("a", "b", "shares", day(1), 1.0),
            ("a", "b", "shares", day(1, 20), 2.0),
            ("a", "b", "shares", day(9, 23), 4.0),
            ("a", "b", "shares", day(10, 0), 8.0),  # not before the midnight
            ("b", "a", "shares", day(2), 1.0),
            ("a", "b", "replies", day(9), 1.0),
            ("a", "a", "shares", day(2), 1.0),
        ],
        ACT,
    )
    days = building.daily(acts)
    asked = {"as_of": date(2026, 3, 10), "half_life": timedelta(days=4)}
    found = {tuple(row)[1:4]: row for row in building.edges(days, **asked).collect()}
    assert found.keys() == {("a", "b", "shares"), ("b", "a", "shares"), ("a", "b", "replies")}
    shares = found["a", "b", "shares"]
    assert shares["weight"] == pytest.approx(3 * 0.5 ** (8 / 4) + 4)
    assert (shares["act_count"], shares["first_at"], shares["last_at"]) == (3, day(1), day(9, 23))
    still = {tuple(row)[1:4]: row for row in building.edges(days, as_of=date(2026, 3, 10)).collect()}
    assert still["a", "b", "shares"]["weight"] == 7
    assert {row["id"] for row in found.values()} == {row["id"] for row in still.values()}


def test_faint_ties_go_and_who_brought_somebody_is_heeded(spark: SparkSession):
    acts = spark.createDataFrame(
        [
            ("a", "b", "refers", day(9), 1.0),
            ("a", "c", "shares", day(1), 1.0),
            ("a", "c", "replies", day(9), 1.0),
        ],
        ACT,
    )
    asked = {"as_of": date(2026, 3, 10), "half_life": timedelta(days=2)}
    kept = building.edges(building.daily(acts), **asked, least=0.1)
    assert {(row["src"], row["dst"]) for row in building.heeding(kept).collect()} == {("b", "a"), ("a", "c")}
    assert {row["relationship"] for row in kept.collect()} == {"refers", "replies"}


def test_products_go_together_from_the_day_of_the_second(spark: SparkSession):
    taken = [
        ("ann", 1, 1),
        ("ann", 2, 3),
        ("ann", 2, 5),
        ("bob", 1, 4),
        ("bob", 2, 2),
        ("cas", 1, 3),
        ("cas", 2, 3),
    ]
    taken += [("dan", n, 1) for n in range(1, 6)]  # too many to say anything
    days = spark.createDataFrame(
        [(who, f"{building.PRODUCT}{product}", day(number).date()) for who, product, number in taken],
        "src string, dst string, acted_on date",
    )
    found = building.together(days, most=4).collect()
    assert {(row["src"], row["dst"], row["acted_on"].day, row["weight"]) for row in found} == {
        ("product:1", "product:2", 3, 2.0),
        ("product:1", "product:2", 4, 1.0),
    }
    people = building.between_people(days.union(days.limit(1).selectExpr("src", "'eve'", "acted_on")))
    assert [row["dst"] for row in people.collect()] == ["eve"]


def test_days_put_together_in_parts_are_those_of_all_at_once(spark: SparkSession):
    acts = spark.createDataFrame([("a", "b", "follows", day(n), 1.0) for n in (1, 2, 3)], ACT)
    whole = building.daily(acts).collect()
    parts = [building.daily(acts.where(f"day(at) = {n}")).collect() for n in (1, 2, 3)]
    assert sorted(whole) == sorted(row for part in parts for row in part)


def test_what_cannot_be_built_is_refused(spark: SparkSession):
    acts = spark.createDataFrame([], ACT)
    with pytest.raises(SchemaMismatch, match="daily needs the column weight"):
        building.daily(acts.drop("weight"))
    with pytest.raises(RetinueError, match="half_life"):
        building.edges(building.daily(acts), as_of=date(2026, 1, 1), half_life=timedelta(0))
