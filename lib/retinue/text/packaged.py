"""A trained classifier as a model of MLflow: a folder to log and register, and back."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema

from retinue.errors import InputMissing
from retinue.text.calibration import Calibration, Decision
from retinue.text.cues import NUMBERS
from retinue.text.trained import CLASSES, SentimentModel

__all__ = ["load", "save"]

_DATA = "sentiment"
_EXAMPLE = pd.DataFrame({"text": ["what a lovely day", None]})
_NEEDED = ("mlflow", "numpy", "pandas", "pyarrow", "vaderSentiment")


def save(model: SentimentModel, folder: str | Path) -> None:
    """Write the model into a new folder, in MLflow's format (flavour python_function).

    It can be logged as an artifact and registered, and loads with mlflow.pyfunc wherever retinue is
    installed; no Spark is needed. It takes a column `text` and gives sentiment, negative_probability,
    neutral_probability and positive_probability. Its weights lie in it as Parquet, to be read and compared.

    Raises InputMissing where the folder is there already.
    """
    target = Path(folder)
    if target.exists():
        raise InputMissing(f"{target} is there already; give a folder that is not")
    with tempfile.TemporaryDirectory() as parent:
        data = Path(parent) / _DATA
        data.mkdir()
        _write(model, data)
        mlflow.pyfunc.save_model(
            path=str(target),
            loader_module=__name__,
            data_path=str(data),
            signature=_signature(),
            pip_requirements=[f"{name}=={version(name)}" for name in _NEEDED],
            input_example=_EXAMPLE,
        )


def load(folder: str | Path) -> SentimentModel:
    """The model that `save` wrote into a folder. Raises InputMissing where there is none."""
    data = Path(folder) / "data" / _DATA
    if not data.is_dir():
        raise InputMissing(f"{folder} holds no model of sentiment; give the folder that packaged.save wrote")
    return _read(data)


class _Judge:
    """What MLflow calls."""

    def __init__(self, model: SentimentModel) -> None:
        self._model = model

    def predict(self, documents: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """A row of sentiment and probabilities for each text; nulls for none."""
        texts = documents["text"]
        probabilities = np.full((len(texts), len(CLASSES)), np.nan)
        there = texts.notna().to_numpy()
        probabilities[there] = self._model.probabilities(texts[there].tolist())
        sentiments = np.full(len(texts), None, dtype=object)
        sentiments[there] = self._model.sentiments(probabilities[there])
        named = {f"{name}_probability": column for name, column in zip(CLASSES, probabilities.T, strict=True)}
        return pd.DataFrame({"sentiment": sentiments, **named}, index=documents.index)


def _load_pyfunc(path: str) -> _Judge:
    """MLflow's way in: its loader calls it by this name."""
    return _Judge(_read(Path(path)))


def _signature() -> ModelSignature:
    probabilities = [ColSpec(DataType.double, f"{name}_probability") for name in CLASSES]
    return ModelSignature(
        inputs=Schema([ColSpec(DataType.string, "text", required=False)]),
        outputs=Schema([ColSpec(DataType.string, "sentiment"), *probabilities]),
    )


def _write(model: SentimentModel, folder: Path) -> None:
    said = {"cue": [*model.ngrams], "rarity": model.rarity}
    pq.write_table(_table(said, model.ngram_weights), folder / "ngrams.parquet")
    pq.write_table(_table({"cue": [*NUMBERS]}, model.number_weights), folder / "numbers.parquet")
    rules = {
        "intercepts": model.intercepts.tolist(),
        "calibration": asdict(model.calibration),
        "decision": asdict(model.decision),
    }
    (folder / "rules.json").write_text(json.dumps(rules, indent=2), encoding="utf-8")


def _table(columns: dict[str, Any], weights: np.ndarray[Any, np.dtype[np.float64]]) -> pa.Table:
    return pa.table({**columns, **dict(zip(CLASSES, np.ascontiguousarray(weights.T), strict=True))})


def _read(folder: Path) -> SentimentModel:
    ngrams, numbers = (pq.read_table(folder / f"{name}.parquet") for name in ("ngrams", "numbers"))
    rules = json.loads((folder / "rules.json").read_text(encoding="utf-8"))
    return SentimentModel(
        ngrams=tuple(ngrams["cue"].to_pylist()),
        rarity=ngrams["rarity"].to_numpy(),
        ngram_weights=np.stack([ngrams[name].to_numpy() for name in CLASSES], axis=1),
        number_weights=np.stack([numbers[name].to_numpy() for name in CLASSES], axis=1),
        intercepts=np.array(rules["intercepts"]),
        calibration=Calibration(**rules["calibration"]),
        decision=Decision(tuple(rules["decision"]["bonus"])),
    )
