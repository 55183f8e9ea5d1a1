"""The small world's posts, taken through all jobs of posts once: for the tests of posts and of the graph."""

from __future__ import annotations

import pytest
from lakes import fresh
from pyspark.sql import SparkSession
from worlds import Told, delivered, reading

from retinue import commands, job, samples
from retinue.samples.world import SmallWorld


@pytest.fixture(scope="session")
def world(spark: SparkSession) -> SmallWorld:
    return samples.small_world(spark, visitors=200)


@pytest.fixture(scope="session")
def posted(spark: SparkSession, world: SmallWorld, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """The home, the settings and what each job told. Tests read it; who writes takes a copy."""
    folder = tmp_path_factory.mktemp("posts")
    home = folder / "home"
    asked = reading(home, "posts", delivered(world, folder / "in", "posts"))
    jobs = ("ingest_posts", *commands.OF_POSTS)
    return home, asked, {name: job.perform(name, fresh(spark, home), asked) for name in jobs}
