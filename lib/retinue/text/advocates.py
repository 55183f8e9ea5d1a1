"""Who speaks well of something again and again, and who speaks ill of it."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retinue.clickstream.intervals import wilson
from retinue.errors import RetinueError
from retinue.schema import quoted, require
from retinue.text.mentions import NEGATIVE, POSITIVE, post_reach

__all__ = ["advocates", "roles"]


def advocates(
    posts: DataFrame,
    *,
    confidence: float = 0.95,
    least_posts: int = 5,
    prior_posts: float = 5.0,
    network: str = "network",
    author: str = "profile_id",
    compound: str = "compound",
) -> DataFrame:
    """Who is positive more often than people are, or less, by more than chance has it.

    Of an author's posts that take a side (compound .05 or more, or -.05 or less), the positive share is
    compared with that of all authors' posts together: an advocate's Wilson interval of `confidence` lies
    above it, a detractor's below it, and there are `least_posts` such posts at least; all others are
    neutral. By chance alone about half of 1 - `confidence` of the authors with so many posts would pass for
    advocates, and as many for detractors.

    Out, a row an author: `network`, `author`, role (advocate, detractor, neutral), post_count, scored_count,
    positive_count, negative_count (bigint), positive_share, positive_share_low, positive_share_high (double,
    null where no post takes a side), mean_compound (double, drawn towards the mean of all posts as if
    `prior_posts` posts had that), reach (bigint, the most that a post of theirs has, by mentions.post_reach),
    post_share, reach_share (double, of the sum over all authors).

    In: posts, or mentions of one topic, with `compound` by sentiment.score; only rows with an author count.

    Lazy; one shuffle, of counts by author. Sources: Wilson (1927); James and Stein (1961) for the drawn mean.
    Raises SchemaMismatch; RetinueError for numbers that cannot be.
    """
    if least_posts < 1 or prior_posts < 0:
        raise RetinueError(
            f"least_posts is {least_posts} and prior_posts {prior_posts}; give 1 or more and 0 or more"
        )
    require(posts, [network, author, compound], what="advocates")
    authors = _authors(posts, network, author, F.col(quoted(compound)))
    sides = F.col("positive_count") + F.col("negative_count")
    low, high = wilson(F.col("positive_count"), sides, confidence)
    has_enough = sides >= least_posts
    role = (
        F.when(has_enough & (low > F.col("_positive_share")), "advocate")
        .when(has_enough & (high < F.col("_positive_share")), "detractor")
        .otherwise("neutral")
    )
    mean = (F.coalesce("_compound", F.lit(0.0)) + prior_posts * F.col("_mean_compound")) / (
        F.col("scored_count") + prior_posts
    )
    return authors.crossJoin(F.broadcast(_together(authors))).select(
        quoted(network),
        quoted(author),
        role.alias("role"),
        "post_count",
        "scored_count",
        "positive_count",
        "negative_count",
        F.try_divide("positive_count", sides).alias("positive_share"),
        low.alias("positive_share_low"),
        high.alias("positive_share_high"),
        mean.alias("mean_compound"),
        "reach",
        F.try_divide("post_count", "_posts").alias("post_share"),
        F.try_divide("reach", "_reach").alias("reach_share"),
    )


def roles(advocates: DataFrame) -> DataFrame:
    """What part of the posts and of the reach advocates, detractors and all others have.

    Out, a row a role that someone has: role, author_count, post_count, reach (bigint), author_share,
    post_share, reach_share (double). In: what `advocates` gives. Lazy. Raises SchemaMismatch.
    """
    require(advocates, ["role", "post_count", "reach", "post_share", "reach_share"], what="roles")
    counted = advocates.groupBy("role").agg(
        F.count("*").alias("author_count"),
        *(F.sum(name).alias(name) for name in ("post_count", "reach", "post_share", "reach_share")),
    )
    everyone = counted.agg(F.sum("author_count").alias("_authors"))
    return counted.crossJoin(F.broadcast(everyone)).select(
        "role",
        "author_count",
        "post_count",
        "reach",
        F.try_divide("author_count", "_authors").alias("author_share"),
        "post_share",
        "reach_share",
    )


def _authors(posts: DataFrame, network: str, author: str, compound: Column) -> DataFrame:
    known = posts.where(F.col(quoted(author)).isNotNull())
    return known.groupBy(quoted(network), quoted(author)).agg(
        F.count("*").alias("post_count"),
        F.count(compound).alias("scored_count"),
        F.count_if(compound >= POSITIVE).alias("positive_count"),
        F.count_if(compound <= NEGATIVE).alias("negative_count"),
        F.sum(compound).alias("_compound"),
        F.max(post_reach(posts)).alias("reach"),
    )


def _together(authors: DataFrame) -> DataFrame:
    """One row: what all authors together say."""
    positive, negative = F.sum("positive_count"), F.sum("negative_count")
    return authors.agg(
        F.try_divide(positive, positive + negative).alias("_positive_share"),
        F.try_divide(F.sum("_compound"), F.sum("scored_count")).alias("_mean_compound"),
        F.sum("post_count").alias("_posts"),
        F.sum("reach").alias("_reach"),
    )
