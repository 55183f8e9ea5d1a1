"""Edges as they are given, and the one reading of them that both engines share.

An edge has `src` and `dst`, both strings or both whole numbers, and may have a `weight` above 0; without one
it counts 1. An edge that lacks an end, or whose weight is null, not a number or not above 0, is no edge.
Parallel edges are one, their weights added. Of an undirected edge that is listed both ways each listing says
the same: its weight is the greater of the two ways' sums, so that a list once and a list both ways are one
graph. A self-loop makes its end a vertex and counts in its degree only.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retinue.errors import SchemaMismatch
from retinue.schema import require

__all__ = ["directed", "every", "heard", "ids", "read", "undirected", "whole_steps"]

STEPS = 2.0**36  # to 1


def read(edges: DataFrame, *, what: str) -> DataFrame:
    """src, dst, weight (double) of the edges that are some, self-loops and parallel ones included.

    Raises SchemaMismatch, naming `what` needs them, where src or dst is missing or they differ in type.
    """
    require(edges, ["src", "dst"], what=what)
    src, dst = edges.schema["src"].dataType, edges.schema["dst"].dataType
    if src != dst:
        raise SchemaMismatch(
            f"{what} needs src and dst of one type; here src is {src.simpleString()} and dst "
            f"{dst.simpleString()}: cast one of them"
        )
    weight = F.col("weight").cast("double") if "weight" in edges.columns else F.lit(1.0)
    weighed = edges.select("src", "dst", weight.alias("weight"))
    return weighed.where("src IS NOT NULL AND dst IS NOT NULL AND weight > 0 AND NOT isnan(weight)")


def directed(edges: DataFrame) -> DataFrame:
    """A row for each src and dst with an edge from one to the other, without self-loops."""
    return edges.where("src != dst").groupBy("src", "dst").agg(F.sum("weight").alias("weight"))


def undirected(edges: DataFrame) -> DataFrame:
    """Two rows for each pair with an edge, one from either side, without self-loops."""
    is_forth = F.col("src") < F.col("dst")
    pairs = edges.where("src != dst").groupBy(
        F.least("src", "dst").alias("low"), F.greatest("src", "dst").alias("high")
    )
    forth = F.sum(F.when(is_forth, F.col("weight")).otherwise(0.0))
    back = F.sum(F.when(is_forth, 0.0).otherwise(F.col("weight")))
    ways = F.array(
        F.struct(F.col("low").alias("src"), F.col("high").alias("dst")),
        F.struct(F.col("high").alias("src"), F.col("low").alias("dst")),
    )
    return (
        pairs.agg(F.greatest(forth, back).alias("weight"))
        .select(F.explode(ways).alias("way"), "weight")
        .select("way.src", "way.dst", "weight")
    )


def whole_steps(value: Column) -> Column:
    """The value in whole steps of 2^-36, 1.5e-11: their sums, up to 131,072, are the same in any order.

    The order in which Spark adds rows up is not the same in each run, and with it the last digits are not.
    """
    return F.rint(value * STEPS) / STEPS


def heard(edges: DataFrame) -> DataFrame:
    """A row for each edge and each of its ends: src is one, dst the other; an edge both ways has four."""
    ways = directed(edges)
    return ways.select("src", "dst").union(ways.select("dst", "src"))


def ids(edges: DataFrame) -> DataFrame:
    """A row a vertex: id, is_looped (true where it has an edge to itself)."""
    ends = F.explode(F.array("src", "dst")).alias("id")
    return (
        edges.select(ends, (F.col("src") == F.col("dst")).alias("is_looped"))
        .groupBy("id")
        .agg(F.max("is_looped").alias("is_looped"))
    )


def every(edges: DataFrame, vertices: DataFrame | None) -> DataFrame:
    """The same, and of `vertices` those that have no edge."""
    tied = ids(edges)
    if vertices is None:
        return tied
    named = vertices.where("id IS NOT NULL").select("id", F.lit(False).alias("is_looped"))
    return tied.union(named).groupBy("id").agg(F.max("is_looped").alias("is_looped"))
