from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from retinue.errors import RetinueError, SchemaMismatch
from retinue.samples.posts import THEMES
from retinue.samples.world import Truth, draw
from retinue.text import alerts, explanations, mentions, sentiment, themes, tokens

START = datetime(2026, 1, 5)
DAYS = 21
TOPICS = {theme: r"\b(" + "|".join(words) + r")\b" for theme, words in THEMES.items()}
COUNTS = ("post_count", "scored_count", "negative_count", "reach")
HOURS = ", ".join(["topic string", "hour timestamp", *(f"{count} bigint" for count in COUNTS)])

PLANTED = {  # topic -> (day, hour) -> posts, negative ones
    "volume": {(16, 3): (270, 68), (16, 4): (280, 70), (17, 8): (280, 70)},
    "midnight": {(16, 23): (280, 70), (17, 0): (270, 68)},
    "mood": {(16, 5): (100, 62)},
    "threat": {(16, 5): (150, 75)},
    "early": {(3, 5): (300, 300)},
    "calm": {},
}
THIN = {(16, 3): (8, 2)}


def at(day: int, hour: int) -> datetime:
    return START + timedelta(days=day, hours=hour)


def flat(
    topic: str, usual: tuple[int, int], planted: dict[tuple[int, int], tuple[int, int]]
) -> Iterator[tuple]:
    """The same in every hour but those planted; a thin topic has a post every fourth hour."""
    for day in range(DAYS):
        for hour in range(24):
            posts, negative = usual if usual[0] > 1 else (int(hour % 4 == 0), 0)
            posts, negative = planted.get((day, hour), (posts, negative))
            yield topic, at(day, hour), posts, posts, negative, 10 * posts


@pytest.fixture(scope="module")
def hours(spark: SparkSession) -> DataFrame:
    rows = [row for topic, planted in PLANTED.items() for row in flat(topic, (100, 25), planted)]
    return spark.createDataFrame([*rows, *flat("thin", (1, 0), THIN)], HOURS)


def test_alarms_side_by_side_are_one_alert_of_its_kind(hours: DataFrame):
    found = {(row.topic, row.started_at): row for row in alerts.alerts(hours).collect()}
    assert {(*key, row.ended_at, row.kind, row.post_count) for key, row in found.items()} == {
        ("volume", at(16, 3), at(16, 5), "volume", 550),
        ("volume", at(17, 8), at(17, 9), "volume", 280),
        ("midnight", at(16, 23), at(17, 1), "volume", 550),
        ("mood", at(16, 5), at(16, 6), "negativity", 100),
        ("threat", at(16, 5), at(16, 6), "threat", 150),
    }
    first = found["volume", at(16, 3)]
    assert first.peak_at == at(16, 4)
    assert first.expected_count == pytest.approx(200, rel=0.02)
    assert first.ratio == pytest.approx(2.75, rel=0.02)
    assert (first.scored_count, first.negative_count, first.reach) == (550, 138, 5500)
    mood = found["mood", at(16, 5)]
    assert (mood.negative_share, mood.expected_negative_share) == pytest.approx((0.62, 0.25), rel=0.01)
    assert max(row.p_value for row in found.values()) <= 1 / (2 * 3 * 8766)
    assert min(row.score for row in found.values()) > 10


def test_a_small_denominator_alerts_only_where_it_is_allowed_to(hours: DataFrame):
    thin = hours.where("topic = 'thin'")
    few, enough = (alerts.alerts(thin, least_posts=each).count() for each in (9, 8))
    assert (few, enough) == (0, 1)


