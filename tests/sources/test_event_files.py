"""Reading event files: every record is there once, at its place, good or with a reason."""

from __future__ import annotations

import bz2
import csv
import gzip
import hashlib
import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from sources.reading import RANGE, by_position, mapping, reasons

from retinue import samples
from retinue.errors import InputMissing, SchemaMismatch, UnknownSetting
from retinue.sources import events, mappings

KEY = ["source_file", "source_digest", "position", "record"]


def test_the_public_clickstream(spark: SparkSession) -> None:
    path = Path(samples.ecommerce())
    read = events.read(spark, str(path), mappings.load("ecommerce_csv"), **RANGE).cache()
    wanted = list(csv.DictReader(gzip.decompress(path.read_bytes()).decode().splitlines()))
    found = read.select("position", "visitor_id", "occurred_at", "event_name", "channel").collect()
    assert {tuple(row) for row in found} == {
        (
            i,
            row["user_id"],
            datetime.fromisoformat(row["timestamp"]),
            row["event"],
            row["acquisition_channel"],
        )
        for i, row in enumerate(wanted, start=1)
    }
    assert dict(read.groupBy("event_type").count().collect()) == {
        "page_view": 15233,
        "product_view": 6851,
        "search": 4011,
        "checkout": 1667,
        "other": 1528,
        "add_to_cart": 1346,
        "purchase": 470,
    }
    summary = read.select(
        F.count_distinct("event_id"),
        F.count("reason"),
        F.any_value("source_digest"),
        F.any_value("source_file"),
        F.any_value("legal_basis"),
    )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert tuple(summary.collect()[0]) == (31106, 0, digest, str(path), "anonymous")
    types = {name: declared for name, declared in read.dtypes if declared != "string"}
    assert types == {
        "occurred_at": "timestamp",
        "result_count": "bigint",
        "price_amount": "decimal(18,4)",
        "position": "bigint",
    }
    read.unpersist()


BROKEN = {  # line -> what is said of it
    b"a,2024-07-01 12:00:00,view,1.50,": None,
    b"a,2024-07-01T12:00:00Z,find,,12.0": None,
    b'"b ""x"", y",2024-07-01 12:00:00,view,,': None,
    b"a,2024-07-01 12:00:00,view,1.50": "unparsable",
    b"a,2024-07-01 12:00:00,view,1.50,,": "unparsable",
    b'a,"2024-07-01 12:00:00,view,1.50,': "unparsable",
    b"," * 30_000: "unparsable",
    b"x" * 1_000_000: "unparsable",
    b"a,2024-07-01 12:00:00,view,," + b"1" * 1_000: "bad_number: result_count is " + "1" * 60,
    b",2024-07-01 12:00:00,view,,": "missing_visitor",
    b'"  ",2024-07-01 12:00:00,view,,': "missing_visitor",
    b"a,,view,,": "missing_time",
    b"a,yesterday,view,,": "bad_time: occurred_at is yesterday",
    b"a,12:00:00,view,,": "bad_time: occurred_at is 12:00:00",
    b"a,2024,view,,": "bad_time: occurred_at is 2024",
    b"a,2024-02-30 12:00:00,view,,": "bad_time: occurred_at is 2024-02-30 12:00:00",
    b"a,1999-12-31 12:00:00,view,,": "time_out_of_range: occurred_at is 1999-12-31 12:00:00",
    b"a,2030-01-01 01:00:00,view,,": None,  # in Vienna: midnight in UTC, the last instant in range
    b"a,2030-01-01 01:00:01,view,,": "time_out_of_range: occurred_at is 2030-01-01 01:00:01",
    b"a,2024-07-01 12:00:00,view,cheap,": "bad_number: price_amount is cheap",
    b"a,2024-07-01 12:00:00,view,1e30,": "bad_number: price_amount is 1e30",
    b"a,2024-07-01 12:00:00,find,,-1": "bad_number: result_count is -1",
    b"a,2024-07-01 12:00:00,find,,1.5": "bad_number: result_count is 1.5",
    b"J\xf6rg,2024-07-01 12:00:00,view,,": "bad_encoding",
    b"a\0,2024-07-01 12:00:00,view,,": "bad_encoding",
    "\ufffd,2024-07-01 12:00:00,view,,".encode(): None,
    "Jörg,2024-07-01 12:00:00,view,,".encode(): None,
    b"a,2024-07-01 12:00:00,vi\rew,,": None,
    b"\x1f\x8b\x08\x00binary\x00\xff": "bad_encoding",
}


