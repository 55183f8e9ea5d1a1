"""What fruitless searches cost: the orders that comparable sessions place and these do not."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retinue.clickstream.intervals import wilson
from retinue.schema import require

PRODUCT_EDGES = (0, 2, 4, 9)  # none, one or two, three or four, five to nine, more
WEIGHED = (
    "product_count",
    "browsed_amount",
    "fruitless_search_count",
    "has_order",
    "order_amount",
    "currency",
)
_BANDS = ["product_band", "price_band"]


def value_at_risk(
    sessions: DataFrame,
    *,
    product_edges: Sequence[float] = PRODUCT_EDGES,
    price_edges: Sequence[float] = (),
    confidence: float = 0.95,
) -> DataFrame:
    """The orders that sessions with a fruitless search did not place, though comparable sessions did.

    Comparable are the sessions all of whose searches succeeded, in the same band of products seen before the
    first search, and of the mean price of these products. A band ends with its edge: the default tells
    none, 1 or 2, 3 or 4, 5 to 9 and 10 or more products apart, and prices not at all; with `price_edges` no
    price seen is a band of its own. Each session counts once, however many of its searches failed.

    In: what search_sessions gives.

    Out, one row:

    - session_count (bigint): sessions with a fruitless search
    - compared_count (bigint): of these, those for which there are comparable ones; what follows is of them
    - order_count (bigint): sessions with an order after their first search
    - expected_order_count (double): had they ordered as often as the comparable sessions
    - lost_order_count, lost_order_low, lost_order_high (double): expected less order_count, with its
      interval at `confidence`. Below zero where more orders came than expected, which is no loss
    - mean_order_amount (double): of an order in a session all of whose searches succeeded; null where
      orders have no price or come in several currencies
    - risk_amount, risk_low, risk_high (double): lost_order_count times mean_order_amount with the interval
      of the product; 0 where it would be below. The interval is null for fewer than two orders with a price
    - currency (string): of the amounts

    All doubles are null where nothing can be compared.

    The expectation is direct standardization (Fleiss, Levin and Paik 2003, Statistical Methods for Rates and
    Proportions, chapter 19), its interval the method of variance recovery from Wilson's limits (Zou and
    Donner 2008, Statistics in Medicine 27), joined with the mean's by the delta method. It is no experiment:
    sessions may differ in more than the bands tell, and where a search counts as fruitless because nothing
    was clicked, few orders are what that choice makes likely.

    Raises SchemaMismatch; RetinueError for a confidence outside 0..1.
    """
    require(sessions, WEIGHED, what="value_at_risk")
    return lost_orders(
        sessions.where("fruitless_search_count > 0"),
        sessions,
        by=[],
        product_edges=product_edges,
        price_edges=price_edges,
        confidence=confidence,
    )


def lost_orders(
    failed: DataFrame,
    sessions: DataFrame,
    *,
    by: Sequence[str],
    product_edges: Sequence[float],
    price_edges: Sequence[float],
    confidence: float,
) -> DataFrame:
    """What value_at_risk says, for each group of `failed` sessions `by` these columns."""
    succeeded = _banded(sessions.where("fruitless_search_count = 0"), product_edges, price_edges)
    norm = _order_rates(succeeded, confidence)
    compared = (
        _banded(failed, product_edges, price_edges)
        .groupBy(*by, *_BANDS)
        .agg(F.count("*").alias("sessions"), F.count_if("has_order").alias("orders"))
        .join(F.broadcast(norm), on=_BANDS, how="left")
    )
    lost = _lost(_standardized(compared, by), confidence)
    worth = F.broadcast(_order_value(succeeded, confidence))
    return _valued(lost.crossJoin(worth)).select(
        *by,
        "session_count",
        "compared_count",
        "order_count",
        "expected_order_count",
        "lost_order_count",
        "lost_order_low",
        "lost_order_high",
        "mean_order_amount",
        "risk_amount",
        "risk_low",
        "risk_high",
        "currency",
    )


def _banded(sessions: DataFrame, product_edges: Sequence[float], price_edges: Sequence[float]) -> DataFrame:
    price = F.col("browsed_amount")
    price_band = F.when(price.isNull(), -1).otherwise(_band(price, price_edges)) if price_edges else F.lit(0)
    return sessions.withColumns(
        {"product_band": _band(F.col("product_count"), product_edges), "price_band": price_band}
    )


def _band(value: Column, edges: Sequence[float]) -> Column:
    """How many of the edges lie below the value."""
    return sum(((value > edge).cast("int") for edge in edges), F.lit(0))


def _order_rates(sessions: DataFrame, confidence: float) -> DataFrame:
    """How often the sessions of each band order, with Wilson's limits."""
    counts = sessions.groupBy(*_BANDS).agg(F.count_if("has_order").alias("k"), F.count("*").alias("n"))
    low, high = wilson(F.col("k"), F.col("n"), confidence)
    return counts.select(*_BANDS, F.expr("k / n").alias("rate"), low.alias("low"), high.alias("high"))


