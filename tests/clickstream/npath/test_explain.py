"""What the debugger says of one visitor and of all, worked by hand and against trying everything."""

from __future__ import annotations

import random
import re
from collections import Counter
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import browser
import pytest
from oracles import attempts as oracle
from oracles import npath as patterns
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from retinue.clickstream.npath import npath
from retinue.clickstream.npath.explain import explain_match, explain_population, page
from retinue.clickstream.npath.journey import Attempt, Journey, Row
from retinue.clickstream.npath.population import Census, conditions
from retinue.clickstream.npath.question import Question, ask
from retinue.errors import PatternError, SchemaMismatch

MORNING = datetime(2024, 7, 1, 10)
ROWS = [
    *[("ann", second, page) for second, page in [(0, "home"), (60, "search"), (120, "item"), (4000, "buy")]],
    *[("bob", second, page) for second, page in [(0, "search"), (5, "item"), (9, "help"), (20, "search")]],
    *[("cat", second, page) for second, page in [(1, "search"), (2, "buy"), (3, "search"), (4, "item")]],
    ("dan", 7, "home"),
]
ASKED: dict[str, Any] = {
    "partition_by": ["visitor"],
    "order_by": ["at"],
    "symbols": {"Search": "page = 'search'", "Item": "page = 'item'", "Buy": "page = 'buy'"},
    "pattern": "Search.Item*.Buy",
    "within": timedelta(minutes=30),
}


@pytest.fixture(scope="module")
def clicks(spark: SparkSession) -> DataFrame:
    rows = [(visitor, MORNING + timedelta(seconds=second), page) for visitor, second, page in ROWS]
    return spark.createDataFrame(rows, "visitor string, at timestamp, page string")


@pytest.fixture(scope="module")
def journeys(clicks: DataFrame) -> dict[str, Journey]:
    return {name: explain_match(clicks, partition=name, **ASKED) for name in ("ann", "bob", "cat", "dan")}


def told(journey: Journey) -> list[tuple[Any, ...]]:
    return [(it.first, it.outcome, it.symbols, it.expected, it.broken_at) for it in journey.attempts]


def test_each_row_says_what_came_of_an_attempt_from_it(journeys: dict[str, Journey]) -> None:
    nothing = ("Search",)
    assert told(journeys["ann"]) == [
        (1, "not_begun", (), nothing, 1),
        (2, "timed_out", ("Search", "Item"), ("Item", "Buy"), 4),
        (3, "not_begun", (), nothing, 3),
        (4, "not_begun", (), nothing, 4),
    ]
    assert told(journeys["bob"]) == [
        (1, "broken", ("Search", "Item"), ("Item", "Buy"), 3),
        (2, "not_begun", (), nothing, 2),
        (3, "not_begun", (), nothing, 3),
        (4, "ended", ("Search",), ("Item", "Buy"), None),
    ]
    assert told(journeys["cat"]) == [
        (1, "matched", ("Search", "Buy"), (), None),
        (2, "skipped", (), (), None),
        (3, "ended", ("Search", "Item"), ("Item", "Buy"), None),
        (4, "not_begun", (), nothing, 4),
    ]


def test_anchors_are_expected_too(clicks: DataFrame) -> None:
    asked = {**ASKED, "pattern": "Search.Buy.$", "mode": "overlapping"}
    journey = explain_match(clicks, partition="cat", **asked)
    assert told(journey)[:2] == [
        (1, "broken", ("Search", "Buy"), ("$",), 3),
        (2, "not_begun", (), ("Search",), 2),
    ]
    journey = explain_match(clicks, partition="cat", **{**ASKED, "pattern": "^.Item|^.Search.Item"})
    assert journey.attempts[0].why == (
        "took row 1 (Search) and broke at row 2: expected Item; the row has Buy"
    )
    assert journey.attempts[1].why == "row 2 begins nothing: the pattern begins at the first row alone (^)"


def test_it_is_told_in_words(journeys: dict[str, Journey]) -> None:
    assert journeys["ann"].verdict == (
        "No match. The attempt that came nearest took rows 2 to 3 (Search, Item) and ran out of time:"
        " expected Item or Buy, but row 4 is 1 h 5 min 40 s after row 2, beyond 30 min"
    )
    assert journeys["bob"].attempts[0].why == (
        "took rows 1 to 2 (Search, Item) and broke at row 3: expected Item or Buy;"
        " the row has none of the symbols"
    )
    assert journeys["cat"].verdict == "1 match: rows 1 to 2"
    assert journeys["dan"].verdict == "No match: no row begins the pattern"
    lines = str(journeys["bob"]).splitlines()
    assert lines[1] == "pattern: Search.Item*.Buy"
    assert lines[-1] == "  took row 4 (Search) and came to the end: expected Item or Buy"


