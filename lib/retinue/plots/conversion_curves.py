"""After which exposures do people convert soonest? The share that has converted by the days since."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import pandas as pd
from pyspark.sql import functions as F

from retinue.plots import labels
from retinue.plots.axes import Across, Numbers, percent
from retinue.plots.picture import Picture, nothing
from retinue.plots.rows import Rows, check, first, is_null, key_name, largest, only
from retinue.plots.style import CATEGORIES, LIGHT
from retinue.schema import quoted

__all__ = ["conversion_curves"]

TITLE = "After which touch do people convert soonest?"
WIDTH, LEFT, RIGHT, TOP, BOTTOM, FOOT, MARGIN = 740, 48, 548, 8, 348, 46, 2  # pixels
STEM, LINE = 20, 34  # from a curve's end to its name, and between two names
STEPS = 5_000  # of a curve
TOLD = (1, 7, 30, 90)  # days of which a tip tells


Place = tuple[float, float]


class _Step(NamedTuple):
    """From `day` on this share has converted."""

    day: float
    share: float
    low: float
    high: float

    @property
    def has_interval(self) -> bool:
        return not (is_null(self.low) or is_null(self.high))

    @property
    def ends(self) -> tuple[float, float]:
        """The interval; where it is not known, the share itself."""
        return (self.low, self.high) if self.has_interval else (self.share, self.share)


NONE = _Step(0, 0, 0, 0)


@dataclass(frozen=True)
class _Curve:
    """A channel's steps in order of time."""

    name: str
    exposures: int
    color: str
    steps: list[_Step]

    @property
    def last(self) -> _Step:
        return self.steps[-1]

    def at(self, day: float) -> _Step:
        """What has converted by then."""
        known = (step for step in self.steps if step.day <= day)
        return max(known, key=lambda step: step.day, default=NONE)

    @property
    def tip(self) -> str:
        days = [*(day for day in TOLD if day < self.last.day), self.last.day]
        shares = ", ".join(f"{labels.share(self.at(day).share, 1)} by day {_number(day)}" for day in days)
        interval = ""
        if self.last.has_interval:
            low, high = labels.share(self.last.low, 1), labels.share(self.last.high, 1)
            interval = f" (interval {low} to {high})"
        return f"{self.name}: {labels.amount(self.exposures, 'exposure')}; {shares}{interval}"


def conversion_curves(curves: Rows, *, by: str = "channel", limit: int = 6) -> Picture:
    """Draw the share of exposures that has led to a conversion, by the days since, with its interval.

    `curves` has the rows that `speed.curves` gives, one a step: `by` (null is left out), `duration_days`,
    `at_risk` (a curve has as many exposures as its greatest such number), `cumulative_incidence` (0 to 1, the
    share from this day on) and its interval `low` to `high`. The `limit` curves of most exposures are drawn,
    ties by name, at most six; a curve ends where its rows end, for nobody was watched longer. From a Spark
    frame at most `limit` x 5,000 rows, the soonest, and a count are collected, by Spark jobs. Raises
    SchemaMismatch.
    """
    columns = [by, "duration_days", "cumulative_incidence", "low", "high"]
    check(curves, [*columns, "at_risk"], what="conversion_curves")
    most, shown = _exposures(curves, by), min(limit, len(CATEGORIES))
    top = largest(most, key=by, size="at_risk", limit=shown, what="conversion_curves")
    rows = first(
        only(curves, key=by, keys=[key for key, _ in top.kept]),
        columns=columns,
        limit=shown * STEPS,
        what="conversion_curves",
        by=["duration_days", by],
    )
    drawn = list(_curves(rows, top.kept))
    if not drawn:
        return nothing(title=TITLE, note="Nobody was exposed.")
    note = "Share converted"
    if top.other_count:
        hidden = labels.amount(top.other_count, f"smaller {by.removesuffix('_id')}")
        note += f"; {hidden} not drawn"
    return _draw(drawn, note=note + _leader(drawn))


def _exposures(curves: Rows, by: str) -> Rows:
    """Each key with the greatest number at risk."""
    if isinstance(curves, pd.DataFrame):
        return curves.groupby(by)["at_risk"].max().reset_index()
    return curves.groupBy(quoted(by)).agg(F.max("at_risk").alias("at_risk"))


