"""Who follows a saved pattern."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from retinue.clickstream import segments
from retinue.clickstream.segments import Segment
from retinue.clickstream.sessions import sessionize
from retinue.errors import InputMissing, PatternError, SchemaMismatch, UnknownSetting

# A visitor's sessions, each as minute: type of event, and who they are by the ready segments.
VISITS: dict[str, list[list[tuple[int, str]]]] = {
    "glance": [[(0, "page_view"), (0, "ping"), (1, "ping")]],
    "reader": [[(0, "page_view"), (1, "page_view")]],
    "carter": [[(0, "page_view"), (1, "add_to_cart"), (2, "checkout")], [(0, "search")]],
    "buyer": [[(0, "search"), (1, "add_to_cart"), (2, "checkout"), (3, "purchase")]],
    "again": [[(0, "purchase")], [(0, "product_view"), (3, "purchase")]],
    "twice": [[(0, "purchase"), (4, "purchase")]],
    "third": [[(0, "purchase")], [(0, "page_view"), (1, "page_view")], [(0, "purchase")]],
    "comparer": [[(0, "product_view"), (4, "search"), (5, "product_view"), (10, "product_view")]],
    "slow": [[(0, "product_view"), (5, "product_view"), (11, "product_view")]],
    "decided": [[(0, "product_view"), (1, "product_view"), (2, "purchase"), (3, "product_view")]],
}
MEMBERS = {
    "bounced": {("glance", 1), ("carter", 2)},
    "cart_abandoners": {("carter", 1)},
    "checkout_abandoners": {("carter", 1)},
    "searched_without_buying": {("carter", 2), ("comparer", 1)},
    "product_comparers": {("comparer", 1)},
    "returning_buyers": {("again", 1), ("again", 2), ("third", 1), ("third", 2), ("third", 3)},
}


@pytest.fixture(scope="module")
def events(spark: SparkSession) -> DataFrame:
    rows = [
        (f"{visitor}-{day}-{number}", visitor, datetime(2024, 7, 1 + day) + timedelta(minutes=minute), kind)
        for visitor, sessions in VISITS.items()
        for day, session in enumerate(sessions)
        for number, (minute, kind) in enumerate(session)
    ]
    rows.append(("nobody", None, datetime(2024, 7, 1), "search"))  # type: ignore[arg-type]
    schema = "event_id string, visitor_id string, occurred_at timestamp, event_type string"
    return sessionize(spark.createDataFrame(rows, schema)).cache()


@pytest.mark.parametrize("name", MEMBERS)
def test_the_ready_segments(events: DataFrame, name: str) -> None:
    segment = segments.load(name)
    assert segment.about
    kept = events.transform(segments.of, segment=segment)
    assert kept.columns == events.columns
    of = {(row["visitor_id"], row["session_index"]): 0 for row in kept.collect()}
    assert {*of} == MEMBERS[name]
    whole = {(visitor, day + 1): len(s) for visitor, days in VISITS.items() for day, s in enumerate(days)}
    assert kept.count() == sum(whole[key] for key in of)


def test_every_ready_segment_is_tried() -> None:
    assert segments.names() == sorted(MEMBERS)


def test_members_stand_there_once(events: DataFrame) -> None:
    viewed = Segment("viewed", {"View": "event_type LIKE '%view'"}, "View", partition="visitor")
    assert sorted(row["visitor_id"] for row in segments.members(events, viewed).collect()) == [
        *["again", "carter", "comparer", "decided", "glance", "reader", "slow", "third"]
    ]
    by_session = Segment("viewed", viewed.symbols, "View")
    assert segments.members(events, by_session).columns == ["visitor_id", "session_id"]


def test_a_segment_over_columns_that_are_not_there(events: DataFrame) -> None:
    with pytest.raises(PatternError, match="unknown column colour"):
        segments.members(events, Segment("red", {"Red": "colour = 'red'"}, "Red"))
    with pytest.raises(SchemaMismatch, match="segment 'red' needs the column session_id"):
        segments.of(events.drop("session_id"), Segment("red", {"Red": "true"}, "Red"))


def test_a_segment_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "fans.toml"
    path.write_text('pattern = "A.B"\nwithin_minutes = 1.5\n[symbols]\na = "true"\nB = "page = \'x\'"\n')
    assert segments.load(path) == Segment("fans", {"a": "true", "B": "page = 'x'"}, "A.B", within_minutes=1.5)
    with pytest.raises(InputMissing, match=r"none\.toml cannot be read"):
        segments.load(tmp_path / "none.toml")
    with pytest.raises(UnknownSetting, match="did you mean 'bounced'"):
        segments.load("bouncd")


def test_all_faults_of_a_file_at_once() -> None:
    wrong = 'about = 7\npartiton = "session"\npartition = "visit"\nwithin_minutes = "30"\npattern = "A..B"\n'
    with pytest.raises(UnknownSetting) as told:
        segments.loads(wrong + '[symbols]\nA = "true"\nB = "false"', name="mine")
    assert str(told.value).splitlines() == [
        "segment 'mine' cannot be used:",
        "  partiton is no key of a segment; did you mean 'partition'?",
        "  about is 7; it is a text",
        "  partition is 'visit': one of session, visitor; did you mean 'visitor'?",
        "  within_minutes is '30': a number of minutes, from 0 on",
        "  pattern: a symbol, ^, $ or ( is missing",
        "    A..B",
        "      ^",
    ]
    for text, trouble in [
        ("", r"pattern is missing[\s\S]*\[symbols\] is missing"),
        ('pattern = "A"\n[symbols]\nA = 1', r"symbols\.A is 1"),
        ('pattern = "A"\n[symbols]\nA = "true"\na = "true"', "twice"),
        ('pattern = "A.C"\n[symbols]\nA = "true"', "unknown symbol C"),
        ("pattern = ", "is no TOML"),
        ('pattern = "A"\npartition = "session"\nwithin_minutes = -1\nsymbols = {A = "true"}', "is -1"),
    ]:
        with pytest.raises(UnknownSetting, match=trouble):
            segments.loads(text, name="mine")