def test_rows_without_a_time_begin_nothing_that_has_a_limit(clicks: DataFrame) -> None:
    timeless = clicks.withColumn("at", F.when(F.col("page") != "search", F.col("at")))
    journey = explain_match(timeless, partition="bob", **ASKED)
    assert journey.attempts[0].why == "row 1 begins nothing: it is at no time, and within asks for one"
    assert journey.verdict == "No match: no row begins the pattern"
    timeless = clicks.withColumn("at", F.when(F.col("page") != "item", F.col("at")))
    journey = explain_match(timeless, partition="bob", **{**ASKED, "order_by": ["at NULLS LAST"]})
    assert journey.attempts[2].why == (
        "took row 3 (Search) and ran out of time: expected Item or Buy, but row 4 is at no time"
    )


def test_its_tables(clicks: DataFrame, journeys: dict[str, Journey]) -> None:
    journey = explain_match(clicks, partition={"VISITOR": "bob"}, columns=["page"], **ASKED)
    rows, attempts = journey.row_table(), journey.attempt_table()
    assert list(rows.columns) == ["number", "page", "symbols"]
    assert rows["symbols"].tolist() == [["Search"], ["Item"], [], ["Search"]]
    assert attempts["missing"].tolist() == [1, 2, 2, 1]
    assert attempts["last"].tolist()[:1] == [2]
    assert list(journeys["bob"].rows[0].values) == ["at", "page"]


def test_the_words_of_a_pattern_are_told_apart(clicks: DataFrame) -> None:
    pattern = "Search.Item.Search|Search.Item.Buy"
    attempt = explain_match(clicks, partition="ann", **{**ASKED, "pattern": pattern}).failures[0]
    assert [pattern[start:end] for start, end in attempt.taken_words] == ["Search", "Item"]
    assert attempt.taken_words == ((0, 6), (7, 11))
    assert attempt.expected_words == ((12, 18), (31, 34))


def test_a_partition_that_cannot_be_shown_is_refused(clicks: DataFrame) -> None:
    for wrong, partition, trouble in [
        ({}, "eve", "no row with visitor = eve"),
        ({"max_rows": 3}, "ann", "more than 3 rows"),
        ({}, {"who": "ann"}, "needs a value for visitor; given is who"),
        ({"partition_by": ["visitor", "page"]}, "ann", "needs a value for visitor, page"),
        ({"pattern": "Search..Buy"}, "ann", r"missing\n  Search..Buy\n         \^"),
    ]:
        with pytest.raises(PatternError, match=trouble):
            explain_match(clicks, partition=partition, **{**ASKED, **wrong})
    with pytest.raises(SchemaMismatch, match="colour"):
        explain_match(clicks, partition="ann", columns=["colour"], **ASKED)


def test_what_stops_all_of_them(clicks: DataFrame) -> None:
    rows = {row["symbol"]: row.asDict() for row in explain_population(clicks, **ASKED).collect()}
    assert [*rows] == ["Search", "Item", "Buy", "within"]
    whole = {"attempts": 5, "failures": 4, "matches": 1, "partitions": 4, "partitions_matched": 1}
    assert all(row[name] == number for row in rows.values() for name, number in whole.items())

    def counts(symbol: str) -> list[int]:
        names = ["stopped", "broken", "ended", "timed_out", "partitions_stopped", "partitions_without"]
        return [rows[symbol][name] for name in [*names, "would_match", "partitions_would_match"]]

    assert counts("Search") == [0, 0, 0, 0, 0, 1, 0, 0]
    assert counts("Item") == [4, 1, 2, 1, 3, 1, 0, 0]
    assert counts("Buy") == [4, 1, 2, 1, 3, 2, 3, 2]  # the last row of bob has nobody after it
    assert counts("within") == [1, 0, 0, 1, 1, 0, 1, 1]


def test_conditions_are_told_where_there_are_no_rows(clicks: DataFrame) -> None:
    pattern = "^.Search.Item*.Buy.$"
    told = explain_population(clicks.filter("false"), **{**ASKED, "pattern": pattern}).collect()
    assert [(row["symbol"], row["kind"], row["partitions"]) for row in told] == [
        ("Search", "symbol", 0),
        ("Item", "symbol", 0),
        ("Buy", "symbol", 0),
        ("^", "anchor", 0),
        ("$", "anchor", 0),
        ("within", "limit", 0),
    ]


