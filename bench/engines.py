"""How each engine is opened, all on the same cores.

Imports stand inside the functions, so that no contestant's process carries another's library.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Any

__all__ = [
    "Limits",
    "open_duckdb",
    "open_igraph",
    "open_networkit",
    "open_networkx",
    "open_polars",
    "open_spark",
]


@dataclass(frozen=True)
class Limits:
    """What a contestant may take: cores for all, heap for the JVM."""

    cores: int
    heap: str

    def apply(self) -> None:
        """Keep this process and all that it starts to that many cores, where the system can."""
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: self.cores])


def open_spark(limits: Limits) -> Any:
    """A Spark session, adaptive execution on, four shuffle partitions a core before it coalesces them."""
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable  # whose packages the Arrow functions need
    builder = SparkSession.builder.master(f"local[{limits.cores}]").appName("bench")
    options = {
        "spark.driver.memory": limits.heap,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": str(4 * limits.cores),
        "spark.databricks.delta.snapshotPartitions": "2",
    }
    for key, value in options.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def open_duckdb(limits: Limits) -> Any:
    """A connection to an empty database in memory."""
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"SET threads = {limits.cores}; SET preserve_insertion_order = false")
    return connection


def open_polars(limits: Limits) -> Any:
    """The module itself; it takes the number of threads as it is loaded."""
    os.environ["POLARS_MAX_THREADS"] = str(limits.cores)
    import polars

    return polars


def open_networkx(limits: Limits) -> Any:
    """The module itself; it has one thread."""
    import networkx

    return networkx


def open_networkit(limits: Limits) -> Any:
    """The module itself."""
    import networkit

    networkit.setNumberOfThreads(limits.cores)
    return networkit


def open_igraph(limits: Limits) -> Any:
    """The module itself; it has one thread."""
    import igraph

    return igraph
