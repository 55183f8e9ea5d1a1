"""GraphFrames out of the locked jar, on graphs whose answers are known."""

from __future__ import annotations

from chispa import assert_df_equality
from graphframes import GraphFrame
from pyspark.sql import SparkSession
from pyspark.sql import functions as F


def test_connected_components_of_two_islands(spark: SparkSession) -> None:
    vertices = spark.createDataFrame([(name,) for name in "abcde"], "id STRING")
    edges = spark.createDataFrame([("a", "b"), ("c", "b"), ("d", "e")], "src STRING, dst STRING")
    found = GraphFrame(vertices, edges).connectedComponents(algorithm="graphx")
    islands = found.groupBy("component").agg(F.min("id").alias("first"), F.count("*").alias("size"))
    known = spark.createDataFrame([("a", 3), ("d", 2)], "first STRING, size LONG NOT NULL")
    assert_df_equality(islands.drop("component"), known, ignore_row_order=True)


def test_a_motif_finds_who_answers_whom(spark: SparkSession) -> None:
    vertices = spark.createDataFrame([(name,) for name in "abc"], "id STRING")
    edges = spark.createDataFrame([("a", "b"), ("b", "a"), ("b", "c")], "src STRING, dst STRING")
    pairs = GraphFrame(vertices, edges).find("(x)-[]->(y); (y)-[]->(x)").select("x.id", "y.id")
    assert sorted(map(tuple, pairs.collect())) == [("a", "b"), ("b", "a")]
