"""Touches of ads and visits put together, conversions out of events, and what touches are called."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from retinue.attribution import journeys, levels, touchpoints
from retinue.errors import SchemaMismatch

START = datetime(2026, 3, 1, tzinfo=UTC)
FIVE = timedelta(minutes=5)
FORM = (
    "person_id string, occurred_at timestamp, channel string, touch_type string, campaign_id string, "
    "ad_id string, creative_id string, source string"
)
OUT = [part.split()[0] for part in FORM.split(", ")]


@dataclass(frozen=True)
class Met:
    """A touch, at so many seconds."""

    at: float
    channel: str | None
    kind: str | None = "click"
    person: str | None = "p"
    ad: str | None = None


def row(met: Met, source: str) -> tuple[object, ...]:
    at = START + timedelta(seconds=met.at)
    return (met.person, at, met.channel, met.kind, None, met.ad, None, source)


def frames(spark: SparkSession, visits: list[Met], ads: list[Met]) -> tuple[DataFrame, DataFrame]:
    """Visits come with columns of their own and without a creative."""
    came = spark.createDataFrame([row(each, "visit") for each in visits], FORM)
    seen = spark.createDataFrame([row(each, "ad") for each in ads], FORM)
    visited = came.drop("creative_id").withColumns({"session_id": F.lit("s"), "rule": F.lit(1)})
    return visited.repartition(2), seen.withColumn("touch_id", F.lit("t")).repartition(3)


def told(gathered: DataFrame) -> Counter[tuple[str, Met]]:
    return Counter(
        (
            each.source,
            Met(
                (each.occurred_at.replace(tzinfo=UTC) - START).total_seconds(),
                each.channel,
                each.touch_type,
                each.person_id,
                each.ad_id,
            ),
        )
        for each in gathered.collect()
    )


def kept(visits: list[Met], ads: list[Met], landing: float) -> Counter[tuple[str, Met]]:
    """For each visit the last click of its person is looked up anew among all ads."""
    stay = []
    for visit in visits:
        clicks = [
            (ad.at, ad.channel or "")
            for ad in ads
            if (ad.kind or "").lower() == "click" and ad.person == visit.person and ad.at <= visit.at
        ]
        at, channel = max(clicks, default=(float("-inf"), ""))
        if visit.at - at > landing or visit.channel is None or visit.channel != channel:
            stay.append(visit)
    return Counter([("visit", each) for each in stay] + [("ad", each) for each in ads])


def stays(spark: SparkSession, visit: Met, *ads: Met) -> bool:
    gathered = told(touchpoints.gathered(*frames(spark, [visit], list(ads)), landing=FIVE))
    assert gathered == kept([visit], list(ads), 300), "beside the oracle"
    assert sum(gathered[("ad", ad)] for ad in set(ads)) == len(ads), "ads stay whatever comes"
    return ("visit", visit) in gathered


def test_a_visit_that_is_the_landing_of_a_click_counts_as_the_click(spark: SparkSession) -> None:
    click = Met(0, "display", ad="a7")
    assert not stays(spark, Met(60, "display"), click)
    assert not stays(spark, Met(0, "display"), click), "at the very instant"
    assert not stays(spark, Met(300, "display"), click), "exactly the bound"
    assert stays(spark, Met(300.000001, "display"), click)
    assert stays(spark, Met(-1, "display"), click), "no visit lands before its click"
    assert stays(spark, Met(60, "email"), click), "of another channel"
    assert stays(spark, Met(60, "display", person="q"), click), "of another person"
    assert stays(spark, Met(60, None), click)
    assert stays(spark, Met(60, None), Met(0, None)), "an unknown channel is like none"


def test_an_impression_swallows_nothing(spark: SparkSession) -> None:
    assert stays(spark, Met(60, "display"), Met(0, "display", "view"))
    assert stays(spark, Met(60, "display"), Met(0, "display", None))
    assert not stays(spark, Met(60, "display"), Met(0, "display"), Met(30, "display", "view")), "nor hides it"


def test_it_is_the_last_click_whose_landing_a_visit_is(spark: SparkSession) -> None:
    assert stays(spark, Met(60, "display"), Met(0, "display"), Met(30, "email"))
    assert not stays(spark, Met(60, "display"), Met(0, "email"), Met(30, "display"))
    assert not stays(spark, Met(400, "display"), Met(0, "display"), Met(350, "display"))
    for first, other in (("email", "display"), ("display", "email")):
        both = Met(30, first), Met(30, other)
        assert stays(spark, Met(60, "display"), *both), "of two at once, however they lie, by name"
        assert not stays(spark, Met(60, "email"), *both)


def test_one_click_takes_every_visit_in_time(spark: SparkSession) -> None:
    visits = [Met(10, "display"), Met(10, "display"), Met(200, "display"), Met(301, "display")]
    gathered = told(touchpoints.gathered(*frames(spark, visits, [Met(0, "display")]), landing=FIVE))
    assert gathered == Counter([("ad", Met(0, "display")), ("visit", Met(301, "display"))])


def test_without_a_span_only_the_very_instant_is_a_landing(spark: SparkSession) -> None:
    visits, ads = [Met(0, "a"), Met(0.000001, "a")], [Met(0, "a")]
    gathered = told(touchpoints.gathered(*frames(spark, visits, ads), landing=timedelta(0)))
    assert gathered == kept(visits, ads, 0) == Counter([("ad", ads[0]), ("visit", visits[1])])


def drawn(rng: random.Random, count: int, kinds: list[str]) -> list[Met]:
    """Steps of half the bound, so that equal times and exact bounds are common."""
    return [
        Met(
            150.0 * rng.randrange(40),
            rng.choice(["a", "b", None]),
            rng.choice(kinds),
            f"p{rng.randrange(12)}",
        )
        for _ in range(count)
    ]


@pytest.mark.parametrize("seed", range(3))
def test_no_touch_is_lost_that_a_plain_loop_keeps(spark: SparkSession, seed: int) -> None:
    rng = random.Random(seed)
    visits, ads = drawn(rng, 300, ["visit"]), drawn(rng, 200, ["click", "Click", "view", None])
    found = touchpoints.gathered(*frames(spark, visits, ads), landing=FIVE)
    assert found.columns == OUT
    wanted = kept(visits, ads, 300)
    assert told(found) == wanted
    assert len(ads) < wanted.total() < len(ads) + len(visits), "some land, some do not"


def test_what_an_ad_is_called_stays_with_its_touch(spark: SparkSession) -> None:
    visits, ads = frames(spark, [Met(900, "email", ad="letter")], [Met(0, "display", ad="a7")])
    named = ads.withColumns({"campaign_id": F.lit("may"), "creative_id": F.lit("red")})
    found = touchpoints.gathered(visits, named, landing=FIVE).orderBy("occurred_at").collect()
    assert [tuple(each)[4:] for each in found] == [
        ("may", "a7", "red", "ad"),
        (None, "letter", None, "visit"),
    ]


def test_persons_may_be_called_otherwise_and_one_shuffle_does(spark: SparkSession) -> None:
    visits, ads = (
        each.withColumnRenamed("person_id", "who is") for each in frames(spark, [Met(1, "a")], [Met(0, "a")])
    )
    found = touchpoints.gathered(visits, ads, landing=FIVE, person="who is")
    assert (found.columns[0], found.count()) == ("who is", 1)
    plan = found._jdf.queryExecution().executedPlan().toString()  # type: ignore[operator]
    assert plan.count("Exchange hashpartitioning") == 1
    with pytest.raises(SchemaMismatch, match=r"gathered \(visits\) needs the column person_id"):
        touchpoints.gathered(visits, ads, landing=FIVE)
    with pytest.raises(SchemaMismatch, match=r"gathered \(ads\) needs the column creative_id"):
        touchpoints.gathered(visits, ads.drop("creative_id"), landing=FIVE, person="who is")


# --- conversions ------------------------------------------------------------------------------------------

EVENTS = (
    "person_id string, session_id string, occurred_at timestamp, event_type string, "
    "price_amount decimal(18,4), currency string"
)
KINDS = {"order": "event_type = 'purchase'", "any basket": "event_type IN ('add_to_cart', 'purchase')"}
Event = tuple[str | None, str, int, str, float | None, str | None]  # at so many seconds


def converted(
    spark: SparkSession, events: list[Event], *, kinds: dict[str, str] = KINDS, value: str = "price_amount"
) -> Counter[tuple[object, ...]]:
    rows = [
        (who, visit, START + timedelta(seconds=at), kind, None if price is None else f"{price:.4f}", currency)
        for who, visit, at, kind, price, currency in events
    ]
    given = spark.createDataFrame(rows, EVENTS.replace("decimal(18,4)", "string"))
    typed = given.withColumn("price_amount", F.col("price_amount").cast("decimal(18,4)")).repartition(3)
    done = touchpoints.conversions(typed, kinds=kinds, value=value)
    assert done.columns == ["person_id", "conversion_type", "occurred_at", "value", "currency"]
    assert done.schema["value"].dataType.simpleString() == "double"
    return Counter(
        (
            each.person_id,
            each.conversion_type,
            round((each.occurred_at.replace(tzinfo=UTC) - START).total_seconds()),
            each.value,
            each.currency,
        )
        for each in done.collect()
    )


def test_a_visit_converts_once_by_each_kind(spark: SparkSession) -> None:
    events: list[Event] = [
        ("p", "s1", 10, "page_view", 99.0, "USD"),
        ("p", "s1", 20, "add_to_cart", None, None),
        ("p", "s1", 30, "purchase", 5.5, "EUR"),
        ("p", "s1", 40, "purchase", 2.25, "CHF"),
        ("p", "s2", 50, "purchase", None, None),
        ("q", "s3", 60, "add_to_cart", 0.0, "EUR"),
        ("q", "s4", 70, "page_view", 1.0, "EUR"),
    ]
    assert converted(spark, events) == Counter(
        [
            ("p", "order", 30, 7.75, "EUR"),
            ("p", "any basket", 20, 7.75, "EUR"),
            ("p", "order", 50, None, None),
            ("p", "any basket", 50, None, None),
            ("q", "any basket", 60, 0.0, "EUR"),
        ]
    )


def test_a_value_may_be_any_expression_and_a_predicate_unknown(spark: SparkSession) -> None:
    events: list[Event] = [("p", "s1", 10, "purchase", 5.0, None), ("p", "s1", 20, "purchase", None, "EUR")]
    kinds = {"known": "price_amount > 1", "foreign": "currency <> 'EUR'"}
    assert converted(spark, events, kinds=kinds, value="2") == Counter([("p", "known", 10, 2.0, None)])
    both = converted(spark, events, kinds={"order": KINDS["order"]}, value="coalesce(price_amount, 1)")
    assert both == Counter([("p", "order", 10, 6.0, "EUR")])
    assert not converted(spark, events, kinds={"none": "false"})


def oracle(events: list[Event]) -> Counter[tuple[object, ...]]:
    """A loop over visits and kinds."""
    holds = {"order": {"purchase"}, "any basket": {"add_to_cart", "purchase"}}
    found: Counter[tuple[object, ...]] = Counter()
    for who, visit in {(each[0], each[1]) for each in events}:
        for kind, types in holds.items():
            own = sorted(
                (each for each in events if each[:2] == (who, visit) and each[3] in types),
                key=lambda each: (each[2], each[5] or ""),
            )
            if own:
                prices = [each[4] for each in own if each[4] is not None]
                currencies = [each[5] for each in own if each[5] is not None]
                found[
                    who,
                    kind,
                    own[0][2],
                    sum(prices) if prices else None,
                    currencies[0] if currencies else None,
                ] += 1
    return found


@pytest.mark.parametrize("seed", range(2))
def test_conversions_are_those_of_a_plain_loop(spark: SparkSession, seed: int) -> None:
    rng = random.Random(seed)
    events: list[Event] = [
        (
            rng.choice(["p", "q", None]),
            f"s{rng.randrange(60)}",
            at,
            rng.choice(["purchase", "add_to_cart", "page_view"]),
            rng.choice([None, 0.25, 3.5, 8.0]),
            rng.choice([None, "EUR", "USD"]),
        )
        for at in rng.choices(range(40), k=200)
    ]
    assert converted(spark, events) == oracle(events)


def test_conversions_need_sessions(spark: SparkSession) -> None:
    events = spark.createDataFrame([], EVENTS)
    with pytest.raises(SchemaMismatch, match="conversions needs the column session_id"):
        touchpoints.conversions(events.drop("session_id"), kinds=KINDS, value="1")


# --- names ------------------------------------------------------------------------------------------------

NAMED = (
    "array<struct<occurred_at timestamp, channel string, touch_type string, campaign_id string, "
    "ad_id string, creative_id string>>"
)
Name = tuple[str, str | None, str | None, str | None]  # channel, campaign, ad, creative


def lived(spark: SparkSession, journeys_: list[list[Name]]) -> DataFrame:
    """A journey each, touched every minute."""
    rows = [
        (n, [(START + timedelta(minutes=m), name[0], "click", *name[1:]) for m, name in enumerate(own)])
        for n, own in enumerate(journeys_)
    ]
    return spark.createDataFrame(rows, f"journey_id int, touches {NAMED}").repartition(3)


def called(
    spark: SparkSession, journeys_: list[list[Name]], *, level: str, most: int = 100
) -> list[list[str]]:
    lives = lived(spark, journeys_)
    named = levels.at_level(lives, level=level, kept=levels.commonest(lives, most=most)[level])
    assert named.columns == ["journey_id", "touches"]
    rows = named.orderBy("journey_id").collect()
    times = [
        [(each.occurred_at.replace(tzinfo=UTC) - START) / timedelta(minutes=1) for each in row.touches]
        for row in rows
    ]
    assert times == [[float(m) for m in range(len(own))] for own in journeys_], "no touch is lost or moved"
    return [[each.name for each in row.touches] for row in rows]


FULL: Name = ("display", "may", "a1", "red")
LETTER: Name = ("email", None, None, None)
LOST: Name = ("display", "may", None, None)
ODD: Name = ("display", None, "a2", None)


@pytest.mark.parametrize(
    ("level", "names"),
    [
        ("channel", ["display", "email", "display", "display"]),
        ("campaign_id", ["may", "(email)", "may", "(display)"]),
        ("ad_id", ["a1", "(email)", "(may)", "a2"]),
        ("creative_id", ["red", "(email)", "(may)", "(a2)"]),
    ],
)
def test_a_touch_is_called_by_the_next_wider_name_it_has(
    spark: SparkSession, level: str, names: list[str]
) -> None:
    touches = [FULL, LETTER, LOST, ODD]
    assert called(spark, [touches, []], level=level) == [names, []]
    form = "channel string, campaign_id string, ad_id string, creative_id string, spent int"
    costs = spark.createDataFrame([(*touch, n) for n, touch in enumerate(touches)], form)
    told = levels.named(costs, levels=[level]).orderBy("spent")
    assert told.columns == [*costs.columns, "level", "name"]
    assert [each.name for each in told.collect()] == names, "costs go by the names of touches"


def test_names_beyond_the_commonest_are_others_and_ties_go_by_name(spark: SparkSession) -> None:
    def of(*campaigns: str) -> list[Name]:
        return [("display", each, None, None) for each in campaigns]

    lives = [of("c", "c", "b"), of("a", "b", "d"), [LETTER]]
    others = "(others)"
    assert called(spark, lives, level="campaign_id", most=2) == [
        ["c", "c", "b"],
        [others, "b", others],
        [others],
    ]
    assert called(spark, lives, level="campaign_id", most=3) == [
        ["c", "c", "b"],
        [others, "b", others],
        ["(email)"],
    ], "of three that are there once the first by name"
    assert called(spark, lives, level="campaign_id", most=1) == [
        [others, others, "b"],
        [others, "b", others],
        [others],
    ]
    assert called(spark, lives, level="channel", most=1) == [["display"] * 3, ["display"] * 3, [others]]


@pytest.mark.parametrize("seed", range(2))
def test_any_touches_are_called_as_by_a_plain_loop(spark: SparkSession, seed: int) -> None:
    rng = random.Random(seed)
    lives: list[list[Name]] = [
        [
            (rng.choice("xyz"), *(rng.choice([None, *letters]) for letters in ("cd", "ab", "rst")))  # type: ignore[misc]
            for _ in range(rng.choice([0, 1, 3, 6]))
        ]
        for _ in range(60)
    ]

    def name(touch: Name, level: int) -> str:
        own = touch[level]
        if own is not None:
            return own
        return next(f"({touch[n]})" for n in range(level - 1, -1, -1) if touch[n] is not None)

    for level, word in enumerate(levels.LEVELS):
        full = [[name(touch, level) for touch in own] for own in lives]
        counts = Counter(each for own in full for each in own)
        first = sorted(counts, key=lambda each: (-counts[each], each))[:4]
        wanted = [[each if each in first else levels.OTHERS for each in own] for own in full]
        assert called(spark, lives, level=word, most=4) == wanted


def test_journeys_that_are_built_can_be_told_at_every_level(spark: SparkSession) -> None:
    visits, ads = frames(spark, [Met(900, "email"), Met(30, "display")], [Met(0, "display", ad="a7")])
    touches = touchpoints.gathered(visits, ads, landing=FIVE)
    done = spark.createDataFrame(
        [("p", START + timedelta(hours=1))], "person_id string, occurred_at timestamp"
    )
    built = journeys.build(touches, done)
    for level, names in (("channel", ["display", "email"]), ("ad_id", ["a7", "(email)"])):
        [journey] = levels.at_level(built, level=level, kept=names).collect()
        assert [each.name for each in journey.touches] == names
    with pytest.raises(SchemaMismatch, match="at_level needs the column touches"):
        levels.at_level(done, level="channel", kept=["a"])
