"""What each command of `retinue` does: it says what it did and where the result lies.

A function a command, by its name; each takes the arguments and the settings and returns the
exit code.
"""

from __future__ import annotations

import importlib.resources
import os
import shlex
import subprocess
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyspark

from retinue import __version__, answers, code, console, java, promises, receipts, registry, samples, tables
from retinue import job as jobs
from retinue import lake as lakes
from retinue import session as sessions
from retinue import settings as conf
from retinue.errors import InputMissing
from retinue.job import Report
from retinue.lake import Lake
from retinue.rehearsal import Rehearsal
from retinue.settings import Settings
from retinue.sources import mappings, proposing

INTO_SILVER = ("clean_events", "sessionize_events")
INTO_GOLD = ("find_paths", "find_fruitless_searches", "measure_funnels", "measure_retention")
OF_POSTS = ("tokenize_posts", "count_ngrams", "score_sentiment", "find_themes", "watch_reputation")
OF_TIES = ("gather_ties", "build_graph", "rank_influence", "detect_communities", "predict_links")
OF_ADS = ("build_journeys", "attribute_conversions", "price_ads")
FEEDS = {
    "events": ("ingest_events", "requeue_events", INTO_SILVER),
    "posts": ("ingest_posts", "requeue_posts", OF_POSTS[:1]),
    "contacts": ("ingest_contacts", "requeue_contacts", OF_TIES[:1]),
    **dict.fromkeys(("touches", "costs", "assignments"), ("ingest_ads", "requeue_ads", ())),
}
"""By the kind of a mapping: the jobs that bring records in, at once or after all, and those that follow."""


def demo(asked: Namespace, settings: Settings) -> int:
    """Every job in its order, then the page."""
    path = asked.input or str(samples.ecommerce())
    mapping = asked.mapping or (_recognised(path) if asked.input else "ecommerce_csv")
    reports = _ingested(_reading(settings, path, mapping, ""))
    reports += [_performed(job, settings) for job in INTO_GOLD]
    if not asked.input:
        reports += _ingested(_reading(settings, samples.rated_texts(), "rated_texts", ""))
        reports += [_performed(job, settings) for job in OF_POSTS[1:]]
        follows = samples.made_up_follows(settings.home_path / "landing")
        reports += _ingested(_reading(settings, str(follows), "made_up_follows", ""))
        reports += [_performed(job, settings) for job in OF_TIES[1:]]
        ads = samples.made_up_ads(settings.home_path / "landing", clickstream=samples.ecommerce())
        for name, file in ads.items():
            reports += _ingested(_reading(settings, str(file), name, ""))
        # The shop's events tell no prices, so each order counts the same.
        orders = replace(settings.attribution, value="60.0", currency="USD")
        reports += [_performed(job, replace(settings, attribution=orders)) for job in OF_ADS]
    page = _page(settings)
    if asked.json:
        console.told({"reports": [_as_json(report) for report in reports], "page": str(page)})
        return 0
    for report in reports:
        _print_report(report, settings)
    _print_places(settings, page)
    return 0


def run(asked: Namespace, settings: Settings) -> int:
    """One job."""
    registry.find(asked.job)
    if asked.dry_run:
        return _rehearse(asked, settings)
    _tell(asked, [_performed(asked.job, settings)], settings)
    console.err.print(f"the same by hand: {_submit_line(asked)}")
    return 0


def submit(asked: Namespace, settings: Settings) -> int:
    """One job by spark-submit, with the packaged code."""
    registry.find(asked.job)
    java.require()
    jobs.require_writable(settings)
    archive = code.package(settings.home_path / "packages")
    spark_submit = Path(str(pyspark.__file__)).parent / "bin" / "spark-submit"
    master = ["--master", asked.master] if asked.master else []
    with importlib.resources.as_file(importlib.resources.files("retinue.jobs") / f"{asked.job}.py") as file:
        line = [
            str(spark_submit),
            *master,
            "--py-files",
            str(archive),
            str(file),
            *_passed_on(asked, asked.set),
        ]
        environment = {**os.environ, "SPARK_HOME": str(spark_submit.parents[1])}
        return subprocess.run(line, env=environment, check=False).returncode


def ingest(asked: Namespace, settings: Settings) -> int:
    """Files into bronze, and what they change in silver."""
    mapping = asked.mapping or settings.ingest.mapping or _recognised(asked.input)
    chosen = _reading(settings, asked.input, mapping, asked.source or settings.ingest.source)
    _tell(asked, _ingested(chosen), chosen)
    return 0


