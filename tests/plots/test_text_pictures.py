"""The pictures of what people say: themes, trends, moods, marking words, alerts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import combinations

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from retinue.errors import SchemaMismatch
from retinue.plots import (
    Picture,
    alert_timeline,
    keyness_plot,
    ngram_trends,
    sentiment_over_time,
    svg,
    theme_map,
)

TOPICS = pd.DataFrame(
    [
        (2, "delivery", ["late", "parcel"], 0.25, 0.41, -0.5),
        (1, None, ["nice", "colour", "screen", "bright"], 0.25, None, 0.1),
        (0, "battery", ["charge"], 0.5, 0.3, None),
        (3, "nobody's", ["x"], 0.0, 0.1, 0.0),
    ],
    columns=["topic_id", "label", "words", "share", "coherence", "mean_compound"],
)
TRENDS = pd.DataFrame(
    [
        ("new update", date(2026, 3, 2), 0.01, 10),
        ("new update", date(2026, 3, 16), 0.04, 40),
        ("so good", date(2026, 3, 2), 0.02, 20),
        ("so good", date(2026, 3, 9), 0.02, 20),
        ("so good", date(2026, 3, 16), 0.01, 10),
        ("too rare", date(2026, 3, 9), 0.001, 1),
    ],
    columns=["ngram", "period_start", "share", "count"],
)
DAYS = pd.DataFrame(
    [
        (date(2026, 3, 1), 100, 0.10, 0.05, 0.20, 0.3),
        (date(2026, 3, 2), 200, 0.20, 0.15, 0.25, -0.5),
        (date(2026, 3, 3), 50, None, None, None, None),
        (date(2026, 3, 4), 100, 0.10, None, None, 0.1),
        (date(2026, 3, 6), 100, 0.40, 0.30, 0.50, 0.1),
    ],
    columns=["period_start", "post_count", "negative_share", "low", "high", "mean_compound"],
)
WORDS = pd.DataFrame(
    [
        ("love", 1.5, 9.0, 900, 100),
        ("great", 0.9, 4.0, 90, 10),
        ("the", 0.0, 0.5, 5000, 4800),
        ("late", -0.8, -4.0, 20, 80),
        ("refund", -2.0, -16.0, 5, 95),
    ],
    columns=["token", "log_odds", "z", "focus_count", "background_count"],
)
START = datetime(2026, 3, 2)
HOURS = pd.DataFrame(
    [
        (topic, START + timedelta(hours=hour), posts, 10.0, 20.0, 0.6 if posts == 60 else 0.1)
        for topic, peak in (("price", None), ("delivery", 30))
        for hour in range(48)
        for posts in [60 if hour == peak else 20 if topic == "price" else 10]
    ],
    columns=["topic", "hour", "post_count", "expected_count", "upper", "negative_share"],
)
ALERTS = pd.DataFrame(
    [
        (
            "delivery",
            START + timedelta(hours=30),
            START + timedelta(hours=31),
            "volume",
            60,
            10.4,
            "late parcels",
        )
    ],
    columns=["topic", "started_at", "ended_at", "kind", "post_count", "expected_count", "explanation"],
)
PICTURES = [
    (theme_map, TOPICS, "share"),
    (ngram_trends, TRENDS, "count"),
    (sentiment_over_time, DAYS, "post_count"),
    (keyness_plot, WORDS, "z"),
    (lambda hours: alert_timeline(hours, ALERTS), HOURS, "upper"),
]


def written(picture: Picture) -> list[str]:
    return [text.get_text() for text in picture.texts]


def boxes(picture: Picture) -> dict[str, tuple[float, float, float, float]]:
    """Each mark's tip with its left, top, width and height in pixels."""
    found = {}
    for mark in picture.artists:
        (left, low), (right, high) = mark.get_window_extent().get_points()
        if mark.get_gid():
            found[mark.get_label()] = (left, picture.bbox.height - high, right - left, high - low)
    return found


def test_topics_are_as_large_as_their_shares_and_tell_their_mood() -> None:
    picture = theme_map(TOPICS)
    lines = written(picture)
    assert lines[1] == "3 topics in 100% of the posts, by share and mood"
    assert lines[2:5] == ["battery", "50.0% · mood not known", "charge"]
    assert "delivery" in lines
    assert lines.index("nice, colour,") < lines.index("delivery")  # equal shares stand by topic_id
    tips = boxes(picture)
    battery = tips["battery: 50.0% of the posts; mood not known; coherence 0.30; charge"]
    delivery = tips["delivery: 25.0% of the posts; mood −0.50; coherence 0.41; late, parcel"]
    assert battery[2] * battery[3] == pytest.approx(2 * delivery[2] * delivery[3], rel=0.02)
    colors = {mark.get_label(): mark.get_facecolor()[:3] for mark in picture.artists if mark.get_gid()}
    assert len(set(colors.values())) == 3
    assert written(theme_map(TOPICS, limit=1))[1] == "1 topic in 50.0% of the posts, by share and mood"


