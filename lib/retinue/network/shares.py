"""Cascades: a post, all who passed it on, and who passed it on from them."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retinue.errors import RetinueError, SchemaMismatch
from retinue.network.engines import settled
from retinue.schema import quoted, require

__all__ = ["cascades", "members", "starters", "through_follows"]

SKETCH = 14  # the binary logarithm of how many people are counted exactly; of more, within 2%
_SHARED = ("network", "post_id", "profile_id", "posted_at", "share_of")
_MEMBER = ("network", "root_post_id", "post_id", "profile_id", "posted_at", "depth", "started_by")


def members(posts: DataFrame) -> DataFrame:
    """The posts of each cascade, in trees: a post is a member if it passes one on or is passed on itself.

    Out, a row a member: network, root_post_id (with which the cascade began), post_id, profile_id, posted_at,
    follower_count, parent_post_id (null at the root), depth (int, 0 at the root), delay_seconds (bigint, from
    the parent), passed_on_count (bigint, the members below it), started_by (the root's profile_id) and
    started_at.

    In: `posts` as in silver.posts, which network and post_id tell apart; one without either or without a time
    does not count. What is passed on is on the same network.

    A post can pass on only what was there before: the earlier, of one time an own post before a share, then
    the lesser post_id. A share that claims a later one, or one of a circle that does, is taken for a post of
    its own. A post that is passed on but not in `posts` is the root of a cascade all the same; who posted it,
    when, and the delays of its direct shares are null.

    Runs Spark jobs, as many as the longest chain of shares has doublings; nothing comes to the driver.
    Raises SchemaMismatch.
    """
    require(posts, [*_SHARED, "follower_count"], what="shares.members")
    told = posts.where("network IS NOT NULL AND post_id IS NOT NULL AND posted_at IS NOT NULL").select(
        F.struct("network", "post_id").alias("post"), "profile_id", "posted_at", "share_of", "follower_count"
    )
    own = told.select("post", "profile_id", "posted_at", "follower_count")
    begun = told.select(
        F.col("post").alias("root"),
        F.col("profile_id").alias("started_by"),
        F.col("posted_at").alias("started_at"),
    )
    delay = F.unix_seconds("posted_at") - F.unix_seconds("parent_at")
    return (
        _placed(settled(_passed_on(told)))
        .join(own, "post", "left")
        .join(begun, "root", "left")
        .select(
            "post.network",
            F.col("root.post_id").alias("root_post_id"),
            "post.post_id",
            "profile_id",
            "posted_at",
            "follower_count",
            F.col("parent.post_id").alias("parent_post_id"),
            "depth",
            delay.alias("delay_seconds"),
            (F.col("size") - 1).alias("passed_on_count"),
            "started_by",
            "started_at",
        )
    )


def cascades(members: DataFrame, follows: DataFrame | None = None, *, people: int | None = None) -> DataFrame:
    """How large, deep, broad and fast each cascade became, and how many people it reached.

    Out, a row a cascade: network, root_post_id, started_by, started_at, share_count, participant_count
    (bigint, distinct profiles, the starter's included), depth (int, of the deepest member), breadth (bigint,
    the most members at one depth), structural_virality (double, the mean distance between two members: near 2
    where all shared from one, large where it went from mouth to mouth), median_delay_seconds (double, from a
    post to its share), half_after_seconds (bigint, from the start until half of the shares were made, rounded
    up), effective_reach (bigint).

    effective_reach, with `follows` (src follows dst, profile ids): the people who follow a member or are one,
    each once, without the starter; exact up to 16,384, of more within 2% (a sketch, so that who is followed
    by millions costs no more than others). Without: the sum of the follower counts of its profiles, of each
    the highest, in which who follows several counts as several; but at least who shared, and never more than
    `people`, if it says how many there are.

    In: what `members` gives. Lazy. Source: Goel, Anderson, Hofman and Watts, "The structural virality of
    online diffusion" (2016). Raises SchemaMismatch; RetinueError where `people` is below 1.
    """
    _check(people)
    require(members, [*_MEMBER, "started_at", "delay_seconds", "passed_on_count"], what="shares.cascades")
    cascade = ["network", "root_post_id"]
    is_share = F.col("depth") > 0
    since = F.when(is_share, F.unix_seconds("posted_at") - F.unix_seconds("started_at"))
    below, sizes = F.when(is_share, F.col("passed_on_count") + 1.0), F.count("*").cast("double")
    between_all = 2 * (sizes * F.sum(below) - F.sum(below * below))  # each tie parts size - below from below
    level = members.groupBy(*cascade, "depth").agg(F.count("*").alias("members"))
    broad = level.groupBy(*cascade).agg(F.max("members").alias("breadth"))
    shapes = (
        members.withColumn("_since", since)
        .groupBy(*cascade)
        .agg(
            F.first("started_by").alias("started_by"),
            F.first("started_at").alias("started_at"),
            F.count_if(is_share).alias("share_count"),
            F.count_distinct("profile_id").alias("participant_count"),
            F.max("depth").alias("depth"),
            F.try_divide(between_all, sizes * (sizes - 1)).alias("structural_virality"),
            F.median("delay_seconds").alias("median_delay_seconds"),
            F.expr("percentile_disc(0.5) WITHIN GROUP (ORDER BY _since)")
            .cast("bigint")
            .alias("half_after_seconds"),
        )
    )
    reached = _reach(members, cascade, follows, people)
    return (
        shapes.join(broad, cascade)
        .join(reached, cascade)
        .select(
            *cascade,
            *("started_by", "started_at", "share_count", "participant_count", "depth", "breadth"),
            *("structural_virality", "median_delay_seconds", "half_after_seconds", "effective_reach"),
        )
    )


def starters(members: DataFrame, follows: DataFrame | None = None, *, people: int | None = None) -> DataFrame:
    """Whose posts are passed on: what each profile started, and how many people that reached in all.

    Out, a row a profile that started a cascade: network, profile_id, cascade_count (bigint), share_count
    (bigint, the shares in them that are not its own), median_depth (double, of its cascades), effective_reach
    (bigint, of all of them together, as for `cascades`).

    In: what `members` gives; `follows` and `people` as for `cascades`. Lazy.
    Raises SchemaMismatch; RetinueError where `people` is below 1.
    """
    _check(people)
    require(members, _MEMBER, what="shares.starters")
    begun, starter = members.where("started_by IS NOT NULL"), ["network", "started_by"]
    is_earned = (F.col("depth") > 0) & ~F.col("profile_id").eqNullSafe(F.col("started_by"))
    each = begun.groupBy(*starter, "root_post_id").agg(
        F.max("depth").alias("depth"), F.count_if(is_earned).alias("shares")
    )
    totals = each.groupBy(*starter).agg(
        F.count("*").alias("cascade_count"),
        F.sum("shares").alias("share_count"),
        F.median("depth").alias("median_depth"),
    )
    reached = _reach(begun, starter, follows, people)
    return totals.join(reached, starter).withColumnRenamed("started_by", "profile_id")


def through_follows(posts: DataFrame, follows: DataFrame) -> DataFrame:
    """The posts, where a share is of the latest earlier share of that post by somebody its author follows.

    Networks often name only the post with which a cascade began. A share whose author follows nobody who
    shared that post before (of one time, with the lesser post_id) stays with the post that it names.

    Out: the rows and columns of `posts`, with other post_ids in share_of. In: `posts` as for `members`;
    `follows` with src, who follows dst (profile ids). Lazy. Source: the reconstruction in Goel et al. (2016).
    Raises SchemaMismatch.
    """
    require(posts, _SHARED, what="shares.through_follows")
    ties = _ties(follows, posts).select(F.col("src").alias("profile_id"), F.col("dst").alias("followed"))
    moment = F.struct("posted_at", "post_id")
    shares = posts.where("share_of IS NOT NULL AND posted_at IS NOT NULL AND post_id IS NOT NULL").select(
        "network", "share_of", "profile_id", moment.alias("moment")
    )
    before = shares.select(
        "network", "share_of", F.col("profile_id").alias("followed"), F.col("moment").alias("before")
    )
    seen = (
        shares.join(ties, "profile_id")
        .join(before, ["network", "share_of", "followed"])
        .where(F.col("before") < F.col("moment"))
        .groupBy("network", F.col("moment.post_id").alias("post_id"))
        .agg(F.max("before").alias("_seen"))
    )
    taken_from = F.coalesce("_seen.post_id", "share_of")
    return posts.join(seen, ["network", "post_id"], "left").select(
        *(taken_from.alias(name) if name == "share_of" else quoted(name) for name in posts.columns)
    )


def _passed_on(told: DataFrame) -> DataFrame:
    """post, parent and parent_at of each share that can be one; parent_at is null for what is not known."""

    def order(share_of: str) -> Column:
        return F.struct("posted_at", F.col(share_of).isNotNull(), "post.post_id")

    parents = told.select(
        F.col("post").alias("parent"),
        F.col("posted_at").alias("parent_at"),
        order("share_of").alias("before"),
    )
    parent = F.struct("post.network", F.col("share_of").alias("post_id")).alias("parent")
    claims = told.where("share_of IS NOT NULL").select("post", parent, order("share_of").alias("order"))
    return (
        claims.join(parents, "parent", "left")
        .where(F.col("before").isNull() | (F.col("before") < F.col("order")))
        .select("post", "parent", "parent_at")
    )


def _placed(passed_on: DataFrame) -> DataFrame:
    """post, parent, parent_at, root, depth and size (the members from the post down) of all members.

    Each step doubles how far up a post looks, and how far down it has counted.
    """
    begun = passed_on.select(F.col("parent").alias("post")).distinct().join(passed_on, "post", "left_anti")
    placed = settled(
        passed_on.unionByName(begun, allowMissingColumns=True).select(
            *("post", "parent", "parent_at"),
            F.coalesce("parent", "post").alias("root"),
            F.col("parent").isNotNull().cast("int").alias("depth"),
            F.lit(1).cast("bigint").alias("size"),
        )
    )
    hops = 1
    while True:
        is_far = F.col("depth") == hops  # others have seen their root, and are counted by all above them
        above = placed.select(
            F.col("post").alias("root"), F.col("root").alias("further"), F.col("depth").alias("more")
        )
        below = placed.where(is_far).groupBy(F.col("root").alias("post")).agg(F.sum("size").alias("below"))
        placed = settled(
            placed.join(above, "root")
            .join(below, "post", "left")
            .select(
                *("post", "parent", "parent_at"),
                F.col("further").alias("root"),
                (F.col("depth") + F.col("more")).alias("depth"),
                (F.col("size") + F.coalesce("below", F.lit(0))).alias("size"),
            )
        )
        hops *= 2
        if placed.where(F.col("depth") == hops).isEmpty():
            return placed


def _reach(members: DataFrame, by: Sequence[str], follows: DataFrame | None, people: int | None) -> DataFrame:
    """`by` and effective_reach, as `cascades` tells."""
    profile = F.col("profile_id")
    taking_part = members.groupBy(*{*by, "started_by"}, "profile_id").agg(
        F.max("follower_count").alias("followers")
    )
    if follows is None:
        sharers = F.count_if(profile.isNotNull() & ~profile.eqNullSafe(F.col("started_by")))
        reach = F.least(F.greatest(F.sum("followers"), sharers), F.lit(people).cast("bigint"))
        return taking_part.groupBy(*by).agg(reach.alias("effective_reach"))
    followers = (
        _ties(follows, members)
        .groupBy(F.col("dst").alias("profile_id"))
        .agg(F.theta_sketch_agg("src", SKETCH).alias("audience"))
    )
    everyone = F.theta_union(
        F.theta_union_agg("audience", SKETCH), F.theta_sketch_agg("profile_id", SKETCH), SKETCH
    )
    others = F.theta_difference(everyone, F.theta_sketch_agg("started_by", SKETCH))
    return (
        taking_part.join(followers, "profile_id", "left")
        .groupBy(*by)
        .agg(F.theta_sketch_estimate(others).alias("effective_reach"))
    )


def _ties(follows: DataFrame, named: DataFrame) -> DataFrame:
    """src and dst of who follows somebody else, once each."""
    require(follows, ["src", "dst"], what="shares")
    kinds = {follows.schema[end].dataType for end in ("src", "dst")} | {named.schema["profile_id"].dataType}
    if len(kinds) > 1:
        raise SchemaMismatch(
            f"src, dst and profile_id are {', '.join(sorted(kind.simpleString() for kind in kinds))}: cast "
            "them to one type"
        )
    return follows.where("src != dst").select("src", "dst").distinct()


def _check(people: int | None) -> None:
    if people is not None and people < 1:
        raise RetinueError(f"people is {people}; it must be 1 or more, or None where it is not known")
