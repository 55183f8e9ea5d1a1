"""The command: rows made once, the comparison run, a table printed and a file of figures written."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import clicks, graphs, machine, texts, touches
from bench.compare import Difference, Figures, compare, ratio
from bench.engines import Limits
from bench.measure import Cost, Stopped
from bench.task import Task
from bench.tasks import TASKS

_HERE = Path(__file__).parent
_WRITERS: dict[str, Callable[..., None]] = {
    "events": clicks.write,
    "texts": texts.write,
    "edges": graphs.write,
    "touches": touches.write,
}
_UNITS = {"": 1, "k": 1_000, "m": 1_000_000}
_SAY = Console(stderr=True, highlight=False)


def main(words: Sequence[str] | None = None) -> None:
    """Read the command line, compare, print, write; exit code 1 where answers differ, 2 for a wrong word."""
    parser = _parser()
    chosen = parser.parse_args(words)
    try:
        task = TASKS[chosen.task].only(chosen.only)
    except KeyError as unknown:
        names = ", ".join(each.name for each in TASKS[chosen.task].contestants)
        parser.error(f"no contestant {unknown}; there are {names}")
    task = _present(task, chosen.size)
    facts = machine.facts()
    figures = _figures(task, chosen)
    facts["load_average_after"] = round(os.getloadavg()[0], 2)
    table = _table(task, figures, f"{task.name}, {chosen.size:,} {task.rows}, {chosen.cores} cores")
    Console(width=max(100, Console().width)).print(table)
    settings = {name: getattr(chosen, name) for name in ("task", "size", "rounds", "runs", "cores", "heap")}
    report = {**settings, "machine": facts, **_as_data(task, figures)}
    chosen.results.mkdir(parents=True, exist_ok=True)
    file = chosen.results / f"{task.name}-{_short(chosen.size)}.json"
    file.write_text(json.dumps(report, indent=1) + "\n")


def _present(task: Task, size: int) -> Task:
    """The task with those who take part in a comparison of that size; the others are told."""
    missing = {each.name: each.missing(size) for each in task.contestants}
    for name, why in missing.items():
        if why:
            _SAY.print(f"{name} is left out: {why}")
    return task.only([name for name, why in missing.items() if not why])


def _figures(task: Task, chosen: argparse.Namespace) -> dict[str, Figures]:
    """Run the comparison; what it leaves but the rows is cleared away."""
    cache = chosen.cache / f"{chosen.size}-{task.rows}"
    events = _rows(cache, task.rows, chosen.size)
    limits = Limits(cores=chosen.cores, heap=chosen.heap)
    shape = {"rounds": chosen.rounds, "runs": chosen.runs}
    try:
        return compare(task, events=events, work=cache, limits=limits, **shape, say=_SAY.print)
    except (Difference, Stopped) as failed:
        sys.exit(f"bench: {failed}")
    finally:
        for leftover in ("answer", "expected", "prepared"):
            shutil.rmtree(cache / leftover, ignore_errors=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="retinue beside other engines")
    parser.add_argument(
        "--size",
        type=_count,
        default="1m",
        help="events, texts, edges or touches: 1m, 10m, 50m or any number",
    )
    parser.add_argument("--task", choices=sorted(TASKS), default="sessionize")
    parser.add_argument(
        "--rounds", type=int, default=5, help="times that each contestant's process is started"
    )
    parser.add_argument(
        "--runs", type=int, default=3, help="runs in a process: the first is cold, the last warm"
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", help="contestants, all by default")
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1, help="for every contestant")
    parser.add_argument("--heap", default="4g", help="of the JVM")
    parser.add_argument("--cache", type=Path, default=_HERE / "cache", help="folder for rows and answers")
    parser.add_argument("--results", type=Path, default=_HERE / "results", help="folder for the figures")
    return parser


def _count(text: str) -> int:
    parts = re.fullmatch(r"([1-9]\d*)([km]?)", text.lower())
    if not parts:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of rows; say 1m, 10m, 50m or 20k")
    return int(parts[1]) * _UNITS[parts[2]]


def _short(count: int) -> str:
    unit = next(unit for unit in ("m", "k", "") if count % _UNITS[unit] == 0)
    return f"{count // _UNITS[unit]}{unit}"


def _rows(cache: Path, name: str, count: int) -> Path:
    """The folder of rows, made once; it gets its name only when it is whole."""
    rows, unfinished = cache / name, cache / "unfinished"
    if not rows.exists():
        shutil.rmtree(unfinished, ignore_errors=True)
        tell = {"each": lambda done: _SAY.print(f"{name}: {done:,} of {count:,}")}
        _WRITERS[name](unfinished, **{name: count}, **tell)
        unfinished.rename(rows)
    return rows


def _table(task: Task, figures: dict[str, Figures], title: str) -> Table:
    ours = [each.name for each in task.contestants if each.is_ours]
    table = Table(
        "", "start s", "cold s", "warm s", "warm CPU s", "GB", *(f"{one} ÷" for one in ours), title=title
    )
    for column in table.columns[1:]:
        column.justify = "right"
    for name, theirs in figures.items():
        shares = [f"{ratio(figures[one], theirs, 'cpu'):.2f}" for one in ours]
        table.add_row(name, *(f"{value:.1f}" for value in _medians(theirs)), *shares)
        if theirs.prepared:
            table.add_row(
                "  lay-out, once", "", f"{theirs.prepared.wall:.1f}", "", f"{theirs.prepared.cpu:.1f}"
            )
    table.caption = (
        "Medians of the rounds. ÷: warm CPU seconds of retinue by those of the row, paired by round."
    )
    return table


def _medians(figures: Figures) -> list[float]:
    return [
        median(cost.wall for cost in figures.start),
        median(cost.wall for cost in figures.cold),
        median(cost.wall for cost in figures.warm),
        median(cost.cpu for cost in figures.warm),
        median(cost.memory for cost in figures.warm) / 2**30,
    ]


def _as_data(task: Task, figures: dict[str, Figures]) -> dict[str, Any]:
    ours = [each.name for each in task.contestants if each.is_ours]
    return {
        "contestants": {name: _rounded(theirs) for name, theirs in figures.items()},
        "ratios": {
            one: {
                name: {kind: round(ratio(figures[one], theirs, kind), 3) for kind in ("cpu", "wall")}
                for name, theirs in figures.items()
                if name != one
            }
            for one in ours
        },
    }


def _rounded(figures: Figures) -> dict[str, Any]:
    """The costs of every round, seconds to the hundredth, memory in whole megabytes."""

    def of(cost: Cost) -> dict[str, float]:
        return {"wall": round(cost.wall, 2), "cpu": round(cost.cpu, 2), "memory_mb": cost.memory // 2**20}

    return {
        "prepared": of(figures.prepared) if figures.prepared else None,
        **({"told": dict(figures.told)} if figures.told else {}),
        **{kind: [of(cost) for cost in getattr(figures, kind)] for kind in ("start", "cold", "warm")},
    }
