"""Whom people turn to beside who speaks well: influence, favour and loyalty of the same person."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retinue.network import edges as given
from retinue.network import engines, influence
from retinue.schema import quoted, require

__all__ = ["beside_advocates", "on_topics"]


def beside_advocates(
    ranks: DataFrame, posts: DataFrame, buys: DataFrame, *, prior_posts: float = 5.0
) -> DataFrame:
    """Who is turned to, how well they speak, and how often they come back to buy; all three multiplied.

    Out, a row a vertex of `ranks` that wrote a post: id, influence (double, 0..1, its pagerank as a share of
    the highest), favour (double, 0..1: (1 + c) / 2, where c is the mean compound of its posts, drawn towards
    that of all posts as if `prior_posts` posts had it), loyalty (double, 0..1: n / (n + 1) of the n days on
    which it bought), advocacy (double, the product of the three), post_count (bigint), mean_compound (double,
    null where no post has a sentiment), buy_days (bigint). Who is heard and speaks ill has great influence
    and little favour.

    In: `ranks` with id and pagerank; `posts` with id (the author) and compound (-1..1 or null); `buys` with
    id and acted_on (date). Lazy. Raises SchemaMismatch.
    """
    require(ranks, ["id", "pagerank"], what="beside_advocates")
    require(posts, ["id", "compound"], what="beside_advocates")
    require(buys, ["id", "acted_on"], what="beside_advocates")
    spoken = posts.groupBy("id").agg(
        F.count("*").alias("post_count"),
        F.count("compound").alias("_scored"),
        F.avg("compound").alias("mean_compound"),
    )
    days = buys.groupBy("id").agg(F.count_distinct("acted_on").alias("buy_days"))
    of_all = posts.agg(F.coalesce(F.avg("compound"), F.lit(0.0)).alias("_mean"))
    highest = ranks.agg(F.max("pagerank").alias("_highest"))
    both = ranks.select("id", "pagerank").join(spoken, "id").join(days, "id", "left").fillna(0, ["buy_days"])
    told = both.crossJoin(F.broadcast(of_all)).crossJoin(F.broadcast(highest))
    known = F.coalesce("mean_compound", F.lit(0.0)) * F.col("_scored")
    drawn = F.coalesce(
        F.try_divide(known + prior_posts * F.col("_mean"), F.col("_scored") + prior_posts), "_mean"
    )
    scored = told.select(
        "id",
        F.try_divide("pagerank", "_highest").alias("influence"),
        ((1 + drawn) / 2).alias("favour"),
        (F.col("buy_days") / (F.col("buy_days") + 1)).alias("loyalty"),
        "post_count",
        "mean_compound",
        "buy_days",
    )
    return scored.withColumn("advocacy", F.col("influence") * F.col("favour") * F.col("loyalty"))


def on_topics(
    edges: DataFrame,
    posts: DataFrame,
    *,
    by: str,
    topics: int = 8,
    beginners: int = 1000,
    limit: int = 100,
    engine: str = "auto",
    local_limit: int = engines.LOCAL_LIMIT,
) -> DataFrame:
    """To whom those turn who talk of a topic: PageRank of a reader who begins anew with one of them.

    Out, for each of the `topics` that most is posted on (ties by name) the `limit` first, ties by id: topic,
    id, pagerank (double, 0..1), post_count (bigint, its own posts on it). In: directed edges with src, who
    turns to dst; `posts` with id (the author) and `by`, the topic, where null is none. The reader begins at
    the `beginners` that posted most on it, ties by id, as often as they did; authors that are not in the
    graph do not count.

    Runs Spark jobs, as `influence.ranks` a topic; the topics and beginners come to the driver. Source:
    Haveliwala, "Topic-sensitive PageRank" (2002). Raises SchemaMismatch.
    """
    require(posts, ["id", by], what="on_topics")
    tied = given.ids(given.read(edges, what="on_topics")).select("id")
    told = posts.where(F.col(quoted(by)).isNotNull()).join(tied, "id", "left_semi")
    counts = told.groupBy(F.col(quoted(by)).alias("topic"), "id").agg(F.count("*").alias("post_count"))
    sizes = counts.groupBy("topic").agg(F.sum("post_count").alias("size"))
    largest = sizes.orderBy(F.desc("size"), "topic").limit(topics).collect()

    def of(topic: str) -> DataFrame:
        own = counts.where(F.col("topic") == topic)
        first = own.orderBy(F.desc("post_count"), "id").limit(beginners).collect()
        ranks = influence.ranks(
            edges,
            directed=True,
            personalization={row["id"]: float(row["post_count"]) for row in first},
            engine=engine,
            local_limit=local_limit,
        )
        best = ranks.orderBy(F.desc("pagerank"), "id").limit(limit)
        told = best.join(own.select("id", "post_count"), "id", "left").fillna(0, ["post_count"])
        return told.select(F.lit(topic).alias("topic"), "id", "pagerank", "post_count")

    none = counts.limit(0).select("topic", "id", F.lit(0.0).alias("pagerank"), "post_count")
    return reduce(DataFrame.unionByName, (of(row["topic"]) for row in largest), none)
