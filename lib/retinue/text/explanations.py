"""What an alert is about: the words that mark it, and the posts that most have seen."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retinue.errors import RetinueError
from retinue.schema import quoted, require
from retinue.text.mentions import post_reach
from retinue.text.themes import weighted_log_odds

__all__ = ["explain"]

_ALERT = ["_topic", "_started_at"]


def explain(
    alerts: DataFrame,
    tokenized: DataFrame,
    *,
    terms: int = 10,
    posts: int = 5,
    topic: str = "topic",
    at: str = "posted_at",
    tokens: str = "tokens",
    key: tuple[str, ...] = ("network", "post_id"),
    text: str = "text",
) -> DataFrame:
    """Add to each alert the words that mark it against all else on its topic, and its most seen posts.

    Out, beside the columns of `alerts`: terms (array of up to `terms` structs token, z, count; by the z of
    the weighted log-odds of themes.keyness, which must be above 0, largest first, ties by token), posts
    (array of up to `posts` structs of the `key`, `at`, `text` and reach, as mentions.post_reach has it,
    largest first, ties by `key`). Both are null where no post of `tokenized` is in the alert.

    In: `alerts` with `topic`, started_at and ended_at; `tokenized`, what mentions.mentions gives with
    `tokens` (array<string>) by tokens.tokenize.

    Lazy; the alerts are broadcast. Raises SchemaMismatch; RetinueError where `terms` or `posts` is below 1.
    """
    if terms < 1 or posts < 1:
        raise RetinueError(f"terms is {terms} and posts {posts}; both must be 1 or more")
    require(alerts, [topic, "started_at", "ended_at"], what="explain")
    require(tokenized, [topic, at, tokens, *key, text], what="explain")
    spans = alerts.select(
        F.col(quoted(topic)).alias("_topic"),
        F.col("started_at").alias("_started_at"),
        F.col("ended_at").alias("_ended_at"),
    )
    time, is_on_it = F.col(quoted(at)), F.col("_topic") == F.col(quoted(topic))
    is_in = is_on_it & (time >= F.col("_started_at")) & (time < F.col("_ended_at"))
    said = tokenized.join(F.broadcast(spans), is_in, "left").withColumn("_topic", F.col(quoted(topic)))
    marking = _best(_marking(said, tokens), terms, F.desc("said.z"), "said.token", into="terms")
    post = F.struct(*map(quoted, key), quoted(at), quoted(text), post_reach(said).alias("reach"))
    by_reach = [F.desc("said.reach"), *(F.col(f"said.{quoted(name)}") for name in key)]
    seen = _best(said.select(*_ALERT, post.alias("said")), posts, *by_reach, into="posts")
    named = alerts.withColumns({"_topic": F.col(quoted(topic)), "_started_at": F.col("started_at")})
    return named.join(marking, _ALERT, "left").join(seen, _ALERT, "left").drop(*_ALERT)


def _marking(said: DataFrame, tokens: str) -> DataFrame:
    """The words that mark each alert against all else that is said on its topic."""
    words = said.select(*_ALERT, F.explode(quoted(tokens)).alias("token")).where("token IS NOT NULL")
    counted = words.groupBy(*_ALERT, "token").agg(F.count("*").alias("count"))
    sizes = counted.groupBy(*_ALERT).agg(F.sum("count").alias("size"))
    on_topic = sizes.withColumn("topic_size", F.sum("size").over(Window.partitionBy("_topic")))
    everywhere = F.sum("count").over(Window.partitionBy("_topic", "token"))
    weighed = counted.withColumn("prior", everywhere).join(F.broadcast(on_topic), _ALERT)
    here = F.col("count") + F.col("prior")
    there = 2 * F.col("prior") - F.col("count")
    all_here, all_there = F.col("size") + F.col("topic_size"), 2 * F.col("topic_size") - F.col("size")
    log_odds, error = weighted_log_odds(here, all_here, there, all_there)
    told = F.struct("token", (log_odds / error).alias("z"), F.col("count"))
    return weighed.select(*_ALERT, told.alias("said")).where("said.z > 0")


def _best(rows: DataFrame, limit: int, *order: Column | str, into: str) -> DataFrame:
    """A row an alert with the first of its `said` in this order, as an array."""
    ranked = rows.where("_started_at IS NOT NULL").withColumn(
        "rank", F.row_number().over(Window.partitionBy(*_ALERT).orderBy(*order))
    )
    first = F.sort_array(F.collect_list(F.struct("rank", "said")))
    said = F.transform(first, lambda each: each["said"])
    return ranked.where(F.col("rank") <= limit).groupBy(*_ALERT).agg(said.alias(into))
