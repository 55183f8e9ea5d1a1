"""Java, missing or in every wrong way: one sentence each; never a stack trace."""

from __future__ import annotations

from pathlib import Path

import pytest

from retinue import java
from retinue.errors import EnvironmentFault


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def saying(version: str) -> str:
    return (
        f"""echo 'Picked up JAVA_TOOL_OPTIONS: -Dversion="1"' >&2; echo 'openjdk version "{version}"' >&2"""
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH; no JAVA_HOME."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return tmp_path


@pytest.mark.parametrize("version", ["17", "17.0.15", "21.0.1-ea", "25"])
def test_new_enough(folder: Path, version: str) -> None:
    script(folder / "java", saying(version))
    assert java.fault() is None
    java.require()


@pytest.mark.parametrize("version", ["1.8.0_392", "11.0.2", "16.0.2", "9-internal"])
def test_too_old_says_which_and_where(folder: Path, version: str) -> None:
    found = script(folder / "java", saying(version))
    with pytest.raises(EnvironmentFault) as fault:
        java.require()
    assert f"Spark needs Java 17 or newer and {found} is Java {version}: install Java 17" in str(fault.value)
    assert "\n" not in str(fault.value)


def test_none(folder: Path) -> None:
    assert "there is no java on PATH: install Java 17" in (java.fault() or "")


def test_java_home_counts_before_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(folder / "java", saying("17.0.1"))
    script(folder / "old" / "bin" / "java", saying("11"))
    monkeypatch.setenv("JAVA_HOME", str(folder / "old"))
    assert f"{folder}/old/bin/java is Java 11" in (java.fault() or "")


def test_java_home_that_is_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(folder / "java", saying("17.0.1"))
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    assert "JAVA_HOME is /nowhere, which has no bin/java" in (java.fault() or "")


@pytest.mark.parametrize("text", ["echo 'Unable to locate a Java Runtime.' >&2; exit 1", "exit 127", ""])
def test_a_stand_in_for_java(folder: Path, text: str) -> None:
    found = script(folder / "java", text)
    assert f"{found} is no Java that runs" in (java.fault() or "")


def test_a_file_that_cannot_be_started(folder: Path) -> None:
    found = script(folder / "java", "")
    found.write_bytes(b"\x00\x01\x02 not for this machine")
    assert f"{found} is no Java that runs" in (java.fault() or "")
