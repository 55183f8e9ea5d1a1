"""A job killed between any two of its writes and run again leaves what one clean run leaves."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from chispa import assert_df_equality
from lakes import fresh
from pyspark.sql import SparkSession

from retinue import cli, tables
from retinue.commands import INTO_SILVER
from retinue.lake import Lake

VOLATILE = ("ingested_at", "quarantined_at", "run_id", "source_file")
CSV = """visitor_id,occurred_at,event_name,event_type,query
v1,2026-01-01 10:00:00,home,page_view,
v1,2026-01-01 10:01:00,find,search,lamp
v1,2026-01-01 11:00:00,buy,purchase,
v2,not a time,home,page_view,
,2026-01-01 10:00:00,home,page_view,
v3,2026-01-01 10:00:00,home,page_view,
v3,2026-01-01 10:00:05,thing,product_view,
"""
PIPELINE = ("ingest_events", *INTO_SILVER, "find_paths")  # the jobs for gold all write as this one does


MAPPING = """
format = "csv"
legal_basis = "anonymous"
[csv]
header = true
[fields]
visitor_id = "STRING"
occurred_at = "STRING"
event_name = "STRING"
event_type = "STRING"
query = "STRING"
[time]
written = "yyyy-MM-dd HH:mm:ss"
[columns]
visitor_id = "visitor_id"
occurred_at = "occurred_at"
event_name = "event_name"
event_type = "event_type"
query = "query"
"""


class Killed(BaseException):
    """No handler of the job sees it, as none sees a signal that kills."""


def dying_after(writes: int) -> Callable[..., int]:
    """`Lake._write` that commits, and dies when so many commits are done."""
    write, done = Lake._write, 0

    def commit(self: Lake, name: str, commit: Callable[[], object]) -> int:
        nonlocal done
        before = write(self, name, commit)
        done += 1
        if done == writes:
            raise Killed
        return before

    return commit


def line(job: str, home: Path) -> list[str]:
    delivery = [
        "--set",
        f"ingest.input={home.parent / 'events.csv'}",
        "--set",
        f"ingest.mapping={home.parent / 'shop.toml'}",
    ]
    return ["run", job, "--env", "test", "--home", str(home), *delivery]


@pytest.fixture(scope="module")
def stages(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The home as each job finds it, and at the end as the last one leaves it."""
    folder = tmp_path_factory.mktemp("stages")
    (folder / "events.csv").write_text(CSV)
    (folder / "shop.toml").write_text(MAPPING)
    home = folder / "clean"
    before = {}
    for job in PIPELINE:
        before[job] = folder / f"before_{job}"
        shutil.copytree(home, before[job]) if home.exists() else before[job].mkdir()
        assert cli.main(line(job, home)) == 0
    return {**before, "end": home}


def assert_equal_data(spark: SparkSession, one: Path, other: Path, names: tuple[str, ...]) -> None:
    for name in names:
        columns = [column for column in tables.find(name).column_names if column not in VOLATILE]
        ours, theirs = (fresh(spark, home).read(name).select(columns) for home in (one, other))
        assert_df_equality(ours, theirs, ignore_row_order=True)


def writes_of(job: str) -> tuple[str, ...]:
    from retinue import registry

    return registry.find(job).WRITES


@pytest.mark.parametrize("job", PIPELINE)
def test_killed_after_each_write(
    spark: SparkSession, stages: dict[str, Path], job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after one write, run again and killed after two, and so on, until it comes to its end."""
    home = stages["end"].parent / f"killed_{job}"
    shutil.copytree(stages[job], home)
    deaths = 0
    while died_after(deaths + 1, line(job, home), monkeypatch):
        deaths += 1
    assert deaths >= len(writes_of(job)) - 1, "a run may find that its first write is done already"
    assert_equal_data(spark, home, stages["end"], writes_of(job))


def died_after(writes: int, arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether so many writes were reached and it died there; else it came to its end."""
    with monkeypatch.context() as patched:
        patched.setattr(Lake, "_write", dying_after(writes))
        try:
            assert cli.main(arguments) == 0
        except Killed:
            return True
    return False


def test_killed_by_the_system_and_run_again(
    spark: SparkSession, stages: dict[str, Path], tmp_path: Path
) -> None:
    home = stages["end"].parent / "killed_for_good"
    shutil.copytree(stages["sessionize_events"], home)
    script = tmp_path / "die.py"
    script.write_text(
        "import os, signal, sys\n"
        "from retinue import cli\n"
        "from retinue.lake import Lake\n"
        "write = Lake._write\n"
        "def commit(self, name, commit):\n"
        "    write(self, name, commit)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "Lake._write = commit\n"
        "cli.main(sys.argv[1:])\n"
    )
    died = subprocess.run(
        [sys.executable, script, *line("sessionize_events", home)], check=False, timeout=600
    )
    assert died.returncode == -signal.SIGKILL
    assert cli.main(line("sessionize_events", home)) == 0
    assert_equal_data(spark, home, stages["end"], writes_of("sessionize_events"))
