"""The language to take up, and that of others: phrases that are answered well, and what brands claim."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from statistics import NormalDist

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retinue.errors import RetinueError
from retinue.schema import quoted, require
from retinue.text import runs, significance

__all__ = ["taglines", "worth_echoing"]

LONGEST = 8
ALIKE = 0.8  # of the posts with a phrase have the longer one: then that stands for both
TWICE = 2.0
COUNTS = ("repeats", "own_count", "everywhere", "all_count")


def worth_echoing(
    tokenized: DataFrame,
    *,
    response: Iterable[str] = ("share_count", "like_count"),
    profile: str = "profile_id",
    n: int | Iterable[int] = (2, 3, 4),
    tokens: str = "tokens",
    stop_words: Collection[str] = (),
    well: float = 0.75,
    least: int = 10,
    least_profiles: int = 5,
    risk: float = 0.05,
    confidence: float = 0.95,
) -> DataFrame:
    """The phrases that more posts have among those answered well than among all others, beyond chance.

    A post is answered well where its response, the sum of the columns `response`, is above the quantile
    `well` of all. A phrase is tested where it has `least` posts and `least_profiles` authors, so that it is
    no one person's success. Of a phrase and a longer one around it only the longer stays where at least four
    in five of the posts with the one have the other; of those left, `least` posts have none that is stronger.

    Out, a row a phrase: rank (int, from 1, by z, then phrase), phrase (string), post_count and profile_count
    (bigint, who said it), well_count (bigint, posts answered well), log_odds (double, natural log of the odds
    ratio of having it, well answered to others, half a post added on each side), z (double, log_odds by its
    standard error), p_value (double, at most `risk`: that chance alone brings such a z among all phrases
    tested), mean_response and other_mean_response (double, of posts with it and without), difference
    (double), difference_low and difference_high (double, Welch's interval at `confidence`, normal; wide where
    few posts have most of the response).

    In: `tokens` (array<string>, or sentences), `response` (numbers; null is 0) and `profile`, the author; a
    post without one counts as an author of its own. A post without words, as that of who only passes another
    on, is not compared. That a phrase goes with response does not say that it causes it.

    Runs Spark jobs, with one large shuffle, of phrases; nothing comes to the driver.
    Sources: Haldane (1956), Anscombe (1956); Welch (1947); Bonferroni (1936).
    Raises SchemaMismatch; RetinueError where a number is out of bounds.
    """
    names = list(response)
    require(tokenized, [tokens, profile, *names], what="worth_echoing")
    lengths = runs.lengths(n, least=1, most=LONGEST)
    _check(least=least, least_profiles=least_profiles, well=well, confidence=confidence)
    answered = sum((F.coalesce(F.col(quoted(name)), F.lit(0)) for name in names), start=F.lit(0.0))
    posts = tokenized.where(F.size(quoted(tokens)) > 0).select(
        F.monotonically_increasing_id().alias("post"),
        answered.alias("response"),
        F.col(quoted(profile)).alias("profile"),
        _phrases(tokenized, tokens, lengths, stop_words, what="worth_echoing").alias("phrases"),
    )
    bound = posts.agg(F.percentile("response", F.lit(well)).alias("bound"))
    judged = posts.crossJoin(F.broadcast(bound)).withColumn("is_well", F.col("response") > F.col("bound"))
    totals = judged.agg(*_responses("all"))
    said = judged.withColumn("phrase", F.explode("phrases")).drop("phrases")
    tested = (
        said.groupBy("phrase")
        .agg(
            *_responses("own"),
            (F.count_distinct("profile") + F.count_if(F.col("profile").isNull())).alias("profile_count"),
        )
        .where((F.col("own_count") >= least) & (F.col("profile_count") >= least_profiles))
    )
    others = F.col("own_count") - F.col("own_well"), F.col("all_count") - F.col("all_well")
    log_odds, error = significance.log_odds(F.col("own_well"), F.col("all_well"), *others)
    scored = tested.crossJoin(F.broadcast(totals)).withColumns({"log_odds": log_odds, "z": log_odds / error})
    found = significance.certainties(scored, tested, p=significance.chance_of(F.col("z")), risk=risk)
    found = found.where(F.col("own_well") > 0)  # where nothing is answered well, nothing goes with it
    repeated = found.withColumn("repeats", F.col("own_count")).localCheckpoint()
    kept = _standing(repeated, said, strength="z", least=least)
    best = Window.orderBy(F.desc("z"), "phrase")
    return kept.select(
        F.row_number().over(best).alias("rank"),
        "phrase",
        F.col("own_count").alias("post_count"),
        "profile_count",
        F.col("own_well").alias("well_count"),
        *("log_odds", "z", "p_value"),
        *_difference(confidence),
    )


def taglines(
    tokenized: DataFrame,
    *,
    brand: str = "brand",
    media_class: str = "media_class",
    own: Collection[str] = ("owned", "paid"),
    n: int | Iterable[int] = range(3, 9),
    tokens: str = "tokens",
    network: str = "network",
    post: str = "post_id",
    reply_to: str = "reply_to",
    at: str = "posted_at",
    sentiment: str = "compound",
    least: int = 5,
    risk: float = 0.01,
) -> DataFrame:
    """The phrases that a brand repeats in what it says itself, more than all others, and how they are taken.

    What a brand says itself are the posts about it whose media class is one of `own`; others' are all the
    rest. A claim is in `least` of its own posts or more, and in at least twice as large a share of them as of
    others' posts about the brand, lest its name make a claim of what anybody says. Of a phrase and a longer
    one around it only the longer stays where at least four in five of the posts with the one have the other;
    of those left, `least` posts have none that is stronger (of equals, longer).

    Out, a row a brand and claim: brand, rank (int, from 1 a brand, by log_likelihood, then phrase), phrase
    (string), repeat_count (bigint, own posts with it), own_count (bigint, all own posts), other_count
    (bigint, posts of others with it), log_likelihood (double, G2 of having it, own posts to others), p_value
    (double, at most `risk`: that chance alone brings as much among all own phrases, by Fisher's test),
    first_at and last_at (timestamp), mean_share_count, mean_like_count and mean_sentiment (double, of the own
    posts with it), reply_count (bigint, answers of others to these), mean_reply_sentiment (double, null
    without any).

    In: the columns named by the arguments, share_count and like_count; `sentiment` may be null where nothing
    could be said.

    Runs Spark jobs; nothing comes to the driver.
    Sources: Dunning (1993); Fisher (1922); Bonferroni (1936).
    Raises SchemaMismatch; RetinueError where a number is out of bounds.
    """
    needed = [brand, media_class, tokens, network, post, reply_to, at, sentiment, "share_count", "like_count"]
    require(tokenized, needed, what="taglines")
    lengths = runs.lengths(n, least=1, most=LONGEST)
    _check(least=least)
    is_own = F.col(quoted(media_class)).isin(*own)
    posts = tokenized.select(
        F.col(quoted(brand)).alias("about"),
        F.when(is_own, F.col(quoted(brand))).alias("brand"),
        F.struct(quoted(network), F.col(quoted(post)).alias("id")).alias("post"),
        F.struct(quoted(network), F.col(quoted(reply_to)).alias("id")).alias("answered"),
        F.col(quoted(at)).alias("at"),
        F.col(quoted(sentiment)).alias("sentiment"),
        *("share_count", "like_count"),
        _phrases(tokenized, tokens, lengths, (), what="taglines").alias("phrases"),
    )
    said = posts.where("brand IS NOT NULL").withColumn("phrase", F.explode("phrases")).drop("phrases")
    own_phrases = said.groupBy("brand", "phrase").agg(F.count("*").alias("repeats"))
    scored = _against_others(posts, own_phrases.where(F.col("repeats") >= least))
    found = significance.certainties(
        scored, own_phrases, p=significance.exact(*map(F.col, COUNTS)), risk=risk
    )
    is_claim = F.col("own_share") >= TWICE * F.col("share_about")
    claims = _standing(
        found.where(is_claim).localCheckpoint(), said, strength="log_likelihood", least=least, by=["brand"]
    )
    best = Window.partitionBy("brand").orderBy(F.desc("log_likelihood"), "phrase")
    return (
        claims.join(_reaction(posts, said, claims), ["brand", "phrase"])
        .withColumn("rank", F.row_number().over(best))
        .select(
            F.col("brand").alias(brand),
            *("rank", "phrase", F.col("repeats").alias("repeat_count"), "own_count", "other_count"),
            *("log_likelihood", "p_value", "first_at", "last_at"),
            *("mean_share_count", "mean_like_count", "mean_sentiment", "reply_count", "mean_reply_sentiment"),
        )
    )


def _check(*, well: float = 0.5, confidence: float = 0.5, **numbers: int) -> None:
    for name, number in numbers.items():
        if number < 1:
            raise RetinueError(f"{name} is {number}; it must be 1 or more")
    for name, share in (("well", well), ("confidence", confidence)):
        if not 0 < share < 1:
            raise RetinueError(f"{name} is {share}; it must lie between 0 and 1")


def _phrases(
    tokenized: DataFrame, tokens: str, lengths: list[int], stop_words: Collection[str], *, what: str
) -> Column:
    """The different n-grams of a post."""
    spans = runs.of(tokenized, tokens, what=what)
    return F.array_distinct(F.flatten(F.transform(spans, lambda run: runs.ngrams(run, lengths, stop_words))))


def _responses(name: str) -> list[Column]:
    """How many posts, how many of them answered well, and the sums that mean and variance need."""
    return [
        F.count("*").alias(f"{name}_count"),
        F.count_if("is_well").alias(f"{name}_well"),
        F.sum("response").alias(f"{name}_sum"),
        F.sum(F.col("response") * F.col("response")).alias(f"{name}_squares"),
    ]


def _difference(confidence: float) -> list[Column]:
    """The mean responses with the phrase and without, and their difference with its interval."""
    own, rest = (
        {each: F.col(f"own_{each}") for each in ("count", "sum", "squares")},
        {each: F.col(f"all_{each}") - F.col(f"own_{each}") for each in ("count", "sum", "squares")},
    )
    means = [F.try_divide(each["sum"], each["count"]) for each in (own, rest)]
    errors = [
        F.try_divide(each["squares"] - each["count"] * mean * mean, each["count"] * (each["count"] - 1))
        for each, mean in zip((own, rest), means, strict=True)
    ]
    difference = means[0] - means[1]
    half = NormalDist().inv_cdf((1 + confidence) / 2) * F.sqrt(F.greatest(errors[0] + errors[1], F.lit(0.0)))
    return [
        means[0].alias("mean_response"),
        means[1].alias("other_mean_response"),
        difference.alias("difference"),
        (difference - half).alias("difference_low"),
        (difference + half).alias("difference_high"),
    ]


def _against_others(posts: DataFrame, repeated: DataFrame) -> DataFrame:
    """The phrases that brands repeat with how many others have them, and what speaks against chance."""
    said = (
        posts.select("about", F.explode("phrases").alias("phrase"))
        .join(repeated.select("phrase").distinct(), "phrase", "left_semi")
        .groupBy("about", "phrase")
        .agg(F.count("*").alias("said"))
    )
    everywhere = said.groupBy("phrase").agg(F.sum("said").alias("everywhere"))
    about = said.where("about IS NOT NULL").withColumnsRenamed({"about": "brand", "said": "said_about"})
    sizes = posts.groupBy(F.col("about").alias("brand")).agg(
        F.count("brand").alias("own_count"), F.count("*").alias("about_count")
    )
    total = posts.agg(F.count("*").alias("all_count"))
    table = (
        repeated.join(everywhere, "phrase")
        .join(about, ["brand", "phrase"])
        .join(F.broadcast(sizes), "brand")
        .crossJoin(F.broadcast(total))
    )
    others_about = F.col("about_count") - F.col("own_count")
    return table.withColumns(
        {
            "log_likelihood": significance.log_likelihood(*map(F.col, COUNTS)),
            "other_count": F.col("everywhere") - F.col("repeats"),
            "own_share": F.col("repeats") / F.col("own_count"),
            "share_about": F.coalesce(
                F.try_divide(F.col("said_about") - F.col("repeats"), others_about), F.lit(0.0)
            ),
        }
    )


def _standing(
    found: DataFrame, said: DataFrame, *, strength: str, least: int, by: Iterable[str] = ()
) -> DataFrame:
    """The phrases that stand by themselves: no longer one stands for them, and `least` posts speak for them.

    A post speaks for the strongest of its phrases, of equals for the longest.
    """
    words = F.split("phrase", " ")
    around = found.select(
        *by,
        F.col("repeats").alias("longer_repeats"),
        F.explode(runs.ngrams(words, range(1, LONGEST), ())).alias("phrase"),
        F.col("phrase").alias("longer"),
    ).where("longer != phrase")
    most = around.groupBy(*by, "phrase").agg(F.max("longer_repeats").alias("most"))
    is_own = F.coalesce("most", F.lit(0)) < ALIKE * F.col("repeats")
    phrases = found.join(most, [*by, "phrase"], "left").where(is_own).drop("most").localCheckpoint()
    order = F.struct(F.col(strength).alias("strength"), F.size(words).alias("size"), "phrase")
    strongest = (
        said.join(F.broadcast(phrases.select(*by, "phrase", order.alias("order"))), [*by, "phrase"])
        .groupBy(*by, "post")
        .agg(F.max("order").alias("order"))
        .groupBy(*by, F.col("order.phrase").alias("phrase"))
        .count()
        .where(F.col("count") >= least)
    )
    return phrases.join(strongest, [*by, "phrase"], "left_semi")


def _reaction(posts: DataFrame, said: DataFrame, claims: DataFrame) -> DataFrame:
    """When each claim was first and last made, and how it was taken; answers are counted before they meet."""
    answers = (
        posts.where("brand IS NULL AND answered.id IS NOT NULL")
        .groupBy(F.col("answered").alias("post"))
        .agg(
            F.count("*").alias("replies"),
            F.sum("sentiment").alias("reply_sentiment"),
            F.count("sentiment").alias("judged_replies"),
        )
    )
    made = said.join(F.broadcast(claims.select("brand", "phrase")), ["brand", "phrase"])
    return (
        made.join(answers, "post", "left")
        .groupBy("brand", "phrase")
        .agg(
            F.min("at").alias("first_at"),
            F.max("at").alias("last_at"),
            F.avg("share_count").alias("mean_share_count"),
            F.avg("like_count").alias("mean_like_count"),
            F.avg("sentiment").alias("mean_sentiment"),
            F.coalesce(F.sum("replies"), F.lit(0)).alias("reply_count"),
            F.try_divide(F.sum("reply_sentiment"), F.sum("judged_replies")).alias("mean_reply_sentiment"),
        )
    )