def propose(asked: Namespace, settings: Settings) -> int:
    """A mapping for an unknown file, and what could be analysed with it."""
    proposal = proposing.propose(asked.input)
    if asked.out:
        if Path(asked.out).exists():
            raise InputMissing(f"{asked.out} is there already; give --out another name, or move it away")
        Path(asked.out).write_text(proposal.toml, encoding="utf-8")
    if asked.json:
        console.told(asdict(proposal))
        return 0
    if not asked.out:
        console.out.print(proposal.toml)
    rows = [(analysis, "yes", "") for analysis in proposal.feeds]
    rows += [(analysis, "no", ", ".join(columns)) for analysis, columns in proposal.missing.items()]
    console.table(["analysis", "fed", "missing"], rows)
    for remark in proposal.remarks:
        console.out.print(remark)
    if proposal.ready:
        console.out.print(f"the ready mapping {proposal.ready} reads it as it is")
    mapping = proposal.ready or asked.out or "the mapping above, saved and checked"
    console.out.print(f"next: retinue ingest {asked.input} --mapping {mapping}")
    return 0


def requeue(asked: Namespace, settings: Settings) -> int:
    """Quarantined records through the mended mapping, and what they change in silver."""
    chosen = _reading(settings, settings.ingest.input, asked.mapping, settings.ingest.source)
    _, again, then = FEEDS[mappings.load(asked.mapping).kind]
    _tell(asked, [_performed(job, chosen) for job in (again, *then)], chosen)
    return 0


def list_jobs(asked: Namespace, settings: Settings) -> int:
    """What jobs there are."""
    found = {name: registry.find(name) for name in registry.names()}
    if asked.json:
        console.told(
            {
                name: {"question": registry.question(job), "reads": job.READS, "writes": job.WRITES}
                for name, job in found.items()
            }
        )
        return 0
    rows = [
        (name, registry.question(job), ", ".join(job.READS) or "files", ", ".join(job.WRITES))
        for name, job in found.items()
    ]
    console.table(["job", "question", "reads", "writes"], rows)
    return 0


def list_tables(asked: Namespace, settings: Settings) -> int:
    """The catalogue, or one table of it."""
    chosen = [tables.find(asked.name)] if asked.name else list(tables.CATALOGUE.values())
    if asked.json:
        console.told([asdict(table) for table in chosen])
    elif asked.name:
        _print_table(chosen[0])
    else:
        rows = [(t.name, t.grain, ", ".join(t.key), t.owner) for t in chosen]
        console.table(["table", "one row is", "key", "written by"], rows)
    return 0


def _print_table(table: tables.Table) -> None:
    columns = [(c.name, c.type, c.unit, c.personal, c.meaning) for c in table.columns]
    console.table(
        ["column", "type", "unit", "personal", "meaning"], columns, title=f"{table.name}: {table.grain}"
    )
    promises = [*table.checks.items(), *table.invariants.items()]
    if promises:
        console.table(["promise", "SQL"], promises)
    console.out.print(f"key {', '.join(table.key)}; written by {table.owner}")


def check(asked: Namespace, settings: Settings) -> int:
    """Java and home first, then every promise of every table there is."""

    jobs.require_writable(settings)
    lake = _lake(settings)
    with console.working(lake.spark, "check"):
        kept = promises.kept(lake)
    if asked.json:
        console.told([asdict(each) for each in kept])
    else:
        rows = [
            (each.table, each.promise, "holds" if each.holds else "BROKEN", each.example) for each in kept
        ]
        console.table(["table", "promise", "", "for example"], rows)
        console.out.print(f"retinue {__version__}, Spark {lake.spark.version}, lake {settings.lake_root}")
    return 0 if all(each.holds for each in kept) else 1


def report(asked: Namespace, settings: Settings) -> int:
    """One HTML page of the newest answers."""
    page = _page(settings)
    if asked.json:
        console.told({"page": str(page)})
    else:
        console.out.print(f"the report: {page}")
    return 0


def prove(asked: Namespace, settings: Settings) -> int:
    """A finding computed again."""
    lake = _lake(settings)
    with console.working(lake.spark, f"prove {asked.id}"):
        proof = receipts.prove(lake, settings, asked.id)
    if asked.json:
        console.told(asdict(proof))
    else:
        rows = [(proof.question, proof.then, proof.now, proof.verdict)]
        console.table(["question", "then", "now", "verdict"], rows)
        if proof.why:
            console.out.print(proof.why)
    return 0 if proof.verdict == "equal" else 1


