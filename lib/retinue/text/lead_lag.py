"""Which of two series goes before the other: say, money spent on ads and what people say."""

from __future__ import annotations

import numpy as np
from pyspark.sql import DataFrame

from retinue.errors import RetinueError
from retinue.text.series import Array, even, season, steps_at

__all__ = ["lead_lag"]

_LEAST_STEPS = 14  # that both series need beyond the longest lag


def lead_lag(
    series: DataFrame,
    other: DataFrame,
    *,
    step: str = "day",
    max_lag: int = 7,
    at: str = "at",
    value: str = "value",
    absent: float | None = 0.0,
    permutations: int = 1999,
    confidence: float = 0.95,
    seed: int = 0,
) -> DataFrame:
    """How the two series go together when `other` comes `lag` steps after `series`; before it, if negative.

    Out, a row a lag from -max_lag to max_lag: lag (int), correlation (double, -1 to 1), bound (double, the
    same for all lags: by chance not one of them is beyond +-bound, with probability `confidence`), p_value
    (double, the chance that any lag is as far from 0), step_count (int). correlation, bound and p_value are
    null where a series does not vary. What goes together need not cause each other: both may follow a third.

    In: `at` (timestamp or date) and `value` (a number) on both sides; values of one step (hour or day, UTC)
    are added up, so give one row a step where they are means. A step without a row has `absent`, or, if that
    is None, lies on the line between its neighbours. The steps that both series span are compared, from the
    later of their first rows to the earlier of their last; give rows of 0 where a series goes on in silence.

    Trend and week are taken out of each series, and then what it repeats of itself (an autoregression, its
    order by Akaike's criterion), since two series that only persist seem to go together. What is left is
    shuffled `permutations` times; the largest correlation of all lags is compared, so that many lags do not
    find more by chance.

    Runs two Spark jobs; a number a step of each series comes to the driver. Sources: Haugh (1976) for the
    whitening of both; Westfall and Young (1993) for the maximum. Raises SchemaMismatch; RetinueError for
    numbers that cannot be, or where the series share fewer than max_lag + 14 steps.
    """
    if max_lag < 0 or permutations < 1 or not 0 < confidence < 1:
        raise RetinueError(
            f"max_lag is {max_lag}, permutations {permutations} and confidence {confidence}; "
            "give 0 or more, 1 or more, and a share between 0 and 1"
        )
    both = [steps_at(each, at, value, step=step, what="lead_lag") for each in (series, other)]
    first, last = _common(both, max_lag)
    whole = [even(each, first, last, absent=absent) for each in both]
    a, b = (_standard(_white(each - season(each, first, step=step))) for each in whole)
    length = min(len(a), len(b))
    rows = _rows(a[-length:], b[-length:], max_lag, permutations, confidence, seed)
    kinds = "lag int, correlation double, bound double, p_value double, step_count int"
    return series.sparkSession.createDataFrame(rows, kinds)


def _common(both: list[dict[int, float]], max_lag: int) -> tuple[int, int]:
    """The first and the last step that both series span."""
    first, last = max(min(each, default=0) for each in both), min(max(each, default=-1) for each in both)
    if last - first + 1 < max_lag + _LEAST_STEPS:
        raise RetinueError(
            f"the series share {max(last - first + 1, 0)} steps; with max_lag={max_lag} they need "
            f"{max_lag + _LEAST_STEPS} or more: lower max_lag, or give longer series"
        )
    return first, last


def _white(values: Array) -> Array:
    """What an autoregression of the series on itself leaves."""
    most = int(min(10 * np.log10(len(values)), len(values) // 4))
    known = values[most:]
    best, least = known, len(known) * np.log(known @ known + 1e-300)
    for order in range(1, most + 1):
        past = np.stack([values[most - lag : len(values) - lag] for lag in range(1, order + 1)], axis=1)
        left = known - past @ np.linalg.lstsq(past, known, rcond=None)[0]
        criterion = len(known) * np.log(left @ left + 1e-300) + 2 * order
        if criterion < least:
            best, least = left, criterion
    return best


def _standard(values: Array) -> Array:
    """With mean 0 and length 1; none, where it does not vary but for rounding."""
    off = values - values.mean()
    length = np.sqrt(off @ off)
    return off / length if length > 1e-9 * (1 + np.abs(values).max()) else np.full(len(values), np.nan)


def _rows(
    a: Array, b: Array, max_lag: int, permutations: int, confidence: float, seed: int
) -> list[tuple[int, float | None, float | None, float | None, int]]:
    lags = range(-max_lag, max_lag + 1)
    found = _correlations(a[np.newaxis], b, max_lag)[0]
    if np.isnan(found).any():
        return [(lag, None, None, None, len(a)) for lag in lags]
    shuffled = np.random.default_rng(seed).permuted(np.tile(a, (permutations, 1)), axis=1)
    largest = np.abs(_correlations(shuffled, b, max_lag)).max(axis=1)
    bound = float(np.quantile(largest, confidence))
    beyond = (largest[:, np.newaxis] >= np.abs(found) - 1e-12).sum(axis=0)
    chance = (1 + beyond) / (1 + permutations)
    return [
        (lag, float(correlation), bound, float(p), len(a))
        for lag, correlation, p in zip(lags, found, chance, strict=True)
    ]


def _correlations(many: Array, b: Array, max_lag: int) -> Array:
    """Of each of many series with `b`, a column a lag."""
    length = len(b)
    return np.stack(
        [
            many[:, max(-lag, 0) : length - max(lag, 0)] @ b[max(lag, 0) : length - max(-lag, 0)]
            for lag in range(-max_lag, max_lag + 1)
        ],
        axis=1,
    )
