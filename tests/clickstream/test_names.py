"""Columns may have any names, also with dots and backquotes in them: the answers are the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from inspect import signature
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from retinue.clickstream import engagement, events, loops, paths, retention, searches, segments, sessions

NAMES = {"visitor": "user.id", "at": "at.`x`", "tie": "ev.id", "of": "p.x"}
TO_CART = segments.Segment("cart", {"A": "event_type = 'add_to_cart'"}, "A")
SEARCH = "event_type = 'search'"

ANALYSES: list[tuple[Callable[..., DataFrame], dict[str, Any]]] = [
    (sessions.sessionize, {"max_events": 3, "click_lag": timedelta(seconds=20)}),
    (sessions.summarize, {}),
    (paths.top_paths, {}),
    (paths.paths_to, {"anchor": "list"}),
    (loops.loops, {}),
    (loops.reattempts, {"attempt": SEARCH}),
    (retention.retention, {}),
    (retention.unbounded_retention, {}),
    (retention.stickiness, {}),
    (engagement.engagement, {"tools": {"search": SEARCH}, "lead": "event_type = 'add_to_cart'"}),
    (searches.judge_searches, {"fruitless": "no_click"}),
    (searches.fruitless_searches, {"min_products": 1, "min_searches": 1}),
    (searches.search_sessions, {}),
    (segments.members, {"segment": TO_CART}),
    (segments.of, {"segment": TO_CART}),
]


@pytest.fixture(scope="module")
def plain(spark: SparkSession) -> DataFrame:
    noon = datetime(2024, 3, 1, 12, tzinfo=UTC)
    rows = [
        (who, noon + timedelta(seconds=second), f"{who}{second}", kind, page, product)
        for who, *history in [
            ("v", (0, "page_view", "home", None), (9, "product_view", "hat", "hat"),
             (30, "search", "list", None), (60, "search", "list", None)),
            ("w", (0, "search", "list", None), (9, "product_view", "tie", "tie"),
             (30, "add_to_cart", "tie", "tie"), (90_000, "purchase", "done", "tie")),
        ]
        for second, kind, page, product in history
    ]  # fmt: skip
    columns = "visitor_id string, occurred_at timestamp, event_id string, event_type string, page string"
    frame = spark.createDataFrame(rows, f"{columns}, product_id string").coalesce(1)
    return sessions.sessionize(frame).cache()


@pytest.mark.parametrize(("analysis", "knobs"), ANALYSES, ids=lambda part: getattr(part, "__name__", ""))
def test_a_column_may_have_any_name(plain: DataFrame, analysis, knobs) -> None:
    parameters = signature(analysis).parameters
    given = {knob: name for knob, name in NAMES.items() if knob in parameters}
    usual = {parameters[knob].default: name for knob, name in given.items()}
    found = analysis(plain.withColumnsRenamed(usual), **given, **knobs)
    wanted = analysis(plain, **knobs)
    assert found.columns == [usual.get(name, name) for name in wanted.columns]
    answer = wanted.collect()
    assert answer
    assert sorted(found.collect(), key=repr) == sorted(answer, key=repr)


def test_the_names_of_other_columns_matter_as_little(plain: DataFrame) -> None:
    flagged = events.flag_bots(plain.selectExpr("*", "'agent' as user_agent", "1 as `a.b`"))
    assert flagged.select("`a.b`", "is_bot").distinct().collect() == [(1, False)]
    searched = searches.search_sessions(plain.withColumnRenamed("visitor_id", "v.x"), visitor="v.x")
    terms = searches.fruitless_terms(searched, visitor="v.x")
    assert "fruitless_visitor_count" in terms.columns
