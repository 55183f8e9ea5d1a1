from __future__ import annotations

import random
from collections import Counter
from datetime import date, timedelta
from math import log, log2, sqrt
from statistics import NormalDist

import numpy as np
import pytest
from nltk.collocations import BigramAssocMeasures, BigramCollocationFinder
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from scipy.stats import chi2_contingency, false_discovery_control

from retinue.errors import RetinueError, SchemaMismatch
from retinue.text import ngrams

RNG = random.Random(3)
DOCUMENTS = [
    RNG.choices("abcdefgh", weights=[9, 7, 5, 3, 2, 1, 1, 1], k=RNG.randint(0, 30)) for _ in range(300)
]


def frame(spark: SparkSession, documents: list[list[str] | None]) -> DataFrame:
    return spark.createDataFrame([(each,) for each in documents], "tokens array<string>")


def by_hand(documents: list[list[str]], n: int) -> dict[str, tuple[int, int]]:
    each = [Counter(" ".join(words[i : i + n]) for i in range(len(words) - n + 1)) for words in documents]
    counts, spread = sum(each, Counter()), Counter(ngram for one in each for ngram in one)
    return {ngram: (counts[ngram], spread[ngram]) for ngram in counts}


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_counts_are_those_by_hand(n: int, spark: SparkSession):
    got = ngrams.count(frame(spark, [*DOCUMENTS, None]), n=n).collect()
    assert {row.ngram: (row["count"], row.document_count) for row in got} == by_hand(DOCUMENTS, n)


def test_several_lengths_at_once(spark: SparkSession):
    got = ngrams.count(frame(spark, DOCUMENTS), n=[3, 1, 1]).collect()
    expected = by_hand(DOCUMENTS, 1) | by_hand(DOCUMENTS, 3)
    assert {row.ngram: (row["count"], row.document_count) for row in got} == expected


def test_no_ngram_runs_from_one_sentence_into_the_next(spark: SparkSession):
    sentences = spark.createDataFrame([([["a", "b"], ["b", "a"], []],)], "tokens array<array<string>>")
    got = {row.ngram: (row["count"], row.document_count) for row in ngrams.count(sentences, n=2).collect()}
    assert got == {"a b": (1, 1), "b a": (1, 1)}
    assert {row.ngram for row in ngrams.collocations(sentences).collect()} == {"a b", "b a"}


def test_stop_words_may_stand_inside_only(spark: SparkSession):
    said = frame(spark, [["state", "of", "the", "art"]])
    got = {row.ngram for row in ngrams.count(said, n=[1, 2, 4], stop_words={"of", "the"}).collect()}
    assert got == {"state", "art", "state of the art"}


def test_collocations_are_those_of_nltk(spark: SparkSession):
    finder = BigramCollocationFinder.from_documents(DOCUMENTS)
    g2, bits = (
        dict(finder.score_ngrams(f)) for f in (BigramAssocMeasures.likelihood_ratio, BigramAssocMeasures.pmi)
    )
    got = {tuple(row.ngram.split()): row for row in ngrams.collocations(frame(spark, DOCUMENTS)).collect()}
    assert {pair: row["count"] for pair, row in got.items()} == dict(finder.ngram_fd)
    for pair, row in got.items():
        assert row.log_likelihood == pytest.approx(g2[pair], abs=1e-9)
        assert row.pmi == pytest.approx(bits[pair], abs=1e-9)
    often = {
        tuple(row.ngram.split()) for row in ngrams.collocations(frame(spark, DOCUMENTS), least=40).collect()
    }
    assert often == {pair for pair, count in finder.ngram_fd.items() if count >= 40}


def test_longer_collocations_by_hand(spark: SparkSession):
    total = sum(map(len, DOCUMENTS))
    words = {word: count for word, (count, _) in by_hand(DOCUMENTS, 1).items()}
    got = {row.ngram: row for row in ngrams.collocations(frame(spark, DOCUMENTS), n=[3, 4]).collect()}
    assert {ngram: row["count"] for ngram, row in got.items()} == {
        ngram: count for n in (3, 4) for ngram, (count, _) in by_hand(DOCUMENTS, n).items()
    }
    parts = by_hand(DOCUMENTS, 2) | by_hand(DOCUMENTS, 3)
    for ngram, row in got.items():
        start, _, end = ngram.rpartition(" ")
        both, first, second = row["count"], parts[start][0], words[end]
        seen = [[both, first - both], [second - both, total - first - second + both]]
        g2 = chi2_contingency(seen, correction=False, lambda_="log-likelihood").statistic
        assert row.log_likelihood == pytest.approx(g2, abs=1e-6)
        assert row.pmi == pytest.approx(log2(both * total / (first * second)))


def test_words_that_are_never_apart_have_npmi_1(spark: SparkSession):
    got = ngrams.collocations(
        frame(spark, [["new", "york"], ["new", "york", "x", "y"], ["y", "x"]])
    ).collect()
    assert next(row.npmi for row in got if row.ngram == "new york") == pytest.approx(1)


def test_a_long_document_takes_no_quadratic_time(spark: SparkSession):
    got = ngrams.count(frame(spark, [["a", "b"] * 100_000]), n=2).collect()
    assert {row.ngram: (row["count"], row.document_count) for row in got} == {
        "a b": (100_000, 1),
        "b a": (99_999, 1),
    }


