"""Events cleaned: once each, the first delivered; machines marked and kept."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime, timedelta

import crawleruseragents
import pytest
from oracles import bots as oracle
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from retinue.clickstream import events, incremental
from retinue.errors import SchemaMismatch
from retinue.tables import find

MIDNIGHT = datetime(2024, 3, 1)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
VISITS = "visitor_id string, occurred_at timestamp, user_agent string, is_bot string, ordinal bigint"


def bronze(spark: SparkSession, *rows: dict[str, object]) -> DataFrame:
    table = find("bronze.events")
    given = [
        {"source": "shop", "ingested_at": MIDNIGHT, "source_file": "f", "position": 1, **row} for row in rows
    ]
    ddl = ", ".join(f"{column.name} {column.type}" for column in table.columns)
    return spark.createDataFrame([[row.get(c.name) for c in table.columns] for row in given], ddl)  # type: ignore[arg-type]


def visits(spark: SparkSession, rows: list[tuple[str | None, datetime | None, str | None]]) -> DataFrame:
    return spark.createDataFrame([(*row, "old", n) for n, row in enumerate(rows)], VISITS)


def test_the_first_delivered_stands(spark: SparkSession) -> None:
    late = MIDNIGHT + timedelta(seconds=1)
    delivered = bronze(
        spark,
        {"event_id": "a", "page": "later", "ingested_at": late, "source_file": "a", "position": 0},
        {"event_id": "a", "page": "other file", "source_file": "g", "position": 0},
        {"event_id": "a", "page": "further down", "position": 10},
        {"event_id": "a", "page": "first", "position": 9},
        {"event_id": "a", "page": "other source", "source": "app"},
        {"event_id": None, "page": "no id"},
        {"event_id": None, "page": "no id"},
    )
    kept = events.first_delivered(delivered)
    assert kept.columns == delivered.columns
    assert Counter(row.page for row in kept.collect()) == {"first": 1, "other source": 1, "no id": 2}


def test_clean_gives_the_columns_of_the_table_and_every_event(spark: SparkSession) -> None:
    first = {"event_id": "a", "visitor_id": "v", "occurred_at": MIDNIGHT, "user_agent": "Wget/1.21"}
    again = {**first, "position": 2}
    clean = events.clean(bronze(spark, first, again, {"event_id": "b"}))
    assert clean.columns == [column.name for column in find("silver.events").columns]
    assert {(row.event_id, row.source, row.is_bot, row.bot_reason) for row in clean.collect()} == {
        ("a", "shop", True, "user_agent"),
        ("b", "shop", False, None),
    }


def test_too_many_in_a_minute_mark_the_whole_day(spark: SparkSession) -> None:
    def spread(visitor: str | None, *seconds: float) -> list[tuple[str | None, datetime, str]]:
        return [(visitor, MIDNIGHT + timedelta(seconds=second), FIREFOX) for second in seconds]

    rows = [
        *spread("just in", 0, 30, 59.999999, 60),
        *spread("one too many", 600, 601, 602, 603, 86_399.999999, 86_400, -0.000001),
        *spread(None, 0, 1, 2, 3, 4),
        ("one too many", None, FIREFOX),
    ]
    flagged = events.flag_bots(visits(spark, rows), max_per_minute=3)
    assert flagged.columns == ["visitor_id", "occurred_at", "user_agent", "ordinal", "is_bot", "bot_reason"]
    found = flagged.orderBy("ordinal").collect()
    assert [row.bot_reason for row in found] == [None] * 4 + ["rate"] * 5 + [None] * 8
    assert all(row.is_bot == (row.bot_reason is not None) for row in found)


def test_both_reasons_are_told(spark: SparkSession) -> None:
    rows = [
        ("v", MIDNIGHT, "My Spider"),
        ("v", MIDNIGHT, FIREFOX),
        ("w", MIDNIGHT, "spider"),
        ("w", None, None),
    ]
    flagged = events.flag_bots(visits(spark, rows), max_per_minute=1, crawlers=["Spi?der", "^Z"])
    reasons = [row.bot_reason for row in flagged.orderBy("ordinal").collect()]
    assert reasons == ["user_agent, rate", "rate", None, None]
    none = events.flag_bots(visits(spark, rows), crawlers=[])
    assert none.where("is_bot").count() == 0


def test_user_agents_are_judged_as_the_package_judges_them(spark: SparkSession) -> None:
    known = [
        agent for crawler in crawleruseragents.CRAWLER_USER_AGENTS_DATA for agent in crawler["instances"]
    ]
    assert len(known) > 2000
    agents = [
        *known,
        FIREFOX,
        "",
        "bot",
        "Slurpee",
        "a sentry/1",
        "asentry/1",
        *(a[len(a) // 2 :] for a in known),
    ]
    flagged = events.flag_bots(visits(spark, [("v", None, agent) for agent in agents]))
    found = {row.user_agent: row.is_bot for row in flagged.collect()}
    assert found == {agent: crawleruseragents.is_crawler(agent) for agent in agents}


def test_the_patterns_run_once_an_agent(spark: SparkSession) -> None:
    flagged = events.flag_bots(visits(spark, []), crawlers=["Googlebot"])
    lines = str(flagged._jdf.queryExecution().optimizedPlan().toString()).splitlines()  # type: ignore[operator]
    (filtering,) = [number for number, line in enumerate(lines) if "RLIKE" in line]
    assert "Aggregate [user_agent" in lines[filtering + 1]


def test_a_missing_column_is_named(spark: SparkSession) -> None:
    with pytest.raises(SchemaMismatch, match="flag_bots needs the column user_agent"):
        events.flag_bots(visits(spark, []).drop("user_agent"))
    with pytest.raises(SchemaMismatch, match="clean needs the columns query, legal_basis"):
        events.clean(bronze(spark).drop("query", "legal_basis"))
    with pytest.raises(SchemaMismatch, match="first_delivered needs the column position"):
        events.first_delivered(bronze(spark).drop("position"))


@pytest.fixture(scope="module")
def crowd() -> list[tuple[str | None, datetime | None, str | None]]:
    draw = random.Random(3)
    return [
        (
            draw.choice(["a", "b", "c", "d", None]),
            draw.choice([MIDNIGHT + timedelta(days=draw.randrange(3), seconds=draw.randrange(900)), None]),
            draw.choice([FIREFOX, FIREFOX, "curl/8", None]),
        )
        for _ in range(600)
    ]


def reasons(flagged: DataFrame) -> dict[int, str | None]:
    rows: list[Row] = flagged.select("ordinal", "bot_reason").collect()
    return {row.ordinal: row.bot_reason for row in rows}


def test_flags_are_those_of_the_slow_way(
    spark: SparkSession, crowd: list[tuple[str | None, datetime | None, str | None]]
) -> None:
    flagged = events.flag_bots(visits(spark, crowd), max_per_minute=3)
    assert reasons(flagged) == dict(enumerate(oracle.reasons(crowd, max_per_minute=3)))
    assert set(reasons(flagged).values()) == {None, "rate", "user_agent", "user_agent, rate"}


def test_flags_of_touched_days_equal_those_of_one_go(
    spark: SparkSession, crowd: list[tuple[str | None, datetime | None, str | None]]
) -> None:
    everything = visits(spark, crowd).withColumn("day", F.to_date("occurred_at"))
    days = incremental.touched(everything.where("ordinal % 50 = 0"), by=["visitor_id", "day"])
    whole = reasons(events.flag_bots(everything, max_per_minute=3))
    again = reasons(events.flag_bots(incremental.of(everything, days), max_per_minute=3))
    assert 0 < len(again) < len(whole)
    assert again == {ordinal: whole[ordinal] for ordinal in again}
