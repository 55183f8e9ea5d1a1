"""Searches that lead nowhere, and the serious shoppers who leave over them."""

from __future__ import annotations

from datetime import datetime, timedelta
from statistics import NormalDist

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retinue.clickstream.sessions import VIEWS
from retinue.clickstream.times import epoch_micros, instant_micros, span_micros
from retinue.errors import RetinueError, nearest
from retinue.schema import require

_HALF_HOUR = timedelta(minutes=30)
_OPTIONAL = {"query": "string", "result_count": "bigint", "product_id": "string"}

ZERO_RESULTS, NO_CLICK, REFINED = "zero_results", "no_click", "refined"  # why a search was fruitless


def judge_searches(
    sessionized: DataFrame, *, fruitless: str = "auto", visitor: str = "visitor_id", at: str = "occurred_at"
) -> DataFrame:
    """Say of each search whether it was fruitless, and why.

    Every row of event_type search is a search, a second page of results too. `fruitless` says what counts
    (case does not matter):

    - zero_results: result_count is zero; a search without result_count is not judged fruitless
    - no_click: no product_view and no result_click follows before the next search or the session's end,
      whatever result_count says
    - refined: no such click follows, and the next search of the session is another query that shares a word
      (letters and digits, in lower case) with this one
    - auto: by zero_results where there is a result_count, by no_click where it is null

    In: what sessionize adds, `visitor`, `at`, event_type; query, result_count and product_id where there
    are such columns (without one, as if it were null).

    Out, a row a search: `visitor`, session_id, search_index (from 1 a session), searched_at (the type of
    `at`), query, result_count, page_number (pages the session had shown by then, this one included),
    has_click (boolean: a product_view or result_click before the next search or the end), is_fruitless
    (boolean), reason (zero_results, no_click, refined or null).

    One shuffle by visitor and session, none where the rows already lie by visitor.
    Raises SchemaMismatch; RetinueError for an unknown `fruitless`.
    """
    return (
        _judged(sessionized, fruitless, visitor, at)
        .where("kind = 'search'")
        .select(
            visitor,
            "session_id",
            "search_index",
            F.col(at).alias("searched_at"),
            "query",
            "result_count",
            "page_number",
            "has_click",
            F.col("reason").isNotNull().alias("is_fruitless"),
            "reason",
        )
    )


