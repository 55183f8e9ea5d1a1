from __future__ import annotations

import random
from collections import Counter
from itertools import combinations
from math import log

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from scipy.stats import ks_1samp, uniform

from retinue import samples
from retinue.errors import RetinueError, SchemaMismatch
from retinue.text import tokens, topics

SAID = [[f"{theme}{n}" for n in range(12)] for theme in "abcd"]


def earned(world: samples.SmallWorld) -> DataFrame:
    """What people say themselves, without stop words and what was pasted."""
    posts = world.posts.join(world.post_labels, "post_id").where("media_class = 'earned' AND NOT is_pasted")
    return tokens.without_stop_words(tokens.tokenize(posts)).select("post_id", "tokens").localCheckpoint()


def clean(spark: SparkSession, documents: int = 400) -> DataFrame:
    rng = random.Random(4)
    rows = [(n, rng.choices(SAID[n % 4], k=6) + rng.choices("xyz", k=2)) for n in range(documents)]
    return spark.createDataFrame(rows, "id int, tokens array<string>")


def test_planted_themes_are_found(spark: SparkSession):
    world = samples.small_world(spark, seed=0, visitors=600)
    found = topics.fit(earned(world), key="post_id", count=10, iterations=30)
    real = [set(row.words) for row in found.topics.where("is_real").collect()]
    for words in world.truth.themes.values():
        assert max(len(told.intersection(words)) for told in real) >= 4


def test_quiet_worlds_have_no_topics(spark: SparkSession):
    for seed in (0, 1):
        world = samples.small_world(spark, seed=seed, quiet=True)
        found = topics.fit(earned(world), key="post_id", count=8, iterations=20)
        assert found.topics.where("is_real").isEmpty()


def test_clean_topics_with_their_words_and_documents(spark: SparkSession):
    said = clean(spark).localCheckpoint()
    found = topics.fit(said, key="id", count=6, iterations=20)
    told = {row.topic: row for row in found.topics.collect()}
    letter = {n: Counter(word[0] for word in row.words).most_common(1)[0][0] for n, row in told.items()}
    assert {letter[n] for n, row in told.items() if row.is_real} == set("abcd")
    documents = found.documents.join(said, "id").collect()
    assert len(documents) == 400
    assert np.mean([letter[row.topic] == row.tokens[0][0] for row in documents]) > 0.9
    assert {n: row.document_count for n, row in told.items()} == {
        n: sum(row.topic == n for row in documents) for n in told
    }
    assert all(0 < row.weight <= 1 for row in documents)

    words = found.words.toPandas()
    assert words.groupby("topic")["weight"].sum().to_list() == pytest.approx([1.0] * 6)
    heaviest_first = words.sort_values(["topic", "weight", "token"], ascending=[True, False, True])
    assert (words.groupby("topic").size() == len(set(words["token"]))).all()
    assert (heaviest_first.groupby("topic").cumcount() + 1 == heaviest_first["rank"]).all()

    again = topics.fit(said.repartition(5, F.rand(1)), key="id", count=6, iterations=20)
    assert again.words.toPandas().equals(words), "however the rows lie"

    fewer = topics.fit(said.where("id % 50 != 7"), key="id", count=6, iterations=20)
    new, old = (
        each.words.join(each.topics.where("is_real").select("topic"), "topic") for each in (fewer, found)
    )
    ids = topics.match(new, old.withColumnRenamed("topic", "topic_id")).join(fewer.topics, "topic").collect()
    known = [row for row in ids if row.similarity is not None]
    assert all(Counter(word[0] for word in row.words)[letter[row.topic_id]] >= 4 for row in known)
    assert {letter[row.topic_id] for row in known} == set("abcd"), "some posts fewer, the same themes"