def test_an_anchor_relaxed(clicks: DataFrame) -> None:
    asked = {**ASKED, "pattern": "^.Search.Buy.$", "within": None}
    rows = {row["symbol"]: row for row in explain_population(clicks, **asked).collect()}
    assert (rows["$"]["stopped"], rows["$"]["would_match"], rows["$"]["partitions_would_match"]) == (1, 1, 1)
    assert (rows["^"]["stopped"], rows["^"]["partitions_would_match"]) == (0, 0)


def test_populations_against_every_way_to_match() -> None:
    rng = random.Random(11)
    for _ in range(300):
        case = random_case(rng, visitors=6)
        question = asked_of(case)
        needed = conditions(patterns.text(case["pattern"]), question, is_limited=case["within"] is not None)
        count, told = Census(question.matcher, needed), [Counter[str]() for _ in needed]
        for rows in filter(None, case["visitors"]):
            masks = [sum(1 << "ABC".index(name) for name in holds) for holds in rows]
            counts = count.counts(masks, limits(rows, case["within"]))
            for sums, condition in zip(told, counts["conditions"], strict=True):
                sums.update(condition)
                sums.update({key: number for key, number in counts.items() if key != "conditions"})
        expected = census(**case)
        assert {condition.name for condition in needed} == {*expected}
        for sums, condition in zip(told, needed, strict=True):
            sums["stopped"] = sums["broken"] + sums["ended"] + sums["timed_out"]
            assert {name: sums[name] for name in expected[condition.name]} == expected[condition.name], case


@pytest.mark.parametrize("seed", [3, 4])
def test_populations_through_spark(spark: SparkSession, seed: int) -> None:
    case = random_case(random.Random(seed), visitors=100)
    rows = [
        (visitor, place, "".join(sorted(holds)))
        for visitor, places in enumerate(case["visitors"])
        for place, holds in enumerate(places)
    ]
    told = explain_population(
        spark.createDataFrame(rows, "visitor int, place int, holds string"),
        partition_by=["visitor"],
        order_by=["place"],
        symbols={name: f"contains(holds, '{name}')" for name in "ABC"},
        pattern=patterns.text(case["pattern"]),
        **{key: case[key] for key in ("prefer", "mode", "within")},
    ).collect()
    expected = census(**case)
    assert {row["symbol"]: {name: row[name] for name in expected[row["symbol"]]} for row in told} == expected


def random_case(rng: random.Random, visitors: int) -> dict[str, Any]:
    return {
        "pattern": patterns.random_pattern(rng, depth=3),
        "visitors": [patterns.random_rows(rng) for _ in range(visitors)],
        "prefer": rng.choice(["longest", "first"]),
        "mode": rng.choice(["overlapping", "nonoverlapping"]),
        "within": rng.choice([None, 2, 3]),
    }


def asked_of(case: dict[str, Any]) -> Question:
    return ask(
        ["holds"],
        given=dict.fromkeys("ABC", "true"),
        pattern=patterns.text(case["pattern"]),
        measures={},
        where=None,
        mode=case["mode"],
        output="match",
        prefer=case["prefer"],
        empty_matches=False,
        unmatched_rows=False,
    )


def limits(rows: Any, within: int | None) -> list[int] | None:
    """Where the rows are a unit of time apart."""
    return within if within is None else [min(place + within + 1, len(rows)) for place in range(len(rows))]


