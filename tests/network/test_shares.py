from __future__ import annotations

import random
from datetime import datetime, timedelta
from statistics import median

import networkx as nx
import pytest
from pyspark.sql import DataFrame, Row, SparkSession, Window
from pyspark.sql import functions as F

from retinue.errors import RetinueError, SchemaMismatch
from retinue.network import shares
from retinue.samples import small_world

START = datetime(2026, 1, 5)
KINDS = "network string, post_id string, profile_id string, posted_at timestamp, share_of string, "
KINDS += "follower_count bigint"
CHAIN = 17


def post(
    id: str, by: str | None, second: int | None, share_of: str | None = None, followers: int | None = None
) -> tuple[object, ...]:
    at = None if second is None else START + timedelta(seconds=second)
    return ("x", id, by, at, share_of, followers)


def tree() -> list[tuple[object, ...]]:
    """A post passed on two hundred times, now from its author and now from who passed it on."""
    rng = random.Random(4)
    rows = [post("t0", "p0", 0, followers=7)]
    for n in range(1, 200):
        parent = rng.choice(rows[-60:])
        second = int((parent[3] - START).total_seconds()) + rng.randint(1, 500)
        rows.append(post(f"t{n}", f"p{rng.randint(0, 80)}", second, str(parent[1]), rng.randint(0, 30)))
    return rows


TREE = tree()
POSTS = [
    *TREE,
    *(post(f"c{n:02}", f"q{n}", n * n, f"c{n - 1:02}" if n else None) for n in range(CHAIN)),
    *(post(f"s{n}", f"f{n}", 10 * n, "s0" if n else None, followers=5) for n in range(5)),
    ("y", "s0", "f9", START, None, 1000),  # another network's, passed on by nobody
    post("alone", "p1", 5),
    # Two shares of a post that nobody has seen.
    post("u1", "p1", 100, "gone"),
    post("u2", "p2", 160, "u1"),
    post("u3", "p3", 170, "gone"),
    # A circle, of which the earliest is a post of its own; of one time originals are first, then ids.
    post("r1", "p1", 20, "r3"),
    post("r2", "p2", 30, "r1"),
    post("r3", "p3", 30, "r2"),
    post("self", "p3", 30, "self"),
    post("b", "p1", 50),
    post("a", "p2", 50, "b"),
    post("early", "p2", 40, "b"),
    post("no time", "p4", None, "b"),
]


@pytest.fixture(scope="module")
def members(spark: SparkSession) -> DataFrame:
    return shares.members(spark.createDataFrame(POSTS, KINDS)).localCheckpoint()


@pytest.fixture(scope="module")
def found(members: DataFrame) -> dict[str, Row]:
    return {row.root_post_id: row for row in shares.cascades(members).collect()}


def graph() -> nx.DiGraph:
    return nx.DiGraph((row[4], row[1]) for row in TREE[1:])


def test_members_are_placed_in_their_tree(members: DataFrame):
    placed = {row.post_id: row for row in members.collect()}
    assert len(placed) == 200 + CHAIN + 5 + 4 + 3 + 2
    oracle, at = graph(), {row[1]: row[3] for row in TREE}
    depth = nx.shortest_path_length(oracle, "t0")
    for id in oracle:
        row, parent = placed[str(id)], next(oracle.predecessors(id), None)
        assert (row.root_post_id, row.parent_post_id, row.depth) == ("t0", parent, depth[id])
        assert row.passed_on_count == len(nx.descendants(oracle, id))
        assert row.delay_seconds == (None if parent is None else (at[id] - at[parent]).total_seconds())
        assert (row.started_by, row.started_at) == ("p0", START)
    assert [placed[f"c{n:02}"].depth for n in range(CHAIN)] == list(range(CHAIN))
    assert [placed[f"c{n:02}"].passed_on_count for n in range(CHAIN)] == list(reversed(range(CHAIN)))


def test_what_is_not_known_or_cannot_be(members: DataFrame):
    told = {row.post_id: (row.root_post_id, row.parent_post_id, row.depth) for row in members.collect()}
    assert {id: told[id] for id in ("gone", "u1", "u2", "u3")} == {
        "gone": ("gone", None, 0),
        "u1": ("gone", "gone", 1),
        "u2": ("gone", "u1", 2),
        "u3": ("gone", "gone", 1),
    }
    assert {id: told.get(id) for id in ("r1", "r2", "r3", "self")} == {
        "r1": ("r1", None, 0),
        "r2": ("r1", "r1", 1),
        "r3": ("r1", "r2", 2),
        "self": None,
    }
    assert {id: told.get(id) for id in ("a", "b", "early", "no time", "alone")} == {
        "a": ("b", "b", 1),
        "b": ("b", None, 0),
        "early": None,
        "no time": None,
        "alone": None,
    }


def test_cascades_have_their_shape(found: dict[str, Row]):
    assert sorted(found) == ["b", "c00", "gone", "r1", "s0", "t0"]
    oracle, row = graph(), found["t0"]
    depths = list(nx.shortest_path_length(oracle, "t0").values())
    assert (row.share_count, row.depth) == (199, max(depths))
    assert row.participant_count == len({each[2] for each in TREE})
    assert row.breadth == max(map(depths.count, depths))
    distance = nx.average_shortest_path_length(oracle.to_undirected())
    assert row.structural_virality == pytest.approx(distance)
    seconds = sorted((each[3] - START).total_seconds() for each in TREE[1:])
    assert row.half_after_seconds == seconds[99]  # the hundredth of 199
    at = {each[1]: each[3] for each in TREE}
    delays = [(each[3] - at[each[4]]).total_seconds() for each in TREE[1:]]
    assert row.median_delay_seconds == median(delays)
    assert found["c00"].structural_virality == pytest.approx((CHAIN + 1) / 3)
    star = found["s0"]
    assert star.structural_virality == pytest.approx((4 * 1 + 6 * 2) / 10)
    assert (star.network, star.share_count, star.depth, star.breadth) == ("x", 4, 1, 4)
    assert (star.median_delay_seconds, star.half_after_seconds) == (25, 20)
    unknown = found["gone"]
    assert (unknown.started_by, unknown.started_at, unknown.half_after_seconds) == (None, None, None)
    assert (unknown.share_count, unknown.participant_count, unknown.median_delay_seconds) == (3, 3, 60)


