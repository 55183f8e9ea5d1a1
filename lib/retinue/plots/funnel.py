"""How far do visitors get? The steps of a funnel, and who is lost before each."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, cast

import pandas as pd
from pyspark.sql import DataFrame

from retinue.plots import labels
from retinue.plots.picture import Picture, nothing
from retinue.plots.rows import Rows, first, largest
from retinue.plots.style import CATEGORIES, LIGHT
from retinue.schema import require

__all__ = ["funnel", "funnel_by"]

TITLE = "How far do visitors get?"
WIDTH, MARGIN, STEP, BAR = 600, 2, 84, 22  # pixels
BROAD, NAME, FIGURES, ROW, THIN = 700, 150, 220, 20, 14  # pixels, of the breakdown
_COLUMNS = ("step_index", "step", "visitor_count")


@dataclass(frozen=True)
class _Step:
    """A step as it is drawn: its visitors, those of the required step before, and the first step's."""

    name: str
    visitors: int
    before: int
    entered: int
    median: float | None
    is_optional: bool

    @property
    def lost(self) -> int:
        return 0 if self.is_optional else self.before - self.visitors

    @property
    def duration(self) -> str:
        return "" if self.median is None else labels.duration(self.median)


def funnel(report: Rows, *, limit: int = 20) -> Picture:
    """Draw a bar a step as long as its visitors, beside the part of the step before that was lost.

    `report` has a row a step: `step_index` (from 1), `step` (its name), `visitor_count` (visitors that
    reached it); where it also has `median_seconds` (from the step before) and `is_optional` (nobody is lost
    there), these are shown. The first `limit` steps by `step_index` are drawn; from a Spark frame no more
    are collected, by a Spark job. Raises SchemaMismatch.
    """
    steps = _steps(first(report, columns=_columns(report), limit=limit, what="funnel"), _columns(report))
    if not steps or not steps[0].visitors:
        return nothing(title=TITLE, note="No visitor has reached the first step.")
    last = steps[-1]
    note = (
        f"{labels.count(last.visitors)} of {labels.amount(last.entered, 'visitor')} "
        f"({labels.share(last.visitors, last.entered)}) reach {labels.fit(last.name, room=200, size=12)}"
    )
    picture = Picture(title=TITLE, note=note, width=WIDTH, height=len(steps) * STEP - 12)
    for place, step in enumerate(steps):
        _draw_step(picture, place, step)
    return picture


def funnel_by(report: Rows, *, by: str, limit: int = 20, values: int = 6) -> Picture:
    """Draw each step's share of the first step, a bar for each of the values of `by` with most visitors.

    `report` is as funnel takes it, with a row a step and value of the column `by`; rows without a value are
    left out. At most `values` values of `limit` steps are drawn; from a Spark frame no more are collected,
    by Spark jobs. Raises SchemaMismatch.
    """
    columns = [*_columns(report), by]
    require(cast(DataFrame, report), columns, what="funnel_by")
    entered = _those(report, "step_index", [1])
    top = largest(entered, key=by, size="visitor_count", limit=values, what="funnel_by")
    kept = [value for value, _ in top.kept]
    if not kept:
        return nothing(title=TITLE, note="No visitor has reached the first step.")
    rows = _those(report, by, kept)
    shown = first(rows, columns=columns, limit=limit * len(kept), what="funnel_by")
    groups = [_steps([row for row in shown if row[-1] == value], columns) for value in kept]
    note = f"Share of the first step, by {labels.clean(by)}" + (
        f"; {labels.amount(top.other_count, 'smaller value')} not drawn" if top.other_count else ""
    )
    tall = ROW * len(kept) + 46
    picture = Picture(title=TITLE, note=note, width=BROAD, height=tall * len(groups[0]) - 12)
    for place, step in enumerate(groups[0]):
        title = labels.fit(f"{place + 1}. {step.name}", room=BROAD - 2 * MARGIN, size=14)
        picture.write(MARGIN, place * tall + 11, title, size=14, bold=True)
        for row, (value, steps) in enumerate(zip(kept, groups, strict=True)):
            y, color = place * tall + 24 + row * ROW, CATEGORIES[row % len(CATEGORIES)]
            for own in steps[place : place + 1]:
                _draw_value(picture, y, labels.clean(value), own, color=color)
    return picture