def _curves(rows: Sequence[tuple[Any, ...]], kept: Sequence[tuple[Any, int]]) -> Iterator[_Curve]:
    for (key, exposures), color in zip(kept, CATEGORIES, strict=False):
        steps = [_Step(*row[1:]) for row in rows if row[0] == key and not is_null(row[2])]
        if steps:
            yield _Curve(key_name(key), exposures, color, steps)


def _leader(curves: Sequence[_Curve]) -> str:
    """Of which most have converted when all were still watched, where its interval lies above all others."""
    day = min(curve.last.day for curve in curves)
    best, *others = sorted(curves, key=lambda curve: -curve.at(day).share)
    if not others or not best.at(day).share:
        return ""
    if best.at(day).ends[0] <= max(other.at(day).ends[1] for other in others):
        return f"; by day {_number(day)} none leads beyond chance"
    name = labels.fit(best.name, room=RIGHT / 3, size=12)
    return f"; most by day {_number(day)}: {labels.share(best.at(day).share, 1)} after {name}"


def _number(day: float) -> str:
    return f"{day:,.1f}".removesuffix(".0")


def _draw(curves: Sequence[_Curve], *, note: str) -> Picture:
    picture = Picture(title=TITLE, note=note, width=WIDTH, height=BOTTOM + FOOT)
    steps = [step for curve in curves for step in curve.steps]
    shares = Numbers.over(0, max(step.ends[1] for step in steps), top=TOP, bottom=BOTTOM)
    shares.draw(picture, left=LEFT, right=RIGHT, told=percent)
    days = Across.over(0, max(step.day for step in steps), left=LEFT, right=RIGHT, lines=8)
    days.draw(picture, top=BOTTOM, bottom=BOTTOM + 4, told=lambda day: f"{day:,.6g}")
    middle = (LEFT + RIGHT) / 2
    picture.write(middle, BOTTOM + 36, "days since the touch", size=11, color=LIGHT["muted"], align="center")
    for curve in curves:
        _draw_band(picture, curve, days, shares)
    for curve in reversed(curves):  # the largest above all others
        points = _stairs([(days.x(step.day), shares.y(step.share)) for step in curve.steps])
        start = (days.x(0), shares.y(0))
        picture.line([start, (points[0][0], start[1]), *points], color=curve.color, tip=curve.tip)
    _write_names(picture, curves, days, shares)
    return picture


def _draw_band(picture: Picture, curve: _Curve, days: Across, shares: Numbers) -> None:
    known = [step for step in curve.steps if step.has_interval]
    lows = _stairs([(days.x(step.day), shares.y(step.low)) for step in known])
    highs = _stairs([(days.x(step.day), shares.y(step.high)) for step in known])
    edges = [(x, low, high) for (x, low), (_, high) in zip(lows, highs, strict=True)]
    if edges:
        picture.band(edges, color=curve.color, alpha=0.14)


def _stairs(points: Sequence[Place]) -> list[Place]:
    """The corners of the steps, those of half a pixel as one."""
    seen = list({round(2 * x): (x, y) for x, y in points}.values())
    flat = [((after[0], before[1]), after) for before, after in pairwise(seen)]
    return [*seen[:1], *(corner for corners in flat for corner in corners)]


def _write_names(picture: Picture, curves: Sequence[_Curve], days: Across, shares: Numbers) -> None:
    """Beside the end of each curve its name and what it comes to."""
    ordered = sorted(curves, key=lambda curve: shares.y(curve.last.share))
    ends = [shares.y(curve.last.share) for curve in ordered]
    heights = labels.apart(ends, gap=LINE, low=TOP + LINE / 2, high=BOTTOM - LINE / 2)
    left, room = RIGHT + STEM, WIDTH - MARGIN - RIGHT - STEM
    for curve, end, y in zip(ordered, ends, heights, strict=True):
        stem = [(days.x(curve.last.day), end), (RIGHT + 4, end), (left - 5, y)]
        picture.line(stem, color=curve.color, thickness=1, alpha=0.6)
        picture.write(left, y - 7, labels.fit(curve.name, room=room, size=12), bold=True)
        told = f"{labels.share(curve.last.share, 1)} by day {_number(curve.last.day)}"
        picture.write(left, y + 8, labels.fit(told, room=room, size=11), size=11, color=LIGHT["muted"])
