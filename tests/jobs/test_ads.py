"""From visits, banners, costs and lots to returns: each figure by plain loops over the same lives."""

from __future__ import annotations

import random
import shutil
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from lakes import fresh
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from retinue import job, promises, settings
from retinue.commands import OF_ADS
from retinue.errors import InputMissing, UnknownSetting
from retinue.settings import Settings

START, DAYS, PEOPLE = datetime(2026, 3, 2, tzinfo=UTC), 40, 90
AS_OF = date(2026, 4, 12)
BANNERS = {"a1": "c1", "a2": "c1", "b1": "c2"}
CHANNELS = ("email", "paid_search", "direct", "organic_search")


@dataclass(frozen=True)
class Touch:
    at: datetime
    channel: str
    ad: str | None
    is_view: bool


@dataclass(frozen=True)
class Life:
    """What one person met and bought; `orders` are when, worth and currency."""

    touches: list[Touch]
    orders: list[tuple[datetime, float, str]]
    is_treated: bool


def lives() -> dict[str, Life]:
    """Everybody visits; who is treated sees banners; a visit may order, rarely in another currency."""
    rng = random.Random(3)
    found = {}
    for n in range(PEOPLE):
        is_treated = rng.random() < 0.7
        touches, orders = [], []
        for _ in range(rng.randint(1, 5)):
            at = START + timedelta(seconds=rng.randrange(DAYS * 86_400))
            touches.append(Touch(at, rng.choice(CHANNELS), None, is_view=False))
            if rng.random() < 0.3:
                money = "EUR" if rng.random() < 0.1 else "USD"
                orders.append((at + timedelta(minutes=2), float(rng.randint(1, 20) * 5), money))
        for _ in range(rng.randint(0, 6) if is_treated else 0):
            at = START + timedelta(seconds=rng.randrange(DAYS * 86_400))
            touches.append(Touch(at, "display", rng.choice(list(BANNERS)), is_view=rng.random() < 0.8))
        found[f"p{n:02d}"] = Life(touches, orders, is_treated)
    return found


COSTS = [
    *(
        (START.date() + timedelta(days=d), "display", BANNERS[ad], ad, 1 + d % 3)
        for d in range(20)
        for ad in BANNERS
    ),
    *((START.date() + timedelta(days=d), "paid_search", None, None, 4) for d in range(0, 30, 7)),
    (START.date(), "affiliates", None, None, 50),
]


def events(everybody: dict[str, Life]) -> list[dict[str, Any]]:
    """Each visit as a session of a page view and perhaps an order."""
    rows = []
    for person, life in everybody.items():
        bought = {at: (worth, money) for at, worth, money in life.orders}
        visits = [touch for touch in life.touches if touch.ad is None]
        for number, visit in enumerate(sorted(visits, key=lambda each: each.at), start=1):
            shared = {
                "visitor_id": person,
                "session_id": f"{person}-{number}",
                "session_index": number,
                "channel": visit.channel,
                "source": "shop",
                "legal_basis": "anonymous",
                "is_bot": False,
                "is_rapid": False,
            }
            first = {"event_id": f"{person}-{number}-1", "event_index": 1, "occurred_at": visit.at}
            rows.append({**shared, **first, "event_type": "page_view", "page": "/"})
            at = visit.at + timedelta(minutes=2)
            if at in bought:
                worth, money = bought[at]
                order = {"event_id": f"{person}-{number}-2", "event_index": 2, "occurred_at": at}
                paid = {"price_amount": Decimal(worth), "currency": money}
                rows.append({**shared, **order, **paid, "event_type": "purchase", "page": "/thanks"})
    return rows


@pytest.fixture(scope="module")
def everybody() -> dict[str, Life]:
    return lives()


