from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from retinue.errors import RetinueError, SchemaMismatch
from retinue.text import classifier
from retinue.text.classifier import SentimentModel

FILLING = [f"w{n}" for n in range(60)]
SLANG = {"negative": "grawlix", "neutral": "meh", "positive": "zowie"}  # no word that VADER knows
NOISE = 0.15


def world(rows: int) -> list[tuple[str, str]]:
    """Texts whose slang says the class, save where the label is drawn by chance; neutral is rare."""
    rng, said = random.Random(3), []
    for _ in range(rows):
        (true,) = rng.choices(list(SLANG), weights=[0.35, 0.1, 0.55])
        words = rng.choices(FILLING, k=6)
        words.insert(rng.randrange(7), SLANG[true])
        said.append((" ".join(words), rng.choice(list(SLANG)) if rng.random() < NOISE else true))
    return said


@pytest.fixture(scope="module")
def labelled(spark: SparkSession) -> DataFrame:
    extra = [(None, "positive"), ("without a label", None)]
    return spark.createDataFrame([*world(900), *extra], "text string, label string")


@pytest.fixture(scope="module")
def trained(labelled: DataFrame) -> tuple[SentimentModel, dict[str, Any]]:
    return classifier.train(labelled, folds=5, iterations=30)


def test_planted_words_are_learnt_and_the_neutral_class_is_real(trained: Any):
    model, evaluation = trained
    probabilities = model.probabilities(["so grawlix w1", "so meh w2", "so zowie w3"])
    assert model.sentiments(probabilities) == ["negative", "neutral", "positive"]
    best = np.mean([SLANG[label] in text for text, label in world(900)])
    assert best - 0.06 < evaluation["accuracy"] <= best + 0.01
    neutral = [SLANG["neutral"] in text for text, label in world(900) if label == "neutral"]
    assert evaluation["recall_neutral"] > np.mean(neutral) - 0.1  # the others' labels are chance
    assert evaluation["rows"] == 900
    assert evaluation["split"] == "hashed folds"


def test_probabilities_hold(trained: Any):
    """The label is the word's own in 1 - 2/3 of the noise, and that is how sure the model is."""
    model, evaluation = trained
    sure = model.probabilities([f"w1 w2 {SLANG['positive']} w3", f"w4 w5 {SLANG['negative']} w6"])
    assert sure.sum(axis=1) == pytest.approx([1, 1])
    assert (sure[0, 2], sure[1, 0]) == (pytest.approx(0.9, abs=0.06), pytest.approx(0.9, abs=0.06))
    assert evaluation["calibration_error"] < 0.75 * evaluation["calibration_error_uncalibrated"]
    assert evaluation["log_loss"] < evaluation["log_loss_uncalibrated"]


def test_the_evaluation_is_that_of_its_confusion_and_of_vader(trained: Any, labelled: DataFrame):
    _, evaluation = trained
    cells = evaluation["confusion"]
    f1 = []
    for name in SLANG:
        found = sum(cells[true][name] for true in SLANG)
        f1.append(2 * cells[name][name] / (found + sum(cells[name].values())))
        assert evaluation[f"precision_{name}"] == pytest.approx(cells[name][name] / found)
    assert evaluation["macro_f1"] == pytest.approx(np.mean(f1))
    vader, analyzer = 0, SentimentIntensityAnalyzer()
    for text, label in world(900):
        compound = analyzer.polarity_scores(text)["compound"]
        vader += label == ("positive" if compound >= 0.05 else "negative" if compound <= -0.05 else "neutral")
    assert evaluation["vader_accuracy"] == pytest.approx(vader / 900)
    assert evaluation["macro_f1_gain"] == pytest.approx(evaluation["macro_f1"] - evaluation["vader_macro_f1"])
    assert (
        0 < evaluation["macro_f1_gain_low"] < evaluation["macro_f1_gain"] < evaluation["macro_f1_gain_high"]
    )


def test_scores_are_the_models_and_null_stays_null(spark: SparkSession, trained: Any):
    model, _ = trained
    said = ["a zowie day", None, "", "grawlix!", "a zowie day", "שלום 💘 <script>", "x" * 100_000]
    posts = spark.createDataFrame(list(enumerate(said)), "id int, body string").withColumn(
        "sentiment", F.lit("old")
    )
    scored = classifier.score(posts, model, text="body")
    assert scored.columns == [
        *("id", "body", "sentiment"),
        *("negative_probability", "neutral_probability", "positive_probability"),
    ]
    rows = {row.id: row for row in scored.collect()}
    assert len(rows) == len(said)
    assert tuple(rows[1])[2:] == (None,) * 4
    for number, text in enumerate(said):
        if text is not None:
            expected = model.probabilities([text])
            assert tuple(rows[number])[3:] == pytest.approx(expected[0])
            assert rows[number].sentiment == model.sentiments(expected)[0]


def test_the_same_rows_in_another_order_give_the_same(labelled: DataFrame, trained: Any):
    model, evaluation = trained
    again, other = classifier.train(
        labelled.repartition(3).sortWithinPartitions("label"), folds=5, iterations=30
    )
    assert other["confusion"] == evaluation["confusion"]
    texts = [text for text, _ in world(50)]
    assert again.probabilities(texts) == pytest.approx(model.probabilities(texts), abs=1e-3)


def test_equal_texts_are_in_one_fold(spark: SparkSession):
    texts = spark.createDataFrame(
        [(f"t{n % 40}", "Neutral") for n in range(120)], "text string, label string"
    )
    rows = classifier._examples(texts, "text", "label", folds=5, seed=0).select("ngrams", "fold", "truth")
    folds = {tuple(row.ngrams): row.fold for row in rows.collect()}
    assert rows.distinct().count() == len(folds) == 40
    assert set(folds.values()) == set(range(5))


def test_labels_of_stars_and_of_numbers(spark: SparkSession):
    stars = [1.0, 2.9, 2.95, 3.0, 3.05, 3.1, 5.0, None]
    rows = spark.createDataFrame([(star, star) for star in stars], "star_rating double, compound double")
    told = [row.label for row in rows.transform(classifier.labels_of_stars).orderBy("compound").collect()]
    assert told == [None, "negative", "negative", "neutral", "neutral", "neutral", "positive", "positive"]
    numbers = rows.withColumn("compound", (F.col("compound") - 3) / 2)
    told = [
        row.label for row in numbers.transform(classifier.labels_of_compound).orderBy("compound").collect()
    ]
    assert told == [None, "negative", "negative", "neutral", "neutral", "neutral", "positive", "positive"]


def test_what_cannot_be_is_said(spark: SparkSession):
    rows = spark.createDataFrame([("a", "good"), ("b", "positive")], "text string, label string")
    with pytest.raises(RetinueError, match="label 'good'"):
        classifier.train(rows)
    with pytest.raises(RetinueError, match="0 texts in 0 of 5 folds are negative"):
        classifier.train(rows.where("label = 'positive'"))
    with pytest.raises(RetinueError, match="3 at least"):
        classifier.train(rows, folds=2)
    with pytest.raises(SchemaMismatch):
        classifier.train(rows, label="stars")
    with pytest.raises(SchemaMismatch):
        classifier.labels_of_stars(rows)
