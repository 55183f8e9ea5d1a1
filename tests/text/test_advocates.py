from __future__ import annotations

from math import sqrt

import pytest
from pyspark.sql import DataFrame, Row, SparkSession

from retinue.errors import RetinueError, SchemaMismatch
from retinue.text import advocates

SAID = {  # network, profile -> compounds, followers
    ("x", "fan"): ([0.6] * 12, 500),
    ("y", "fan"): ([0.6] * 4, 5),
    ("x", "foe"): ([-0.6] * 9 + [0.6], 40),
    ("x", "mixed"): ([0.05, -0.05] * 6, 40),
    ("x", "dull"): ([0.0, 0.04, None], None),
    ("x", None): ([0.9] * 50, 9999),
}


@pytest.fixture(scope="module")
def posts(spark: SparkSession) -> DataFrame:
    rows = [(*who, each, followers) for who, (said, followers) in SAID.items() for each in said]
    kinds = "network string, profile_id string, compound double, follower_count bigint"
    return spark.createDataFrame(rows, kinds)


@pytest.fixture(scope="module")
def found(posts: DataFrame) -> dict[tuple[str, str], Row]:
    return {(row.network, row.profile_id): row for row in advocates.advocates(posts).collect()}


def wilson(hits: int, trials: int, z: float = 1.959964) -> tuple[float, float]:
    middle, share = hits / trials + z * z / (2 * trials), hits / trials
    half = z * sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return (middle - half) / (1 + z * z / trials), (middle + half) / (1 + z * z / trials)


def test_roles_need_evidence(found: dict[tuple[str, str], Row]):
    assert {who: row.role for who, row in found.items()} == {
        ("x", "fan"): "advocate",
        ("y", "fan"): "neutral",  # only four posts
        ("x", "foe"): "detractor",
        ("x", "mixed"): "neutral",
        ("x", "dull"): "neutral",
    }
    foe, dull = found["x", "foe"], found["x", "dull"]
    assert (foe.positive_share_low, foe.positive_share_high) == pytest.approx(wilson(1, 10), rel=1e-6)
    assert (dull.post_count, dull.scored_count, dull.positive_count, dull.negative_count) == (3, 2, 0, 0)
    assert (dull.positive_share, dull.positive_share_low) == (None, None)


def test_few_posts_say_little(found: dict[tuple[str, str], Row]):
    known = [each for (_, who), (said, _) in SAID.items() if who for each in said if each is not None]
    mean = sum(known) / len(known)
    assert found["y", "fan"].mean_compound == pytest.approx((4 * 0.6 + 5 * mean) / 9)
    assert found["x", "fan"].mean_compound == pytest.approx((12 * 0.6 + 5 * mean) / 17)


def test_shares_are_of_all_that_have_an_author(found: dict[tuple[str, str], Row], posts: DataFrame):
    assert found["x", "fan"].post_share == pytest.approx(12 / 41)
    assert found["x", "fan"].reach_share == pytest.approx(500 / 586)
    assert found["x", "dull"].reach == 1  # nothing is said of followers, shares or likes
    roles = {row.role: row for row in advocates.roles(advocates.advocates(posts)).collect()}
    assert {role: row.author_count for role, row in roles.items()} == {
        "advocate": 1,
        "detractor": 1,
        "neutral": 3,
    }
    assert roles["neutral"].post_share == pytest.approx(19 / 41)
    assert roles["neutral"].reach_share == pytest.approx(46 / 586)
    assert sum(row.author_share for row in roles.values()) == pytest.approx(1)


def test_what_cannot_be_is_refused(posts: DataFrame):
    with pytest.raises(RetinueError, match="least_posts is 0"):
        advocates.advocates(posts, least_posts=0)
    with pytest.raises(RetinueError, match="confidence"):
        advocates.advocates(posts, confidence=1)
    with pytest.raises(SchemaMismatch, match="compound"):
        advocates.advocates(posts.drop("compound"))
    with pytest.raises(SchemaMismatch, match="role"):
        advocates.roles(posts)
