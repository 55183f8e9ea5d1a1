"""The newest answer of every job, gathered into one page."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from mlflow.exceptions import MlflowException
from pyspark.sql import Row, Window
from pyspark.sql import functions as F

from retinue import registry, report, tracking
from retinue.answer import Finding
from retinue.errors import InputMissing
from retinue.lake import Lake
from retinue.report import Section, Shown
from retinue.settings import Settings

__all__ = ["write_page"]


def write_page(lake: Lake, settings: Settings) -> Path:
    """Write report/index.html under home from each job's newest successful run, and return its path.

    A job has one for each segment. Runs Spark jobs; brings one row for each job and its findings.
    Raises InputMissing where no job has succeeded yet.
    """
    sections = [_section(lake, settings, run) for run in _newest(lake)]
    if not sections:
        raise InputMissing("there is nothing to report yet: no job has succeeded; start with `retinue demo`")
    page = settings.home_path / "report" / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    text = report.page(sections, title="retinue", made_at=datetime.now(UTC))
    page.write_text(text, encoding="utf-8")
    return page


def _newest(lake: Lake) -> list[Row]:
    """The newest successful run of each job and segment, in the order in which they ran."""
    segment = F.get_json_object("settings", "$.segment")
    last = Window.partitionBy("job", segment).orderBy(F.desc("ended_at"), "run_id")
    runs = lake.read("ops.runs").where("status = 'succeeded'").withColumn("_rank", F.row_number().over(last))
    known = F.col("job").isin(registry.names())
    return runs.where(known & (F.col("_rank") == 1)).orderBy("ended_at", "job").collect()


def _section(lake: Lake, settings: Settings, run: Row) -> Section:
    return Section(
        job=run["job"],
        question=registry.question(registry.find(run["job"])),
        findings=_shown(lake, run["finding_ids"] or []),
        figures=list(_figures(settings, run["mlflow_run_id"])),
        facts=_facts(run),
    )


def _shown(lake: Lake, finding_ids: list[str]) -> list[Shown]:
    rows = lake.read("ops.findings").where(F.col("finding_id").isin(finding_ids)).collect()
    found = {row["finding_id"]: row for row in rows}
    return [
        Shown(each, row["question"], Finding(row["question"], json.loads(row["value"]), row["unit"]).shown)
        for each, row in ((each, found[each]) for each in finding_ids if each in found)
    ]


def _facts(run: Row) -> dict[str, str]:
    versions = {"read": run["input_versions"], "wrote": run["output_versions"]}
    told = {
        what: ", ".join(f"{name} v{version}" for name, version in sorted((tables or {}).items()))
        for what, tables in versions.items()
    }
    return {
        "as of": str(run["as_of"] or ""),
        "segment": json.loads(run["settings"])["segment"] or "everyone",
        "started": f"{run['started_at']:%Y-%m-%d %H:%M:%S} UTC",
        "took": f"{run['duration_seconds']:.1f} s",
        "rows in": f"{run['rows_in']:,}",
        "rows out": f"{run['rows_out']:,}",
        "quarantined": f"{run['rows_quarantined']:,}",
        **told,
        "code": run["code_version"],
        "MLflow run": run["mlflow_run_id"],
    }


def _figures(settings: Settings, mlflow_run_id: str) -> Iterator[str]:
    """The pictures that the run logged, as HTML."""
    store = tracking.client(settings)
    try:
        names = [item.path for item in store.list_artifacts(mlflow_run_id, "figures")]
        with tempfile.TemporaryDirectory() as folder:
            for name in sorted(name for name in names if name.endswith(".html")):
                yield Path(store.download_artifacts(mlflow_run_id, name, folder)).read_text(encoding="utf-8")
    except MlflowException:
        return  # the run was deleted from MLflow: its numbers stand without pictures
