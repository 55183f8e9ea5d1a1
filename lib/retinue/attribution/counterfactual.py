"""Credit by what the same journey would have done without the touch, looked up among all journeys."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retinue.attribution import shares

__all__ = ["attribute"]


def attribute(paths: DataFrame) -> DataFrame:
    """Share each path's conversions out by how much less often the path without a touch converts.

    Out, a row a channel: channel, conversions, value (double). What no touch led to is under the channel
    null.

    A touch's gain is the rate of its path, conversions / (conversions + nulls), less the rate of exactly the
    path that is left without it (0 where nobody took that), and 0 where that is below 0. The touches of a
    path share as their gains are; where none gains anything, the last has all. A channel repeated is dropped
    one touch at a time, and earns for each.

    This is the ordered counterfactual rule of Google's fractribution. It is not the Shapley value: it asks
    one shorter path, not all sets of channels. In: path (array of channels), conversions, optionally nulls
    and value. Lazy; two shuffles of paths. Source: github.com/google/fractribution. Raises SchemaMismatch.
    """
    summed = (
        shares.given(paths, what="counterfactual")
        .groupBy("path")
        .agg(*(F.sum(name).alias(name) for name in ("conversions", "value", "nulls")))
    )
    rate = F.try_divide(F.col("conversions"), F.col("conversions") + F.col("nulls"))
    rated = summed.withColumn("rate", F.coalesce(rate, F.lit(0.0)))
    shorter = rated.select(F.col("path").alias("_shorter"), F.col("rate").alias("_rate"))
    touches = rated.where("conversions > 0 OR value <> 0").select(
        "*", F.posexplode_outer("path").alias("_place", "channel")
    )
    without = touches.withColumn("_shorter", _without(F.col("path"), F.col("_place")))
    gain = F.greatest(F.col("rate") - F.coalesce("_rate", F.lit(0.0)), F.lit(0.0))
    gained = without.join(shorter, "_shorter", "left").withColumn("_gain", gain)
    of_path = gained.groupBy("path").agg(
        F.first("conversions").alias("conversions"),
        F.first("value").alias("value"),
        F.sum("_gain").alias("_all"),
        F.collect_list(F.struct("_place", "channel", "_gain")).alias("_touches"),
    )
    last = F.size("path") - 1
    share = F.when(F.col("_all") > 0, F.col("_touch._gain") / F.col("_all")).otherwise(
        (F.coalesce("_touch._place", last) == last).cast("double")
    )
    return (
        of_path.select("*", F.explode("_touches").alias("_touch"))
        .withColumn("_share", F.when(F.size("path") == 0, 1.0).otherwise(share))
        .groupBy(F.col("_touch.channel").alias("channel"))
        .agg(
            F.sum(F.col("conversions") * F.col("_share")).alias("conversions"),
            F.sum(F.col("value") * F.col("_share")).alias("value"),
        )
    )


def _without(path: Column, place: Column) -> Column:
    """The path without one touch."""
    return F.when(
        place.isNotNull(),
        F.concat(F.slice(path, F.lit(1), place), F.slice(path, place + 2, F.size(path))),
    )
