"""Sessions, patterns and fruitless searches share what is dear: the shuffle by visitor."""

from __future__ import annotations

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T

from retinue import samples
from retinue.clickstream.npath import npath
from retinue.clickstream.searches import fruitless_searches
from retinue.clickstream.sessions import sessionize


def of_somebody(events: DataFrame) -> DataFrame:
    """The same rows under a schema that says, as silver.events does, that all have visitor and time."""
    schema = T.StructType(
        [
            T.StructField(field.name, field.dataType, field.name not in ("visitor_id", "occurred_at"))
            for field in events.schema
        ]
    )
    return events.sparkSession.createDataFrame(events.toArrow(), schema)


def patterns(sessionized: DataFrame) -> DataFrame:
    return npath(
        sessionized,
        partition_by=["visitor_id", "session_id"],
        order_by=["event_index"],
        symbols={"S": "event_type = 'search'", "O": "event_type = 'purchase'", "A": "true"},
        pattern="S.A*.O",
        measures={"steps": "count(*)"},
    )


def test_one_pass_over_one_shuffle(spark: SparkSession, capsys: pytest.CaptureFixture[str]) -> None:
    sessionized = sessionize(of_somebody(samples.small_world(spark, visitors=60).events))
    for answer in (patterns(sessionized), fruitless_searches(sessionized)):
        answer.explain()
        assert capsys.readouterr().out.count("Exchange") == 1

    sessionized.persist()
    try:
        keys = ["visitor_id", "session_id"]
        both = patterns(sessionized).select(keys).union(fruitless_searches(sessionized).select(keys))
        assert both.count() > 0
        both.explain()
        plan = capsys.readouterr().out
        above, _, within = plan.partition("InMemoryRelation")
        assert "Exchange" not in above
        sessions, _, second = within.partition("== Initial Plan ==")
        assert sessions.count("Exchange") == 1
        scanned_again = second.partition("InMemoryTableScan")[2].partition("InMemoryRelation")[0]
        assert "Exchange" not in scanned_again
    finally:
        sessionized.unpersist()
