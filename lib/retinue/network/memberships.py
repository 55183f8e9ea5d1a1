"""What it means to be in a community: how firmly, where else as well, and who bridges two."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from retinue.network import edges as given
from retinue.schema import require

__all__ = ["bridges", "inside_shares", "members", "overlaps"]


def members(edges: DataFrame, communities: DataFrame) -> DataFrame:
    """How each vertex stands in its own community.

    Out, a row a vertex of `communities`: id, community_id, place (bigint, from 1, by the weight of its ties
    inside, ties by id), inside_share (double, 0..1, of the weight of its ties, null without any),
    participation (double, 0..1: 1 less the squares of its shares of all communities; 0 where all ties lead
    into one).

    In: undirected edges with src, dst and optionally weight; `communities` with id and community_id, once
    each. Lazy; shuffles of edges. Source: Guimerà and Amaral (2005). Raises SchemaMismatch.
    """
    shares = _shares(edges, communities)
    is_own = F.col("community_id") == F.col("_own_id")
    told = shares.groupBy("id").agg(
        F.max(F.when(is_own, F.col("share")).otherwise(0.0)).alias("inside_share"),
        F.max(F.when(is_own, F.col("weight")).otherwise(0.0)).alias("_inside"),
        (1 - F.sum(given.whole_steps(F.col("share") * F.col("share")))).alias("participation"),
    )
    firmest = Window.partitionBy("community_id").orderBy(F.col("_inside").desc_nulls_last(), "id")
    every = communities.select("id", "community_id").join(told, "id", "left")
    place = F.row_number().over(firmest).cast("bigint")
    return every.select(
        "id",
        "community_id",
        place.alias("place"),
        "inside_share",
        F.greatest("participation", F.lit(0.0)).alias("participation"),
    )


def overlaps(edges: DataFrame, communities: DataFrame, *, least: float = 0.25) -> DataFrame:
    """The other communities that a vertex belongs to as well: where `least` of the weight of its ties leads.

    Out: id, community_id (not its own), share (double, `least` to 1). In and lazy as `members`.
    """
    is_other = F.col("community_id") != F.col("_own_id")
    return (
        _shares(edges, communities)
        .where(is_other & (F.col("share") >= least))
        .select("id", "community_id", "share")
    )


def inside_shares(edges: DataFrame, communities: DataFrame) -> DataFrame:
    """How closed each community is: of the weight of its members' ties, what leads to members.

    Out, a row a community with a tie: community_id, inside_share (double, 0..1). In and lazy as `members`.
    """
    inside = F.when(F.col("community_id") == F.col("_own_id"), F.col("weight")).otherwise(0.0)
    return (
        _shares(edges, communities)
        .groupBy(F.col("_own_id").alias("community_id"))
        .agg((F.sum(inside) / F.sum("weight")).alias("inside_share"))
    )


def bridges(edges: DataFrame, communities: DataFrame) -> DataFrame:
    """Which communities are tied to each other, and through whom most.

    Out, a row a pair of communities with a tie between: community_id, other_id (the greater), tie_count
    (bigint), weight (double), bridge_id (who has most of that weight, ties by id), bridge_share (double,
    0..1, of it). In and lazy as `members`.
    """
    between = (
        _ends(edges, communities)
        .where("_own_id <> community_id")
        .select(
            "id",
            F.least("_own_id", "community_id").alias("community_id"),
            F.greatest("_own_id", "community_id").alias("other_id"),
            "weight",
        )
    )
    each = between.groupBy("community_id", "other_id", "id").agg(
        F.sum("weight").alias("_weight"), F.count("*").alias("_ties")
    )
    # Every tie is seen from both of its ends.
    pairs = each.groupBy("community_id", "other_id").agg(
        (F.sum("_ties") / 2).cast("bigint").alias("tie_count"),
        (F.sum("_weight") / 2).alias("weight"),
        F.min_by("id", F.struct(-F.col("_weight"), "id")).alias("bridge_id"),
        F.max("_weight").alias("_most"),
    )
    return pairs.withColumn("bridge_share", F.col("_most") / F.col("weight")).drop("_most")


def _shares(edges: DataFrame, communities: DataFrame) -> DataFrame:
    """id, _own_id, community_id, weight, share: into which communities a vertex's ties lead."""
    into = (
        _ends(edges, communities)
        .groupBy("id", "_own_id", "community_id")
        .agg(F.sum("weight").alias("weight"))
    )
    of_all = Window.partitionBy("id")
    return into.withColumn("share", F.col("weight") / F.sum("weight").over(of_all))


def _ends(edges: DataFrame, communities: DataFrame) -> DataFrame:
    """Each tie from both ends: id, _own_id, community_id (of the other end), weight."""
    require(communities, ["id", "community_id"], what="memberships")
    ties = given.undirected(given.read(edges, what="memberships"))
    own = communities.select("id", F.col("community_id").alias("_own_id"))
    other = communities.select(F.col("id").alias("dst"), "community_id")
    return ties.withColumnRenamed("src", "id").join(own, "id").join(other, "dst")
