"""The twenty commonest ways to begin a session: its first five kinds of event, repeats once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench import engines
from bench.task import Contestant, Task
from bench.tasks import sessionize

SESSIONS = Contestant("sessions", engines.open_duckdb, sessionize.duckdb)


def retinue(spark: Any, source: Path, target: Path) -> None:
    """By the library."""
    from retinue.clickstream.paths import top_paths

    answer = top_paths(spark.read.parquet(str(source)), of="event_type", length=5, limit=20)
    answer.selectExpr("* except (path)", "concat_ws('>', path) AS path").write.parquet(str(target))


def _sql(sessions: str, path: str) -> str:
    """Repeats away by a window, then a list a session, then a count a list."""
    return f"""
        WITH steps AS (
          SELECT visitor_id, session_id, event_index, event_type,
            lag(event_type) OVER (PARTITION BY visitor_id, session_id ORDER BY event_index) AS before
          FROM {sessions}
        ), paths AS (
          SELECT visitor_id, session_id, {path} AS path,
            max(CASE WHEN event_type = 'purchase' THEN 1 ELSE 0 END) AS is_converted
          FROM steps WHERE before IS NULL OR before <> event_type
          GROUP BY visitor_id, session_id
        )
        SELECT path, count(*) AS session_count, count(DISTINCT visitor_id) AS visitor_count,
          sum(is_converted) AS conversion_count
        FROM paths GROUP BY path ORDER BY session_count DESC, path LIMIT 20"""


def spark_by_hand(spark: Any, source: Path, target: Path) -> None:
    """A sorted list of structs a session."""
    path = (
        "array_join(slice(transform(sort_array(collect_list(struct(event_index, event_type))), "
        "step -> step.event_type), 1, 5), '>')"
    )
    spark.sql(_sql("{sessions}", path), sessions=spark.read.parquet(str(source))).write.parquet(str(target))


def duckdb(connection: Any, source: Path, target: Path) -> None:
    """An ordered list a session."""
    target.mkdir()
    path = "array_to_string(list(event_type ORDER BY event_index)[1:5], '>')"
    query = _sql(f"read_parquet('{source}/*.parquet')", path)
    connection.execute(f"COPY ({query}) TO '{target}/answer.parquet' (COMPRESSION zstd)")


def polars(pl: Any, source: Path, target: Path) -> None:
    """One sort, then the first five of each session."""
    kind = pl.col("event_type")
    is_repeat = (kind == kind.shift()) & (pl.col("session_id") == pl.col("session_id").shift())
    answer = (
        pl.scan_parquet(source / "*.parquet")
        .select("visitor_id", "session_id", "event_index", "event_type")
        .sort("session_id", "event_index")
        .filter(~is_repeat.fill_null(False))
        .group_by("session_id", maintain_order=True)
        .agg(
            pl.col("visitor_id").first(),
            kind.head(5).alias("path"),
            (kind == "purchase").any().alias("order"),
        )
        .with_columns(pl.col("path").list.join(">"))
        .group_by("path")
        .agg(
            pl.len().alias("session_count"),
            pl.col("visitor_id").n_unique().alias("visitor_count"),
            pl.col("order").sum().alias("conversion_count"),
        )
        .sort("session_count", "path", descending=[True, False])
        .head(20)
        .collect()
    )
    target.mkdir()
    answer.write_parquet(target / "answer.parquet", compression="zstd")


TASK = Task(
    name="top_paths",
    contestants=(
        Contestant("retinue", engines.open_spark, retinue, is_ours=True),
        Contestant("plain Spark", engines.open_spark, spark_by_hand),
        Contestant("DuckDB", engines.open_duckdb, duckdb),
        Contestant("Polars", engines.open_polars, polars),
    ),
    digest=("path", "session_count::BIGINT", "visitor_count::BIGINT", "conversion_count::BIGINT"),
    source=SESSIONS,
)
