from __future__ import annotations

import random

import pytest
from clickstream.searches.visits import CLICK, hit, miss, sessionized
from oracles import searches as oracle
from pyspark.sql import DataFrame, SparkSession

from retinue.clickstream import searches
from retinue.clickstream.searches.synonyms import near_pairs
from retinue.errors import RetinueError

_SEARCHES = "session_id string, searches array<struct<query: string, reason: string>>"


def suggested(sessions: DataFrame, **knobs) -> list[tuple]:
    return sorted(map(tuple, searches.suggest_synonyms(sessions, **knobs).collect()))


def garbled(draw: random.Random, word: str) -> str:
    letters = list(word)
    for _ in range(draw.randrange(4)):
        place = draw.randrange(len(letters) + 1)
        letters[place : place + draw.randrange(2)] = draw.choice(["", "x", "a", " ", "é", "😀"])
    return "".join(letters)


@pytest.mark.parametrize(
    "knobs",
    [
        {"failing_rate": 0.5, "min_similarity": 0.5, "min_refined": 2, "limit": 3},
        {"failing_rate": 0.3, "min_similarity": 0.7, "min_refined": 9, "limit": 99},
        {"failing_rate": 1.0, "min_similarity": 0.2, "min_refined": 1, "limit": 99},
    ],
)
def test_suggestions_as_brute_force_finds_them(spark: SparkSession, knobs) -> None:
    draw = random.Random(5)
    words = [
        "hat",
        "ox",
        "red shoes",
        "shoes red",
        "laundry basket",
        "aaaaaaaa",
        "the hat",
        "日本の帽子",
        "mississippi",
    ]
    pool = [garbled(draw, draw.choice(words)) for _ in range(150)] + [None, "the"]
    sessions = [
        [(draw.choice(pool), draw.choice([None, "zero_results"])) for _ in range(draw.randrange(1, 6))]
        for _ in range(250)
    ] + [[("hat", "no_click"), ("kettle", None)]] * 2
    frame = spark.createDataFrame([(str(n), asked) for n, asked in enumerate(sessions)], _SEARCHES)
    found = suggested(frame, **knobs)
    wanted = oracle.suggestions(sessions, **knobs)
    assert [row[:4] + row[5:] for row in found] == [row[:4] + row[5:] for row in wanted]
    assert [row[4] for row in found] == pytest.approx([row[4] for row in wanted])
    assert len(found) > 25


def test_the_words_that_sessions_went_on_with_come_first(spark: SparkSession) -> None:
    sessions = {
        "a": [miss("sofa"), hit("Couch"), CLICK],
        "b": [miss("sofa"), hit("couch")],
        "c": [miss("sofa"), miss("couch"), hit("couch")],
        "d": [miss("sofa"), hit("lamp")],
        "e": [hit("sofas"), hit("soda")],
    }
    searched = searches.search_sessions(sessionized(spark, sessions))
    assert suggested(searched) == [
        ("sofa", 1, "couch", 4, 0.0, 2, 3, 4),
        ("sofa", 2, "sofas", 1, 4 / 9, 0, 1, 4),
        ("sofa", 3, "soda", 1, 3 / 9, 0, 1, 4),
    ]
    assert [row[2] for row in suggested(searched, min_refined=1)] == ["couch", "lamp", "sofas"]


def test_a_word_in_every_term_brings_none_together(spark: SparkSession) -> None:
    draw = random.Random(2)
    words = ["the best " + "".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=8)) for _ in range(2_000)]
    terms = spark.createDataFrame(
        [(word, n % 2 == 0) for n, word in enumerate(words)], "term string, fails boolean"
    )
    assert near_pairs(terms, 0.8).count() < 0.05 * 1_000 * 1_000


def test_what_cannot_be_is_refused(searched: DataFrame) -> None:
    with pytest.raises(RetinueError, match="min_similarity is 0; it must lie above 0"):
        searches.suggest_synonyms(searched, min_similarity=0)
