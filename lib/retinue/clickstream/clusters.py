"""Kinds of visits: sessions that take the same steps, and what sets each kind apart."""

from __future__ import annotations

from math import log

from pyspark.ml import PipelineModel
from pyspark.ml.clustering import KMeans
from pyspark.ml.feature import CountVectorizerModel, ElementwiseProduct, Normalizer
from pyspark.ml.linalg import Vectors
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retinue.clickstream.intervals import wilson
from retinue.clickstream.paths import refuse_below_one, session_paths
from retinue.errors import RetinueError
from retinue.schema import require

_PAIR = "\u001f"  # between the two steps of a move
_PARTITIONS = 4  # the same everywhere: what k-means draws depends on which rows lie together
_WORK = ("terms", "counts", "weighted", "features", "prediction")


def cluster_paths(
    sessionized: DataFrame,
    *,
    k: int,
    of: str = "page",
    seed: int = 0,
    tries: int = 5,
    most_terms: int = 1000,
    collapse: bool = True,
    visitor: str = "visitor_id",
    conversion: str | Column | None = None,
) -> DataFrame:
    """Put the sessions into at most `k` clusters by the steps they take and the moves they make.

    A session is told by which steps and which pairs of neighbouring steps it has, however often: the
    `most_terms` of both that most sessions have, ties by name. Each weighs the more the rarer it is (inverse
    document frequency, ln((sessions + 1) / (sessions with it + 1))), a pair half of that, as it says again
    what its steps say; and every session weighs the same in all (length 1). k-means divides them (Bahmani et
    al. 2012, k-means||), in `tries` runs, of which the one counts whose sessions lie closest to their
    centres: a single run often ends where no small change is better and a large one is.

    Equal paths share a cluster, and the same rows in any order give the same clusters for the same `seed`.
    There are fewer than `k` where fewer paths differ. What a step is, `collapse` and `conversion`: see
    session_paths.

    Out, a row a session that has a step: `visitor`, session_id, path (array<string>), is_converted
    (boolean), cluster_id (int, from 1 for the cluster of most sessions; ties by the least path).

    Runs Spark jobs. The driver holds the `most_terms` terms and the `k` centres, each as long.
    Raises SchemaMismatch; RetinueError where `k` is below 2, or `tries` or `most_terms` below 1.
    """
    if k < 2:
        raise RetinueError(f"k is {k}; it must be 2 or more")
    refuse_below_one(tries=tries, most_terms=most_terms)
    sessions = session_paths(sessionized, of=of, collapse=collapse, visitor=visitor, conversion=conversion)
    paths = (
        sessions.groupBy("path")
        .agg(F.count("*").cast("double").alias("session_count"))
        .repartition(_PARTITIONS, "path")
        .sortWithinPartitions("path")
        .persist()
    )
    try:
        weights = _term_weights(paths, most_terms)
        if not weights:
            return sessions.withColumn("cluster_id", F.lit(None).cast("int"))
        features = _features(weights)
        told = features.transform(_with_terms(paths))
        means = KMeans(k=k, weightCol="session_count", initSteps=5, maxIter=50)
        fits = (means.setSeed(seed + attempt).fit(told) for attempt in range(tries))
        model = min(fits, key=lambda fit: fit.summary.trainingCost)
        numbers = _numbers(model.transform(told), k)
    finally:
        paths.unpersist()
    placed = model.transform(features.transform(_with_terms(sessions)))
    return placed.withColumn("cluster_id", F.get(F.array(*map(F.lit, numbers)), "prediction")).drop(*_WORK)


def describe_clusters(clustered: DataFrame, *, limit: int = 5, confidence: float = 0.95) -> DataFrame:
    """How large each cluster is, how its sessions convert, and which steps they have more than all others.

    Characteristic are the `limit` steps whose share of the cluster's sessions exceeds their share of all
    sessions by most, ties by name; none that exceeds it by nothing.

    In: what cluster_paths gives.

    Out, a row a cluster: cluster_id, session_count, share (of all sessions), mean_length (steps a session),
    typical_path (its commonest path, ties by path), conversion_count, conversion_rate, low and high (the
    Wilson interval of that rate at `confidence`), steps (array of structs, the most characteristic first:
    step, share (of the cluster's sessions), lift (that share / the step's share of all sessions)).

    Raises SchemaMismatch; RetinueError where `limit` is below 1 or `confidence` not between 0 and 1.
    """
    refuse_below_one(limit=limit)
    require(clustered, ["cluster_id", "path", "is_converted"], what="a description of clusters")
    by_path = clustered.groupBy("cluster_id", "path").agg(
        F.count("*").alias("session_count"),
        F.sum(F.col("is_converted").cast("bigint")).alias("conversion_count"),
    )
    sizes, conversions = F.col("session_count"), F.col("conversion_count")
    low, high = wilson(conversions, sizes, confidence)
    clusters = _sized(by_path)
    return clusters.join(_characteristic(by_path, clusters, limit), "cluster_id", "left").select(
        *("cluster_id", "session_count", (sizes / F.col("all_sessions")).alias("share")),
        *("mean_length", "typical_path", "conversion_count"),
        (conversions / sizes).alias("conversion_rate"),
        *(low.alias("low"), high.alias("high")),
        F.coalesce("steps", F.array()).alias("steps"),
    )


