"""Graphs that change: what new edges do to components and ranks, and what moved between snapshots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from retinue.errors import SchemaMismatch
from retinue.network import communities, compact, engines, pagerank
from retinue.network import edges as given
from retinue.network.compact import Graph
from retinue.schema import require
from retinue.text.significance import deviate, discoveries, exact

__all__ = ["components", "flows", "lasting", "ranks", "risers"]


def components(
    known: DataFrame,
    added: DataFrame,
    *,
    removed: DataFrame | None = None,
    edges: DataFrame | None = None,
    engine: str = "auto",
    local_limit: int = engines.LOCAL_LIMIT,
) -> DataFrame:
    """The components after edges came and went: just what `communities.components` of all edges now gives.

    Out: id, community_id; a row for each vertex of `known`, also of one that lost its last edge, and of
    `added`. In: `known` as `communities.components` gave it before; `added` and `removed` edges with src and
    dst; with `removed`, `edges`: all that there are now.

    New edges join whole components, which are vertices here: the work is that of a graph of the new edges
    alone. Only the components that lost an edge are looked through again, by their own edges. Runs Spark
    jobs. Raises SchemaMismatch, also where `removed` comes without `edges`.
    """
    require(known, ["id", "community_id"], what="changing.components")
    if removed is not None:
        now = given.read(_needed(edges), what="changing.components")
        known = _without(known, given.read(removed, what="changing.components"), now, engine, local_limit)
    new = given.read(added, what="changing.components")
    group_of = known.select("id", "community_id")
    arrived = given.ids(new).select("id").join(group_of, "id", "left_anti")
    every = group_of.union(arrived.select("id", F.col("id").alias("community_id")))
    joined = communities.components(_between(new, every), engine=engine, local_limit=local_limit)
    merged = joined.select(F.col("id").alias("community_id"), F.col("community_id").alias("merged"))
    return every.join(merged, "community_id", "left").select(
        "id", F.coalesce("merged", "community_id").alias("community_id")
    )


def ranks(
    edges: DataFrame,
    known: DataFrame,
    *,
    directed: bool = False,
    tolerance: float = pagerank.Rule.tolerance,
    engine: str = "auto",
    local_limit: int = engines.LOCAL_LIMIT,
) -> DataFrame:
    """PageRank after edges came and went, walked on from what it was: as from nothing, in fewer steps.

    Out, a row a vertex: id, pagerank (double; all add up to 1), steps (int, that the walk took, the same in
    each row). It is that of `influence.ranks` but for damping / (1 - damping) times `tolerance` in all. In:
    all edges that there are now; `known` with id and pagerank, as it was; without rows the walk is the cold
    one. Runs Spark jobs to choose the engine and, by joins, one a step. Raises SchemaMismatch.
    """
    require(known, ["id", "pagerank"], what="changing.ranks")
    rows = given.read(edges, what="changing.ranks")
    rule = pagerank.Rule(tolerance=tolerance)
    before = given.ids(rows).select("id").join(known.select("id", "pagerank"), "id", "left")
    if engines.is_local(rows, engine=engine, local_limit=local_limit):

        def kernel(graph: Graph) -> Mapping[str, Any]:
            found, steps = pagerank.walked(graph, rule, start=_start(graph))
            return {"pagerank": found, "steps": np.full(graph.size, steps, dtype=np.int32)}

        return compact.per_vertex(
            rows,
            kernel,
            returns="pagerank double, steps int",
            directed=directed,
            vertices=before.withColumnRenamed("pagerank", "value"),
        )
    links = given.directed(rows) if directed else given.undirected(rows)
    found, steps = pagerank.joined(links, _beginning(before), rule)
    return found.withColumn("steps", F.lit(steps))


def lasting(now: DataFrame, before: DataFrame, *, after: int = 0) -> DataFrame:
    """Communities under lasting numbers: one goes on where most of both met most of the other.

    Out: id, community_id (bigint): the number of a community before, where of those members of the present
    one that were in any before the most came from it, and the most of its own went here; ties to the least.
    All others are new and numbered on from the greatest of `after` (the greatest number ever given) and those
    of `before`, by their least members, so that no number is given twice.

    In: `now` as `communities.detect` gives it; `before` as this function did, without rows at first. Lazy;
    shuffles of members, and one task numbers the new communities. Raises SchemaMismatch.
    """
    met = _met(now, before)
    of_now = Window.partitionBy("now").orderBy(F.desc("count"), "before")
    of_before = Window.partitionBy("before").orderBy(F.desc("count"), "now")
    ranked = met.withColumns({"_now": F.row_number().over(of_now), "_before": F.row_number().over(of_before)})
    kept = ranked.where("_now = 1 AND _before = 1").select("now", F.col("before").alias("community_id"))
    named = now.select("id", F.col("community_id").alias("now"))
    new = named.join(kept, "now", "left_anti").groupBy("now").agg(F.min("id").alias("least"))
    greatest = before.agg(F.greatest(F.max("community_id"), F.lit(after)).alias("greatest"))
    place = F.row_number().over(Window.orderBy("least"))
    numbered = new.withColumn("place", place).crossJoin(F.broadcast(greatest))
    fresh = numbered.select("now", (F.col("greatest") + F.col("place")).cast("bigint").alias("community_id"))
    return named.join(kept.union(fresh), "now").select("id", "community_id")


def flows(before: DataFrame, now: DataFrame) -> DataFrame:
    """Where the members of each community went: a row for each two that met, and for who came and who left.

    Out: before, now (community_id, null for nowhere), member_count (bigint), share_of_before, share_of_now
    (double, 0..1, null with the side), fate (went_on where either side is more than half of the other; split
    where it is more than half of the new one alone; merged where it is more than half of the old one alone;
    moved, joined or left else). In: as in `lasting`. Lazy; shuffles of members. Raises SchemaMismatch.
    """
    met = _met(now, before, how="full")
    size = {
        side: met.where(F.col(side).isNotNull()).groupBy(side).agg(F.sum("count").alias(f"{side}_size"))
        for side in ("before", "now")
    }
    told = met.join(size["before"], "before", "left").join(size["now"], "now", "left")
    of_before = F.when(F.col("now").isNotNull(), F.col("count") / F.col("before_size"))
    of_now = F.when(F.col("before").isNotNull(), F.col("count") / F.col("now_size"))
    fate = (
        F.when(F.col("before").isNull(), "joined")
        .when(F.col("now").isNull(), "left")
        .when((of_before > 0.5) & (of_now > 0.5), "went_on")
        .when(of_now > 0.5, "split")
        .when(of_before > 0.5, "merged")
        .otherwise("moved")
    )
    return told.select(
        "before",
        "now",
        F.col("count").alias("member_count"),
        of_before.alias("share_of_before"),
        of_now.alias("share_of_now"),
        fate.alias("fate"),
    )


def risers(
    before: DataFrame, now: DataFrame, *, measure: str = "weight", false_discovery_rate: float = 0.05
) -> DataFrame:
    """Who is turned to more than before, beyond chance: a larger share of what all are turned to.

    Out, a row a vertex whose share rose so far that of all named at most the share `false_discovery_rate`
    rose by chance: id, before_count, now_count (bigint), before_share, now_share (double, 0..1), ratio
    (double; null for who is new), z (double), q_value (double), is_new (boolean). In: id and `measure`, a
    count of acts (mentions, replies, shares that a vertex earned in a span of time), before and now; spans as
    long.

    The chance of a vertex is that of Fisher's exact test: of all acts on it, before and now, that so many are
    of now, where it kept its share. Acts of one crowd hang together, so count each person that acts once.
    Lazy; one task ranks those who may stay. Sources: Fisher (1935); Benjamini and Hochberg (1995).
    Raises SchemaMismatch, RetinueError.
    """
    for rows in (before, now):
        require(rows, ["id", measure], what="changing.risers")
    one = before.select("id", F.col(measure).cast("bigint").alias("before_count"))
    other = now.select("id", F.col(measure).cast("bigint").alias("now_count"))
    both = one.join(other, "id", "full").fillna(0, ["before_count", "now_count"])
    totals = both.agg(F.sum("before_count").alias("_before"), F.sum("now_count").alias("_now"))
    told = both.crossJoin(F.broadcast(totals))
    own = F.col("before_count") + F.col("now_count")
    chance = exact(F.col("now_count"), own, F.col("_now"), F.col("_before") + F.col("_now"))
    scored = told.select(
        "id",
        "before_count",
        "now_count",
        F.try_divide("before_count", "_before").alias("before_share"),
        F.try_divide("now_count", "_now").alias("now_share"),
        deviate(chance).alias("z"),
        (F.col("before_count") == 0).alias("is_new"),
    ).withColumn("ratio", F.try_divide("now_share", "before_share"))
    return discoveries(scored, z="z", rate=false_discovery_rate, tie="id")


def _needed(edges: DataFrame | None) -> DataFrame:
    if edges is None:
        raise SchemaMismatch("changing.components needs edges, all that are left, to see what `removed` cut")
    return edges


def _without(
    known: DataFrame, removed: DataFrame, now: DataFrame, engine: str, local_limit: int
) -> DataFrame:
    """The components once the removed edges are gone; those that lost none stay as they are."""
    ends = given.ids(removed).select("id")
    touched = known.join(ends, "id", "left_semi").select("community_id").distinct()
    members = known.join(touched, "community_id", "left_semi").select("id")
    inside = now.join(members, F.col("src") == F.col("id"), "left_semi")
    again = communities.components(inside, vertices=members, engine=engine, local_limit=local_limit)
    return known.join(touched, "community_id", "left_anti").select("id", "community_id").union(again)


def _between(new: DataFrame, every: DataFrame) -> DataFrame:
    """The new edges between components, as edges between their ids."""
    one = every.select(F.col("id").alias("src"), F.col("community_id").alias("one"))
    other = every.select(F.col("id").alias("dst"), F.col("community_id").alias("other"))
    ends = new.join(one, "src").join(other, "dst").where("one != other")
    return ends.select(F.col("one").alias("src"), F.col("other").alias("dst")).distinct()


def _start(graph: Graph) -> Any:
    """The ranks as they were; who is new begins with what all have on average, then all add up to 1."""
    start = np.where(np.isnan(graph.values), 1 / graph.size, graph.values)
    return start / start.sum()


def _beginning(before: DataFrame) -> DataFrame:
    """The same for the joins: id, jump and rank."""
    size = before.count()
    told = before.withColumn("rank", F.coalesce("pagerank", F.lit(1 / max(size, 1))))
    share = F.col("rank") / F.lit(pagerank.total(told, F.col("rank")) or 1.0)
    return told.select("id", F.lit(1 / max(size, 1)).alias("jump"), share.alias("rank"))


def _met(now: DataFrame, before: DataFrame, *, how: str = "inner") -> DataFrame:
    """before, now, count: how many members each two communities share."""
    for rows in (now, before):
        require(rows, ["id", "community_id"], what="changing")
    one = before.select("id", F.col("community_id").alias("before"))
    other = now.select("id", F.col("community_id").alias("now"))
    return one.join(other, "id", how).groupBy("before", "now").count()
