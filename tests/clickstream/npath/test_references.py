"""What the references say of their own examples, worked by hand on small rows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from retinue.clickstream.npath import npath

ACME = [12, 17, 19, 21, 25, 12, 15, 20, 24, 25, 19, 15, 25, 25, 14, 12, 14, 24, 23, 22]
PRICES = {"Strt": "true", "Down": "price < lag(price)", "Up": "price > lag(price)"}
PAGES = {name: f"page = '{name.lower()}'" for name in ("Home", "Search", "View", "Buy")}


@pytest.fixture(scope="module")
def acme(spark: SparkSession) -> DataFrame:
    """A share's price on each of twenty days."""
    return spark.createDataFrame([*enumerate(ACME, start=1)], "day int, price int")


@pytest.fixture(scope="module")
def clicks(spark: SparkSession) -> DataFrame:
    """One visitor's pages, a minute apart: h s s v v s b h b."""
    names = {name[0]: name for name in ("home", "search", "view", "buy")}
    pages = [names[letter] for letter in "hssvvsbhb"]
    rows = [(minute, page, 10 * (minute % 4)) for minute, page in enumerate(pages)]
    return spark.createDataFrame(rows, "minute int, page string, price int")


def told(rows: DataFrame, order: str, **asked: Any) -> list[tuple[Any, ...]]:
    return sorted(map(tuple, npath(rows, **{"partition_by": [], "order_by": [order], **asked}).collect()))


def test_v_shapes_of_oracle(acme: DataFrame) -> None:
    """Data Warehousing Guide, Pattern Matching: one row a match, AFTER MATCH SKIP TO LAST UP."""
    measures = {"start": "first(day of Strt)", "bottom": "last(day of Down)", "end": "last(day of Up)"}
    shapes = told(
        acme,
        "day",
        symbols=PRICES,
        pattern="Strt.Down+.Up+",
        mode="to_last Up",
        prefer="first",
        measures=measures,
    )
    assert shapes == [(5, 6, 10), (10, 12, 13), (14, 16, 18)]


def test_every_row_of_a_v_shape_of_oracle(acme: DataFrame) -> None:
    """The same, all rows a match: FINAL and RUNNING counts, and the difference to the first price."""
    measures = {
        "number": "match_number()",
        "day": "day",
        "symbol": "classifier()",
        "up_days": "final count(* of Up)",
        "total_days": "final count(*)",
        "days": "running count(*)",
        "difference": "price - first(price of Strt)",
    }
    first = acme.filter("day <= 11")
    shape = told(
        first,
        "day",
        symbols=PRICES,
        pattern="Strt.Down+.Up+",
        mode="to_last Up",
        measures=measures,
        output="row",
    )
    assert shape == [
        (1, 5, "Strt", 4, 6, 1, 0),
        (1, 6, "Down", 4, 6, 2, -13),
        (1, 7, "Up", 4, 6, 3, -10),
        (1, 8, "Up", 4, 6, 4, -5),
        (1, 9, "Up", 4, 6, 5, -1),
        (1, 10, "Up", 4, 6, 6, 0),
    ]


def test_w_shapes_of_oracle(acme: DataFrame) -> None:
    """Data Warehousing Guide, Pattern Matching: a W is two Vs on end."""
    measures = {"start": "first(day)", "end": "last(day)"}
    w = told(
        acme, "day", symbols=PRICES, pattern="Strt.Down+.Up+.Down+.Up+", mode="to_last Up", measures=measures
    )
    assert w == [(5, 13)]


def test_greedy_and_reluctant_of_oracle(acme: DataFrame) -> None:
    """Live SQL, greedy and reluctant quantifiers: as many days up as there are, or as few as will do."""

    def rises(pattern: str, **options: str) -> list[Any]:
        measures = {"start": "first(day)", "end": "last(day)"}
        return told(acme, "day", symbols=PRICES, pattern=pattern, measures=measures, **options)

    greedy = [(1, 5), (6, 10), (12, 13), (16, 18)]
    assert rises("Strt.Up+", prefer="first") == greedy
    reluctant = [(1, 2), (3, 4), (6, 7), (8, 9), (12, 13), (16, 17)]
    assert rises("Strt.Up+?", prefer="first") == reluctant
    # nPath (Teradata, Greedy Pattern Matching) takes the longest match whatever the operators say.
    assert rises("Strt.Up+?") == greedy


