"""MLflow: one run a job, with settings, table versions, counts and pictures.

A client of its own, never MLflow's global state, so that two runs in one process keep apart.
"""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from retinue import settings as conf
from retinue.answer import Answer
from retinue.errors import InputMissing
from retinue.lake import Journal
from retinue.plots import render
from retinue.settings import Settings

__all__ = ["Tracked", "start"]

LONGEST_PARAM = 6000  # MLflow refuses longer values

# That a new store makes its tables is no news to who runs a job.
logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
logging.getLogger("alembic").setLevel(logging.WARNING)
# Nor is a bar for each picture that the report fetches.
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")


class Tracked:
    """One MLflow run."""

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self._client = client
        self.run_id = run_id

    def log(self, counts: Mapping[str, float], journal: Journal, answer: Answer) -> None:
        """Log the counts and metrics, the table versions as tags (`input.silver.events` = 3), the pictures
        under figures/ and the models under models/.
        """
        now = int(time.time() * 1000)
        tags = [
            *(RunTag(f"input.{name}", str(version)) for name, version in journal.read.items()),
            *(RunTag(f"output.{name}", str(version)) for name, version in journal.written.items()),
        ]
        metrics = [Metric(name, float(value), now, 0) for name, value in {**counts, **answer.metrics}.items()]
        self._client.log_batch(self.run_id, metrics=metrics, tags=tags)
        with tempfile.TemporaryDirectory() as folder:
            for name, figure in answer.figures.items():
                _draw(Path(folder), name, figure)
            for name, save in answer.models.items():
                place = Path(folder) / "models" / name
                place.parent.mkdir(exist_ok=True)
                save(place)
            self._client.log_artifacts(self.run_id, folder)

    def end(self, *, succeeded: bool) -> None:
        """Close the run."""
        self._client.set_terminated(self.run_id, status="FINISHED" if succeeded else "FAILED")


def _draw(folder: Path, name: str, figure: Figure) -> None:
    pictures = folder / "figures"
    pictures.mkdir(exist_ok=True)
    (pictures / f"{name}.html").write_text(render.html(figure), encoding="utf-8")
    (pictures / f"{name}.png").write_bytes(render.png(figure))


def client(settings: Settings) -> MlflowClient:
    """The client of the store that conf names."""
    return MlflowClient(tracking_uri=settings.tracking_uri)


def start(settings: Settings, *, job: str, code_version: str) -> Tracked:
    """Open a run for a job, with every setting as its parameters.

    Raises InputMissing where the tracking store cannot be reached.
    """
    try:
        store = client(settings)
        run = store.create_run(
            _experiment(store, settings), run_name=job, tags={"job": job, "code_version": code_version}
        )
        store.log_batch(run.info.run_id, params=_params(settings))
    except MlflowException as fault:
        raise InputMissing(
            f"MLflow's store {conf.masked(settings.tracking_uri)} does not answer "
            f"({conf.masked(_first_line(fault))}); set tracking.uri"
        ) from fault
    return Tracked(store, run.info.run_id)


def _experiment(store: MlflowClient, settings: Settings) -> str:
    name = settings.tracking.experiment
    known = store.get_experiment_by_name(name)
    if known:
        return str(known.experiment_id)
    local = None if settings.tracking.uri else (settings.home_path / "mlartifacts").as_uri()
    try:
        return str(store.create_experiment(name, artifact_location=local))
    except MlflowException:  # another run has just made it
        made = store.get_experiment_by_name(name)
        if made is None:
            raise
        return str(made.experiment_id)


def _params(settings: Settings) -> list[Param]:
    return [Param(key, _text(value)) for key, value in conf.flatten(settings).items()]


def _text(value: Any) -> str:
    return str(value)[:LONGEST_PARAM]


def _first_line(fault: Exception) -> str:
    return str(fault).strip().partition("\n")[0]
