"""The serious shoppers whose searches fail and who then leave."""

from __future__ import annotations

from datetime import datetime, timedelta

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retinue.clickstream.searches.judging import judged_events, product_count
from retinue.clickstream.times import epoch_micros, instant_micros, span_micros
from retinue.schema import quoted

_HALF_HOUR = timedelta(minutes=30)


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
      seconds) a session that an event right after it could still continue, its last event being less than
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
    sessions = _failed_sessions(judged_events(sessionized, fruitless, visitor, at), visitor, at)
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
        quoted(visitor),
        "session_id",
        "product_count",
        "fruitless_count",
        "first_fruitless_at",
        "last_fruitless_at",
        "queries",
        "pages_after",
    )


def _failed_sessions(judged: DataFrame, visitor: str, at: str) -> DataFrame:
    """Sum up each session that has a fruitless search: what lies before the first, what after the last."""
    session = Window.partitionBy(quoted(visitor), "session_id")
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
        .groupBy(quoted(visitor), "session_id")
        .agg(
            product_count(is_view_before).alias("product_count"),
            F.count("reason").alias("fruitless_count"),
            F.min(F.when(failed, F.col(quoted(at)))).alias("first_fruitless_at"),
            F.max(F.when(failed, F.col(quoted(at)))).alias("last_fruitless_at"),
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
