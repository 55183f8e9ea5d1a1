from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from pyspark.ml.classification import GBTClassifier, LogisticRegression
from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from retinue.network import margins
from retinue.network.margins import Classifier, Regression, Split, Trees

NAMES = ("one", "other", "third")


def frame(spark: SparkSession, rows: Any) -> DataFrame:
    """The features as columns, as a struct and as a vector."""
    features = spark.createDataFrame([tuple(map(float, row)) for row in rows], [*NAMES, "label"])
    vector = array_to_vector(F.array(*NAMES)).alias("vector")
    return features.select("label", F.struct(*NAMES).alias("features"), vector)


@pytest.fixture(scope="module")
def fitted(spark: SparkSession) -> dict[str, Any]:
    """Both kinds, of whole numbers: the thresholds lie half-way between two of them."""
    rng = np.random.default_rng(3)
    given = rng.integers(-6, 7, size=(300, 3))
    chance = 1 / (1 + np.exp(-(given[:, 0] + (given[:, 1] > 2) * given[:, 2])))
    labelled = frame(spark, np.column_stack([given, rng.random(300) < chance])).cache()
    return {
        "regression": LogisticRegression(featuresCol="vector", regParam=0.01).fit(labelled),
        "trees": GBTClassifier(featuresCol="vector", maxIter=4, maxDepth=3, stepSize=0.2).fit(labelled),
    }


@pytest.mark.parametrize("kind", ["regression", "trees"])
def test_the_margin_is_that_of_mllib(spark: SparkSession, fitted: dict[str, Any], kind: str):
    """Of features on the thresholds and between them, by what was read and by what JSON kept of it."""
    rng = np.random.default_rng(4)
    halves = frame(spark, np.column_stack([rng.integers(-14, 15, size=(400, 3)) / 2, np.zeros(400)]))
    classifier = margins.read(fitted[kind], NAMES)
    kept = margins.restored(json.loads(json.dumps(asdict(classifier))))
    assert kept == classifier
    told = fitted[kind].transform(halves)
    expected, found = zip(
        *told.select(
            vector_to_array("rawPrediction")[1], classifier.margin(F.col("features")).alias("margin")
        ).collect(),
        strict=True,
    )
    assert len(set(expected)) > 20
    assert found == pytest.approx(expected, abs=1e-9)


def test_margins_by_hand(spark: SparkSession):
    """On a threshold a row goes left."""
    rows = frame(spark, [(1, 0, 0, 0), (1.5, 2, 0, 0), (0, 2, 1, 0)])
    root = Split("one", 1.0, Split("third", 0.5, -1.0, 4.0), 2.0)
    classifiers: list[Classifier] = [
        Regression({"one": 2.0, "other": -1.0}, 0.5),
        Trees((root, 0.25, Split("other", 1.0, 10.0, 20.0))),
    ]
    found = rows.select(*(each.margin(F.col("features")) for each in classifiers)).collect()
    assert [tuple(row) for row in found] == [(2.5, 9.25), (1.5, 22.25), (-1.5, 24.25)]
