from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from retinue.network import ties

POST = (
    "network string, post_id string, profile_id string, posted_at timestamp, reply_to string, "
    "share_of string, legal_basis string"
)
WORDS = (
    "network string, post_id string, legal_basis string, annotations array<struct<token:string,kind:string>>"
)
SHOWN = ("relationship", "acted_on", "network", "profile_id", "visitor_id", "to_profile_id", "product_id")


def day(number: int, hour: int = 12) -> datetime:
    return datetime(2026, 3, number, hour)


def shown(rows: DataFrame, *columns: str) -> set[tuple[Any, ...]]:
    found = rows.select(*columns).collect()
    assert len(found) == rows.count()
    return {tuple(row) for row in found}


def posts(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(
        [
            ("x", "1", "Ann", day(1), None, None, "contract"),
            ("x", "2", "bob", day(2), "1", None, "consent"),
            ("x", "3", "bob", day(2, 20), "1", None, "consent"),
            ("x", "4", "cas", day(3), None, "1", "anonymous"),
            ("x", "5", None, day(3), "1", None, "anonymous"),
        ],
        POST,
    )


def test_posts_tie_accounts_by_the_day_and_keep_the_basis_of_both_ends(spark: SparkSession):
    words = spark.createDataFrame(
        [
            ("x", "4", "anonymous", [("@ann", "mention"), ("hello", "word"), ("@zoe", "mention")]),
            ("x", "5", "anonymous", [("@bob", "mention")]),  # nobody said it
        ],
        WORDS,
    )
    every = posts(spark)
    found = ties.of_posts(every.where("post_id <> '1'"), every, words)
    assert shown(found, *SHOWN, "legal_basis", "to_legal_basis", "act_count") == {
        ("replies", date(2026, 3, 2), "x", "bob", None, "Ann", None, "consent", "contract", 2),
        ("shares", date(2026, 3, 3), "x", "cas", None, "Ann", None, "anonymous", "contract", 1),
        ("mentions", date(2026, 3, 3), "x", "cas", None, "Ann", None, "anonymous", "anonymous", 1),
        ("mentions", date(2026, 3, 3), "x", "cas", None, "zoe", None, "anonymous", "anonymous", 1),
    }


def test_contacts_and_events_tie_accounts_and_products(spark: SparkSession):
    contacts = spark.createDataFrame(
        [("mail", "e_mails", "ann", "bob", day(1), 3.0, "contract")],
        "network string, relationship string, profile_id string, to_profile_id string, "
        "occurred_at timestamp, weight double, legal_basis string",
    )
    events = spark.createDataFrame(
        [
            ("v1", None, "7", "purchase", day(2), "consent"),
            ("v1", "u1", "8", "product_view", day(2), "consent"),
        ],
        "visitor_id string, user_id string, product_id string, event_type string, occurred_at timestamp, "
        "legal_basis string",
    )
    kinds = {"buys": "event_type = 'purchase'", "meets": "event_type <> 'search'"}
    written = ties.of_contacts(contacts).unionByName(ties.of_events(events, kinds))
    assert shown(written, *SHOWN, "user_id", "weight") == {
        ("e_mails", date(2026, 3, 1), "mail", "ann", None, "bob", None, None, 3.0),
        ("buys", date(2026, 3, 2), None, None, "v1", None, "7", None, 1.0),
        ("meets", date(2026, 3, 2), None, None, "v1", None, "7", None, 1.0),
        ("meets", date(2026, 3, 2), None, None, "v1", None, "8", "u1", 1.0),
    }


def test_ends_are_persons_where_they_are_known_else_accounts(spark: SparkSession):
    every = posts(spark)
    nothing = spark.createDataFrame([], WORDS)
    read = ties.of_posts(every, every, nothing).selectExpr(
        "*",
        "if(profile_id = 'bob', 'person-1', null) AS person_id",
        "cast(null AS string) AS to_person_id",
    )
    assert shown(ties.named(read), "src", "dst", "relationship") == {
        ("person-1", "p:x/Ann", "replies"),
        ("p:x/cas", "p:x/Ann", "shares"),
    }
    wrote = ties.with_author(every.selectExpr("*", "if(profile_id = 'bob', 'person-1', null) AS person_id"))
    assert shown(wrote, "post_id", "id") == {
        *(("1", "p:x/Ann"), ("2", "person-1"), ("3", "person-1"), ("4", "p:x/cas")),
    }