def test_the_vocabulary_says_what_it_cut(spark: SparkSession):
    counted = spark.createDataFrame(
        [("a", 9), ("b", 5), ("c", 5), ("d", 2), ("e", 1), ("f", 1)], "ngram string, count bigint"
    )
    kept = ngrams.vocabulary(counted, limit=2, least=2)
    assert [row.ngram for row in kept.collect()] == ["a", "b"]
    told = ngrams.cut(counted, limit=2, least=2).collect()[0]
    assert (told.kept_ngrams, told.rare_ngrams, told.excess_ngrams) == (2, 2, 2)
    assert (told.kept_count, told.rare_count, told.excess_count) == (14, 2, 7)
    assert set(ngrams.cut(counted.limit(0), limit=9).collect()[0]) == {0}


def test_ngrams_of_each_week(spark: SparkSession):
    said = [
        ("2026-01-04 23:59:59", ["a", "a"]),  # a Sunday
        ("2026-01-05 00:00:00", ["a", "b"]),
        ("2026-01-11 12:00:00", ["b"]),
        ("2026-01-12 12:00:00", []),
        (None, ["a"]),
    ]
    frame = spark.createDataFrame(said, "at string, tokens array<string>").withColumn(
        "at", F.col("at").cast("timestamp")
    )
    got = {
        (row.ngram, str(row.period_start)): row[2:] for row in ngrams.over_time(frame, at="at", n=1).collect()
    }
    assert got == {
        ("a", "2025-12-29"): (2, 1, 1, 1.0),
        ("a", "2026-01-05"): (1, 1, 2, 0.5),
        ("b", "2026-01-05"): (2, 2, 2, 1.0),
    }
    by_month = {tuple(row) for row in ngrams.over_time(frame, at="at", n=2, period="month").collect()}
    assert by_month == {(pair, date(2026, 1, 1), 1, 1, 4, 0.25) for pair in ("a a", "a b")}


def weekly(shares: dict[str, list[int]], sizes: list[int]) -> list[tuple[str, date, int, int]]:
    return [
        (ngram, date(2026, 1, 5) + timedelta(weeks=week), documents, sizes[week])
        for ngram, counts in shares.items()
        for week, documents in enumerate(counts)
        if documents
    ]


def test_what_rises_is_tested_and_bounded(spark: SparkSession):
    said = {
        "up": [2, 3, 25],
        "new": [0, 0, 12],
        "flat": [30, 30, 15],
        "down": [90, 90, 5],
        "rare": [0, 0, 2],
        **{f"w{n}": [20, 20, 10] for n in range(40)},
    }
    rows = weekly(said, [200, 200, 100])
    counted = spark.createDataFrame(
        rows, "ngram string, period_start date, document_count bigint, period_document_count bigint"
    )
    got = {row.ngram: row for row in ngrams.rising(counted).collect()}
    assert set(got) == {"up", "new"}
    up = got["up"]
    assert (up.document_count, up.earlier_document_count) == (25, 5)
    assert (up.share, up.earlier_share) == (0.25, 5 / 400)
    cells = [25.5, 75.5, 5.5, 395.5]
    delta = log(cells[0] / cells[1]) - log(cells[2] / cells[3])
    assert up.log_odds == pytest.approx(delta)
    assert up.z == pytest.approx(delta / sqrt(sum(1 / cell for cell in cells)))
    p_values = [NormalDist().cdf(-got[name].z) for name in ("up", "new")]
    tested = len(said) - 1
    q_values = false_discovery_control([*p_values, *[1.0] * (tested - 2)])
    assert [up.q_value, got["new"].q_value] == pytest.approx(list(q_values[:2]), rel=1e-4)


def test_chance_alone_seldom_rises(spark: SparkSession):
    rng = np.random.default_rng(5)
    counts = rng.binomial([2000, 2000, 1000], rng.uniform(0.002, 0.05, (3000, 1)))
    rows = weekly({f"w{n}": row.tolist() for n, row in enumerate(counts)}, [2000, 2000, 1000])
    counted = spark.createDataFrame(
        rows, "ngram string, period_start date, document_count bigint, period_document_count bigint"
    )
    assert ngrams.rising(counted).count() == 0


def test_what_cannot_be_is_refused(spark: SparkSession):
    said = frame(spark, [["a"]])
    for n in (0, 11, []):
        with pytest.raises(RetinueError, match="n is"):
            ngrams.count(said, n=n)
    for n in (1, 6):
        with pytest.raises(RetinueError, match="from 2 to 5"):
            ngrams.collocations(said, n=n)
    with pytest.raises(RetinueError, match="least"):
        ngrams.collocations(said, least=0)
    counted = ngrams.count(said, n=1)
    for knobs in ({"limit": 0}, {"limit": 1, "least": 0}):
        with pytest.raises(RetinueError, match="must be 1 or more"):
            ngrams.vocabulary(counted, **knobs)
    dated = said.withColumn("at", F.current_timestamp())
    with pytest.raises(RetinueError, match="did you mean 'week'"):
        ngrams.over_time(dated, at="at", n=1, period="weeks")
    with pytest.raises(RetinueError, match="false discovery rate"):
        ngrams.rising(ngrams.over_time(dated, at="at", n=1), false_discovery_rate=1)
    with pytest.raises(SchemaMismatch):
        ngrams.rising(counted)
    with pytest.raises(SchemaMismatch):
        ngrams.count(spark.createDataFrame([("a b",)], "tokens string"), n=1)
    with pytest.raises(SchemaMismatch):
        ngrams.collocations(said.toDF("words"))