def test_broken_lines(spark: SparkSession, tmp_path: Path) -> None:
    header = b"\xef\xbb\xbfwho,at,what,price,hits\r\n\r\n"
    (tmp_path / "broken.csv").write_bytes(header + b"\r\n  \r\n".join(BROKEN) + b"\n\n")
    read = events.read(spark, str(tmp_path), mapping(csv="header = true"), **RANGE).cache()
    assert list(reasons(read).values()) == list(BROKEN.values())
    found = by_position(read)
    assert found[1]["occurred_at"] == datetime(2024, 7, 1, 10)  # Vienna is two hours ahead
    assert found[2]["occurred_at"] == datetime(2024, 7, 1, 12)
    assert found[1]["price_amount"] == Decimal("1.5000")
    assert (found[2]["result_count"], found[2]["event_type"]) == (12, "search")
    assert found[3]["visitor_id"] == 'b "x", y'
    assert found[28]["event_name"] == "vi\rew"
    lines = {i: line.decode("latin-1") for i, line in enumerate(BROKEN, start=1)}
    assert {found[i]["record"][1:] for i in (24, 29)} == {lines[24], lines[29]}
    assert found[27]["record"] == "Jörg,2024-07-01 12:00:00,view,,"
    # Sent through again: the same; and by a mended mapping what was no UTF-8 is read.
    again = events.parse(read.select(KEY), mapping(csv="header = true"), **RANGE)
    assert sorted(again.collect(), key=lambda row: row["position"]) == [found[i] for i in sorted(found)]
    mended = mapping(csv="header = true", encoding="cp1252")
    requeued = by_position(events.parse(read.where("reason = 'bad_encoding'").select(KEY), mended, **RANGE))
    assert (requeued[24]["visitor_id"], requeued[24]["reason"]) == ("Jörg", None)
    assert requeued[25]["reason"] == "bad_encoding"
    read.unpersist()