def test_ids_by_the_best_pairing_and_never_twice(spark: SparkSession):
    weighed = "token string, weight double"
    new = [(0, "a", 1.0), (1, "a", 0.8), (1, "b", 0.6), (2, "q", 1.0), (3, "c", 0.3), (3, "d", 0.4)]
    old = [(7, "a", 2.0), (7, "b", 1.0), (4, "a", 5.0), (9, "c", 0.4), (9, "e", 0.6)]
    words = spark.createDataFrame(new, f"topic int, {weighed}")
    previous = spark.createDataFrame(old, f"topic_id bigint, {weighed}")
    got = {row.topic: (row.topic_id, row.similarity) for row in topics.match(words, previous).collect()}
    assert got == {
        0: (4, pytest.approx(1.0)),
        1: (7, pytest.approx((1.6 + 0.6) / 5**0.5)),
        2: (10, None),
        3: (11, None),
    }
    later = {row.topic: row.topic_id for row in topics.match(words, previous, after=20).collect()}
    assert later == {0: 4, 1: 7, 2: 21, 3: 22}
    near = {row.topic: row.topic_id for row in topics.match(words, previous, least=0.3).collect()}
    assert near[3] == 9
    first = {row.topic: row.topic_id for row in topics.match(words, previous.limit(0)).collect()}
    assert first == {0: 1, 1: 2, 2: 3, 3: 4}


def test_coherence_and_chance_by_hand(spark: SparkSession):
    rng = random.Random(8)
    said = [rng.sample("abcdefghijkl", k=rng.randint(2, 9)) for _ in range(300)]
    frame = spark.createDataFrame([(each + each[:1],) for each in said], "tokens array<string>")
    chosen = [list("abc"), list("cdef")]
    share = {
        frozenset(each): sum(set(each) <= set(words) for words in said) / 300
        for size in (1, 2)
        for each in combinations("abcdef", size)
    }
    for (_, words, coherence, pairs, expected, *_), letters in zip(
        topics._judged(frame, chosen, false_alarm=0.01), chosen, strict=True
    ):
        npmi = [
            log(share[frozenset((a, b))] / (share[frozenset(a)] * share[frozenset(b)]))
            / -log(share[frozenset((a, b))])
            for a, b in combinations(letters, 2)
        ]
        assert (words, coherence) == (letters, pytest.approx(np.mean(npmi)))
        assert pairs == sum(
            len(set(words) & set(letters)) * (len(set(words) & set(letters)) - 1) // 2 for words in said
        )
        slots = sum(map(len, said))
        alike = sum(len(each) * (len(each) - 1) for each in said) / (slots * (slots - 1))
        by_chance = sum(
            share[frozenset(a)] * share[frozenset(b)] * 300**2 for a, b in combinations(letters, 2)
        )
        assert expected == pytest.approx(by_chance * max(alike, 1 / 300))


def test_p_values_hold_where_words_are_dealt_out(spark: SparkSession):
    """Of documents of many lengths, filled at random, no more p-values are small than there should be."""
    rng = np.random.default_rng(6)
    shares = 1 / np.arange(3, 2003)
    rows = [
        (rng.choice(2000, size=size, replace=False, p=shares / shares.sum()).astype(str).tolist(),)
        for size in rng.geometric(0.1, 600).clip(1, 40)
    ]
    frame = spark.createDataFrame(rows, "tokens array<string>")
    chosen = [rng.choice(np.arange(10, 200), size=8, replace=False).astype(str).tolist() for _ in range(60)]
    judged = topics._judged(frame, chosen, false_alarm=0.01)
    p_values = [row[5] for row in judged]
    assert not any(row[6] for row in judged)
    assert ks_1samp(p_values, uniform.cdf, alternative="greater").pvalue > 0.001


def test_what_cannot_be_is_refused(spark: SparkSession):
    said = clean(spark, 8)
    for knobs in ({"count": 1}, {"count": 2, "held_out": 1.0}, {"count": 2, "least": 0}):
        with pytest.raises(RetinueError, match="must"):
            topics.fit(said, key="id", **knobs)
    with pytest.raises(RetinueError, match="no token is in 99 documents"):
        topics.fit(said, key="id", count=2, least=99)
    with pytest.raises(SchemaMismatch):
        topics.fit(said, key="post_id", count=2)
    with pytest.raises(SchemaMismatch):
        topics.match(said, said)
