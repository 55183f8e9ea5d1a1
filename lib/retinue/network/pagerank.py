"""PageRank: where a reader ends up who follows links at random and now and then begins anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retinue.errors import RetinueError
from retinue.network.compact import Graph
from retinue.network.engines import settled, watched

__all__ = ["Rule", "anywhere", "beginning", "joined", "total", "walked"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rule:
    """How the reader goes on, and when the shares are near enough.

    They stand still where a step moves less than `tolerance` in all; what is still missing then is less than
    damping / (1 - damping) times as much.
    """

    damping: float = 0.85
    tolerance: float = 1e-8
    iterations: int = 1_000

    def __post_init__(self) -> None:
        if not 0 <= self.damping < 1:
            raise RetinueError(f"damping is {self.damping}; give a share from 0 to below 1")
        if self.iterations < 1:
            raise RetinueError(f"iterations is {self.iterations}; it must be 1 or more")


def walked(
    graph: Graph, rule: Rule, *, jump: Floats | None = None, start: Floats | None = None
) -> tuple[Floats, int]:
    """The share of time at each vertex, and after how many steps of the power method.

    Who links to nobody, and who begins anew, goes on as `jump` says, by default anywhere.
    """
    jump = np.full(graph.size, 1 / graph.size) if jump is None else jump
    rank = jump if start is None else start
    given = np.asarray(graph.links.sum(axis=1))
    share = np.divide(rule.damping, given, out=np.zeros(graph.size), where=given > 0)
    arriving: Any = graph.links.T.tocsr()
    for step in range(1, rule.iterations + 1):
        passed = arriving @ (rank * share)
        reached = passed + (1 - passed.sum()) * jump
        moved = np.abs(reached - rank).sum()
        rank = reached
        if moved < rule.tolerance:
            return rank, step
    return rank, rule.iterations


def joined(ties: DataFrame, ranks: DataFrame, rule: Rule) -> tuple[DataFrame, int]:
    """The same by joins: id, pagerank, and the number of steps; the last only saw all stand still.

    In: ties as `edges.directed` or `edges.undirected` give them; ranks with id, jump and rank, each adding up
    to 1. Runs Spark jobs, one a step; two sums a step come to the driver.
    """
    given = ties.groupBy("src").agg(F.sum("weight").alias("given"))
    share = (F.lit(rule.damping) * F.col("weight") / F.col("given")).alias("share")
    # Laid out once as every step joins it. A number of partitions that is said is not changed on the way.
    parts = int(ties.sparkSession.conf.get("spark.sql.shuffle.partitions") or 1)
    laid = ties.join(given, "src").repartition(parts, "src").sortWithinPartitions("src")
    shares = laid.select("src", "dst", share).persist()
    ranks = settled(ranks.select("id", "jump", "rank", F.lit(float("inf")).alias("before")))
    try:
        moved, step = rule.tolerance, 0
        while moved >= rule.tolerance and step < rule.iterations:
            ranks, moved = _stepped(shares, ranks)
            step += 1
        return ranks.select("id", F.col("rank").alias("pagerank")), step
    finally:
        shares.unpersist()


def _stepped(shares: DataFrame, ranks: DataFrame) -> tuple[DataFrame, float]:
    """The ranks a step on, and by how much the step before had moved them, which costs no job of its own."""
    nothing = F.lit(0.0)
    passed = shares.join(ranks, F.col("src") == F.col("id")).select(
        F.col("dst").alias("id"),
        nothing.alias("jump"),
        nothing.alias("before"),
        nothing.alias("moved"),
        (F.col("rank") * F.col("share")).alias("passed"),
    )
    moved = F.abs(F.col("rank") - F.col("before")).alias("moved")
    own = ranks.select("id", "jump", F.col("rank").alias("before"), moved, nothing.alias("passed"))
    sums = (F.sum(name).alias(name) for name in ("jump", "before", "moved", "passed"))
    arrived, told = watched(
        own.unionByName(passed).groupBy("id").agg(*sums), passed=F.sum("passed"), moved=F.sum("moved")
    )
    rank = F.col("passed") + F.lit(1 - (told["passed"] or 0.0)) * F.col("jump")
    return arrived.select("id", "jump", rank.alias("rank"), "before"), told["moved"] or 0.0


def total(rows: DataFrame, value: Column) -> float:
    """What the value adds up to over all rows, 0 without any. Runs a Spark job."""
    [row] = rows.agg(F.sum(value).alias("sum")).collect()
    return float(row["sum"] or 0.0)


def anywhere(vertices: DataFrame) -> DataFrame:
    """id, jump and rank of a reader who begins anew anywhere and has been nowhere yet."""
    share = F.lit(1 / max(vertices.count(), 1))
    return vertices.select("id", share.alias("jump"), share.alias("rank"))


def beginning(vertices: DataFrame, chosen: Mapping[Any, float]) -> DataFrame:
    """The same of a reader who begins at one of those chosen, by their weights.

    Raises RetinueError where none of them is a vertex.
    """
    kind = vertices.schema["id"].dataType.simpleString()
    weights = [(vertex, float(weight)) for vertex, weight in chosen.items()]
    named = vertices.sparkSession.createDataFrame(weights, f"id {kind}, jump double")
    known = vertices.select("id").join(F.broadcast(named), "id", "left").fillna(0.0, ["jump"])
    given = total(known, F.col("jump"))
    if not given > 0:
        raise RetinueError("nobody of the personalization is in the graph with a weight above 0")
    share = F.col("jump") / F.lit(given)
    return known.select("id", share.alias("jump"), share.alias("rank"))
