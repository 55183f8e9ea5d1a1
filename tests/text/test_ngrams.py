from __future__ import annotations

import random
from collections import Counter

import pytest
from nltk.collocations import BigramAssocMeasures, BigramCollocationFinder
from pyspark.sql import DataFrame, SparkSession

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


def test_what_cannot_be_is_refused(spark: SparkSession):
    said = frame(spark, [["a"]])
    for n in (0, 11, []):
        with pytest.raises(RetinueError, match="n is"):
            ngrams.count(said, n=n)
    with pytest.raises(RetinueError, match="least"):
        ngrams.collocations(said, least=0)
    with pytest.raises(SchemaMismatch):
        ngrams.count(spark.createDataFrame([("a b",)], "tokens string"), n=1)
    with pytest.raises(SchemaMismatch):
        ngrams.collocations(said.toDF("words"))
