"""Edges out of what people do: who answers, shares, mentions, follows, writes to, refers or buys what."""

from __future__ import annotations

from datetime import date, timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retinue.errors import RetinueError
from retinue.network import edges as given
from retinue.schema import quoted, require

__all__ = [
    "PRODUCT",
    "acts_of_posts",
    "acts_of_products",
    "between_people",
    "daily",
    "edges",
    "heeding",
    "named_products",
    "of_products",
    "together",
]

PRODUCT = "product:"
"""What the id of a product begins with as a vertex, so that none is a person's."""
_ACT = ("src", "dst", "relationship", "at", "weight")


def acts_of_posts(
    posts: DataFrame,
    mentions: DataFrame | None = None,
    *,
    author: str = "person_id",
    among: DataFrame | None = None,
) -> DataFrame:
    """Who turned to whom in public: an act for each answer, share and mention, from its doer to the other.

    Out, a row an act: src, dst (as `author`), relationship (replies, shares or mentions), at (timestamp),
    weight (double, 1). An answer to or a share of a post that is not among these is no act. In: posts with
    network, post_id, posted_at, reply_to, share_of and `author`; `mentions`, where there are some, with
    network, post_id and mentioned (as `author`), a row each; `among`, with network, post_id and `author`, the
    posts that may be answered and shared, where they are others. Lazy. Raises SchemaMismatch.
    """
    require(posts, ["network", "post_id", "posted_at", "reply_to", "share_of", author], what="acts_of_posts")
    known = posts.where(F.col(quoted(author)).isNotNull())
    others = known if among is None else among.where(F.col(quoted(author)).isNotNull())
    wrote = others.select("network", F.col("post_id").alias("_to"), F.col(quoted(author)).alias("dst"))
    acts = [
        known.withColumn("_to", F.col(column))
        .join(wrote, ["network", "_to"])
        .withColumn("_kind", F.lit(kind))
        for column, kind in (("reply_to", "replies"), ("share_of", "shares"))
    ]
    if mentions is not None:
        named = mentions.select("network", "post_id", F.col("mentioned").alias("dst")).distinct()
        acts.append(known.join(named, ["network", "post_id"]).withColumn("_kind", F.lit("mentions")))
    told = [
        each.select(
            F.col(quoted(author)).alias("src"),
            "dst",
            F.col("_kind").alias("relationship"),
            F.col("posted_at").alias("at"),
            F.lit(1.0).alias("weight"),
        )
        for each in acts
    ]
    every = told[0]
    for each in told[1:]:
        every = every.unionByName(each)
    return every


def acts_of_products(
    events: DataFrame, *, where: Column | str, relationship: str = "buys", person: str = "person_id"
) -> DataFrame:
    """Who took up which product: an act for each event that `where` holds for and that names a product.

    Out: as `acts_of_posts`, dst being `product:` and the product_id. In: events with product_id, occurred_at
    and `person`. Lazy. Raises SchemaMismatch.
    """
    require(events, ["product_id", "occurred_at", person], what="acts_of_products")
    chosen = F.expr(where) if isinstance(where, str) else where
    return events.where(chosen & F.col("product_id").isNotNull() & F.col(quoted(person)).isNotNull()).select(
        F.col(quoted(person)).alias("src"),
        F.concat(F.lit(PRODUCT), F.col("product_id")).alias("dst"),
        F.lit(relationship).alias("relationship"),
        F.col("occurred_at").alias("at"),
        F.lit(1.0).alias("weight"),
    )


def daily(acts: DataFrame) -> DataFrame:
    """The acts of each UTC day put together, which is all that edges of any later day need.

    Out, a row a tie and day: src, dst, relationship, acted_on (date), act_count (bigint), weight (double,
    their sum), first_at, last_at (timestamp). In: acts as `acts_of_posts` gives them. Lazy; one shuffle, with
    partial sums before it. Raises SchemaMismatch.
    """
    require(acts, _ACT, what="daily")
    return acts.groupBy("src", "dst", "relationship", F.to_date("at").alias("acted_on")).agg(
        F.count("*").alias("act_count"),
        F.sum(given.whole_steps(F.col("weight"))).alias("weight"),
        F.min("at").alias("first_at"),
        F.max("at").alias("last_at"),
    )