def test_sessions_of_oracle(spark: SparkSession) -> None:
    """Data Warehousing Guide, sessionization: a new session where the gap is above ten."""
    at = {"Mary": [1, 11, 23, 34, 44, 53, 63], "Sam": [2, 12, 22, 32, 43, 47, 48, 59, 60, 68]}
    rows = spark.createDataFrame([(who, t) for who, times in at.items() for t in times], "who string, t int")
    measures = {
        "session": "match_number()",
        "start": "first(t)",
        "events": "count(*)",
        "length": "last(t) - first(t)",
    }
    symbols = {"B": "true", "S": "t - lag(t) <= 10"}
    sessions = told(rows, "t", partition_by=["who"], symbols=symbols, pattern="B.S*", measures=measures)
    assert sessions == [
        ("Mary", 1, 1, 2, 10),
        ("Mary", 2, 23, 1, 0),
        ("Mary", 3, 34, 4, 29),
        ("Sam", 1, 2, 4, 30),
        ("Sam", 2, 43, 3, 5),
        ("Sam", 3, 59, 3, 9),
    ]


def test_empty_and_unmatched_rows_of_trino(spark: SparkSession) -> None:
    """MATCH_RECOGNIZE, rows_per_match: SHOW EMPTY MATCHES, OMIT EMPTY MATCHES, WITH UNMATCHED ROWS."""
    rows = spark.createDataFrame([(1, 90), (2, 80), (3, 70), (4, 70)], "id int, value int")
    measures = {"id": "id", "match": "match_number()", "value": "last(value)", "label": "classifier()"}

    def answers(pattern: str, **shown: bool) -> list[Any]:
        symbols = {"B": "value < lag(value)"}
        found = npath(
            rows, partition_by=[], order_by=["id"], symbols=symbols, pattern=pattern, measures=measures,
            output="row", **shown
        )  # fmt: skip
        return sorted(map(tuple, found.collect()))

    taken = [(2, 2, 80, "B"), (3, 2, 70, "B")]
    assert answers("B*") == taken
    assert answers("B*", empty_matches=True) == [(1, 1, None, None), *taken, (4, 3, None, None)]
    unmatched = [(1, None, None, None), (2, 1, 80, "B"), (3, 1, 70, "B"), (4, None, None, None)]
    assert answers("B+", unmatched_rows=True) == unmatched


def test_lag_from_the_row_chosen_of_trino(acme: DataFrame) -> None:
    """MATCH_RECOGNIZE, PREV(FIRST(...)): from the match's row chosen, then along the partition's."""
    measures = {
        "before": "lag(first(price of Down), 2, -1)",
        "after": "lead(last(day), 1)",
        "none": "lag(first(price), 1)",
    }
    week = acme.filter("day >= 5 and day <= 9")
    found = told(week, "day", symbols=PRICES, pattern="Strt.Down.Up", measures=measures)
    assert found == [(-1, 8, None)]


def test_alternation_prefers_the_left_of_iso(acme: DataFrame) -> None:
    """ISO/IEC 19075-5, preferment: the leftmost alternative that matches, whatever comes after it."""
    symbols = {"Low": "price < 20", "Any": "true"}

    def labels(pattern: str) -> list[Any]:
        days = acme.filter("day <= 4")
        measures = {"labels": "accumulate(classifier() delimiter '')"}
        return [
            x
            for (x,) in told(days, "day", symbols=symbols, pattern=pattern, prefer="first", measures=measures)
        ]

    assert labels("^(Low|Any)+$") == ["[LowLowLowAny]"]
    assert labels("^(Any|Low)+$") == ["[AnyAnyAnyAny]"]
    assert labels("^(Low|Low.Any)") == ["[Low]"]
    assert labels("^Low{1,2}?.Any") == ["[LowAny]"]
    assert labels("^Low{,2}.Any+?$") == ["[LowLowAnyAny]"]


