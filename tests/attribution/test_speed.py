"""How fast ads convert: clocks against a plain loop, curves and tests against textbooks and plain sums."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, timedelta
from functools import partial

import numpy as np
import pytest
from lives import START, Conversions, Touches, frames, lives
from oracles import speed as oracle
from oracles.attribution import Touch
from oracles.speed import Ends, Exposure
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import Row
from scipy.stats import chi2, false_discovery_control, kstest

from retinue.attribution import speed
from retinue.errors import RetinueError, SchemaMismatch

# Weeks in remission from leukaemia under 6-mercaptopurine and under placebo: Freireich et al. (1963).
REMISSIONS: dict[str, Ends] = {
    "6-MP": [
        *((week, "converted") for week in (6, 6, 6, 7, 10, 13, 16, 22, 23)),
        *((week, "censored") for week in (6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35)),
    ],
    "placebo": [
        (week, "converted")
        for week in (1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23)
    ],
}


def random_ends(seed: int, size: int) -> Ends:
    """Quarters of days up to 10, many of them equal."""
    rng = random.Random(seed)
    how = [rng.choice(["converted", "competed", "censored"]) for _ in range(size)]
    return [(10.0, "censored") if rng.random() < 0.2 else (rng.randrange(40) / 4, each) for each in how]


GROUPS: dict[str, Ends] = {
    **{f"random {seed}": random_ends(seed, 12 + 9 * seed) for seed in range(4)},
    "never": [(lasted, how) for lasted, how in random_ends(9, 20) if how != "converted"],
    "at once": [(0.0, "converted")] * 3,
    "once": [(4.0, "converted")],
    "lost sight of": [(2.0, "converted"), (3.0, "censored"), (3.0, "competed")],
    "at the horizon": [(10.0, "converted"), (10.0, "censored"), (10.0, "competed")],
}


def frame(spark: SparkSession, groups: dict[str, Ends]) -> DataFrame:
    rows = [(name, float(lasted), how) for name, ends in groups.items() for lasted, how in ends]
    return spark.createDataFrame(rows, "ad string, duration_days double, outcome string")


def told(clocks: DataFrame) -> Counter[Exposure]:
    return Counter(
        Exposure(
            row.person_id,
            row.channel,
            round((row.started_at.replace(tzinfo=UTC) - START) / timedelta(hours=1)),
            round(row.duration_days * 24),
            row.outcome,
            row.is_first,
        )
        for row in clocks.collect()
    )


def plain(touches: Touches, conversions: Conversions, **knobs: int) -> Counter[Exposure]:
    seen = {person: [(each.at, each.channel) for each in own] for person, own in touches.items()}
    done = {person: [hour for hour, _ in own] for person, own in conversions.items()}
    return Counter(oracle.exposures(seen, done, **knobs))


@pytest.mark.parametrize("competing", [True, False])
def test_clocks_are_those_of_a_plain_loop(spark: SparkSession, competing: bool) -> None:
    """In fifteen days of hours many things come at once."""
    given = lives(5, persons=120, hours=24 * 15)
    clocks = speed.exposures(
        *frames(spark, *given), horizon=timedelta(hours=60), as_of=date(2026, 3, 13), competing=competing
    )
    wanted = plain(*given, horizon=60, until=24 * 12, competing=competing)
    assert told(clocks) == wanted
    kinds = Counter((each.outcome, each.is_first) for each in wanted)
    assert len(kinds) == (6 if competing else 4), kinds
    assert clocks.columns == ["person_id", "channel", "started_at", "duration_days", "outcome", "is_first"]


def test_what_comes_at_once_and_at_the_bounds(spark: SparkSession) -> None:
    touches = {
        "wins": [Touch(0, "a"), Touch(5, "b")],
        "together": [Touch(1, "a"), Touch(1, "b"), Touch(1, "b"), Touch(3, "b"), Touch(4, "a")],
        "in time": [Touch(0, "a")],
        "too late": [Touch(0, "a")],
        "rival in time": [Touch(0, "a"), Touch(10, "b")],
        "twice": [Touch(0, "a"), Touch(4, "a"), Touch(6, "a")],
    }
    conversions = {
        "wins": [(5, 1.0)],
        "in time": [(10, 1.0)],
        "too late": [(11, 1.0)],
        "twice": [(5, 1.0)],
    }
    nothing = [Touch(12, "c")]
    clocks = speed.exposures(
        *frames(spark, {**touches, "newest": nothing}, conversions), horizon=timedelta(hours=10)
    )
    assert told(clocks) == Counter(
        [
            Exposure("wins", "a", 0, 5, "converted", True),
            Exposure("wins", "b", 5, 0, "converted", True),
            Exposure("together", "a", 1, 2, "competed", True),
            Exposure("together", "b", 1, 3, "competed", True),
            Exposure("together", "b", 1, 3, "competed", False),
            Exposure("together", "b", 3, 1, "competed", False),
            Exposure("together", "a", 4, 8, "censored", True),
            Exposure("in time", "a", 0, 10, "converted", True),
            Exposure("too late", "a", 0, 10, "censored", True),
            Exposure("rival in time", "a", 0, 10, "competed", True),
            Exposure("rival in time", "b", 10, 2, "censored", True),
            Exposure("twice", "a", 0, 5, "converted", True),
            Exposure("twice", "a", 4, 1, "converted", False),
            Exposure("twice", "a", 6, 6, "censored", True),
            Exposure("newest", "c", 12, 0, "censored", True),
        ]
    )


def test_other_names_and_numbers_for_times(spark: SparkSession) -> None:
    seen = spark.createDataFrame(
        [(1, 0.5, "x"), (1, None, "x"), (None, 1.0, "x"), (1, 1.0, None), (2, 90_000.5, "y")],
        "who long, `on` double, `the ad` string",
    )
    done = spark.createDataFrame([(1, 43_200), (None, 1), (2, None)], "who long, `on` long")
    clocks = speed.exposures(
        seen, done, person="who", at="on", by="the ad", horizon=timedelta(days=2), as_of=176_400.5
    )
    assert sorted(map(tuple, clocks.collect())) == [
        (1, "x", 0.5, 43_199.5 / 86_400, "converted", True),
        (2, "y", 90_000.5, 1.0, "censored", True),
    ]
    assert not speed.curves(clocks, by="the ad").isEmpty()


@pytest.fixture(scope="module")
def curves(spark: SparkSession) -> DataFrame:
    return speed.curves(frame(spark, GROUPS | REMISSIONS), by="ad").localCheckpoint()


@pytest.fixture(scope="module")
def remissions(spark: SparkSession) -> DataFrame:
    return frame(spark, REMISSIONS)


def test_remissions_as_the_textbooks_have_them(curves: DataFrame) -> None:
    """Survival and its errors as in Kalbfleisch and Prentice, the mean as in Klein and Moeschberger."""
    rows = {row.duration_days: row for row in curves.where("ad = '6-MP'").collect()}
    figures = {day: (row.at_risk, row.survival, row.standard_error) for day, row in rows.items()}
    for day, wanted in {
        6: (21, 0.857, 0.0764),
        7: (17, 0.807, 0.0869),
        10: (15, 0.753, 0.0963),
        13: (12, 0.690, 0.1068),
        16: (11, 0.627, 0.1141),
        22: (7, 0.538, 0.1282),
        23: (6, 0.448, 0.1346),
    }.items():
        assert figures[day] == pytest.approx(wanted, abs=5e-4), day
    assert (1 - rows[6].high, 1 - rows[6].low) == pytest.approx((0.620, 0.952), abs=5e-4)
    assert (1 - rows[23].high, 1 - rows[23].low) == pytest.approx((0.188, 0.680), abs=5e-4)
    assert all(row.cumulative_incidence == pytest.approx(1 - row.survival) for row in rows.values())
    found = summarized(curves, 35)
    mercaptopurine, placebo = found["6-MP"], found["placebo"]
    assert (mercaptopurine.median_days, mercaptopurine.median_days_low, mercaptopurine.median_days_high) == (
        23,
        13,
        None,
    )
    assert (placebo.median_days, placebo.median_days_low, placebo.median_days_high) == (8, 4, 11)
    assert mercaptopurine.restricted_mean_days == pytest.approx(23.287, abs=5e-4)
    half_width = (mercaptopurine.restricted_mean_days_high - mercaptopurine.restricted_mean_days_low) / 2
    assert half_width == pytest.approx(1.96 * 2.827, abs=2e-3)
    assert placebo.restricted_mean_days == pytest.approx(8.667, abs=5e-4)
    assert (placebo.converted_share, placebo.converted_share_low, placebo.exposure_count) == (
        pytest.approx(1),
        None,
        21,
    )


def test_log_rank_of_remissions_as_the_textbooks_have_it(remissions: DataFrame) -> None:
    whole, *each = speed.compare(remissions, by="ad").collect()
    assert (whole.ad, whole.exposure_count, whole.conversion_count) == (None, 42, 30)
    assert (whole.degrees_of_freedom, whole.q_value) == (1, None)
    assert whole.chi_square == pytest.approx(16.79, abs=5e-3)
    assert whole.p_value == pytest.approx(4.17e-5, rel=2e-3)
    assert {row.ad: row.conversion_count for row in each} == {"6-MP": 9, "placebo": 21}
    expected = {row.ad: row.expected_count for row in each}
    assert expected == {"6-MP": pytest.approx(19.25, abs=5e-3), "placebo": pytest.approx(10.75, abs=5e-3)}
    assert all(row.chi_square == pytest.approx(whole.chi_square) for row in each)
    assert all(row.q_value == pytest.approx(whole.p_value) for row in each)


def summarized(curves: DataFrame, days: float) -> dict[str, Row]:
    return {row.ad: row for row in speed.summary(curves, horizon=timedelta(days=days), by="ad").collect()}


@pytest.fixture(scope="module")
def mixed(spark: SparkSession) -> DataFrame:
    return frame(spark, GROUPS)


def test_curves_are_the_textbooks_sums(curves: DataFrame) -> None:
    rows = curves.collect()
    for ad, ends in GROUPS.items():
        curve = {row.duration_days: row for row in rows if row.ad == ad}
        survival, incidence = oracle.survival(ends), oracle.incidence(ends)
        assert curve.keys() == incidence.keys()
        for day, row in curve.items():
            stopped = Counter(how for lasted, how in ends if lasted == day)
            assert stopped == Counter(converted=row.converted, competed=row.competed, censored=row.censored)
            assert row.at_risk == sum(lasted >= day for lasted, _ in ends)
            assert row.survival == pytest.approx(survival[day])
            assert row.cumulative_incidence == pytest.approx(incidence[day])
            error = oracle.variance(ends, partial(oracle.value_at, at=day)) ** 0.5
            assert row.standard_error == pytest.approx(error, abs=1e-7), (ad, day)
            if row.low is None:
                assert row.high is None
                assert incidence[day] == pytest.approx(0) or incidence[day] == pytest.approx(1)
            else:
                scale = np.log(-np.log(1 - np.array([row.low, incidence[day], row.high])))
                half_width = 1.96 * error / (-np.log(1 - incidence[day]) * (1 - incidence[day]))
                assert np.diff(scale) == pytest.approx([half_width] * 2, rel=1e-4)


def test_figures_of_curves(curves: DataFrame) -> None:
    for days in (10, 5.3):
        found = summarized(curves, days)
        for ad, ends in GROUPS.items():
            row, curve = found[ad], oracle.incidence(ends)
            assert row.exposure_count == len(ends)
            assert row.followed_days == max(lasted for lasted, _ in ends)
            assert row.conversion_count == sum(lasted <= days and how == "converted" for lasted, how in ends)
            assert row.median_days == first(curve, days, lambda share: share >= 0.5 - 1e-9)
            if ad == "lost sight of":
                assert (row.converted_share, row.restricted_mean_days, row.half_days) == (None, None, None)
                continue
            share = oracle.value_at(curve, days)
            assert row.converted_share == pytest.approx(share)
            assert row.lost_days == pytest.approx(oracle.lost(curve, days))
            assert row.restricted_mean_days == pytest.approx(days - row.lost_days)
            error = oracle.variance(ends, partial(oracle.lost, horizon=days)) ** 0.5
            low, high = row.restricted_mean_days - 1.96 * error, row.restricted_mean_days + 1.96 * error
            assert row.restricted_mean_days_low == pytest.approx(max(low, 0), abs=1e-4)
            assert row.restricted_mean_days_high == pytest.approx(min(high, days), abs=1e-4)
            wanted = halves(ends, curve, days) if share else (None, None, None)
            assert (row.half_days, row.half_days_low, row.half_days_high) == wanted, (ad, days)


def first(curve: dict[float, float], days: float, condition) -> float | None:
    return min((day for day, share in curve.items() if day <= days and condition(share)), default=None)


def halves(ends: Ends, curve: dict[float, float], days: float) -> tuple[float | None, ...]:
    """When half of the conversions within the days were, and from when to when it may have been."""

    def beyond(curve: dict[float, float], day: float) -> float:
        return oracle.value_at(curve, day) - oracle.value_at(curve, days) / 2

    errors = {day: oracle.variance(ends, partial(beyond, day=day)) ** 0.5 for day in curve}
    return tuple(
        min(
            (day for day in curve if day <= days and beyond(curve, day) + sign * 1.96 * errors[day] >= -1e-9),
            default=None,
        )
        for sign in (0, 1, -1)
    )


def test_each_against_the_rest_is_a_draw_without_replacement(mixed: DataFrame) -> None:
    whole, *each = speed.compare(mixed, by="ad").collect()
    assert {row.ad for row in each} == GROUPS.keys()
    assert [row.chi_square for row in each] == sorted((row.chi_square for row in each), reverse=True)
    for row in each:
        rest = [end for ad, ends in GROUPS.items() if ad != row.ad for end in ends]
        expected, chi_square = oracle.log_rank(GROUPS[row.ad], rest)
        assert (row.expected_count, row.chi_square) == pytest.approx((expected, chi_square))
        assert row.p_value == pytest.approx(chi2.sf(chi_square, 1))
    assert [row.q_value for row in each] == pytest.approx(
        false_discovery_control([row.p_value for row in each])
    )
    assert whole.conversion_count == sum(row.conversion_count for row in each)
    assert whole.expected_count == pytest.approx(whole.conversion_count)
    assert whole.degrees_of_freedom == len(GROUPS) - 1
    assert whole.chi_square == pytest.approx(oracle.log_rank_of_all(list(GROUPS.values())))


def test_where_there_is_nothing_to_compare(spark: SparkSession) -> None:
    alone = frame(spark, {"a": GROUPS["random 1"]})
    for clocks in (alone, frame(spark, {"a": GROUPS["never"], "b": GROUPS["never"]})):
        whole, *each = speed.compare(clocks, by="ad").collect()
        for row in (whole, *each):
            assert (row.degrees_of_freedom, row.chi_square is None) == (0, True) or row is whole
            assert (row.p_value, row.q_value) == (None, None)
    [nothing] = speed.compare(alone.limit(0), by="ad").collect()
    assert (nothing.exposure_count, nothing.degrees_of_freedom, nothing.p_value) == (0, 0, None)


def test_three_groups_alike_are_told_apart_by_chance_alone() -> None:
    """Chi-square of 400 draws of three groups that convert at one pace has its distribution."""
    rng = np.random.default_rng(2)
    found = []
    for _ in range(400):
        ends = rng.geometric(0.1, 240)
        converted = np.zeros((3, ends.max() + 1))
        ended = np.zeros_like(converted)
        groups = rng.integers(3, size=ends.size)
        np.add.at(ended, (groups, ends), 1)
        np.add.at(converted, (groups, ends), rng.random(ends.size) < 0.7)
        at_risk = ended[:, ::-1].cumsum(axis=1)[:, ::-1]
        seen = converted.sum(axis=0) > 0
        expected, covariance = speed.log_rank(at_risk[:, seen], converted[:, seen])
        off = converted.sum(axis=1) - expected
        found.append(off @ np.linalg.pinv(covariance) @ off)
    assert kstest(found, chi2(2).cdf).pvalue > 0.01


def test_durations_are_rounded_up_to_the_grain(spark: SparkSession) -> None:
    hour = 1 / 24
    ends = [
        (0.0, "converted"),
        (hour / 2, "converted"),
        (hour, "censored"),
        (hour * 3, "competed"),
        (7.01, "censored"),
    ]
    rows = speed.curves(frame(spark, {"a": ends}), by="ad", grain=timedelta(hours=3)).orderBy("duration_days")
    counted = [
        (row.duration_days, row.at_risk, row.converted, row.competed, row.censored) for row in rows.collect()
    ]
    assert counted == [(0, 5, 1, 0, 0), (0.125, 4, 1, 1, 1), (7.125, 1, 0, 0, 1)]


def test_many_exposures_do_not_overflow(spark: SparkSession) -> None:
    """Counts beyond two millions, to the third power, are beyond a bigint."""
    curve = spark.createDataFrame(
        [("a", 0.0, 3_000_000, 1_000_000, 0, 1 / 3, 2 / 3), ("a", 2.0, 2_000_000, 0, 0, 1 / 3, 2 / 3)],
        "ad string, duration_days double, at_risk long, converted long, competed long, "
        "cumulative_incidence double, survival double",
    )
    [row] = speed.summary(curve, by="ad", horizon=timedelta(days=2)).collect()
    assert row.converted_share_high - row.converted_share_low == pytest.approx(
        2 * 1.96 * (2 / 9 / 3e6) ** 0.5, rel=1e-3
    )


def test_what_cannot_be_is_refused(spark: SparkSession, remissions: DataFrame) -> None:
    given = frames(spark, {"a": [Touch(0, "x")]}, {"a": [(1, 1.0)]})
    with pytest.raises(RetinueError, match="horizon is 0:00:00"):
        speed.exposures(*given, horizon=timedelta(0))
    with pytest.raises(RetinueError, match="grain is"):
        speed.compare(remissions, by="ad", grain=timedelta(0))
    with pytest.raises(RetinueError, match="level is 1"):
        speed.curves(remissions, by="ad", level=1)
    with pytest.raises(SchemaMismatch, match="campaign_id"):
        speed.exposures(*given, horizon=timedelta(1), by="campaign_id")
    with pytest.raises(SchemaMismatch, match="channel"):
        speed.curves(remissions)
