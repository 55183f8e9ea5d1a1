"""Threats to a reputation: when more is said of a topic, or worse, than its past explains."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from retinue.errors import RetinueError
from retinue.schema import quoted, require
from retinue.text.expectation import Array, Day, judge

__all__ = ["alerts", "departures", "expected"]

_DAY, _MICROS_AN_HOUR = timedelta(days=1), 3_600_000_000
_HOURS_A_YEAR, _DAYS_A_YEAR = 8766.0, 365.25
_MONDAY = 3  # 1970-01-01 was a Thursday, the fourth day of its week
_UP = 0.05  # where both of volume and negative share are so unlikely at least, it may be a threat
_LEAST_P = 1e-300
COUNTS = ("post_count", "scored_count", "negative_count")
TESTS, WINDOWS = ("volume", "negativity", "threat"), ("hour", "day")
_TESTS_A_YEAR = len(WINDOWS) * len(TESTS) * _HOURS_A_YEAR  # of hours
_ADDED = {
    "expected_count": T.DoubleType(),
    "upper_count": T.DoubleType(),
    "expected_negative_share": T.DoubleType(),
    "volume_p": T.DoubleType(),
    "negativity_p": T.DoubleType(),
    "day_post_count": T.LongType(),
    "day_scored_count": T.LongType(),
    "day_volume_p": T.DoubleType(),
    "day_negativity_p": T.DoubleType(),
}


def expected(
    hours: DataFrame,
    *,
    false_alarms_per_year: float = 1.0,
    half_life: timedelta = timedelta(days=28),
    warm_up: timedelta = timedelta(days=14),
    topic: str = "topic",
    hour: str = "hour",
) -> DataFrame:
    """Add what each hour should bring by the days before it, and how likely it is by chance to bring as much.

    Out, beside the columns of `hours`: expected_count, upper_count (double, the fewest posts that `alerts`
    with these `false_alarms_per_year` takes for an alarm in the hour), expected_negative_share, volume_p
    (double, the chance of at least post_count posts), negativity_p (double, of at least negative_count among
    scored_count), and of the UTC day that the hour lies in day_post_count, day_scored_count (bigint),
    day_volume_p and day_negativity_p (double), the same in each of its hours. The four chances are null in
    the topic's first days, before `warm_up` has passed since the midnight before its first hour.

    In: what mentions.hourly gives: `topic`, `hour` (timestamp, one row each), post_count, scored_count,
    negative_count.

    Only the days before count, half as much when `half_life` older. Posts are expected by level x weekday x
    hour of the day x what that hour of the week has of its own, each drawn towards 1 as long as few posts
    speak for it; chance is negative binomial, as wide as past expectations were off. The negative share is
    expected as it was; chance is binomial, of as many posts as tell as much as these, which hang together.
    What was very unlikely is remembered cut to three standard deviations, so that a burst is soon forgotten.

    One Arrow batch function a topic, in memory that its hours bound. Lazy; one shuffle. Sources: the improved
    Farrington algorithm (Noufaily et al. 2013) for the shape; Rao and Scott (1992) for effective counts.
    Raises SchemaMismatch; RetinueError for spans that cannot be.
    """
    require(hours, [topic, hour, *COUNTS], what="expected")
    if half_life <= timedelta(0) or warm_up < timedelta(days=7):
        raise RetinueError(
            f"half_life is {half_life} and warm_up {warm_up}; the one is above 0, the other 7 days or more"
        )
    kept = hours.select(*(quoted(name) for name in hours.columns if name not in _ADDED))
    added = [T.StructField(name, kind) for name, kind in _ADDED.items()]
    judged = _judge_topic(
        hour,
        fade=0.5 ** (_DAY / half_life),
        untested=-(-warm_up // _DAY),
        chance=false_alarms_per_year / _TESTS_A_YEAR,
    )
    return kept.groupBy(quoted(topic)).applyInArrow(judged, T.StructType([*kept.schema.fields, *added]))


def alerts(
    hours: DataFrame,
    *,
    false_alarms_per_year: float = 1.0,
    least_posts: int = 10,
    half_life: timedelta = timedelta(days=28),
    warm_up: timedelta = timedelta(days=14),
    topic: str = "topic",
    hour: str = "hour",
) -> DataFrame:
    """When a topic is spoken of more, or worse, than its past explains, in an hour or in a UTC day.

    Chance alone gives each topic at most `false_alarms_per_year` alerts a year: n topics watched for y years
    give n x y times as many. Half of them go to hours and half to days, of each a third to volume, negative
    share, and both together (Fisher's method, where each alone is at most .05): an hour is an alarm if one of
    its chances is false_alarms_per_year / (2 x 3 x 8766) or less, a day with 365.25 in its place. It is a
    ceiling, as far as counts spread as the negative binomial distribution does: simulated topics of 5 to
    2,000 posts a day, with seasons, growth, and more spread than chance, had 0 to .7 alerts a year for 1
    (fewest where posts are few), and 0 to 3.2 for 10.

    Volume counts only in a window with `least_posts` posts, negative share only with as many that are scored.

    Out, a row an alert, a run of hours side by side that are an alarm or lie in a day that is: `topic`,
    started_at, ended_at (timestamp, the end of its last hour), peak_at (timestamp, the hour with most posts,
    ties the earliest), kind (threat: more and worse; else volume or negativity, by which is less likely, ties
    volume), post_count (bigint), expected_count (double), ratio (double, null where none was expected),
    scored_count, negative_count (bigint), negative_share, expected_negative_share (double), reach (bigint,
    sum over the hours), p_value (double, the least chance of its windows, of that kind), score (double,
    -log10 of p_value x log10 of 10 + reach, to sort by).

    In: what mentions.hourly gives; all else as for `expected`. Lazy; two shuffles, of hours.
    Raises SchemaMismatch; RetinueError for numbers that cannot be.
    """
    require(hours, [topic, hour, *COUNTS, "reach"], what="alerts")
    judged = expected(hours, half_life=half_life, warm_up=warm_up, topic=topic, hour=hour)
    return departures(
        judged, false_alarms_per_year=false_alarms_per_year, least_posts=least_posts, topic=topic, hour=hour
    )


def departures(
    judged: DataFrame,
    *,
    false_alarms_per_year: float = 1.0,
    least_posts: int = 10,
    topic: str = "topic",
    hour: str = "hour",
) -> DataFrame:
    """The alerts among hours that `expected` has judged already, which `alerts` does by itself.

    Out, and how it is found: as in `alerts`. In: what `expected` gives, with reach. Lazy; a shuffle, of
    hours. Raises SchemaMismatch; RetinueError for numbers that cannot be.
    """
    if false_alarms_per_year <= 0 or least_posts < 1:
        raise RetinueError(
            f"false_alarms_per_year is {false_alarms_per_year} and least_posts {least_posts}; "
            "give a number above 0 and 1 or more"
        )
    require(judged, [topic, hour, *COUNTS, "reach", "volume_p"], what="departures")
    each_test = false_alarms_per_year / (len(WINDOWS) * len(TESTS))
    found = _found(judged, each_test, least_posts)
    in_order, is_next = Window.partitionBy(quoted(topic)).orderBy(quoted(hour)), F.expr("interval 1 hour")
    before = F.lag(quoted(hour)).over(in_order)
    runs = found.withColumn("_is_first", before.isNull() | (F.col(quoted(hour)) > before + is_next))
    numbered = runs.withColumn("_run", F.count_if("_is_first").over(in_order))
    return _summed(numbered, topic, hour)


def _judge_topic(hour: str, *, fade: float, untested: int, chance: float) -> Callable[[pa.Table], pa.Table]:
    """The batch function that adds to the hours of one topic what was expected of them."""

    def judge_topic(hours: pa.Table) -> pa.Table:
        since = hours[hour].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy() // _MICROS_AN_HOUR
        day, of_day = since // 24 - since.min() // 24, since % 24
        counts = [_laid_out(hours[name].to_numpy(), day, of_day) for name in COUNTS]
        weekdays = (since.min() // 24 + _MONDAY + np.arange(len(counts[0]))) % 7
        seen = _laid_out(np.ones(len(since)), day, of_day)
        by_hour, by_day = judge(Day(*counts), weekdays=weekdays, seen=seen, fade=fade, chance=chance)
        is_tested = day >= untested
        added: list[NDArray[np.generic]] = [
            by_hour.expected[day, of_day],
            by_hour.upper[day, of_day],
            by_hour.negative_share[day, of_day],
            np.where(is_tested, by_hour.volume_p[day, of_day], np.nan),
            np.where(is_tested, by_hour.negativity_p[day, of_day], np.nan),
            *(each.sum(1).astype(np.int64)[day] for each in counts[:2]),
            np.where(is_tested, by_day.volume_p[day, 0], np.nan),
            np.where(is_tested, by_day.negativity_p[day, 0], np.nan),
        ]
        for name, column in zip(_ADDED, added, strict=True):
            hours = hours.append_column(name, pa.array(column, from_pandas=True))
        return hours

    return judge_topic


def _laid_out(counts: NDArray[np.float64], day: NDArray[np.int64], hour: NDArray[np.int64]) -> Array:
    table = np.zeros((day.max() + 1, 24))
    table[day, hour] = counts
    return table


def _found(judged: DataFrame, each_test: float, least: int) -> DataFrame:
    """The hours that are an alarm or lie in a day that is, with the least chance of each test saying so."""
    limits = {"": each_test / _HOURS_A_YEAR, "day_": each_test / _DAYS_A_YEAR}
    told = judged.withColumns(
        {name: chance for each in limits for name, chance in _chances(each, least).items()}
    )
    found = {
        f"_{test}": F.least(
            *(
                F.when(F.col(f"_{each}{test}") <= limit, F.col(f"_{each}{test}"))
                for each, limit in limits.items()
            )
        )
        for test in TESTS
    }
    return told.withColumns(found).where(F.coalesce(*found).isNotNull())


def _chances(window: str, least: int) -> dict[str, Column]:
    """The chance by each test, where the window has the support."""
    volume = F.when(F.col(f"{window}post_count") >= least, F.col(f"{window}volume_p"))
    negativity = F.when(F.col(f"{window}scored_count") >= least, F.col(f"{window}negativity_p"))
    both = F.greatest(volume * negativity, F.lit(_LEAST_P))
    threat = F.when((volume <= _UP) & (negativity <= _UP), both * (1 - F.log(both)))
    return {f"_{window}{test}": p for test, p in zip(TESTS, (volume, negativity, threat), strict=True)}


def _summed(runs: DataFrame, topic: str, hour: str) -> DataFrame:
    """A row a run of hours side by side."""
    at, chance = F.col(quoted(hour)), {test: F.col(f"_{test}") for test in TESTS}
    totals = runs.groupBy(quoted(topic), "_run").agg(
        F.min(at).alias("started_at"),
        (F.max(at) + F.expr("interval 1 hour")).alias("ended_at"),
        F.max_by(at, F.struct("post_count", -F.unix_seconds(at))).alias("peak_at"),
        *(F.sum(name).alias(name) for name in (*COUNTS, "expected_count", "reach")),
        F.sum(F.col("expected_negative_share") * F.col("scored_count")).alias("_expected_negative"),
        *(F.min(chance[test]).alias(f"_{test}") for test in TESTS),
    )
    kind = (
        F.when(chance["threat"].isNotNull(), "threat")
        .when(chance["volume"] <= F.coalesce(chance["negativity"], F.lit(1.0)), "volume")
        .otherwise("negativity")
    )
    p = F.coalesce(chance["threat"], F.least(chance["volume"], chance["negativity"]))
    return totals.select(
        quoted(topic),
        "started_at",
        "ended_at",
        "peak_at",
        kind.alias("kind"),
        "post_count",
        "expected_count",
        F.try_divide("post_count", "expected_count").alias("ratio"),
        "scored_count",
        "negative_count",
        F.try_divide("negative_count", "scored_count").alias("negative_share"),
        F.try_divide("_expected_negative", "scored_count").alias("expected_negative_share"),
        "reach",
        p.alias("p_value"),
        (-F.log10(F.greatest(p, F.lit(_LEAST_P))) * F.log10(10 + F.col("reach"))).alias("score"),
    )
