"""What brought a visit is told by feeds whose pages go without their query as by the whole address."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F
from sources.reading import RANGE

from retinue.attribution import channels
from retinue.clickstream import sessions
from retinue.sources import events, mappings, proposing

GOOGLE = "https://www.google.com/"
BING = "https://www.bing.com/"
LANDINGS: list[tuple[str, str, str, str | None]] = [  # query, referrer, channel, campaign
    ("", "", "direct", None),
    ("", GOOGLE, "organic_search", None),
    ("", "https://blog.example.org/", "referral", None),
    ("?size=9#gclid=1", GOOGLE, "organic_search", None),
    ("?gclid=EAIaIQ", GOOGLE, "paid_search", None),
    ("?a=1&GBRAID=x", "", "paid_search", None),
    ("?msclkid=x", BING, "paid_search", None),
    ("?gclid=", GOOGLE, "organic_search", None),
    ("?xgclid=1", GOOGLE, "organic_search", None),
    ("?utm_source=google&utm_medium=cpc&utm_campaign=Brand+DE&gclid=x", GOOGLE, "paid_search", "Brand DE"),
    ("?utm_campaign=b&utm_source=google&gclid=x", GOOGLE, "paid_search", "b"),
    ("?utm_source=google&utm_medium=display&gclid=x", GOOGLE, "display", None),
    ("?dclid=x", "https://ad.doubleclick.net/", "display", None),
    (
        "?utm_source=facebook_mobile&utm_medium=cpc&utm_campaign=k&fbclid=x",
        "https://m.facebook.com/",
        "paid_social",
        "k",
    ),
    ("?utm_source=ig&utm_medium=paid&fbclid=x", "https://l.instagram.com/", "paid_social", None),
    ("?utm_source=xandr&utm_medium=cpc", "", "paid_search", None),
    ("?utm_source=weibo&utm_medium=paid%20social", "", "paid_social", None),
    ("?ttclid=x", "", "paid_social", None),
    ("?ScCid=x", "", "paid_social", None),
    ("?cjevent=x", "https://coupons.example/", "affiliates", None),
    ("?utm_medium=cps", "https://coupons.example/", "affiliates", None),
    ("?utm_source=spring&utm_medium=e-mail&utm_campaign=may", "", "email", "may"),
    ("?mc_eid=x&utm_source=spring", "", "email", None),
    ("?utm_source=newsletter_may", "", "email", None),
    ("?utm_source=shop&utm_medium=sms&utm_campaign=may", "", "sms", "may"),
    ("?utm_source=shop&utm_medium=web-push&utm_campaign=may", "", "push", "may"),
    ("?utm_source=chatgpt.com", "", "ai_assistants", None),
    ("?utm_source=facebook&utm_campaign=may", "", "organic_social", "may"),
    ("?fbclid=x", "https://l.facebook.com/", "organic_social", None),
    ("?fbclid=x", "", "organic_social", None),
    ("?utm_source=podcast&utm_medium=audio&utm_campaign=may", GOOGLE, "other_campaigns", "may"),
]


def combined(n: int, address: str, referrer: str) -> str:
    path = address.removeprefix("https://shop.example")
    return (
        f'10.0.0.{n} - - [17/May/2015:10:05:03 +0000] "GET {path} HTTP/1.1" 200 1 "{referrer or "-"}" "Moz"'
    )


def redirected(n: int, address: str, referrer: str) -> str:
    first = combined(n, address, referrer).replace(" 200 ", " 301 ").replace(":03 +", ":02 +")
    return first + "\n" + combined(n, "https://shop.example/moved", referrer)


def tabbed(name: str, **said: str) -> str:
    fields = mappings.load(name).fields
    assert said.keys() <= fields.keys()
    return "\t".join(said.get(field, "") for field in fields)


def snowplow(n: int, address: str, referrer: str, **enriched: str) -> str:
    """As without the enrichment of campaigns, which is a matter of configuration."""
    return tabbed(
        "snowplow_enriched",
        event_id=f"e{n}",
        domain_userid=f"v{n}",
        derived_tstamp="2024-01-02 03:04:05",
        event="page_view",
        event_name="page_view",
        page_url=address,
        page_urlpath="/shoes",
        page_referrer=referrer,
        refr_medium="search" if referrer in (GOOGLE, BING) else "",
        **enriched,
    )


def adobe(n: int, address: str, referrer: str, **more: str) -> str:
    hit = {
        "hit_time_gmt": "1700000000",
        "hitid_high": "1",
        "hitid_low": str(n),
        "visid_high": "7",
        "visid_low": str(n),
        "exclude_hit": "0",
        "page_event": "0",
        "pagename": "shoes",
        "page_url": address,
        "channel": "Women's shoes",
        "referrer": referrer,
    }
    return tabbed("adobe_data_feed", **hit | more)


def ga4(n: int, address: str, referrer: str, event: str = "session_start", **more: object) -> str:
    params = {"page_location": address, **({"page_referrer": referrer} if referrer else {})}
    row: dict[str, Any] = {
        "event_timestamp": "1700000000123456",
        "user_pseudo_id": f"u.{n}",
        "event_name": event,
        "event_params": [{"key": key, "value": {"string_value": each}} for key, each in params.items()],
        "traffic_source": {"medium": "email", "source": "letter", "name": "welcome"},
    }
    return json.dumps(row | more)


FEEDS: dict[str, tuple[str, Callable[[int, str, str], str]]] = {
    "log": ("combined_log", combined),
    "redirects": ("combined_log", redirected),
    "snowplow": ("snowplow_enriched", snowplow),
    "adobe": ("adobe_data_feed", adobe),
    "ga4": ("ga4_export", ga4),
}


def read(spark: SparkSession, folder: Path, name: str, lines: list[str]) -> DataFrame:
    (folder / "feed").write_text("".join(f"{line}\n" for line in lines))
    rows = events.read(spark, str(folder / "feed"), mappings.load(name), **RANGE)
    return rows.where("reason IS NULL").localCheckpoint()


def landed(rows: DataFrame) -> list[Row]:
    """The touch of each visitor, in the order of the file."""
    numbers = rows.groupBy("visitor_id").agg(F.min("position").alias("position"))
    touches = channels.touches(
        sessions.sessionize(rows), rules=channels.load("standard"), person="visitor_id"
    )
    return touches.join(numbers, "visitor_id").orderBy("position").collect()


@pytest.mark.parametrize("feed", FEEDS)
def test_channels_of_feeds_whose_pages_have_no_query(spark: SparkSession, tmp_path: Path, feed: str) -> None:
    name, line = FEEDS[feed]
    lines = [
        line(n, f"https://shop.example/shoes{query}", referrer)
        for n, (query, referrer, _, _) in enumerate(LANDINGS)
    ]
    rows = read(spark, tmp_path, name, lines)
    pages = {row.page for row in rows.select("page").distinct().collect()}
    assert pages <= {"/shoes", "shoes", "/moved"}, "visits count together"
    told = [(touch.channel, touch.campaign_id) for touch in landed(rows)]
    wanted = [(channel, campaign) for _, _, channel, campaign in LANDINGS]
    wrong = [each for each in zip(LANDINGS, told, wanted, strict=True) if each[1] != each[2]]
    assert not wrong


def test_the_landings_are_of_these_channels_by_the_whole_address_too(spark: SparkSession) -> None:
    said = [(n, f"/shoes{query}", referrer) for n, (query, referrer, *_) in enumerate(LANDINGS)]
    rows = spark.createDataFrame(said, "n int, page string, referrer string")
    nothing = F.lit(None).cast("string")
    told = channels.channel_of(channels.load("standard"), campaign_id=nothing, channel=nothing)
    found = [row.channel for row in rows.orderBy("n").select(told.alias("channel")).collect()]
    assert found == [channel for _, _, channel, _ in LANDINGS]


def test_what_snowplow_made_of_an_address(spark: SparkSession, tmp_path: Path) -> None:
    enriched: list[tuple[dict[str, str], tuple[str, str | None]]] = [
        ({"mkt_clickid": "x", "mkt_network": "Google"}, ("paid_search", None)),
        ({"mkt_clickid": "x", "mkt_network": "DoubleClick"}, ("display", None)),
        ({"mkt_medium": "email", "mkt_campaign": "may"}, ("email", "may")),
        ({}, ("organic_search", None)),
    ]
    lines = [snowplow(n, "https://shop.example/", GOOGLE, **said) for n, (said, _) in enumerate(enriched)]
    touches = landed(read(spark, tmp_path, "snowplow_enriched", lines))
    assert [(touch.channel, touch.campaign_id) for touch in touches] == [wanted for _, wanted in enriched]


def test_what_google_made_of_an_address(spark: SparkSession, tmp_path: Path) -> None:
    def collected(**said: str) -> dict[str, object]:
        return {"collected_traffic_source": said}

    ads = {"session_traffic_source_last_click": {"google_ads_campaign": {"campaign_name": "Brand"}}}
    organic = collected(manual_medium="organic", manual_campaign_name="(organic)")
    shown: list[tuple[str, dict[str, object], tuple[str, str | None]]] = [
        ("", collected(gclid="x") | ads, ("paid_search", "Brand")),
        ("?gclid=x", organic | ads, ("paid_search", None)),
        ("", collected(dclid="x", manual_medium="organic"), ("display", None)),
        (
            "",
            collected(manual_medium="email", manual_campaign_name="may", manual_source="l"),
            ("email", "may"),
        ),
        ("", organic | ads, ("organic_search", None)),
        ("", ads, ("organic_search", None)),
    ]
    lines = [
        ga4(n, f"https://shop.example/{query}", GOOGLE, "page_view", **said)
        for n, (query, said, _) in enumerate(shown)
    ]
    rows = read(spark, tmp_path, "ga4_export", lines)
    assert [(touch.channel, touch.campaign_id) for touch in landed(rows)] == [wanted for *_, wanted in shown]
    assert rows.where("channel = 'email'").count() == 1, "what first brought a visitor brings no later visit"


def test_the_section_of_a_site_is_no_channel(spark: SparkSession, tmp_path: Path) -> None:
    lines = [adobe(1, "https://shop.example/", ""), adobe(2, "https://shop.example/", "", campaign="C-1")]
    rows = read(spark, tmp_path, "adobe_data_feed", lines).orderBy("position").collect()
    assert [(row.channel, row.campaign_id) for row in rows] == [(None, None), (None, "C-1")]


def test_all_ready_feeds_know_the_same_tags() -> None:
    known = {name: mappings.load(name).url for name, _ in FEEDS.values()}
    assert all(url and url.channel == proposing.TAGS for url in known.values())
    assert all(url and url.campaign_id == ("utm_campaign",) for url in known.values())
    clicks = {rule.partition("=")[0] for rule in proposing.TAGS} - {"utm_medium", "utm_source"}
    assert clicks == {name for rule in channels.load("standard").rules for name in rule.click_id}
