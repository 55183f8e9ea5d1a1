"""Was a search fruitless, and why?"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retinue.clickstream.sessions import VIEWS
from retinue.errors import RetinueError, nearest
from retinue.schema import quoted, require

ZERO_RESULTS, NO_CLICK, REFINED = "zero_results", "no_click", "refined"
REASONS = (ZERO_RESULTS, NO_CLICK, REFINED)  # why a search was fruitless

_OPTIONAL = {
    "query": "string",
    "result_count": "bigint",
    "product_id": "string",
    "price_amount": "decimal(18,4)",
    "currency": "string",
}


def judge_searches(
    sessionized: DataFrame, *, fruitless: str = "auto", visitor: str = "visitor_id", at: str = "occurred_at"
) -> DataFrame:
    """Say of each search whether it was fruitless, and why.

    Every row of event_type search is a search, also one for the words just searched for. Where turning the
    page of a list of results is recorded as a search too, map it to page_view: else a page turned without
    a click counts as a search that failed. `fruitless` says what counts (case does not matter):

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
        judged_events(sessionized, fruitless, visitor, at)
        .where("kind = 'search'")
        .select(
            quoted(visitor),
            "session_id",
            "search_index",
            F.col(quoted(at)).alias("searched_at"),
            "query",
            "result_count",
            "page_number",
            "has_click",
            F.col("reason").isNotNull().alias("is_fruitless"),
            "reason",
        )
    )


def judged_events(sessionized: DataFrame, fruitless: str, visitor: str, at: str) -> DataFrame:
    """Every row of a session, with what came up to it and in all, and why a search was fruitless.

    All in windows of one order, so that one sort serves them.
    """
    needed = [visitor, at, "session_id", "event_index", "event_type"]
    require(sessionized, needed, what="a look at searches")
    in_order = Window.partitionBy(quoted(visitor), "session_id").orderBy("event_index")
    so_far = in_order.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    in_all = in_order.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    kind = F.col("kind")
    pages, clicks = F.count_if(kind.isin(*VIEWS)), F.count_if(kind.isin("product_view", "result_click"))
    orders = F.count_if(kind == "purchase")
    # PySpark's lead cannot skip nulls, SQL's can.
    next_search = F.expr(
        "lead(if(kind = 'search', struct(clicks_so_far, query), null)) ignore nulls "
        f"over (partition by {quoted(visitor)}, session_id order by event_index)"
    )
    clicks_then = F.coalesce("next_search.clicks_so_far", "click_count")
    return (
        sessionized.where(F.col("session_id").isNotNull())
        .select(*map(quoted, needed[:-1]), F.lower("event_type").alias("kind"), *_optional(sessionized))
        .withColumns(
            {
                "search_index": F.count_if(kind == "search").over(so_far),
                "page_number": pages.over(so_far),
                "pages_after": pages.over(in_all) - pages.over(so_far),
                "orders_after": orders.over(in_all) - orders.over(so_far),
                "clicks_so_far": clicks.over(so_far),
                "click_count": clicks.over(in_all),
                "ended_at": F.last(quoted(at)).over(in_all),
            }
        )
        .withColumn("next_search", next_search)
        .withColumn("has_click", clicks_then > F.col("clicks_so_far"))
        .withColumn("reason", F.when(kind == "search", _reason(fruitless)))
    )


def product_count(counts: Column) -> Column:
    """How many products are in the rows where `counts` holds, each without product_id being its own."""
    product = F.col("product_id")
    return F.size(F.collect_set(F.when(counts, product))) + F.count_if(counts & product.isNull())


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