def test_trends_end_at_their_names_and_take_a_missing_period_for_none() -> None:
    picture = ngram_trends(TRENDS, limit=2)
    lines = written(picture)
    assert lines[1] == "Share of the posts, 2 Mar 2026 to 16 Mar 2026"
    assert lines[-4:] == ["new update", "4.0%", "so good", "1.0%"]
    paths = {mark.get_label(): mark.get_path().vertices for mark in picture.artists if mark.get_gid()}
    update = paths["new update: 50 times; most from 16 Mar 2026 on, 4.0%"]
    good = paths["so good: 50 times; most from 2 Mar 2026 on, 2.0%"]
    floor = update[1][1]
    rises = [floor - y for _, y in update]
    assert rises == pytest.approx([rises[2] / 4, 0, rises[2]])
    assert floor - good[0][1] == pytest.approx(rises[2] / 2)
    assert update[1][0] - update[0][0] == pytest.approx(update[2][0] - update[1][0])
    assert "too rare" in written(ngram_trends(TRENDS))
    assert written(ngram_trends(TRENDS, periods=1))[1] == "Share of the posts, 16 Mar 2026"


def test_the_mood_line_is_cut_where_nothing_is_known() -> None:
    picture = sentiment_over_time(DAYS)
    assert written(picture)[1] == "550 posts, 1 Mar 2026 to 6 Mar 2026"
    tips = boxes(picture)
    told = [
        "1 Mar 2026: 100 posts; 10.0% negative (interval 5.0% to 20.0%); mood +0.30",
        "2 Mar 2026: 200 posts; 20.0% negative (interval 15.0% to 25.0%); mood −0.50",
        "3 Mar 2026: 50 posts; mood not known",
        "4 Mar 2026: 100 posts; 10.0% negative; mood +0.10",
        "6 Mar 2026: 100 posts; 40.0% negative (interval 30.0% to 50.0%); mood +0.10",
    ]
    assert set(tips) == set(told)
    bars = [tips[tip] for tip in told]
    assert [bar[3] for bar in bars] == pytest.approx([bars[0][3] * part for part in (1, 2, 0.5, 1, 1)])
    lines = [mark.get_path().vertices for mark in picture.artists if not mark.get_fill()]
    assert [len(line) for line in lines] == [2, 1, 1]
    assert written(sentiment_over_time(DAYS, limit=2))[1] == "200 posts, 4 Mar 2026 to 6 Mar 2026"


def test_marking_words_stand_by_count_and_z_with_their_names() -> None:
    picture = keyness_plot(WORDS, focus="fans", background="everyone")
    lines = written(picture)
    assert lines[1] == "5 words by how often they are said, and by z: how surely they mark a side"
    assert lines[-10:] == [
        *("fans", "love", "+9.0", "great", "+4.0"),
        *("everyone", "refund", "−16.0", "late", "−4.0"),
    ]
    assert sorted(lines[-14:-10]) == ["great", "late", "love", "refund"]
    dots = boxes(picture)
    love = dots["love: 900 in fans, 100 in everyone; log odds +1.50, z +9.0"]
    great = dots["great: 90 in fans, 10 in everyone; log odds +0.90, z +4.0"]
    late = dots["late: 20 in fans, 80 in everyone; log odds −0.80, z −4.0"]
    refund = dots["refund: 5 in fans, 95 in everyone; log odds −2.00, z −16.0"]
    assert great[0] == pytest.approx(late[0]) == pytest.approx(refund[0])
    assert love[0] > great[0]
    middle = (great[1] + late[1]) / 2
    assert [middle - love[1], refund[1] - middle] == pytest.approx(
        [(middle - great[1]) * 3 / 2, (late[1] - middle) * 2]
    )
    assert "great" not in written(keyness_plot(WORDS, limit=1))
    few = written(keyness_plot(WORDS, named=0))
    assert few.count("love") == 1  # in the list alone


def test_alerts_are_marked_in_their_lane_and_told_below() -> None:
    picture = alert_timeline(HOURS, ALERTS)
    lines = written(picture)
    assert lines[1] == "1 alert, 2 Mar 2026 to 3 Mar 2026 23:00 (UTC)"
    assert lines.index("delivery") < lines.index("price")  # though there are more posts on the price
    assert lines[-4:] == [
        "1",
        "delivery · volume",
        "3 Mar 06:00 to 07:00 · 60 posts, 10 expected",
        "late parcels",
    ]
    marks = [mark for mark in picture.artists if mark.get_label() == "1. delivery · volume: " + lines[-2]]
    span = marks[0].get_window_extent()
    line = boxes(picture)["delivery: 530 posts"]
    assert span.x0 + span.width / 2 == pytest.approx(line[0] + line[2] * 30 / 47, abs=0.1)
    tips = [tip for tip in boxes(picture) if "negative" in tip]
    assert "3 Mar 2026 06:00: 60.0% of 60 posts negative" in tips
    lone = written(alert_timeline(HOURS.drop(columns="topic")[:48], ALERTS))
    assert "all posts" in lone
    assert "delivery · volume" in lone