def edges(
    days: DataFrame, *, as_of: date, half_life: timedelta | None = None, least: float = 0.0
) -> DataFrame:
    """The ties as of a day: the acts before its midnight UTC added up, each half as much a `half_life` on.

    Out, a row a tie: id (SHA-256 of src, dst and relationship, joined by the character 31), src, dst,
    relationship, weight (double), act_count (bigint), first_at, last_at (timestamp). Who turns to himself is
    no tie, and a weight below `least` is too faint to be one. An act's age counts in whole days to the last
    before `as_of`; without `half_life` ties do not fade.

    In: what `daily` gives. Lazy; one shuffle. Raises SchemaMismatch; RetinueError for a half-life of 0 or
    less.
    """
    require(days, ["src", "dst", "relationship", "acted_on", "act_count", "weight"], what="edges")
    if half_life is not None and half_life <= timedelta(0):
        raise RetinueError(f"half_life is {half_life}; give a span of time, or None where ties do not fade")
    age = F.date_diff(F.lit(as_of), "acted_on") - 1
    fade = F.lit(1.0) if half_life is None else F.pow(F.lit(0.5), age / F.lit(half_life / timedelta(days=1)))
    ties = days.where((F.col("acted_on") < F.lit(as_of)) & (F.col("src") != F.col("dst")))
    key = ["src", "dst", "relationship"]
    return (
        ties.groupBy(*key)
        .agg(
            F.sum(given.whole_steps(F.col("weight") * fade)).alias("weight"),
            F.sum("act_count").alias("act_count"),
            F.min("first_at").alias("first_at"),
            F.max("last_at").alias("last_at"),
        )
        .where(F.col("weight") >= least)
        .select(F.sha2(F.concat_ws("\u001f", *key), 256).alias("id"), "*")
    )


def between_people(edges: DataFrame) -> DataFrame:
    """The edges, or days of ties, that lead to no product. Lazy."""
    return edges.where(~_is_product("dst"))


def of_products(edges: DataFrame) -> DataFrame:
    """The edges, or days of ties, from a person to a product. Lazy."""
    return edges.where(_is_product("dst"))


def together(days: DataFrame, *, most: int = 200) -> DataFrame:
    """Which products the same people took up: a tie from the day on which the second of the two was.

    Out, a row a pair of products and day: src, dst (src < dst, as `acts_of_products` names them), acted_on
    (date), weight (double, the people of that day). In: days of ties from people to products, with src, dst
    and acted_on. Who took up more than `most` products is no sign that two go together, and would make pairs
    of all of them: they are left out. Lazy; a shuffle of people, one of pairs.
    """
    first = days.groupBy("src", "dst").agg(F.min("acted_on").alias("acted_on"))
    own = F.collect_list(F.struct("dst", "acted_on")).alias("taken")
    people = first.groupBy("src").agg(F.count("*").alias("_count"), own).where(F.col("_count") <= most)
    pairs = (
        people.select(F.explode("taken").alias("one"), "taken")
        .select("one", F.explode("taken").alias("other"))
        .where("one.dst < other.dst")
    )
    return pairs.groupBy(
        F.col("one.dst").alias("src"),
        F.col("other.dst").alias("dst"),
        F.greatest("one.acted_on", "other.acted_on").alias("acted_on"),
    ).agg(F.count("*").cast("double").alias("weight"))


def named_products(vertices: DataFrame) -> DataFrame:
    """The rows whose `id` is a product's. Lazy."""
    return vertices.where(_is_product("id"))


def heeding(edges: DataFrame) -> DataFrame:
    """The edges with src as who heeds dst, so that influence goes against them all.

    Who refers somebody is heeded by whom it brought: `refers` is turned round. Lazy.
    """
    is_turned = F.col("relationship") == "refers"
    return edges.withColumns(
        {
            "src": F.when(is_turned, F.col("dst")).otherwise(F.col("src")),
            "dst": F.when(is_turned, F.col("src")).otherwise(F.col("dst")),
        }
    )


def _is_product(end: str) -> Column:
    return F.startswith(end, F.lit(PRODUCT))
