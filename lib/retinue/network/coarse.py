"""Communities of a graph that is too large for one task: made coarse on the cluster first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retinue.network import compact, groups
from retinue.network.compact import Graph
from retinue.network.engines import settled, watched

__all__ = ["communities"]

PASSES = 10  # of moves at most before the groups become vertices, few or many
AFTER = 2  # of moves once the communities are known
ENOUGH = 0.01  # of the vertices moved in a pass: fewer are not worth another


def communities(
    vertices: DataFrame, ties: DataFrame, *, resolution: float, seed: int, limit: int
) -> DataFrame:
    """id, community_id (the least id in it) of high modularity.

    Vertices move to the neighbouring group that gains most, in passes, until the ties between groups are at
    most `limit` or hardly one moves; the groups, as vertices, come into one task for the Louvain method; then
    vertices move once more. In: ties as `edges.undirected` gives them. Runs Spark jobs, two a pass; a few
    sums come to the driver.
    """
    ties = ties.persist()
    try:
        strength = ties.groupBy(F.col("src").alias("id")).agg(F.sum("weight").alias("strength"))
        strengths, told = watched(strength, total=F.sum("strength"))
        pull = resolution / (told["total"] or 1.0)
        grouped = strengths.select("id", "strength", F.col("id").alias("group"))
        for turn in range(PASSES):
            if _between(ties, grouped).count() <= 2 * limit:
                break
            grouped, is_calm = _moved(ties, grouped, pull=pull, seed=seed + turn)
            if is_calm:
                break
        grouped = settled(_merged(ties, grouped, resolution=resolution, seed=seed))
        for turn in range(AFTER):
            grouped, _ = _moved(ties, grouped, pull=pull, seed=seed + turn)
        least = grouped.groupBy("group").agg(F.min("id").alias("community_id"))
        named = grouped.join(least, "group").select("id", "community_id")
        lone = F.coalesce("community_id", "id").alias("community_id")
        return settled(vertices.select("id").join(named, "id", "left").select("id", lone))
    finally:
        ties.unpersist()


def _moved(ties: DataFrame, grouped: DataFrame, *, pull: float, seed: int) -> tuple[DataFrame, bool]:
    """id, strength, group after a pass, and whether hardly any vertex moved.

    Half of the vertices move at a time, lest two change places for ever.
    """
    leaves, every, moved, size = F.count_if(F.col("group") != F.col("next")), F.count("*"), 0, 0
    for half in range(2):
        moves = _stepped(ties, grouped, pull=pull, half=half, seed=seed)
        stepped, told = watched(moves, moved=leaves, every=every)
        grouped = stepped.select("id", "strength", F.col("next").alias("group"))
        moved, size = moved + told["moved"], told["every"]
    return grouped, moved <= ENOUGH * size


def _stepped(ties: DataFrame, grouped: DataFrame, *, pull: float, half: int, seed: int) -> DataFrame:
    """id, strength, group and next: where it goes, its own group unless another gains more modularity.

    The gain of a group is the weight of the ties into it less `pull` times both strengths, without one's own.
    """
    moves = F.pmod(F.xxhash64("id", F.lit(seed)), F.lit(2)) == half
    totals = grouped.groupBy("group").agg(F.sum("strength").alias("mass"))
    near = (
        ties.join(grouped.where(moves).select("id"), F.col("src") == F.col("id"), "left_semi")
        .join(grouped.select(F.col("id").alias("dst"), "group"), "dst")
        .groupBy(F.col("src").alias("id"), "group")
        .agg(F.sum("weight").alias("tied"))
    )
    stays = grouped.where(moves).select("id", "group", F.lit(0.0).alias("tied"))
    choices = near.unionByName(stays).groupBy("id", "group").agg(F.sum("tied").alias("tied"))
    own = grouped.select("id", "strength", F.col("group").alias("own"))
    is_own = F.col("group") == F.col("own")
    others = F.col("mass") - F.when(is_own, F.col("strength")).otherwise(0.0)
    gain = F.col("tied") - F.lit(pull) * F.col("strength") * others
    weighed = choices.join(own, "id").join(totals, "group").withColumn("gain", gain)
    best = weighed.groupBy("id").agg(F.max_by("group", F.struct("gain", is_own, "group")).alias("best"))
    return grouped.join(best, "id", "left").withColumn("next", F.coalesce("best", "group")).drop("best")


def _merged(ties: DataFrame, grouped: DataFrame, *, resolution: float, seed: int) -> DataFrame:
    """id, strength, group: the groups put together by the Louvain method, each of them a vertex."""
    between = _between(ties, grouped)
    kind = between.schema["src"].dataType.simpleString()
    inside = between.where("src = dst").select(F.col("src").alias("id"), (F.col("weight") / 2).alias("value"))

    def kernel(graph: Graph) -> Mapping[str, Any]:
        group = groups.louvain(graph, resolution=resolution, seed=seed)
        return {"merged": graph.ids.take(pa.array(group))}

    found = compact.per_vertex(
        between.where("src != dst"), kernel, returns=f"merged {kind}", directed=False, vertices=inside
    )
    merged = found.select(F.col("id").alias("group"), "merged")
    return grouped.join(merged, "group").select("id", "strength", F.col("merged").alias("group"))


def _between(ties: DataFrame, grouped: DataFrame) -> DataFrame:
    """src, dst, weight between the groups, and within them, from either side."""
    group_of = grouped.select("id", "group")
    return (
        ties.join(group_of.withColumnsRenamed({"id": "src", "group": "one"}), "src")
        .join(group_of.withColumnsRenamed({"id": "dst", "group": "other"}), "dst")
        .groupBy(F.col("one").alias("src"), F.col("other").alias("dst"))
        .agg(F.sum("weight").alias("weight"))
    )
