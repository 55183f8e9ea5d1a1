"""Any model of MLflow as a scorer of texts."""

from __future__ import annotations

import hashlib
import io
import pickle
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import mlflow.artifacts
import mlflow.pyfunc
import pandas as pd
import pyarrow as pa
from mlflow.pyfunc import PyFuncModel
from pyspark import cloudpickle
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from retinue.errors import RetinueError
from retinue.schema import quoted, require

__all__ = ["score_with"]

_PROBES = ["This is good.", "This is bad.", "This is a table."]


def score_with(
    documents: DataFrame,
    model: str | Path | PyFuncModel,
    *,
    text: str = "text",
    tracking_uri: str | None = None,
) -> DataFrame:
    """Add what a model of MLflow predicts for the text, each distinct text judged once.

    model: a loaded pyfunc, a folder, or a URI such as models:/sentiment@champion or runs:/…, looked up in
    the store at `tracking_uri` (none: MLflow's own). It runs in this environment; the workers need its
    packages. It is tried on three short texts at once, so that what does not fit is told here.

    In: `text`, handed over as the one column that the model's signature names, or as `text` where it has no
    signature. Out: the columns of its prediction; `prediction` where it has no names; null where the text is
    null. They replace columns of the same name.

    The model travels to the workers with the query, and is loaded once in each. Lazy; two shuffles, of the
    distinct texts and of the documents by them. Raises SchemaMismatch; RetinueError where the model cannot be
    loaded, wants more than a text, fails, or does not give one row for each text; what shows on some texts
    only, the workers raise.
    """
    require(documents, [text], what="score_with")
    parcel = _parcel(model, tracking_uri)
    probed = pa.Table.from_pandas(_predicted(_loaded(parcel), _PROBES), preserve_index=False)
    added = [name for name in probed.schema.names if name != text]
    schema = pa.schema([pa.field(text, pa.string()), *(probed.schema.field(name) for name in added)])
    said = documents.select(quoted(text)).where(F.col(quoted(text)).isNotNull()).distinct()
    judged = said.mapInArrow(partial(_judged, parcel, schema), from_arrow_schema(schema))
    kept = documents.select(*(quoted(name) for name in documents.columns if name not in added))
    return kept.join(judged, text, "left").select(
        *map(quoted, kept.columns), *(quoted(name) for name in added)
    )


@dataclass(frozen=True)
class _Parcel:
    """A model under way to the workers; equal ones are loaded once."""

    digest: str
    data: bytes = field(compare=False, repr=False)
    unpack: Callable[[bytes], PyFuncModel] = field(compare=False)

    @classmethod
    def of(cls, data: bytes, unpack: Callable[[bytes], PyFuncModel]) -> _Parcel:
        return cls(hashlib.sha256(data).hexdigest(), data, unpack)


def _parcel(model: str | Path | PyFuncModel, tracking_uri: str | None) -> _Parcel:
    try:
        if isinstance(model, PyFuncModel):
            parcel = _Parcel.of(cloudpickle.dumps(model), pickle.loads)  # type: ignore[no-untyped-call]
        else:
            parcel = _Parcel.of(_zipped(str(model), tracking_uri), _unzipped)
        _loaded(parcel)
    except Exception as fault:  # whatever a model's own loader raises
        named = "the model" if isinstance(model, PyFuncModel) else f"the model {model}"
        raise RetinueError(
            f"{named} cannot be loaded ({_first_line(fault)}); give a folder or URI that mlflow.pyfunc "
            f"loads in this environment"
        ) from fault
    return parcel


def _zipped(uri: str, tracking_uri: str | None) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        fetched = (
            uri
            if Path(uri).is_dir()
            else mlflow.artifacts.download_artifacts(
                artifact_uri=uri, dst_path=folder, tracking_uri=tracking_uri
            )
        )
        return Path(shutil.make_archive(f"{folder}/model", "zip", fetched)).read_bytes()


def _unzipped(data: bytes) -> PyFuncModel:
    """The folder stays as long as the worker: models may read from it at any time."""
    folder = tempfile.mkdtemp(prefix="retinue-model-")
    zipfile.ZipFile(io.BytesIO(data)).extractall(folder)
    model: PyFuncModel = mlflow.pyfunc.load_model(folder)
    return model


@lru_cache(maxsize=2)
def _loaded(parcel: _Parcel) -> PyFuncModel:
    return parcel.unpack(parcel.data)


def _judged(
    parcel: _Parcel, schema: pa.Schema, batches: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    model = _loaded(parcel)
    for batch in batches:
        texts = batch.column(0).to_pylist()
        if texts:
            predicted = _predicted(model, texts)
            predicted[schema.names[0]] = texts
            yield from pa.Table.from_pandas(predicted, schema=schema, preserve_index=False).to_batches()


def _predicted(model: PyFuncModel, texts: list[str]) -> pd.DataFrame:
    """The prediction as named columns, a row a text."""
    try:
        told = model.predict(pd.DataFrame({_input(model): texts}))
    except Exception as fault:  # whatever a model's own code raises
        if isinstance(fault, RetinueError):
            raise
        raise RetinueError(f"the model fails on a column of texts: {_first_line(fault)}") from fault
    columns = _columns(told)
    if len(columns) != len(texts):
        raise RetinueError(
            f"the model gave {len(columns)} rows for {len(texts)} texts; it must give one each"
        )
    return columns


def _columns(told: Any) -> pd.DataFrame:
    frame = pd.DataFrame(told).reset_index(drop=True)
    if isinstance(told, (pd.DataFrame, dict)):
        return frame.rename(columns=str)
    names = (
        ["prediction"] if frame.shape[1] == 1 else [f"prediction_{place}" for place in range(frame.shape[1])]
    )
    return frame.set_axis(names, axis=1)


def _input(model: PyFuncModel) -> str:
    signature = model.metadata.signature if model.metadata else None
    names = (signature.inputs.input_names() if signature and signature.inputs else []) or ["text"]
    if len(names) != 1:
        raise RetinueError(f"the model wants {', '.join(names)}; a scorer of texts takes one column of texts")
    return str(names[0])


def _first_line(fault: Exception) -> str:
    return str(fault).strip().partition("\n")[0] or type(fault).__name__
