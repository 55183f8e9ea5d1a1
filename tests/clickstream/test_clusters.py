from __future__ import annotations

import random
from collections import Counter
from statistics import mean

import pytest
from oracles.paths import steps
from pyspark.sql import DataFrame, SparkSession
from scipy.stats import binomtest
from sklearn.metrics import adjusted_rand_score

from retinue.clickstream import clusters
from retinue.errors import RetinueError, SchemaMismatch

SCHEMA = "visitor_id string, session_id string, event_index bigint, page string, event_type string"
KINDS = {  # which pages a kind of visit goes round on, and how many sessions are of it
    "buyers": (["product", "cart", "checkout", "payment"], 60),
    "readers": (["blog", "article", "author", "comments"], 40),
    "in need of help": (["contact", "faq", "manual", "ticket"], 20),
}


@pytest.fixture(scope="module")
def sessions() -> list[tuple[str, list[str], bool]]:
    """Kind, pages and whether it bought: everybody begins at home and takes a wrong turn now and then."""
    draw = random.Random(51)
    pages = [page for pages, _ in KINDS.values() for page in pages]
    planned = []
    for kind, (own, size) in KINDS.items():
        for _ in range(size):
            steps = ["home", *draw.sample(own, draw.randrange(2, 5))]
            steps += [draw.choice(pages)] if draw.random() < 0.2 else []
            planned.append((kind, steps, draw.random() < (0.7 if kind == "buyers" else 0.1)))
    return planned


@pytest.fixture(scope="module")
def rows(sessions) -> list[tuple]:
    return [
        (f"v{number % 50}", f"s{number}", place, page, "purchase" if bought and place == 1 else "page_view")
        for number, (_, pages, bought) in enumerate(sessions)
        for place, page in enumerate(pages, start=1)
    ]


@pytest.fixture(scope="module")
def clustered(spark: SparkSession, rows) -> DataFrame:
    return clusters.cluster_paths(spark.createDataFrame(rows, SCHEMA), k=3).cache()


def test_the_planted_kinds_are_found_and_the_largest_comes_first(clustered, sessions) -> None:
    found = {row.session_id: row for row in clustered.collect()}
    assert len(found) == len(sessions)
    planted = [kind for kind, _, _ in sessions]
    numbers = [found[f"s{number}"].cluster_id for number in range(len(sessions))]
    assert adjusted_rand_score(planted, numbers) > 0.95
    sizes = Counter(numbers)
    assert sorted(sizes, key=lambda number: -sizes[number]) == [1, 2, 3]
    assert {row.session_id: (row.path, row.is_converted) for row in found.values()} == {
        f"s{number}": (list(steps(pages, collapse=True)), bought)
        for number, (_, pages, bought) in enumerate(sessions)
    }


def test_the_order_and_place_of_the_rows_change_nothing(spark: SparkSession, rows, clustered) -> None:
    shuffled = random.Random(52).sample(rows, len(rows))
    again = clusters.cluster_paths(spark.createDataFrame(shuffled, SCHEMA).repartition(7), k=3)
    numbers = {(row.session_id, row.cluster_id) for row in again.select("session_id", "cluster_id").collect()}
    assert numbers == {(row.session_id, row.cluster_id) for row in clustered.collect()}


def test_each_cluster_is_described_by_what_it_has_more_of(clustered) -> None:
    sessions = clustered.collect()
    described = clusters.describe_clusters(clustered, limit=3).orderBy("cluster_id").collect()
    assert [row.cluster_id for row in described] == [1, 2, 3]
    for row in described:
        own = [session for session in sessions if session.cluster_id == row.cluster_id]
        bought = sum(session.is_converted for session in own)
        assert (row.session_count, row.share) == (len(own), len(own) / len(sessions))
        assert (row.conversion_count, row.conversion_rate) == (bought, bought / len(own))
        interval = binomtest(bought, len(own)).proportion_ci(method="wilson")
        assert (row.low, row.high) == pytest.approx((interval.low, interval.high))
        assert row.mean_length == mean(len(session.path) for session in own)
        paths = Counter(tuple(session.path) for session in own)
        assert tuple(row.typical_path) == min(paths, key=lambda path: (-paths[path], path))

        def share(step: str, among: list) -> float:
            return sum(step in session.path for session in among) / len(among)

        excess = {step: share(step, own) - share(step, sessions) for session in own for step in session.path}
        wanted = sorted((step for step in excess if excess[step] > 0), key=lambda step: (-excess[step], step))
        assert [step.step for step in row.steps] == wanted[:3]
        for step in row.steps:
            assert step.share == share(step.step, own)
            assert step.lift == pytest.approx(step.share / share(step.step, sessions))


def test_few_paths_give_few_clusters_and_none_gives_none(spark: SparkSession) -> None:
    rows = [("v", f"s{number}", 1, "ab"[number % 3 == 0], None) for number in range(9)]
    frame = spark.createDataFrame(rows, SCHEMA)
    found = clusters.cluster_paths(frame, k=5, tries=1).collect()
    assert {(row.path[0], row.cluster_id) for row in found} == {("a", 1), ("b", 2)}
    alike = clusters.describe_clusters(
        clusters.cluster_paths(frame.where("page = 'a'"), k=2, tries=1)
    ).collect()
    assert [(row.cluster_id, row.share, row.steps) for row in alike] == [(1, 1.0, [])]
    assert clusters.cluster_paths(frame.where("false"), k=2).collect() == []


def test_what_cannot_be_is_refused(clustered) -> None:
    with pytest.raises(RetinueError, match="k is 1; it must be 2 or more"):
        clusters.cluster_paths(clustered, k=1)
    with pytest.raises(RetinueError, match="most_terms is 0; it must be 1 or more"):
        clusters.cluster_paths(clustered, k=2, most_terms=0)
    with pytest.raises(SchemaMismatch, match="a description of clusters needs the column is_converted"):
        clusters.describe_clusters(clustered.drop("is_converted"))
