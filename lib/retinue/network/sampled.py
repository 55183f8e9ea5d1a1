"""Closeness and betweenness by joins, from the shortest paths out of some vertices drawn at random."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retinue.network.engines import settled

__all__ = ["paths"]


def paths(vertices: DataFrame, links: DataFrame, *, samples: int, seed: int) -> DataFrame:
    """id, closeness and betweenness, estimated from the paths out of `samples` vertices.

    In: vertices with id; links with src and dst, both ways where they have no direction. Runs Spark jobs, two
    a distance; nothing comes to the driver but how many vertices there are.
    """
    links = links.select("src", "dst").persist()
    drawn = vertices.orderBy(F.xxhash64("id", F.lit(seed)), "id").limit(samples).select("id")
    try:
        return _estimated(vertices, drawn, _backward(links, _outward(links, drawn)))
    finally:
        links.unpersist()


def _outward(links: DataFrame, drawn: DataFrame) -> list[DataFrame]:
    """For each distance the vertices just that far: source, id, hops, ways (shortest paths to it)."""
    first = drawn.select(F.col("id").alias("source"), "id", F.lit(0).alias("hops"), F.lit(1.0).alias("ways"))
    levels, seen = [settled(first)], first
    while not levels[-1].isEmpty():
        onward = levels[-1].join(links, F.col("id") == F.col("src"))
        reached = onward.groupBy("source", F.col("dst").alias("id")).agg(F.sum("ways").alias("ways"))
        new = reached.join(seen, ["source", "id"], "left_anti").withColumn("hops", F.lit(len(levels)))
        levels.append(settled(new.select("source", "id", "hops", "ways")))
        seen = settled(seen.select("source", "id").union(levels[-1].select("source", "id")))
    return levels[:-1]


def _backward(links: DataFrame, levels: list[DataFrame]) -> DataFrame:
    """source, id, through: of the source's paths to all others the shares that lead through it, added up."""
    parts = [levels[-1].withColumn("through", F.lit(0.0))]
    for nearer in reversed(levels[:-1]):
        further = parts[-1].select(
            "source", F.col("id").alias("dst"), ((1 + F.col("through")) / F.col("ways")).alias("owed")
        )
        owed = (
            nearer.join(links, F.col("id") == F.col("src"))
            .join(further, ["source", "dst"])
            .groupBy("source", "id")
            .agg(F.sum("owed").alias("owed"))
        )
        gained = F.coalesce(F.col("ways") * F.col("owed"), F.lit(0.0))
        parts.append(settled(nearer.join(owed, ["source", "id"], "left").withColumn("through", gained)))
    told = parts[0]
    for part in parts[1:]:
        told = told.unionByName(part, allowMissingColumns=True)
    return told.select("source", "id", "hops", "through")


def _estimated(vertices: DataFrame, drawn: DataFrame, through: DataFrame) -> DataFrame:
    size, count = vertices.count(), drawn.count()
    away = F.col("hops") > 0  # a source itself does not reach itself, nor do its own paths lead through it
    told = through.groupBy("id").agg(
        F.count_if(away).alias("reached"),
        F.sum("hops").alias("total"),
        F.sum(F.when(away, F.col("through")).otherwise(0.0)).alias("through"),
    )
    asked = F.lit(count) - F.when(F.col("is_drawn"), 1).otherwise(0)  # nobody is asked for itself
    near = F.try_divide(F.col("reached") * F.col("reached"), F.col("total") * asked)
    pairs = max((size - 1) * (size - 2), 1)
    every = vertices.select("id").join(drawn.withColumn("is_drawn", F.lit(True)), "id", "left")
    return every.join(told, "id", "left").select(
        "id",
        F.coalesce(near, F.lit(0.0)).alias("closeness"),
        (F.coalesce("through", F.lit(0.0)) * (size / max(count, 1)) / pairs).alias("betweenness"),
    )
