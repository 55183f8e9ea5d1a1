from __future__ import annotations

from collections import Counter
from math import log, sqrt

import pytest
from pyspark.sql import SparkSession

from retinue.errors import RetinueError, SchemaMismatch
from retinue.text import themes

OURS = [["late", "late", "parcel", "the"], ["the", "late"], []]
THEIRS = [["the", "the", "nice", "parcel"], ["the", "nice"]]


@pytest.mark.parametrize("weight", [1.0, 0.1])
def test_keyness_is_the_paper_s_formula(weight: float, spark: SparkSession):
    focus, background = (
        spark.createDataFrame([(each,) for each in said], "tokens array<string>") for said in (OURS, THEIRS)
    )
    ours, theirs = (Counter(word for each in said for word in each) for said in (OURS, THEIRS))
    n, m = ours.total(), theirs.total()
    got = {row.token: row for row in themes.keyness(focus, background, prior_weight=weight).collect()}
    assert got.keys() == ours.keys() | theirs.keys()
    for word, row in got.items():
        prior, priors = weight * (ours[word] + theirs[word]), weight * (n + m)
        here, there = ours[word] + prior, theirs[word] + prior
        delta = log(here / (n + priors - here)) - log(there / (m + priors - there))
        assert row.log_odds == pytest.approx(delta)
        assert row.z == pytest.approx(delta / sqrt(1 / here + 1 / there))
        assert (row.focus_count, row.background_count) == (ours[word], theirs[word])
    assert max(got, key=lambda word: got[word].z) == "late"
    assert min(got, key=lambda word: got[word].z) == "nice"


def test_labels_are_the_paper_s_weights(spark: SparkSession):
    said = {"late": OURS, "nice": THEIRS, None: [["late"] * 9]}
    rows = [(group, each) for group, texts in said.items() for each in texts]
    frame = spark.createDataFrame(rows, "brand string, tokens array<string>")
    counts = {group: Counter(word for each in said[group] for word in each) for group in ("late", "nice")}
    everywhere, mean = sum(counts.values(), Counter()), sum(each.total() for each in counts.values()) / 2
    expected = {
        (group, word): each[word] / each.total() * log(1 + mean / everywhere[word])
        for group, each in counts.items()
        for word in each
    }
    got = {(row.brand, row.token): row for row in themes.labels(frame, by="brand").collect()}
    assert {pair: row.weight for pair, row in got.items()} == pytest.approx(expected)
    first = {row.brand: row.token for row in themes.labels(frame, by="brand", limit=1).collect()}
    assert first == {"late": "late", "nice": "nice"}
    assert {row.rank for row in got.values() if row.brand == "late"} == {1, 2, 3}


def test_what_cannot_be_is_refused(spark: SparkSession):
    said = spark.createDataFrame([(["a"],)], "tokens array<string>")
    with pytest.raises(RetinueError, match="prior_weight"):
        themes.keyness(said, said, prior_weight=0)
    with pytest.raises(SchemaMismatch):
        themes.keyness(said, said.toDF("words"))
    with pytest.raises(SchemaMismatch):
        themes.labels(said, by="brand")
    with pytest.raises(RetinueError, match="limit"):
        themes.labels(said, by="tokens", limit=0)
