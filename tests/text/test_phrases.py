from __future__ import annotations

import random
from math import log, sqrt
from statistics import NormalDist, fmean, variance

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from retinue import samples
from retinue.errors import RetinueError, SchemaMismatch
from retinue.text import phrases, sentiment, tokens

CLAIM = "the only soap you will ever need at home"  # nine words: longer than any n-gram looked at
COLUMNS = (
    "network string, post_id string, brand string, media_class string, text string, posted_at timestamp, "
    "reply_to string, share_count bigint, like_count bigint, compound double, profile_id string"
)


def scored(world: samples.SmallWorld) -> DataFrame:
    return sentiment.score(tokens.tokenize(world.posts))


def test_the_slogan_is_found_with_how_it_is_taken(spark: SparkSession):
    world = samples.small_world(spark, seed=0)
    posts = scored(world).localCheckpoint()
    (found,) = phrases.taglines(posts).collect()
    assert (found.brand, found.phrase) == world.truth.slogan
    assert (found["rank"], found.repeat_count, found.own_count, found.other_count) == (1, 12, 12, 0)
    said = posts.where(F.col("text").contains(found.phrase)).toPandas()
    assert (found.first_at, found.last_at) == (said["posted_at"].min(), said["posted_at"].max())
    assert found.mean_share_count == pytest.approx(said["share_count"].mean())
    assert found.mean_like_count == pytest.approx(said["like_count"].mean())
    assert found.mean_sentiment == pytest.approx(0)
    replies = posts.where(F.col("reply_to").isin(list(said["post_id"]))).toPandas()
    assert found.reply_count == len(replies) == 24
    assert found.mean_reply_sentiment == pytest.approx(replies["compound"].mean())
    assert found.mean_reply_sentiment < -0.25

    earned = posts.where("media_class = 'earned'")
    assert [row.phrase for row in phrases.worth_echoing(earned).collect()] == [world.truth.echo]


def test_quiet_worlds_have_no_slogan_and_no_echo(spark: SparkSession):
    quiet = [samples.small_world(spark, seed=seed, quiet=True).posts for seed in (1, 2, 3)]
    for seed, posts in enumerate(quiet):
        other = posts.withColumns({name: F.concat(name, F.lit(f"/{seed}")) for name in ("brand", "network")})
        quiet[seed] = other.withColumn("compound", F.lit(0.0))
    posts = tokens.tokenize(quiet[0].union(quiet[1]).union(quiet[2])).localCheckpoint()
    assert phrases.taglines(posts).collect() == []
    assert phrases.worth_echoing(posts.where("media_class = 'earned'")).collect() == []


def test_claims_by_hand(spark: SparkSession):
    """What is longer than any n-gram is one claim; what anybody says of the brand is none."""
    rng = random.Random(1)
    rows: list[tuple[object, ...]] = []

    def say(
        brand: str | None, media: str, text: str, *, reply_to: str | None = None, mood: float | None = 0.5
    ):
        shown = " ".join(rng.choice("abcdefghijklmnop") + str(rng.randint(1, 99)) for _ in range(4))
        rows.append(
            (
                "n",
                f"p{len(rows)}",
                brand,
                media,
                text.format(shown),
                None,
                reply_to,
                2,
                3,
                mood,
                f"u{len(rows)}",
            )
        )

    for n in range(20):
        say("Soapy", ["owned", "paid"][n % 2], f"{CLAIM if n < 15 else ''} {{}} buy soapy soap now")
    for _ in range(60):
        say("Soapy", "earned", "will i {} buy soapy soap now")
    for _ in range(200):
        say("Other", "earned", "no such {}")
    say(None, "earned", CLAIM)
    say("Soapy", "earned", "never", reply_to="p0", mood=-0.5)
    say("Other", "owned", "ha", reply_to="p0", mood=-1.0)
    say("Soapy", "owned", "thanks", reply_to="p0", mood=1.0)
    say("Soapy", "earned", "never", reply_to="p19", mood=-0.9)
    say("Soapy", "earned", "hm", reply_to="p1", mood=None)
    posts = tokens.tokenize(spark.createDataFrame(rows, COLUMNS))
    (found,) = phrases.taglines(posts).collect()
    assert (found.phrase, found.other_count) == ("the only soap you will ever need at", 1)
    both, own, total = 15, 21, len(rows)
    second = both + found.other_count
    cells = [
        (both, own * second / total),
        (own - both, own * (total - second) / total),
        (second - both, (total - own) * second / total),
        (total - own - second + both, (total - own) * (total - second) / total),
    ]
    assert (found.repeat_count, found.own_count) == (both, own)
    assert found.log_likelihood == pytest.approx(2 * sum(seen * log(seen / by) for seen, by in cells if seen))
    assert (found.reply_count, found.mean_reply_sentiment) == (2, pytest.approx(-0.5))
    assert (found.mean_sentiment, found.mean_share_count) == (0.5, 2)


