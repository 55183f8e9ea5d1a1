"""Four steps within an hour: how far each visitor gets.

The peers carry, for each step, the latest start of a chain that has come so far: a running maximum a step.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench import engines
from bench.task import Contestant, Task

STEPS = ("search", "product_view", "add_to_cart", "purchase")


def retinue(spark: Any, source: Path, target: Path) -> None:
    """By the library, times of the steps included."""
    from datetime import timedelta

    from retinue.clickstream.funnels import funnel

    steps = {name: f"event_type = '{name}'" for name in STEPS}
    events = spark.read.parquet(str(source))
    answer = funnel(events, steps=steps, window=timedelta(hours=1), tie="event_id")
    answer.write.parquet(str(target))


def _sql(events: str, hour: str) -> str:
    """Standard SQL, a common table a step."""
    order = "PARTITION BY visitor_id ORDER BY occurred_at, event_id ROWS"
    tables = [
        f"chain_1 AS (SELECT visitor_id, event_id, occurred_at, event_type, CASE WHEN event_type = "
        f"'{STEPS[0]}' THEN occurred_at END AS start_1 FROM {events})"
    ]
    for step in range(2, len(STEPS) + 1):
        before = f"max(start_{step - 1}) OVER ({order} BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
        tables += [
            f"before_{step} AS (SELECT *, {before} AS before_{step} FROM chain_{step - 1})",
            f"chain_{step} AS (SELECT *, CASE WHEN event_type = '{STEPS[step - 1]}' AND occurred_at - "
            f"before_{step} <= {hour} THEN before_{step} END AS start_{step} FROM before_{step})",
        ]
    levels = ", ".join(
        f"CASE WHEN max(start_{step}) IS NULL THEN 0 ELSE {step} END" for step in range(1, len(STEPS) + 1)
    )
    return (
        f"WITH {', '.join(tables)} SELECT visitor_id, greatest({levels}) AS level "
        f"FROM chain_{len(STEPS)} GROUP BY visitor_id"
    )


def spark_by_hand(spark: Any, source: Path, target: Path) -> None:
    """The same windows as DuckDB's."""
    answer = spark.sql(_sql("{events}", "INTERVAL 1 HOUR"), events=spark.read.parquet(str(source)))
    answer.write.parquet(str(target))


def duckdb(connection: Any, source: Path, target: Path) -> None:
    """Three windows of one order."""
    target.mkdir()
    query = _sql(f"read_parquet('{source}/*.parquet')", "INTERVAL 1 HOUR")
    connection.execute(f"COPY ({query}) TO '{target}/answer.parquet' (COMPRESSION zstd)")


def polars(pl: Any, source: Path, target: Path) -> None:
    """One sort, then running maxima over each visitor."""
    at, kind, visitor = pl.col("occurred_at"), pl.col("event_type"), "visitor_id"
    rows = (
        pl.scan_parquet(source / "*.parquet")
        .select(visitor, "event_id", "occurred_at", "event_type")
        .sort(visitor, "occurred_at", "event_id")
        .with_columns(start=pl.when(kind == STEPS[0]).then(at))
        .with_columns(level=pl.when(pl.col("start").is_not_null()).then(1).otherwise(0))
    )
    for step, name in enumerate(STEPS[1:], start=2):
        before = pl.col("start").cum_max().forward_fill().shift(1).over(visitor)
        rows = rows.with_columns(before=before).with_columns(
            start=pl.when((kind == name) & (at - pl.col("before") <= pl.duration(hours=1))).then("before")
        )
        rows = rows.with_columns(level=pl.when(pl.col("start").is_not_null()).then(step).otherwise("level"))
    answer = rows.group_by(visitor).agg(pl.col("level").max()).collect(engine="streaming")
    target.mkdir()
    answer.write_parquet(target / "answer.parquet", compression="zstd")


TASK = Task(
    name="funnel",
    contestants=(
        Contestant("retinue", engines.open_spark, retinue, is_ours=True),
        Contestant("plain Spark", engines.open_spark, spark_by_hand),
        Contestant("DuckDB", engines.open_duckdb, duckdb),
        Contestant("Polars", engines.open_polars, polars),
    ),
    digest=("visitor_id", "level::INT"),
)
