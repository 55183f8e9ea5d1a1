"""What each community is like: its size, how closed it is, its words, its mood, what it buys."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retinue.network import building, memberships
from retinue.schema import require
from retinue.text import themes

__all__ = ["profile"]


def profile(
    communities: DataFrame, edges: DataFrame, posts: DataFrame, purchases: DataFrame, *, limit: int = 10
) -> DataFrame:
    """What each community is like, by its ties, its members' posts and what they bought.

    Out, a row a community: community_id, member_count, product_count (bigint, vertices of either kind),
    inside_share (double, 0..1, of the weight of its ties), words (array<string>, up to `limit` that mark its
    posts against all others, best first), products (array<string>, up to `limit` product_ids that its members
    take up most, wherever these belong), post_count (bigint), mean_compound (double, -1..1), purchase_count
    (bigint), value_amount (double, in their currency). What there is nothing of is null, counts 0.

    In: `communities` with id and community_id; `edges` as `building.edges` gives them; `posts` with id (the
    author), words (array<string>) and compound; `purchases` with id (the buyer) and price_amount. Lazy.
    Raises SchemaMismatch.
    """
    require(communities, ["id", "community_id"], what="profile")
    require(posts, ["id", "words", "compound"], what="profile")
    require(purchases, ["id", "price_amount"], what="profile")
    own = communities.select("id", "community_id")
    said = posts.join(own, "id")
    told = (
        memberships.inside_shares(edges, own),
        _words(said, limit),
        _taken_up(edges, own, limit),
        said.groupBy("community_id").agg(
            F.count("*").alias("post_count"), F.avg("compound").alias("mean_compound")
        ),
        purchases.join(own, "id")
        .groupBy("community_id")
        .agg(
            F.count("*").alias("purchase_count"), F.sum("price_amount").cast("double").alias("value_amount")
        ),
    )
    whole = reduce(lambda all, each: all.join(each, "community_id", "left"), told, _sizes(own))
    return whole.fillna(0, ["post_count", "purchase_count"])


def _sizes(own: DataFrame) -> DataFrame:
    is_product = F.startswith("id", F.lit(building.PRODUCT))
    return own.groupBy("community_id").agg(
        F.count_if(~is_product).alias("member_count"), F.count_if(is_product).alias("product_count")
    )


def _words(said: DataFrame, limit: int) -> DataFrame:
    best = themes.labels(said, by="community_id", tokens="words", limit=limit)
    return best.groupBy("community_id").agg(_in_order("token").alias("words"))


def _taken_up(edges: DataFrame, own: DataFrame, limit: int) -> DataFrame:
    taken = building.of_products(edges).join(own.withColumnRenamed("id", "src"), "src")
    weights = taken.groupBy("community_id", "dst").agg(F.sum("weight").alias("weight"))
    heaviest = Window.partitionBy("community_id").orderBy(F.desc("weight"), "dst")
    best = weights.withColumn("rank", F.row_number().over(heaviest)).where(F.col("rank") <= limit)
    product = F.substr("dst", F.lit(len(building.PRODUCT) + 1))
    return (
        best.withColumn("product", product)
        .groupBy("community_id")
        .agg(_in_order("product").alias("products"))
    )


def _in_order(value: str) -> Column:
    """The values by their rank."""
    ranked = F.sort_array(F.collect_list(F.struct("rank", value)))
    return F.transform(ranked, lambda each: each[value])
