"""Answers worked by hand, through Spark."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from retinue.clickstream.npath import npath
from retinue.errors import PatternError

DAY = "2012-03-06T"
VISIT = [
    ("20:42:07", "Bedding & Bath"),
    ("20:43:03", "Bedding & Bath"),
    ("20:46:55", "Sports & Toys"),
    ("20:47:32", "Bedding & Bath"),
    ("20:47:53", "Bedding & Bath"),
    ("20:48:42", "Bedding & Bath"),
    ("20:52:04", "Home & Garden"),
    ("20:57:32", "Home & Garden"),
]
CLICKS = "visitor string, at timestamp, page string, seconds int, paid decimal(6,2)"
SYMBOLS: dict[str, str | Column] = {"Home": "page = 'home'", "Item": "page = 'item'", "Buy": "page = 'buy'"}


def at(time: str) -> datetime:
    return datetime.fromisoformat(DAY + time)


@pytest.fixture(scope="module")
def clicks(spark: SparkSession) -> Iterator[DataFrame]:
    """Ann: home, item, item, buy. Bob: item, buy, buy, and a page at no time. Nobody: home."""
    rows = [
        ("ann", at("10:00:00"), "home", 5, None),
        ("ann", at("10:00:10"), "item", None, None),
        ("ann", at("10:00:20"), "item", 30, Decimal("1.50")),
        ("ann", at("10:00:40"), "buy", 4, Decimal("20.25")),
        ("bob", at("10:00:00"), "item", 0, None),
        ("bob", at("10:01:00"), "buy", 2, Decimal("3.00")),
        ("bob", at("10:01:30"), "buy", 2, Decimal("4.00")),
        ("bob", None, "other", None, None),
        (None, at("09:00:00"), "home", 7, None),
    ]
    clicks = spark.createDataFrame(list(reversed(rows)), CLICKS).cache()
    yield clicks
    clicks.unpersist()


def told(clicks: DataFrame, **asked: Any) -> list[tuple[Any, ...]]:
    """The answer, in order."""
    question = {"partition_by": ["visitor"], "order_by": ["at NULLS LAST"], "symbols": SYMBOLS, **asked}
    return sorted(map(tuple, npath(clicks, **question).collect()), key=repr)


def test_paths_from_one_category_to_the_next(spark: SparkSession) -> None:
    rows = [(138, at(time), category) for time, category in reversed(VISIT)]
    pages = spark.createDataFrame(rows, "visitor_id int, at timestamp, category string")
    paths = npath(
        pages,
        partition_by=["visitor_id"],
        order_by=["at"],
        symbols={
            "A": "category <> lag(category, 1, '')",
            "S": "category = lag(category)",
            "B": "category <> lag(category, 1)",
        },
        pattern="A.S*.B",
        mode="overlapping",
        measures={"since": "first(at of A)", "path": "accumulate(category of any(A, B))"},
    )
    assert paths.columns == ["visitor_id", "since", "path"]
    assert sorted(map(tuple, paths.collect())) == [
        (138, at("20:42:07"), "[Bedding & Bath, Sports & Toys]"),
        (138, at("20:46:55"), "[Sports & Toys, Bedding & Bath]"),
        (138, at("20:47:32"), "[Bedding & Bath, Home & Garden]"),
    ]


def test_measures_of_a_match(clicks: DataFrame) -> None:
    measures = {
        "path": "ACCUMULATE(page OF ANY(*))",
        "pages": "accumulate(distinct upper(page) delimiter ' > ')",
        "took": "last(at) - first(at of any(home, ITEM))",
        "rate": "sum(60 / seconds of any(Buy)) + 1",
        "paid": "sum(paid)",
        "mean": "avg(paid of any(Item, Buy))",
        "word": "case when count(* of Item) > 1 then 'many' else 'one' end || ': ' || 'sum(x of A)'",
        "dear": "max_choose(paid, page) || min_choose(seconds, page of any(Buy, Item))",
        "before": "lag(first(page of Buy), 1, 'none') || lead(last(page of Home), 1)",
        "symbols": "accumulate(classifier() of any(Home, Buy))",
        "own": "page",
    }
    assert told(clicks, pattern="Home?.Item+.Buy+", measures=measures) == [
        (
            "ann",
            "[home, item, item, buy]",
            "[HOME > ITEM > BUY]",
            timedelta(seconds=40),
            16.0,
            Decimal("21.75"),
            Decimal("10.875000"),
            "many: sum(x of A)",
            "buybuy",
            "itemitem",
            "[Home, Buy]",
            "buy",
        ),
        (
            "bob",
            "[item, buy, buy]",
            "[ITEM > BUY]",
            timedelta(seconds=90),
            61.0,
            Decimal("7.00"),
            Decimal("3.500000"),
            "one: sum(x of A)",
            "buyitem",
            None,
            "[Buy, Buy]",
            "buy",
        ),
    ]


def test_a_row_for_each_row_and_those_of_no_match(clicks: DataFrame) -> None:
    measures = {
        "page": "page",
        "number": "match_number()",
        "symbol": "classifier()",
        "paid": "coalesce(sum(paid), 0)",
        "last": "final last(seconds)",
        "next": "lead(page, 1, 'end')",
    }
    assert told(clicks, pattern="Item.Buy", measures=measures, output="row", unmatched_rows=True) == [
        ("ann", "buy", 1, "Buy", Decimal("21.75"), 4, "end"),
        ("ann", "home", None, None, None, None, None),
        ("ann", "item", 1, "Item", Decimal("1.50"), 4, "buy"),
        ("ann", "item", None, None, None, None, None),
        ("bob", "buy", 1, "Buy", Decimal("3.00"), 2, "buy"),
        ("bob", "buy", None, None, None, None, None),
        ("bob", "item", 1, "Item", Decimal("0.00"), 2, "buy"),
        ("bob", "other", None, None, None, None, None),
        (None, "home", None, None, None, None, None),
    ]


def test_empty_matches_are_numbered_whether_shown_or_not(clicks: DataFrame) -> None:
    measures = {
        "number": "match_number()",
        "pages": "accumulate(page)",
        "count": "count(*)",
        "sum": "sum(seconds)",
        "symbol": "classifier()",
        "own": "page",
    }
    shown = told(clicks, pattern="Buy*", measures=measures, empty_matches=True)
    assert shown == [
        ("ann", 1, "[]", 0, None, None, "home"),
        ("ann", 2, "[]", 0, None, None, "item"),
        ("ann", 3, "[]", 0, None, None, "item"),
        ("ann", 4, "[buy]", 1, 4, "Buy", "buy"),
        ("bob", 1, "[]", 0, None, None, "item"),
        ("bob", 2, "[buy, buy]", 2, 4, "Buy", "buy"),
        ("bob", 3, "[]", 0, None, None, "other"),
        (None, 1, "[]", 0, None, None, "home"),
    ]
    assert told(clicks, pattern="Buy*", measures=measures) == [row for row in shown if row[3]]
    assert told(clicks, pattern="Buy*", measures=measures, output="row", empty_matches=True) == [
        *shown[:5],
        ("bob", 2, "[buy, buy]", 2, 4, "Buy", "buy"),
        ("bob", 2, "[buy]", 1, 2, "Buy", "buy"),
        *shown[6:],
    ]


def test_a_match_that_fails_is_not_numbered_and_the_search_goes_on(clicks: DataFrame) -> None:
    measures = {"number": "match_number()", "page": "first(page)", "seconds": "first(seconds)"}
    assert told(
        clicks, pattern="Item|Buy", where="FIRST(seconds OF ANY(Item, Buy)) > 2", measures=measures
    ) == [
        ("ann", 1, "item", 30),
        ("ann", 2, "buy", 4),
    ]


def test_within_is_inclusive_and_comes_before_longest(clicks: DataFrame) -> None:
    def paths(
        within: object, order_by: str | Column = "at NULLS LAST", pattern: str = "Home?.Item+.Buy+"
    ) -> list[Any]:
        asked = {"pattern": pattern, "measures": {"path": "accumulate(page)"}, "order_by": [order_by]}
        return [row[1] for row in told(clicks, within=within, **asked)]

    assert paths(timedelta(seconds=40)) == ["[home, item, item, buy]"]
    assert paths(39.999) == ["[item, item, buy]"]
    assert paths(60) == ["[home, item, item, buy]", "[item, buy]"]
    assert paths(timedelta(seconds=30), F.col("at").desc_nulls_last(), "Buy.Item*") == [
        "[buy, item, item]",
        "[buy]",
        "[buy]",
    ]
    assert paths(0, "to_date(at)", "Home?.Item.Item?") == ["[home, item, item]", "[item]"]
    assert paths(Decimal("1.5"), "paid desc nulls last", "(Buy|Item)+") == ["[buy]", "[item]", "[buy, buy]"]


def test_order_and_partitions(clicks: DataFrame) -> None:
    pages = {"pages": "accumulate(page)"}
    everything = {**SYMBOLS, "Other": "page = 'other'", "Home": F.col("page") == "home"}
    backwards = [F.col("visitor").desc_nulls_first(), "at DESC NULLS FIRST"]
    whole = {"pattern": "^(Home|Item|Buy|Other)*$", "partition_by": [], "order_by": backwards}
    one = told(clicks, symbols=everything, measures=pages, **whole)
    assert one == [("[home, other, buy, buy, item, buy, item, item, home]",)]
    first = {"at": "first(at)", "VISITOR": "count(*)"}
    assert told(clicks, pattern="^Home", measures=first) == [(at("10:00:00"), 1), (at("09:00:00"), 1)]
    around: dict[str, str | Column] = {
        "New": F.lag("page").over(Window.partitionBy("visitor").orderBy("at")).isNull(),
        "More": "page = lag(page) and lag(lag(page), 1, 'none') <> 'home' or lead(page) is null",
    }
    assert told(clicks, symbols=around, pattern="More", mode="overlapping", measures={"at": "first(at)"}) == [
        ("ann", at("10:00:40")),
        ("bob", None),
        ("bob", at("10:01:30")),
        (None, at("09:00:00")),
    ]


def test_rows_equal_in_the_order_answer_alike_however_they_come(spark: SparkSession) -> None:
    rows = [(1, date(2024, 1, 1), letter, {"n": 1}) for letter in "cabfed"]
    answers = {
        tuple(
            npath(
                spark.createDataFrame(
                    rows[turn:] + rows[:turn], "v int, on date, letter string, bag map<string, int>"
                ),
                partition_by="v",
                order_by="on",
                symbols={"X": "letter < 'e'"},
                pattern="X+",
                measures={"path": "accumulate(letter)", "bag": "last(bag)['n']"},
            ).collect()
        )
        for turn in (0, 3)
    }
    assert answers == {((1, "[a, b, c, d]", 1),)}


def test_no_rows_no_answer(clicks: DataFrame) -> None:
    nobody = clicks.filter("visitor = 'nobody'")
    asked = {"pattern": "Home*", "measures": {"n": "count(*)"}, "empty_matches": True, "unmatched_rows": True}
    for by in ([], ["visitor"]):
        for output in ("row", "match"):
            assert told(nobody, partition_by=by, output=output, **asked) == []


def test_a_skip_that_leads_nowhere_names_the_partition(clicks: DataFrame) -> None:
    pages = {"pages": "accumulate(page)"}
    asked = {
        "pattern": "(Home|Item)+.Buy",
        "measures": pages,
        "mode": "TO_LAST buy",
        "order_by": ["at nulls last"],
    }
    assert told(clicks, **asked) == [("ann", "[home, item, item, buy]"), ("bob", "[item, buy]")]
    bob = clicks.filter("visitor = 'bob'")
    for mode, trouble in [("to_last Home", "took no row"), ("to_first Item", "is the row where the match")]:
        with pytest.raises(PatternError, match=f"^mode {mode}: in the partition visitor = bob, .*{trouble}"):
            told(bob, **{**asked, "mode": mode})


def test_hard_patterns_over_long_partitions(spark: SparkSession) -> None:
    rows = spark.range(200_000).selectExpr("id", "if(id % 2 = 0, 'a', 'b') as letter")
    symbols = {"A": "letter = 'a'", "B": "letter = 'b'", "X": "letter <> 'b' or id < 0", "C": "id = 199999"}

    def found(pattern: str, rows: DataFrame = rows, **asked: Any) -> list[Any]:
        asked = {"measures": {"count": "count(* of any(A, C))", "last": "last(id)"}, **asked}
        return npath(
            rows, partition_by=[], order_by=["id"], symbols=symbols, pattern=pattern, **asked
        ).collect()

    assert found("(A|B)*.C") == [(100_001, 199_999)]
    assert found("(A+)+.B", rows.filter("id % 2 = 0").limit(5_000)) == []
    assert found("A.X*.B", rows.filter("id % 2 = 0").limit(20_000), mode="overlapping") == []
    by_row = npath(
        rows,
        partition_by=[],
        order_by=["id"],
        symbols=symbols,
        pattern="(A|B)*.C",
        output="row",
        measures={"count": "count(* of any(A, C))", "all": "final count(*)", "first": "first(id of B)"},
    )
    assert by_row.agg(F.count("*"), F.max("count"), F.min("all"), F.sum("first")).collect() == [
        (200_000, 100_001, 200_000, 199_999)
    ]


@pytest.mark.parametrize(
    ("asked", "fault", "line", "place"),
    [
        ({"pattern": "Home.Bye"}, "unknown symbol Bye; .*did you mean 'buy'", "Home.Bye", 5),
        ({"pattern": "Home Buy"}, "a dot or | is missing", "Home Buy", 5),
        ({"pattern": "Home.\n.Buy"}, "a symbol, .* is missing", ".Buy", 0),
        (
            {"measures": {"m": "1 + first(pge of Buy)"}},
            "measure m: unknown column pge",
            "1 + first(pge of Buy)",
            10,
        ),
        (
            {"measures": {"m": "sum(seconds of any(Buy, By))"}},
            "unknown symbol By",
            "sum(seconds of any(Buy, By))",
            24,
        ),
        ({"measures": {"m": "upper(pge)"}}, "unknown column pge", "upper(pge)", 6),
        (
            {"measures": {"m": "count(*) + stddev(seconds)"}},
            "an aggregate of Spark's",
            "count(*) + stddev(seconds)",
            0,
        ),
        ({"measures": {"m": "count(*) +"}}, "end of input", "count(*) +", 10),
        ({"measures": {"m": "sum(first(page))"}}, "inside another aggregate", "sum(first(page))", 4),
        ({"measures": {"m": "lag(sum(seconds), 1)"}}, "lag moves from a row", "lag(sum(seconds), 1)", 4),
        ({"where": "last(sconds) > 1"}, "where: unknown column sconds", "last(sconds) > 1", 5),
        (
            {"symbols": {"Home": "true", "Buy": "lag(pge, 1) = 'x'"}},
            "symbol Buy: .*pge",
            "lag(pge, 1) = 'x'",
            4,
        ),
        ({"symbols": {"Home": "page", "Buy": "true"}}, "symbol Home: .*BOOLEAN", "page", 0),
        ({"order_by": ["when DESC"]}, "order_by: unknown column when", "when DESC", 0),
        ({"partition_by": ["vistor"]}, "partition_by: unknown column vistor; there is visitor", "vistor", 0),
        ({"mode": "to_last Bye"}, "mode: unknown symbol", "to_last Bye", 8),
        ({"output": "rows"}, "output: it is match or row; did you mean 'row'", "rows", 0),
    ],
)
def test_a_fault_is_shown_at_its_place(
    clicks: DataFrame, asked: Any, fault: str, line: str, place: int
) -> None:
    question = {
        "partition_by": ["visitor"],
        "order_by": ["at"],
        "symbols": SYMBOLS,
        "pattern": "Home.Buy",
        "measures": {"count": "count(*)"},
    }
    with pytest.raises(PatternError, match=fault) as raised:
        npath(clicks, **{**question, **asked})
    assert str(raised.value).split("\n")[1:] == ["  " + line, "  " + " " * place + "^"]
