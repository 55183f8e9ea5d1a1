"""What people talk about: the words that mark one group of texts against another."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retinue.errors import RetinueError
from retinue.schema import quoted, require

__all__ = ["keyness", "labels", "telling_words", "weighted_log_odds"]


def keyness(
    focus: DataFrame, background: DataFrame, *, tokens: str = "tokens", prior_weight: float = 1.0
) -> DataFrame:
    """Which tokens mark the focus against the background: weighted log-odds with an informative prior.

    Out, a row a token of either: token, log_odds (double, natural log of the ratio of the token's odds in the
    focus to those in the background, each with the prior), z (double, log_odds / its standard error: large
    where the focus says it more, small where the background does; beyond +-1.96 hardly by chance),
    focus_count and background_count (bigint).

    In: `tokens` (array<string>) on both sides. The prior of a token is `prior_weight` times its count on both
    sides together, so that rare words do not stand out by luck and common ones need little.

    Lazy; one shuffle, of tokens counted where they lie.
    Source: Monroe, Colaresi and Quinn, "Fightin' Words" (2008), equations 16 and 20 to 22.
    Raises SchemaMismatch; RetinueError where `prior_weight` is not above 0.
    """
    if not prior_weight > 0:
        raise RetinueError(f"prior_weight is {prior_weight}; it must be above 0")
    counted = (
        _said(focus, tokens, is_focus=True)
        .unionByName(_said(background, tokens, is_focus=False))
        .groupBy("token")
        .agg(
            F.count_if("is_focus").alias("focus_count"),
            F.count_if(~F.col("is_focus")).alias("background_count"),
        )
    )
    totals = counted.agg(F.sum("focus_count").alias("_focus"), F.sum("background_count").alias("_background"))
    prior = prior_weight * (F.col("focus_count") + F.col("background_count"))
    all_prior = prior_weight * (F.col("_focus") + F.col("_background"))
    there, here = F.col("background_count") + prior, F.col("focus_count") + prior
    log_odds, error = weighted_log_odds(
        here, F.col("_focus") + all_prior, there, F.col("_background") + all_prior
    )
    return counted.crossJoin(F.broadcast(totals)).select(
        "token",
        log_odds.alias("log_odds"),
        (log_odds / error).alias("z"),
        "focus_count",
        "background_count",
    )


def weighted_log_odds(
    here: Column, all_here: Column, there: Column, all_there: Column
) -> tuple[Column, Column]:
    """The log-odds of a token here against there, with their standard error; all counts hold the prior."""
    log_odds = F.log(here / (all_here - here)) - F.log(there / (all_there - there))
    return log_odds, F.sqrt(1 / here + 1 / there)


def labels(grouped: DataFrame, *, by: str, tokens: str = "tokens", limit: int = 10) -> DataFrame:
    """The `limit` tokens that tell each group from all others best, as a label for it.

    Out, a row a group and token: `by`, rank (int, from 1; ties by token), token, count (bigint, there),
    weight (double, c-TF-IDF: count in the group / its tokens x ln(1 + mean tokens a group / count in all)).

    In: `by`, the group (a brand, a topic, a period; null is none), and `tokens` (array<string>).

    Lazy; one shuffle, of tokens counted where they lie.
    Source: Grootendorst, "BERTopic" (2022), equation 2. Raises SchemaMismatch; RetinueError where `limit` is
    below 1.
    """
    if limit < 1:
        raise RetinueError(f"limit is {limit}; it must be 1 or more")
    require(grouped, [by, tokens], what="labels")
    group = F.col(quoted(by))
    said = grouped.where(group.isNotNull()).select(
        group.alias("group"), F.explode(quoted(tokens)).alias("token")
    )
    counted = said.where("token IS NOT NULL").groupBy("group", "token").agg(F.count("*").alias("count"))
    sizes = counted.groupBy("group").agg(F.sum("count").alias("size"))
    spread = counted.groupBy("token").agg(F.sum("count").alias("everywhere"))
    mean = sizes.agg(F.avg("size").alias("mean"))
    weight = F.col("count") / F.col("size") * F.log1p(F.col("mean") / F.col("everywhere"))
    weighed = (
        counted.join(sizes, "group")
        .join(spread, "token")
        .crossJoin(F.broadcast(mean))
        .withColumn("weight", weight)
    )
    best = Window.partitionBy("group").orderBy(F.desc("weight"), "token")
    ranked = weighed.withColumn("rank", F.row_number().over(best)).where(F.col("rank") <= limit)
    return ranked.select(F.col("group").alias(by), "rank", "token", "count", "weight")


def _said(documents: DataFrame, tokens: str, *, is_focus: bool) -> DataFrame:
    require(documents, [tokens], what="keyness")
    said = documents.select(F.explode(quoted(tokens)).alias("token"), F.lit(is_focus).alias("is_focus"))
    return said.where("token IS NOT NULL")


def telling_words(annotations: str, *, stop_words: Sequence[str], shortest: int = 3) -> Column:
    """The words and hashtags of a text that may tell its subject: no stop words, `shortest` letters or more.

    In: the column that `tokens.annotate` adds. Out: array<string>.
    """

    def tells(each: Column) -> Column:
        is_word = each["kind"].isin("word", "hashtag")
        return is_word & (F.char_length(each["token"]) >= shortest) & ~each["token"].isin([*stop_words])

    return F.transform(F.filter(annotations, tells), lambda each: each["token"])
