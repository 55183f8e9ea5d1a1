"""The code as one zip: what spark-submit takes to the executors, and the version it names."""

from __future__ import annotations

import functools
import hashlib
import importlib.resources
import os
import zipfile
from collections.abc import Iterator
from importlib import metadata
from importlib.resources.abc import Traversable
from pathlib import Path

from retinue import __version__

__all__ = ["package", "version"]

ROOTS = {"retinue": "retinue", "retinue.jobs": "retinue/jobs", "retinue.conf": "retinue/conf"}
EPOCH = (1980, 1, 1, 0, 0, 0)  # the zip's bytes depend on the code alone


@functools.cache
def version() -> str:
    """The release and twelve digits of the digest of all code and conf, as `0.1.0+1a2b3c4d5e6f`.

    The list of machines' user agents counts as code: it decides which events are a machine's.
    """
    digest = hashlib.sha256(metadata.version("crawler-user-agents").encode())
    for name, content in _files():
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return f"{__version__}+{digest.hexdigest()[:12]}"


def package(folder: Path) -> Path:
    """Write retinue-<version>.zip into the folder, for --py-files, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"retinue-{version()}.zip"
    if not target.exists():  # else a driver that runs from it would lose it
        made = target.with_suffix(f".{os.getpid()}")
        with zipfile.ZipFile(made, "w") as archive:
            for name, content in _files():
                archive.writestr(zipfile.ZipInfo(name, EPOCH), content, zipfile.ZIP_DEFLATED)
        made.replace(target)
    return target


def _files() -> list[tuple[str, bytes]]:
    found: dict[str, bytes] = {}
    for package_name, folder in ROOTS.items():
        for path, file in _walk(importlib.resources.files(package_name), folder):
            found[path] = file.read_bytes()
    return sorted(found.items())


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name not in ("__pycache__", "locks"):
            yield from _walk(entry, f"{prefix}/{entry.name}")
        elif entry.is_file() and not entry.name.endswith(".pyc"):
            yield f"{prefix}/{entry.name}", entry
