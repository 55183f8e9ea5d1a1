"""Times and addresses, value by value."""

from __future__ import annotations

from datetime import datetime

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from retinue.sources import addresses, times
from retinue.sources.mappings import TimeWriting, UrlRules

WINTER = datetime(2024, 1, 2, 3, 4, 5)
TIMES: list[tuple[str, str, str, datetime | None]] = [
    ("iso", "UTC", "2024-01-02 03:04:05", WINTER),
    ("iso", "UTC", " 2024-01-02T03:04:05Z ", WINTER),
    ("iso", "UTC", "2024-01-02T03:04:05.123456789Z", WINTER.replace(microsecond=123456)),
    ("iso", "UTC", "2024-01-02 03:04:05,5", WINTER.replace(microsecond=500000)),
    ("iso", "UTC", "2024-01-02 03:04", datetime(2024, 1, 2, 3, 4)),
    ("iso", "Europe/Vienna", "2024-01-02T04:04:05", WINTER),
    ("iso", "Europe/Vienna", "2024-01-02T03:04:05Z", WINTER),
    ("iso", "Europe/Vienna", "2024-01-02 05:04:05+02:00", WINTER),
    ("iso", "Europe/Vienna", "2024-07-02", datetime(2024, 7, 1, 22)),
    ("iso", "Europe/Vienna", "2024-03-31 02:30:00", datetime(2024, 3, 31, 1, 30)),  # skipped
    ("iso", "Europe/Vienna", "2024-10-27 02:30:00", datetime(2024, 10, 27, 0, 30)),  # there twice
    ("iso", "UTC", "2024-13-02 03:04:05", None),
    ("iso", "UTC", "2024-01-02 25:04:05", None),
    ("iso", "UTC", "10:00", None),
    ("iso", "UTC", "2024", None),
    ("iso", "UTC", "now", None),
    ("iso", "UTC", "2024-01-02 x", None),
    ("seconds", "UTC", "1704164645", WINTER),
    ("seconds", "UTC", "1704164645.25", WINTER.replace(microsecond=250000)),
    ("seconds", "UTC", "1.704164645e9", WINTER),
    ("milliseconds", "UTC", "1704164645000.0", WINTER),
    ("microseconds", "UTC", "1704164645000001", WINTER.replace(microsecond=1)),
    ("seconds", "UTC", "-1", datetime(1969, 12, 31, 23, 59, 59)),
    ("seconds", "UTC", "9" * 30, None),
    ("seconds", "UTC", "9" * 15, None),
    ("seconds", "UTC", "NaN", None),
    ("dd/MM/yyyy HH:mm:ss", "Europe/Vienna", "02/01/2024 04:04:05", WINTER),
    ("dd/MMM/yyyy:HH:mm:ss Z", "Europe/Vienna", "02/Jan/2024:03:04:05 +0000", WINTER),
    ("MM/dd/yyyy hh:mm:ss a", "UTC", "01/02/2024 03:04:05 AM", WINTER),
    ("yyyyMMddHHmmss", "UTC", "20240102030405", WINTER),
    ("dd/MM/yyyy HH:mm:ss", "UTC", "30/02/2024 04:04:05", None),
    ("dd/MM/yyyy HH:mm:ss", "UTC", "02/01/2024", None),
]


def test_times(spark: SparkSession) -> None:
    cases = [(i, written) for i, (_, _, written, _) in enumerate(TIMES)]
    rows = spark.createDataFrame(cases, "i int, written string")
    type = rows.schema["written"].dataType
    read = F.coalesce(
        *(
            F.when(F.col("i") == i, times.instant(F.col("written"), type, TimeWriting(word, zone)))
            for i, (word, zone, _, _) in enumerate(TIMES)
        )
    )
    found = rows.orderBy("i").select(read).collect()
    for (instant,), (word, zone, written, wanted) in zip(found, TIMES, strict=True):
        assert instant == wanted, (word, zone, written)


def test_times_that_are_typed(spark: SparkSession) -> None:
    rows = spark.sql("SELECT timestamp'2024-07-02 00:00:00Z' AS t, timestamp_ntz'2024-07-02 00:00:00' AS n")
    vienna = TimeWriting("seconds", "Europe/Vienna")
    read = rows.select(*(times.instant(F.col(c), rows.schema[c].dataType, vienna) for c in ("t", "n")))
    assert tuple(read.collect()[0]) == (datetime(2024, 7, 2), datetime(2024, 7, 1, 22))


