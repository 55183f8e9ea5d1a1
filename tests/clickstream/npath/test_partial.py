"""Attempts that came to nothing: worked by hand, and against every way to match."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from oracles import attempts as oracle
from oracles import npath as patterns
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from retinue.clickstream.npath.automaton import build
from retinue.clickstream.npath.matcher import Matcher, Skip
from retinue.clickstream.npath.partial import Trials, partial_matches
from retinue.clickstream.npath.pattern import parse
from retinue.errors import PatternError

HALF_HOUR = timedelta(minutes=30)
ROWS = [
    *[("ann", 0, "home"), ("ann", 60, "search"), ("ann", 120, "item"), ("ann", 1861, "buy")],
    *[("bob", 0, "search"), ("bob", 5, "item"), ("bob", 9, "help"), ("bob", 20, "search")],
    *[("cat", 100, "search"), ("cat", 1900, "buy"), ("cat", 1901, "search")],
]
ASKED: dict[str, Any] = {
    "partition_by": ["visitor"],
    "order_by": ["at"],
    "symbols": {"Search": "page = 'search'", "Item": "page = 'item'", "Buy": "page = 'buy'"},
    "pattern": "Search.Item*.Buy",
}


def at(second: int) -> datetime:
    return datetime(2024, 7, 1, 10) + timedelta(seconds=second)


@pytest.fixture(scope="module")
def clicks(spark: SparkSession) -> DataFrame:
    rows = [(visitor, at(second), second, page) for visitor, second, page in ROWS]
    return spark.createDataFrame(rows, "visitor string, at timestamp, second int, page string")


def outcomes(clicks: DataFrame, **changed: Any) -> list[tuple[str, int, str]]:
    told = partial_matches(clicks, **{**ASKED, "measures": {"second": "first(second)"}, **changed}).collect()
    return sorted((row["visitor"], row["second"], row["outcome"]) for row in told)


def test_searched_and_no_order_within_half_an_hour(clicks: DataFrame) -> None:
    measures = {"instead": "lead(last(page), 1)", "visitor": "upper(visitor)"}
    told = partial_matches(clicks, within=HALF_HOUR, until=at(1820), measures=measures, **ASKED)
    assert told.columns == [
        *["started_at", "last_at", "row_count", "reached", "expected", "missing", "outcome"],
        *["instead", "visitor"],
    ]
    assert sorted(map(tuple, told.collect())) == [
        (at(0), at(5), 2, ["Search", "Item"], ["Item", "Buy"], 1, "broken", "help", "BOB"),
        (at(20), at(20), 1, ["Search"], ["Item", "Buy"], 1, "timed_out", None, "BOB"),
        (at(60), at(120), 2, ["Search", "Item"], ["Item", "Buy"], 1, "timed_out", "buy", "ANN"),
        (at(1901), at(1901), 1, ["Search"], ["Item", "Buy"], 1, "open", None, "CAT"),
    ]


def test_when_an_attempt_is_open(clicks: DataFrame) -> None:
    """The limit counts its last moment: a match at exactly `within` is one, as cat's is."""
    rest = [("bob", 0, "broken")]
    assert outcomes(clicks, within=HALF_HOUR) == [
        ("ann", 60, "timed_out"),
        *rest,
        ("bob", 20, "ended"),
        ("cat", 1901, "ended"),
    ]
    for until, outcome in [(at(1820), "timed_out"), (at(1819).replace(tzinfo=UTC), "open")]:
        assert ("bob", 20, outcome) in outcomes(clicks, within=HALF_HOUR, until=until)
    for asked in [{"until": at(9_000)}, {"order_by": ["second"], "until": 9_000}]:
        assert outcomes(clicks, **asked) == [*rest, ("bob", 20, "open"), ("cat", 1901, "open")]


