"""Answers worked by hand, through Spark."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from retinue.clickstream.npath import npath, runaway
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
        "pages": r"accumulate(distinct upper(page) delimiter '\t\'>')",
        "took": "last(at) - first(at of any(home, `ITEM`))",
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
            "[HOME\t'>ITEM\t'>BUY]",
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
            "[ITEM\t'>BUY]",
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


def test_names_of_any_kind(spark: SparkSession) -> None:
    """Names with dots, backticks, blanks and quotes, wherever a column can be named."""
    rows = [("v", 1, "a", 7), ("v", 2, "b", 5), ("v", 3, "b", 9)]
    odd = spark.createDataFrame(rows, "`who.id` string, `the ``time``` int, `it's` string, `1st.x y` int")
    found = npath(
        odd,
        partition_by=["who.id"],
        order_by=["`the ``time``` DESC"],
        symbols={"B": "`it's` = 'b' and lag(`it's`, 1, 'b') = 'b'", "A": F.col("`it's`") == "a"},
        pattern="B+.A",
        measures={
            "a.b": "first(`1st.x y` of B) + lag(last(`1st.x y`))",
            "back`tick": "`the ``time```",
            "of": "accumulate(`it's`)",
        },
        where="sum(`1st.x y`) > 20 and `it's` = 'a'",
        within=2,
        max_rows=3,
    )
    assert found.columns == ["who.id", "a.b", "back`tick", "of"]
    assert [tuple(row) for row in found.collect()] == [("v", 14, 1, "[b, b, a]")]
    over = runaway(odd, partition_by=["who.id"], max_rows=2)
    assert [row.asDict() for row in over.collect()] == [{"who.id": "v", "row_count": 3}]


def test_within_knows_no_zone(spark: SparkSession) -> None:
    """In New York 02:30 was missing on that day, and 01:30 came twice in the autumn: not for an ntz."""
    times = [
        "2024-03-10T01:30",
        "2024-03-10T02:30",
        "2024-03-10T03:30",
        "2024-11-03T00:30",
        "2024-11-03T02:30",
    ]
    rows = spark.createDataFrame([(datetime.fromisoformat(time),) for time in times], "at timestamp_ntz")

    def found(within: object) -> list[int]:
        measures = {"hours": "count(*)"}
        asked = {"symbols": {"X": "true"}, "pattern": "X+", "measures": measures, "partition_by": []}
        return [row[0] for row in npath(rows, order_by=["at"], within=within, **asked).collect()]

    zone = spark.conf.get("spark.sql.session.timeZone")
    spark.conf.set("spark.sql.session.timeZone", "America/New_York")
    try:
        assert found(3600) == [2, 1, 1, 1]
        assert found(timedelta(hours=2)) == [3, 2]
    finally:
        spark.conf.set("spark.sql.session.timeZone", zone)


def test_running_is_final_where_a_match_is_one_row(clicks: DataFrame) -> None:
    measures = {
        "so_far": "running sum(seconds) + final count(*)",
        "moved": "lag(running first(page of Buy), 1) || lag(final last(page), 1)",
        "label": "running classifier()",
    }
    kept = {"where": "running sum(paid) > 7 and final last(page) = 'buy'", "pattern": "Item.Buy+"}
    assert told(clicks, measures=measures, **kept) == [("ann", 36, "itemitem", "Buy")]
    assert told(clicks, measures=measures, output="row", **kept) == [
        ("ann", 32, None, "Item"),
        ("ann", 36, "itemitem", "Buy"),
    ]


def test_what_is_said_of_no_rows(clicks: DataFrame) -> None:
    """Only counts are 0 and lists empty; all else is null, of an empty match and of a symbol with no row."""
    values = (
        "dupcount(page {})",
        "dupcountcum(page {})",
        "sum(seconds {})",
        "first(page {})",
        "nth(page, 1 {})",
    )
    others = ("max_choose(seconds, page {})", "avg(seconds {})", "classifier({})")
    measures = {
        f"m{n}": text for n, text in enumerate((*values, *others, "count(page {})", "accumulate(page {})"))
    }
    nothing = (*[None] * 8, 0, "[]")

    def of(part: str) -> dict[str, str]:
        return {name: text.format(part) for name, text in measures.items()}

    ann = clicks.filter("visitor = 'ann'").limit(1)
    for output in ("match", "row"):
        empty = {"pattern": "Other*", "empty_matches": True, "output": output}
        assert told(ann, symbols={"Other": "false"}, measures=of(""), **empty) == [("ann", *nothing)]
        taken = {"pattern": "Any.Other?", "output": output}
        symbols = {"Other": "false", "Any": "true"}
        assert told(ann, symbols=symbols, measures=of("of Other"), **taken) == [("ann", *nothing)]


def test_rows_of_no_match_show_their_columns_alone(clicks: DataFrame) -> None:
    measures = {
        "at": "`at`",
        "one": "1",
        "upper": "upper(page)",
        "next": "lead(page, 1)",
        "some": "coalesce(count(*), 0)",
    }
    alone = told(
        clicks.filter("visitor is null"), pattern="Buy", output="row", unmatched_rows=True, measures=measures
    )
    assert alone == [(None, at("09:00:00"), None, None, None, None)]


def test_a_runaway_partition_is_left_out_whole(clicks: DataFrame) -> None:
    counts = {"pattern": "(Home|Item|Buy)+", "measures": {"rows": "count(*)"}}
    assert told(clicks, **counts) == [("ann", 4), ("bob", 3), (None, 1)]
    assert told(clicks, max_rows=4, **counts) == [("ann", 4), ("bob", 3), (None, 1)]
    assert told(clicks, max_rows=3, **counts) == [(None, 1)]
    assert told(clicks, max_rows=3, output="row", unmatched_rows=True, **counts) == [(None, 1)]
    over = runaway(clicks, partition_by=["visitor"], max_rows=3)
    assert sorted(map(tuple, over.collect())) == [("ann", 4), ("bob", 4)]
    assert runaway(clicks, partition_by="visitor", max_rows=4).isEmpty()
    with pytest.raises(PatternError, match="max_rows: it is 0; give at least 1"):
        told(clicks, max_rows=0, **counts)


def test_one_exchange_that_carries_only_what_is_asked(spark: SparkSession) -> None:
    """A wide column that a symbol asks of each row alone is read where the row lies, and goes no further."""
    visits = spark.range(10).selectExpr(
        "id % 2 as visitor", "id as at", "id as page", "repeat(id, 1000) as payload", "id + 1 as unasked"
    )
    found = npath(
        visits,
        partition_by=["visitor"],
        order_by=["at"],
        symbols={"A": "page <> lag(page, 1, -1)", "B": "length(payload) > 9"},
        pattern="A.B+",
        measures={"path": "accumulate(page)", "to": "last(at)"},
        where="count(*) > 1",
        within=5,
    )
    plan = found._jdf.queryExecution().executedPlan().toString()
    after, *before = plan.split("Exchange")
    assert len(before) == 1
    assert "repeat" in before[0]
    assert "repeat" not in after
    assert "payload" not in after
    assert "unasked" not in plan


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
    with pytest.raises(
        PatternError, match=r"^mode to_last Home: in the match from row 1 on, Home took no row"
    ):
        told(bob, **{**asked, "mode": "to_last Home", "partition_by": []})


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
    assert found("A+.B+", rows.filter("id % 2 = 0").limit(5_000)) == []
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
        (
            {"pattern": "Home.Bye"},
            "unknown symbol Bye; the symbols are Home, Item, Buy; did you mean 'Buy'",
            "Home.Bye",
            5,
        ),
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
        (
            {"measures": {"m": "upper(pge)"}},
            "unknown column pge; there is page, paid, seconds, visitor, at",
            "upper(pge)",
            6,
        ),
        ({"where": "last(page) > sconds"}, "sconds; there is seconds", "last(page) > sconds", 13),
        ({"mode": "to_last BYE"}, "unknown symbol BYE; .*did you mean 'Buy'", "to_last BYE", 8),
        (
            {"measures": {"m": "count(*) + stddev(seconds)"}},
            "an aggregate of Spark's",
            "count(*) + stddev(seconds)",
            0,
        ),
        ({"measures": {"m": "count(*) +"}}, "end of input", "count(*) +", 10),
        ({"measures": {"m": "sum(first(page))"}}, "inside another aggregate", "sum(first(page))", 4),
        ({"measures": {"m": "lag(sum(seconds), 1)"}}, "lag moves from a row", "lag(sum(seconds), 1)", 4),
        (
            {"where": "match_number() > 1"},
            "where: match_number.. is not known yet",
            "match_number() > 1",
            0,
        ),
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


def test_what_an_aggregate_reads_is_not_read_where_no_symbol_holds(spark: SparkSession) -> None:
    """Of 7, abc, 9 the word is no number: reading it as one would end the query."""
    values = spark.createDataFrame([(1, "7"), (2, "abc"), (3, "9")], "at int, v string")
    measures = {
        "of": "sum(cast(v as int) of Num)",
        "all": "sum(cast(v as int))",
        "every": "max(cast(v as int) of any(*))",
        "moved": "lead(last(at + 0), 9, -1)",
        "own": "v",
    }
    for output in ("match", "row"):
        found = npath(
            values,
            partition_by=[],
            order_by=["at"],
            symbols={"Num": "v rlike '^[0-9]+$'"},
            pattern="Num+",
            measures=measures,
            output=output,
        )
        assert sorted(map(tuple, found.collect())) == [(7, 7, 7, -1, "7"), (9, 9, 9, -1, "9")]


def test_an_order_by_columns_that_are_no_names(clicks: DataFrame) -> None:
    asked = {"pattern": "^Home.Item*", "measures": {"own": "at", "n": "count(*)"}}
    late = F.unix_timestamp("at") * 2
    buys_last = F.when(F.col("page") == "buy", 0).otherwise(F.unix_timestamp("at"))
    ann = clicks.filter("visitor = 'ann'")
    assert told(ann, order_by=[late.asc()], **asked) == [("ann", at("10:00:20"), 3)]
    assert told(ann, order_by=[buys_last.desc()], **{**asked, "pattern": "^Item.Item.Home.Buy$"}) == [
        ("ann", at("10:00:40"), 4)
    ]
    assert told(ann, order_by=[late], within=40, **asked) == [("ann", at("10:00:20"), 3)]
    assert told(ann, order_by=[F.col("at").asc()], within=10, **asked) == [("ann", at("10:00:10"), 2)]
    with pytest.raises(PatternError, match=r"^order_by: .* is a Column .*; write it as text"):
        told(ann, order_by=[late.asc()], within=40, **asked)
    bags = ann.selectExpr("*", "map(page, 1) as bag")
    for order_by in ("bag DESC", F.col("bag").asc(), F.col("bag")):
        with pytest.raises(PatternError, match=r"^order_by: values of type map<string, int> have no order"):
            told(bags, order_by=[order_by], **asked)


def test_a_plain_column_is_the_rows_own_by_whatever_name(clicks: DataFrame) -> None:
    """Beside a partition's key that is called as the column, and by the alias of the frame."""
    mixed = clicks.selectExpr("*", "struct(upper(page) as page) as bag").alias("q")
    measures = {
        "own": "page",
        "whole": "`q`.`page` || q.bag.page",
        "inner": "transform(array(bag), x -> x.page)[0]",
        "mixed": "first(q.bag).page || q.seconds || seven",
    }
    question = {
        "partition_by": [F.upper("page").alias("page"), F.lit(7).alias("seven")],
        "symbols": {"X": "visitor = 'ann'"},
        "pattern": "X{2}",
        "where": "page = 'item' and q.page = page",
    }
    key, own = ("ITEM", 7), ("item", "itemITEM", "ITEM")
    assert told(mixed, measures=measures, **question) == [(*key, *own, "ITEM307")]
    rows = told(mixed, measures=measures, output="row", **question)
    assert rows == [(*key, *own, "ITEM307"), (*key, *own, None)]
    assert told(mixed, measures={"page": "page"}, **question) == [(7, "item")]
    for refused in ({"where": F.col("page") == "item"}, {"measures": {"m": F.col("page")}}):
        with pytest.raises(
            PatternError, match=r"^(where|measure m): it is a Column; write it as text of SQL"
        ):
            told(mixed, **{"measures": measures, **question, **refused})
    with pytest.raises(PatternError, match=r"unknown column z\.page"):
        told(mixed, measures={"m": "z.page"}, **question)