RULES = UrlRules(
    address="a",
    title="t",
    search_path="^/(find|s)$",
    title_result_count="([0-9.,]+) hits",
    product_id="/p/([^/?#]+)",
    category="/c/([^/?#]+)",
    query=("q", "search[term]"),
    result_count=("n",),
    campaign_id=("utm_campaign",),
    channel=("utm_medium", "gclid=cpc", "msclkid=cpc", "utm_source", "fbclid=social"),
)
ADDRESSES: list[tuple[str | None, str | None, dict[str, str]]] = [
    ("https://x.y/find?q=a+b%20c", None, {"query": "a b c"}),
    ("/find?x=1&q=%C3%A4+%25&n=1.234", None, {"query": "ä %", "result_count": "1234"}),
    ("/s?Q=a", None, {}),
    ("/s?qq=a&xq=b", None, {}),
    ("/s?q=&q=second", None, {"query": "second"}),
    ("/s?q=+++", None, {}),
    ("/s?q=100%", "about 1,200 hits", {"query": "100%", "result_count": "1200"}),
    ("/s?q=%zz%41", None, {"query": "%zzA"}),
    ("/s?search[term]=a", None, {"query": "a"}),
    ("/s#?q=a", None, {}),
    ("/elsewhere?q=a", None, {}),
    ("https://x.y/c/shoes/p/12?utm_source=s&utm_campaign=k", None,
     {"category": "shoes", "product_id": "12", "channel": "s", "campaign_id": "k"}),
    ("/?utm_source=s&utm_medium=mail", None, {"channel": "mail"}),
    ("/?fbclid=1&UTM_Source=s&utm_medium=&gclid=", None, {"channel": "s"}),
    ("/?utm_source=s&GCLID=1", None, {"channel": "cpc"}),
    ("/?a=b;msclkid=1", None, {"channel": "cpc"}),
    ("/?xgclid=1&gclid&fbclid=x", None, {"channel": "social"}),
    ("/?gclid=1&utm_medium=paid%20social", None, {"channel": "paid social"}),
    ("/?utm_medium=CPC&utm_source=Facebook_Mobile", None, {"channel": "paid_social"}),
    ("/?utm_medium=cpc&utm_source=fb", None, {"channel": "paid_social"}),
    ("/?utm_medium=cpc&utm_source=fbi", None, {"channel": "cpc"}),
    ("/?utm_medium=social&utm_source=fb", None, {"channel": "social"}),
    ("/?gclid=1&utm_source=fb", None, {"channel": "cpc"}),
    ("/?#gclid=1", None, {}),
    ("/s?" + "x" * 3_000 + "&q=a", None, {}),
    ("http://[broken|url ?q=1", None, {}),
    ("", "", {}),
    (None, None, {}),
]  # fmt: skip


@pytest.mark.parametrize("rules", [RULES, None])
def test_addresses(spark: SparkSession, rules: UrlRules | None) -> None:
    values = [(i, address, title) for i, (address, title, _) in enumerate(ADDRESSES)]
    rows = spark.createDataFrame(values, "i int, _address string, _title string")
    found = addresses.with_found(rows, rules).orderBy("i").select("_found.*").collect()
    told = [{name: value for name, value in row.asDict().items() if value is not None} for row in found]
    assert told == [wanted if rules else {} for _, _, wanted in ADDRESSES]


def test_of_some_addresses_only_the_tags_are_read(spark: SparkSession) -> None:
    address = "/find?q=a&n=3&utm_campaign=may&gclid=1&r=/p/7"
    rows = spark.createDataFrame(
        [(n, address, "3 hits") for n in (1, 2)], "n int, _address string, _title string"
    )
    found = addresses.with_found(rows, RULES, only_tags=F.col("n") == 1).orderBy("n").select("_found.*")
    silent, loud = (row.asDict() for row in found.collect())
    tags = {"campaign_id": "may", "channel": "cpc"}
    assert silent == dict.fromkeys(addresses.FOUND) | tags
    assert loud == dict.fromkeys(addresses.FOUND) | tags | {
        "query": "a",
        "result_count": "3",
        "product_id": "7",
    }
