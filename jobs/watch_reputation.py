"""What threatens or lifts the reputation, who speaks for it and against it, and what moves them?

Reads silver.posts, silver.post_tokens and silver.post_sentiment; writes gold.reputation_hours,
gold.reputation_alerts, gold.share_of_voice, gold.advocates, gold.copied_texts, gold.media_lags and
gold.event_effects.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retinue import cli, job, plots
from retinue.answer import Answer, Finding
from retinue.job import Analysed
from retinue.lake import Lake
from retinue.settings import ReputationSettings, Settings
from retinue.text import advocates, alerts, event_studies, explanations, lead_lag, mentions
from retinue.text import posts as histories

READS = ("silver.posts", "silver.post_tokens", "silver.post_sentiment")
WRITES = (
    "gold.reputation_hours",
    "gold.reputation_alerts",
    "gold.share_of_voice",
    "gold.advocates",
    "gold.copied_texts",
    "gold.media_lags",
    "gold.event_effects",
)
DAYS_TO_COMPARE = 28  # beyond the longest lags: fewer tell nothing of weeks


def run(lake: Lake, settings: Settings) -> Answer:
    """Mentions of conf's topics by the hour, what departs from the past, and who talks."""
    with job.spoken(lake, settings, "silver.posts") as posts:
        scored = _scored(lake, posts.rows)
        named = mentions.mentions(scored, topics=settings.texts.patterns).persist()
        judged = _hours(named, settings.reputation).persist()
        try:
            return _answer(posts, scored, named, judged, settings)
        finally:
            judged.unpersist()
            named.unpersist()


def _scored(lake: Lake, posts: DataFrame) -> DataFrame:
    """The posts with how they feel and their words."""
    key = [*histories.KEY]
    feelings = lake.read("silver.post_sentiment", purpose="analytics").select(*key, "compound", "sentiment")
    words = lake.read("silver.post_tokens", purpose="analytics").select(*key, "tokens")
    return posts.join(feelings, key, "left").join(words, key, "left")


def _answer(
    posts: Analysed, scored: DataFrame, named: DataFrame, judged: DataFrame, settings: Settings
) -> Answer:
    chosen, period = settings.reputation, settings.ngrams.period
    hours = posts.keep("gold.reputation_hours", judged)
    found = _alerts(posts, judged, named, chosen)
    voices = mentions.share_of_voice(named, period=period, copy="is_copy")
    brands = mentions.share_of_voice(scored, brand="brand", period=period, copy="is_copy")
    shares = _named(voices, "topic").unionByName(_named(brands, "brand"))
    posts.keep("gold.share_of_voice", shares.withColumn("period_start", F.to_date("period_start")))
    people = advocates.advocates(scored)
    posts.keep("gold.advocates", people.where("role <> 'neutral'"))
    copied = posts.keep("gold.copied_texts", histories.campaigns(scored))
    lags = posts.keep("gold.media_lags", _lags(posts, scored, chosen))
    effects = posts.keep("gold.event_effects", _effects(posts, scored, chosen))
    return posts.answer(
        (
            *_of_alerts(found, chosen),
            *_of_people(advocates.roles(people)),
            *_of_copies(copied),
            *_of_media(lags, effects),
        ),
        rows_out=hours.count(),
        figures={"reputation": plots.alert_timeline(_drawn(hours), found)},
    )


def _hours(named: DataFrame, chosen: ReputationSettings) -> DataFrame:
    hours = mentions.hourly(named, copy="is_copy")
    return alerts.expected(hours, false_alarms_per_year=chosen.false_alarms_per_year)


def _alerts(posts: Analysed, judged: DataFrame, named: DataFrame, chosen: ReputationSettings) -> DataFrame:
    found = alerts.departures(
        judged, false_alarms_per_year=chosen.false_alarms_per_year, least_posts=chosen.least_posts
    )
    explained = explanations.explain(found, named)
    told = explained.withColumns(
        {
            "explanation": F.array_join(F.col("terms.token"), ", "),
            "post_ids": F.col("posts.post_id"),
        }
    )
    return posts.keep("gold.reputation_alerts", told)


