from __future__ import annotations

import pytest
from clickstream.searches import visits
from oracles.searches import Event
from pyspark.sql import DataFrame, SparkSession

from retinue.clickstream.searches import search_sessions


@pytest.fixture(scope="session")
def random_sessions() -> dict[str, list[Event]]:
    return visits.random_sessions(seed=3, count=800)


@pytest.fixture(scope="session")
def random_frame(spark: SparkSession, random_sessions: dict[str, list[Event]]) -> DataFrame:
    return visits.sessionized(spark, random_sessions).cache()


@pytest.fixture(scope="session")
def searched(random_frame: DataFrame) -> DataFrame:
    return search_sessions(random_frame).cache()
