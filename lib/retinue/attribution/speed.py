"""How fast each ad converts: clocks from every exposure, their curves, and whether these differ by chance."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from statistics import NormalDist
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F
from scipy.stats import chi2, false_discovery_control  # type: ignore[import-untyped]

from retinue.clickstream.times import epoch_micros, instant_micros, span_micros
from retinue.errors import RetinueError
from retinue.schema import quoted, require

__all__ = ["compare", "curves", "exposures", "log_rank", "summary"]

Array = NDArray[np.float64]
CONVERTED, COMPETED, CENSORED = "converted", "competed", "censored"
_DAY = span_micros(timedelta(days=1))
_ROUNDING = 1e-9  # sums that should be a half or 1 may be off by less than this


def exposures(
    touches: DataFrame,
    conversions: DataFrame,
    *,
    horizon: timedelta,
    person: str = "person_id",
    at: str = "occurred_at",
    by: str = "channel",
    as_of: date | datetime | float | None = None,
    competing: bool = True,
) -> DataFrame:
    """Start a clock at each touch, and stop it at the person's first conversion at or after it.

    It stops before, as `competed`, at the person's next later touch of another `by`: a conversion of that
    same instant wins, and touches of one instant do not stop each other. Else it is `censored` at `horizon`
    or at `as_of`, whichever comes first; what happens at exactly `horizon` still counts. Without `competing`
    other touches stop no clock, and one conversion may count for several `by`.

    Out, a row a touch: `person`, `by`, started_at (as `at`), duration_days (double, 0 or more), outcome
    (converted, competed or censored), is_first (boolean: all earlier clocks of the person and `by` had
    stopped before). A touch repeated while a clock runs starts one more, which mostly stops with it; where
    each row has to tell something new, as for intervals and tests, take the first ones.

    In: `touches` with `person`, `at` (timestamp, timestamp_ntz or a number of seconds) and `by`, and
    `conversions` with `person` and `at`. Rows without one of these are left out, as are those from `as_of` on
    (a date is its midnight UTC); without it all count, and clocks run until the newest of both frames.

    Lazy: one shuffle by person, no join, linear in the rows of a person.
    Raises SchemaMismatch; RetinueError where `horizon` is not above 0.
    """
    require(touches, [person, at, by], what="exposures (touches)")
    require(conversions, [person, at], what="exposures (conversions)")
    _refuse_nothing(horizon=horizon)
    told = _ahead(_until(_both(touches, conversions, person, at, by), as_of), person)
    if not competing:
        told = told.withColumn("_rival", F.lit(None).cast("bigint"))
    limit = F.col("_at") + span_micros(horizon)
    is_converted = F.col("_conversion") <= F.least("_rival", limit)
    stopped = told.where("_by IS NOT NULL").withColumns(
        {
            "_stopped": F.least("_conversion", "_rival", limit, "_end"),
            "outcome": F.when(is_converted, CONVERTED)
            .when(F.col("_rival") <= limit, COMPETED)
            .otherwise(CENSORED),
        }
    )
    before = F.lag("_stopped").over(Window.partitionBy(quoted(person), "_by").orderBy("_at"))
    return stopped.select(
        quoted(person),
        F.col("_by").alias(by),
        "started_at",
        ((F.col("_stopped") - F.col("_at")) / _DAY).alias("duration_days"),
        "outcome",
        F.coalesce(before < F.col("_at"), F.lit(True)).alias("is_first"),
    )


def curves(
    exposures: DataFrame,
    *,
    by: str = "channel",
    grain: timedelta = timedelta(hours=1),
    level: float = 0.95,
) -> DataFrame:
    """What share of the exposures has converted so many days after, had none been censored.

    Durations are rounded up to `grain`, so that a `by` has at most horizon / grain rows and one at 0; an
    exposure censored at a duration was still at risk then.

    Out, a row a `by` and duration at which a clock stopped: `by`, duration_days (double), at_risk (bigint,
    clocks not stopped before), converted, competed, censored (bigint), cumulative_incidence (double, the
    share converted by then where other ads may come first: Aalen-Johansen), standard_error (of it, by the
    delta method), low, high (its interval of `level` on the scale log(-log(1 - x)); null where it is 0 or
    1), survival (double, the share that neither converted nor competed: Kaplan-Meier).

    Where nothing competes, the incidence is 1 - survival, its error Greenwood's and its interval the log-log
    one. Rows count as independent: exposures of a person that overlap make the interval too narrow, so give
    those with is_first. With four touches a person, intervals of .95 from all exposures held the true share
    in .88 of 600 simulated worlds, those from first ones in .95.

    In: `by`, duration_days and outcome, as `exposures` gives them. Lazy; one shuffle, of counts by step.
    Sources: Kaplan and Meier (1958); Aalen and Johansen (1978); Marubini and Valsecchi (1995), for the
    variance. Raises SchemaMismatch; RetinueError where `grain` is not above 0 or `level` no share.
    """
    estimated = _with_sums(_estimated(_counts(exposures, by, grain), by), by)
    error = F.sqrt(_variance())
    low, high = _bounds(F.col("cumulative_incidence"), error, level)
    return estimated.select(
        quoted(by),
        "duration_days",
        "at_risk",
        *(CONVERTED, COMPETED, CENSORED),
        "cumulative_incidence",
        error.alias("standard_error"),
        low.alias("low"),
        high.alias("high"),
        "survival",
    )


def summary(curves: DataFrame, *, horizon: timedelta, by: str = "channel", level: float = 0.95) -> DataFrame:
    """The figures of each curve up to `horizon`, what stopped at exactly it included.

    Out, a row a `by`, times in days (double), each figure but the counts with its _low and _high:
    exposure_count, conversion_count (bigint, within the horizon), followed_days (the longest duration),
    converted_share (the cumulative incidence at the horizon),
    median_days (when half of all exposures have converted: the first duration at which the incidence is a
    half or more; null where it never is, as with most ads),
    half_days (when half of those that convert within the horizon have: the first duration at which the
    incidence is half of converted_share or more; null where none converts),
    restricted_mean_days (the mean time without conversion, at most the horizon: the area below 1 -
    incidence), and lost_days (the horizon less that mean, the area below it; without bounds).

    An ad is faster than another where it loses more days, not where its half_days are fewer: the latter look
    at converters alone. The share, the half and the restricted mean are null where no clock ran up to the
    horizon and some had not stopped, as nobody knows the rest.

    The bounds are of `level`: the share's as `curves` has them; of the median, when these bounds come to a
    half (Brookmeyer and Crowley 1982); of the half, between which durations the incidence is not told from
    half of the share; of the restricted mean, normal.

    In: what `curves` gives, best of a horizon that is a multiple of its grain. Lazy; one shuffle of curves.
    Sources: Andersen (2013), for the time lost; variances by the delta method as in `curves`.
    Raises SchemaMismatch; RetinueError where `horizon` is not above 0 or `level` no share.
    """
    require(curves, [by, *_CURVE], what="speed.summary")
    _refuse_nothing(horizon=horizon)
    days = span_micros(horizon) / _DAY
    cut = _with_final(_with_sums(curves.withColumn("_is_inside", F.col("duration_days") <= days), by), by)
    totals = _with_areas(cut, by, days).groupBy(quoted(by)).agg(*_figures(level))
    is_known = (F.col("followed_days") >= days) | F.col("_has_ended")
    converted_share_low, converted_share_high = _bounds(F.col("_share"), F.sqrt("_share_variance"), level)
    mean, half_width = days - F.col("_lost"), _deviate(level) * F.sqrt("_lost_variance")
    known = {
        "converted_share": F.col("_share"),
        "converted_share_low": converted_share_low,
        "converted_share_high": converted_share_high,
        **{name: F.col("_" + name) for name in ("half_days", "half_days_low", "half_days_high")},
        "restricted_mean_days": mean,
        "restricted_mean_days_low": F.greatest(mean - half_width, F.lit(0.0)),
        "restricted_mean_days_high": F.least(mean + half_width, F.lit(days)),
        "lost_days": F.col("_lost"),
    }
    told = totals.withColumns({name: F.when(is_known, figure) for name, figure in known.items()})
    return told.select(quoted(by), *_SUMMARY)


def compare(exposures: DataFrame, *, by: str = "channel", grain: timedelta = timedelta(hours=1)) -> DataFrame:
    """Whether some convert faster than others by more than chance: the log-rank test, competing ads censored.

    Out: first a row for all together (`by` is null), then a row for each against the rest, the least likely
    first: `by`, exposure_count, conversion_count (bigint), expected_count (double: conversions, had all the
    same hazard at every duration; more than these are faster), chi_square (double), degrees_of_freedom (int),
    p_value (double), q_value (double, of the rows against the rest: the smallest false discovery rate at
    which it is found). Null where there is nothing to compare: one `by` alone, or no conversion.

    It compares the rate at which those still at risk convert, whatever the competing ads do. Rows count as
    independent: give exposures with is_first, lest a person's repeated touches be taken for many people.
    What differs may still be who was shown the ad: no test makes it the cause.

    In: `by`, duration_days and outcome, as `exposures` gives them; durations are rounded up to `grain`.
    Runs a Spark job: counts by `by` and duration come to the driver, and the covariance there has as many
    numbers as `by` has values, squared. Sources: Mantel (1966); Peto and Peto (1972); Benjamini and Hochberg
    (1995). Raises SchemaMismatch; RetinueError where `grain` is not above 0.
    """
    counts = _counts(exposures, by, grain).withColumnRenamed(by, "_by").toArrow()
    kind = exposures.schema[by].dataType.simpleString()
    return exposures.sparkSession.createDataFrame(
        list(_compared(counts)),
        f"{quoted(by)} {kind}, exposure_count bigint, conversion_count bigint, expected_count double, "
        "chi_square double, degrees_of_freedom int, p_value double, q_value double",
    )


def log_rank(at_risk: Array, converted: Array) -> tuple[Array, Array]:
    """The conversions expected of each group, and the covariance of what was seen less what was expected.

    In: a row a group, a column a duration at which some of any group converted.
    """
    together, events = at_risk.sum(axis=0), converted.sum(axis=0)
    share = at_risk / together
    spread = events * (together - events) / np.maximum(together - 1, 1)
    covariance: Array = np.diag(share @ spread) - (share * spread) @ share.T
    return share @ events, covariance


_CURVE = ("duration_days", "at_risk", "converted", "competed", "cumulative_incidence", "survival")
_SUMMARY = (
    *("exposure_count", "conversion_count", "followed_days"),
    *("converted_share", "converted_share_low", "converted_share_high"),
    *("median_days", "median_days_low", "median_days_high"),
    *("half_days", "half_days_low", "half_days_high"),
    *("restricted_mean_days", "restricted_mean_days_low", "restricted_mean_days_high", "lost_days"),
)


def _refuse_nothing(**spans: timedelta) -> None:
    for name, span in spans.items():
        if span <= timedelta(0):
            raise RetinueError(f"{name} is {span}; give a span of time above 0")


def _both(touches: DataFrame, conversions: DataFrame, person: str, at: str, by: str) -> DataFrame:
    """person, _at, and of touches _by, started_at: the rows that count."""
    seen = touches.select(
        F.col(quoted(person)),
        epoch_micros(touches, at).alias("_at"),
        F.col(quoted(by)).alias("_by"),
        F.col(quoted(at)).alias("started_at"),
    ).where("_by IS NOT NULL")
    done = conversions.select(F.col(quoted(person)), epoch_micros(conversions, at).alias("_at"))
    both = seen.unionByName(done, allowMissingColumns=True)
    return both.where(F.col(quoted(person)).isNotNull() & F.col("_at").isNotNull())


def _until(rows: DataFrame, as_of: date | datetime | float | None) -> DataFrame:
    """The rows before `as_of`, with _end, when clocks that still run are censored."""
    if as_of is None:
        return rows.crossJoin(F.broadcast(rows.agg(F.max("_at").alias("_end"))))
    end = F.lit(instant_micros(as_of))
    return rows.where(F.col("_at") < end).withColumn("_end", end)


def _ahead(rows: DataFrame, person: str) -> DataFrame:
    """Add _conversion, the next one at or after each row, and _rival, the next later touch of another _by.

    The frames look back over rows in falling order: growing ones take a step a row, those that shrink would
    take all that are left at each.
    """
    backwards = Window.partitionBy(quoted(person)).orderBy(F.desc("_at"))
    in_order = Window.partitionBy(quoted(person)).orderBy(F.desc("_at"), F.desc("_by"))
    later = backwards.rangeBetween(Window.unboundedPreceding, -1)
    touch = F.when(F.col("_by").isNotNull(), F.struct("_at", "_by"))
    following = F.last(touch, ignorenulls=True).over(in_order.rowsBetween(Window.unboundedPreceding, -1))
    # Where touches of one _by end and another begins. The first touch of the next instant is the rival, or,
    # where it is of the same _by, what its own run of touches ends with.
    change = F.when(F.col("_following._by") != F.col("_by"), F.col("_following._at"))
    next_change = F.last(change, ignorenulls=True).over(in_order.rowsBetween(Window.unboundedPreceding, 0))
    upcoming = F.min(F.when(F.col("_by").isNotNull(), F.struct("_at", "_by", "_change"))).over(later)
    is_other = F.col("_upcoming._by") != F.col("_by")
    conversion = F.min(F.when(F.col("_by").isNull(), F.col("_at")))
    return (
        rows.withColumn("_following", following)
        .withColumn("_change", next_change)
        .withColumns(
            {
                "_upcoming": upcoming,
                "_conversion": conversion.over(backwards.rangeBetween(Window.unboundedPreceding, 0)),
            }
        )
        .withColumn("_rival", F.when(is_other, F.col("_upcoming._at")).otherwise(F.col("_upcoming._change")))
    )


def _counts(exposures: DataFrame, by: str, grain: timedelta) -> DataFrame:
    """by, duration_days (rounded up), converted, competed, censored: no more rows than `by` x steps."""
    require(exposures, [by, "duration_days", "outcome"], what="the speed of exposures")
    _refuse_nothing(grain=grain)
    micros = F.round(F.col("duration_days") * _DAY).cast("bigint")
    rounded = micros + F.pmod(-micros, F.lit(span_micros(grain)))
    return exposures.groupBy(quoted(by), (rounded / _DAY).alias("duration_days")).agg(
        *(F.count_if(F.col("outcome") == each).alias(each) for each in (CONVERTED, COMPETED, CENSORED))
    )


def _estimated(counts: DataFrame, by: str) -> DataFrame:
    """Add at_risk, survival and cumulative_incidence."""
    ends, events = F.expr("converted + competed + censored"), F.expr("converted + competed")
    here, whole = _up_to_here(by), Window.partitionBy(quoted(by))
    return (
        counts.withColumn("at_risk", F.sum(ends).over(whole) - F.sum(ends).over(here) + ends)
        .withColumn("survival", F.product(1 - events / F.col("at_risk")).over(here))
        .withColumn("_before", _survival_before(by))
        .withColumn("cumulative_incidence", F.sum(F.expr("_before * converted / at_risk")).over(here))
    )


def _up_to_here(by: str) -> WindowSpec:
    in_order = Window.partitionBy(quoted(by)).orderBy("duration_days")
    return in_order.rowsBetween(Window.unboundedPreceding, 0)


def _survival_before(by: str) -> Column:
    return F.lag("survival", 1, 1.0).over(Window.partitionBy(quoted(by)).orderBy("duration_days"))


def _with_sums(estimated: DataFrame, by: str) -> DataFrame:
    """Add what each step adds to variances, and the sums up to it from which `_covariance` is made.

    _all is the variance of the log of survival at a step; _alone the variance of the share that converts at
    it, and _own its covariance with the former.
    """
    incidence, at_risk = F.col("cumulative_incidence"), F.col("at_risk").cast("double")
    own = F.col("_before") * F.col("converted") / (at_risk * at_risk)
    events = F.col("converted") + F.col("competed")
    parts = {
        "_all": F.coalesce(F.try_divide(events, at_risk * (at_risk - events)), F.lit(0.0)),
        "_own": own,
        "_alone": own * F.col("_before") * (at_risk - F.col("converted")) / at_risk,
    }
    sums = {
        "_sum_all": F.col("_all"),
        "_sum_all_1": F.col("_all") * incidence,
        "_sum_all_2": F.col("_all") * incidence * incidence,
        "_sum_own": F.col("_own"),
        "_sum_own_1": F.col("_own") * incidence,
        "_sum_alone": F.col("_alone"),
    }
    here = _up_to_here(by)
    return (
        estimated.withColumn("_before", _survival_before(by))
        .withColumns(parts)
        .withColumns({name: F.sum(part).over(here) for name, part in sums.items()})
    )


def _covariance(later: Column) -> Column:
    """Of the incidence at a step and at a later one, where it is `later`."""
    incidence = F.col("cumulative_incidence")
    return (
        F.col("_sum_alone")
        - (incidence + later) * (F.col("_sum_own") + F.col("_sum_all_1"))
        + 2 * F.col("_sum_own_1")
        + incidence * later * F.col("_sum_all")
        + F.col("_sum_all_2")
    )


def _variance() -> Column:
    return F.greatest(_covariance(F.col("cumulative_incidence")), F.lit(0.0))


def _deviate(level: float) -> float:
    if not 0 < level < 1:
        raise RetinueError(f"level is {level}; it must lie between 0 and 1")
    return NormalDist().inv_cdf((1 + level) / 2)


def _bounds(share: Column, error: Column, level: float) -> tuple[Column, Column]:
    """The interval of a share on the scale log(-log(1 - share)), on which it never leaves 0..1."""
    rest = 1 - share
    has_scale = (share > 0) & (rest > _ROUNDING)
    width = F.try_divide(_deviate(level) * error, -rest * F.log(rest))
    low, high = (1 - F.pow(rest, F.exp(sign * width)) for sign in (-1, 1))
    return F.when(has_scale, low), F.when(has_scale, high)


def _with_final(cut: DataFrame, by: str) -> DataFrame:
    """Add _share, the incidence at the horizon, and its variance."""
    whole = Window.partitionBy(quoted(by))
    variance = F.when(F.col("_is_inside"), _variance())
    inside = F.when(F.col("_is_inside"), F.col("cumulative_incidence"))
    last = F.max_by(variance, F.when(F.col("_is_inside"), F.col("duration_days")))
    return cut.withColumns(
        {
            "_share": F.coalesce(F.max(inside).over(whole), F.lit(0.0)),
            "_share_variance": F.coalesce(last.over(whole), F.lit(0.0)),
        }
    )


def _with_areas(cut: DataFrame, by: str, days: float) -> DataFrame:
    """Add _area, below the incidence from each step to the next, and _lost_variance, the step's part of it.

    A step moves the area by the exposures that convert at it, for all the time left, and by those that it
    takes from later steps, which would have added what the incidence gains from there on.
    """
    in_order = Window.partitionBy(quoted(by)).orderBy("duration_days")
    until = F.least(F.lead("duration_days", 1, days).over(in_order), F.lit(days))
    area = F.when(F.col("_is_inside"), F.col("cumulative_incidence") * (until - F.col("duration_days")))
    left = days - F.col("duration_days")
    ahead = F.sum("_area").over(Window.partitionBy(quoted(by))) - F.sum("_area").over(_up_to_here(by))
    gained = F.col("_ahead") + F.col("_area") - F.col("cumulative_incidence") * left
    part = left * left * F.col("_alone") + gained * gained * F.col("_all") - 2 * left * gained * F.col("_own")
    return (
        cut.withColumn("_area", F.coalesce(area, F.lit(0.0)))
        .withColumn("_ahead", ahead)
        .withColumn("_lost_variance", F.when(F.col("_is_inside"), part))
    )


def _figures(level: float) -> Iterator[Column]:
    """What a curve comes to; _ before the names of those that are known only where the curve is."""
    incidence, share = F.col("cumulative_incidence"), F.col("_share")
    yield F.max("at_risk").alias("exposure_count")
    yield F.sum(F.when(F.col("_is_inside"), F.col("converted")).otherwise(0)).alias("conversion_count")
    yield F.max("duration_days").alias("followed_days")
    yield (F.min("survival") == 0).alias("_has_ended")
    for name in ("_share", "_share_variance"):
        yield F.first(name).alias(name)
    yield F.sum("_area").alias("_lost")
    yield F.coalesce(F.sum("_lost_variance"), F.lit(0.0)).alias("_lost_variance")
    low, high = _bounds(incidence, F.sqrt(_variance()), level)
    yield _first(incidence >= 0.5 - _ROUNDING).alias("median_days")
    yield _first(high >= 0.5).alias("median_days_low")
    yield _first(low >= 0.5).alias("median_days_high")
    beyond = incidence - share / 2
    variance = _variance() - _covariance(share) + F.col("_share_variance") / 4
    width = _deviate(level) * F.sqrt(F.greatest(variance, F.lit(0.0)))
    for name, bound in (
        ("half_days", beyond + _ROUNDING * share),
        ("half_days_low", beyond + width),
        ("half_days_high", beyond - width),
    ):
        yield _first((share > 0) & (bound >= 0)).alias(f"_{name}")


def _first(condition: Column) -> Column:
    """The first duration up to the horizon at which it holds."""
    return F.min(F.when(F.col("_is_inside") & condition, F.col("duration_days")))


def _compared(counts: pa.Table) -> Iterator[tuple[Any, ...]]:
    names, at_risk, converted = _tables(counts)
    observed, sizes = converted.sum(axis=1), at_risk.max(axis=1, initial=0)
    is_event = converted.sum(axis=0) > 0
    expected, covariance = log_rank(at_risk[:, is_event], converted[:, is_event])
    off = observed - expected
    chi_square, degrees = _overall(off, covariance)
    yield (
        *(None, int(sizes.sum()), int(observed.sum()), float(expected.sum())),
        *((chi_square, degrees, float(chi2.sf(chi_square, degrees))) if degrees else (None, degrees, None)),
        None,
    )
    variances = covariance.diagonal()
    tested = np.flatnonzero(variances > _ROUNDING)
    chi_squares = off[tested] ** 2 / variances[tested]
    p_values = chi2.sf(chi_squares, 1)
    q_values = false_discovery_control(p_values) if len(tested) else p_values
    judged = {
        tested[place]: (float(chi_squares[place]), 1, float(p_values[place]), float(q_values[place]))
        for place in np.argsort(-chi_squares, kind="stable")
    }
    for code in (*judged, *(code for code in range(len(names)) if code not in judged)):
        figures = (int(sizes[code]), int(observed[code]), float(expected[code]))
        yield (names[code], *figures, *judged.get(code, (None, 0, None, None)))


def _tables(counts: pa.Table) -> tuple[list[Any], Array, Array]:
    """The values of `by`, and a row for each of how many are at risk and convert, a column a duration."""
    found = sorted(counts["_by"].unique().to_pylist())
    codes = pa.compute.index_in(counts["_by"], value_set=pa.array(found, counts["_by"].type)).to_numpy()
    durations, steps = np.unique(counts["duration_days"].to_numpy(), return_inverse=True)
    converted, ended = (np.zeros((len(found), len(durations))) for _ in range(2))
    converted[codes, steps] = counts[CONVERTED].to_numpy()
    ended[codes, steps] = sum(counts[each].to_numpy() for each in (CONVERTED, COMPETED, CENSORED))
    return found, ended[:, ::-1].cumsum(axis=1)[:, ::-1], converted


def _overall(off: Array, covariance: Array) -> tuple[float, int]:
    """Chi-square over the directions in which the groups can differ, and how many these are."""
    sizes, directions = np.linalg.eigh(covariance)
    kept = sizes > _ROUNDING * max(float(covariance.trace()), _ROUNDING)
    return float(((off @ directions[:, kept]) ** 2 / sizes[kept]).sum()), int(kept.sum())
