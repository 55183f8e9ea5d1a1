"""The sessions with a search: what led up to it, how it went, and whether an order came of it."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retinue.clickstream.searches.judging import judged_events, product_count
from retinue.schema import quoted


def search_sessions(
    sessionized: DataFrame, *, fruitless: str = "auto", visitor: str = "visitor_id", at: str = "occurred_at"
) -> DataFrame:
    """Sum up each session with a search: what was seen before its first search, what came of the searches.

    What was seen counts up to the first search and not beyond, for products found through a search say how
    the search went, not how serious the shopper was. An order counts from the first search on.

    In: what sessionize adds, `visitor`, `at`, event_type; product_id, query, result_count, price_amount and
    currency where there are such columns (without one, as if it were null). What `fruitless` means: see
    judge_searches.

    Out, a row a session with a search:

    - `visitor`, session_id
    - first_search_at (the type of `at`)
    - product_count (bigint): different products seen before, each view without product_id one of its own
    - browsed_amount (double): the mean price_amount of these views, null where none has one
    - searches (array<struct<query: string, reason: string>>): all searches in order; reason is null
      where the search was not fruitless
    - search_count, fruitless_search_count (bigint)
    - has_order (boolean): a purchase follows the first search
    - order_amount (double): the sum of price_amount of these purchases, null where none has one
    - currency (string): of the prices and the orders; where there are several, it and both amounts are null

    One shuffle by visitor and session, none where the rows already lie by visitor.
    Raises SchemaMismatch; RetinueError for an unknown `fruitless`.
    """
    is_search = F.col("kind") == "search"
    is_view_before = (F.col("kind") == "product_view") & (F.col("search_index") == 0)
    is_order_after = (F.col("kind") == "purchase") & (F.col("search_index") > 0)
    priced, price = is_view_before | is_order_after, F.col("price_amount").cast("double")
    currency = F.when(priced, F.col("currency"))
    asked = F.sort_array(F.collect_list(F.when(is_search, F.struct("event_index", "query", "reason"))))
    one_currency = F.min(currency).eqNullSafe(F.max(currency))
    return (
        judged_events(sessionized, fruitless, visitor, at)
        .where(is_search | priced)
        .groupBy(quoted(visitor), "session_id")
        .agg(
            F.min(F.when(is_search, F.col(quoted(at)))).alias("first_search_at"),
            product_count(is_view_before).alias("product_count"),
            F.when(one_currency, F.avg(F.when(is_view_before, price))).alias("browsed_amount"),
            F.transform(asked, _without_place).alias("searches"),
            F.count_if(is_search).alias("search_count"),
            F.count("reason").alias("fruitless_search_count"),
            (F.count_if(is_order_after) > 0).alias("has_order"),
            F.when(one_currency, F.sum(F.when(is_order_after, price))).alias("order_amount"),
            F.when(one_currency, F.min(currency)).alias("currency"),
        )
        .where("search_count > 0")
    )


def _without_place(search: Column) -> Column:
    return F.struct(search["query"].alias("query"), search["reason"].alias("reason"))