def test_an_alert_is_drawn_only_where_its_hours_are() -> None:
    later = ALERTS.assign(topic="elsewhere")
    assert written(alert_timeline(HOURS, later))[1].startswith("0 alerts")
    early = ALERTS.assign(started_at=START - timedelta(days=9), ended_at=START - timedelta(days=8))
    assert written(alert_timeline(HOURS, early))[1].startswith("0 alerts")
    open_ended = ALERTS.assign(ended_at=pd.NaT, expected_count=None, explanation=None)
    assert written(alert_timeline(HOURS, open_ended))[-1] == "3 Mar 06:00 to 06:00 · 60 posts"
    assert "price" not in written(alert_timeline(HOURS, ALERTS, lanes=1))


def test_frames_of_spark_give_the_same_pictures(spark: SparkSession) -> None:
    def as_spark(rows: pd.DataFrame, schema: str):
        filled = rows.astype(object).where(rows.notna(), None).itertuples(index=False)
        plain = [
            tuple(
                cell.to_pydatetime().replace(tzinfo=UTC) if isinstance(cell, datetime) else cell
                for cell in row
            )
            for row in filled
        ]
        return spark.createDataFrame(plain, schema)

    numbers = "share double, coherence double, mean_compound double"
    topics = as_spark(TOPICS, f"topic_id int, label string, words array<string>, {numbers}")
    assert svg(theme_map(topics, limit=3)) == svg(theme_map(TOPICS, limit=3))
    trends = as_spark(TRENDS, "ngram string, period_start date, share double, count long")
    assert svg(ngram_trends(trends, limit=2)) == svg(ngram_trends(TRENDS, limit=2))
    shares = "negative_share double, low double, high double, mean_compound double"
    days = as_spark(DAYS, f"period_start date, post_count long, {shares}")
    assert svg(sentiment_over_time(days, limit=4)) == svg(sentiment_over_time(DAYS, limit=4))
    counts = "focus_count long, background_count long"
    words = as_spark(WORDS, f"token string, log_odds double, z double, {counts}")
    assert svg(keyness_plot(words, limit=2)) == svg(keyness_plot(WORDS, limit=2))
    counts = "post_count long, expected_count double"
    hours = as_spark(HOURS, f"topic string, hour timestamp, {counts}, upper double, negative_share double")
    times = "started_at timestamp, ended_at timestamp"
    alerts = as_spark(ALERTS, f"topic string, {times}, kind string, {counts}, explanation string")
    assert svg(alert_timeline(hours, alerts, lanes=2)) == svg(alert_timeline(HOURS, ALERTS, lanes=2))


@pytest.mark.parametrize(("draw", "rows", "column"), PICTURES)
def test_no_rows_and_missing_columns_are_told(draw, rows, column) -> None:
    assert written(draw(rows[:0]))[-1] == "Nothing to draw yet"
    with pytest.raises(SchemaMismatch, match=f"needs the column {column}"):
        draw(rows.drop(columns=column))
    assert "<svg" in svg(draw(rows[:1]))


@pytest.mark.parametrize("label", ["W" * 300, "many words " * 60, "日本語" * 99, "z\u0301\u0302\u0303" * 99])
@pytest.mark.filterwarnings("ignore:Glyph")
def test_no_line_covers_another_or_leaves_the_picture(label) -> None:
    names = [label + str(place) for place in range(12)] + [str(place) + label for place in range(12)]
    topics = pd.DataFrame(
        {
            "topic_id": range(24),
            "label": names,
            "words": [names] * 24,
            "share": [2.0**-place for place in range(1, 25)],
            "coherence": 0.5,
            "mean_compound": -1.0,
        }
    )
    trends = pd.DataFrame(
        [(name, START + timedelta(days=day), 0.01, 5) for name in names[:8] for day in range(9)],
        columns=TRENDS.columns,
    )
    terms = pd.DataFrame(
        {
            "token": names,
            "log_odds": 0.1,
            "z": [(-1) ** place * (3 + place / 9) for place in range(24)],
            "focus_count": [10 ** (place % 5) for place in range(24)],
            "background_count": 10**9,
        }
    )
    hours = HOURS.replace({"topic": {"delivery": names[0], "price": names[1]}}).assign(upper=1e9)
    told = pd.concat([ALERTS.assign(topic=names[0], kind=label, explanation=label, post_count=10**9)] * 5)
    for picture in (
        theme_map(topics),
        ngram_trends(trends),
        keyness_plot(terms, focus=label, background=label),
        alert_timeline(hours, told),
        sentiment_over_time(DAYS.assign(post_count=10**12)),
    ):
        lines = [text.get_window_extent() for text in picture.texts]
        assert all(line.x0 >= 0 and line.x1 <= picture.bbox.width for line in lines)
        assert all(line.y0 >= 0 and line.y1 <= picture.bbox.height for line in lines)
        shrunk = [line.padded(-2.5) for line in lines]
        assert not [pair for pair in combinations(shrunk, 2) if pair[0].overlaps(pair[1])]