def _named(voices: DataFrame, kind: str) -> DataFrame:
    return voices.withColumnRenamed(kind, "name").withColumn("kind", F.lit(kind))


def _drawn(hours: DataFrame) -> DataFrame:
    share = F.try_divide("negative_count", "scored_count")
    return hours.withColumnRenamed("upper_count", "upper").withColumn("negative_share", share)


def _lags(posts: Analysed, scored: DataFrame, chosen: ReputationSettings) -> DataFrame:
    """What others say, beside what brands say themselves and what they pay for, by the day."""
    ours = F.col("media_class").isin("owned", "paid")
    if _days(scored.where(ours)) < DAYS_TO_COMPARE + chosen.window_days:
        return posts.lake.frame("gold.media_lags", [])
    return lead_lag.lead_lag(_daily(scored, ours), _daily(scored, ~ours), max_lag=chosen.window_days)


def _effects(posts: Analysed, scored: DataFrame, chosen: ReputationSettings) -> DataFrame:
    """What others say around conf's events."""
    if not chosen.events or _days(scored) < DAYS_TO_COMPARE + 2 * chosen.window_days:
        return posts.lake.frame("gold.event_effects", [])
    events = scored.sparkSession.createDataFrame(chosen.dated, "at date, name string")
    return event_studies.event_study(
        _daily(scored, F.col("media_class") == "earned"),
        events,
        before=chosen.window_days,
        after=chosen.window_days,
    )


def _days(posts: DataFrame) -> int:
    """How many days lie between the first and the last post."""
    ends = posts.agg(F.min("posted_at").alias("first"), F.max("posted_at").alias("last")).first()
    assert ends is not None, "an aggregate without groups has one row"
    return 0 if ends["first"] is None else (ends["last"] - ends["first"]) // timedelta(days=1) + 1


def _daily(posts: DataFrame, which: Column) -> DataFrame:
    """Posts of that kind on each day on which anything was posted."""
    return posts.groupBy(F.to_date("posted_at").alias("at")).agg(F.count_if(which).alias("value"))


def _of_alerts(found: DataFrame, chosen: ReputationSettings) -> Iterable[Finding]:
    by_kind = {row["kind"]: row["count"] for row in found.groupBy("kind").count().collect()}
    yield Finding("How often did a topic depart from its past?", sum(by_kind.values()), "alerts")
    yield Finding(
        "How many of these are threats: more posts, and worse ones?", by_kind.get("threat", 0), "alerts"
    )
    yield Finding(
        "How many would chance raise a year for each topic, at most?", chosen.false_alarms_per_year, "alerts"
    )
    worst = found.orderBy(F.desc("score"), "topic", "started_at").first()
    if worst:
        yield Finding("Which is the gravest?", f"{worst['topic']}, {worst['started_at']:%Y-%m-%d %H:%M}")


def _of_people(roles: DataFrame) -> Iterable[Finding]:
    known = {row["role"]: row for row in roles.collect()}  # three roles
    for role in ("advocate", "detractor"):
        row = known.get(role)
        yield Finding(f"How many {role}s are there?", row["author_count"] if row else 0, "profiles")
        yield Finding(f"What share of the reach is {role}s'?", row["reach_share"] if row else 0.0, "share")


def _of_copies(copied: DataFrame) -> Iterable[Finding]:
    counted = copied.agg(F.count("*").alias("texts"), F.sum("post_count").alias("posts")).first()
    assert counted is not None, "an aggregate without groups has one row"
    yield Finding("How many texts do several people paste?", counted["texts"], "texts")
    yield Finding("In how many posts?", counted["posts"] or 0, "posts")


def _of_media(lags: DataFrame, effects: DataFrame) -> Iterable[Finding]:
    beyond = lags.where(F.abs("correlation") > F.col("bound"))
    best = beyond.orderBy(F.desc(F.abs("correlation")), "lag").first()
    if best:
        yield Finding("How long after brands' own posts do others speak most?", best["lag"], "days")
    for row in effects.where("window = 'after'").orderBy("name").collect():  # as many as conf has names
        yield Finding(f"How many more posts a day follow {row['name']}?", row["difference"], "posts")


if __name__ == "__main__":
    cli.submitted(__file__)