def test_within_of_flink(spark: SparkSession) -> None:
    """Detecting Patterns, time constraint: a fall and its end, within a time, which is inclusive here."""
    prices = [12, 17, 19, 21, 25, 18, 15, 14, 24, 25, 19]
    ten = datetime(2011, 4, 1, 10)
    rows = spark.createDataFrame(
        [(ten + timedelta(seconds=second), price) for second, price in enumerate(prices)],
        "at timestamp, price int",
    )
    measures = {"start": "second(first(at))", "bottom": "second(last(at of Down))", "end": "second(last(at))"}

    def falls(within: timedelta | None) -> list[Any]:
        asked = {"symbols": PRICES, "pattern": "Strt.Down+.Up", "mode": "to_last Up", "measures": measures}
        return told(rows, "at", within=within, **asked)

    assert falls(None) == falls(timedelta(seconds=4)) == [(4, 7, 8)]
    assert falls(timedelta(seconds=3.9)) == falls(timedelta(seconds=3)) == [(5, 7, 8)]
    assert falls(timedelta(seconds=1)) == []


def test_modes_of_npath(clicks: DataFrame) -> None:
    """Teradata nPath, Mode: OVERLAPPING finds every occurrence; NONOVERLAPPING begins after the last row."""

    def starts(mode: str) -> list[Any]:
        symbols = {"Seek": "page in ('search', 'view')"}
        return told(
            clicks,
            "minute",
            symbols=symbols,
            pattern="Seek.Seek",
            mode=mode,
            measures={"at": "first(minute)"},
        )

    assert starts("OVERLAPPING") == [(1,), (2,), (3,), (4,)]
    assert starts("NONOVERLAPPING") == [(1,), (3,)]


def test_results_of_npath(clicks: DataFrame) -> None:
    """Teradata nPath, Result: each aggregate as its table describes it, on h s s v v s b."""
    measures = {
        "path": "ACCUMULATE(page OF ANY(Home, Search, View, Buy))",
        "once": "ACCUMULATE(DISTINCT page OF ANY(Search, View))",
        "runs": "ACCUMULATE(CDISTINCT page OF ANY(Search, View) DELIMITER ' > ')",
        "second": "NTH(minute, 2 OF Search)",
        "last_but_one": "NTH(minute, -2 OF Search)",
        "past": "NTH(minute, 4 OF Search)",
        "dear": "MAX_CHOOSE(price, minute OF ANY(Search, View))",
        "cheap": "MIN_CHOOSE(price, minute OF ANY(Search, View))",
        "pages": "COUNT(DISTINCT page OF ANY(Search, View))",
        "again": "DUPCOUNT(page OF ANY(Home, Search, View))",
        "ever": "DUPCOUNTCUM(page OF ANY(Home, Search, View))",
    }
    (result,) = told(
        clicks,
        "minute",
        symbols=PAGES,
        pattern="Home.(Search|View)*.Buy",
        where="count(*) > 2",
        measures=measures,
    )
    assert result == (
        "[home, search, search, view, view, search, buy]",
        "[search, view]",
        "[search > view > search]",
        2,
        2,
        None,
        3,
        4,
        2,
        0,
        2,
    )


def test_filter_of_npath(clicks: DataFrame) -> None:
    """Teradata nPath, Filter: what must hold between the first and last of symbols in a match."""

    def found(filter: str) -> list[Any]:
        asked = {"symbols": PAGES, "pattern": "Home.(Search|View)*.Buy", "measures": {"at": "first(minute)"}}
        return told(clicks, "minute", where=filter, **asked)

    assert found("FIRST(minute + 3 OF ANY(Home)) > FIRST(minute OF ANY(Buy))") == [(7,)]
    assert found("FIRST(minute + 6 OF ANY(Home)) >= LAST(minute OF ANY(Buy))") == [(0,), (7,)]


def test_lag_of_npath(clicks: DataFrame) -> None:
    """Teradata nPath, LAG and LEAD in a symbol: the default stands in where there is no such row."""
    symbols = {
        "New": "page <> lag(page, 1, 'none')",
        "Same": "page = lag(page, 1)",
        "Ends": "lead(page, 2) is null",
    }
    measures = {"at": "first(minute)", "rows": "count(*)"}
    assert told(clicks, "minute", symbols=symbols, pattern="New.Same*", measures=measures) == [
        (0, 1),
        (1, 2),
        (3, 2),
        (5, 1),
        (6, 1),
        (7, 1),
        (8, 1),
    ]
    assert told(clicks, "minute", symbols=symbols, pattern="Ends", measures=measures) == [(7, 1), (8, 1)]
