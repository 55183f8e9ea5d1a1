from __future__ import annotations

from functools import partial

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from retinue.errors import RetinueError, SchemaMismatch
from retinue.network import compact, embeddings
from retinue.network.embeddings import embedded, fast_rp, nearest

drawn = partial(embeddings._drawn, dimensions=32, normalisation=-0.5, seed=0)


def graph_of(rows: list[tuple[str, str, float]], *, directed: bool = False) -> compact.Graph:
    src, dst, weight = zip(*rows, strict=True)
    return compact.compacted(
        pa.table({"src": src, "dst": dst, "weight": weight}).to_batches(), directed=directed
    )


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_it_is_the_weighted_sum_of_the_steps():
    rows = [("a", "b", 1.0), ("b", "c", 4.0), ("c", "a", 2.0), ("c", "d", 1.0)]
    graph = graph_of(rows)
    weights = np.array([[0, 1, 2, 0], [1, 0, 4, 0], [2, 4, 0, 1], [0, 0, 1, 0.0]])
    degree = weights.sum(axis=1)
    begun = drawn(graph.ids, degree)
    assert begun * np.sqrt(degree)[:, None] == pytest.approx(np.sign(begun))
    steps = [np.linalg.matrix_power(weights / degree[:, None], power) @ begun for power in (1, 2, 3)]
    expected = 0.5 * unit(steps[0]) + 2 * unit(steps[2])
    assert embedded(graph, drawn, (0.5, 0, 2)) == pytest.approx(expected, abs=1e-6)


def test_what_is_drawn_hangs_on_id_and_seed_alone():
    ids = pa.array([f"v{n}" for n in range(3000)])
    whole = drawn(ids, np.ones(3000))
    assert (drawn(ids[7:9], np.ones(2)) == whole[7:9]).all()
    shares = [(whole == value).mean() for value in (-1, 0, 1)]
    assert shares == pytest.approx([1 / 6, 2 / 3, 1 / 6], abs=0.005)
    other = embeddings._drawn(ids, np.ones(3000), dimensions=32, normalisation=-0.5, seed=1)
    assert abs(np.corrcoef(whole.ravel(), other.ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(whole[:-1].ravel(), whole[1:].ravel())[0, 1]) < 0.02


def test_communities_point_their_own_way():
    graph = nx.planted_partition_graph(4, 30, 0.3, 0.02, seed=3)
    rows = [(f"{one:03}", f"{other:03}", 1.0) for one, other in graph.edges]
    wide = partial(embeddings._drawn, dimensions=64, normalisation=-0.5, seed=0)
    cosine = unit(embedded(graph_of(rows), wide, (0, 1, 1)))
    cosine = cosine @ cosine.T
    is_same = np.arange(120)[:, None] // 30 == np.arange(120) // 30
    assert cosine[is_same].mean() > cosine[~is_same].mean() + 0.4


def test_engines_agree(spark: SparkSession):
    graph = nx.les_miserables_graph()
    rows = [(one, other, float(tie["weight"])) for one, other, tie in graph.edges(data=True)]
    edges = spark.createDataFrame([*rows, ("Alone", "Alone", 1.0)], "src string, dst string, weight double")
    for directed in (False, True):
        local, joined = (
            {
                row.id: row.embedding
                for row in fast_rp(
                    edges, dimensions=16, weights=(0, 1, 0.5), directed=directed, engine=engine
                ).collect()
            }
            for engine in ("local", "distributed")
        )
        assert set(local) == set(joined) == {*graph, "Alone"}
        assert all(local[each] == pytest.approx(joined[each], abs=1e-6) for each in local)
        assert not any(local["Alone"])
        assert any(local["Valjean"])


def vectors(spark: SparkSession, matrix: np.ndarray):
    rows = [(number, vector.tolist()) for number, vector in enumerate(matrix)]
    return spark.createDataFrame(rows, "id int, embedding array<float>")


def true_nearest(matrix: np.ndarray, k: int) -> np.ndarray:
    cosine = unit(matrix.astype(float)) @ unit(matrix.astype(float)).T
    np.fill_diagonal(cosine, -2)
    return np.argsort(-np.rint(cosine * 1e6), axis=1, kind="stable")[:, :k]


def test_the_nearest_are_exact_up_to_the_bucket_and_hardly_missed_beyond(spark: SparkSession):
    rng = np.random.default_rng(4)
    matrix = rng.normal(size=(30, 16)).repeat(20, axis=0) + 0.4 * rng.normal(size=(600, 16))
    matrix = matrix.astype(np.float32)
    expected = true_nearest(matrix, 5)
    rows = nearest(vectors(spark, matrix), k=5).collect()
    assert len(rows) == 5 * 600
    for row in rows:
        assert row.neighbour == expected[row.id, row.place - 1]
    found = {
        (row.id, row.neighbour)
        for row in nearest(vectors(spark, matrix), k=5, bucket=150, tables=6).collect()
    }
    true = {(one, other) for one, others in enumerate(expected.tolist()) for other in others}
    assert len(found & true) > 0.9 * len(true)


def test_equal_vectors_do_not_fill_a_bucket_and_none_is_near_nobody(spark: SparkSession):
    matrix = np.ones((400, 4))
    matrix[:3] = 0
    largest = embeddings._dealt(
        vectors(spark, matrix).withColumn("buckets", embeddings._buckets(planes=5, draws=2, seed=0)), 50
    )
    sizes = [
        row["count"] for row in largest.where("id > 2").groupBy("draw", "bucket", "part").count().collect()
    ]
    assert sum(sizes) == 2 * 397
    assert max(sizes) < 90
    rows = nearest(vectors(spark, matrix[:8]), k=3).collect()
    assert {row.id for row in rows} == set(range(3, 8))
    assert [row.neighbour for row in sorted(rows, key=lambda row: row.place) if row.id == 4] == [3, 5, 6]
    assert {row.similarity for row in rows} == {1.0}


def test_what_cannot_be_is_refused(spark: SparkSession):
    edges = spark.createDataFrame([(1, 2)], "src int, dst int")
    with pytest.raises(RetinueError, match="dimensions is 0"):
        fast_rp(edges, dimensions=0)
    with pytest.raises(RetinueError, match="not all 0"):
        fast_rp(edges, weights=(0, 0))
    with pytest.raises(RetinueError, match="k is 0"):
        nearest(vectors(spark, np.ones((2, 2))), k=0)
    with pytest.raises(SchemaMismatch):
        nearest(edges, k=1)
