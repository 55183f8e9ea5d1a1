"""The Spark session, as every job, test and notebook opens it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from pyspark.conf import SparkConf
from pyspark.sql import SparkSession


def start(options: Mapping[str, str], *, master: str | None = None, name: str = "retinue") -> SparkSession:
    """The session with Delta and GraphFrames on, in UTC.

    `options` are Spark's own settings. `master` counts only where spark-submit gave none.
    What needs no choice stands in conf/spark-defaults.conf, which Spark reads by itself.
    """
    os.environ["TZ"] = "UTC"
    time.tzset()
    builder = SparkSession.builder.appName(name)
    for key, value in options.items():
        builder = builder.config(key, value)
    if master and not SparkConf().contains("spark.master"):
        builder = builder.master(master)
    return builder.getOrCreate()
