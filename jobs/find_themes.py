"""What do people talk about, in which words, which phrases are worth echoing, and what do brands claim?

Reads silver.posts, silver.post_tokens and silver.post_sentiment, and gold.topics for the ids that themes have
already; writes gold.topics, gold.post_topics, gold.keyness, gold.phrases and gold.taglines.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from retinue import cli, job, plots
from retinue.answer import Answer, Finding
from retinue.job import Analysed
from retinue.lake import Lake
from retinue.settings import Settings, ThemeSettings
from retinue.text import ngrams, phrases, stems, themes, tokens, topics
from retinue.text import posts as histories
from retinue.text.writing import LANGUAGE

READS = ("silver.posts", "silver.post_tokens", "silver.post_sentiment", "gold.topics")
WRITES = ("gold.topics", "gold.post_topics", "gold.keyness", "gold.phrases", "gold.taglines")
LEAST = 5  # posts that a word of a theme must be in
GROUPS = 8  # the largest ones are told apart
BEYOND_CHANCE = 1.96
WEIGHTS = 30  # words by which a theme is known again


def run(lake: Lake, settings: Settings) -> Answer:
    """Topics with lasting ids, keyness of conf's groups, phrases that go with response, and claims."""
    with job.spoken(lake, settings, "silver.posts") as posts:
        words = _with_words(lake, posts.rows, stems.stop_words(settings.texts.languages)).persist()
        try:
            return _answer(posts, words, settings)
        finally:
            words.unpersist()


def _with_words(lake: Lake, posts: DataFrame, stopped: list[str]) -> DataFrame:
    """The posts with their sentences, the words that may tell a theme, and how they feel."""
    key = [*histories.KEY]
    taken_apart = lake.read("silver.post_tokens", purpose="analytics").select(*key, "annotations")
    feelings = lake.read("silver.post_sentiment", purpose="analytics").select(*key, "compound")
    joined = tokens.sentences(posts.join(taken_apart, key).join(feelings, key, "left"), kinds=LANGUAGE)
    return joined.withColumns(
        {"post": F.struct(*key), "words": themes.telling_words("annotations", stop_words=stopped)}
    ).drop("annotations")


def _answer(posts: Analysed, words: DataFrame, settings: Settings) -> Answer:
    chosen, stopped = settings.themes, stems.stop_words(settings.texts.languages)
    once = words.where(~F.col("is_copy"))  # a pasted text is no theme
    found = _topics(posts, once, chosen)
    marks = posts.keep("gold.keyness", _keyness(posts, once, chosen))
    echoed = phrases.worth_echoing(once, tokens="sentences", stop_words=stopped)
    worth = posts.keep("gold.phrases", echoed.where(F.col("rank") <= chosen.phrases))
    claims = posts.keep(
        "gold.taglines", phrases.taglines(words.where(F.col("brand") != chosen.brand), tokens="sentences")
    )
    figures = {"themes": plots.theme_map(found)}
    first = marks.orderBy("group_name").select("group_name").first()
    if first:
        shown = marks.where(F.col("group_name") == first["group_name"])
        figures["keyness"] = plots.keyness_plot(shown, focus=first["group_name"], background="all others")
    return posts.answer(
        (*_of_topics(found), *_of_words(marks, chosen), *_of_phrases(worth, claims)),
        rows_out=found.count(),
        figures=figures,
    )


def _topics(posts: Analysed, once: DataFrame, chosen: ThemeSettings) -> DataFrame:
    """The themes that are real, as kept, under the ids that they had."""
    lake = posts.lake
    common = ngrams.count(once, n=1, tokens="words").where(F.col("document_count") >= LEAST)
    if common.isEmpty():
        posts.keep("gold.post_topics", lake.frame("gold.post_topics", []))
        return posts.keep("gold.topics", lake.frame("gold.topics", []))
    fitted = topics.fit(once, key="post", count=chosen.count, tokens="words", least=LEAST)
    real = fitted.topics.where("is_real")
    ids = topics.match(fitted.words.join(real, "topic", "left_semi"), _known(lake)).select(
        "topic", "topic_id"
    )
    about = fitted.documents.join(F.broadcast(ids), "topic").persist()
    try:
        posts.keep("gold.post_topics", about.select("post.network", "post.post_id", "topic_id", "weight"))
        told = _told(once, about)
        weights = _weights(fitted.words)
        size = once.count()
        return posts.keep(
            "gold.topics",
            real.join(ids, "topic")
            .join(weights, "topic")
            .join(told, "topic_id", "left")
            .withColumn("share", F.col("document_count") / size),
        )
    finally:
        about.unpersist()


