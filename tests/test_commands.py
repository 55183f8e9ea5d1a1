"""The commands as a user types them: what they print, what they return, what they refuse."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from retinue import cli, registry, tables

TEST = ["--env", "test"]


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command says on standard error when it cannot do its work; the exit code must be 2."""
    assert cli.main([*arguments, *TEST]) == 2
    said = capsys.readouterr().err.strip()
    assert "Traceback" not in said
    return said


def test_jobs_lists_every_job_with_its_question(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["jobs", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert sorted(told) == registry.names()
    assert all(each["question"].endswith("?") for each in told.values())
    assert {name for each in told.values() for name in each["writes"]} <= set(tables.CATALOGUE)


def test_tables_shows_the_catalogue_and_one_table_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["tables"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in tables.CATALOGUE)
    assert cli.main(["tables", "silver.sessions"]) == 0
    assert "engaged_seconds" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "find_path"], "there is no job 'find_path'; did you mean 'find_paths'?"),
        (["tables", "silver.session"], "there is no table 'silver.session'; did you mean 'silver.sessions'?"),
        (["jobs", "--set", "sesions.timeout_minutes=3"], "did you mean 'sessions'?"),
        (["jobs", "--conf", "nowhere.toml"], "the settings file nowhere.toml cannot be read"),
        (["jobs", "--as-of", "tomorrow"], "as_of: found 'tomorrow', wanted a date such as 2026-01-31"),
    ],
)
def test_a_slip_gets_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sentence in refused(capsys, *arguments)


def test_a_home_that_cannot_be_made_gets_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    said = refused(capsys, "run", "find_paths", "--home", str(blocked / "home"))
    assert said == f"the home {blocked / 'home'} cannot be made (Not a directory); give --home a folder"


@pytest.mark.parametrize(
    ("says", "sentence"),
    [("1.8.0_392", "is Java 1.8.0_392"), (None, "there is no java on PATH")],
)
def test_a_wrong_java_gets_one_sentence(tmp_path: Path, says: str | None, sentence: str) -> None:
    """In a process of its own: this one has its Spark already."""
    if says:
        java = tmp_path / "java"
        java.write_text(f"#!/bin/sh\necho 'openjdk version \"{says}\"' >&2\n")
        java.chmod(0o755)
    environment = {**os.environ, "PATH": str(tmp_path), "HOME": str(tmp_path)}
    environment.pop("JAVA_HOME", None)
    line = [sys.executable, "-m", "retinue", "run", "find_paths", "--home", str(tmp_path / "home")]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_what_nobody_foresaw_is_one_sentence_with_the_trace_in_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def surprised(*_: object) -> int:
        raise ZeroDivisionError("nobody thought of this")

    from retinue import commands

    monkeypatch.setitem(commands.BY_NAME, "jobs", surprised)
    said = refused(capsys, "jobs", "--home", str(tmp_path))
    assert said == f"ZeroDivisionError: nobody thought of this. The trace is in {tmp_path / 'last_error.txt'}"
    assert "surprised" in (tmp_path / "last_error.txt").read_text()