def _order_value(sessions: DataFrame, confidence: float) -> DataFrame:
    """What an order is worth and half the width of that mean's interval, in one row."""
    currency = F.when(F.col("order_amount").isNotNull(), F.col("currency"))
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    half = z * F.stddev_samp("order_amount") / F.sqrt(F.count("order_amount"))
    is_one = F.min(currency).eqNullSafe(F.max(currency))
    return sessions.where("has_order").agg(
        F.when(is_one, F.avg("order_amount")).alias("mean_order_amount"),
        F.when(is_one, half).alias("half_amount"),
        F.when(is_one, F.min(currency)).alias("currency"),
    )


def _standardized(compared: DataFrame, by: Sequence[str]) -> DataFrame:
    """Sum the bands of each group: sessions, orders, expected orders, and how far these can be off."""
    has_norm = F.col("rate").isNotNull()
    return compared.groupBy(*by).agg(
        F.coalesce(F.sum("sessions"), F.lit(0)).alias("session_count"),
        F.coalesce(F.sum(F.when(has_norm, F.col("sessions"))), F.lit(0)).alias("compared_count"),
        F.coalesce(F.sum(F.when(has_norm, F.col("orders"))), F.lit(0)).alias("order_count"),
        F.sum(F.expr("sessions * rate")).alias("expected_order_count"),
        F.sum(F.expr("pow(sessions * (rate - low), 2)")).alias("below"),
        F.sum(F.expr("pow(sessions * (high - rate), 2)")).alias("above"),
    )


def _lost(groups: DataFrame, confidence: float) -> DataFrame:
    """Expected less actual orders, with limits recovered from those of either side."""
    sessions, orders = F.col("compared_count"), F.col("order_count")
    low, high = wilson(orders, sessions, confidence)
    lost = F.col("lost_order_count")
    return (
        groups.withColumn("lost_order_count", F.col("expected_order_count") - orders)
        .withColumn("lost_order_low", lost - F.sqrt(F.col("below") + F.pow(high * sessions - orders, 2)))
        .withColumn("lost_order_high", lost + F.sqrt(F.col("above") + F.pow(orders - low * sessions, 2)))
    )


def _valued(lost: DataFrame) -> DataFrame:
    """Orders in money, never less than none."""
    count, amount = F.col("lost_order_count"), F.col("mean_order_amount")
    of_amount = F.pow(count * F.col("half_amount"), 2)
    below = F.sqrt(F.pow((count - F.col("lost_order_low")) * amount, 2) + of_amount)
    above = F.sqrt(F.pow((F.col("lost_order_high") - count) * amount, 2) + of_amount)
    amounts = {
        "risk_amount": count * amount,
        "risk_low": count * amount - below,
        "risk_high": count * amount + above,
    }
    return lost.withColumns(
        {name: F.when(value < 0, 0.0).otherwise(value) for name, value in amounts.items()}
    )