@pytest.fixture(scope="module")
def ready(spark: SparkSession, everybody: dict[str, Life], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose silver tables hold these lives."""
    home = tmp_path_factory.mktemp("ads") / "home"
    lake = fresh(spark, home)
    said = {"source": "ads", "legal_basis": "anonymous"}
    banners = [
        {
            "touch_id": f"{person}-{n}",
            "visitor_id": person,
            "occurred_at": touch.at,
            "touch_type": "impression" if touch.is_view else "click",
            "channel": touch.channel,
            "campaign_id": BANNERS[touch.ad],
            "ad_id": touch.ad,
        }
        for person, life in everybody.items()
        for n, touch in enumerate(life.touches)
        if touch.ad
    ]
    lots = [
        {
            "assignment_id": person,
            "visitor_id": person,
            "assigned_at": START,
            "channel": "display",
            "is_treated": life.is_treated,
        }
        for person, life in everybody.items()
    ]
    costs = [
        {
            "cost_id": str(n),
            "spent_on": day,
            "channel": channel,
            "campaign_id": campaign,
            "ad_id": ad,
            "cost_amount": Decimal(cost),
            "currency": "USD",
        }
        for n, (day, channel, campaign, ad, cost) in enumerate(COSTS)
    ]
    tables = {"silver.ad_touches": banners, "silver.ad_assignments": lots, "silver.ad_costs": costs}
    for name, rows in tables.items():
        lake.merge(name, lake.frame(name, [{**row, **said} for row in rows]))
    lake.merge("silver.sessionized_events", lake.frame("silver.sessionized_events", events(everybody)))
    return home


def asked(home: Path) -> Settings:
    return settings.load("test", home=home, overrides=[f"as_of={AS_OF}", "attribution.margin=0.5"])


@pytest.fixture(scope="module")
def home(spark: SparkSession, ready: Path) -> Path:
    for name in OF_ADS:
        job.perform(name, fresh(spark, ready), asked(ready))
    return ready


def in_dollars(life: Life) -> list[tuple[datetime, float]]:
    return [(at, worth if money == "USD" else 0.0) for at, worth, money in life.orders]


def led_up(life: Life, at: datetime) -> list[Touch]:
    """The touches that count for a conversion, in time order: clicks 30 days, views one."""
    spans = {True: timedelta(days=1), False: timedelta(days=30)}
    counted = [touch for touch in life.touches if at - spans[touch.is_view] <= touch.at <= at]
    return sorted(counted, key=lambda touch: touch.at)


def credited(everybody: dict[str, Life], model: str, level: str) -> dict[str | None, list[float]]:
    """Conversions and value by name, by the last touch or by all equally."""
    sums: dict[str | None, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for life in everybody.values():
        for at, worth in in_dollars(life):
            led = led_up(life, at)
            told = led[-1:] if model == "last" else led
            for touch in told or [None]:
                name = _name(touch, level) if touch else None
                sums[name][0] += 1 / max(len(told), 1)
                sums[name][1] += worth / max(len(told), 1)
    return dict(sums)


def _name(touch: Touch, level: str) -> str:
    if level == "channel":
        return touch.channel
    return (touch.ad if level == "ad_id" else BANNERS[touch.ad]) if touch.ad else f"({touch.channel})"


def test_every_conversion_has_its_journey_and_every_touch_stands_in_one(
    spark: SparkSession, everybody: dict[str, Life], home: Path
) -> None:
    journeys = fresh(spark, home).read("gold.journeys").collect()
    told = Counter((row["person_id"], row["converted_at"]) for row in journeys if row["is_converted"])
    wanted = Counter(
        ("v:" + person, at.replace(tzinfo=None))
        for person, life in everybody.items()
        for at, *_ in life.orders
    )
    assert told == wanted
    seen = {
        (row["person_id"], touch["occurred_at"], touch["ad_id"])
        for row in journeys
        for touch in row["touches"]
    }
    assert seen == {
        ("v:" + person, touch.at.replace(tzinfo=None), touch.ad)
        for person, life in everybody.items()
        for touch in life.touches
    }


@pytest.mark.parametrize("model", ["last", "linear"])
@pytest.mark.parametrize("level", ["channel", "campaign_id", "ad_id"])
def test_credit_is_that_of_plain_loops(
    spark: SparkSession, everybody: dict[str, Life], home: Path, model: str, level: str
) -> None:
    rows = (
        fresh(spark, home)
        .read("gold.attribution")
        .where(f"model = '{model}' AND level = '{level}'")
        .collect()
    )
    wanted = credited(everybody, model, level)
    earned = {row["name"]: [row["conversions"], row["value"]] for row in rows if row["conversions"]}
    assert earned.keys() == wanted.keys()
    for name, amounts in wanted.items():
        assert earned[name] == pytest.approx(amounts), name
    assert {row["currency"] for row in rows} == {"USD"}


def test_all_models_credit_all_that_converted(
    spark: SparkSession, everybody: dict[str, Life], home: Path
) -> None:
    lake = fresh(spark, home)
    orders = [worth for life in everybody.values() for _, worth in in_dollars(life)]
    rows = (
        lake.read("gold.attribution")
        .groupBy("level", "model")
        .agg(F.sum("conversions"), F.sum("value"))
        .collect()
    )
    assert len(rows) == 3 * 9
    for row in rows:
        assert tuple(row)[2:] == pytest.approx((len(orders), sum(orders)))
    touches = lake.read("gold.attribution_credits").groupBy("model").agg(F.sum("conversions")).collect()
    assert {row["model"]: round(row[1], 6) for row in touches} == dict.fromkeys(
        ("first", "last", "last_non_direct", "linear", "position", "time_decay"), len(orders)
    )
    assert [each for each in promises.kept(lake) if not each.holds] == []


def test_costs_meet_credit_and_what_matches_nothing_is_a_row(
    spark: SparkSession, everybody: dict[str, Life], home: Path
) -> None:
    returns = fresh(spark, home).read("gold.ad_returns").where("model = 'linear'").collect()
    spent = sum(cost for *_, cost in COSTS)
    for level in ("channel", "campaign_id", "ad_id"):
        rows = {row["name"]: row for row in returns if row["level"] == level}
        assert sum(row["cost_amount"] for row in rows.values()) == spent
        lone = rows["affiliates" if level == "channel" else "(affiliates)"]
        assert (lone["matched"], lone["cost_amount"], lone["conversions"]) == ("cost without touches", 50, 0)
    by_channel = {row["name"]: row for row in returns if row["level"] == "channel"}
    assert by_channel["email"]["matched"] == "touches without cost"
    display = by_channel["display"]
    cost = sum(cost for _, channel, *_, cost in COSTS if channel == "display")
    value = credited(everybody, "linear", "channel")["display"][1]
    assert display["attributed_roi"] == pytest.approx((value * 0.5 - cost) / cost)
    assert display["roas"] == pytest.approx(value / cost)


def test_the_held_out_group_tells_what_was_caused_and_nothing_is_suggested_without_one(
    spark: SparkSession, everybody: dict[str, Life], home: Path
) -> None:
    returns = fresh(spark, home).read("gold.ad_returns").where("model = 'linear'").collect()
    worth = {True: [], False: []}  # type: dict[bool, list[float]]
    for life in everybody.values():
        worth[life.is_treated].append(sum(value for _, value in in_dollars(life)))
    caused = (mean(worth[True]) - mean(worth[False])) * len(worth[True])
    known = [row for row in returns if row["incremental_margin_amount"] is not None]
    assert [(row["level"], row["name"]) for row in known] == [("channel", "display")]
    [display] = known
    assert display["incremental_margin_amount"] == pytest.approx(caused * 0.5)
    assert display["calibration"] == pytest.approx(caused * 0.5 / display["margin_amount"])
    assert {row["suggestion"] for row in returns if row is not display} == {None}


def test_days_have_their_cost_and_what_their_touches_earned(
    spark: SparkSession, everybody: dict[str, Life], home: Path
) -> None:
    days = fresh(spark, home).read("gold.ad_days").where("model = 'last'").collect()
    spent: Counter[tuple[date, str]] = Counter()
    for day, channel, _, ad, cost in COSTS:
        spent[day, ad or f"({channel})"] += cost
    assert {(row["acted_on"], row["name"]): row["cost_amount"] for row in days if row["cost_amount"]} == spent
    earned: Counter[tuple[date, str]] = Counter()
    for life in everybody.values():
        for at, _ in in_dollars(life):
            for touch in led_up(life, at)[-1:]:
                earned[touch.at.date(), _name(touch, "ad_id")] += 1
    assert {
        (row["acted_on"], row["name"]): row["conversions"] for row in days if row["conversions"]
    } == earned


def test_speed_counts_each_clock_once(spark: SparkSession, everybody: dict[str, Life], home: Path) -> None:
    lake = fresh(spark, home)
    fast = {
        row["name"]: row for row in lake.read("gold.conversion_speed").where("level = 'channel'").collect()
    }
    curves = lake.read("gold.conversion_curves").where("level = 'channel'").groupBy("name")
    converted = {row["name"]: row["n"] for row in curves.agg(F.sum("converted").alias("n")).collect()}
    assert {name: row["conversion_count"] for name, row in fast.items()} == converted
    assert fast.keys() == {"display", *CHANNELS}
    assert all(0 <= row["conversion_count"] < row["exposure_count"] for row in fast.values())
    assert fast["direct"]["conversion_count"] > 0
    assert all(0 <= row["q_value"] <= 1 for row in fast.values())


def test_the_job_again_changes_no_row_and_who_objects_is_gone(
    spark: SparkSession, everybody: dict[str, Life], home: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    shutil.copytree(home, again)
    job.perform("attribute_conversions", fresh(spark, again), asked(again))
    for name in ("gold.attribution", "gold.attribution_credits", "gold.conversion_speed"):
        one, other = fresh(spark, home).read(name), fresh(spark, again).read(name)
        assert one.exceptAll(other).isEmpty(), name
    person = next(name for name, life in everybody.items() if life.orders)
    objection = {
        "subject_type": "visitor",
        "subject_id": person,
        "purpose": "analytics",
        "status": "objected",
        "recorded_at": START,
    }
    lake = fresh(spark, again)
    lake.merge("silver.consents", lake.frame("silver.consents", [objection]))
    job.perform("attribute_conversions", fresh(spark, again), asked(again))
    left = sum(len(life.orders) for name, life in everybody.items() if name != person)
    rows = fresh(spark, again).read("gold.attribution").where("model = 'linear' AND level = 'channel'")
    assert rows.agg(F.sum("conversions")).first()[0] == pytest.approx(left)  # type: ignore[index]


def test_what_cannot_be_done_is_said(spark: SparkSession, ready: Path, tmp_path: Path) -> None:
    empty = tmp_path / "home"
    with pytest.raises(InputMissing):
        job.perform("attribute_conversions", fresh(spark, empty), asked(empty))
    segmented = replace(asked(ready), segment="cart_abandoners")
    with pytest.raises(UnknownSetting, match="costs are not known by segment"):
        job.perform("price_ads", fresh(spark, ready), segmented)