def _those(report: Rows, column: str, values: Collection[Any]) -> Rows:
    """The rows with one of the values in the column."""
    if isinstance(report, pd.DataFrame):
        return report.loc[report[column].isin(values)]
    return report.where(report[column].isin(list(values)))


def _columns(report: Rows) -> list[str]:
    return [*_COLUMNS, *(name for name in ("median_seconds", "is_optional") if name in report.columns)]


def _steps(rows: Sequence[tuple[Any, ...]], columns: Sequence[str]) -> list[_Step]:
    steps, before = list[_Step](), None
    for row in rows:
        told = dict(zip(columns, row, strict=True))
        if told["visitor_count"] != told["visitor_count"]:  # not a number
            continue
        visitors, median = int(told["visitor_count"]), told.get("median_seconds")
        step = _Step(
            name=labels.clean(told["step"]),
            visitors=visitors,
            before=visitors if before is None else before,
            entered=steps[0].visitors if steps else visitors,
            median=None if median is None or median != median else float(median),
            is_optional=bool(told.get("is_optional")),
        )
        steps.append(step)
        before = before if step.is_optional else visitors
    return steps


def _draw_step(picture: Picture, place: int, step: _Step) -> None:
    y, scale = place * STEP, (WIDTH - 2 * MARGIN) / step.entered
    count = labels.count(step.visitors)
    median = f"median {step.duration}" if step.duration else ""
    end = WIDTH - MARGIN - labels.width(count, size=14) - 8
    room = end - labels.width(median, size=12) - 8
    title = f"{place + 1}. {step.name}" + " (optional)" * step.is_optional
    picture.write(MARGIN, y + 11, labels.fit(title, room=room, size=14), size=14, bold=True)
    picture.write(WIDTH - MARGIN, y + 11, count, size=14, bold=True, align="right")
    if median:
        picture.write(end, y + 11, median, color=LIGHT["muted"], align="right")
    _draw_bar(picture, MARGIN, y + 24, BAR, step, scale=scale, color=LIGHT["blue"], whose="")
    if place:
        shares = labels.share(step.visitors, step.entered), labels.share(step.visitors, step.before)
        kept = "{} of first · {} of previous".format(*shares)
        picture.write(MARGIN, y + 59, kept, color=LIGHT["muted"])
    if place and not step.is_optional:
        gone = f"−{labels.count(step.lost)} left ({labels.share(step.lost, step.before)})"
        picture.write(WIDTH - MARGIN, y + 59, gone, color=LIGHT["vermillion"], align="right")


def _draw_value(picture: Picture, y: float, value: str, step: _Step, *, color: str) -> None:
    start, end = NAME + 8, BROAD - FIGURES
    middle = y + ROW / 2
    picture.write(NAME, middle, labels.fit(value, room=NAME - MARGIN, size=12), align="right")
    scale = (end - start) / step.entered
    _draw_bar(picture, start, middle - THIN / 2, THIN, step, scale=scale, color=color, whose=f"{value}, ")
    figures = f"{labels.count(step.visitors)} · {labels.share(step.visitors, step.entered)}"
    if step.duration:
        figures += f" · {step.duration}"
    picture.write(end + 8, middle, labels.fit(figures, room=FIGURES - 10, size=12), color=LIGHT["muted"])


def _draw_bar(
    picture: Picture, x: float, y: float, height: float, step: _Step, *, scale: float, color: str, whose: str
) -> None:
    """The visitors, those lost since the step before, and those lost earlier."""
    reached = (
        f"{whose}{step.name}: {labels.count(step.visitors)} visitors, "
        f"{labels.share(step.visitors, step.entered)} of the first step"
    )
    left = (
        f"{whose}{labels.count(step.lost)} left before {step.name}, "
        f"{labels.share(step.lost, step.before)} of the step before"
    )
    there = step.visitors + step.lost
    for start, end, fill, alpha, tip in (
        (0, step.visitors, color, 0.5 if step.is_optional else 1.0, reached),
        (step.visitors, there, LIGHT["vermillion"], 0.4, left),
        (there, step.entered, LIGHT["faint"], 1.0, ""),
    ):
        if end > start:
            picture.block(
                x + start * scale, y, (end - start) * scale, height, color=fill, alpha=alpha, tip=tip
            )
