from __future__ import annotations

from datetime import date

import networkx as nx
import pytest
from pyspark.sql import SparkSession

from retinue.network import influencers


def test_influence_favour_and_loyalty_are_told_apart_and_multiplied(spark: SparkSession):
    ranks = spark.createDataFrame([("a", 0.5), ("b", 0.2), ("c", 0.3)], "id string, pagerank double")
    posts = spark.createDataFrame(
        [("a", -0.8), ("a", -0.4), ("b", 0.6), ("b", None), ("z", 0.6)], "id string, compound double"
    )
    buys = spark.createDataFrame([("b", date(2026, 1, n)) for n in (1, 1, 2, 3)], "id string, acted_on date")
    told = {
        row["id"]: row for row in influencers.beside_advocates(ranks, posts, buys, prior_posts=2).collect()
    }
    assert told.keys() == {"a", "b"}  # c said nothing, z is not in the graph
    mean = (-0.8 - 0.4 + 0.6 + 0.6) / 4
    loud, fond = told["a"], told["b"]
    assert (loud["influence"], fond["influence"]) == (1.0, pytest.approx(0.4))
    assert loud["favour"] == pytest.approx((1 + (-1.2 + 2 * mean) / 4) / 2)
    assert fond["favour"] == pytest.approx((1 + (0.6 + 2 * mean) / 3) / 2)
    assert (loud["loyalty"], loud["buy_days"]) == (0, 0)
    assert (fond["loyalty"], fond["buy_days"], fond["post_count"]) == (0.75, 3, 2)
    assert fond["advocacy"] == pytest.approx(0.4 * fond["favour"] * 0.75)


def test_influence_on_a_topic_begins_with_those_who_talk_of_it(spark: SparkSession):
    graph = nx.gnp_random_graph(40, 0.08, seed=2, directed=True)
    edges = spark.createDataFrame([(f"{a}", f"{b}") for a, b in graph.edges], "src string, dst string")
    said = [(f"{n % 7}", "tea") for n in range(11)] + [
        ("30", "rum"),
        ("31", "rum"),
        ("nobody", "rum"),
        ("3", None),
    ]
    posts = spark.createDataFrame(said, "id string, topic string")
    told = influencers.on_topics(edges, posts, by="topic", limit=5).collect()
    for topic, own in (
        ("tea", {n: sum(m % 7 == n for m in range(11)) for n in range(7)}),
        ("rum", {30: 1, 31: 1}),
    ):
        exact = nx.pagerank(graph, personalization=own, tol=1e-13, max_iter=1000)
        first = sorted(exact, key=lambda n: (-exact[n], str(n)))[:5]
        found = [row for row in told if row["topic"] == topic]
        assert {int(row["id"]): row["pagerank"] for row in found} == pytest.approx(
            {n: exact[n] for n in first}, abs=1e-6
        )
        assert {int(row["id"]): row["post_count"] for row in found} == {n: own.get(n, 0) for n in first}


def test_without_a_topic_there_is_nobody(spark: SparkSession):
    edges = spark.createDataFrame([("a", "b")], "src string, dst string")
    posts = spark.createDataFrame([("a", None)], "id string, brand string")
    assert influencers.on_topics(edges, posts, by="brand").collect() == []