def test_reach_by_follower_counts(members: DataFrame, found: dict[str, Row]):
    assert found["s0"].effective_reach == 25
    assert found["c00"].effective_reach == CHAIN - 1  # no counts, but so many shared
    most: dict[object, int] = {}
    for row in TREE:
        most[row[2]] = max(most.get(row[2], 0), int(str(row[5])))
    assert found["t0"].effective_reach == sum(most.values())
    few = {row.root_post_id: row.effective_reach for row in shares.cascades(members, people=20).collect()}
    assert (few["s0"], few["b"]) == (20, 1)


def test_reach_by_ties_counts_people_once(spark: SparkSession, members: DataFrame):
    ties = [("f1", "f0"), ("f2", "f1"), ("f0", "f1"), ("z", "f0"), ("z", "f1"), ("w", "f4"), ("v", "f9")]
    follows = spark.createDataFrame([*ties, *ties, ("s", "s"), (None, "f1")], "src string, dst string")
    reach = {row.root_post_id: row.effective_reach for row in shares.cascades(members, follows).collect()}
    assert reach["s0"] == 6  # f1 to f4, z and w
    assert reach["c00"] == CHAIN - 1
    assert reach["gone"] == 3
    starters = {row.profile_id: row.effective_reach for row in shares.starters(members, follows).collect()}
    assert starters["f0"] == 6


def test_starters(members: DataFrame):
    rows = {row.profile_id: row for row in shares.starters(members).collect()}
    assert sorted(rows) == ["f0", "p0", "p1", "q0"]
    own = sum(row[2] == "p0" for row in TREE[1:])
    assert (rows["p0"].cascade_count, rows["p0"].share_count) == (1, 199 - own)
    assert own > 0
    assert (rows["p1"].cascade_count, rows["p1"].share_count, rows["p1"].median_depth) == (2, 3, 1.5)
    assert rows["p1"].effective_reach == 2  # p2 and p3, each once


def test_shares_are_taken_from_the_latest_who_is_followed(spark: SparkSession):
    posts = [
        post("o", "ann", 0),
        post("1", "bob", 10, "o"),
        post("2", "cid", 20, "o"),
        post("3", "dan", 30, "o"),
        post("4", "eve", 30, "o"),
        post("5", "bob", 40, "o"),
        post("6", "fay", 5, "o"),
        post("7", "dan", 90, "2"),
        post("8", "cid", 95),
    ]
    ties = [("cid", "bob"), ("dan", "bob"), ("dan", "cid"), ("eve", "dan"), ("dan", "eve"), ("fay", "bob")]
    follows = spark.createDataFrame([*ties, ("bob", "bob"), ("eve", "ann")], "src string, dst string")
    told = shares.through_follows(spark.createDataFrame(posts, KINDS), follows)
    assert told.columns == [name.split()[0] for name in KINDS.split(", ")]
    assert {row.post_id: row.share_of for row in told.collect()} == {
        "o": None,
        "1": "o",
        "2": "1",
        "3": "2",
        "4": "3",
        "5": "o",
        "6": "o",
        "7": "2",
        "8": None,
    }


def test_the_influencer_of_the_small_world_starts_most(spark: SparkSession):
    world = small_world(spark, visitors=100, days=14)
    posts = world.posts.withColumn("share_of", F.lit(None).cast("string"))
    drawn = F.row_number().over(Window.partitionBy("post_id").orderBy(F.xxhash64("src", "post_id")))
    reposts = (
        posts.join(world.follows, F.col("dst") == F.col("profile_id"))
        .withColumn("drawn", drawn)
        .where("drawn <= share_count")  # as many followers as the post was shared times pass it on
        .withColumns({"share_of": F.col("post_id"), "post_id": F.concat_ws("-", "post_id", "src")})
        .withColumns(
            {"profile_id": F.col("src"), "posted_at": F.timestamp_add("MINUTE", "drawn", "posted_at")}
        )
    )
    said = posts.unionByName(reposts.select(posts.columns))
    members = shares.members(shares.through_follows(said, world.follows)).localCheckpoint()
    best = shares.starters(members, world.follows).orderBy("share_count", "profile_id").tail(1)[0]
    assert best.profile_id == world.truth.influencer
    assert best.median_depth > 1
    assert best.effective_reach >= world.follows.where(F.col("dst") == best.profile_id).count()


def test_what_cannot_be_is_refused(spark: SparkSession, members: DataFrame):
    posts = spark.createDataFrame(POSTS[:1], KINDS)
    with pytest.raises(SchemaMismatch, match="share_of"):
        shares.members(posts.drop("share_of"))
    with pytest.raises(RetinueError, match="people is 0"):
        shares.cascades(members, people=0)
    with pytest.raises(SchemaMismatch, match="bigint, string"):
        shares.through_follows(posts, spark.createDataFrame([(1, 2)], "src bigint, dst bigint"))
    assert shares.cascades(shares.members(posts)).collect() == []
