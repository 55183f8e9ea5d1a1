from __future__ import annotations

import pytest
from clickstream.searches.visits import BUY, CLICK, PAGE, hit, miss, product, sessionized
from oracles.searches import Event
from pyspark.sql import SparkSession

from retinue.clickstream import searches
from retinue.errors import RetinueError, SchemaMismatch


def test_what_fruitless_means(spark: SparkSession) -> None:
    unknown = Event("search")
    frame = sessionized(
        spark,
        {
            "zero": [miss(), product("a")],
            "some": [hit(), PAGE],
            "clicked": [unknown, PAGE, CLICK],
            "viewed": [unknown, product("a")],
            "idle": [unknown, PAGE, BUY],
            "again": [unknown, unknown, CLICK],
        },
    )

    def reasons(fruitless: str) -> dict[tuple[str, int], str | None]:
        judged = searches.judge_searches(frame, fruitless=fruitless).collect()
        assert all(row.is_fruitless == (row.reason is not None) for row in judged)
        return {(row.session_id, row.search_index): row.reason for row in judged}

    nothing = dict.fromkeys(
        [("zero", 1), ("some", 1), ("clicked", 1), ("viewed", 1), ("idle", 1), ("again", 1), ("again", 2)]
    )
    idle = {("idle", 1): "no_click", ("again", 1): "no_click"}
    assert reasons("AUTO") == nothing | {("zero", 1): "zero_results"} | idle
    assert reasons("zero_results") == nothing | {("zero", 1): "zero_results"}
    assert reasons("no_click") == nothing | {("some", 1): "no_click"} | idle


def test_what_cannot_be_is_refused(random_frame) -> None:
    with pytest.raises(RetinueError, match=r"fruitless is 'zero_result'; .*did you mean 'zero_results'"):
        searches.judge_searches(random_frame, fruitless="zero_result")
    with pytest.raises(SchemaMismatch, match="needs the column event_type"):
        searches.judge_searches(random_frame.drop("event_type"))
