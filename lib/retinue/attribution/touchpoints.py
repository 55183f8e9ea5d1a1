"""Touchpoints and conversions: what stands in the lake, as `journeys.build` takes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from retinue.clickstream.times import span_micros
from retinue.schema import quoted, require

__all__ = ["conversions", "ended_since", "gathered", "valued"]

COLUMNS = ("occurred_at", "channel", "touch_type", "campaign_id", "ad_id", "creative_id", "source")


def gathered(
    visits: DataFrame, ads: DataFrame, *, landing: timedelta, person: str = "person_id"
) -> DataFrame:
    """The touches of ads and the visits together; a visit that is the landing of a click counts as the click.

    A visit is one where it begins at most `landing` after the person's last click on an ad, and both are of
    one channel. Out, a row a touch: `person`, occurred_at, channel, touch_type, campaign_id, ad_id,
    creative_id, source. In: visits as `channels.touches` gives them; ads with the same columns, those of
    silver.ad_touches. Lazy; one shuffle by person. Raises SchemaMismatch.
    """
    require(visits, [person, *(name for name in COLUMNS if name != "creative_id")], what="gathered (visits)")
    require(ads, [person, *COLUMNS], what="gathered (ads)")
    came = visits.withColumns({"creative_id": F.lit(None).cast("string"), "_is_visit": F.lit(True)})
    seen = ads.withColumn("_is_visit", F.lit(False))
    columns = [quoted(person), *COLUMNS, "_is_visit"]
    is_click = ~F.col("_is_visit") & (F.lower("touch_type") == "click")
    click = F.when(is_click, F.struct("occurred_at", "channel"))
    # At one instant the click comes first, as false does; of two clicks the last is so by its channel.
    until_now = Window.partitionBy(quoted(person)).orderBy("occurred_at", "_is_visit", "channel")
    last = F.last(click, ignorenulls=True).over(until_now.rowsBetween(Window.unboundedPreceding, 0))
    gone = F.unix_micros("occurred_at") - F.unix_micros("_click.occurred_at")
    is_landing = (
        F.col("_is_visit")
        & (F.col("_click.channel") == F.col("channel"))
        & (gone <= F.lit(span_micros(landing)))
    )
    together = came.select(*columns).unionByName(seen.select(*columns)).withColumn("_click", last)
    return together.where(~F.coalesce(is_landing, F.lit(False))).select(quoted(person), *COLUMNS)


def conversions(
    sessionized: DataFrame, *, kinds: Mapping[str, str], value: str, person: str = "person_id"
) -> DataFrame:
    """A row a visit and kind of conversion in it: `person`, conversion_type, occurred_at, value, currency.

    However often a predicate of `kinds` (name = SQL over the columns of events) holds in a visit, it is one
    conversion: at the first time, worth all that `value` (SQL) adds up to (double; null where it is never
    known), in the currency of the first that has one. In: what sessionize gives, with `person`. Lazy; one
    shuffle. Raises SchemaMismatch.
    """
    require(sessionized, [person, "session_id", "occurred_at", "currency"], what="conversions")
    held = F.array_compact(F.array(*(F.when(F.expr(rule), F.lit(name)) for name, rule in kinds.items())))
    done = sessionized.select(
        quoted(person),
        "session_id",
        "occurred_at",
        "currency",
        F.expr(value).cast("double").alias("_value"),
        F.explode(held).alias("conversion_type"),
    )
    first = F.when(F.col("currency").isNotNull(), F.struct("occurred_at", "currency"))
    return (
        done.groupBy(quoted(person), "session_id", "conversion_type")
        .agg(
            F.min("occurred_at").alias("occurred_at"),
            F.sum("_value").alias("value"),
            F.min_by("currency", first).alias("currency"),
        )
        .select(quoted(person), "conversion_type", "occurred_at", "value", "currency")
    )


def valued(journeys: DataFrame, *, currency: str = "") -> tuple[DataFrame, str | None]:
    """The journeys with value in one currency, null where it is in another, and that currency.

    It is `currency` (ISO 4217), in which are then also the values that name none; without it the commonest of
    the conversions (ties by name), or none where none has any. Runs a Spark job; one row comes to the driver.
    Raises SchemaMismatch.
    """
    require(journeys, ["value", "currency"], what="valued")
    known = journeys.where("value IS NOT NULL AND currency IS NOT NULL").groupBy("currency").count()
    first = None if currency else known.orderBy(F.desc("count"), "currency").first()
    chosen = currency or (first["currency"] if first else None)
    said = F.coalesce("currency", F.lit(currency or None))
    return journeys.withColumn("value", F.when(said.eqNullSafe(F.lit(chosen)), F.col("value"))), chosen


def ended_since(journeys: DataFrame, begin: datetime | None) -> DataFrame:
    """Those that converted, or had their last touch, at or after an instant; None: all. Lazy."""
    require(journeys, ["converted_at", "touches"], what="ended_since")
    ended = F.coalesce("converted_at", F.try_element_at("touches", F.lit(-1))["occurred_at"])
    return journeys if begin is None else journeys.where(ended >= F.lit(begin))
