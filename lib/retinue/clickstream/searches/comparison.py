"""How often searches fail, beside the norm: by products seen, by time, by price, and with what trend."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

from pyspark.sql import Column, DataFrame, GroupedData
from pyspark.sql import functions as F

from retinue.clickstream.intervals import wilson
from retinue.clickstream.searches.sessions import search_sessions
from retinue.clickstream.times import epoch_micros
from retinue.errors import RetinueError, nearest
from retinue.schema import require

_UNITS = ("hour", "day", "week", "month")
_COUNTED = ("product_count", "search_count", "fruitless_search_count")


def compare_with_norm(
    sessionized: DataFrame,
    *,
    min_products: int = 5,
    most_products: int = 10,
    fruitless: str = "auto",
    confidence: float = 0.95,
    visitor: str = "visitor_id",
    at: str = "occurred_at",
) -> DataFrame:
    """How often serious shoppers' sessions with a search have a fruitless one, beside those of all visitors.

    This is compare_by_products over the sessions that search_sessions finds: there it says what comes in
    and out. Raises SchemaMismatch; RetinueError for an unknown `fruitless`.
    """
    sessions = search_sessions(sessionized, fruitless=fruitless, visitor=visitor, at=at)
    return compare_by_products(
        sessions, min_products=min_products, most_products=most_products, confidence=confidence
    )


def compare_by_products(
    sessions: DataFrame, *, min_products: int = 5, most_products: int = 10, confidence: float = 0.95
) -> DataFrame:
    """The share of sessions with a fruitless search, by the number of products seen before the first search.

    Serious shoppers have seen `min_products` or more. `most_products` stands for that many or more.

    In: what search_sessions gives.

    Out, a row for each number of products, and the rollup of them, where null means all:
    is_serious (boolean; null in the row of all visitors), product_count (null in the three rows of serious,
    other and all visitors), session_count (with a search), fruitless_session_count (with a fruitless one),
    fruitless_rate (of sessions), low and high (the Wilson score interval of that rate at `confidence`;
    Wilson 1927, JASA 22), search_count, fruitless_search_count (searches within a session are not
    independent, so that their share has no interval here).

    Raises SchemaMismatch.
    """
    require(sessions, _COUNTED, what="compare_by_products")
    grouped = _with_is_serious(sessions, min_products).withColumn(
        "product_count", F.least("product_count", F.lit(most_products))
    )
    return _rates(grouped.rollup("is_serious", "product_count"), ["product_count"], confidence)


def compare_by_time(
    sessions: DataFrame, *, every: str = "week", min_products: int = 5, confidence: float = 0.95
) -> DataFrame:
    """The share of sessions with a fruitless search, for each hour, day, week or month of the first search.

    `every` is one of these four; they are UTC's, weeks begin on Monday. Serious shoppers have seen
    `min_products` or more before.

    In: what search_sessions gives.

    Out: is_serious (boolean; null for all visitors), period_at (timestamp: when the period begins; null for
    all periods), and the counts, the rate and its interval as compare_by_products gives them. Each period
    has rows for the serious, the others and all together, and so has the whole. A period without such a
    session has no row.

    Raises SchemaMismatch; RetinueError for another `every`.
    """
    require(sessions, ["first_search_at", *_COUNTED], what="compare_by_time")
    unit = every.lower()
    if unit not in _UNITS:
        raise RetinueError(
            f"every is {every!r}; it must be one of {', '.join(_UNITS)}{nearest(unit, _UNITS)}"
        )
    searched_at = F.timestamp_micros(epoch_micros(sessions, "first_search_at"))
    timed = _with_is_serious(sessions, min_products).withColumn("period_at", F.date_trunc(unit, searched_at))
    return _rates(timed.cube("is_serious", "period_at"), ["period_at"], confidence)


def compare_by_price(
    sessions: DataFrame,
    *,
    bands: int | Sequence[float] = 4,
    min_products: int = 5,
    confidence: float = 0.95,
) -> DataFrame:
    """The share of sessions with a fruitless search, by the mean price of the products seen before it.

    `bands` is a number of bands with about as many sessions each, cut for each currency apart, or the
    prices that part the bands, in rising order; a price equal to such an edge belongs to the band below.
    Serious shoppers have seen `min_products` or more.

    In: what search_sessions gives.

    Out: is_serious (boolean; null for all visitors), currency, price_band (int: from 1, the cheapest; 0
    where no price was seen; null in the rows over all bands), lowest_amount and highest_amount (double:
    of the sessions' mean prices in the band), and the counts, the rate and its interval as
    compare_by_products gives them. Each band has rows for the serious, the others and all together, and so
    has the whole.

    Equal bands are cut by percentile_approx to one part in 10,000. Raises SchemaMismatch; RetinueError for
    no band or edges that do not rise.
    """
    require(sessions, ["browsed_amount", "currency", *_COUNTED], what="compare_by_price")
    amount, currency = F.col("browsed_amount"), F.when(F.col("browsed_amount").isNotNull(), F.col("currency"))
    cut = _with_price_edges(sessions.withColumn("currency", currency), bands)
    above = F.size(F.filter("edges", lambda edge: edge < amount))
    banded = _with_is_serious(cut, min_products).withColumn(
        "price_band", F.when(amount.isNull(), 0).otherwise(1 + above)
    )
    keys = ["is_serious", "currency", "price_band"]
    groups = banded.groupingSets([keys, keys[1:], keys[:1], []], *keys)
    bounds = {"lowest_amount": F.min(amount), "highest_amount": F.max(amount)}
    return _rates(groups, ["currency", "price_band"], confidence, **bounds)


def trend_by_products(rates: DataFrame, *, confidence: float = 0.95) -> DataFrame:
    """How much the share of sessions with a fruitless search rises with each product seen, on average.

    The straight line through the rates by least squares, weighted by their sessions, and the test whether
    it rises at all: Cochran 1954, Biometrics 10; Armitage 1955, Tests for linear trends in proportions and
    frequencies, Biometrics 11. The interval holds whatever the scatter about the line (White 1980,
    Econometrica 48), but takes sessions for independent, also those of one visitor.

    In: what compare_by_products gives; its last number of products stands for all above it too.

    Out, one row: session_count, slope (change of the rate for one product more), low and high (of the
    slope, at `confidence`), intercept (the line's rate at no product), z (standard normal where the rate
    does not depend on the products seen). slope and what follows are null where all sessions have seen as
    many products, z also where all have failed or none.

    Raises SchemaMismatch.
    """
    wanted = ["product_count", "session_count", "fruitless_session_count"]
    require(rates, wanted, what="trend_by_products")
    groups = rates.where("product_count is not null").selectExpr(
        "product_count as x", "session_count as n", "fruitless_session_count as k"
    )
    fitted = F.col("intercept") + F.col("slope") * F.col("x")
    missed = F.col("k") * F.pow(1 - fitted, 2) + (F.col("n") - F.col("k")) * F.pow(fitted, 2)
    scatter = F.sum(F.pow(F.col("x") - F.col("mean"), 2) * missed)
    half = NormalDist().inv_cdf((1 + confidence) / 2) * F.sqrt(scatter) / F.col("spread")
    line = ["session_count", "slope", "intercept", "z", "spread"]
    return (
        _line(groups)
        # Either side has a row for each number of products at the most.
        .join(F.broadcast(groups), how="left")
        .groupBy(*line)
        .agg(half.alias("half"))
        .selectExpr("session_count", "slope", "slope - half as low", "slope + half as high", "intercept", "z")
    )


def _line(groups: DataFrame) -> DataFrame:
    """The weighted least-squares line through k / n over x, in one row."""
    sums = groups.selectExpr(
        # Sums of whole numbers are exact, so that no spread is none.
        "cast(coalesce(sum(n), 0) as decimal(19)) as sessions",
        "cast(sum(k) as decimal(19)) as failed",
        "cast(sum(n * x) as decimal(19)) as products",
        "cast(sum(n * x * x) as decimal(19)) as squares",
        "cast(sum(k * x) as decimal(19)) as failed_products",
    ).selectExpr(
        "cast(sessions as bigint) as session_count",
        "double(products) / nullif(sessions, 0) as mean",
        "double(failed) / nullif(sessions, 0) as share",
        "nullif(double(sessions * squares - products * products) / nullif(sessions, 0), 0) as spread",
        "double(sessions * failed_products - products * failed) / nullif(sessions, 0) as joint",
    )
    return sums.withColumns(
        {
            "slope": F.col("joint") / F.col("spread"),
            "intercept": F.expr("share - joint / spread * mean"),
            "z": F.expr("joint / sqrt(spread * nullif(share * (1 - share), 0))"),
        }
    )


def _with_is_serious(sessions: DataFrame, min_products: int) -> DataFrame:
    return sessions.withColumn("is_serious", F.col("product_count") >= min_products)


def _with_price_edges(sessions: DataFrame, bands: int | Sequence[float]) -> DataFrame:
    if not isinstance(bands, int):
        if list(bands) != sorted(set(bands)):
            raise RetinueError(f"bands is {list(bands)}; its prices must rise")
        return sessions.withColumn("edges", F.array(*map(F.lit, bands)).cast("array<double>"))
    if bands < 1:
        raise RetinueError(f"bands is {bands}; there must be at least 1")
    parts = [part / bands for part in range(1, bands)]
    edges = F.percentile_approx("browsed_amount", parts) if parts else F.array().cast("array<double>")
    cut = sessions.groupBy(F.col("currency").alias("of_currency")).agg(edges.alias("edges"))
    return sessions.join(F.broadcast(cut), F.col("currency").eqNullSafe(F.col("of_currency")))


def _rates(groups: GroupedData, dimensions: Sequence[str], confidence: float, **bounds: Column) -> DataFrame:
    """The rate of each group with its interval; `bounds` are further aggregates by name."""
    failed, sessions = F.col("fruitless_session_count"), F.col("session_count")
    low, high = wilson(failed, sessions, confidence)
    return groups.agg(
        F.count("*").alias("session_count"),
        F.count_if(F.col("fruitless_search_count") > 0).alias("fruitless_session_count"),
        F.sum("search_count").alias("search_count"),
        F.sum("fruitless_search_count").alias("fruitless_search_count"),
        *(bound.alias(name) for name, bound in bounds.items()),
    ).select(
        "is_serious",
        *dimensions,
        *bounds,
        "session_count",
        "fruitless_session_count",
        F.try_divide(failed, sessions).alias("fruitless_rate"),
        low.alias("low"),
        high.alias("high"),
        "search_count",
        "fruitless_search_count",
    )
