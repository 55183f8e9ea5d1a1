"""The ready mappings read the feeds they are for."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from pyspark.sql import Row, SparkSession
from sources.reading import RANGE, by_position

from retinue.sources import events, mappings


def _read(spark: SparkSession, path: Path, content: str, name: str) -> list[Row]:
    path.write_text(content)
    found = by_position(events.read(spark, str(path), mappings.load(name), **RANGE))
    return [found[i] for i in sorted(found)]


def _said(row: Row) -> dict[str, Any]:
    """What the row says beside where it came from."""
    where = {"event_id", "source", "legal_basis", "source_file", "source_digest", "position", "record"}
    return {name: value for name, value in row.asDict().items() if name not in where and value is not None}


LOG = (
    '10.0.0.1 - bob [17/May/2015:10:05:03 +0200] "GET /search?q=red+shoes%21&hits=1,234 HTTP/1.1" 200 12 '
    '"http://x.y/" "Moz \\"x\\" a"'
)


def test_combined_log(spark: SparkSession, tmp_path: Path) -> None:
    page = LOG.replace("/search?q=red+shoes%21&hits=1,234", "{}")
    lines = [
        LOG,
        page.format("/a/b?utm_medium=mail#c"),
        page.format("/product/77?q=") + ' "more" 0.2',
        page.format("/style.CSS?v=1"),
        page.format("/nothing").replace(" 200 ", " 404 "),
        page.format("/moved").replace(" 200 ", " 301 "),
        LOG.replace("GET", "POST"),
        '10.0.0.2 - - [17/May/2015:10:05:03 +0000] "-" 408 -',
        LOG.replace(LOG[LOG.index('"GET') : LOG.index('" 200')], '"' + '\\"' * 400_000),
        LOG[:-1],
        LOG.replace("May", "Mai"),
    ]
    found = _read(spark, tmp_path / "access.log", "\n".join(lines), "combined_log")
    assert [row["reason"] for row in found] == [None] * 9 + [
        "unparsable",
        "bad_time: occurred_at is 17/Mai/2015:10:05:03 +0200",
    ]
    types = ["search", "page_view", "product_view", "other", "other", "other", "other", "other", "other"]
    assert [row["event_type"] for row in found[:9]] == types
    names = ["page", "page", "page", "file", "error", "redirect", "post", "error"]
    assert [row["event_name"] for row in found[:8]] == names
    assert _said(found[0]) == {
        "visitor_id": found[0]["visitor_id"],
        "user_id": "bob",
        "occurred_at": datetime(2015, 5, 17, 8, 5, 3),
        "event_type": "search",
        "event_name": "page",
        "page": "/search",
        "query": "red shoes!",
        "result_count": 1234,
        "referrer": "http://x.y/",
        "user_agent": 'Moz "x" a',
    }
    assert (found[1]["page"], found[1]["channel"], found[2]["product_id"]) == ("/a/b", "mail", "77")
    assert found[6]["query"] is None
    assert len({row["visitor_id"] for row in found[:7]}) == 1
    assert found[7]["visitor_id"] != found[0]["visitor_id"]


def test_adobe_data_feed(spark: SparkSession, tmp_path: Path) -> None:
    mapping = mappings.load("adobe_data_feed")
    hit = {
        "hit_time_gmt": "1700000000",
        "hitid_high": "1",
        "visid_high": "7",
        "visid_low": "8",
        "exclude_hit": "0",
        "page_event": "0",
        "pagename": "home",
        "currency": "EUR",
    }
    hits = [
        {**hit, "hitid_low": "1", "prop1": "red\\\tshoes\\\nor \\\\ boots", "prop2": "0"},
        {**hit, "hitid_low": "2", "event_list": "2,200=1", "product_list": "Shoes;sku^;1;1;9.99,x;y"},
        {**hit, "hitid_low": "3", "event_list": "200,1", "product_list": ";s;2;19.98", "page_event": "100"},
        {**hit, "hitid_low": "4", "event_list": "10,12"},
        {**hit, "hitid_low": "5", "exclude_hit": "4"},
        {**hit, "hitid_low": "6", "visid_low": ""},
        {**hit},
        {**hit, "hitid_low": "7", "event_list": "21,110"},
    ]
    text = "".join("\t".join(hit.get(name, "") for name in mapping.fields) + "\n" for hit in hits)
    found = _read(spark, tmp_path / "hit_data.tsv", text + "too\tshort\n", "adobe_data_feed")
    reasons = [None] * 5 + ["missing_visitor", "missing_event_id", None, "unparsable"]
    assert [row["reason"] for row in found] == reasons
    types = ["search", "product_view", "purchase", "add_to_cart", "other"]
    assert [row["event_type"] for row in found[:5]] == types
    assert found[7]["event_type"] == "page_view"
    assert _said(found[0]) == {
        "visitor_id": "7-8",
        "occurred_at": datetime(2023, 11, 14, 22, 13, 20),
        "event_type": "search",
        "event_name": "search",
        "page": "home",
        "query": "red\tshoes\nor \\ boots",
        "result_count": 0,
        "currency": "EUR",
    }
    assert found[0]["event_id"] == "1-1"
    assert (found[1]["category"], found[1]["product_id"]) == ("Shoes", "sku^;1")
    assert (found[1]["price_amount"], found[2]["price_amount"]) == (Decimal("9.9900"), Decimal("19.9800"))
    assert found[2]["page"] is None


def test_snowplow_enriched(spark: SparkSession, tmp_path: Path) -> None:
    fields = mappings.load("snowplow_enriched").fields
    view = {
        "event_id": "e1",
        "domain_userid": "d",
        "derived_tstamp": "2024-01-02 03:04:05.678",
        "event": "page_view",
        "event_name": "page_view",
        "page_url": "https://x.y/find?q=a+b",
        "page_urlpath": "/find",
        "useragent": 'M"oz',
        "refr_medium": "search",
    }
    site_search = {"data": {"schema": "iglu:x", "data": {"terms": ["red", "shoes"], "totalResults": 3}}}
    lines = [
        view,
        {**view, "event_id": "e2", "event": "page_ping", "event_name": "page_ping"},
        {**view, "event_id": "e3", "event": "unstruct", "event_name": "site_search",
         "unstruct_event": json.dumps(site_search)},
        {**view, "event_id": "e4", "event": "transaction", "event_name": "transaction", "tr_total": "5.5"},
        {**view, "event_id": "e5", "event": "struct", "event_name": "event", "se_action": "add_to_cart"},
        {**view, "domain_userid": ""},
    ]  # fmt: skip
    text = "".join("\t".join(line.get(name, "") for name in fields) + "\n" for line in lines)
    found = _read(spark, tmp_path / "enriched.tsv", text, "snowplow_enriched")
    assert [row["reason"] for row in found] == [None] * 5 + ["missing_visitor"]
    types = ["search", "ping", "search", "purchase", "add_to_cart"]
    assert [row["event_type"] for row in found[:5]] == types
    assert _said(found[0]) == {
        "visitor_id": "d",
        "occurred_at": datetime(2024, 1, 2, 3, 4, 5, 678000),
        "event_type": "search",
        "event_name": "page_view",
        "page": "/find",
        "query": "a b",
        "channel": "search",
        "user_agent": 'M"oz',
    }
    assert (found[2]["query"], found[2]["result_count"]) == ("red shoes", 3)
    assert found[1]["query"] is None
    assert found[3]["price_amount"] == Decimal("5.5000")


def test_ga4_export(spark: SparkSession, tmp_path: Path) -> None:
    def parameter(key: str, **value: object) -> dict[str, Any]:
        return {"key": key, "value": value}

    base = {"event_timestamp": "1700000000123456", "user_pseudo_id": "u.1", "platform": "WEB"}
    purchase = {
        "event_name": "purchase",
        "ecommerce": {"purchase_revenue": 12.5},
        "items": [{"item_id": "i1", "item_category": "c1"}],
        "event_params": [
            parameter("page_location", string_value="https://x.y/thanks?a=1#b"),
            parameter("currency", string_value="EUR"),
            parameter("ga_session_id", int_value="9"),
        ],
        "collected_traffic_source": {"manual_medium": "cpc", "manual_source": "x"},
    }
    search = {
        "event_name": "view_search_results",
        "event_params": [parameter("search_term", string_value="boots"), parameter("value", int_value="3")],
    }
    lines = [{**base, **purchase}, {**base, **search}, {**base, "event_name": "user_engagement"}, {**search}]
    found = _read(spark, tmp_path / "ga4.json", "\n".join(map(json.dumps, lines)), "ga4_export")
    assert [row["reason"] for row in found] == [None, None, None, "missing_visitor"]
    assert _said(found[0]) == {
        "visitor_id": "u.1",
        "occurred_at": datetime(2023, 11, 14, 22, 13, 20, 123456),
        "event_type": "purchase",
        "event_name": "purchase",
        "page": "/thanks",
        "category": "c1",
        "product_id": "i1",
        "price_amount": Decimal("12.5000"),
        "currency": "EUR",
        "channel": "cpc",
    }
    assert (found[1]["event_type"], found[1]["query"]) == ("search", "boots")
    assert (found[1]["price_amount"], found[2]["event_type"]) == (Decimal("3.0000"), "ping")


def test_generic_feeds_agree(spark: SparkSession, tmp_path: Path) -> None:
    row = dict.fromkeys(mappings.load("generic_csv").fields, "")
    row |= {
        "visitor_id": "v",
        "occurred_at": "2024-01-02T03:04:05+01:00",
        "event_type": "Search",
        "query": "x",
        "result_count": "0",
    }
    named = {**row, "event_type": "", "event_name": "purchase"}
    text = ",".join(row) + "\n" + "".join(",".join(line.values()) + "\n" for line in (row, named))
    from_csv = _read(spark, tmp_path / "a.csv", text, "generic_csv")
    lines = "\n".join(json.dumps({k: v for k, v in line.items() if v}) for line in (row, named))
    from_json = _read(spark, tmp_path / "a.jsonl", lines, "generic_jsonl")
    assert [_said(row) for row in from_csv] == [_said(row) for row in from_json]
    assert [row["event_id"] for row in from_csv] == [row["event_id"] for row in from_json]
    assert [row["event_type"] for row in from_csv] == ["search", "purchase"]
    assert from_csv[0]["occurred_at"] == datetime(2024, 1, 2, 2, 4, 5)
