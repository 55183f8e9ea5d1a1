"""How far models are apart, by rows made by hand."""

from __future__ import annotations

import pytest
from pyspark.sql import DataFrame, SparkSession

from retinue.attribution import intervals
from retinue.errors import SchemaMismatch

Credited = tuple[str, str | None, float, float, float]  # model, channel, conversions and their bounds


def credited(spark: SparkSession, rows: list[Credited], *, by: str = "channel") -> DataFrame:
    form = f"model string, {by} string, conversions double, conversions_low double, conversions_high double"
    return spark.createDataFrame(rows, form).repartition(3)


def told(found: DataFrame) -> dict[str | None, tuple[object, ...]]:
    rows = [tuple(row) for row in found.collect()]
    assert len({row[0] for row in rows}) == len(rows)
    return {row[0]: row[1:] for row in rows}


ROWS: list[Credited] = [
    ("first", "mail", 6.0, 5.0, 7.0),
    ("last", "mail", 2.0, 1.0, 3.0),
    ("linear", "mail", 4.0, 3.0, 5.0),
    ("first", "ads", 2.0, 0.0, 5.0),
    ("last", "ads", 5.0, 4.0, 6.0),
    ("linear", "ads", 4.0, 3.5, 4.5),
    ("first", "web", 2.0, 1.0, 3.0),
    ("last", "web", 3.0, 3.0, 4.0),
    ("linear", "web", 2.0, 2.0, 3.0),
]


def test_the_least_the_most_and_what_lies_between(spark: SparkSession) -> None:
    assert told(intervals.disagreement(credited(spark, ROWS))) == {
        "mail": ("last", 2.0, "first", 6.0, 0.4, True),
        "ads": ("first", 2.0, "last", 5.0, 0.3, False),
        "web": ("first", 2.0, "last", 3.0, 0.1, False),  # bounds that touch are not apart
    }
    found = intervals.disagreement(credited(spark, ROWS))
    assert dict(found.dtypes) == {
        "channel": "string",
        "least_model": "string",
        "least_conversions": "double",
        "most_model": "string",
        "most_conversions": "double",
        "disagreement": "double",
        "is_beyond_chance": "boolean",
    }


def test_what_no_touch_led_to_counts_in_the_whole(spark: SparkSession) -> None:
    rows: list[Credited] = [
        ("first", None, 15.0, 14.0, 16.0),
        ("last", None, 15.0, 14.0, 16.0),
        ("first", "a", 5.0, 5.0, 5.0),
        ("last", "a", 2.0, 2.0, 2.0),
        ("last", "b", 3.0, 3.0, 3.0),
    ]
    found = told(intervals.disagreement(credited(spark, rows)))
    assert found["a"] == ("last", 2.0, "first", 5.0, 0.15, True)
    assert found[None] == ("first", 15.0, "last", 15.0, 0.0, False)
    assert found["b"] == ("last", 3.0, "last", 3.0, 0.0, False)


def test_models_of_equal_credit_go_by_name(spark: SparkSession) -> None:
    rows: list[Credited] = [(model, "a", 3.0, 1.0, 4.0) for model in ("shapley", "first", "markov")]
    assert told(intervals.disagreement(credited(spark, rows)))["a"] == (
        *("first", 3.0, "shapley", 3.0),
        *(0.0, False),
    )


def test_without_conversions_no_share_is_known(spark: SparkSession) -> None:
    rows: list[Credited] = [("first", "a", 0.0, 0.0, 0.0), ("last", "a", 0.0, 0.0, 0.0)]
    assert told(intervals.disagreement(credited(spark, rows)))["a"] == ("first", 0, "last", 0, None, False)
    assert intervals.disagreement(credited(spark, [])).isEmpty()


def test_names_of_any_kind(spark: SparkSession) -> None:
    rows = credited(spark, ROWS, by="`ad name`")
    found = intervals.disagreement(rows, by="ad name")
    assert found.columns[0] == "ad name"
    assert told(found)["mail"] == ("last", 2.0, "first", 6.0, 0.4, True)
    with pytest.raises(SchemaMismatch, match="disagreement needs the column channel; the frame has model"):
        intervals.disagreement(rows)
    with pytest.raises(SchemaMismatch, match="conversions_low"):
        intervals.disagreement(rows.drop("conversions_low"), by="ad name")
