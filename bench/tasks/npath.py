"""Search, then products and clicks, then the cart: how often each visitor does it, in how many events.

The pattern is one that a regular expression over letters can say too, which is what the peers do. A regular
expression knows one symbol a row, no predicates over rows before, no times, no labels; npath finds with
them. "partitions alone" sorts and collects each visitor's rows and does nothing with them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench import engines
from bench.task import Contestant, Task

LETTERS = {"search": "S", "product_view": "P", "result_click": "R", "add_to_cart": "C"}
EXPRESSION = "S[PR]*C"
CODES = " ".join(f"WHEN '{word}' THEN '{letter}'" for word, letter in LETTERS.items())
CODE = f"CASE event_type {CODES} ELSE 'X' END"


def retinue(spark: Any, source: Path, target: Path) -> None:
    """By the library."""
    from pyspark.sql import functions as F

    from retinue.clickstream.npath import npath

    matches = npath(
        spark.read.parquet(str(source)),
        partition_by=["visitor_id"],
        order_by=["occurred_at", "event_id"],
        symbols={letter: f"event_type = '{word}'" for word, letter in LETTERS.items()},
        pattern="S.(P|R)*.C",
        measures={"row_count": "count(*)"},
    )
    told = matches.groupBy("visitor_id").agg(
        F.count("*").alias("match_count"), F.sum("row_count").alias("row_count")
    )
    told.write.parquet(str(target))


def partitions_alone(spark: Any, source: Path, target: Path) -> None:
    """Each visitor's rows, sorted and collected, and their number."""
    rows = "sort_array(collect_list(struct(occurred_at, event_id, event_type)))"
    gathered = spark.sql(
        f"SELECT visitor_id, size(rows) AS row_count, rows[0].event_id AS first FROM "
        f"(SELECT visitor_id, {rows} AS rows FROM {{events}} GROUP BY visitor_id)",
        events=spark.read.parquet(str(source)),
    )
    gathered.write.parquet(str(target))


def spark_by_hand(spark: Any, source: Path, target: Path) -> None:
    """A string a visitor, and a regular expression over it."""
    code = f"struct(occurred_at, event_id, {CODE} AS code)"
    answer = spark.sql(
        f"""
        WITH told AS (
          SELECT visitor_id, regexp_extract_all(
            array_join(transform(sort_array(collect_list({code})), row -> row.code), ''), '({EXPRESSION})', 1
          ) AS found FROM {{events}} GROUP BY visitor_id)
        SELECT visitor_id, size(found) AS match_count, length(array_join(found, '')) AS row_count
        FROM told WHERE size(found) > 0
        """,
        events=spark.read.parquet(str(source)),
    )
    answer.write.parquet(str(target))


def duckdb(connection: Any, source: Path, target: Path) -> None:
    """The same."""
    target.mkdir()
    connection.execute(
        f"""
        COPY (
          WITH told AS (
            SELECT visitor_id, regexp_extract_all(
              string_agg({CODE}, '' ORDER BY occurred_at, event_id), '{EXPRESSION}') AS found
            FROM read_parquet('{source}/*.parquet') GROUP BY visitor_id)
          SELECT visitor_id, len(found) AS match_count, length(array_to_string(found, '')) AS row_count
          FROM told WHERE len(found) > 0
        ) TO '{target}/answer.parquet' (COMPRESSION zstd)
        """
    )


def polars(pl: Any, source: Path, target: Path) -> None:
    """The same."""
    found = pl.col("path").str.extract_all(EXPRESSION)
    answer = (
        pl.scan_parquet(source / "*.parquet")
        .select(
            "visitor_id",
            "occurred_at",
            "event_id",
            code=pl.col("event_type").replace_strict(LETTERS, default="X"),
        )
        .sort("visitor_id", "occurred_at", "event_id")
        .group_by("visitor_id", maintain_order=True)
        .agg(pl.col("code").str.join("").alias("path"))
        .select(
            "visitor_id",
            found.list.len().alias("match_count"),
            found.list.join("").str.len_bytes().alias("row_count"),
        )
        .filter(pl.col("match_count") > 0)
        .collect()
    )
    target.mkdir()
    answer.write_parquet(target / "answer.parquet", compression="zstd")


TASK = Task(
    name="npath",
    contestants=(
        Contestant("retinue", engines.open_spark, retinue, is_ours=True),
        Contestant("partitions alone", engines.open_spark, partitions_alone, is_part=True),
        Contestant("plain Spark", engines.open_spark, spark_by_hand),
        Contestant("DuckDB", engines.open_duckdb, duckdb),
        Contestant("Polars", engines.open_polars, polars),
    ),
    digest=("visitor_id", "match_count::BIGINT", "row_count::BIGINT"),
)
