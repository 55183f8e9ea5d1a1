from __future__ import annotations

import random

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler, Levenshtein

from retinue.errors import RetinueError, SchemaMismatch
from retinue.text import distance

PEERS = {
    "levenshtein": Levenshtein.distance,
    "damerau": DamerauLevenshtein.distance,
    "jaro_winkler": JaroWinkler.distance,
}
CASES = [
    *(("levenshtein", k) for k in (0, 1, 2, 4, 7)),
    *(("damerau", k) for k in (0, 1, 2)),
    *(("jaro_winkler", k) for k in (0, 0.05, 0.1, 0.2, 0.39)),
]


def words(seed: int, count: int, letters: str = "ab😀é", most: int = 9) -> list[str]:
    rng = random.Random(seed)
    return ["".join(rng.choices(letters, k=rng.randint(0, most))) for _ in range(count)]


def frame(spark: SparkSession, texts: list[str | None]) -> DataFrame:
    return spark.createDataFrame(list(enumerate(texts)), "id int, name string")


@pytest.mark.parametrize("measure", PEERS)
def test_distances_are_those_of_rapidfuzz(measure: str, spark: SparkSession):
    ones, others = (words(seed, 100_000, "abcdeé😀👍🏽 ", 14) for seed in (1, 2))
    rows = spark.createDataFrame(list(zip(ones, others, strict=True)), "one string, other string")
    told = getattr(distance, measure)(F.col("one"), F.col("other"))
    got = [row.told for row in rows.select(told.alias("told")).collect()]
    assert got == [PEERS[measure](one, other) for one, other in zip(ones, others, strict=True)]
    nulls = spark.createDataFrame([("a", None)], "one string, other string").select(told.alias("told"))
    assert nulls.collect()[0].told is None


@pytest.mark.parametrize(("measure", "most"), CASES)
def test_pairs_are_those_by_brute_force(measure: str, most: float, spark: SparkSession):
    ones, others = words(3, 120), words(4, 120)
    left, right = frame(spark, [*ones, None]), frame(spark, [*others, None]).withColumnRenamed("id", "number")
    near = distance.pairs_within(left, right, on="name", distance=most, measure=measure)
    assert near.columns == ["id", "left_name", "number", "right_name", "distance"]
    told = PEERS[measure]
    assert sorted((row.id, row.number, row.distance) for row in near.collect()) == [
        (i, j, told(one, other))
        for i, one in enumerate(ones)
        for j, other in enumerate(others)
        if told(one, other) <= most
    ]


def test_a_frame_with_itself_gives_both_orders_and_each_row_with_itself(spark: SparkSession):
    names = frame(spark, ["anna", "anne", "anna", "bob"])
    near = distance.pairs_within(names, names, on="name", distance=1)
    assert near.columns == ["left_id", "left_name", "right_id", "right_name", "distance"]
    got = sorted((row.left_id, row.right_id, row.distance) for row in near.collect())
    expected = [(0, 0, 0), (0, 1, 1), (0, 2, 0), (1, 0, 1), (1, 1, 0), (1, 2, 1), (2, 0, 0), (2, 1, 1)]
    assert got == [*expected, (2, 2, 0), (3, 3, 0)]


def test_long_lists_are_not_compared_each_with_each(spark: SparkSession):
    rng = random.Random(5)
    names = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=12)) for _ in range(20_000)]
    typos = [name[:5] + "?" + name[6:] for name in names]
    near = distance.pairs_within(frame(spark, names), frame(spark, typos), on="name", distance=1)
    assert near.count() == 20_000, "4e8 comparisons would not end"


def test_what_cannot_be_is_refused(spark: SparkSession):
    names = frame(spark, ["a"])
    with pytest.raises(RetinueError, match="did you mean 'levenshtein'"):
        distance.pairs_within(names, names, on="name", distance=1, measure="levenstein")
    for measure, most in (("levenshtein", 1.5), ("damerau", -1), ("levenshtein", 99), ("jaro_winkler", 0.4)):
        with pytest.raises(RetinueError, match="distance is"):
            distance.pairs_within(names, names, on="name", distance=most, measure=measure)
    with pytest.raises(SchemaMismatch):
        distance.pairs_within(names, names.drop("name"), on="name", distance=1)