def test_what_is_worth_echoing_by_hand(spark: SparkSession):
    rng = random.Random(2)
    liked = [(["love", "this", f"w{rng.randint(0, 999)}"], rng.randint(4, 40)) for _ in range(40)]
    plain = [([f"w{rng.randint(0, 999)}", "so", "it", "is"], rng.randint(0, 6)) for _ in range(160)]
    lonely = [(["my", "own", "brand"], 50)] * 20
    posts = [(words, count, None, f"u{n}") for n, (words, count) in enumerate(liked + plain)]
    posts += [(words, count, 1, "star") for words, count in lonely]
    frame = spark.createDataFrame(
        posts, "tokens array<string>, like_count int, share_count int, profile_id string"
    )
    (found,) = phrases.worth_echoing(frame).collect()
    assert (found["rank"], found.phrase, found.post_count, found.profile_count) == (1, "love this", 40, 40)

    response = [likes + (shares or 0) for _, likes, shares, _ in posts]
    bound = np.quantile(response, 0.75)
    has = ["love" in words for words, *_ in posts]
    ours = [value for value, it in zip(response, has, strict=True) if it]
    others = [value for value, it in zip(response, has, strict=True) if not it]
    well, all_well = sum(value > bound for value in ours), sum(value > bound for value in response)
    assert found.well_count == well
    cells = [well + 0.5, all_well - well + 0.5, 40 - well + 0.5, len(posts) - 40 - all_well + well + 0.5]
    log_odds = log(cells[0] / cells[1]) - log(cells[2] / cells[3])
    assert found.log_odds == pytest.approx(log_odds)
    assert found.z == pytest.approx(log_odds / sqrt(sum(1 / cell for cell in cells)))
    half = NormalDist().inv_cdf(0.975) * sqrt(variance(ours) / len(ours) + variance(others) / len(others))
    difference = fmean(ours) - fmean(others)
    assert (found.mean_response, found.other_mean_response) == pytest.approx((fmean(ours), fmean(others)))
    assert (found.difference_low, found.difference_high) == pytest.approx(
        (difference - half, difference + half)
    )


def test_what_cannot_be_is_refused(spark: SparkSession):
    said = spark.createDataFrame([], COLUMNS + ", tokens array<string>")
    with pytest.raises(RetinueError, match="least_profiles is 0"):
        phrases.worth_echoing(said, least_profiles=0)
    with pytest.raises(RetinueError, match="well is 1"):
        phrases.worth_echoing(said, well=1)
    with pytest.raises(RetinueError, match="from 1 to 8"):
        phrases.taglines(said, n=9)
    with pytest.raises(RetinueError, match="risk"):
        phrases.taglines(said, risk=0)
    with pytest.raises(SchemaMismatch, match="compound"):
        phrases.taglines(said.drop("compound"))
    with pytest.raises(SchemaMismatch, match="like_count"):
        phrases.worth_echoing(said.drop("like_count"))
    assert phrases.taglines(said).collect() == phrases.worth_echoing(said).collect() == []
