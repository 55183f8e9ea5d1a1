"""Cost beside credit, and what experiments make of it."""

from __future__ import annotations

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from scipy import stats

from retinue.attribution import roi
from retinue.errors import RetinueError, SchemaMismatch

CREDIT = (
    "model string, ad_id string, conversions double, conversions_low double, conversions_high double, "
    "value double, value_low double, value_high double, currency string"
)


def credited(spark: SparkSession) -> DataFrame:
    rows = [
        ("last", "a", 10.0, 8.0, 12.0, 500.0, 400.0, 600.0, "EUR"),
        ("last", "free", 1.0, 0.0, 2.0, 50.0, 0.0, 100.0, "EUR"),
        ("last", None, 2.0, 2.0, 2.0, 70.0, 70.0, 70.0, "EUR"),
        ("linear", "a", 4.0, 0.0, 5.0, 200.0, 0.0, 300.0, "EUR"),
    ]
    return spark.createDataFrame(rows, CREDIT)


def test_every_cost_and_every_credit_has_its_row(spark: SparkSession) -> None:
    spent = [("a", 60.0, "EUR"), ("a", 40.0, "EUR"), ("a", 9.0, "USD"), ("gone", 30.0, "EUR")]
    costs = spark.createDataFrame(spent, "ad_id string, cost_amount double, currency string")
    told = roi.returns(credited(spark), costs, by="ad_id", margin=0.5)
    rows = {(row.model, row.ad_id, row.currency): row for row in told.collect()}
    assert {key: (row.matched, row.cost_amount) for key, row in rows.items()} == {
        ("last", "a", "EUR"): ("matched", 100),
        ("last", "a", "USD"): ("cost without touches", 9),
        ("last", "gone", "EUR"): ("cost without touches", 30),
        ("last", "free", "EUR"): ("touches without cost", 0),
        ("last", None, "EUR"): ("touches without cost", 0),
        ("linear", "a", "EUR"): ("matched", 100),
        ("linear", "a", "USD"): ("cost without touches", 9),
        ("linear", "gone", "EUR"): ("cost without touches", 30),
    }
    mine = rows["last", "a", "EUR"]
    assert (mine.margin_amount, mine.margin_amount_low, mine.margin_amount_high) == (250, 200, 300)
    assert (mine.attributed_roi, mine.attributed_roi_low, mine.attributed_roi_high) == (1.5, 1.0, 2.0)
    assert (mine.roas, mine.cpa, mine.cpa_low) == (5.0, 10.0, pytest.approx(100 / 12))
    assert rows["linear", "a", "EUR"].cpa_high is None, "no conversion at the lower bound"
    lost = rows["last", "gone", "EUR"]
    assert (lost.attributed_roi, lost.roas, lost.cpa) == (-1.0, 0.0, None)
    assert rows["last", "free", "EUR"].attributed_roi is None
    for total, wanted in (("conversions", 13.0), ("value_amount", 620.0), ("cost_amount", 139.0)):
        assert sum(row[total] for key, row in rows.items() if key[0] == "last") == wanted


def test_an_experiment_says_what_was_caused(spark: SparkSession) -> None:
    rng = np.random.default_rng(4)
    groups = {True: rng.gamma(2.0, 3.0, 400), False: rng.gamma(2.0, 2.0, 150)}
    people = [("a", treated, float(each)) for treated, values in groups.items() for each in values]
    people += [("b", True, None), ("b", False, 1.0), ("a", None, 99.0)]
    frame = spark.createDataFrame(people, "channel string, is_treated boolean, value double")
    told = {row.channel: row for row in roi.incremental(frame).collect()}
    mine = told["a"]
    assert (mine.treated_count, mine.control_count) == (400, 150)
    gain = groups[True].mean() - groups[False].mean()
    error = stats.ttest_ind(groups[True], groups[False], equal_var=False)
    half = stats.norm.ppf(0.975) * gain / error.statistic
    assert mine.incremental_value == pytest.approx(gain * 400)
    assert mine.incremental_low == pytest.approx((gain - half) * 400)
    assert mine.incremental_high == pytest.approx((gain + half) * 400)
    assert (told["b"].incremental_value, told["b"].incremental_low) == (-1.0, None)


def test_nothing_is_suggested_without_an_experiment(spark: SparkSession) -> None:
    returned = spark.createDataFrame(
        [("good", 100.0, 400.0), ("bad", 100.0, 900.0), ("open", 100.0, 100.0), ("untried", 100.0, 900.0)],
        "channel string, cost_amount double, margin_amount double",
    )
    experiments = spark.createDataFrame(
        [("good", 800.0, 500.0, 999.0), ("bad", 20.0, -60.0, 100.0), ("open", 220.0, 100.0, 300.0)],
        "channel string, incremental_value double, incremental_low double, incremental_high double",
    )
    told = roi.calibrated(returned, experiments, margin=0.5)
    rows = {row.channel: row for row in told.collect()}
    assert {channel: row.suggestion for channel, row in rows.items()} == {
        "good": "more",
        "bad": "less",
        "open": "wait",
        "untried": None,
    }
    assert (rows["good"].incremental_roi, rows["good"].calibration) == (3.0, 1.0)
    assert (rows["bad"].incremental_roi, rows["bad"].calibration) == (-0.9, pytest.approx(10 / 900))
    assert (rows["untried"].incremental_roi, rows["untried"].calibration) == (None, None)


def test_what_cannot_be_is_refused(spark: SparkSession) -> None:
    costs = spark.createDataFrame([("a", 1.0)], "ad_id string, cost_amount double")
    with pytest.raises(RetinueError, match="margin is 0"):
        roi.returns(credited(spark), costs, by="ad_id", margin=0)
    with pytest.raises(SchemaMismatch, match="conversions_low"):
        roi.returns(credited(spark).drop("conversions_low"), costs, by="ad_id")
    with pytest.raises(RetinueError, match="level is 2"):
        roi.incremental(costs.selectExpr("ad_id AS channel", "true AS is_treated", "1 AS value"), level=2)
