"""Those who converted: after how many touches, how long after the last one, by which path soonest.

A description of converters alone. It compares no ads, as those who did not convert are left out of it: an ad
that only reaches people about to buy looks fast here. To compare, use `speed`.
"""

from __future__ import annotations

from datetime import timedelta

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retinue.attribution.rules import age
from retinue.clickstream.paths import refuse_below_one
from retinue.clickstream.times import span_micros
from retinue.schema import quoted, require

__all__ = ["fastest_paths", "last_ad_delays", "touches_to_convert"]

_DAY = span_micros(timedelta(days=1))


def touches_to_convert(journeys: DataFrame, *, by: str = "channel") -> DataFrame:
    """How many touches of each `by` the journeys had that had any of it, up to and with their conversion.

    Out, a row a value of `by`, and one where it is null for the touches of all: `by`, conversion_count
    (bigint, converted journeys with such a touch), mean_touches (double), lower_quartile_touches,
    median_touches, upper_quartile_touches (bigint, nearest rank).

    In: journeys as `journeys.build` gives them; those without conversion do not count, nor do touches where
    `by` is null. Lazy; two shuffles, of touches counted by journey and of counts. It describes converters:
    more touches are no cause of a conversion. Raises SchemaMismatch.
    """
    require(journeys, ["journey_id", "touches", "is_converted"], what="touches_to_convert")
    named = journeys.where("is_converted").select(
        "journey_id", F.explode(F.transform("touches", lambda touch: touch[by])).alias(by)
    )
    # The rollup's rows without a name hold all touches of a journey; the one without a journey holds all.
    counted = (
        named.where(F.col(quoted(by)).isNotNull())
        .rollup("journey_id", quoted(by))
        .agg(F.count("*").alias("_touches"))
        .where("journey_id IS NOT NULL")
    )
    return counted.groupBy(quoted(by)).agg(
        F.count("*").alias("conversion_count"),
        F.mean("_touches").alias("mean_touches"),
        *_quartiles(F.col("_touches"), "touches"),
    )


def last_ad_delays(journeys: DataFrame, *, by: str = "channel") -> DataFrame:
    """How long before their conversion the last touch of the journeys was, by the `by` of that touch.

    Out, a row a value of `by`, and one where it is null for all: `by`, conversion_count (bigint), mean_days,
    lower_quartile_days, median_days, upper_quartile_days (double, nearest rank).

    In: journeys as `journeys.build` gives them; those without conversion or touches do not count, nor do
    touches where `by` is null. Of touches at the same last instant the last in the journey's order counts.
    Lazy; one shuffle. It describes converters: a short delay tells where people come by on their way to buy
    as well as what an ad does. Raises SchemaMismatch.
    """
    require(journeys, ["touches", "converted_at", "is_converted"], what="last_ad_delays")
    last = F.try_element_at(_named(by), F.lit(-1))
    delays = journeys.where("is_converted").select(
        last[by].alias(by), (age(journeys)(last) / _DAY).alias("_days")
    )
    return (
        delays.where(F.col(quoted(by)).isNotNull())
        .rollup(quoted(by))
        .agg(
            F.count("*").alias("conversion_count"),
            F.mean("_days").alias("mean_days"),
            *_quartiles(F.col("_days"), "days"),
        )
    )


def fastest_paths(journeys: DataFrame, *, by: str = "channel", least: int = 20, limit: int = 50) -> DataFrame:
    """The `limit` paths that converted soonest after their first touch, of those with `least` conversions.

    Out, the fastest first: rank (int, from 1: by median_days, then more conversions, then the path), path
    (array of `by`; one that repeats the one before is left out), conversions (bigint), lower_quartile_days,
    median_days, upper_quartile_days (double, first touch to conversion, nearest rank).

    In: journeys as `journeys.build` gives them; those without conversion or touches do not count, nor do
    touches where `by` is null. Lazy; one shuffle by path, and the ranking of what `limit` leaves. It
    describes converters, and short paths take little time by their nature: it does not tell which ads to
    show. Raises SchemaMismatch; RetinueError where `least` or `limit` is below 1.
    """
    require(journeys, ["touches", "converted_at", "is_converted"], what="fastest_paths")
    refuse_below_one(least=least, limit=limit)
    named = F.transform(_named(by), lambda touch: touch[by])
    path = F.filter(named, lambda each, place: (place == 0) | (each != F.get(named, place - 1)))
    first = F.get(_named(by), 0)
    taken = journeys.where("is_converted").select(
        path.alias("path"), (age(journeys)(first) / _DAY).alias("_days")
    )
    best = (
        taken.where("size(path) > 0")
        .groupBy("path")
        .agg(F.count("*").alias("conversions"), *_quartiles(F.col("_days"), "days"))
        .where(F.col("conversions") >= least)
        .orderBy(*_soonest())
        .limit(limit)
    )
    rank = F.row_number().over(Window.orderBy(*_soonest()))
    return best.select(rank.alias("rank"), *best.columns).orderBy("rank")


def _soonest() -> list[Column]:
    return [F.asc("median_days"), F.desc("conversions"), F.asc("path")]


def _named(by: str) -> Column:
    return F.filter("touches", lambda touch: touch[by].isNotNull())


def _quartiles(figure: Column, unit: str) -> list[Column]:
    """Exact to a ten-thousandth of the ranks."""
    quartiles = F.percentile_approx(figure, [0.25, 0.5, 0.75], 10_000)
    names = ("lower_quartile", "median", "upper_quartile")
    return [F.get(quartiles, place).alias(f"{name}_{unit}") for place, name in enumerate(names)]
