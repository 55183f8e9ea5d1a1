from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import pytest
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from retinue.errors import RetinueError, SchemaMismatch
from retinue.text import mentions

TOPICS = {"delivery": r"\b(parcel|courier)s?\b", "price": r"\bprice\b", "café": r"\bcafé\b"}
SUNDAY = datetime(2026, 1, 4, 22, 50)
KINDS = (
    "post_id int, network string, profile_id string, posted_at timestamp, text string, share_count bigint, "
    "like_count bigint, follower_count bigint, compound double, is_copy boolean"
)
POSTS = [
    # minutes after, network, author, text, shares, likes, followers, compound, is_copy
    (0, "x", "ann", "The PARCEL and the courier: what a price", 1, 2, None, -0.05, None),
    (5, "x", "ann", "parcels, parcels", None, 6, None, 0.05, False),
    (9, "y", "ann", "courier", 0, 0, 100, 0.0, False),
    (9, "y", None, "parcel", 2, 1, None, None, False),
    (9, "y", None, "parcel", 2, 1, None, -0.9, True),
    (15, "x", "bob", "Price!", 0, 0, 30, 0.5, False),
    (220, "x", "bob", "CAFÉ price", 0, 0, 30, 0.5, False),
    (221, "x", "bob", "parcelled, coffee", 0, 0, 30, 0.5, False),
    (222, "x", "bob", None, 0, 0, 30, 0.5, False),
    (None, "x", "bob", "price", 0, 0, 30, 0.5, False),
]


@pytest.fixture(scope="module")
def posts(spark: SparkSession) -> DataFrame:
    rows = [
        (number, network, author, minutes if minutes is None else SUNDAY + timedelta(minutes=minutes), *rest)
        for number, (minutes, network, author, *rest) in enumerate(POSTS)
    ]
    return spark.createDataFrame(rows, KINDS)


def test_a_post_has_a_row_for_each_topic_that_it_names(posts: DataFrame):
    named = mentions.mentions(posts.withColumn("topic", F.lit("old")), topics=TOPICS)
    assert named.columns == [*posts.columns, "topic"]
    got = Counter((row.post_id, row.topic) for row in named.collect())
    delivery, price = [(n, "delivery") for n in range(5)], [(n, "price") for n in (0, 5, 6, 9)]
    assert got == Counter([*delivery, *price, (6, "café")])


def hours_of(frame: DataFrame) -> dict[tuple[str, int], Row]:
    start = SUNDAY.replace(minute=0)
    return {(row.topic, (row.hour - start) // timedelta(hours=1)): row for row in frame.collect()}


def test_hours_count_posts_authors_moods_and_reach_and_silence_is_zero(posts: DataFrame):
    said = mentions.mentions(posts, topics=TOPICS)
    all_hours, once = hours_of(mentions.hourly(said)), hours_of(mentions.hourly(said, copy="is_copy"))
    assert sorted(all_hours) == [(topic, n) for topic in sorted(TOPICS) for n in range(5)]
    names = ("post_count", "author_count", "scored_count", "negative_count", "positive_count", "reach")

    def numbers(row: Row) -> tuple[int, ...]:
        return tuple(row[name] for name in names)

    # Ann reaches 7 on x (her post of most shares and likes), 100 on y; each post without author 4 more.
    assert numbers(all_hours["delivery", 0]) == (5, 4, 4, 2, 1, 115)
    assert all_hours["delivery", 0].mean_compound == pytest.approx(-0.9 / 4)
    assert numbers(once["delivery", 0]) == (4, 3, 3, 1, 1, 111)
    assert numbers(all_hours["price", 1]) == (1, 1, 1, 0, 1, 30)
    assert numbers(all_hours["price", 4]) == numbers(all_hours["café", 4]) == (1, 1, 1, 0, 1, 30)
    silent = [row for key, row in all_hours.items() if not row.post_count]
    assert len(silent) == 15 - 5
    assert {(*numbers(row), row.mean_compound) for row in silent} == {(0, 0, 0, 0, 0, 0, None)}


def test_shares_of_voice_add_up_in_each_period(posts: DataFrame):
    said = mentions.mentions(posts, topics=TOPICS)
    voices = {
        (row.period_start.day, row.topic): row
        for row in mentions.share_of_voice(said, period="day").collect()
    }
    assert sorted(voices) == [(4, "delivery"), (4, "price"), (5, "café"), (5, "price")]
    delivery, price = voices[4, "delivery"], voices[4, "price"]
    assert (delivery.post_share, price.post_share) == pytest.approx((5 / 7, 2 / 7))
    assert (delivery.author_share, price.author_share) == pytest.approx((4 / 6, 2 / 6))
    assert (delivery.reach_share, price.reach_share) == pytest.approx((115 / 149, 34 / 149))
    assert (delivery.net_sentiment, price.net_sentiment) == pytest.approx((-1 / 4, 0))
    assert voices[5, "café"].post_share == pytest.approx(0.5)


def test_what_cannot_be_is_refused(posts: DataFrame):
    with pytest.raises(RetinueError, match="no topic"):
        mentions.mentions(posts, topics={})
    with pytest.raises(SchemaMismatch, match="words"):
        mentions.mentions(posts, topics=TOPICS, text="words")
    with pytest.raises(SchemaMismatch, match="topic"):
        mentions.hourly(posts)
    with pytest.raises(RetinueError, match="did you mean 'week'"):
        mentions.share_of_voice(posts, period="weeks")
