"""How do people feel, when, about what, and how far can the answer be trusted?

Reads silver.posts; writes silver.post_sentiment, gold.sentiment, gold.sentiment_confusion and
gold.sentiment_aspects. Posts with stars teach a classifier, which judges in VADER's place where it is better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retinue import cli, job, plots
from retinue.answer import Answer, Finding, Saved
from retinue.errors import InputMissing
from retinue.job import Analysed
from retinue.lake import Lake
from retinue.settings import SentimentSettings, Settings
from retinue.text import aspects, classifier, packaged, plugged, prevalence, sentiment
from retinue.text.posts import KEY
from retinue.text.trained import CLASSES

READS = ("silver.posts",)
WRITES = ("silver.post_sentiment", "gold.sentiment", "gold.sentiment_confusion", "gold.sentiment_aspects")
PROBABILITIES = tuple(f"{name}_probability" for name in CLASSES)
Confusion = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Scorer:
    """What judges: its name, its judgement of posts with VADER's numbers, and what is known of its errors."""

    name: str
    judge: Callable[[DataFrame], DataFrame]
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    models: Mapping[str, Saved] = field(default_factory=dict)


def run(lake: Lake, settings: Settings) -> Answer:
    """VADER's numbers, a class by the scorer that conf names, and what both say over time and by topic."""
    with job.spoken(lake, settings, "silver.posts") as posts:
        felt = sentiment.score(posts.rows, language="language")
        labelled = classifier.labels_of_stars(felt.where("star_rating IS NOT NULL AND NOT is_copy"))
        scorer = _scorer(labelled, settings)
        judged = scorer.judge(felt).withColumn("scorer", F.lit(scorer.name))
        lake.merge("silver.post_sentiment", _whole(judged))
        return _answer(posts, scorer, settings)


def _scorer(labelled: DataFrame, settings: Settings) -> Scorer:
    """The one that conf names; `auto` is the trained one where it is surely better than VADER."""
    chosen = settings.sentiment
    if chosen.scorer == "vader":
        return Scorer("vader", _by_vader)
    if chosen.scorer in ("auto", "trained"):
        return _taught(labelled.where("compound IS NOT NULL"), chosen)
    scored = partial(plugged.score_with, model=chosen.scorer, tracking_uri=settings.tracking_uri)
    return Scorer(chosen.scorer, scored)


def _taught(labelled: DataFrame, chosen: SentimentSettings) -> Scorer:
    by_label = {row["label"]: row["count"] for row in labelled.groupBy("label").count().collect()}
    is_enough = sum(by_label.values()) >= chosen.least_labels
    if not is_enough or min(by_label.get(name, 0) for name in CLASSES) < 2 * chosen.folds:
        if chosen.scorer == "auto":
            return Scorer("vader", _by_vader)
        raise InputMissing(
            f"sentiment.scorer is 'trained', yet of {chosen.least_labels} English posts with stars wanted "
            f"there are {by_label or 'none'}; set it to 'auto' or 'vader', or lower sentiment.least_labels"
        )
    model, evaluation = classifier.train(labelled, folds=chosen.folds)
    models = {"sentiment": partial(packaged.save, model)}
    if chosen.scorer == "auto" and evaluation["macro_f1_gain_low"] <= 0:
        return Scorer("vader", _by_vader, evaluation, models)
    return Scorer("trained", partial(_by_model, model=model), evaluation, models)


def _by_vader(felt: DataFrame) -> DataFrame:
    return classifier.labels_of_compound(felt).withColumnRenamed("label", "sentiment")


def _by_model(felt: DataFrame, *, model: Any) -> DataFrame:
    """What was taught in English judges English alone, as VADER does."""
    told = classifier.score(
        felt.withColumn("_said", F.when(F.col("compound").isNotNull(), F.col("text"))), model, text="_said"
    )
    return told.drop("_said")


def _whole(judged: DataFrame) -> DataFrame:
    """With a trained scorer's columns, null without one; six digits, as later ones differ by training."""
    told = {name: F.round(name, 6) for name in PROBABILITIES if name in judged.columns}
    none = {name: F.lit(None).cast("double") for name in PROBABILITIES if name not in judged.columns}
    return judged.withColumns(told | none)


def _answer(posts: Analysed, scorer: Scorer, settings: Settings) -> Answer:
    scored = posts.rows.join(
        posts.lake.read("silver.post_sentiment", purpose="analytics").select(*KEY, "compound", "sentiment"),
        [*KEY],
    ).persist()
    try:
        confusion = _confusion(scored, scorer)
        posts.keep("gold.sentiment_confusion", _rows(posts.lake, confusion, scorer))
        moods = posts.keep("gold.sentiment", _over_time(scored, confusion, settings.sentiment.period))
        named = aspects.aspects(posts.rows, topics=settings.texts.patterns, language="language")
        by_topic = posts.keep("gold.sentiment_aspects", _by_topic(named))
        return posts.answer(
            (
                *_of_posts(scored, confusion),
                *_of_scorer(scorer),
                *_of_topics(by_topic),
            ),
            rows_out=posts.lake.rows_written("silver.post_sentiment"),
            figures={"sentiment": plots.sentiment_over_time(moods)},
            metrics={name: float(v) for name, v in scorer.evaluation.items() if isinstance(v, int | float)},
            models=scorer.models,
        )
    finally:
        scored.unpersist()


