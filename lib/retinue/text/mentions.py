"""Who speaks of what: mentions of topics, their volume, sentiment and reach, their share of voice."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retinue.errors import RetinueError, nearest
from retinue.schema import quoted, require

__all__ = ["NEGATIVE", "POSITIVE", "hourly", "mentions", "post_reach", "share_of_voice"]

POSITIVE, NEGATIVE = 0.05, -0.05  # VADER's convention
PERIODS = ("hour", "day", "week", "month", "quarter", "year")
_COUNTS = ("post_count", "author_count", "scored_count", "negative_count", "positive_count", "reach")


def mentions(posts: DataFrame, *, topics: Mapping[str, str], text: str = "text") -> DataFrame:
    r"""A row for each post and each of the topics that its text names; a post that names none is left out.

    topics: the name of a topic, or of a brand, with a regular expression of Java's. It is found anywhere in
    the text, whatever the case; `\bfee(s)?\b` finds whole words only.

    Out: the post's columns, and topic (string). A post that names three topics has three rows, so that
    counts of different topics must not be added up. Lazy, no shuffle.

    Raises SchemaMismatch; RetinueError where there is no topic.
    """
    if not topics:
        raise RetinueError("there is no topic to look for; give at least one, as name and regular expression")
    require(posts, [text], what="mentions")
    named = [F.when(F.col(quoted(text)).rlike(f"(?iu){topics[name]}"), F.lit(name)) for name in topics]
    kept = [quoted(name) for name in posts.columns if name != "topic"]
    return posts.select(*kept, F.explode(F.array_compact(F.array(*named))).alias("topic"))


def post_reach(posts: DataFrame) -> Column:
    """How many may have seen a post: its author's followers, or, where not said, shares + likes + 1.

    A column of `posts` that is not there (follower_count, share_count, like_count) is taken as not said.
    """

    def told(name: str) -> Column:
        return F.col(name).cast("bigint") if name in posts.columns else F.lit(None).cast("bigint")

    shares, likes = (F.coalesce(told(name), F.lit(0)) for name in ("share_count", "like_count"))
    return F.coalesce(told("follower_count"), shares + likes + 1)


def hourly(
    mentions: DataFrame,
    *,
    topic: str = "topic",
    at: str = "posted_at",
    compound: str = "compound",
    network: str = "network",
    author: str = "profile_id",
    copy: str | None = None,
) -> DataFrame:
    """Volume, sentiment and reach of each topic in each hour from the first mention to the last of any.

    Out, a row a topic and hour, also where nobody spoke of it (counts are 0 then): `topic`, hour (timestamp,
    its start in the session's time zone), post_count, author_count (different pairs of `network` and
    `author`; a post without author counts as one more), scored_count (posts with a sentiment), negative_count
    (compound -.05 or less), positive_count (.05 or more), reach (followers of the different authors, each
    once; where they are not said, shares + likes + 1; all bigint), mean_compound (double, null where none is
    scored).

    In: what `mentions` gives, with `compound` by sentiment.score; a null topic or time does not count.
    copy: a boolean column that is true for a post that repeats an earlier one; those are then left out, so
    that a pasted text counts once.

    Lazy; two shuffles, of counts by topic, hour and author. Raises SchemaMismatch.
    """
    require(mentions, [topic, at, compound, network, author, *([copy] if copy else [])], what="hourly")
    timed = _once(mentions, copy).withColumn("_hour", F.date_trunc("hour", quoted(at)))
    said = timed.where(F.col(quoted(topic)).isNotNull() & F.col("_hour").isNotNull())
    counted = _measured(said, [topic, "_hour"], compound, [network, author])
    ends = counted.agg(F.min("_hour").alias("first"), F.max("_hour").alias("last"))
    hours = F.explode(F.sequence("first", "last", F.expr("interval 1 hour"))).alias("_hour")
    grid = counted.select(quoted(topic)).distinct().crossJoin(F.broadcast(ends)).select(quoted(topic), hours)
    return grid.join(counted, [topic, "_hour"], "left").select(
        quoted(topic),
        F.col("_hour").alias("hour"),
        *(F.coalesce(name, F.lit(0)).alias(name) for name in _COUNTS),
        "mean_compound",
    )


def share_of_voice(
    mentions: DataFrame,
    *,
    brand: str = "topic",
    period: str = "week",
    at: str = "posted_at",
    compound: str = "compound",
    network: str = "network",
    author: str = "profile_id",
    copy: str | None = None,
) -> DataFrame:
    """What part of all that is said of the brands in a period is said of each, by posts, authors and reach.

    Out, a row a brand and period in which it is mentioned: period_start (timestamp), `brand`, the counts and
    mean_compound of `hourly`, net_sentiment (double, (positive - negative) / scored; null where none is
    scored), post_share, author_share, reach_share (double, of the sum over the brands in that period: who
    speaks of two is counted with both).

    period: hour, day, week (from Monday), month, quarter or year. All else is as for `hourly`.

    Lazy; three shuffles, all but the first of counts. Raises SchemaMismatch; RetinueError for another period.
    """
    if period not in PERIODS:
        raise RetinueError(
            f"period is {period!r}{nearest(period, PERIODS)}; give one of {', '.join(PERIODS)}"
        )
    require(
        mentions, [brand, at, compound, network, author, *([copy] if copy else [])], what="share_of_voice"
    )
    timed = _once(mentions, copy).withColumn("period_start", F.date_trunc(period, quoted(at)))
    said = timed.where(F.col(quoted(brand)).isNotNull() & F.col("period_start").isNotNull())
    voices = _measured(said, ["period_start", brand], compound, [network, author])
    together = Window.partitionBy("period_start")

    def share(count: str) -> Column:
        return F.try_divide(F.col(count), F.sum(count).over(together))

    net = F.try_divide(F.col("positive_count") - F.col("negative_count"), F.col("scored_count"))
    return voices.select(
        "*",
        net.alias("net_sentiment"),
        share("post_count").alias("post_share"),
        share("author_count").alias("author_share"),
        share("reach").alias("reach_share"),
    )


def _once(mentions: DataFrame, copy: str | None) -> DataFrame:
    return mentions.where(~F.coalesce(quoted(copy), F.lit(False))) if copy else mentions


def _measured(said: DataFrame, by: list[str], compound: str, author: list[str]) -> DataFrame:
    """A row a group; authors are counted one by one first, so that none is counted twice."""
    keys, score = [quoted(name) for name in by], F.col(quoted(compound))
    authored = said.select(
        *keys,
        F.when(F.col(quoted(author[-1])).isNotNull(), F.struct(*map(quoted, author))).alias("_author"),
        score.alias("_compound"),
        post_reach(said).alias("_reach"),
    )
    return (
        authored.groupBy(*keys, "_author")
        .agg(
            F.count("*").alias("posts"),
            F.count("_compound").alias("scored"),
            F.count_if(F.col("_compound") <= NEGATIVE).alias("negative"),
            F.count_if(F.col("_compound") >= POSITIVE).alias("positive"),
            F.sum("_compound").alias("compound"),
            F.when(F.col("_author").isNull(), F.sum("_reach")).otherwise(F.max("_reach")).alias("reach"),
            F.when(F.col("_author").isNull(), F.count("*")).otherwise(1).alias("authors"),
        )
        .groupBy(*keys)
        .agg(
            F.sum("posts").alias("post_count"),
            F.sum("authors").alias("author_count"),
            F.sum("scored").alias("scored_count"),
            F.sum("negative").alias("negative_count"),
            F.sum("positive").alias("positive_count"),
            F.sum("reach").alias("reach"),
            F.try_divide(F.sum("compound"), F.sum("scored")).alias("mean_compound"),
        )
    )
