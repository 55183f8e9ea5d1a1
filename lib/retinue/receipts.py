"""A receipt for every number: where it came from, and the proof that it comes out again."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Row
from pyspark.sql import functions as F

from retinue import code, registry, tables
from retinue import settings as conf
from retinue.answer import Answer, Finding
from retinue.causes import cause
from retinue.declarations import digest
from retinue.errors import InputMissing, RetinueError
from retinue.lake import Lake
from retinue.rehearsal import Rehearsal
from retinue.settings import Settings

__all__ = ["Proof", "Receipt", "issue", "prove"]

PLACES = ("home", "lake", "spark", "tracking")  # where a run happened; no answer depends on it


@dataclass(frozen=True)
class Receipt:
    """A finding and the id under which `retinue prove` computes it again."""

    finding_id: str
    finding: Finding


@dataclass(frozen=True)
class Proof:
    """What came of computing a finding again: equal, different, or no longer possible, and why."""

    finding_id: str
    question: str
    verdict: str
    then: Any
    now: Any = None
    why: str = ""


def issue(
    lake: Lake,
    settings: Settings,
    *,
    job: str,
    answer: Answer,
    run_id: str,
    mlflow_run_id: str,
) -> tuple[Receipt, ...]:
    """Keep each finding in ops.findings under an id that is the same for the same finding.

    Runs Spark jobs: the distinct legal bases of the tables read, at most one for each basis.
    """
    if not answer.findings:
        return ()
    versions = _versions(lake)
    origin = {
        "job": job,
        "settings": _settled(settings),
        "code_version": code.version(),
        "input_versions": versions,
        "rests_on": dict(answer.rests_on),
    }
    kept = tuple(Receipt(_identity(finding, origin), finding) for finding in answer.findings)
    shared = {
        **origin,
        "run_id": run_id,
        "mlflow_run_id": mlflow_run_id,
        "legal_bases": sorted({*answer.legal_bases, *_legal_bases(lake, versions)}),
        "found_at": lake.now,
    }
    rows = [
        {
            **shared,
            "finding_id": receipt.finding_id,
            "question": receipt.finding.question,
            "value": json.dumps(receipt.finding.value),
            "unit": receipt.finding.unit,
        }
        for receipt in kept
    ]
    told = digest(sorted(receipt.finding_id for receipt in kept))  # told again, they are kept already
    lake.append("ops.findings", lake.frame("ops.findings", rows), transaction=f"findings/{told}")
    return kept


def prove(lake: Lake, settings: Settings, finding_id: str) -> Proof:
    """Compute a finding again from the table versions it came from.

    Runs the job's Spark jobs; writes nothing. The settings are those of the finding, the
    places (home, lake, Spark, tracking) those of today; the clock says what it said then. Raises
    InputMissing for an unknown id.
    """
    receipt = _receipt(lake, finding_id)
    then = json.loads(receipt["value"])
    proof = Proof(finding_id, receipt["question"], "", then)
    rehearsal = Rehearsal(lake, receipt["input_versions"], now=receipt["found_at"].replace(tzinfo=UTC))
    try:
        answer = registry.find(receipt["job"]).run(rehearsal, _restored(settings, receipt["settings"]))
        again = [each for each in answer.findings if each.question == receipt["question"]]
    except (RetinueError, PySparkException, Py4JJavaError) as fault:
        return _no_longer(proof, lake, receipt, fault)
    changed = [name for name, digest in receipt["rests_on"].items() if answer.rests_on.get(name) != digest]
    if changed:
        return _with(proof, "no longer", why=f"{' and '.join(changed)} changed since")
    if not again:
        return _with(proof, "no longer", why=f"{receipt['job']} does not ask this any more")
    if _is_same(then, again[0].value):
        return _with(proof, "equal", now=again[0].value)
    return _with(proof, "different", now=again[0].value, why=_difference(receipt))


def _is_same(then: Any, now: Any) -> bool:
    """Equal, fractions but for the order in which Spark may have added them up."""
    if isinstance(then, float) and isinstance(now, int | float):
        return math.isclose(then, now, rel_tol=1e-9, abs_tol=1e-12)
    return bool(then == now)


def _with(proof: Proof, verdict: str, **found: Any) -> Proof:
    return Proof(**{**asdict(proof), "verdict": verdict, **found})


def _versions(lake: Lake) -> dict[str, int]:
    """The data that the run read; the run log itself is no data."""
    return {name: v for name, v in lake.journal.read.items() if name not in ("ops.runs", "ops.findings")}


def _settled(settings: Settings) -> str:
    chosen = {key: value for key, value in conf.shown(settings).items() if key not in PLACES}
    return json.dumps(chosen, sort_keys=True)


def _restored(settings: Settings, settled: str) -> Settings:
    return conf.restore({**asdict(settings), **json.loads(settled)})


def _identity(finding: Finding, origin: Mapping[str, Any]) -> str:
    return digest([finding.question, finding.value, finding.unit, origin])


def _legal_bases(lake: Lake, versions: Mapping[str, int]) -> set[str]:
    bases: set[str] = set()
    for name, version in versions.items():
        if "legal_basis" in tables.find(name).column_names:
            rows = lake.at(name, version).select("legal_basis").distinct().collect()
            bases |= {row["legal_basis"] or "unknown" for row in rows}
    return bases


def _receipt(lake: Lake, finding_id: str) -> Row:
    found = lake.read("ops.findings").where(F.col("finding_id").startswith(finding_id)).take(2)
    if len(found) != 1:
        count = "no finding" if not found else "more than one finding"
        raise InputMissing(f"there is {count} {finding_id!r} in ops.findings; `retinue report` shows the ids")
    return found[0]


def _no_longer(proof: Proof, lake: Lake, receipt: Row, fault: Exception) -> Proof:
    gone = [_gone(lake, name, version) for name, version in receipt["input_versions"].items()]
    why = "; ".join(filter(None, gone)) or cause(fault)
    return _with(proof, "no longer", why=why)


def _gone(lake: Lake, name: str, version: int) -> str:
    """Why this version of the table cannot be read, or ''."""
    if not lake.exists(name):
        return f"the table {name} is not there"
    try:
        lake.at(name, version).write.format("noop").mode("overwrite").save()
    except (PySparkException, Py4JJavaError):
        later = lake.history(name).where(F.col("version") > version)
        erased = later.where("operation = 'DELETE'").take(1)
        what = "rows were erased from it since" if erased else "its files were vacuumed"
        return f"version {version} of {name} is gone: {what}"
    return ""


def _difference(receipt: Row) -> str:
    if receipt["code_version"] != code.version():
        return f"the code was {receipt['code_version']} then and is {code.version()} now"
    return "same code, settings and table versions: the answer is not deterministic"
