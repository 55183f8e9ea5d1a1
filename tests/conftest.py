"""One Spark session for the whole suite, in a home of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

import retinue


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    spark = retinue.spark(env="test", home=tmp_path_factory.mktemp("home"))
    yield spark
    spark.stop()
