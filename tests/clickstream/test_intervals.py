from __future__ import annotations

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from scipy.stats import binomtest

from retinue.clickstream.intervals import wilson
from retinue.errors import RetinueError


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
def test_wilson_agrees_with_scipy_for_every_number_of_successes(spark: SparkSession, confidence) -> None:
    counts = [
        (successes, trials) for trials in (1, 2, 7, 30, 10_000) for successes in {0, 1, trials // 3, trials}
    ]
    frame = spark.createDataFrame([*counts, (0, 0)], "successes bigint, trials bigint")
    low, high = wilson(F.col("successes"), F.col("trials"), confidence)
    for row in frame.withColumns({"low": low, "high": high}).collect():
        if row.trials == 0:
            assert (row.low, row.high) == (None, None)
            continue
        wanted = binomtest(row.successes, row.trials).proportion_ci(confidence, method="wilson")
        assert (row.low, row.high) == pytest.approx((wanted.low, wanted.high), abs=1e-12)
        assert 0 <= row.low <= row.high <= 1


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_a_confidence_is_a_share(confidence) -> None:
    with pytest.raises(RetinueError, match=f"confidence is {confidence}; it must lie between 0 and 1"):
        wilson(F.lit(1), F.lit(2), confidence)
