"""The locks hold what setup.py pins, nothing of the machine that made them, and no copyleft."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ROOT / "conf" / "locks"
PIN = re.compile(r"^([a-z0-9-]+)==([^\s;]+)", re.MULTILINE)
REQUIREMENT = re.compile(r'"([a-z0-9-]+)((?:[=<>~!]=|[<>])[^"]+)"')
COPYLEFT = re.compile(r"\b[AL]?GPL|General Public|EUPL|SSPL", re.IGNORECASE)


def pins(text: str) -> dict[str, str]:
    return dict(PIN.findall(text))


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_the_lock_holds_every_requirement_of_setup(version: str) -> None:
    required = REQUIREMENT.findall((ROOT / "setup.py").read_text())
    assert len(required) > 15
    locked = pins((LOCKS / f"py{version}.txt").read_text())
    assert {f"{name}=={locked.get(name)}" for name, _ in required} == {name + rest for name, rest in required}


@pytest.mark.parametrize("lock", ["build", "py3.11", "py3.12", "py3.13"])
def test_a_lock_is_pins_and_hashes_alone(lock: str) -> None:
    lines = (LOCKS / f"{lock}.txt").read_text().splitlines()
    fits = re.compile(r"#.*|[a-z0-9.-]+==\S+( ; [^/]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?")
    assert [line for line in lines if not fits.fullmatch(line)] == []
    assert not [line for line in lines if line.startswith("#") and "/" in line]


def licence(metadata: importlib.metadata.PackageMetadata) -> str:
    """What a package says of its licence: the expression, the classifiers, the first line of a text."""
    classifiers = [line for line in metadata.get_all("Classifier") or [] if line.startswith("License")]
    text = (metadata.get("License") or "").strip().partition("\n")[0]
    return " | ".join([metadata.get("License-Expression") or "", text, *classifiers])


def test_nothing_locked_is_copyleft() -> None:
    locked = pins("\n".join(path.read_text() for path in LOCKS.glob("py*.txt")))
    found = {
        package.name: licence(package.metadata)
        for package in importlib.metadata.distributions()
        if package.name.lower().replace("_", "-") in locked
    }
    assert {"pyspark", "mlflow", "hypothesis"} <= found.keys()
    assert {name: said for name, said in found.items() if COPYLEFT.search(said)} == {}
