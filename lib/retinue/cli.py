"""The command `retinue`, and what a job does when spark-submit starts it.

Exit code 0: done. 1: done, and what was checked does not hold. 2: could not be done; one
sentence says why and how to go on.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from retinue import __version__, console, java, registry, tables
from retinue import settings as conf
from retinue.errors import EnvironmentFault, RetinueError
from retinue.lake import Lake
from retinue.settings import Settings

__all__ = ["main", "submitted"]

Command = Callable[[argparse.Namespace, Settings], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; never a stack trace."""
    asked = _parser().parse_args(arguments)
    try:
        settings = conf.load(asked.env, home=asked.home, conf=asked.conf, overrides=_overrides(asked))
        return int(asked.command(asked, settings))
    except RetinueError as fault:
        return _refuse(asked, str(fault))
    except KeyboardInterrupt:
        return _refuse(asked, "stopped by you; run it again, what was written counts once")
    except Exception as fault:
        return _refuse(asked, _surprise(fault, asked))


def submitted(file: str) -> None:
    """The last line of every job: run it with spark-submit's arguments."""
    sys.exit(main(["run", Path(file).stem, *sys.argv[1:]]))


def _refuse(asked: argparse.Namespace, sentence: str) -> int:
    if asked.json:
        console.told({"status": "failed", "error": sentence})
    console.err.print(sentence, markup=False)
    return 2


def _surprise(fault: Exception, asked: argparse.Namespace) -> str:
    """One sentence for what nobody foresaw; the trace goes to a file for whoever mends it."""
    said = str(fault).strip().partition("\n")[0] or "no message"
    trace = Path(asked.home or os.environ.get("RETINUE_HOME") or "var", "last_error.txt")
    try:
        trace.parent.mkdir(parents=True, exist_ok=True)
        trace.write_text(traceback.format_exc(), encoding="utf-8")
    except OSError as blocked:
        return f"{type(fault).__name__}: {said} (the trace could not be written: {blocked.strerror})"
    return f"{type(fault).__name__}: {said}. The trace is in {trace}"


