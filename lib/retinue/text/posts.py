"""Posts once each, as they read now, with what they read before and whether they repeat another."""

from __future__ import annotations

from collections.abc import Collection

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retinue.schema import require
from retinue.tables import POST
from retinue.text import duplicates, languages, tokens

__all__ = ["campaigns", "current", "versions", "with_copies"]

KEY = ("network", "post_id")
WORDS = ("text", "star_rating", "attachment")  # what makes a post another one when it changes
_DELIVERED = ("ingested_at", "source_digest", "position")


def versions(delivered: DataFrame) -> DataFrame:
    """What each post has said one after the other: a new version where text, stars or attachment changed.

    Out, a row a version: network, post_id, version_index (int, from 1), profile_id, valid_from (timestamp,
    when it was put so: edited_at, else posted_at for the first and ingested_at for a later one), valid_to
    (timestamp, the next version's; null for the current), text, star_rating, attachment, source, legal_basis.

    In: the columns of bronze.posts. Deliveries of a post follow each other by edited_at (posted_at where it
    was not edited), then as they came in. Lazy; one shuffle. Raises SchemaMismatch.
    """
    require(delivered, [*KEY, *WORDS, "posted_at", "edited_at", *_DELIVERED], what="posts.versions")
    by_post = Window.partitionBy(*KEY)
    in_order = by_post.orderBy(*_order())
    content = F.struct(*WORDS)
    changed = delivered.withColumn("_before", F.lag(content).over(in_order)).where(
        F.col("_before").isNull() | ~F.col("_before").eqNullSafe(content)
    )
    later = F.coalesce(F.col("edited_at"), F.when(F.col("_before").isNotNull(), F.col("ingested_at")))
    begun = changed.withColumn("valid_from", F.coalesce(later, F.col("posted_at")))
    return begun.select(
        *KEY,
        F.row_number().over(in_order).alias("version_index"),
        "profile_id",
        "valid_from",
        F.lead("valid_from").over(in_order).alias("valid_to"),
        *WORDS,
        "source",
        "legal_basis",
    )


def current(delivered: DataFrame, *, among: Collection[str] = (), least: float = 0.3) -> DataFrame:
    """Each post once, as its newest delivery has it, with its language.

    Out: the columns of a post, language (the source's word, else found in the text among the codes `among`
    where it is `least` likely at least; null where neither says), language_probability (double; null where
    the source said it), version_count (bigint), source, legal_basis.

    In: the columns of bronze.posts, in the order that `versions` describes. Lazy; two shuffles by post.
    Raises SchemaMismatch; RetinueError as `languages.detect` does.
    """
    counted = versions(delivered).groupBy(*KEY).agg(F.count("*").alias("version_count"))
    newest = Window.partitionBy(*KEY).orderBy(*(column.desc() for column in _order()))
    last = delivered.withColumn("_rank", F.row_number().over(newest)).where("_rank = 1")
    said = last.withColumn("_said", F.col("language"))
    unsaid = F.when(F.col("_said").isNull(), F.col("text"))
    found = languages.detect(said.withColumn("_unsaid", unsaid), text="_unsaid", among=among, least=least)
    return (
        found.withColumn("language", F.coalesce("_said", "language"))
        .join(counted, [*KEY])
        .select(
            *(column.name for column in POST),
            "language_probability",
            "version_count",
            "source",
            "legal_basis",
        )
    )


def with_copies(
    posts: DataFrame, *, threshold: float = 0.6, shingle: int = 3, least_words: int = 12
) -> DataFrame:
    """Add whether a post repeats an earlier one, and which: see `duplicates.near_duplicates`.

    Out: is_copy (boolean); original_network and original_post_id (string, the earliest post it goes back to)
    and similarity (double, 0..1), null where it is none; copy_count (bigint, all that go back to the
    original, which has it too; null for what nobody repeats).

    Below `least_words` tokens people say the same by chance. A post that passes another on by the network's
    own button (share_of) is no copy: that is what the button is for. At the defaults a word may change in 16.

    Runs Spark jobs. Raises SchemaMismatch; RetinueError as `near_duplicates` does.
    """
    require(posts, [*KEY, "posted_at", "text", "share_of"], what="posts.with_copies")
    own = posts.where("share_of IS NULL").select(F.struct(*KEY).alias("post"), "posted_at", "text")
    told = tokens.tokenize(own).where(F.size("tokens") >= least_words)
    found = duplicates.near_duplicates(told, key="post", at="posted_at", threshold=threshold, shingle=shingle)
    copies = found.select(
        *(F.col(f"post.{name}").alias(name) for name in KEY),
        *(F.col(f"original.{name}").alias(f"original_{name}") for name in KEY),
        "similarity",
        "copy_count",
    )
    joined = posts.join(copies.unionByName(_originals(copies)), [*KEY], "left")
    return joined.withColumn("is_copy", F.col("original_post_id").isNotNull())


def _originals(copies: DataFrame) -> DataFrame:
    """A row an original, with what is known of it in the columns of copies."""
    none = {f"original_{name}": F.lit(None).cast("string") for name in KEY}
    own = (F.col(f"original_{name}").alias(name) for name in KEY)
    return (
        copies.select(*own, "copy_count")
        .distinct()
        .withColumns({**none, "similarity": F.lit(None).cast("double")})
    )


def campaigns(posts: DataFrame, *, least: int = 5, authors: int = 3) -> DataFrame:
    """The texts that `least` posts of at least `authors` profiles repeat, the original's counted: pasted.

    Out, a row an original: network, post_id (the original's), text (string), post_count (bigint, copies and
    original), author_count (bigint), first_at and last_at (timestamp), reach (bigint, followers of all).

    In: what `with_copies` gives. Lazy; one shuffle, of copies and originals. Raises SchemaMismatch.
    """
    require(posts, [*KEY, "is_copy", "copy_count", "profile_id", "text"], what="posts.campaigns")
    root = {f"_{name}": F.coalesce(F.col(f"original_{name}"), F.col(name)) for name in KEY}
    found = (
        posts.where("copy_count IS NOT NULL")
        .withColumns(root)
        .groupBy(*(F.col(f"_{name}").alias(name) for name in KEY))
        .agg(
            F.min_by("text", F.struct("is_copy", "posted_at", "post_id")).alias("text"),
            F.count("*").alias("post_count"),
            F.count_distinct("profile_id").alias("author_count"),
            F.min("posted_at").alias("first_at"),
            F.max("posted_at").alias("last_at"),
            F.sum(F.coalesce("follower_count", F.lit(0))).alias("reach"),
        )
    )
    return found.where((F.col("post_count") >= least) & (F.col("author_count") >= authors))


def _order() -> list[Column]:
    """The order of a post's deliveries; by file and position at last, so that nothing is left to chance."""
    return [F.coalesce("edited_at", "posted_at"), *(F.col(name) for name in _DELIVERED)]
