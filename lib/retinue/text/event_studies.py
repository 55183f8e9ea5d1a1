"""What changes when something happens: conversation around campaign starts and reports in the media."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retinue.errors import RetinueError
from retinue.schema import quoted, require
from retinue.text.series import STEPS, Array, even, season, steps_at

__all__ = ["event_study"]

WINDOWS = ("before", "after")
_LEAST_PLACEBOS = 10


def event_study(
    series: DataFrame,
    events: DataFrame,
    *,
    step: str = "day",
    before: int = 3,
    after: int = 3,
    at: str = "at",
    value: str = "value",
    event_at: str = "at",
    name: str = "name",
    absent: float | None = 0.0,
    draws: int = 1999,
    confidence: float = 0.95,
    seed: int = 0,
) -> DataFrame:
    """How far a series was off what was to be expected, in the steps before and from events of a name on.

    Out, two rows a name: `name`, window (before: the `before` steps up to the event's own, without it;
    after: the `after` steps from its own on), event_count (int; events whose windows the series does not
    hold whole are left out), mean (double, of the series a step), expected (double), difference (double,
    mean - expected), low, high (double, its interval of `confidence`), p_value (double, the chance of a
    difference so far from 0 where nothing happened), placebo_count (int, dates that show what chance does).
    A difference before the event speaks against its being the cause; one after it is no proof: something
    else may have happened then.

    In: `series` with `at`, `value`, as for lead_lag; `events` with `event_at` (timestamp or date) and `name`;
    one without either does not count.

    Expected is the line and the week of all steps outside the events' windows. A placebo is any step whose
    own windows touch none of an event's; its difference is taken as an event's is, without its windows in
    what is expected. For a name with several events the mean of as many placebos is drawn `draws` times.
    Placebos side by side are alike: in three months that persist (autocorrelation .5), intervals of .95 held
    the true difference in .90 of 150 tries.

    Runs two Spark jobs; a number a step and the events come to the driver. Source: MacKinlay (1997), with
    placebo dates in place of a normal distribution. Raises SchemaMismatch; RetinueError for numbers that
    cannot be, or where fewer than 10 placebos or two weeks are left.
    """
    if min(before, after, draws) < 1 or not 0 < confidence < 1:
        raise RetinueError(
            f"before is {before}, after {after}, draws {draws} and confidence {confidence}; "
            "give 1 or more of each, and a share between 0 and 1"
        )
    values = steps_at(series, at, value, step=step, what="event_study")
    happened = _happened(events, event_at, name, step)
    study = _study(values, happened, step=step, before=before, after=after, absent=absent)
    placebos, chance = _placebos(study), np.random.default_rng(seed)
    rows: list[tuple[object, ...]] = []
    for each in sorted(happened):
        own = [place - study.first for place in happened[each] if study.holds(place - study.first)]
        drawn = chance.integers(len(placebos), size=(draws, len(own)))
        if own:
            nothing = placebos if len(own) == 1 else placebos[drawn].mean(axis=1)
            rows += [(each, *row, len(placebos)) for row in _compared(study, own, nothing, confidence)]
    kinds = (
        f"{quoted(name)} string, window string, event_count int, mean double, expected double, "
        "difference double, low double, high double, p_value double, placebo_count int"
    )
    return series.sparkSession.createDataFrame(rows, kinds)


@dataclass(frozen=True)
class Study:
    """A series with the places of its events, and of placebos, by steps from its first."""

    values: Array
    first: int
    step: str
    before: int
    after: int
    quiet: NDArray[np.bool_]  # steps in no event's windows

    def holds(self, place: int) -> bool:
        """Whether both windows at this place lie in the series."""
        return self.before <= place <= len(self.values) - self.after

    def around(self, place: int) -> slice:
        """Both windows."""
        return slice(max(place - self.before, 0), max(place + self.after, 0))

    def means(self, line: Array, place: int) -> tuple[float, float]:
        """The mean of a line before and after a place."""
        return (
            float(line[place - self.before : place].mean()),
            float(line[place : place + self.after].mean()),
        )

    def expected(self, known: NDArray[np.bool_]) -> Array:
        """What the known steps tell of all."""
        return season(self.values, self.first, step=self.step, known=known)


def _happened(events: DataFrame, at: str, name: str, step: str) -> dict[str, list[int]]:
    require(events, [at, name], what="event_study")
    seconds = int(STEPS[step].total_seconds())
    place = F.floor(F.unix_seconds(F.col(quoted(at)).cast("timestamp")) / seconds)
    told = events.select(F.col(quoted(name)).cast("string").alias("name"), place.alias("place"))
    happened: dict[str, list[int]] = {}
    for row in told.where("name IS NOT NULL AND place IS NOT NULL").orderBy("name", "place").collect():
        happened.setdefault(row.name, []).append(row.place)
    return happened


def _study(
    values: dict[int, float],
    happened: dict[str, list[int]],
    *,
    step: str,
    before: int,
    after: int,
    absent: float | None,
) -> Study:
    first, last = min(values, default=0), max(values, default=-1)
    line = even(values, first, last, absent=absent)
    study = Study(line, first, step, before, after, np.ones(len(line), dtype=bool))
    for places in happened.values():
        for place in places:
            study.quiet[study.around(place - first)] = False
    two_weeks = 2 * 7 * (STEPS["day"] // STEPS[step])
    if study.quiet.sum() < two_weeks:
        raise RetinueError(
            f"{study.quiet.sum()} steps of the series lie outside the events' windows; {two_weeks} or more "
            "are needed to know what is usual: give a longer series, or lower before and after"
        )
    return study


def _placebos(study: Study) -> Array:
    """The differences before and after every place where nothing happened."""
    differences = []
    for place in range(len(study.values)):
        if study.holds(place) and study.quiet[study.around(place)].all():
            known = study.quiet.copy()
            known[study.around(place)] = False
            differences.append(study.means(study.values - study.expected(known), place))
    if len(differences) < _LEAST_PLACEBOS:
        raise RetinueError(
            f"there are {len(differences)} steps whose windows touch no event; {_LEAST_PLACEBOS} or more are "
            "needed: give a longer series, or lower before and after"
        )
    return np.array(differences)


def _compared(
    study: Study, places: list[int], nothing: Array, confidence: float
) -> Iterator[tuple[object, ...]]:
    """A row a window for the events of one name; `nothing` has the differences that chance makes."""
    usual = study.expected(study.quiet)
    mean, expected = (
        np.mean([study.means(line, place) for place in places], axis=0) for line in (study.values, usual)
    )
    off = mean - expected
    low, high = off - np.quantile(nothing, [(1 + confidence) / 2, (1 - confidence) / 2], axis=0)
    p = (1 + (np.abs(nothing) >= np.abs(off)).sum(axis=0)) / (1 + len(nothing))
    for i, window in enumerate(WINDOWS):
        numbers = (mean[i], expected[i], off[i], low[i], high[i], p[i])
        yield window, len(places), *map(float, numbers)
