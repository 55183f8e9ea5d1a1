"""The known answer, through Spark."""

from __future__ import annotations

from datetime import datetime

from pyspark.sql import SparkSession

from retinue.clickstream.npath import npath

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


def test_paths_from_one_category_to_the_next(spark: SparkSession) -> None:
    day = "2012-03-06T"
    rows = [(138, datetime.fromisoformat(day + time), category) for time, category in reversed(VISIT)]
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
        (138, datetime.fromisoformat(day + "20:42:07"), "[Bedding & Bath, Sports & Toys]"),
        (138, datetime.fromisoformat(day + "20:46:55"), "[Sports & Toys, Bedding & Bath]"),
        (138, datetime.fromisoformat(day + "20:47:32"), "[Bedding & Bath, Home & Garden]"),
    ]
