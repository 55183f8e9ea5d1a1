"""Packing is exact: what is unpacked is what was packed, whatever the values hold."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from retinue.errors import SchemaMismatch, UnknownSetting
from retinue.sources import packing

FIELDS = {
    "plain": "string",
    "odd na:me,\\'": "string",
    "count": "bigint",
    "small": "tinyint",
    "ratio": "double",
    "price": "decimal(18,4)",
    "is_new": "boolean",
    "on": "date",
    "at": "timestamp",
    "bytes": "binary",
    "tags": "array<string>",
    "place": "struct<city:string,floor:int>",
    "marks": "map<string,int>",
}
NASTY = [
    "",
    " ",
    ",",
    ":",
    "a,b:c",
    "\\",
    "\\\\",
    "\\,",
    "\\N",
    "N",
    "null",
    "\n",
    "\r\n",
    '"',
    "é,😀",
    "a\\",
    "\0",
    "x" * 5000,
]


def _worlds() -> list[tuple[Any, ...]]:
    full: tuple[Any, ...] = (
        "x",
        "y",
        -(2**63),
        -128,
        -0.1,
        Decimal("12345678901234.5670"),
        True,
        dt.date(1, 1, 1),
        dt.datetime(2024, 3, 31, 2, 30, 0, 123456),
        b"\x00\xff,:",
        ["a,b", None, ""],
        ("Graz", None),
        {"k,:": 1, "n": None},
    )
    rows = [(0, *full), (1, *([None] * len(full)))]
    rows += [(10 + i, text, None, *full[2:]) for i, text in enumerate(NASTY)]
    rows += [(100 + i, None, text, *full[2:]) for i, text in enumerate(NASTY)]
    rows += [
        (200 + i, *full[:4], number, *full[5:])
        for i, number in enumerate([math.inf, -math.inf, 5e-324, 1e308])
    ]
    return rows


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> DataFrame:
    schema = "id int, " + ", ".join(f"`{name}` {declared}" for name, declared in FIELDS.items())
    return spark.createDataFrame(_worlds(), schema).cache()


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("variant", {}),
        ("MAP", {}),
        ("string", {}),
        ("string", {"include_names": False}),
        ("string", {"delimiter": "||"}),
        ("string", {"delimiter": "é", "include_names": False}),
    ],
)
def test_round_trip_is_exact(rows: DataFrame, format: str, options: dict[str, Any]) -> None:
    packed = packing.pack(rows, columns=list(FIELDS), into="all of it", format=format, **options)
    assert packed.columns == ["id", "all of it"]
    back = packing.unpack(packed, column="all of it", fields=FIELDS, **options)
    assert back.dtypes == rows.dtypes
    found = {row["id"]: row for row in back.collect()}
    assert found == {row["id"]: row for row in rows.collect()}


def test_plain_strings_are_plain(spark: SparkSession) -> None:
    rows = spark.createDataFrame(
        [("a", 1, None, "10:30"), ("b", None, "", "x,y")], "k string, n int, s string, t string"
    )
    named = packing.pack(rows, columns=["n", "s", "t"], into="packed", format="string")
    bare = packing.pack(
        rows, columns=["n", "s", "t"], into="packed", format="string", delimiter=";", include_names=False
    )
    assert [row["packed"] for row in named.orderBy("k").collect()] == [
        "n:1,s:\\N,t:10:30",
        "n:\\N,s:,t:x\\,y",
    ]
    assert [row["packed"] for row in bare.orderBy("k").collect()] == ["1;\\N;10:30", "\\N;;x,y"]
    as_map = packing.pack(rows, columns=["n", "s"], into="s", format="map")
    assert as_map.orderBy("k").collect()[0].asDict() == {"k": "a", "t": "10:30", "s": {"n": "1", "s": None}}


def test_unpack_takes_structs_and_foreign_values(spark: SparkSession) -> None:
    rows = spark.sql(
        "SELECT named_struct('a', 1, 'b', 'x') AS s, parse_json('{\"a\": 7, \"b\": {\"c\": [1]}}') AS v, "
        "'b:2,,c:oops\\\\' AS t, CAST(NULL AS STRING) AS n"
    )
    fields = {"a": "int", "b": "string", "c": "int"}
    assert packing.unpack(rows.select("s"), column="s", fields=fields).collect() == [(1, "x", None)]
    assert packing.unpack(rows.select("t"), column="t", fields=fields).collect() == [(None, "2", None)]
    assert packing.unpack(rows.select("n"), column="n", fields=fields).collect() == [(None, None, None)]
    inner = packing.unpack(rows.select("v"), column="v", fields={"a": "string", "b": "struct<c:array<int>>"})
    assert inner.select("a", F.col("b.c").alias("c")).collect() == [("7", [1])]


def test_faults_are_told(rows: DataFrame) -> None:
    with pytest.raises(SchemaMismatch, match=r"plane; .* did you mean 'plain'"):
        packing.pack(rows, columns=["plane"], into="p")
    with pytest.raises(SchemaMismatch, match="column count already"):
        packing.pack(rows, columns=["plain"], into="count")
    with pytest.raises(SchemaMismatch, match="column price already"):
        packing.unpack(rows, column="place", fields={"price": "int"})
    with pytest.raises(SchemaMismatch, match="of type bigint"):
        packing.unpack(rows, column="count", fields={"x": "int"})
    with pytest.raises(SchemaMismatch, match="at least one"):
        packing.pack(rows, columns=[], into="p")
    with pytest.raises(UnknownSetting, match="did you mean 'variant'"):
        packing.pack(rows, columns=["plain"], into="p", format="varient")
    with pytest.raises(UnknownSetting, match="delimiter"):
        packing.pack(rows, columns=["plain"], into="p", format="string", delimiter=":")


def test_names_may_have_dots(spark: SparkSession) -> None:
    rows = spark.sql("SELECT 1 AS `an.id`, 2 AS `a.b`, named_struct('c.d', 'x') AS `a`")
    for format in packing.FORMATS:
        packed = packing.pack(rows, columns=["a.b", "a"], into="all.of.it", format=format)
        fields = {"a.b": "int", "a": "struct<`c.d`:string>"}
        assert packing.unpack(packed, column="all.of.it", fields=fields).collect() == rows.collect()


def test_texts_hold_intervals_and_variants_do_not(spark: SparkSession) -> None:
    rows = spark.sql(
        "SELECT 1 AS id, interval '1 02:03:04.5' day to second AS gap, array(interval '2' day) AS gaps"
    )
    for format in ("map", "string"):
        packed = packing.pack(rows, columns=["gap", "gaps"], into="p", format=format)
        fields = {"gap": "interval day to second", "gaps": "array<interval day>"}
        assert packing.unpack(packed, column="p", fields=fields).collect() == rows.collect()
    with pytest.raises(
        SchemaMismatch, match=r"pack: gaps has the type interval day, which a variant does not"
    ):
        packing.pack(rows, columns=["gaps"], into="p")


@pytest.mark.parametrize("format", packing.FORMATS)
@pytest.mark.parametrize(
    ("value", "type"),
    [
        ("map(1, 'x')", "map<int,string>"),
        ("array(named_struct('m', map(date'2024-01-01', 2)))", "map<date,int>"),
        ("map('k', map(1.5, 2))", r"map<decimal\(2,1\),int>"),
        ("time'10:00:00'", r"time\(6\)"),
        ("null", "void"),
    ],
)
def test_a_type_that_no_format_holds_is_told(spark: SparkSession, value: str, type: str, format: str) -> None:
    rows = spark.sql(f"SELECT {value} AS odd")
    with pytest.raises(SchemaMismatch, match=f"odd has the type {type}, which .* cast it to string"):
        packing.pack(rows, columns=["odd"], into="p", format=format)


def test_fields_of_types_that_cannot_be_are_told(spark: SparkSession) -> None:
    rows = packing.pack(spark.sql("SELECT 1 AS n"), columns=["n"], into="p")
    with pytest.raises(SchemaMismatch, match="n is to be 'integre', which is no type"):
        packing.unpack(rows, column="p", fields={"n": "integre"})
    with pytest.raises(SchemaMismatch, match="unpack: n has the type map<int,int>, which a variant does not"):
        packing.unpack(rows, column="p", fields={"n": "map<int,int>"})