def fruitless_searches(
    sessionized: DataFrame,
    *,
    min_products: int = 5,
    min_searches: int = 2,
    near: int = 10,
    abandon_within: int = 5,
    fruitless: str = "auto",
    until: datetime | float | None = None,
    timeout: timedelta = _HALF_HOUR,
    visitor: str = "visitor_id",
    at: str = "occurred_at",
) -> DataFrame:
    """The sessions of serious shoppers whose searches failed and who then left.

    A session qualifies where

    - at least `min_products` different products were seen before its first fruitless search: distinct
      product_id of product_view rows, each such row without one counting as a product of its own
    - its last `min_searches` fruitless searches, or more, lie near each other: from each to the next (there
      may be fruitful ones between) at most `near` page views come in between
    - at most `abandon_within` page views follow the last fruitless search
    - no purchase follows it
    - it has ended: with `until` (the end of the data: a datetime, UTC where it has no zone, or a number of
      seconds) a session that an event right after it could still continue, its last event being at most
      `timeout` before, has not been abandoned and is left out; without `until` all have ended

    A page view is a row of event_type page_view, product_view or search: fruitful searches count into the
    distances, heartbeats, clicks and carts do not. What `fruitless` means: see judge_searches. The pattern
    is Teradata's for Aster nPath: 5 products, 2 fruitless searches within 10 pages, left within 5.

    In: as for judge_searches.

    Out, a row a session that qualifies: `visitor`, session_id, product_count (before the first fruitless
    search), fruitless_count (all fruitless searches of the session), first_fruitless_at, last_fruitless_at
    (the type of `at`), queries (array<string>: of the fruitless searches in order, those that are not
    null), pages_after (page views after the last).

    One shuffle by visitor and session, none where the rows already lie by visitor.
    Raises SchemaMismatch; RetinueError for an unknown `fruitless`.
    """
    sessions = _failed_sessions(_judged(sessionized, fruitless, visitor, at), visitor, at)
    qualifies = (
        (F.col("product_count") >= min_products)
        & (_run_length(F.col("page_numbers"), near) >= min_searches)
        & (F.col("pages_after") <= abandon_within)
        & (F.col("orders_after") == 0)
    )
    if until is not None:
        ended = epoch_micros(sessions, "ended_at") + span_micros(timeout)
        qualifies &= ended <= instant_micros(until)
    return sessions.where(qualifies).select(
        visitor,
        "session_id",
        "product_count",
        "fruitless_count",
        "first_fruitless_at",
        "last_fruitless_at",
        "queries",
        "pages_after",
    )


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

    Only sessions with a search are compared, by the products seen before the first search (counted as in
    fruitless_searches; products found through a search say how it went, not how serious the shopper was).
    Serious are those with `min_products` or more. `most_products` stands for that many or more.

    In: as for judge_searches.

    Out, a row for each number of products, and the rollup of them, where null means all:
    is_serious (boolean; null in the row of all visitors), product_count (null in the three rows of serious,
    other and all visitors), session_count (with a search), fruitless_session_count (with a fruitless one),
    fruitless_rate (of sessions), low and high (the Wilson score interval of that rate at `confidence`;
    Wilson 1927, JASA 22), search_count, fruitless_search_count (searches within a session are not
    independent, so that their share has no interval here).

    Raises SchemaMismatch; RetinueError for an unknown `fruitless`.
    """
    sessions = (
        _judged(sessionized, fruitless, visitor, at)
        .where("kind = 'search' or (kind = 'product_view' and search_index = 0)")
        .groupBy(visitor, "session_id")
        .agg(
            _product_count(F.col("kind") == "product_view").alias("seen"),
            F.count_if(F.col("kind") == "search").alias("searches"),
            F.count("reason").alias("failures"),
        )
        .where("searches > 0")
        .withColumn("is_serious", F.col("seen") >= min_products)
        .withColumn("product_count", F.least("seen", F.lit(most_products)))
    )
    counted = sessions.rollup("is_serious", "product_count").agg(
        F.count("*").alias("session_count"),
        F.count_if(F.col("failures") > 0).alias("fruitless_session_count"),
        F.sum("searches").alias("search_count"),
        F.sum("failures").alias("fruitless_search_count"),
    )
    low, high = _wilson(F.col("fruitless_session_count"), F.col("session_count"), confidence)
    return counted.select(
        "is_serious",
        "product_count",
        "session_count",
        "fruitless_session_count",
        (F.col("fruitless_session_count") / F.col("session_count")).alias("fruitless_rate"),
        low.alias("low"),
        high.alias("high"),
        "search_count",
        "fruitless_search_count",
    )


def _judged(sessionized: DataFrame, fruitless: str, visitor: str, at: str) -> DataFrame:
    """Every row of a session, with what came up to it and in all, and why a search was fruitless.

    All in windows of one order, so that one sort serves them.
    """
    needed = [visitor, at, "session_id", "event_index", "event_type"]
    require(sessionized, needed, what="a look at searches")
    in_order = Window.partitionBy(visitor, "session_id").orderBy("event_index")
    so_far = in_order.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    in_all = in_order.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    kind = F.col("kind")
    pages, clicks = F.count_if(kind.isin(*VIEWS)), F.count_if(kind.isin("product_view", "result_click"))
    orders = F.count_if(kind == "purchase")
    # PySpark's lead cannot skip nulls, SQL's can.
    next_search = F.expr(
        "lead(if(kind = 'search', struct(clicks_so_far, query), null)) ignore nulls "
        f"over (partition by `{visitor}`, session_id order by event_index)"
    )
    clicks_then = F.coalesce("next_search.clicks_so_far", "click_count")
    return (
        sessionized.where(F.col("session_id").isNotNull())
        .select(*needed[:-1], F.lower("event_type").alias("kind"), *_optional(sessionized))
        .withColumns(
            {
                "search_index": F.count_if(kind == "search").over(so_far),
                "page_number": pages.over(so_far),
                "pages_after": pages.over(in_all) - pages.over(so_far),
                "orders_after": orders.over(in_all) - orders.over(so_far),
                "clicks_so_far": clicks.over(so_far),
                "click_count": clicks.over(in_all),
                "ended_at": F.last(at).over(in_all),
            }
        )
        .withColumn("next_search", next_search)
        .withColumn("has_click", clicks_then > F.col("clicks_so_far"))
        .withColumn("reason", F.when(kind == "search", _reason(fruitless)))
    )


def _optional(rows: DataFrame) -> list[Column]:
    return [
        F.col(name) if name in rows.columns else F.lit(None).cast(kind).alias(name)
        for name, kind in _OPTIONAL.items()
    ]


def _reason(fruitless: str) -> Column:
    query, then = F.lower("query"), F.lower("next_search.query")
    is_refined = (query != then) & F.arrays_overlap(_words(query), _words(then))
    no_result = F.when(F.col("result_count") == 0, ZERO_RESULTS)
    no_click = F.when(~F.col("has_click"), NO_CLICK)
    reasons = {
        "auto": F.when(F.col("result_count").isNull(), no_click).otherwise(no_result),
        ZERO_RESULTS: no_result,
        NO_CLICK: no_click,
        REFINED: F.when(~F.col("has_click") & is_refined, REFINED),
    }
    chosen = fruitless.lower()
    if chosen not in reasons:
        known = ", ".join(reasons)
        raise RetinueError(f"fruitless is {fruitless!r}; it must be one of {known}{nearest(chosen, reasons)}")
    return reasons[chosen]


def _words(query: Column) -> Column:
    return F.regexp_extract_all(query, F.lit(r"[\p{L}\p{N}]+"), F.lit(0))


def _product_count(counts: Column) -> Column:
    """How many products are in the rows where `counts` holds, each without product_id being its own."""
    product = F.col("product_id")
    return F.size(F.collect_set(F.when(counts, product))) + F.count_if(counts & product.isNull())


def _failed_sessions(judged: DataFrame, visitor: str, at: str) -> DataFrame:
    """Sum up each session that has a fruitless search: what lies before the first, what after the last."""
    session = Window.partitionBy(visitor, "session_id")
    failed, is_last = F.col("reason").isNotNull(), F.col("event_index") == F.col("last")
    is_view_before = (F.col("kind") == "product_view") & (F.col("event_index") < F.col("first"))
    asked = F.sort_array(F.collect_list(F.when(failed, F.struct("event_index", "query"))))["query"]
    return (
        judged.withColumns(
            {
                "first": F.min(F.when(failed, F.col("event_index"))).over(session),
                "last": F.max(F.when(failed, F.col("event_index"))).over(session),
            }
        )
        .where(failed | is_view_before)
        .groupBy(visitor, "session_id")
        .agg(
            _product_count(is_view_before).alias("product_count"),
            F.count("reason").alias("fruitless_count"),
            F.min(F.when(failed, F.col(at))).alias("first_fruitless_at"),
            F.max(F.when(failed, F.col(at))).alias("last_fruitless_at"),
            F.array_compact(asked).alias("queries"),
            F.max(F.when(is_last, F.col("pages_after"))).alias("pages_after"),
            F.max(F.when(is_last, F.col("orders_after"))).alias("orders_after"),
            F.sort_array(F.collect_list(F.when(failed, F.col("page_number")))).alias("page_numbers"),
            F.max("ended_at").alias("ended_at"),
        )
    )


def _run_length(page_numbers: Column, near: int) -> Column:
    """How many searches, counted back from the last, lie near each other."""
    far = F.filter(page_numbers, lambda page, at: page - F.get(page_numbers, at - 1) - 1 > near)
    start = F.coalesce(F.array_max(far), F.lit(0))
    return F.size(F.filter(page_numbers, lambda page: page >= start))


def _wilson(successes: Column, trials: Column, confidence: float) -> tuple[Column, Column]:
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    rate, spread = successes / trials, z * z / trials
    half = F.sqrt((rate * (1 - rate) + spread / 4) * spread)
    low, high = (rate + spread / 2 - half) / (1 + spread), (rate + spread / 2 + half) / (1 + spread)
    return F.greatest(low, F.lit(0.0)), F.least(high, F.lit(1.0))  # at rates of 0 and 1 but for rounding