def test_declared_types_are_promises(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,2024-07-01,find,,7\na,2024-07-01,find,,many\na,2024-07-01,find,,\n")
    read = events.read(spark, str(tmp_path / "a.csv"), mapping(hits="int"), **RANGE)
    assert reasons(read) == {1: None, 2: "bad_number: hits is many", 3: None}


def test_positions_hold_however_a_file_is_split(spark: SparkSession, tmp_path: Path) -> None:
    for name, count in (("a.csv", 4_000), ("b.csv", 3), ("c d%20é+#.csv", 2_500)):
        lines = (f"{name[0]},2024-07-01 12:00:00,view,,{i}\n" for i in range(1, count + 1))
        blank = "\n".join(["", "who,at,what,price,hits", *lines])
        (tmp_path / name).write_text(blank)
    before = spark.conf.get("spark.sql.files.maxPartitionBytes")
    try:
        spark.conf.set("spark.sql.files.maxPartitionBytes", "20000")
        read = events.read(spark, str(tmp_path), mapping(csv="header = true"), **RANGE)
        spark.conf.set("spark.sql.files.maxPartitionBytes", "7000")
        found = read.select("source_file", "position", "result_count", "reason").collect()
        assert read.select(F.spark_partition_id()).distinct().count() > 1
    finally:
        spark.conf.set("spark.sql.files.maxPartitionBytes", before)
    assert len(found) == 6_503
    assert {row["source_file"] for row in found} == {str(file) for file in tmp_path.iterdir()}
    assert all(row["position"] == row["result_count"] and row["reason"] is None for row in found)


def test_equal_rows_get_ordinals_and_equal_files_are_read_once(spark: SparkSession, tmp_path: Path) -> None:
    line = "a,2024-07-01 12:00:00,view,,\n"
    (tmp_path / "one.csv").write_text(line * 3 + "b" + line)
    (tmp_path / "two.csv").write_text(line * 3 + "b" + line)
    (tmp_path / "three.csv.bz2").write_bytes(bz2.compress((line * 2 + ",,,,\n").encode()))
    found = events.read(spark, str(tmp_path), mapping(), **RANGE).collect()
    ids = {(Path(row["source_file"]).name, row["position"]): row["event_id"] for row in found}
    assert set(ids) == {("one.csv", i) for i in (1, 2, 3, 4)} | {("three.csv.bz2", i) for i in (1, 2, 3)}
    assert len({ids["one.csv", i] for i in (1, 2, 3, 4)}) == 4
    assert ids["three.csv.bz2", 1] == ids["one.csv", 1]
    assert ids["three.csv.bz2", 2] == ids["one.csv", 2]
    assert ids["three.csv.bz2", 3] is None
    digest = hashlib.sha256((tmp_path / "one.csv").read_bytes()).hexdigest()
    rest = events.read(spark, str(tmp_path / "*"), mapping(), **RANGE, known={digest})
    assert {Path(row["source_file"]).name for row in rest.collect()} == {"three.csv.bz2"}
    nothing = events.read(spark, str(tmp_path / "one.csv"), mapping(), **RANGE, known={digest})
    assert nothing.count() == 0


def test_damaged_files_give_what_can_be_read(spark: SparkSession, tmp_path: Path) -> None:
    lines = "".join(f"{i},2024-07-01 12:00:00,view,,{i * 7919 % 10007}\n" for i in range(1, 20_001))
    packed = gzip.compress(lines.encode())
    (tmp_path / "cut.csv.gz").write_bytes(packed[: len(packed) * 3 // 4])
    (tmp_path / "fake.csv.gz").write_bytes(b"no gzip at all")
    (tmp_path / "fine.csv.gz").write_bytes(gzip.compress(lines[:300].encode()))
    (tmp_path / "empty.csv").write_bytes(b"")
    found = events.read(spark, str(tmp_path), mapping(), **RANGE).collect()
    of = {name: {row["position"]: row for row in found if row["source_file"].endswith(name)}
          for name in ("cut.csv.gz", "fake.csv.gz", "fine.csv.gz", "empty.csv")}  # fmt: skip
    last = len(of["cut.csv.gz"])
    assert 5_000 < last < 20_000
    assert set(of["cut.csv.gz"]) == set(range(1, last + 1))
    assert [i for i, row in of["cut.csv.gz"].items() if row["reason"]] == [last]
    assert of["cut.csv.gz"][last]["reason"] == "damaged_file"
    assert of["cut.csv.gz"][last - 1]["visitor_id"] == str(last - 1)
    assert [(i, row["reason"], row["record"]) for i, row in of["fake.csv.gz"].items()] == [
        (1, "damaged_file", "")
    ]
    assert {row["reason"] for row in of["fine.csv.gz"].values()} <= {None, "unparsable"}
    assert of["empty.csv"] == {}


def test_json_lines(spark: SparkSession, tmp_path: Path) -> None:
    good = {"who": "a", "at": "2024-07-01 12:00:00", "what": "find", "price": 1.25, "hits": 3, "more": [1]}
    lines = {
        json.dumps(good): None,
        " " + json.dumps({**good, "price": "9.99", "hits": "3"}) + " ": None,
        json.dumps({**good, "who": 12, "price": None}): None,
        json.dumps({"at": good["at"]}): "missing_visitor",
        json.dumps({**good, "price": [1]}): "bad_number: price_amount is [1]",
        json.dumps(good) + json.dumps(good): "unparsable",
        json.dumps(good) + " x": "unparsable",
        json.dumps([good]): "unparsable",
        json.dumps(good)[:-5]: "unparsable",
        "null": "unparsable",
        "{}": "missing_visitor",
        "{" * 5_000 + "}" * 5_000: "unparsable",
        "7": "unparsable",
    }
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    found = by_position(events.read(spark, str(tmp_path / "a.jsonl"), mapping("jsonl"), **RANGE))
    assert [found[i]["reason"] for i in sorted(found)] == list(lines.values())
    assert found[1]["price_amount"] == Decimal("1.25")
    assert found[2]["result_count"] == 3
    assert found[3]["visitor_id"] == "12"
    assert found[1]["event_id"] != found[2]["event_id"]


def test_parquet_is_read_as_it_stands(spark: SparkSession, tmp_path: Path) -> None:
    at = datetime(2024, 7, 1, 12, 0, 0, 123456)
    table = {
        "who": ["a", "b", None, 'c"\n'],
        "at": pa.array([at, at, at, None], pa.timestamp("us")),
        "price": [Decimal("1.50"), None, None, None],
        "hits": pa.array([3, None, -1, 4], pa.int32()),
        "more": [b"\xff", None, b"", b"x"],
    }
    pq.write_table(pa.table(table), tmp_path / "a.parquet", row_group_size=2)
    pq.write_table(pa.table({**table, "at": pa.array([at] * 4, pa.timestamp("us", tz="UTC"))}).slice(0, 1),
                   tmp_path / "b.parquet")  # fmt: skip
    whole = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[:-20])
    (tmp_path / "rotten.parquet").write_bytes(whole[:4] + bytes(range(200)) * 2 + whole[404:])
    (tmp_path / "text.parquet").write_bytes(b"who,at\n")
    with pytest.raises(SchemaMismatch, match="do not go together"):
        events.read(spark, str(tmp_path), mapping("parquet"), **RANGE)
    (tmp_path / "b.parquet").unlink()
    found = events.read(spark, str(tmp_path), mapping("parquet"), **RANGE).collect()
    rows = {(Path(row["source_file"]).name, row["position"]): row for row in found}
    assert {key: row["reason"] for key, row in rows.items()} == {
        ("a.parquet", 1): None,
        ("a.parquet", 2): None,
        ("a.parquet", 3): "missing_visitor",
        ("a.parquet", 4): "missing_time",
        ("cut.parquet", 1): "damaged_file",
        ("rotten.parquet", 1): "damaged_file",
        ("text.parquet", 1): "damaged_file",
    }
    first = rows["a.parquet", 1]
    assert first["occurred_at"] == datetime(2024, 7, 1, 10, 0, 0, 123456)
    assert (first["price_amount"], first["result_count"]) == (Decimal("1.5000"), 3)
    assert json.loads(first["record"])["who"] == "a"
    pq.write_table(pa.table({"x": [1]}), tmp_path / "other.parquet")
    with pytest.raises(SchemaMismatch, match="has none of the fields"):
        events.read(spark, str(tmp_path / "other.parquet"), mapping("parquet"), **RANGE)


def test_records_that_span_lines(spark: SparkSession, tmp_path: Path) -> None:
    text = (
        "who,at,what,price,hits\r\n"
        'a,2024-07-01,"vi\r\new",,1\r\n\r\n'
        'b,2024-07-01,"5"" pipe, x",,2\n'
        "c,2024-07-01,\xe9,,3\n"
        'd,2024-07-01,5" pipe,,4\n'
        "e,2024-07-01\r,view,,5\n"
        'f,2024-07-01,"never closed,,6\ng,2024-07-01,view,,7\n'
    )
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode("latin-1")))
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(text.encode("latin-1") * 50)[:80])
    options = mapping(csv="header = true\nmultiline = true", encoding="latin-1")
    read = events.read(spark, str(tmp_path), options, **RANGE).cache()
    found = by_position(read.where("source_file NOT LIKE '%cut%'"))
    assert [found[i]["reason"] for i in sorted(found)] == [None, None, None, None, None, "unparsable"]
    assert [found[i]["event_name"] for i in (1, 2, 3, 4)] == ["vi\r\new", '5" pipe, x', "é", '5" pipe']
    assert found[5]["occurred_at"] == datetime(2024, 6, 30, 22)
    assert found[6]["record"].endswith("g,2024-07-01,view,,7")
    assert reasons(read.where("source_file LIKE '%cut%'")) == {1: "damaged_file"}
    again = events.parse(read.select(KEY), options, **RANGE)
    assert set(again.collect()) == set(read.collect())
    read.unpersist()