def census(pattern: Any, visitors: Any, prefer: str, mode: str, within: int | None) -> dict[str, Any]:
    """The counts of every condition, by trying everything."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in signs(pattern)}
    if within is not None:
        counts["within"] = Counter()
    for rows in filter(None, visitors):
        near = limits(rows, within)
        found, failed = oracle.searched(pattern, rows, mode=mode, prefer=prefer, limits=near)
        matched = any(end > start for start, end, _ in found)
        begun = []
        for start in failed:
            limit = near and near[start]
            end, wanted, way = oracle.attempt(pattern, rows, start, limit)
            if way:
                begun.append(start)
                wanted |= {"$"} if oracle.wants_end(pattern, rows, start, end) else set()
                outcome = "ended" if end == len(rows) else "timed_out" if end == limit else "broken"
                wanted |= {"within"} if outcome == "timed_out" else set()
                for name in wanted & counts.keys():
                    counts[name].update([outcome, "stopped"])
        for name, count in counts.items():
            loose = without(pattern, name)
            relaxed = [holds | {name} for holds in rows]
            ends = None if name == "within" else near
            count["partitions_would_match"] += not matched and oracle.has_match(loose, relaxed, prefer, ends)
            ways = [oracle.match_at(loose, relaxed, start, prefer, ends) for start in begun]
            count["would_match"] += sum(bool(way and way[1]) for way in ways)
            count["failures"] += len(begun)
            count["matches"] += sum(end > start for start, end, _ in found)
            count["partitions_matched"] += matched
            count["partitions_without"] += name in "ABC" and not any(name in holds for holds in rows)
    names = ("stopped", "broken", "ended", "timed_out", "would_match", "partitions_would_match")
    whole = ("failures", "matches", "partitions_matched", "partitions_without")
    return {name: {key: count[key] for key in (*names, *whole)} for name, count in counts.items()}


def signs(pattern: Any) -> set[str]:
    kind = pattern[0]
    if kind in ("sym", "^", "$"):
        return {pattern[-1]}
    parts = pattern[1] if kind in ("seq", "alt") else [pattern[1]] if pattern[3] != 0 else []
    return set().union(*map(signs, parts))


def without(pattern: Any, anchor: str) -> Any:
    kind = pattern[0]
    if kind == anchor:
        return ("seq", ())
    if kind in ("seq", "alt"):
        return (kind, tuple(without(part, anchor) for part in pattern[1]))
    return (kind, without(pattern[1], anchor), *pattern[2:]) if kind == "rep" else pattern


def test_a_journey_has_the_matches_that_npath_has(clicks: DataFrame) -> None:
    symbols = {**ASKED["symbols"], "Item": F.col("page") == "item"}
    asked = {**ASKED, "symbols": symbols, "pattern": "(Search|Item)*?.(Item|Buy)", "prefer": "first"}
    measures = {"path": "accumulate(classifier())"}
    paths = [row["path"] for row in npath(clicks, measures=measures, **asked).orderBy("visitor").collect()]
    seen = [
        f"[{', '.join(match.symbols)}]"
        for name in ("ann", "bob", "cat", "dan")
        for match in explain_match(clicks, partition=name, **asked).matches
    ]
    assert seen == paths


def test_the_page_holds_whatever_the_words_are(clicks: DataFrame) -> None:
    spiked = clicks.withColumn("page", F.lit("</td><script>alert(1)</script>")).limit(4)
    spiked = spiked.withColumn("visitor", F.lit('"><img src=x onerror=alert(2)>'))
    asked = {**ASKED, "symbols": {"Search": "page <> '<b>'", "Item": "true", "Buy": "false"}}
    text = explain_match(spiked, partition='"><img src=x onerror=alert(2)>', **asked).html()
    assert "<script" not in text
    assert "<img" not in text
    assert "&lt;script&gt;" in text
    assert text.count("<details") == 4


def test_a_page_of_nobody_says_so(clicks: DataFrame) -> None:
    text = page(population=explain_population(clicks.filter("false"), **ASKED))
    assert "No attempt that began has failed." in text
    assert "0 journeys" in text


def test_a_notebook_shows_the_page_in_a_frame(journeys: dict[str, Journey]) -> None:
    shown = journeys["bob"]._repr_html_()
    assert re.findall("<[a-z]+", shown) == ["<iframe"]
    assert unescape(shown).count("<details") == 2


def test_a_long_journey_is_shown_around_the_nearest_attempt() -> None:
    rows = [Row(number, {"page": number}, ("A",)) for number in range(1, 2_001)]
    attempts = [Attempt(number, "not_begun") for number in range(1, 2_001)]
    attempts[1_499] = Attempt(1_500, "broken", ("A",), ("B",), 1_501, missing=1, why="broke")
    text = Journey({"visitor": 7}, "A.B", {"A": "true", "B": "false"}, rows, attempts).html()
    assert "Rows 1,480 to 1,779 of 2,000 are shown." in text
    assert text.count('<th scope="row" class="number">') == 300


def test_attempts_that_all_fail_late_are_counted_in_linear_time() -> None:
    case = {"pattern": ("seq", (("sym", "A"), ("rep", ("sym", "C"), 0, None, True), ("sym", "B")))}
    question = asked_of({**case, "mode": "overlapping", "prefer": "longest"})
    needed = conditions(patterns.text(case["pattern"]), question, is_limited=True)
    counts = Census(question.matcher, needed).counts(
        [5] * 20_000, [min(n + 9_000, 20_000) for n in range(20_000)]
    )
    assert {name: counts[name] for name in ("attempts", "failures", "matches")} == {
        "attempts": 20_000,
        "failures": 20_000,
        "matches": 0,
    }


@pytest.mark.browser
@pytest.mark.parametrize(("width", "dark"), [(1100, False), (390, True)])
def test_a_browser_shows_the_page_whole(
    clicks: DataFrame, journeys: dict[str, Journey], tmp_path: Path, width: int, dark: bool
) -> None:
    text = page(journeys["bob"], population=explain_population(clicks, **ASKED))
    seen = browser.look(text, tmp_path, width=width, dark=dark)
    assert seen.title == "Why did visitor bob not match?"
    assert seen.console == []
    assert seen.loaded == []
    assert seen.width <= width
