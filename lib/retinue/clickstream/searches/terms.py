"""The words that fail: search terms by the sessions in which they led nowhere."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retinue.clickstream.intervals import wilson
from retinue.clickstream.searches.judging import REASONS
from retinue.clickstream.searches.risk import PRODUCT_EDGES, WEIGHED, lost_orders
from retinue.schema import quoted, require


def fruitless_terms(
    sessions: DataFrame,
    *,
    product_edges: Sequence[float] = PRODUCT_EDGES,
    price_edges: Sequence[float] = (),
    confidence: float = 0.95,
    visitor: str = "visitor_id",
) -> DataFrame:
    """The terms that led nowhere in at least one session: how often, why, and what was lost over them.

    A term is the words of a query in lower case, each run of spaces one, none at the ends.

    In: what search_sessions gives.

    Out, a row a term, in no order:

    - query (string): the term; null stands for searches without words
    - search_count, fruitless_search_count (bigint)
    - session_count, fruitless_session_count (bigint): sessions with the term, and where it was fruitless
      at least once
    - fruitless_rate, low, high (double): of sessions, with its Wilson interval at `confidence`
    - fruitless_visitor_count (bigint): the visitors of the fruitless sessions
    - reasons (map<string, bigint>): its fruitless searches by reason
    - what value_at_risk gives from compared_count on, over the sessions in which the term was fruitless. A
      session with several such terms stands under each of them: their sum is no total, value_at_risk is

    `product_edges`, `price_edges` and `confidence` are those of value_at_risk. Raises SchemaMismatch;
    RetinueError for a confidence outside 0..1.
    """
    require(sessions, [visitor, "session_id", "searches", *WEIGHED], what="fruitless_terms")
    asked = searches_of(sessions)
    failed = asked.where("reason is not null").dropDuplicates([visitor, "session_id", "query"])
    lost = lost_orders(
        failed.withColumnRenamed("query", "term"),
        sessions,
        by=["term"],
        product_edges=product_edges,
        price_edges=price_edges,
        confidence=confidence,
    ).drop("session_count")
    counts = _counts(asked, visitor, confidence).where("fruitless_search_count > 0")
    return counts.join(lost, F.col("query").eqNullSafe(F.col("term"))).drop("term")


def term(query: Column) -> Column:
    """The words in lower case, each run of spaces one, none at the ends; null where nothing is left."""
    return F.nullif(F.trim(F.regexp_replace(F.lower(query), r"[\s\p{Z}]+", " ")), F.lit(""))


def searches_of(sessions: DataFrame) -> DataFrame:
    """A row a search: its session's columns, search_index, query as a term, and reason."""
    return sessions.select(
        *(quoted(column) for column in sessions.columns if column != "searches"),
        F.posexplode("searches").alias("search_index", "search"),
    ).select("*", term(F.col("search.query")).alias("query"), "search.reason")


def _counts(asked: DataFrame, visitor: str, confidence: float) -> DataFrame:
    failed, session = F.col("reason").isNotNull(), F.struct(quoted(visitor), "session_id")
    by_reason = F.create_map(
        *(part for reason in REASONS for part in (F.lit(reason), F.count_if(F.col("reason") == reason)))
    )
    counted = asked.groupBy("query").agg(
        F.count("*").alias("search_count"),
        F.count("reason").alias("fruitless_search_count"),
        F.count_distinct(session).alias("session_count"),
        F.count_distinct(F.when(failed, session)).alias("fruitless_session_count"),
        F.count_distinct(F.when(failed, F.col(quoted(visitor)))).alias("fruitless_visitor_count"),
        by_reason.alias("reasons"),
    )
    fruitless, all_sessions = F.col("fruitless_session_count"), F.col("session_count")
    low, high = wilson(fruitless, all_sessions, confidence)
    return counted.select(
        "query",
        "search_count",
        "fruitless_search_count",
        "session_count",
        "fruitless_session_count",
        (fruitless / all_sessions).alias("fruitless_rate"),
        low.alias("low"),
        high.alias("high"),
        "fruitless_visitor_count",
        F.map_filter("reasons", lambda _, count: count > 0).alias("reasons"),
    )
