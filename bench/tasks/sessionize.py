"""Nine columns of events in, the same and session_id, session_index, event_index out.

A session ends where the visitor is silent for more than thirty minutes. Its id is the first 32 hex digits
of SHA-256 over visitor, microseconds and id of its first event. Spark and DuckDB hash by their own
function; Polars has none, so there Python's hashlib takes the first event of each session, about a tenth
of its time.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from bench import engines
from bench.task import Contestant, Task


def retinue(spark: Any, source: Path, target: Path) -> None:
    """By the library, from the files as they came."""
    from retinue.clickstream.sessions import sessionize

    sessionize(spark.read.parquet(str(source))).write.parquet(str(target))


def lay_out(spark: Any, source: Path, target: Path) -> None:
    """The events as a Delta table clustered by visitor and time, as ingest leaves them."""
    from delta.tables import DeltaTable

    events = spark.read.parquet(str(source))
    events.write.format("delta").clusterBy("visitor_id", "occurred_at").save(str(target))
    DeltaTable.forPath(spark, str(target)).optimize().executeCompaction()


def retinue_on_the_lake(spark: Any, source: Path, target: Path) -> None:
    """By the library, Delta to Delta."""
    from retinue.clickstream.sessions import sessionize

    sessionize(spark.read.format("delta").load(str(source))).write.format("delta").save(str(target))


def spark_by_hand(spark: Any, source: Path, target: Path) -> None:
    """The three windows that come to mind first."""
    answer = spark.sql(
        r"""
        WITH gaps AS (
          SELECT *, lag(occurred_at) OVER (PARTITION BY visitor_id ORDER BY occurred_at, event_id) AS before
          FROM {events}
        ), numbered AS (
          SELECT *, sum(if(before IS NULL OR occurred_at - before > INTERVAL 30 MINUTES, 1, 0)) OVER (
            PARTITION BY visitor_id ORDER BY occurred_at, event_id ROWS UNBOUNDED PRECEDING) AS session_index
          FROM gaps
        )
        SELECT * EXCEPT (before),
          left(sha2(concat_ws('\u001f', visitor_id, unix_micros(first(occurred_at) OVER session),
            first(event_id) OVER session), 256), 32) AS session_id,
          row_number() OVER session AS event_index
        FROM numbered
        WINDOW session AS (PARTITION BY visitor_id, session_index ORDER BY occurred_at, event_id)
        """,
        events=spark.read.parquet(str(source)),
    )
    answer.write.parquet(str(target))


def duckdb(connection: Any, source: Path, target: Path) -> None:
    """Windows of one order only, ids hashed at session starts: the fastest of four texts tried."""
    target.mkdir()
    connection.execute(
        f"""
        COPY (
          WITH cut AS (
            SELECT *, row_number() OVER visitor AS position,
              coalesce(occurred_at - lag(occurred_at) OVER visitor > INTERVAL 30 MINUTE, true) AS starts
            FROM read_parquet('{source}/*.parquet')
            WINDOW visitor AS (PARTITION BY visitor_id ORDER BY occurred_at, event_id)
          ), numbered AS (
            SELECT *, count_if(starts) OVER so_far AS session_index,
              max(CASE WHEN starts THEN position END) OVER so_far AS started,
              last_value(CASE WHEN starts THEN
                left(sha256(concat_ws(chr(31), visitor_id, epoch_us(occurred_at), event_id)), 32)
              END IGNORE NULLS) OVER so_far AS session_id
            FROM cut
            WINDOW so_far AS (
              PARTITION BY visitor_id ORDER BY occurred_at, event_id ROWS UNBOUNDED PRECEDING)
          )
          SELECT * EXCLUDE (position, starts, started), position - started + 1 AS event_index FROM numbered
        ) TO '{target}/answer.parquet' (COMPRESSION zstd)
        """
    )


def polars(pl: Any, source: Path, target: Path) -> None:
    """One sort, then running numbers over the sorted rows: no window at all."""
    at, visitor = pl.col("occurred_at"), pl.col("visitor_id")
    is_new = (visitor != visitor.shift()).fill_null(True)
    rows = (
        pl.scan_parquet(source / "*.parquet")
        .sort("visitor_id", "occurred_at", "event_id")
        .with_row_index("row")
        .with_columns(is_new=is_new, starts=is_new | (at - at.shift() > pl.duration(minutes=30)))
        .with_columns(session=pl.col("starts").cum_sum() - 1)
        .collect(engine="streaming")
    )
    firsts = rows.filter("starts").select(
        "visitor_id",
        at.dt.epoch("us"),
        "event_id",
        "row",
        new=pl.when("is_new").then("session").forward_fill(),
    )
    keys = firsts.select("visitor_id", "occurred_at", "event_id").iter_rows()
    ids = pl.Series([hashlib.sha256("\x1f".join(map(str, key)).encode()).hexdigest()[:32] for key in keys])
    session = pl.col("session")
    target.mkdir()
    rows.with_columns(
        session_id=pl.lit(ids).gather(session),
        session_index=session.cast(pl.Int64) - pl.lit(firsts["new"]).gather(session) + 1,
        event_index=pl.col("row").cast(pl.Int64) - pl.lit(firsts["row"]).gather(session) + 1,
    ).drop("row", "is_new", "starts", "session").write_parquet(target / "answer.parquet", compression="zstd")


TASK = Task(
    name="sessionize",
    contestants=(
        Contestant("retinue", engines.open_spark, retinue, is_ours=True),
        Contestant("retinue, lake", engines.open_spark, retinue_on_the_lake, lay_out, is_ours=True),
        Contestant("plain Spark", engines.open_spark, spark_by_hand),
        Contestant("DuckDB", engines.open_duckdb, duckdb),
        Contestant("Polars", engines.open_polars, polars),
    ),
    digest=(
        "event_id",
        "visitor_id",
        "epoch_us(occurred_at)",
        "event_type",
        "page",
        "query",
        "result_count",
        "price_amount",
        "channel",
        "session_id",
        "session_index::BIGINT",
        "event_index::BIGINT",
    ),
)
