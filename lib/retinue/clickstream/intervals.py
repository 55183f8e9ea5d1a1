"""How far a rate that was counted can be off."""

from __future__ import annotations

from statistics import NormalDist

from pyspark.sql import Column
from pyspark.sql import functions as F

from retinue.errors import RetinueError


def wilson(successes: Column, trials: Column, confidence: float = 0.95) -> tuple[Column, Column]:
    """The lower and upper end of the Wilson score interval of the rate successes / trials, both in 0..1.

    `confidence` lies strictly between 0 and 1. Both ends are null where there is no trial. Unlike the
    textbook interval it never leaves 0..1 and holds for few trials and for rates near 0 and 1.
    Wilson 1927, Probable inference, the law of succession, and statistical inference, JASA 22.
    Raises RetinueError for a confidence of 0, 1 or beyond.
    """
    if not 0 < confidence < 1:
        raise RetinueError(f"confidence is {confidence}; it must lie between 0 and 1")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    rate, spread = F.try_divide(successes, trials), F.try_divide(F.lit(z * z), trials)
    half = F.sqrt((rate * (1 - rate) + spread / 4) * spread)
    low, high = (rate + spread / 2 - half) / (1 + spread), (rate + spread / 2 + half) / (1 + spread)
    # At rates of 0 and 1 the ends are exact but for rounding; greatest and least would pass over a null.
    return F.when(low > 0, low).otherwise(low * 0), F.when(high < 1, high).otherwise(high * 0 + 1)
