"""Streams merged by partition and order."""

from __future__ import annotations

import pytest
from pyspark.sql import DataFrame, SparkSession

from retinue.clickstream.npath import merge, npath
from retinue.errors import SchemaMismatch


@pytest.fixture(scope="module")
def visits(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(
        [("ann", 1, "home"), ("ann", 3, "item"), ("bob", 3, "item")], "visitor string, at int, page string"
    )


@pytest.fixture(scope="module")
def orders(spark: SparkSession) -> DataFrame:
    rows = [("ann", 3, 9.5), ("bob", 2, 1.0)]
    return spark.createDataFrame(rows, "customer string, ordered_at bigint, amount double")


@pytest.fixture(scope="module")
def fairs(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame([(2, "spring")], "at int, fair string")


NAMES = {"orders": {"customer": "visitor", "ordered_at": "at"}}
KEYS = {"partition_by": ["visitor"], "order_by": ["at"]}


def test_rows_of_all_streams_with_all_their_columns(visits: DataFrame, orders: DataFrame) -> None:
    merged = merge({"visits": visits, "orders": orders}, columns=NAMES, **KEYS)
    assert merged.dtypes == [
        ("stream", "string"),
        ("stream_index", "int"),
        ("visitor", "string"),
        ("at", "bigint"),
        ("page", "string"),
        ("amount", "double"),
    ]
    assert sorted(map(tuple, merged.collect()), key=repr) == [
        ("orders", 2, "ann", 3, None, 9.5),
        ("orders", 2, "bob", 2, None, 1.0),
        ("visits", 1, "ann", 1, "home", None),
        ("visits", 1, "ann", 3, "item", None),
        ("visits", 1, "bob", 3, "item", None),
    ]


@pytest.mark.parametrize(
    ("order", "answer"),
    [
        (["visits", "orders"], [("ann", "[home, item, buy]")]),
        (["orders", "visits"], [("ann", "[home, buy]")]),
    ],
)
def test_the_stream_named_first_comes_first_of_equal_times(
    visits: DataFrame, orders: DataFrame, order: list[str], answer: list[tuple[str, str]]
) -> None:
    streams = {"visits": visits, "orders": orders}
    found = npath(
        merge({name: streams[name] for name in order}, columns=NAMES, **KEYS),
        partition_by=["visitor"],
        order_by=["at", "stream_index"],
        symbols={"Visit": "stream = 'visits'", "Buy": "amount > 0"},
        pattern="Visit+.Buy",
        measures={"path": "accumulate(coalesce(page, 'buy'))"},
    )
    assert list(map(tuple, found.collect())) == answer


def test_a_dimension_is_in_every_partition(visits: DataFrame, fairs: DataFrame) -> None:
    merged = merge({"visits": visits}, dimensions={"fairs": fairs}, **KEYS)
    rows = sorted(
        map(tuple, merged.select("visitor", "at", "stream", "stream_index", "page", "fair").collect())
    )
    assert rows == [
        ("ann", 1, "visits", 1, "home", None),
        ("ann", 2, "fairs", 2, None, "spring"),
        ("ann", 3, "visits", 1, "item", None),
        ("bob", 2, "fairs", 2, None, "spring"),
        ("bob", 3, "visits", 1, "item", None),
    ]


def test_what_does_not_go_together_is_refused(visits: DataFrame, orders: DataFrame) -> None:
    with pytest.raises(
        SchemaMismatch, match="stream orders needs the columns visitor, at; the frame has customer"
    ):
        merge({"visits": visits, "orders": orders}, **KEYS)
    with pytest.raises(SchemaMismatch, match="columns: there is no stream order; did you mean 'orders'"):
        merge({"visits": visits, "orders": orders}, columns={"order": {}}, **KEYS)
    with pytest.raises(SchemaMismatch, match="columns of stream visits needs the column id"):
        merge({"visits": visits}, columns={"visits": {"id": "visitor"}}, **KEYS)
    texts = visits.selectExpr("visitor", "string(at) as AT")
    with pytest.raises(
        SchemaMismatch, match="column at is string in the stream a and int in b; cast or rename one"
    ):
        merge({"a": texts.withColumnRenamed("AT", "at"), "b": visits}, **KEYS)
    with pytest.raises(
        SchemaMismatch, match="stream visits has a column page already; give `stream` another name"
    ):
        merge({"visits": visits}, stream="page", **KEYS)
    with pytest.raises(SchemaMismatch, match="streams: there is none; name at least one"):
        merge({}, **KEYS)
    with pytest.raises(SchemaMismatch, match="visits is a stream and a dimension; rename one"):
        merge({"visits": visits}, dimensions={"visits": visits}, **KEYS)
