"""Credit by the Shapley value: what a channel adds to every set of channels it can join."""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retinue.attribution import shares
from retinue.errors import RetinueError

__all__ = ["attribute"]

Array = NDArray[np.float64]
EXACT = 12  # channels
GAMES = ("count", "rate")


def attribute(paths: DataFrame, *, game: str = "count", samples: int = 200, seed: int = 0) -> DataFrame:
    """Share all conversions out by what each channel adds, on average over all orders of arrival.

    Out, a row a channel: channel, conversions (double), value (double), standard_error (double, of
    conversions; 0 where they are exact). What no touch led to is under the channel null.

    The worth of a set of channels is, in the game `count`, the conversions of all paths whose channels lie
    within it: then each conversion is shared equally by the channels of its path, and nothing but counts per
    set is needed. In the game `rate` it is the rate of these paths, conversions / (conversions + nulls); the
    values, some of which may be below 0, are scaled so that they sum to the conversions, and value is shared
    as conversions are. Exact to 12 channels, beyond by `samples` of each channel joining sets of each size.

    In: path (array of channels; neither order nor repeats matter), conversions, optionally nulls and value.
    The game count is lazy, with one shuffle. The game rate runs Spark jobs; the counts of each set of
    channels that occurs come to the driver. Sources: Shapley (1953); for the closed form, Zhao, Mahboobi and
    Bagheri (2018); for sampling by size of the set, Castro, Gómez, Molina and Tejada (2017). Raises
    SchemaMismatch; RetinueError for another game or less than two samples.
    """
    if game.lower() not in GAMES:
        raise RetinueError(f"game is {game}; choose count or rate")
    if samples < 2:
        raise RetinueError(f"samples is {samples}; it must be 2 or more")
    sets = _sets(paths)
    return _of_counts(sets) if game.lower() == "count" else _of_rates(paths, sets, samples, seed)


def _sets(paths: DataFrame) -> DataFrame:
    """The paths counted together by their channels: channels (sorted), conversions, value, nulls."""
    given = shares.given(paths, what="shapley")
    return given.groupBy(F.sort_array(F.array_distinct("path")).alias("channels")).agg(
        *(F.sum(name).alias(name) for name in ("conversions", "value", "nulls"))
    )


def _of_counts(sets: DataFrame) -> DataFrame:
    """v(S) is the sum over the sets within S, so each set is worth the same to each of its channels."""
    size = F.greatest(F.size("channels"), F.lit(1))
    shared = sets.where("conversions > 0 OR value <> 0").select(
        F.explode_outer("channels").alias("channel"),
        (F.col("conversions") / size).alias("conversions"),
        (F.col("value") / size).alias("value"),
    )
    return shared.groupBy("channel").agg(
        F.sum("conversions").alias("conversions"),
        F.sum("value").alias("value"),
        F.lit(0.0).alias("standard_error"),
    )


def _of_rates(paths: DataFrame, sets: DataFrame, samples: int, seed: int) -> DataFrame:
    rows = sets.where("size(channels) > 0 AND conversions + nulls > 0").collect()
    channels = sorted({channel for row in rows for channel in row.channels})
    game = _Rates(
        np.array([[channel in row.channels for channel in channels] for row in rows], dtype=float),
        np.array([row.conversions for row in rows]),
        np.array([row.conversions + row.nulls for row in rows]),
    )
    if len(channels) <= EXACT:
        values, errors = game.exact(), np.zeros(len(channels))
    else:
        values, errors = game.sampled(samples, np.random.default_rng(seed))
    # The rate of all paths times all journeys is the conversions.
    worth = dict(zip(channels, (values * game.journeys.sum()).tolist(), strict=True))
    unsure = dict(zip(channels, (errors * game.journeys.sum()).tolist(), strict=True))
    return shares.spread(paths, worth, standard_error=unsure)


@dataclass(frozen=True)
class _Rates:
    """The rate of the paths within any set of channels."""

    members: Array  # a row a set of channels that occurs, 1 for those in it
    conversions: Array
    journeys: Array

    def rates(self, chosen: Array) -> Array:
        """Of each row of `chosen`, a set of channels; 0 where no path lies within it."""
        is_within = (self.members @ (1 - chosen).T == 0).astype(float)
        journeys = self.journeys @ is_within
        rates: Array = self.conversions @ is_within / np.where(journeys > 0, journeys, 1.0)
        return rates

    def exact(self) -> Array:
        size = self.members.shape[1]
        numbers = np.arange(2**size)
        every = ((numbers[:, None] >> np.arange(size)) & 1).astype(float)
        rates = np.concatenate([self.rates(part) for part in np.array_split(every, 1 + 2**size // 4096)])
        sizes = every.sum(axis=1).astype(int)
        weights = np.array([factorial(n) * factorial(size - n - 1) / factorial(size) for n in range(size)])
        values = np.zeros(size)
        for channel in range(size):
            without = numbers[every[:, channel] == 0]
            gains = rates[without | (1 << channel)] - rates[without]
            values[channel] = gains @ weights[sizes[without]]
        return values

    def sampled(self, samples: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Each channel joins `samples` sets of each size: the mean gains, and their standard errors."""
        size = self.members.shape[1]
        values, errors = np.zeros(size), np.zeros(size)
        for channel in range(size):
            others = np.delete(np.arange(size), channel)
            for joined in range(size):
                chosen = np.zeros((samples, size))
                drawn = rng.permuted(np.tile(others, (samples, 1)), axis=1)[:, :joined]
                np.put_along_axis(chosen, drawn, 1.0, axis=1)
                before = self.rates(chosen)
                chosen[:, channel] = 1.0
                gains = self.rates(chosen) - before
                values[channel] += gains.mean() / size
                errors[channel] += gains.var(ddof=1) / samples / size**2
        return values, np.sqrt(errors)
