"""Mappings are checked whole, before Spark starts, and every fault is told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from retinue.errors import InputMissing, UnknownSetting
from retinue.sources import mappings

SMALL = """
format = "csv"
legal_basis = "consent"
[fields]
who = "string"
at = "string"
[columns]
visitor_id = "who"
occurred_at = "at"
"""


def test_ready_mappings_load() -> None:
    ready = {name: mappings.load(name) for name in mappings.names()}
    assert {"ecommerce_csv", "combined_log", "adobe_data_feed", "snowplow_enriched", "ga4_export"} <= set(
        ready
    )
    assert {mapping.format for mapping in ready.values()} == set(mappings.FORMATS)
    assert len(ready["snowplow_enriched"].fields) == 131
    assert all(mapping.about and mapping.name == name for name, mapping in ready.items())


def test_defaults() -> None:
    mapping = mappings.loads(SMALL, name="small")
    assert (mapping.time.written, mapping.time.zone, mapping.encoding) == ("iso", "UTC", "utf-8")
    assert (mapping.csv.delimiter, mapping.csv.quote, mapping.csv.header) == (",", '"', False)
    assert (mapping.otherwise, mapping.url, list(mapping.fields)) == ("other", None, ["who", "at"])


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(SMALL)
    assert mappings.load(tmp_path / "mine.toml") == mappings.loads(SMALL, name="mine")
    with pytest.raises(InputMissing, match=r"none\.toml cannot be read: No such file"):
        mappings.load(str(tmp_path / "none.toml"))
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UnknownSetting, match="no UTF-8"):
        mappings.load(tmp_path / "bytes.toml")
    with pytest.raises(UnknownSetting, match=r"is no TOML: .*line 1"):
        mappings.loads("format = \nx = 1", name="broken")


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(UnknownSetting, match="did you mean 'ecommerce_csv'"):
        mappings.load("ecomerce_csv")


def test_all_faults_at_once() -> None:
    with pytest.raises(UnknownSetting) as caught:
        mappings.loads(
            """
            formt = "csv"
            format = "cvs"
            encoding = "utf-16"
            event_types = 3
            [csv]
            delimiter = ""
            quote = "''"
            header = "yes"
            seperator = ","
            [fields]
            a = "strin"
            A = "string"
            t = "timestamp"
            n = 3
            [time]
            written = "epoch"
            zone = "Berlin"
            [columns]
            visitor = "a"
            page = ""
            [url]
            product_id = '/p/(\\d+)/(\\d+)'
            category = '('
            query = "q"
            title_result_count = '(\\d+)'
            channel = ["utm_medium", "gclid=", "=cpc", "a=b=c"]
            campaign_id = [""]
            """,
            name="wrong",
        )
    told = str(caught.value)
    for fault in (
        "formt is no key of a mapping; did you mean 'format'?",
        "format is 'cvs': one of csv, jsonl, parquet, combined; did you mean 'csv'?",
        "legal_basis is missing: one of anonymous",
        "encoding is 'utf-16': utf-8, or a one-byte code page",
        "event_types is 3; it is a table",
        "csv.delimiter is ''",
        "csv.quote is \"''\"",
        "csv.header is 'yes': true or false",
        "csv.seperator is no key of a mapping",
        "fields.a is 'strin': one of string",
        "did you mean 'string'?",
        "fields.A is there twice",
        "fields.t is 'timestamp': declare it as string",
        "fields.n is 3; it must be text",
        "time.written is 'epoch': one of iso, seconds",
        "time.zone is 'Berlin', no zone of the tz database; did you mean 'Europe/Berlin'?",
        "columns.visitor is no key of a mapping; did you mean 'visitor_id'?",
        "columns.page is ''; it must be text",
        "columns.visitor_id is missing",
        "columns.occurred_at is missing",
        "url.address is missing",
        "url.product_id is '/p/(\\\\d+)/(\\\\d+)': it must have one group",
        "url.category is '(', no regular expression",
        "url.query is 'q': a list of names",
        "url.campaign_id is ['']: a list of names",
        "url.channel has 'gclid=': a parameter, or such as 'gclid=cpc'",
        "url.channel has '=cpc'",
        "url.channel has 'a=b=c'",
        "url.title is missing",
    ):
        assert fault in told
    assert "utm_medium" not in told


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        (('format = "csv"', 'format = "combined"'), "fixed for format = 'combined'"),
        (('who = "string"', 'who = "array<string>"'), "one of string, boolean"),
        (('format = "csv"', 'format = "jsonl"\n[csv]\nheader = true'), "belongs to format = 'csv'"),
        (('legal_basis = "consent"', 'legal_basis = "consnt"'), "did you mean 'consent'"),
        (("[columns]", "[event_types]\nview = 'pageview'\n[columns]"), "did you mean 'page_view'"),
    ],
)
def test_one_fault(changed: tuple[str, str], fault: str) -> None:
    with pytest.raises(UnknownSetting, match=fault):
        mappings.loads(SMALL.replace(*changed), name="small")


def test_code_pages() -> None:
    assert mappings.one_byte_table("latin-1") == "".join(map(chr, range(128, 256)))
    assert mappings.one_byte_table("cp1252")[0] == "€"
    assert [mappings.one_byte_table(name) for name in ("utf-8", "utf-16", "shift_jis", "cp037", "none")] == [
        ""
    ] * 5
