"""Communities of a graph that is too large for one task: made coarse on the cluster first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retinue.network import compact, groups
from retinue.network.compact import Graph
from retinue.network.engines import settled

__all__ = ["communities"]

ROUNDS = 8  # of moves before the groups become vertices
AFTER = 4  # of moves once the communities are known
ENOUGH = 0.01  # of the vertices moved: fewer are not worth a round


def communities(vertices: DataFrame, ties: DataFrame, *, resolution: float, seed: int) -> DataFrame:
    """id, community_id (the least id in it) of high modularity.

    Vertices move to the neighbouring group that gains most, half of them at a time lest two change places;
    the groups, as vertices, come into one task for the Louvain method; then vertices move once more. In: ties
    as `edges.undirected` gives them. Runs Spark jobs, a round each; a few sums come to the driver.
    """
    ties = ties.persist()
    try:
        strengths = settled(ties.groupBy(F.col("src").alias("id")).agg(F.sum("weight").alias("strength")))
        [row] = strengths.agg(F.sum("strength").alias("total")).collect()
        pull = resolution / (row["total"] or 1.0)
        alone = strengths.select("id", "strength", F.col("id").alias("group"))
        moved = _moved(ties, alone, pull=pull, seed=seed, rounds=ROUNDS)
        merged = _merged(ties, moved, resolution=resolution, seed=seed)
        found = _moved(ties, merged, pull=pull, seed=seed, rounds=AFTER)
        least = found.groupBy("group").agg(F.min("id").alias("community_id"))
        named = found.join(least, "group").select("id", "community_id")
        lone = F.coalesce("community_id", "id").alias("community_id")
        return settled(vertices.select("id").join(named, "id", "left").select("id", lone))
    finally:
        ties.unpersist()


def _moved(ties: DataFrame, grouped: DataFrame, *, pull: float, seed: int, rounds: int) -> DataFrame:
    """id, strength, group after so many rounds of moves, or fewer where hardly any vertex still moves."""
    grouped, size = settled(grouped), grouped.count()
    for turn in range(rounds):
        stepped = settled(_stepped(ties, grouped, pull=pull, half=turn % 2, seed=seed + turn // 2))
        grouped = stepped.select("id", "strength", F.col("next").alias("group"))
        if stepped.where(F.col("group") != F.col("next")).count() <= ENOUGH * size / 2 and turn % 2:
            break
    return grouped


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
    group_of = grouped.select("id", "group")
    between = (
        ties.join(group_of.withColumnsRenamed({"id": "src", "group": "one"}), "src")
        .join(group_of.withColumnsRenamed({"id": "dst", "group": "other"}), "dst")
        .groupBy(F.col("one").alias("src"), F.col("other").alias("dst"))
        .agg(F.sum("weight").alias("weight"))
    )
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
