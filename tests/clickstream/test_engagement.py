from __future__ import annotations

import random

import pytest
from oracles import engagement as oracle
from oracles.engagement import Row
from pyspark.sql import DataFrame, SparkSession
from scipy.stats import binomtest

from retinue.clickstream import engagement
from retinue.errors import RetinueError, SchemaMismatch

SCHEMA = "visitor_id string, session_id string, session_index int, event_index bigint, event_type string"
KINDS = ["page_view", "share", "login", "signup", "purchase"]
TOOLS = {
    "share": "event_type = 'share'",
    "log in or share": "event_type in ('login', 'share')",
    "never": "event_type = 'chat'",
    "unknown": "cast(null as boolean)",
    "page": "event_type = 'page_view'",
}


@pytest.fixture(scope="module")
def visitors() -> list[list[Row]]:
    draw = random.Random(41)
    return [
        [
            Row(session, draw.choices(KINDS, [6, 1, 1, 1, 1])[0])
            for session in range(1, draw.randrange(2, 5))
            for _ in range(draw.randrange(1, 5))
        ]
        for _ in range(150)
    ]


@pytest.fixture(scope="module")
def sessionized(spark: SparkSession, visitors: list[list[Row]]) -> DataFrame:
    rows = [
        (f"v{number}", f"{number}-{row.session}", row.session, place, row.kind)
        for number, visits in enumerate(visitors)
        for place, row in enumerate(visits)
    ]
    rows += [("v0", None, None, None, "share"), (None, None, None, None, "share")]
    random.Random(42).shuffle(rows)
    return spark.createDataFrame(rows, SCHEMA).cache()


def conditions() -> dict[str, oracle.Condition]:
    return {
        "share": lambda row: row.kind == "share",
        "log in or share": lambda row: row.kind in {"login", "share"},
        "never": lambda row: False,
        "unknown": lambda row: False,
        "page": lambda row: row.kind == "page_view",
    }


@pytest.mark.parametrize("lead", ["signup", "share"])
def test_outcomes_count_after_the_first_use_alone(sessionized, visitors, lead) -> None:
    """The lead may be the tool itself: then its second use counts."""
    rows = engagement.engagement(sessionized, tools=TOOLS, lead=f"event_type = '{lead}'").collect()
    assert len(rows) == 3 * len(TOOLS)
    for row in rows:
        wanted = oracle.outcomes(
            visitors,
            tool=conditions()[row.tool],
            lead=lambda event: event.kind == lead,
            order=lambda event: event.kind == "purchase",
        )[row.outcome]
        found = (row.visitor_count, row.outcome_count, row.other_visitor_count, row.other_outcome_count)
        assert found == wanted, row
        for reached, all_of_them, rate, low, high in (
            (row.outcome_count, row.visitor_count, row.rate, row.low, row.high),
            (row.other_outcome_count, row.other_visitor_count, row.other_rate, row.other_low, row.other_high),
        ):
            if all_of_them == 0:
                assert (rate, low, high, row.lift) == (None, None, None, None)
            else:
                interval = binomtest(reached, all_of_them).proportion_ci(method="wilson")
                assert (rate, low, high) == pytest.approx(
                    (reached / all_of_them, interval.low, interval.high), abs=1e-12
                )
        comparable = row.visitor_count and row.other_outcome_count
        assert row.lift == (pytest.approx(row.rate / row.other_rate) if comparable else None)


def test_use_is_counted_by_rows_sessions_and_visitors(sessionized, visitors) -> None:
    found = {row.tool: row for row in engagement.tool_use(sessionized, tools=TOOLS).collect()}
    sessions = sum(rows[-1].session for rows in visitors)
    assert found.keys() == TOOLS.keys()
    for tool, row in found.items():
        counts = (row.use_count, row.session_count, row.visitor_count, row.repeat_visitor_count)
        assert counts == oracle.use(visitors, tool=conditions()[tool])
        assert row.session_share == row.session_count / sessions
        assert row.visitor_share == row.visitor_count / len(visitors)


def test_an_order_before_the_share_does_not_count(spark: SparkSession) -> None:
    story = {
        "shared, then bought": ["share", "signup", "purchase"],
        "bought, then shared": ["purchase", "share"],
        "never shared": ["page_view", "purchase"],
    }
    rows = [
        (visitor, visitor, 1, place, kind)
        for visitor, kinds in story.items()
        for place, kind in enumerate(kinds)
    ]
    frame = spark.createDataFrame(rows, SCHEMA)
    found = engagement.engagement(frame, tools={"share": TOOLS["share"]}, lead="event_type = 'signup'")
    counts = {
        row.outcome: (row.visitor_count, row.outcome_count, row.other_visitor_count, row.other_outcome_count)
        for row in found.collect()
    }
    assert counts == {"visit": (2, 0, 1, 0), "lead": (2, 1, 1, 0), "order": (2, 1, 1, 1)}


def test_tools_add_no_shuffle_of_rows_that_lie_by_visitor(sessionized, capsys) -> None:
    lying = sessionized.repartition(3, "visitor_id")
    engagement.engagement(lying, tools=TOOLS, lead="true").explain()
    assert capsys.readouterr().out.count("Exchange") == 2  # that one, and one of the counts


def test_what_cannot_be_is_refused(sessionized) -> None:
    with pytest.raises(RetinueError, match="tools is empty; give at least one predicate by name"):
        engagement.tool_use(sessionized, tools={})
    with pytest.raises(SchemaMismatch, match="a look at tools needs the column session_index"):
        engagement.tool_use(sessionized.drop("session_index"), tools=TOOLS)
    with pytest.raises(RetinueError, match="confidence is 1; it must lie between 0 and 1"):
        engagement.engagement(sessionized, tools=TOOLS, lead="true", confidence=1)
