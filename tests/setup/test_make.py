"""The Makefile and bootstrap.py on machines that lack something, and their stamps."""

from __future__ import annotations

import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
MAKE = shutil.which("make") or "make"
UNFIT = '#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2" && exit\nexit 1\n'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """As much of a fresh clone as set-up reads before it fetches, in a folder with a space in its name."""
    folder = tmp_path / "a clone"
    for name in ("Makefile", "bootstrap.py", "lib/retinue/java.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The only folder on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def make(checkout: Path, path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(path)}
    return subprocess.run([MAKE, *words], cwd=checkout, env=environment, capture_output=True, text=True)


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """The one line on stderr beside make's own, which tells its exit code."""
    lines = done.stderr.splitlines()
    assert (done.returncode, done.stdout, len(lines)) == (2, "", 2), done
    assert lines[1].startswith("make: ***")
    return lines[0]


def executable(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def python(path: Path) -> None:
    path.symlink_to(
        Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    )


@pytest.mark.parametrize("target", ["demo", "test"])
def test_no_java_stops_before_anything_is_made(checkout: Path, path: Path, target: str) -> None:
    python(path / "python3")
    assert "there is no java on PATH: install Java 17" in sentence(make(checkout, path, target))
    assert not (checkout / ".venv").exists()


def test_an_old_java_is_named(checkout: Path, path: Path) -> None:
    python(path / "python3")
    executable(path / "java", "#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    assert f"{path}/java is Java 11.0.2" in sentence(make(checkout, path, "demo"))


@pytest.mark.parametrize("name", ["python3.11", "python3.12", "python3.13"])
def test_another_python_where_python3_does_not_fit(checkout: Path, path: Path, name: str) -> None:
    executable(path / "python3", UNFIT)
    python(path / name)
    assert "no java" in sentence(make(checkout, path, "demo"))


def test_no_python_that_fits(checkout: Path, path: Path) -> None:
    executable(path / "python3", UNFIT)
    said = sentence(make(checkout, path, "demo"))
    assert "needs Python 3.11, 3.12 or 3.13" in said
    assert "(python3 is Python 3.9.2): install one" in said


def test_no_python_at_all(checkout: Path, path: Path) -> None:
    assert "(python3 is missing)" in sentence(make(checkout, path, "test"))


def test_the_python_named_is_the_one_asked(checkout: Path, path: Path) -> None:
    python(path / "python3")
    executable(path / "mine", UNFIT)
    assert "found none" in sentence(make(checkout, path, "demo", f"PYTHON={path}/mine"))


@pytest.fixture
def bootstrap(checkout: Path) -> dict[str, Any]:
    (checkout / ".venv").mkdir()
    return runpy.run_path(str(checkout / "bootstrap.py"))


def test_a_step_runs_once_for_the_same_sources(bootstrap: dict[str, Any], tmp_path: Path) -> None:
    ran: list[int] = []
    lock = tmp_path / "a.lock"
    for text in ("one", "one", "two", "two", "one"):
        lock.write_text(text)
        bootstrap["step"]("packages", lambda: ran.append(1), lock, "3.11")
    assert len(ran) == 3
    bootstrap["step"]("packages", lambda: ran.append(1), lock, "3.12")
    assert len(ran) == 4


def test_a_step_that_broke_off_runs_again(bootstrap: dict[str, Any]) -> None:
    def break_off() -> None:
        raise KeyboardInterrupt

    ran: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        bootstrap["step"]("packages", break_off, "same")
    bootstrap["step"]("packages", lambda: ran.append(1), "same")
    assert ran == [1]
