"""A proposed mapping is one that reads the file it was proposed for."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from sources.reading import RANGE

from retinue import samples
from retinue.errors import InputMissing, SchemaMismatch
from retinue.sources import events, mappings, proposing

LOG = '10.0.0.{0} - - [17/May/2015:10:05:{0:02} +0000] "GET /a?q=x HTTP/1.1" 200 12 "-" "M"\n'
SEGMENT = [
    {
        "user": {"anonymous_id": "a1", "id": None},
        "ts": 1700000000123,
        "event": "Product Viewed",
        "p": {"sku": "s", "price": 1.5},
    },
    {
        "user": {"anonymous_id": "a2", "id": "u"},
        "ts": 1700000001123,
        "event": "Search",
        "p": {"query": "boots", "tags": ["x"]},
    },
]


def test_ready_mappings_are_recognised(tmp_path: Path) -> None:
    proposal = proposing.propose(samples.ecommerce())
    assert proposal.ready == "ecommerce_csv"
    assert set(proposal.feeds) == set(proposing.NEEDS)
    assert proposal.missing == {}
    (tmp_path / "access.log").write_text("".join(LOG.format(i) for i in range(9)))
    assert proposing.propose(tmp_path / "access.log").ready == "combined_log"
    (tmp_path / "snow.tsv").write_text("\t".join("x" * 131) + "\n")
    assert proposing.propose(tmp_path / "snow.tsv").ready == "snowplow_enriched"
    (tmp_path / "own.jsonl").write_text('{"visitor_id": 1, "occurred_at": "2024-01-01T00:00:00Z"}\n')
    assert proposing.propose(tmp_path / "own.jsonl").ready == "generic_jsonl"


def test_an_unknown_csv(tmp_path: Path) -> None:
    path = tmp_path / "clicks.csv.gz"
    path.write_bytes(
        gzip.compress(
            "\ufeffwhen;Client ID;what;url;Total\r\n"
            "03/04/2024 10:00;c1;Page View;https://x.y/a?utm_medium=mail&q=red+shoes;\r\n"
            "04/04/2024 10:00;c2;Add To Basket;https://x.y/a;12.5\r\n".encode()
        )
    )
    proposal = proposing.propose(path)
    mapping = mappings.loads(proposal.toml, name="proposed")
    assert list(mapping.fields) == ["when", "Client ID", "what", "url", "Total"]
    assert (mapping.csv.delimiter, mapping.csv.header) == (";", True)
    assert mapping.time.written == "dd/MM/yyyy HH:mm"
    assert mapping.columns["visitor_id"] == "Client ID"
    assert mapping.columns["event_name"] == "what"
    assert mapping.columns["price_amount"] == "Total"
    assert mapping.event_types == {"Page View": "page_view", "Add To Basket": "add_to_cart"}
    assert mapping.url is not None
    assert (mapping.url.query, mapping.url.channel) == (("q",), ("utm_medium",))
    assert proposal.remarks == ("times are read as dd/MM/yyyy HH:mm; they could be MM/dd/yyyy HH:mm too",)
    assert "fruitless_searches" in proposal.feeds


def test_unknown_json_and_parquet(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in SEGMENT))
    pq.write_table(pa.Table.from_pylist(SEGMENT), tmp_path / "a.parquet")
    for file, format in (("a.jsonl", "jsonl"), ("a.parquet", "parquet")):
        mapping = mappings.loads(proposing.propose(tmp_path / file).toml, name="proposed")
        assert mapping.format == format
        assert mapping.time.written == "milliseconds"
        assert mapping.columns["visitor_id"] == "`user`.`anonymous_id`"
        assert mapping.columns["price_amount"] == "`p`.`price`"
        assert mapping.fields["p"].startswith("struct<`sku`:string,`price`:string")
        assert mapping.event_types == {"Product Viewed": "product_view", "Search": "search"}


def test_a_proposed_mapping_reads_its_file(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in SEGMENT))
    (tmp_path / "b.csv").write_text(
        ",Visitor,Event Time,Page URL,note\n"
        '0,v1,01.02.2024 10:00:00,https://x.y/p/1?q=a+b,"two\nlines"\n'
        "1,v1,01.02.2024 10:00:05,https://x.y/q,\n"
    )
    read = {}
    for file in ("a.jsonl", "b.csv"):
        proposal = proposing.propose(tmp_path / file)
        mapping = mappings.loads(proposal.toml, name="proposed")
        events_read = events.read(spark, str(tmp_path / file), mapping, **RANGE)
        read[file] = sorted(events_read.collect(), key=lambda row: row["position"])
    assert {row["reason"] for rows in read.values() for row in rows} == {None}
    assert [row["event_type"] for row in read["a.jsonl"]] == ["product_view", "search"]
    assert [row["visitor_id"] for row in read["a.jsonl"]] == ["a1", "a2"]
    assert [(row["event_type"], row["page"]) for row in read["b.csv"]] == [
        ("search", "/p/1"),
        ("page_view", "/q"),
    ]
    assert read["b.csv"][0]["occurred_at"] == datetime(2024, 2, 1, 10)


def test_what_is_no_table_of_events(tmp_path: Path) -> None:
    (tmp_path / "q.tsv").write_text("id\tquery\n1\tred chair\n2\tblue chair\n")
    proposal = proposing.propose(tmp_path / "q.tsv")
    assert (proposal.columns, proposal.feeds) == (("query",), ())
    assert proposal.missing["top_paths"] == ("visitor_id", "occurred_at", "page")
    assert '# visitor_id = "" # needed: name the field' in proposal.toml
    assert proposal.remarks[0] == "no field for visitor_id was made out"
    for name, content in {"b": b"\x00\x01\x02", "e": b"\n\n", "w": b"just words\nno table\n"}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(SchemaMismatch):
            proposing.propose(tmp_path / name)
    (tmp_path / "t.gz").write_bytes(gzip.compress(b"a,b\n" * 99)[:20])
    for name in ("t.gz", "nothing.csv"):
        with pytest.raises(InputMissing):
            proposing.propose(tmp_path / name)
