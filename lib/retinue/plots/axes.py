"""Axes of numbers and of times: where a value lies, at which round ones a line stands, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.dates import AutoDateLocator, num2date
from matplotlib.ticker import MaxNLocator

from retinue.plots import labels
from retinue.plots.picture import Picture
from retinue.plots.style import LIGHT

__all__ = ["Across", "Numbers", "Times", "at", "during", "instant", "percent", "reaches", "span"]

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
TICK, GAP = 62, 6  # pixels that a time takes, and between the words of an axis and the drawing


@dataclass(frozen=True)
class Numbers:
    """Numbers upwards from the height `bottom` to the height `top`, with lines at round ones."""

    ticks: tuple[float, ...]
    top: float
    bottom: float

    @classmethod
    def over(
        cls, low: float, high: float, *, top: float, bottom: float, lines: int = 4, whole: bool = False
    ) -> Numbers:
        """From a round number at or below `low` to one at or above `high`."""
        return cls(_round(low, high, lines=lines, whole=whole), top, bottom)

    def y(self, number: float) -> float:
        """The height of a number."""
        low, high = self.ticks[0], self.ticks[-1]
        return self.bottom - (self.bottom - self.top) * (number - low) / (high - low)

    def draw(self, picture: Picture, *, left: float, right: float, told: Callable[[float], str]) -> None:
        """A line at each round number, with what is told of it to the left."""
        for tick in self.ticks:
            y = self.y(tick)
            picture.block(left, y - 0.5, right - left, 1, color=LIGHT["faint"])
            line = labels.fit(told(tick), room=left - GAP, size=11)
            picture.write(left - GAP, y, line, size=11, color=LIGHT["muted"], align="right")


@dataclass(frozen=True)
class Across:
    """Numbers to the right, from the pixel `left` to the pixel `right`, with lines at round ones."""

    ticks: tuple[float, ...]
    left: float
    right: float

    @classmethod
    def over(
        cls, low: float, high: float, *, left: float, right: float, lines: int = 5, whole: bool = False
    ) -> Across:
        """From a round number at or below `low` to one at or above `high`."""
        return cls(_round(low, high, lines=lines, whole=whole), left, right)

    def x(self, number: float) -> float:
        """Where a number lies."""
        low, high = self.ticks[0], self.ticks[-1]
        return self.left + (self.right - self.left) * (number - low) / (high - low)

    def draw(self, picture: Picture, *, top: float, bottom: float, told: Callable[[float], str]) -> None:
        """A line at each round number, with what is told of it below `bottom`."""
        for tick in self.ticks:
            x = self.x(tick)
            picture.block(x - 0.5, top, 1, bottom - top, color=LIGHT["faint"])
            picture.write(x, bottom + 12, told(tick), size=11, color=LIGHT["muted"], align="center")


@dataclass(frozen=True)
class Times:
    """Times to the right, in UTC, from the pixel `left` to the pixel `right`."""

    first: pd.Timestamp
    last: pd.Timestamp
    left: float
    right: float

    def x(self, time: Any) -> float:
        """Where a time lies; the middle, where there is one time alone."""
        if self.first == self.last:
            return (self.left + self.right) / 2
        return self.left + (self.right - self.left) * (
            (instant(time) - self.first) / (self.last - self.first)
        )

    def draw(self, picture: Picture, *, top: float, bottom: float) -> None:
        """A short line below `bottom` at each round time, its words under it; a faint one up to `top`."""
        ticks = self._ticks()
        is_daily = all(tick.hour == tick.minute == 0 for tick in ticks)
        is_monthly = is_daily and all(tick.day == 1 for tick in ticks) and len(ticks) > 1
        for tick, before in zip(ticks, [None, *ticks], strict=False):
            x = self.x(tick)
            picture.block(x - 0.5, top, 1, bottom - top + 4, color=LIGHT["faint"])
            words = _monthly(tick, before) if is_monthly else _daily(tick)
            picture.write(x, bottom + 14, words, size=11, color=LIGHT["muted"], align="center")

    def _ticks(self) -> list[pd.Timestamp]:
        if self.first == self.last:
            return [self.first]
        most = max(2, int((self.right - self.left) / TICK))
        locator = AutoDateLocator(minticks=min(3, most), maxticks=most)  # type: ignore[no-untyped-call]
        found = locator.tick_values(self.first.to_pydatetime(), self.last.to_pydatetime())  # type: ignore[no-untyped-call]
        ticks = [instant(num2date(number)).round("s") for number in found]  # type: ignore[no-untyped-call]
        return [tick for tick in ticks if self.first <= tick <= self.last] or [self.first]


def instant(time: Any) -> pd.Timestamp:
    """A date or time as an instant in UTC, without saying so."""
    told = pd.Timestamp(time)
    return told.tz_convert("UTC").tz_localize(None) if told.tz else told


def at(time: Any) -> str:
    """A time in words: 3 Mar 2026, and the hour where it is not midnight."""
    told = instant(time)
    day = f"{told.day} {MONTHS[told.month - 1]} {told.year}"
    return day if told == told.normalize() else f"{day} {told:%H:%M}"


def span(start: Any, end: Any) -> str:
    """The first and the last time in words; one, where they are the same."""
    return at(start) if instant(start) == instant(end) else f"{at(start)} to {at(end)}"


def during(start: Any, end: Any) -> str:
    """From when to when, without the year: 3 Mar 14:00 to 18:00."""
    one, other = (f"{told.day} {MONTHS[told.month - 1]}" for told in (instant(start), instant(end)))
    first, last = f"{one} {instant(start):%H:%M}", f"{instant(end):%H:%M}"
    return f"{first} to {last}" if one == other else f"{first} to {other} {last}"


def percent(share: float) -> str:
    """A round share of an axis: 5%, 0.2%."""
    return f"{100 * share:.6g}%"


def reaches(points: Sequence[tuple[float, Any]], *, pitch: float) -> list[list[tuple[float, Any]]]:
    """The points cut where one is missing: where the next lies half a `pitch` too far."""
    runs: list[list[tuple[float, Any]]] = []
    for point in points:
        if runs and point[0] - runs[-1][-1][0] < 1.5 * pitch:
            runs[-1].append(point)
        else:
            runs.append([point])
    return runs


def _round(low: float, high: float, *, lines: int, whole: bool) -> tuple[float, ...]:
    places = MaxNLocator(nbins=lines, steps=[1, 2, 2.5, 5, 10], integer=whole)
    ticks = places.tick_values(low, high if high > low else low + 1)
    return tuple(float(tick) for tick in ticks)


def _monthly(tick: pd.Timestamp, before: pd.Timestamp | None) -> str:
    month = MONTHS[tick.month - 1]
    return month if before is not None and before.year == tick.year else f"{month} {tick.year}"


def _daily(tick: pd.Timestamp) -> str:
    is_midnight = tick == tick.normalize()
    return f"{tick.day} {MONTHS[tick.month - 1]}" if is_midnight else f"{tick:%H:%M}"
