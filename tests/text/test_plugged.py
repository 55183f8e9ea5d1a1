from __future__ import annotations

from pathlib import Path

import mlflow.pyfunc
import numpy as np
import pandas as pd
import pytest
from mlflow.pyfunc import PythonModel
from pyspark.sql import DataFrame, SparkSession

from retinue.errors import InputMissing, RetinueError, SchemaMismatch
from retinue.text import classifier, packaged, plugged
from retinue.text.calibration import Calibration, Decision
from retinue.text.cues import NUMBERS
from retinue.text.trained import SentimentModel

SAID = ["a zowie day", None, "grawlix", "a zowie day", "", "nothing of it"]
MODEL = SentimentModel(
    ngrams=("zowie", "grawlix"),
    rarity=np.array([1.0, 2.0]),
    ngram_weights=np.array([[0.0, 0.0, 3.0], [2.0, 0.0, 0.0]]),
    number_weights=np.zeros((len(NUMBERS), 3)),
    intercepts=np.array([0.0, 0.5, 0.0]),
    calibration=Calibration(scale=0.8, first=0.1, last=-0.1),
    decision=Decision((0.0, 0.3, 0.0)),
)


class Length(PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input["text"].str.len().to_numpy()


class Half(PythonModel):
    def predict(self, context, model_input, params=None):
        return pd.DataFrame({"one": [1] * (len(model_input) // 2)})


@pytest.fixture
def posts(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(list(enumerate(SAID)), "id int, text string")


def saved(model: PythonModel, folder: Path) -> str:
    mlflow.pyfunc.save_model(path=str(folder), python_model=model, pip_requirements=[])
    return str(folder)


def test_sums_are_worked_by_hand():
    """zowie alone has the length of its rarity, so that its weight counts whole."""
    assert MODEL.logits(["zowie", "zowie grawlix", ""]) == pytest.approx(
        np.array([[0, 0.5, 3], [2 * 2 / 5**0.5, 0.5, 3 / 5**0.5], [0, 0.5, 0]])
    )
    powers = np.exp([0.1, 0.4, 2.3])
    assert MODEL.probabilities(["zowie"])[0] == pytest.approx(powers / powers.sum())


def test_a_model_saved_judges_as_before_with_and_without_spark(posts: DataFrame, tmp_path: Path):
    packaged.save(MODEL, tmp_path / "model")
    again = packaged.load(tmp_path / "model")
    assert again.probabilities(SAID[2:]).tolist() == MODEL.probabilities(SAID[2:]).tolist()
    plain = mlflow.pyfunc.load_model(str(tmp_path / "model")).predict(pd.DataFrame({"text": SAID}))
    columns = ["sentiment", *(f"{name}_probability" for name in ("negative", "neutral", "positive"))]
    assert [*plain.columns] == columns
    own = classifier.score(posts, MODEL).orderBy("id").collect()
    other = plugged.score_with(posts, tmp_path / "model").orderBy("id").collect()
    assert own == other
    for row, (_, said) in zip(own, plain.iterrows(), strict=True):
        assert row.sentiment == said["sentiment"]
        assert row.text is None or [row[name] for name in columns[1:]] == pytest.approx([*said[1:]])
    with pytest.raises(InputMissing, match="already"):
        packaged.save(MODEL, tmp_path / "model")
    with pytest.raises(InputMissing, match="no model"):
        packaged.load(tmp_path)


def test_any_pyfunc_judges_texts(posts: DataFrame, tmp_path: Path):
    loaded = mlflow.pyfunc.load_model(saved(Length(), tmp_path / "length"))
    renamed = posts.withColumnsRenamed({"id": "prediction", "text": "the body"})
    for model in (loaded, tmp_path / "length"):
        scored = plugged.score_with(renamed, model, text="the body")
        assert scored.columns == ["the body", "prediction"]
        got = [(row["the body"], row.prediction) for row in scored.collect()]
        expected = [(text, None if text is None else len(text)) for text in SAID]
        assert sorted(got, key=str) == sorted(expected, key=str)


def test_what_does_not_fit_is_said_at_once(posts: DataFrame, tmp_path: Path):
    with pytest.raises(RetinueError, match="gave 1 rows for 3 texts"):
        plugged.score_with(posts, saved(Half(), tmp_path / "half"))
    with pytest.raises(RetinueError, match=r"nowhere cannot be loaded \(.+\); give a folder or URI"):
        plugged.score_with(posts, str(tmp_path / "nowhere"))
    with pytest.raises(SchemaMismatch):
        plugged.score_with(posts, str(tmp_path), text="body")
