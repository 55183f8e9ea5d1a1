"""Which engine solves a graph: one task with sparse matrices, or the cluster with joins."""

from __future__ import annotations

from pyspark.sql import DataFrame

from retinue.errors import RetinueError

__all__ = ["ENGINES", "LOCAL_LIMIT", "is_local"]

ENGINES = ("auto", "local", "distributed")
LOCAL_LIMIT = 20_000_000


def is_local(edges: DataFrame, *, engine: str = "auto", local_limit: int = LOCAL_LIMIT) -> bool:
    """Whether one task solves the graph: `engine` says so, or it is auto and there are `local_limit` rows at most.

    One task is 25 to 500 times cheaper at a million edges, and ends where the memory of one machine does.
    Where `engine` is auto, runs a Spark job that counts the rows. Raises RetinueError for another engine.
    """
    name = engine.lower()
    if name not in ENGINES:
        raise RetinueError(f"engine is {engine!r}; there are {', '.join(ENGINES)}")
    return name == "local" or (name == "auto" and edges.count() <= local_limit)