def test_expected_tells_of_every_hour_after_the_warm_up(hours: DataFrame):
    judged = alerts.expected(hours.where("topic = 'volume'").withColumn("note", F.lit("kept")))
    rows = sorted(judged.collect(), key=lambda row: row.hour)
    assert [row.hour for row in rows] == [at(day, hour) for day in range(DAYS) for hour in range(24)]
    assert {row.note for row in rows} == {"kept"}
    chances = ("volume_p", "negativity_p", "day_volume_p", "day_negativity_p")
    for name in chances:
        assert [row[name] is None for row in rows] == [row.hour < at(14, 0) for row in rows]
    day = [row for row in rows if at(16, 0) <= row.hour < at(17, 0)]
    assert {row.day_post_count for row in day} == {22 * 100 + 550} == {row.day_scored_count for row in day}
    assert len({row.day_volume_p for row in day}) == 1
    assert day[4].volume_p < day[3].volume_p < 1e-5 < 0.1 < day[5].volume_p


@pytest.fixture(scope="module")
def truth() -> Truth:
    return draw(seed=1, visitors=300, days=28, quiet=False)[1]


@pytest.fixture(scope="module")
def said(spark: SparkSession) -> DataFrame:
    """Mentions in two small worlds, of which one is quiet."""
    columns = ["network", "post_id", "profile_id", "posted_at", "text", "share_count", "like_count"]
    posts = [
        spark.createDataFrame(draw(seed=1, visitors=300, days=28, quiet=quiet)[0]["posts"])
        .select(*columns)
        .withColumn("world", F.lit("quiet" if quiet else "busy"))
        for quiet in (False, True)
    ]
    named = mentions.mentions(sentiment.score(posts[0].unionByName(posts[1])), topics=TOPICS)
    own = named.withColumn("topic", F.concat_ws(" ", "world", "topic"))
    return tokens.tokenize(own).localCheckpoint()


@pytest.fixture(scope="module")
def found(said: DataFrame) -> list[Row]:
    explained = explanations.explain(alerts.alerts(mentions.hourly(said)), said)
    return sorted(explained.collect(), key=lambda row: -row.score)


def test_the_burst_of_complaints_is_found_and_a_quiet_world_has_none(found: list[Row], truth: Truth):
    worst = found[0]
    assert (worst.topic, worst.kind) == (f"busy {truth.alert_theme}", "threat")
    assert worst.started_at.date() == truth.alert_on
    assert worst.post_count >= 40
    assert worst.negative_share > 0.7 > 0.5 > worst.expected_negative_share
    assert not [row for row in found if row.topic.startswith("quiet")]
    # Nothing else was planted but the pasted text; a complaint may name a second theme.
    pasted_on = (START + timedelta(days=14)).date()
    assert {row.started_at.date() for row in found[1:]} <= {pasted_on, truth.alert_on}


def test_an_alert_is_explained_by_its_words_and_its_most_seen_posts(found: list[Row], said: DataFrame):
    worst = found[0]
    on_topic = said.where(F.col("topic") == worst.topic).withColumn("reach", mentions.post_reach(said))
    is_in = (F.col("posted_at") >= worst.started_at) & (F.col("posted_at") < worst.ended_at)
    marking = themes.keyness(on_topic.where(is_in), on_topic.where(~is_in)).orderBy(F.desc("z"), "token")
    expected = [(row.token, row.focus_count) for row in marking.limit(10).collect()]
    assert [(term.token, term["count"]) for term in worst.terms] == expected
    seen = on_topic.where(is_in).orderBy(F.desc("reach"), "network", "post_id").limit(5).collect()
    assert [(post.post_id, post.reach, post.text) for post in worst.posts] == [
        (row.post_id, row.reach, row.text) for row in seen
    ]


def test_what_cannot_be_is_refused(hours: DataFrame):
    with pytest.raises(RetinueError, match="false_alarms_per_year is 0"):
        alerts.alerts(hours, false_alarms_per_year=0)
    with pytest.raises(RetinueError, match="least_posts 0"):
        alerts.alerts(hours, least_posts=0)
    with pytest.raises(RetinueError, match="warm_up"):
        alerts.expected(hours, warm_up=timedelta(days=6))
    with pytest.raises(SchemaMismatch, match="reach"):
        alerts.alerts(hours.drop("reach"))
    with pytest.raises(RetinueError, match="terms"):
        explanations.explain(hours, hours, terms=0)
    with pytest.raises(SchemaMismatch, match="started_at"):
        explanations.explain(hours, hours)
