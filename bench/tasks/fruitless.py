"""Serious shoppers who left over their searches: five products, two searches without results, gone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench import engines
from bench.task import Contestant, Task
from bench.tasks.top_paths import SESSIONS

COLUMNS = ("visitor_id", "session_id", "product_count", "fruitless_count", "pages_after")


def retinue(spark: Any, source: Path, target: Path) -> None:
    """By the library."""
    from retinue.clickstream.searches import fruitless_searches

    fruitless_searches(spark.read.parquet(str(source))).select(*COLUMNS).write.parquet(str(target))


def _sql(sessions: str) -> str:
    """Pages numbered in one window, the first and the last failure in another, then a row a session."""
    session = "PARTITION BY visitor_id, session_id"
    return f"""
        WITH paged AS (
          SELECT visitor_id, session_id, event_index, event_type,
            event_type = 'search' AND result_count = 0 AS failed,
            sum(CASE WHEN event_type IN ('page_view', 'product_view', 'search') THEN 1 ELSE 0 END) OVER (
              {session} ORDER BY event_index ROWS UNBOUNDED PRECEDING) AS page_number
          FROM {sessions}
        ), marked AS (
          SELECT *, min(CASE WHEN failed THEN event_index END) OVER ({session}) AS first_failed,
            max(CASE WHEN failed THEN event_index END) OVER ({session}) AS last_failed,
            max(CASE WHEN failed THEN page_number END) OVER (
              {session} ORDER BY event_index ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS page_before
          FROM paged
        ), begun AS (
          SELECT *, max(CASE WHEN failed AND page_number - page_before - 1 > 10 THEN page_number END)
            OVER ({session}) AS run_begins
          FROM marked WHERE first_failed IS NOT NULL
        ), summed AS (
          SELECT visitor_id, session_id,
            sum(CASE WHEN event_type = 'product_view' AND event_index < first_failed THEN 1 ELSE 0 END)
              AS product_count,
            sum(CASE WHEN failed THEN 1 ELSE 0 END) AS fruitless_count,
            max(page_number) - max(CASE WHEN event_index = last_failed THEN page_number END) AS pages_after,
            sum(CASE WHEN failed AND page_number >= coalesce(run_begins, 0) THEN 1 ELSE 0 END) AS run_length,
            sum(CASE WHEN event_type = 'purchase' AND event_index > last_failed THEN 1 ELSE 0 END) AS orders
          FROM begun GROUP BY visitor_id, session_id
        )
        SELECT {", ".join(COLUMNS)} FROM summed
        WHERE product_count >= 5 AND run_length >= 2 AND pages_after <= 5 AND orders = 0"""


def spark_by_hand(spark: Any, source: Path, target: Path) -> None:
    """Standard SQL."""
    spark.sql(_sql("{sessions}"), sessions=spark.read.parquet(str(source))).write.parquet(str(target))


def duckdb(connection: Any, source: Path, target: Path) -> None:
    """The same text."""
    target.mkdir()
    query = _sql(f"read_parquet('{source}/*.parquet')")
    connection.execute(f"COPY ({query}) TO '{target}/answer.parquet' (COMPRESSION zstd)")


def polars(pl: Any, source: Path, target: Path) -> None:
    """One sort; what a session's rows need of each other by running numbers over it."""
    kind, place, page = pl.col("event_type"), pl.col("event_index"), pl.col("page_number")
    failed, session = pl.col("failed"), "session_id"
    page_before = pl.when(failed).then(page).forward_fill().shift(1).over(session)
    rows = (
        pl.scan_parquet(source / "*.parquet")
        .select("visitor_id", session, "event_index", "event_type", "result_count")
        .sort(session, "event_index")
        .with_columns(
            failed=((kind == "search") & (pl.col("result_count") == 0)).fill_null(False),
            page_number=kind.is_in(["page_view", "product_view", "search"]).cum_sum().over(session),
        )
        .filter(failed.any().over(session))
        .with_columns(
            is_far=failed & (page.cast(pl.Int64) - page_before.cast(pl.Int64) - 1 > 10).fill_null(False),
            first=place.filter(failed).min().over(session),
            last=place.filter(failed).max().over(session),
        )
        .with_columns(run_begins=page.filter("is_far").max().over(session).fill_null(0))
    )
    answer = (
        rows.group_by("visitor_id", session)
        .agg(
            ((kind == "product_view") & (place < pl.col("first"))).sum().alias("product_count"),
            failed.sum().alias("fruitless_count"),
            (page.max() - page.filter(place == pl.col("last")).max()).alias("pages_after"),
            (failed & (page >= pl.col("run_begins"))).sum().alias("run_length"),
            ((kind == "purchase") & (place > pl.col("last"))).sum().alias("orders"),
        )
        .filter(
            (pl.col("product_count") >= 5)
            & (pl.col("run_length") >= 2)
            & (pl.col("pages_after") <= 5)
            & (pl.col("orders") == 0)
        )
        .select(*COLUMNS)
        .collect()
    )
    target.mkdir()
    answer.write_parquet(target / "answer.parquet", compression="zstd")


TASK = Task(
    name="fruitless",
    contestants=(
        Contestant("retinue", engines.open_spark, retinue, is_ours=True),
        Contestant("plain Spark", engines.open_spark, spark_by_hand),
        Contestant("DuckDB", engines.open_duckdb, duckdb),
        Contestant("Polars", engines.open_polars, polars),
    ),
    digest=("visitor_id", "session_id", *(f"{name}::BIGINT" for name in COLUMNS[2:])),
    source=SESSIONS,
)
