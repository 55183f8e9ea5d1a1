"""From events as delivered to events as facts: each once, machines marked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import timedelta

import crawleruseragents
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retinue.clickstream.times import epoch_micros, floor_micros
from retinue.schema import quoted, require
from retinue.tables import BOT, EVENT, ORIGIN

_KEY = ("source", "event_id")
_DELIVERED = ("ingested_at", "source_file", "position")
_DAY = "__day"


def clean(
    bronze: DataFrame, *, max_per_minute: int = 120, crawlers: Sequence[str] | None = None
) -> DataFrame:
    """Each event once, in the columns of silver.events: first_delivered, then flag_bots.

    Raises SchemaMismatch where a column of bronze.events is missing.
    """
    columns = [column.name for column in (*EVENT, *ORIGIN)]
    require(bronze, [*columns, *_DELIVERED], what="clean")
    events = flag_bots(first_delivered(bronze), max_per_minute=max_per_minute, crawlers=crawlers)
    return events.select(*(column.name for column in (*EVENT, *BOT, *ORIGIN)))


def first_delivered(bronze: DataFrame, *, key: Sequence[str] = _KEY) -> DataFrame:
    """Of the rows equal in `key`, the one delivered first; rows without the id, its last column, all stay.

    The key is source and event_id unless said otherwise. First is by ingested_at, then source_file, then
    position. All columns stay.

    Raises SchemaMismatch where one of these columns is missing.
    """
    return _of_deliveries(bronze, key, [F.asc(name) for name in _DELIVERED], what="first_delivered")


def last_delivered(bronze: DataFrame, *, key: Sequence[str] = _KEY) -> DataFrame:
    """Of the rows equal in `key`, the one delivered last, as `first_delivered` orders them; else as that."""
    return _of_deliveries(bronze, key, [F.desc(name) for name in _DELIVERED], what="last_delivered")


def _of_deliveries(bronze: DataFrame, key: Sequence[str], order: list[Column], *, what: str) -> DataFrame:
    require(bronze, [*key, *_DELIVERED], what=what)
    delivery = F.row_number().over(Window.partitionBy(*key).orderBy(*order))
    return (
        bronze.withColumn("__delivery", delivery)
        .where((F.col("__delivery") == 1) | F.col(key[-1]).isNull())
        .drop("__delivery")
    )


def flag_bots(
    events: DataFrame, *, max_per_minute: int = 120, crawlers: Sequence[str] | None = None
) -> DataFrame:
    """Mark the events of machines: by user agent, or by more than `max_per_minute` in one minute of the day.

    Adds is_bot (boolean) and bot_reason (string: `user_agent`, `rate`, both joined by `, `, or null);
    columns of these names are replaced, and no row is dropped. The first reason holds for every event
    whose user_agent matches one of `crawlers` (Java regular expressions, case as written; by default those
    of the package crawler-user-agents). The second holds for all events of a visitor on a UTC day in
    which one minute of the clock has more than `max_per_minute` of them. So the flags of one visitor's
    day depend on the events of that day alone, and can be computed again day by day.

    `events` is read three times, two of them only for agents and for who came when.

    Raises SchemaMismatch where visitor_id, occurred_at or user_agent is missing.
    """
    require(events, ["visitor_id", "occurred_at", "user_agent"], what="flag_bots")
    kept = [name for name in events.columns if name not in ("is_bot", "bot_reason")]
    agents = _crawling(events, crawler_patterns() if crawlers is None else crawlers)
    flagged = (
        events.select(*map(quoted, kept))
        .withColumn(_DAY, _clock(events, timedelta(days=1)))
        .join(F.broadcast(agents), "user_agent", "left")
        .join(F.broadcast(_busy_days(events, max_per_minute)), ["visitor_id", _DAY], "left")
    )
    reason = F.nullif(F.concat_ws(", ", "__by_agent", "__by_rate"), F.lit(""))
    return flagged.select(*map(quoted, kept), reason.isNotNull().alias("is_bot"), reason.alias("bot_reason"))


def crawler_patterns() -> list[str]:
    """The regular expressions of the package crawler-user-agents; they read alike in Python and Java."""
    return [crawler["pattern"] for crawler in crawleruseragents.CRAWLER_USER_AGENTS_DATA]


def _crawling(events: DataFrame, patterns: Iterable[str]) -> DataFrame:
    """The user agents among these that a pattern matches: far fewer than the events."""
    agents = events.groupBy("user_agent").agg(F.count("*").alias("events"))
    matches = F.col("user_agent").rlike(_by_first_letter(patterns))
    # A bare condition on the grouping key would be pushed below the grouping and run once an event.
    return agents.where(F.when(F.col("events") > 0, matches)).select(
        "user_agent", F.lit("user_agent").alias("__by_agent")
    )


def _by_first_letter(patterns: Iterable[str]) -> str:
    """One expression for all, alternatives that begin with the same letter under that letter.

    Hundreds of names are then passed over by some sixty letters, which takes a sixth of the time.
    """
    by_letter: dict[str, list[str]] = {}
    for pattern in sorted(set(patterns)):
        starts_plainly = re.match(r"[\w -](?![*+?{])", pattern) and "|" not in pattern
        letter = pattern[0] if starts_plainly else ""
        by_letter.setdefault(letter, []).append(pattern[len(letter) :])
    alternatives = [f"{letter}(?:{'|'.join(rests)})" for letter, rests in by_letter.items()]
    return "|".join(alternatives) or "(?!)"  # no pattern matches nothing


def _busy_days(events: DataFrame, max_per_minute: int) -> DataFrame:
    """The visitors' days with too many events in a minute: each of them stands for more events than that."""
    by_minute = events.where("visitor_id is not null").groupBy(
        "visitor_id",
        _clock(events, timedelta(days=1)).alias(_DAY),
        _clock(events, timedelta(minutes=1)).alias("__minute"),
    )
    too_many = by_minute.agg(F.count("*").alias("events")).where(F.col("events") > max_per_minute)
    return too_many.select("visitor_id", _DAY, F.lit("rate").alias("__by_rate")).distinct()


def _clock(events: DataFrame, span: timedelta) -> Column:
    return floor_micros(epoch_micros(events, "occurred_at"), span)