def _confusion(scored: DataFrame, scorer: Scorer) -> Confusion:
    """True class by class found: out of fold for what was taught here, else of all posts with stars."""
    if scorer.name == "trained":
        found: Confusion = scorer.evaluation["confusion"]
        return found
    labelled = classifier.labels_of_stars(scored.where("star_rating IS NOT NULL AND NOT is_copy"))
    counts = labelled.where("sentiment IS NOT NULL").groupBy("label", "sentiment").count().collect()
    table = {(row["label"], row["sentiment"]): row["count"] for row in counts}
    return {label: {name: table.get((label, name), 0) for name in CLASSES} for label in CLASSES}


def _rows(lake: Lake, confusion: Confusion, scorer: Scorer) -> DataFrame:
    rows = [
        {"label": label, "sentiment": found, "post_count": count, "scorer": scorer.name}
        for label, row in confusion.items()
        for found, count in row.items()
    ]
    return lake.frame("gold.sentiment_confusion", rows)


def _over_time(scored: DataFrame, confusion: Confusion, period: str) -> DataFrame:
    """A row a period, its negative share corrected by what is known of the scorer's errors."""
    dated = scored.withColumn("period_start", F.date_trunc(period, "posted_at").cast("date"))
    counts = dated.groupBy("period_start").agg(*_counts())
    raw = F.try_divide("negative_count", "scored_count")
    shares = _corrected(dated, confusion, by=["period_start"])
    return counts.withColumn("raw_share", raw).join(shares, "period_start", "left")


def _corrected(scored: DataFrame, confusion: Confusion, *, by: list[str]) -> DataFrame:
    """negative_share, low and high by group; null where too little is known of the errors.

    Where a post has stars they are what is true of it; of all others the scorer's finds are corrected. So
    what taught a scorer, which it judges better than any other post, is not corrected for errors it has not.
    """
    labelled = classifier.labels_of_stars(scored)
    known = labelled.groupBy(*by).agg(
        F.count("label").alias("known"),
        F.count_if(F.col("label") == "negative").alias("known_negative"),
        F.count_if(F.col("label").isNull() & F.col("sentiment").isNotNull()).alias("found"),
    )
    rest = _of_unlabelled(labelled.where("label IS NULL AND sentiment IS NOT NULL"), confusion, by)
    total = F.col("known") + F.col("found")
    joined = known.join(rest, by, "left")

    def share(of_rest: str) -> Column:
        negative = F.when(F.col("found") > 0, F.col(of_rest) * F.col("found")).otherwise(0.0)
        return F.try_divide(F.col("known_negative") + negative, total)

    bounds = {"negative_share": "corrected_share", "low": "low", "high": "high"}
    return joined.select(*by, *(share(of_rest).alias(name) for name, of_rest in bounds.items()))


def _of_unlabelled(found: DataFrame, confusion: Confusion, by: list[str]) -> DataFrame:
    counts = found.groupBy(*by, "sentiment").count()
    if not all(sum(row.values()) for row in confusion.values()):
        none = {name: F.lit(None).cast("double") for name in ("corrected_share", "low", "high")}
        return counts.select(*by).distinct().withColumns(none)
    told = prevalence.corrected(counts, confusion=confusion, by=by)
    return told.where("sentiment = 'negative'").select(*by, "corrected_share", "low", "high")


def _counts() -> list[Any]:
    return [
        F.count("*").alias("post_count"),
        F.count("sentiment").alias("scored_count"),
        *(F.count_if(F.col("sentiment") == name).alias(f"{name}_count") for name in CLASSES),
        F.avg("compound").alias("mean_compound"),
    ]


def _by_topic(named: DataFrame) -> DataFrame:
    """How the sentences feel that name a topic, by VADER: what learnt from posts knows no sentences."""
    judged = _by_vader(named)
    return judged.groupBy("topic").agg(F.count("*").alias("sentence_count"), *_counts()[1:])


def _of_posts(scored: DataFrame, confusion: Confusion) -> Iterable[Finding]:
    counts = scored.agg(*_counts()).first()
    assert counts is not None, "an aggregate without groups has one row"
    share = counts["negative_count"] / counts["scored_count"] if counts["scored_count"] else None
    yield Finding("How many posts have a sentiment?", counts["scored_count"], "posts")
    yield Finding("What share of them is found negative?", share, "share")
    corrected = _corrected(scored.withColumn("all", F.lit(True)), confusion, by=["all"]).first()
    if corrected and corrected["negative_share"] is not None:
        yield Finding(
            "And by the stars, or corrected for the scorer's known errors?",
            corrected["negative_share"],
            "share",
        )
        yield Finding("That is at least?", corrected["low"], "share")
        yield Finding("And at most?", corrected["high"], "share")


def _of_scorer(scorer: Scorer) -> Iterable[Finding]:
    yield Finding("What judges whether a post is negative?", scorer.name)
    told = scorer.evaluation
    if told:
        yield Finding("How well does the classifier agree with the stars (macro F1)?", told["macro_f1"])
        yield Finding("And VADER on the same posts (macro F1)?", told["vader_macro_f1"])
        yield Finding(
            "What does the classifier gain on VADER at least (95% interval)?", told["macro_f1_gain_low"]
        )
        yield Finding("What does it gain at most?", told["macro_f1_gain_high"])


def _of_topics(by_topic: DataFrame) -> Iterable[Finding]:
    for row in by_topic.orderBy("topic").collect():  # as many as conf has topics
        yield Finding(f"How do sentences feel that name {row['topic']}, from -1 to 1?", row["mean_compound"])


if __name__ == "__main__":
    cli.submitted(__file__)