def test_the_clock_may_be_a_number_or_a_date(clicks: DataFrame) -> None:
    fractions = clicks.withColumn("second", F.col("second") + F.lit(0.5))
    for frame, until, outcome in [
        (clicks, 1820, "timed_out"),
        (clicks, 1819.5, "open"),
        (fractions, 1820.5, "timed_out"),
        (fractions, 1820.4, "open"),
    ]:
        told = outcomes(frame, order_by=["second"], within=1800, until=until)
        assert [each[2] for each in told][2] == outcome
    days = clicks.withColumn("day", F.date_add(F.lit(date(2024, 7, 1)), F.col("second")))
    last = date(2024, 7, 1) + timedelta(days=1820)
    for until, outcome in [(last, "timed_out"), (last - timedelta(days=1), "open")]:
        assert [each[2] for each in outcomes(days, order_by=["day"], within=1800, until=until)][2] == outcome
    with pytest.raises(PatternError, match=r"until: .* is a time"):
        partial_matches(clicks, **{**ASKED, "order_by": ["second"]}, until=at(0))


def test_attempts_begin_inside_matches_only_where_these_overlap(clicks: DataFrame) -> None:
    symbols = {**ASKED["symbols"], "Help": "page = 'help'"}
    asked = {"symbols": symbols, "pattern": "Search.Item*.(Buy|Help)|Item.Item"}
    assert outcomes(clicks, **asked) == [("bob", 20, "ended"), ("cat", 1901, "ended")]
    assert ("bob", 5, "broken") in outcomes(clicks, **asked, mode="overlapping")


def test_the_end_may_be_what_was_expected(clicks: DataFrame) -> None:
    told = partial_matches(clicks, **{**ASKED, "pattern": "Search.Buy.$"}).filter("visitor = 'cat'")
    assert sorted((row["reached"], row["expected"], row["missing"]) for row in told.collect()) == [
        (["Search"], ["Buy"], 1),
        (["Search", "Buy"], ["$"], 0),
    ]


@pytest.mark.parametrize("depth", [2, 3])
def test_against_every_way_to_match(depth: int) -> None:
    rng = random.Random(depth)
    for _ in range(500):
        pattern, rows = patterns.random_pattern(rng, depth=depth), patterns.random_rows(rng)
        prefer, mode = rng.choice(["longest", "first"]), rng.choice(["overlapping", "nonoverlapping"])
        clocks = sorted(rng.randint(0, 6) for _ in rows)
        within, until = rng.choice([None, 2, 4]), rng.choice([None, 7, 9])
        skip = Skip("next row" if mode == "overlapping" else "past last row")
        automaton = build(parse(patterns.text(pattern), {"a": 0, "b": 1, "c": 2}))
        matcher = Matcher(automaton, longest=prefer == "longest", skip=skip, labelled=False)
        masks = [sum(1 << "ABC".index(name) for name in row) for row in rows]
        told = Trials(matcher, 3, within, until).told(masks, pa.array([clocks])[0])
        assert [
            (it["start"], names(it["labels"]), {*names(it["expected"])}, it["outcome"]) for it in told
        ] == list(expected(pattern, rows, prefer, mode, clocks, within, until)), patterns.text(pattern)


def names(symbols: Any) -> tuple[str, ...]:
    return tuple("ABC$"[symbol] for symbol in symbols)


def expected(
    pattern: Any, rows: Any, prefer: str, mode: str, clocks: Any, within: int | None, until: int | None
) -> Any:
    limits = (
        within if within is None else [sum(time - first <= within for time in clocks) for first in clocks]
    )
    _, failed = oracle.searched(pattern, rows, mode=mode, prefer=prefer, limits=limits)
    for start in failed:
        end, wanted, way = oracle.attempt(pattern, rows, start, limits and limits[start])
        wanted |= {"$"} if oracle.wants_end(pattern, rows, start, end) else set()
        is_late = limits is not None and end == limits[start] < len(rows)
        if way:
            outcome = "timed_out" if is_late else "broken" if end < len(rows) else "ended"
            if outcome == "ended" and until is not None:
                outcome = "open" if within is None or clocks[start] + within > until else "timed_out"
            yield start, way, wanted, outcome