def _overrides(asked: argparse.Namespace) -> list[str]:
    extra = [f"as_of='{asked.as_of}'"] if asked.as_of else []
    return [*asked.set, *extra]


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--env", default="local", help=f"{', '.join(conf.ENVIRONMENTS)} (default local)")
    common.add_argument("--home", help="the folder for all that a run makes (default ./var)")
    common.add_argument("--conf", help="your own settings, TOML (default ./retinue.toml if there)")
    common.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change one setting")
    common.add_argument("--as-of", metavar="DATE", help="rows before its midnight UTC count")
    common.add_argument("--json", action="store_true", help="print JSON, for programs")

    parser = argparse.ArgumentParser(
        prog="retinue", description=__doc__.partition("\n")[0] if __doc__ else ""
    )
    parser.add_argument("--version", action="version", version=f"retinue {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Command, says: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, parents=[common], help=says, description=says)
        made.set_defaults(command=run)
        return made

    demo = add("demo", _demo, "from raw events to the first answers, on public data or your own file")
    demo.add_argument("--input", default="", help="your own event file (default: the public clickstream)")
    demo.add_argument("--mapping", default="", help="how it reads: a name under conf/mappings or a TOML file")
    run = add("run", _run, "run one job")
    run.add_argument("job")
    run.add_argument("--dry-run", action="store_true", help="compute and print, write nothing")
    submit = add("submit", _submit, "package the code and run one job by spark-submit")
    submit.add_argument("job")
    submit.add_argument("--master", help="the cluster, as spark://host:7077")
    ingest = add("ingest", _ingest, "take event files into bronze and on into silver")
    ingest.add_argument("input", help="file, folder or URI")
    ingest.add_argument("--mapping", default="", help="a name under conf/mappings or a TOML file")
    ingest.add_argument("--source", default="", help="the name its rows carry (default: the mapping's)")

    add("jobs", _jobs, "what jobs there are, and what each reads and writes")
    add("tables", _tables, "the catalogue, or one table of it").add_argument("name", nargs="?")
    add("check", _check, "is everything in place, and does the lake hold what it promises")
    add("report", _report, "one HTML page of the newest answers")
    add("prove", _prove, "compute a finding again from the table versions it came from").add_argument("id")
    return parser


def _lake(settings: Settings) -> Lake:
    """The lake, behind a session. Raises EnvironmentFault where Java is missing or too old."""
    from retinue import lake, session

    if fault := java.fault():
        raise EnvironmentFault(fault)
    return lake.connect(session.start(settings), settings)


# The commands. Each says what it did and where the result lies.


def _run(asked: argparse.Namespace, settings: Settings) -> int:
    registry.find(asked.job)
    if asked.dry_run:
        return _rehearse(asked, settings)
    report = _performed(asked.job, settings)
    if asked.json:
        console.told(_as_json(report))
        return 0
    _print_report(report, settings)
    console.err.print(f"the same by hand: {_submit_line(asked)}", markup=False)
    return 0


def _rehearse(asked: argparse.Namespace, settings: Settings) -> int:
    from retinue.rehearsal import Rehearsal

    rehearsal = Rehearsal(_lake(settings), {})
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


def _performed(job: str, settings: Settings) -> Any:
    from retinue import job as jobs

    jobs.require_writable(settings)
    lake = _lake(settings)
    with console.working(lake.spark, job):
        return jobs.perform(job, lake, settings)


def _print_report(report: Any, settings: Settings) -> None:
    rows = [(r.finding.question, r.finding.shown, r.finding_id) for r in report.receipts]
    console.table(["question", "answer", "id"], rows, title=report.job)
    counts = report.counts
    console.out.print(
        f"{counts['rows_in']:,} rows in, {counts['rows_out']:,} out, "
        f"{counts['rows_quarantined']:,} quarantined, {report.duration_seconds:.1f} s"
    )
    for name, version in report.output_versions.items():
        console.out.print(f"wrote {name} version {version} in {settings.lake_root}/{name.replace('.', '/')}")


def _as_json(report: Any) -> dict[str, Any]:
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


def _submit_line(asked: argparse.Namespace) -> str:
    return shlex.join(["spark-submit", f"jobs/{asked.job}.py", *_passed_on(asked)])


def _passed_on(asked: argparse.Namespace) -> list[str]:
    """The common arguments, as another process takes them."""
    named = {"--env": asked.env, "--home": asked.home, "--conf": asked.conf, "--as-of": asked.as_of}
    given = [part for flag, value in named.items() if value for part in (flag, str(value))]
    return [*given, *(part for text in asked.set for part in ("--set", text))]


def _submit(asked: argparse.Namespace, settings: Settings) -> int:
    import importlib.resources

    import pyspark

    from retinue import code
    from retinue import job as jobs

    registry.find(asked.job)
    if fault := java.fault():
        raise EnvironmentFault(fault)
    jobs.require_writable(settings)
    archive = code.package(settings.home_path / "packages")
    home = Path(str(pyspark.__file__)).parent
    master = ["--master", asked.master] if asked.master else []
    with importlib.resources.as_file(importlib.resources.files("retinue.jobs") / f"{asked.job}.py") as file:
        line = [str(home / "bin" / "spark-submit"), *master, "--py-files", str(archive), str(file)]
        json_flag = ["--json"] if asked.json else []
        return subprocess.run([*line, *_passed_on(asked), *json_flag], check=False).returncode


def _demo(asked: argparse.Namespace, settings: Settings) -> int:
    """Every job in its order, then the page."""
    from retinue import samples

    own = asked.input
    path = own or str(samples.ecommerce())
    mapping = asked.mapping or "ecommerce_csv"
    reports = _through(_with_input(settings, path, mapping, ""), [*TO_SILVER, *TO_GOLD])
    page = _written_page(settings)
    if asked.json:
        console.told({"reports": [_as_json(report) for report in reports], "page": str(page)})
        return 0
    for report in reports:
        _print_report(report, settings)
    _print_places(settings, page)
    return 0


TO_SILVER = ("ingest_events", "clean_events", "sessionize_events")
TO_GOLD = ("find_paths",)


def _ingest(asked: argparse.Namespace, settings: Settings) -> int:
    mapping = asked.mapping or settings.ingest.mapping
    chosen = _with_input(settings, asked.input, mapping, asked.source or settings.ingest.source)
    reports = _through(chosen, TO_SILVER)
    if asked.json:
        console.told([_as_json(report) for report in reports])
        return 0
    for report in reports:
        _print_report(report, chosen)
    console.out.print("next: retinue run find_paths")
    return 0


def _through(settings: Settings, jobs: Sequence[str]) -> list[Any]:
    return [_performed(job, settings) for job in jobs]


def _with_input(settings: Settings, path: str, mapping: str, source: str) -> Settings:
    return replace(settings, ingest=replace(settings.ingest, input=path, mapping=mapping, source=source))


def _print_places(settings: Settings, page: Path) -> None:
    places = {
        "tables": settings.lake_root,
        "MLflow": f"mlflow ui --backend-store-uri {settings.tracking_uri}",
        "report": str(page),
    }
    console.table(["what", "where"], list(places.items()))


def _jobs(asked: argparse.Namespace, settings: Settings) -> int:
    found = {name: registry.find(name) for name in registry.names()}
    if asked.json:
        told = {
            name: {"question": registry.question(job), "reads": job.READS, "writes": job.WRITES}
            for name, job in found.items()
        }
        console.told(told)
        return 0
    rows = [
        (name, registry.question(job), ", ".join(job.READS) or "files", ", ".join(job.WRITES))
        for name, job in found.items()
    ]
    console.table(["job", "question", "reads", "writes"], rows)
    return 0


def _tables(asked: argparse.Namespace, settings: Settings) -> int:
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


def _check(asked: argparse.Namespace, settings: Settings) -> int:
    """Java and home first, then every promise of every table there is."""
    from retinue import job as jobs
    from retinue import promises

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


def _report(asked: argparse.Namespace, settings: Settings) -> int:
    page = _written_page(settings)
    if asked.json:
        console.told({"page": str(page)})
    else:
        console.out.print(f"the report: {page}")
    return 0


def _written_page(settings: Settings) -> Path:
    from retinue import answers

    lake = _lake(settings)
    with console.working(lake.spark, "report"):
        return answers.write_page(lake, settings)


def _prove(asked: argparse.Namespace, settings: Settings) -> int:
    from retinue import receipts

    lake = _lake(settings)
    with console.working(lake.spark, f"prove {asked.id}"):
        proof = receipts.prove(lake, settings, asked.id)
    if asked.json:
        console.told(asdict(proof))
    else:
        rows = [(proof.question, proof.then, proof.now, proof.verdict)]
        console.table(["question", "then", "now", "verdict"], rows)
        if proof.why:
            console.out.print(proof.why, markup=False)
    return 0 if proof.verdict == "equal" else 1
