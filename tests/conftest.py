"""One Spark session a worker, in a home of its own; one run of the demo that many tests read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

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


SHARED = {"demo": ("test_demo", "test_notebooks"), "posts": ("jobs/test_posts", "jobs/test_graph")}


class Shares(LoadFileScheduling):
    """A file's tests stay with one worker, and so do all that read what is made once a worker."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return next((shared for shared, names in SHARED.items() if any(n in file for n in names)), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Shares:
    return Shares(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, lest one worker be busy with it when the other has done all else."""
    items.sort(key=lambda item: "jobs" not in item.path.parts)
