"""What the command line says: progress while Spark works, a table when it is done."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pyspark.sql import SparkSession
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["err", "out", "table", "told", "working"]

WIDE = 140  # characters, where no terminal says how wide it is

PLAIN: dict[str, Any] = {"highlight": False, "markup": False, "soft_wrap": True}  # users' words are no markup

out = Console(**PLAIN, width=None if sys.stdout.isatty() else WIDE)
err = Console(**PLAIN, stderr=True, width=None if sys.stderr.isatty() else WIDE)

LOOK_EVERY = 0.5  # seconds between two looks at Spark's progress
SPEAK_EVERY = 10.0  # seconds between two lines where there is no terminal to redraw


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> None:
    """Print a table; numbers to the right. Nothing in a cell is markup."""
    drawn = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left", title_style="bold")
    filled = [[_cell(value) for value in row] for row in rows]
    for place, column in enumerate(columns):
        numeric = bool(filled) and all(row[place][:1].isdigit() for row in filled)
        drawn.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in filled:
        drawn.add_row(*map(Text, row))
    out.print(drawn)


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def told(content: Any) -> None:
    """Print one JSON document."""
    print(json.dumps(content, indent=2, default=str, ensure_ascii=False))


@contextmanager
def working(spark: SparkSession, what: str) -> Iterator[None]:
    """While the body runs, show how far Spark is: redrawn on a terminal, else a line every ten seconds."""
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(spark, what, done), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _watch(spark: SparkSession, what: str, done: threading.Event) -> None:
    begun = spoken = time.monotonic()
    with err.status(Text(what)) as status:
        while not done.wait(LOOK_EVERY):
            now = time.monotonic()
            line = f"{what}: {now - begun:.0f} s{_tasks(spark)}"
            status.update(Text(line))
            if not err.is_terminal and now - spoken >= SPEAK_EVERY:
                err.print(line)
                spoken = now


def _tasks(spark: SparkSession) -> str:
    """How many tasks of the running stages are done."""
    tracker = spark.sparkContext.statusTracker()
    stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
    running = [stage for stage in stages if stage]
    if not running:
        return ""
    return f", {sum(s.numCompletedTasks for s in running)} of {sum(s.numTasks for s in running)} tasks"
