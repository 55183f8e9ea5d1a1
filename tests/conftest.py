"""One Spark session a worker, in a home of its own; one run of the demo that many tests read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

import retinue
from retinue import cli


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    spark = retinue.spark(env="test", home=tmp_path_factory.mktemp("home"))
    yield spark
    spark.stop()


@pytest.fixture(scope="session")
def demo_home(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home that `retinue demo` leaves. Tests read it; who writes takes a copy."""
    home = tmp_path_factory.mktemp("demo")
    assert cli.main(["demo", "--env", "test", "--home", str(home)]) == 0
    return home


@pytest.hookimpl(tryfirst=True)  # before the workers' plugin reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where tests are shared out among workers, a file stays with one, and so does all that reads the demo.

    What takes longest begins first.
    """
    items.sort(key=lambda item: "jobs" not in item.path.parts)
    for item in items:
        reads_demo = "demo_home" in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group("demo" if reads_demo else str(item.path)))