def test_what_cannot_be_read_at_all_is_one_sentence(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("at,who,what,price,hits,new\na,b,c,d,e,f\n")
    with pytest.raises(InputMissing, match=r"none\.csv cannot be read: it is not there"):
        events.read(spark, str(tmp_path / "none.csv"), mapping(), **RANGE)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputMissing, match="holds no file"):
        events.read(spark, str(tmp_path / "empty"), mapping(), **RANGE)
    for options in ("header = true", "header = true\nmultiline = true"):
        with pytest.raises(SchemaMismatch, match=r"not declared: new\. `retinue map"):
            events.read(spark, str(tmp_path / "a.csv"), mapping(csv=options), **RANGE)
    (tmp_path / "a.csv").write_text("at,who,what,price,hits\n")
    with pytest.raises(SchemaMismatch, match="the order differs, there it is at, who"):
        events.read(spark, str(tmp_path / "a.csv"), mapping(csv="header = true"), **RANGE)
    with pytest.raises(SchemaMismatch, match=r"events\.parse needs the columns"):
        events.parse(spark.range(1), mapping(), **RANGE)


def test_sql_that_does_not_resolve_is_told_with_its_key(spark: SparkSession) -> None:
    text = """
    format = "jsonl"
    legal_basis = "consent"
    [fields]
    a = "struct<b:strin>"
    c = "string"
    [columns]
    visitor_id = "c"
    occurred_at = "c"
    page = "lowr(c)"
    category = "c +"
    query = "explode(array(c))"
    [url]
    address = "d"
    """
    records = spark.createDataFrame(
        [], "source_file string, source_digest string, position bigint, record string"
    )
    with pytest.raises(UnknownSetting, match=r"fields\.a is 'struct<b:strin>'"):
        events.parse(records, mappings.loads(text, name="wrong"), **RANGE)
    mended = mappings.loads(text.replace("strin>", "string>"), name="wrong")
    with pytest.raises(UnknownSetting) as caught:
        events.parse(records, mended, **RANGE)
    told = str(caught.value)
    for key in ("page is 'lowr(c)'", "category is 'c +'", "query is 'explode", "url.address is 'd'"):
        assert key in told
