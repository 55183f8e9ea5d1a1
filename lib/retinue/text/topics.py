"""Themes that nobody named before: topics of words that stand together, and which of them are real."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyspark.ml.clustering import LDA, LDAModel
from pyspark.ml.feature import CountVectorizerModel
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]
from scipy.special import gammainc  # type: ignore[import-untyped]

from retinue.errors import RetinueError
from retinue.schema import quoted, require
from retinue.text import ngrams

__all__ = ["Topics", "fit", "match"]

Array = NDArray[np.float64]

PASS = 10_000  # documents that one step learns from
TASK = 20_000  # documents of one task
RELEVANCE = 0.3  # weight of a word's share in the topic beside how much larger it is there than elsewhere
WORDS_KEPT = 100
TOP_WORDS = 8
OWN = 0.5  # of what is said of a word: more than this in the topic, and the word is the topic's own
_FRESH = "fresh documents"


@dataclass(frozen=True)
class Topics:
    """What `fit` found: `topics`, their `words` and which topic each of the `documents` is about."""

    topics: DataFrame
    words: DataFrame
    documents: DataFrame


def fit(
    tokenized: DataFrame,
    *,
    key: str,
    count: int,
    tokens: str = "tokens",
    limit: int = 10_000,
    least: int = 5,
    held_out: float = 0.3,
    false_alarm: float = 0.01,
    iterations: int = 50,
    seed: int = 0,
) -> Topics:
    """Find `count` topics, and which are real: their words meet in documents that the fit has not seen.

    Out, three frames:

    topics      A row a topic: topic (int, from 0), words (array<string>, the eight most relevant of its own,
                said more in it than in all others; fewer where there are fewer), coherence (double, -1..1:
                mean NPMI of the pairs of these words over the documents held out; -1 where a pair never meets
                or there is none), pair_count (bigint, how often two of them are in one document there),
                expected_pair_count (double, by chance), p_value (double, that chance brings as many), is_real
                (boolean, p_value at most `false_alarm` / `count`), document_count (bigint, those about it).
    words       A row a topic and word, the 100 that weigh most: topic, rank (int, from 1), token, weight
                (double, the word's share of the topic), relevance (double, larger is more telling).
    documents   A row a document with a word of the vocabulary: `key`, topic, weight (double, the share of the
                document that is about its main topic).

    In: `key`, which tells the documents apart, and `tokens` (array<string>). Leave out stop words, repeated
    texts (a pasted text is not a theme) and what is no word. The vocabulary are the `limit` commonest tokens
    that `least` documents have.

    What is real: chance is the larger of each word's documents shuffled, and all words shuffled between the
    documents, which keep their length. As words are chosen on other documents than they are counted on, in
    texts without any theme a run calls some topic real with a probability of `false_alarm` at most.

    The fit is latent Dirichlet allocation by online variational Bayes (Spark ML). It is the same for the same
    rows in whatever order they lie. Runs Spark jobs; the vocabulary with its weights comes to the driver.
    Sources: Blei, Ng and Jordan (2003); Hoffman, Blei and Bach (2010); relevance: Sievert and Shirley (2014);
    coherence: Lau, Newman and Baldwin (2014), Roeder, Both and Hinneburg (2015).
    Raises SchemaMismatch; RetinueError where a number is out of bounds or no token is common enough.
    """
    require(tokenized, [key, tokens], what="topics.fit")
    _check(count=count, limit=limit, least=least, iterations=iterations, held_out=held_out, alarm=false_alarm)
    counted = ngrams.count(tokenized, n=1, tokens=tokens).where(F.col("document_count") >= least)
    common = ngrams.vocabulary(counted, limit=limit).toPandas()
    if common.empty:
        raise RetinueError(f"no token is in {least} documents or more: there is nothing to find topics in")
    bags = _bags(tokenized, list(common["ngram"]), key=key, tokens=tokens, held_out=held_out)
    model = _model(bags.where("NOT is_held_out"), count=count, iterations=iterations, seed=seed)
    weights = model.topicsMatrix().toArray()
    words = _words(weights, common)
    chosen = _telling(words, count)
    documents = _documents(model.transform(bags)).select(F.col("key").alias(key), "topic", "weight")
    judged = _judged(bags.where("is_held_out"), chosen, false_alarm=false_alarm)
    spark = tokenized.sparkSession
    about = documents.groupBy("topic").agg(F.count("*").alias("document_count"))
    topics = spark.createDataFrame(judged, _TOPIC).join(about, "topic", "left").fillna(0, ["document_count"])
    heavy = words.loc[words["rank"] <= WORDS_KEPT, ["topic", "rank", "token", "weight", "relevance"]]
    return Topics(topics=topics, words=spark.createDataFrame(heavy, _WORD), documents=documents)


def match(words: DataFrame, previous: DataFrame, *, least: float = 0.5, after: int = 0) -> DataFrame:
    """Give topics the ids of the earlier ones that they are most like; who is like none gets a new id.

    Two topics are alike by the cosine of their words' weights. Of all ways to pair new topics with earlier
    ones, each at most once, the one with the greatest sum of likenesses is taken; no pair is below `least`.

    Out, a row a topic: topic (int), topic_id (bigint), similarity (double; null where the id is new). New ids
    follow on the greatest of `after` (the greatest id ever given) and those of `previous`, so that none is
    given twice.

    In: words with topic, token and weight, as `fit` has them; previous with topic_id, token and weight, of
    the last run, or the last words of each id there ever was: then a topic that comes back is known again.

    Runs Spark jobs; a number for each pair of topics comes to the driver. Source: Kuhn (1955).
    Raises SchemaMismatch; RetinueError where `least` is no share.
    """
    require(words, ["topic", "token", "weight"], what="topics.match")
    require(previous, ["topic_id", "token", "weight"], what="topics.match")
    if not 0 < least <= 1:
        raise RetinueError(f"least is {least}; give a share above 0 and at most 1")
    topics = sorted(row.topic for row in words.select("topic").distinct().collect())
    ids = sorted(row.topic_id for row in previous.select("topic_id").distinct().collect())
    alike = np.zeros((len(topics), len(ids)))
    for row in _alike(words, previous).where(F.col("similarity") >= least).collect():
        alike[topics.index(row.topic), ids.index(row.topic_id)] = row.similarity
    pairs = zip(*linear_sum_assignment(alike, maximize=True), strict=True)
    known = {int(here): int(there) for here, there in pairs if alike[here, there] > 0}
    fresh = iter(range(max([after, *ids]) + 1, max([after, *ids]) + 1 + len(topics)))
    rows = [
        (topic, ids[known[n]], float(alike[n, known[n]])) if n in known else (topic, next(fresh), None)
        for n, topic in enumerate(topics)
    ]
    return words.sparkSession.createDataFrame(rows, "topic int, topic_id bigint, similarity double")


_TOPIC = (
    "topic int, words array<string>, coherence double, pair_count bigint, expected_pair_count double, "
    "p_value double, is_real boolean"
)
_WORD = "topic int, rank int, token string, weight double, relevance double"


def _check(*, held_out: float, alarm: float, **numbers: int) -> None:
    for name, number in numbers.items():
        if number < (2 if name == "count" else 1):
            raise RetinueError(f"{name} is {number}; it must be {2 if name == 'count' else 1} or more")
    for name, share in (("held_out", held_out), ("false_alarm", alarm)):
        if not 0 < share < 1:
            raise RetinueError(f"{name} is {share}; it must lie between 0 and 1")


def _bags(
    tokenized: DataFrame, vocabulary: list[str], *, key: str, tokens: str, held_out: float
) -> DataFrame:
    """The documents as counts of words, in an order of their own, with whether the fit may see them."""
    column = F.col(quoted(key))
    documents = tokenized.select(
        column.alias("key"),
        F.coalesce(quoted(tokens), F.array().cast("array<string>")).alias("tokens"),
        (F.pmod(F.xxhash64(F.lit(_FRESH), column), F.lit(1000)) < 1000 * held_out).alias("is_held_out"),
    )
    tasks = 1 + documents.count() // TASK
    laid = documents.repartition(tasks, "key").sortWithinPartitions("key")
    vectors = CountVectorizerModel.from_vocabulary(vocabulary, inputCol="tokens", outputCol="features")
    return vectors.transform(laid)


def _model(bags: DataFrame, *, count: int, iterations: int, seed: int) -> LDAModel:
    seen = bags.select("features").persist()
    try:
        documents = max(1, seen.count())
        learner = LDA(
            k=count,
            seed=seed,
            maxIter=iterations,
            optimizer="online",
            subsamplingRate=min(1.0, PASS / documents),
            docConcentration=[0.1],
            topicConcentration=0.01,
            learningOffset=2.0,
            optimizeDocConcentration=False,
        )
        return learner.fit(seen)
    finally:
        seen.unpersist()


def _words(weights: Array, common: pd.DataFrame) -> pd.DataFrame:
    """Every word of every topic: its share there, its rank, how telling it is, and how much its own."""
    own = weights / weights.sum(axis=1, keepdims=True)
    weights = weights / weights.sum(axis=0)
    shares = common["count"].to_numpy() / common["count"].sum()
    lift = np.log(weights / shares[:, None])
    relevance = RELEVANCE * np.log(weights) + (1 - RELEVANCE) * lift
    size, count = weights.shape
    told = pd.DataFrame(
        {
            "topic": np.tile(np.arange(count), size),
            "token": common["ngram"].repeat(count).to_numpy(),
            "weight": weights.ravel(),
            "relevance": relevance.ravel(),
            "own": own.ravel(),
        }
    ).sort_values(["topic", "weight", "token"], ascending=[True, False, True])
    told["rank"] = told.groupby("topic").cumcount() + 1
    return told


def _telling(words: pd.DataFrame, count: int) -> list[list[str]]:
    """The words that each topic is told by. A word that stands elsewhere as often tells nothing of it."""
    own = words[words["own"] > OWN].sort_values(
        ["topic", "relevance", "token"], ascending=[True, False, True]
    )
    chosen = own.groupby("topic")["token"].apply(lambda told: list(told[:TOP_WORDS]))
    return [chosen.get(topic, []) for topic in range(count)]


def _documents(inferred: DataFrame) -> DataFrame:
    shares = inferred.select("key", vector_to_array(F.col("topicDistribution")).alias("shares"))
    best = F.array_max("shares")
    topic = (F.array_position(F.col("shares"), best) - 1).cast("int")
    return shares.select("key", topic.alias("topic"), best.alias("weight")).where("weight > 0")


def _judged(fresh: DataFrame, chosen: list[list[str]], *, false_alarm: float) -> list[tuple[Any, ...]]:
    """Each topic's words counted in fresh documents, and what chance would have brought."""
    sizes = fresh.select(F.size(F.array_distinct("tokens")).cast("double").alias("size")).agg(*_moments())
    moments = sizes.collect()[0]
    judged = []
    for topic, together in enumerate(_together(fresh, chosen)):
        pairs, expected, p_value = _chance(together, moments)
        is_real = bool(p_value <= false_alarm / len(chosen))
        coherence = _npmi(together, moments.documents)
        judged.append((topic, chosen[topic], coherence, int(pairs), expected, p_value, is_real))
    return judged


def _together(fresh: DataFrame, chosen: list[list[str]]) -> list[Array]:
    """A matrix a topic: in how many documents two of its words are; in its diagonal, one of them."""
    tops = F.array(*(F.array(*map(F.lit, words)).cast("array<string>") for words in chosen))
    present = F.transform(tops, lambda words: F.array_intersect(F.array_distinct("tokens"), words))
    found = fresh.select(F.posexplode(present).alias("topic", "present"))
    counted = (
        found.select("topic", F.explode("present").alias("one"), "present")
        .select("topic", "one", F.explode("present").alias("other"))
        .groupBy("topic", "one", "other")
        .count()
        .collect()
    )
    together = [np.zeros((len(words), len(words))) for words in chosen]
    for row in counted:
        words = chosen[row.topic]
        together[row.topic][words.index(row.one), words.index(row.other)] = row["count"]
    return together


def _npmi(together: Array, documents: int) -> float:
    """The mean over all pairs of words; a pair that never meets has the least there is."""
    one, other = np.triu_indices(len(together), k=1)
    both, spread = together[one, other] / max(1, documents), together.diagonal() / max(1, documents)
    with np.errstate(divide="ignore", invalid="ignore"):
        npmi = np.log(both / (spread[one] * spread[other])) / -np.log(both)
    return float(np.where(both > 0, np.where(both < 1, npmi, 1.0), -1.0).mean()) if len(one) else -1.0


def _moments() -> list[Any]:
    """Sums over documents of falling powers of their sizes and of products of these."""
    size = F.col("size")
    falling = {power: F.lit(1.0) for power in range(5)}
    for power in range(1, 5):
        falling[power] = falling[power - 1] * (size - (power - 1))
    sums = {f"f{power}": falling[power] for power in range(1, 5)}
    sums |= {"f2f2": falling[2] * falling[2], "f2f1": falling[2] * size}
    return [
        F.count("*").alias("documents"),
        *(F.coalesce(F.sum(each), F.lit(0.0)).alias(name) for name, each in sums.items()),
    ]


def _chance(together: Array, sizes: Row) -> tuple[float, float, float]:
    """How often two of the words meet, how often by chance, and how likely that is to be so much by chance.

    If all words are dealt out anew to the documents, each word is one of these with the same probability, and
    the number of pairs among a document's words is known in mean and variance; less what it varies with the
    number of these words in all, which is given. A gamma distribution with both stands for that of the sum.
    """
    spread = together.diagonal()
    pairs, all_words = (together.sum() - spread.sum()) / 2, spread.sum()
    combined = (all_words**2 - (spread**2).sum()) / 2
    p = all_words / max(1.0, sizes.f1)
    if not pairs or p == 1:  # nothing met, or there are no other words: nothing to tell from chance
        return float(pairs), float(pairs), 1.0
    dealt = combined * sizes.f2 / (sizes.f1 * (sizes.f1 - 1))
    expected = max(dealt, combined / sizes.documents)
    variance = (sizes.f4 * p**4 + 4 * sizes.f3 * p**3 + 2 * sizes.f2 * p**2 - sizes.f2f2 * p**4) / 4
    with_number = (sizes.f3 * p**3 + 2 * sizes.f2 * p**2 - sizes.f2f1 * p**3) / 2
    left = variance - with_number**2 / (sizes.f1 * p * (1 - p))
    scale = max(left / (sizes.f2 * p**2 / 2), 1.0)
    return float(pairs), float(expected), float(gammainc(pairs / scale, expected / scale))


def _alike(words: DataFrame, previous: DataFrame) -> DataFrame:
    """The cosine of each pair of topics that share a word."""

    def scaled(topics: DataFrame, topic: str) -> DataFrame:
        length = F.sqrt(F.sum(F.col("weight") ** 2)).alias("length")
        norms = topics.groupBy(topic).agg(length)
        share = F.try_divide(F.col("weight"), F.col("length"))
        return topics.join(norms, topic).select(topic, "token", share.alias(f"{topic}_share"))

    both = scaled(words, "topic").join(scaled(previous, "topic_id"), "token")
    product = F.sum(F.col("topic_share") * F.col("topic_id_share"))
    return both.groupBy("topic", "topic_id").agg(product.alias("similarity"))
