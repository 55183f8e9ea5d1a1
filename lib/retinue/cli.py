"""The command `retinue`, and what a job does when spark-submit starts it.

Exit code 0: done. 1: done, and what was checked does not hold. 2: could not be done; one
sentence says why and how to go on.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from retinue import __version__, console
from retinue import settings as conf
from retinue.errors import RetinueError

__all__ = ["main", "submitted"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; never a stack trace."""
    asked = _parser().parse_args(arguments)
    home = Path(asked.home or os.environ.get("RETINUE_HOME") or "var")
    try:
        settings = conf.load(asked.env, home=asked.home, conf=asked.conf, overrides=_overrides(asked))
        home = settings.home_path
        commands = importlib.import_module("retinue.commands")  # slow: Spark and MLflow come with it
        return int(commands.BY_NAME[asked.command](asked, settings))
    except RetinueError as fault:
        return _refuse(asked, str(fault))
    except KeyboardInterrupt:
        return _refuse(asked, "stopped by you; run it again, what was written counts once")
    except Exception as fault:
        return _refuse(asked, _surprise(fault, home))


def submitted(file: str) -> None:
    """The last line of every job: run it with spark-submit's arguments."""
    sys.exit(main(["run", Path(file).stem, *sys.argv[1:]]))


def _refuse(asked: argparse.Namespace, sentence: str) -> int:
    if asked.json:
        console.told({"status": "failed", "error": sentence})
    console.err.print(sentence)
    return 2


def _surprise(fault: Exception, home: Path) -> str:
    """One sentence for what nobody foresaw; the trace goes to a file for whoever mends it."""
    said = importlib.import_module("retinue.causes").cause(fault)
    trace = home / "last_error.txt"
    try:
        trace.parent.mkdir(parents=True, exist_ok=True)
        trace.write_text(traceback.format_exc(), encoding="utf-8")
    except OSError as blocked:
        return f"{type(fault).__name__}: {said} (the trace could not be written: {blocked.strerror})"
    return f"{type(fault).__name__}: {said}. The trace is in {trace}"


def _overrides(asked: argparse.Namespace) -> list[str]:
    return [*asked.set, *([f"as_of='{asked.as_of}'"] if asked.as_of else [])]


def _common() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--env", default="local", help=f"{', '.join(conf.ENVIRONMENTS)} (default local)")
    common.add_argument("--home", help="the folder for all that a run makes (default ./var)")
    common.add_argument("--conf", help="your own settings, TOML (default ./retinue.toml if there)")
    common.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change one setting")
    common.add_argument("--as-of", metavar="DATE", help="rows before its midnight UTC count")
    common.add_argument("--json", action="store_true", help="print JSON, for programs")
    return common


def _parser() -> argparse.ArgumentParser:
    common = _common()
    parser = argparse.ArgumentParser(prog="retinue", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--version", action="version", version=f"retinue {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")

    def add(name: str, says: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, parents=[common], help=says, description=says)

    demo = add("demo", "from raw events to the first answers, on public data or your own file")
    demo.add_argument("--input", default="", help="your own event file (default: the public clickstream)")
    demo.add_argument("--mapping", default="", help="how it reads: a name under conf/mappings or a TOML file")
    run = add("run", "run one job")
    run.add_argument("job")
    run.add_argument("--dry-run", action="store_true", help="compute and print, write nothing")
    submit = add("submit", "package the code and run one job by spark-submit")
    submit.add_argument("job")
    submit.add_argument("--master", help="the cluster, as spark://host:7077")
    ingest = add("ingest", "take event files into bronze and on into silver")
    ingest.add_argument("input", help="file, folder or URI")
    ingest.add_argument("--mapping", default="", help="a name under conf/mappings or a TOML file")
    ingest.add_argument("--source", default="", help="the name its rows carry (default: the mapping's)")
    looked_at = add("map", "look at an unknown file and propose a mapping")
    looked_at.add_argument("input", help="the file")
    looked_at.add_argument("--out", help="write the proposed mapping there")
    requeue = add("requeue", "send quarantined records through again, after their mapping is mended")
    requeue.add_argument("--mapping", required=True, help="the mended mapping")
    add("jobs", "what jobs there are, and what each reads and writes")
    add("tables", "the catalogue, or one table of it").add_argument("name", nargs="?")
    add("check", "is everything in place, and does the lake hold what it promises")
    add("report", "one HTML page of the newest answers")
    add("prove", "compute a finding again from the table versions it came from").add_argument("id")
    return parser
