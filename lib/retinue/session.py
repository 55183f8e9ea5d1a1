"""The Spark session, as every job, test and notebook opens it."""

from __future__ import annotations

import logging
import os
import sys
import time

from pyspark import SparkContext
from pyspark.conf import SparkConf
from pyspark.logger import PySparkLogger
from pyspark.sql import SparkSession

from retinue.settings import Settings

__all__ = ["start"]

# PySpark prints as JSON what it raises as an exception in the next moment.
ECHOES = ("SQLQueryContextLogger", "DataFrameQueryContextLogger")


def start(settings: Settings, *, name: str = "retinue") -> SparkSession:
    """The session with Delta and GraphFrames on, in UTC; the running one where there is one.

    What spark-submit was given stays; conf fills the rest. What needs no choice stands in
    conf/spark-defaults.conf, which Spark reads by itself.
    """
    os.environ["TZ"] = "UTC"
    time.tzset()
    # Else pyspark starts its workers with whatever python3 is first on PATH.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    for echo in ECHOES:
        PySparkLogger.getLogger(echo).setLevel(logging.CRITICAL + 1)
    running = SparkSession.getActiveSession()
    if running:
        return running
    builder = SparkSession.builder.appName(name)
    given = _given()
    for key, value in _wanted(settings).items():
        if not given.contains(key):
            builder = builder.config(key, value)
    return builder.getOrCreate()


def _wanted(settings: Settings) -> dict[str, str]:
    wanted = {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": str(settings.home_path / "warehouse"),
        **settings.spark.options,
    }
    if settings.spark.master:
        return {"spark.master": settings.spark.master, **wanted}
    # On a cluster what loops settle outlives a lost machine, beside the tables, where all machines write.
    return {"spark.checkpoint.dir": f"{settings.lake_root}/_checkpoints", **wanted}


def _given() -> SparkConf:
    """What spark-submit set; empty where Python itself starts Spark, so that memory settings still count."""
    if "PYSPARK_GATEWAY_PORT" in os.environ:
        SparkContext._ensure_initialized()  # only then does a SparkConf see what was submitted
    return SparkConf()