def _with_terms(paths: DataFrame) -> DataFrame:
    """Add the different steps of each path and its different pairs of neighbours."""
    path = F.col("path")
    pairs = F.zip_with(
        F.slice(path, F.lit(1), F.size(path) - 1),
        F.slice(path, F.lit(2), F.size(path)),
        lambda step, then: F.concat_ws(_PAIR, step, then),
    )
    return paths.withColumn("terms", F.array_distinct(F.concat(path, pairs)))


def _term_weights(paths: DataFrame, most_terms: int) -> dict[str, float]:
    """The terms of most sessions, and how rare each is."""
    sessions = paths.agg(F.sum("session_count")).collect()[0][0]
    commonest = (
        _with_terms(paths)
        .select("session_count", F.explode("terms").alias("term"))
        .groupBy("term")
        .agg(F.sum("session_count").alias("session_count"))
        .orderBy(F.desc("session_count"), "term")
        .limit(most_terms)
        .collect()
    )
    return {
        row["term"]: log((sessions + 1) / (row["session_count"] + 1)) * (0.5 if _PAIR in row["term"] else 1)
        for row in commonest
    }


def _features(weights: dict[str, float]) -> PipelineModel:
    return PipelineModel(
        [
            CountVectorizerModel.from_vocabulary(list(weights), "terms", "counts", minTF=1, binary=True),
            ElementwiseProduct(
                scalingVec=Vectors.dense(list(weights.values())), inputCol="counts", outputCol="weighted"
            ),
            Normalizer(inputCol="weighted", outputCol="features"),
        ]
    )


def _numbers(placed: DataFrame, k: int) -> list[int]:
    """The cluster_id of each prediction: by size, so that it does not hang on the order of the centres."""
    by_size = (
        placed.groupBy("prediction")
        .agg(F.sum("session_count").alias("session_count"), F.min("path").alias("path"))
        .orderBy(F.desc("session_count"), "path")
        .collect()
    )
    numbers = {row["prediction"]: number for number, row in enumerate(by_size, start=1)}
    return [numbers.get(prediction, 0) for prediction in range(k)]


def _sized(by_path: DataFrame) -> DataFrame:
    sessions = F.sum("session_count")
    return (
        by_path.groupBy("cluster_id")
        .agg(
            sessions.alias("session_count"),
            F.sum("conversion_count").alias("conversion_count"),
            (F.sum(F.col("session_count") * F.size("path")) / sessions).alias("mean_length"),
            F.min(F.struct(-F.col("session_count"), "path"))["path"].alias("typical_path"),
        )
        .withColumn("all_sessions", F.sum("session_count").over(Window.partitionBy()))
    )


def _characteristic(by_path: DataFrame, clusters: DataFrame, limit: int) -> DataFrame:
    share = F.col("taken") / F.col("session_count")
    share_of_all = F.sum("taken").over(Window.partitionBy("step")) / F.col("all_sessions")
    by_excess = Window.partitionBy("cluster_id").orderBy(F.desc("excess"), "step")
    return (
        by_path.select("cluster_id", "session_count", F.explode(F.array_distinct("path")).alias("step"))
        .groupBy("cluster_id", "step")
        .agg(F.sum("session_count").alias("taken"))
        .join(F.broadcast(clusters.select("cluster_id", "session_count", "all_sessions")), "cluster_id")
        .withColumns({"excess": share - share_of_all, "share": share, "lift": share / share_of_all})
        .withColumn("rank", F.row_number().over(by_excess))
        .where((F.col("rank") <= limit) & (F.col("excess") > 0))
        .groupBy("cluster_id")
        .agg(F.sort_array(F.collect_list(F.struct("rank", "step", "share", "lift"))).alias("ranked"))
        .select(
            "cluster_id",
            F.transform("ranked", lambda row: F.struct(row["step"], row["share"], row["lift"])).alias(
                "steps"
            ),
        )
    )
