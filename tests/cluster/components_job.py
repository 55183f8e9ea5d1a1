"""A GraphFrames job for the cluster test: who shares pages, and from where a task imports retinue.

spark-submit components_job.py LAKE OUTPUT
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pyarrow as pa
from graphframes import GraphFrame
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F


def imported_from(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    import retinue

    for _ in batches:
        yield pa.RecordBatch.from_pydict({"file": [str(retinue.__file__)]})


def components(events: DataFrame) -> DataFrame:
    visits = events.where("page IS NOT NULL OR event_name IS NOT NULL")
    edges = visits.select(
        F.col("visitor_id").alias("src"),
        F.concat(F.lit("day:"), F.to_date("occurred_at"), F.lit("/"), F.hour("occurred_at")).alias("dst"),
    ).distinct()
    vertices = edges.select(F.col("src").alias("id")).union(edges.select("dst")).distinct()
    found = GraphFrame(vertices, edges).connectedComponents(algorithm="graphx")
    # The ids of components depend on the partitions; the least member does not.
    return found.select("id", F.min("id").over(Window.partitionBy("component")).alias("island"))


if __name__ == "__main__":
    lake, output = sys.argv[1:]
    spark = SparkSession.builder.getOrCreate()
    found = components(spark.read.format("delta").load(f"{lake}/silver/events"))
    found.write.mode("overwrite").parquet(f"{output}/components")
    files = spark.range(0, 4, 1, 4).mapInArrow(imported_from, "file STRING").distinct()
    files.write.mode("overwrite").parquet(f"{output}/files")
