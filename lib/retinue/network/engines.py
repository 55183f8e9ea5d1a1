"""Which engine solves a graph: one task with sparse matrices, or the cluster with joins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.sql import Column, DataFrame, Observation

from retinue.errors import RetinueError

__all__ = ["ENGINES", "LOCAL_LIMIT", "is_local", "settled", "watched"]

ENGINES = ("auto", "local", "distributed")
LOCAL_LIMIT = 20_000_000


def is_local(edges: DataFrame, *, engine: str = "auto", local_limit: int = LOCAL_LIMIT) -> bool:
    """Whether one task solves the graph: `engine` says so, or is auto and there are `local_limit` at most.

    One task is 25 to 500 times cheaper at a million edges, and ends where the memory of one machine does.
    Where `engine` is auto, runs a Spark job that counts the rows. Raises RetinueError for another engine.
    """
    name = engine.lower()
    if name not in ENGINES:
        raise RetinueError(f"engine is {engine!r}; there are {', '.join(ENGINES)}")
    return name == "local" or (name == "auto" and edges.count() <= local_limit)


def settled(rows: DataFrame) -> DataFrame:
    """The rows worked out now and kept, without the plan behind them, which a loop would make ever longer.

    Kept where the session's checkpoints lie, so that a lost machine loses nothing; without such a place
    (spark.checkpoint.dir) in the executors, of which none may be lost then.
    """
    has_place = rows.sparkSession.sparkContext.getCheckpointDir() is not None
    return rows.checkpoint() if has_place else rows.localCheckpoint()


def watched(rows: DataFrame, **told: Column) -> tuple[DataFrame, Mapping[str, Any]]:
    """The rows settled, and these aggregates of them, which the same job works out."""
    watch = Observation()
    kept = settled(rows.observe(watch, *(value.alias(name) for name, value in told.items())))
    return kept, watch.get
