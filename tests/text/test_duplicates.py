from __future__ import annotations

import random

import pytest
from pyspark.sql import DataFrame, SparkSession

from retinue.errors import RetinueError, SchemaMismatch
from retinue.text import duplicates

WORDS = [f"word{n}" for n in range(300)]


def frame(spark: SparkSession, texts: list[list[str] | None]) -> DataFrame:
    return spark.createDataFrame(
        [(i, i // 3, text) for i, text in enumerate(texts)], "id int, at int, tokens array<string>"
    )


def shingles(words: list[str]) -> set[tuple[str, ...]]:
    return {tuple(words[i : i + 3]) for i in range(max(1, len(words) - 2))}


def likeness(one: list[str], other: list[str]) -> float:
    a, b = shingles(one), shingles(other)
    return len(a & b) / len(a | b)


def test_copies_go_back_to_the_earliest_and_nothing_else_does(spark: SparkSession):
    rng = random.Random(8)
    texts = [rng.choices(WORDS, k=rng.randint(12, 40)) for _ in range(400)]
    originals = {}
    for number in range(0, 400, 8):
        for _ in range(rng.randint(1, 6)):
            copy = list(texts[number])
            if rng.random() < 0.7:
                copy[-1] = "changed"
            originals[len(texts)] = number
            texts.append(copy)
    got = {
        row.id: row
        for row in duplicates.near_duplicates(frame(spark, texts), key="id", at="at", threshold=0.7).collect()
    }
    assert {id: row.original for id, row in got.items()} == originals
    for id, row in got.items():
        assert row.copy_count == sum(root == row.original for root in originals.values())
        assert row.similarity >= 0.7
        assert any(row.similarity == pytest.approx(likeness(texts[id], texts[other])) for other in range(id))


def test_a_chain_of_small_changes_goes_back_to_its_first(spark: SparkSession):
    texts = [[f"a{n + max(0, step - n)}" for n in range(40)] for step in range(12)]
    got = {
        row.id: row for row in duplicates.near_duplicates(frame(spark, texts), key="id", at="at").collect()
    }
    assert {row.original for row in got.values()} == {0}
    assert sorted(got) == list(range(1, 12))
    assert {row.copy_count for row in got.values()} == {11}


def test_short_empty_and_missing_texts(spark: SparkSession):
    texts = [["win"], None, [], ["win"], ["lose"], [], ["win", "now"]]
    got = duplicates.near_duplicates(frame(spark, texts), key="id", at="at").collect()
    assert [(row.id, row.original, row.similarity, row.copy_count) for row in got] == [(3, 0, 1.0, 1)]


def test_what_cannot_be_is_refused(spark: SparkSession):
    said = frame(spark, [["a"]])
    with pytest.raises(RetinueError, match="threshold"):
        duplicates.near_duplicates(said, key="id", at="at", threshold=0)
    with pytest.raises(RetinueError, match="shingle"):
        duplicates.near_duplicates(said, key="id", at="at", shingle=0)
    with pytest.raises(SchemaMismatch):
        duplicates.near_duplicates(said, key="id", at="when")