def _known(lake: Lake) -> DataFrame:
    """The last words of each theme that there ever was: topic_id, token, weight."""
    newest = Window.partitionBy("topic_id").orderBy(F.desc("as_of"))
    last = lake.read("gold.topics").withColumn("_rank", F.row_number().over(newest)).where("_rank = 1")
    return last.select("topic_id", F.explode("weights").alias("token", "weight"))


def _weights(words: DataFrame) -> DataFrame:
    heaviest = words.where(F.col("rank") <= WEIGHTS)
    pairs = F.collect_list(F.struct("token", "weight"))
    return heaviest.groupBy("topic").agg(F.map_from_entries(F.sort_array(pairs)).alias("weights"))


def _told(once: DataFrame, about: DataFrame) -> DataFrame:
    """topic_id, label (the words that tell it from the others) and mean_compound (of its posts)."""
    grouped = once.select("post", "words", "compound").join(about.select("post", "topic_id"), "post")
    best = themes.labels(grouped, by="topic_id", tokens="words", limit=3)
    named = best.groupBy("topic_id").agg(
        F.array_join(
            F.transform(F.sort_array(F.collect_list(F.struct("rank", "token"))), lambda each: each["token"]),
            ", ",
        ).alias("label")
    )
    feelings = grouped.groupBy("topic_id").agg(F.avg("compound").alias("mean_compound"))
    return feelings.join(named, "topic_id", "left")


def _keyness(posts: Analysed, once: DataFrame, chosen: ThemeSettings) -> DataFrame:
    """The words that mark each of the largest groups against all other posts, beyond chance."""
    group = F.col(chosen.by)
    sizes = once.where(group.isNotNull()).groupBy(group.alias("name")).count()
    names = [row["name"] for row in sizes.orderBy(F.desc("count"), "name").take(GROUPS)]
    if len(names) < 2:
        return posts.lake.frame("gold.keyness", [])
    marks = (
        themes.keyness(once.where(group == name), once.where(group != name), tokens="words").select(
            F.lit(chosen.by).alias("group_by"), F.lit(name).alias("group_name"), "*"
        )
        for name in names
    )
    return reduce(DataFrame.unionByName, marks).where(F.abs("z") >= BEYOND_CHANCE)


def _of_topics(found: DataFrame) -> Iterable[Finding]:
    rows = found.orderBy(F.desc("document_count"), "topic_id").collect()  # as many as conf wants at most
    yield Finding("How many themes do people talk about, beyond chance?", len(rows), "themes")
    if rows:
        yield Finding("Which is the largest?", rows[0]["label"])
        yield Finding("What share of the posts is about it?", rows[0]["share"], "share")


def _of_words(marks: DataFrame, chosen: ThemeSettings) -> Iterable[Finding]:
    best = marks.groupBy("group_name").agg(F.max_by("token", F.struct("z", "token")).alias("token"))
    for row in best.orderBy("group_name").collect():  # GROUPS at most
        yield Finding(f"Which word marks {chosen.by} {row['group_name']} most?", row["token"])


def _of_phrases(worth: DataFrame, claims: DataFrame) -> Iterable[Finding]:
    yield Finding("How many phrases go with response, beyond chance?", worth.count(), "phrases")
    best = worth.orderBy("rank").first()
    if best:
        yield Finding("Which most of all?", best["phrase"])
    yield Finding("How many claims do brands repeat?", claims.count(), "claims")


if __name__ == "__main__":
    cli.submitted(__file__)