def _rehearse(asked: Namespace, settings: Settings) -> int:
    rehearsal = Rehearsal(_lake(settings))
    with console.working(rehearsal.spark, f"{asked.job} (dry run)"):
        answer = registry.find(asked.job).run(rehearsal, settings)
        held = {name: rows.count() for name, rows in rehearsal.held.items()}
    found = [{"question": f.question, "value": f.value, "unit": f.unit} for f in answer.findings]
    if asked.json:
        console.told({"job": asked.job, "status": "dry run", "would_hold": held, "findings": found})
        return 0
    console.table(["question", "answer"], [(f.question, f.shown) for f in answer.findings])
    console.table(["would write", "rows"], list(held.items()))
    console.out.print("Nothing was written.")
    return 0


def _print_report(report: Report, settings: Settings) -> None:
    rows = [(r.finding.question, r.finding.shown, r.finding_id) for r in report.receipts]
    console.table(["question", "answer", "id"], rows, title=report.job)
    counts = report.counts
    console.out.print(
        f"{counts['rows_in']:,} rows in, {counts['rows_out']:,} out, "
        f"{counts['rows_quarantined']:,} quarantined, {report.duration_seconds:.1f} s"
    )
    for name, version in report.output_versions.items():
        if name == "ops.findings":
            continue  # the ids above
        console.out.print(f"wrote {name} version {version} in {settings.lake_root}/{name.replace('.', '/')}")


def _as_json(report: Report) -> dict[str, Any]:
    return {
        "job": report.job,
        "status": "succeeded",
        "as_of": report.answer.as_of,
        **report.counts,
        "duration_seconds": report.duration_seconds,
        "run_id": report.run_id,
        "mlflow_run_id": report.mlflow_run_id,
        "input_versions": report.input_versions,
        "output_versions": report.output_versions,
        "findings": [
            {
                "id": r.finding_id,
                "question": r.finding.question,
                "value": r.finding.value,
                "unit": r.finding.unit,
            }
            for r in report.receipts
        ],
    }


def _submit_line(asked: Namespace) -> str:
    shown = [
        f"{key}={conf.masked(value, key=key)}"
        for key, _, value in (text.partition("=") for text in asked.set)
    ]
    return shlex.join(["spark-submit", f"jobs/{asked.job}.py", *_passed_on(asked, shown)])


def _passed_on(asked: Namespace, overrides: Sequence[str]) -> list[str]:
    """The common arguments, as another process takes them."""
    named = {"--env": asked.env, "--home": asked.home, "--conf": asked.conf, "--as-of": asked.as_of}
    given = [part for flag, value in named.items() if value for part in (flag, str(value))]
    given += ["--json"] if asked.json else []
    return [*given, *(part for text in overrides for part in ("--set", text))]


def _print_places(settings: Settings, page: Path) -> None:
    places = {
        "tables": settings.lake_root,
        "MLflow": f"mlflow ui --backend-store-uri {shlex.quote(conf.masked(settings.tracking_uri))}",
        "report": str(page),
    }
    console.table(["what", "where"], list(places.items()))


def _performed(job: str, settings: Settings) -> Report:
    jobs.require_writable(settings)
    lake = _lake(settings)
    with console.working(lake.spark, job):
        return jobs.perform(job, lake, settings)


def _ingested(settings: Settings) -> list[Report]:
    """Files into bronze, and what they change in silver, by the jobs for their mapping's kind."""
    first, _, then = FEEDS[mappings.load(settings.ingest.mapping).kind]
    return [_performed(job, settings) for job in (first, *then)]


def _tell(asked: Namespace, reports: Sequence[Report], settings: Settings) -> None:
    if asked.json:
        told = [_as_json(report) for report in reports]
        console.told(told[0] if len(told) == 1 else told)
        return
    for report in reports:
        _print_report(report, settings)


def _page(settings: Settings) -> Path:
    lake = _lake(settings)
    with console.working(lake.spark, "report"):
        return answers.write_page(lake, settings)


def _lake(settings: Settings) -> Lake:
    """The lake of one run, behind the session."""
    java.require()
    return lakes.connect(sessions.start(settings), settings)


def _recognised(path: str) -> str:
    """The ready mapping that reads this file. Raises InputMissing where there is none."""
    ready = proposing.propose(path).ready
    if not ready:
        raise InputMissing(
            f"no ready mapping reads {path}: `retinue map {path} --out mine.toml` proposes one; look it "
            "through and give --mapping mine.toml"
        )
    return ready


def _reading(settings: Settings, path: str, mapping: str, source: str) -> Settings:
    return replace(settings, ingest=replace(settings.ingest, input=path, mapping=mapping, source=source))


BY_NAME = {
    "demo": demo,
    "run": run,
    "submit": submit,
    "ingest": ingest,
    "map": propose,
    "requeue": requeue,
    "jobs": list_jobs,
    "tables": list_tables,
    "check": check,
    "report": report,
    "prove": prove,
}
