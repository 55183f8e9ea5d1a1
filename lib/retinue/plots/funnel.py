"""How far do visitors get? The steps of a funnel, and who is lost before each."""

from __future__ import annotations

from retinue.plots import labels
from retinue.plots.picture import Picture, nothing
from retinue.plots.rows import Rows, first
from retinue.plots.style import LIGHT

__all__ = ["funnel"]

TITLE = "How far do visitors get?"
WIDTH, MARGIN, STEP, BAR = 600, 2, 84, 22  # pixels


def funnel(report: Rows, *, limit: int = 20) -> Picture:
    """Draw a bar a step as long as its visitors, beside the part of the step before that was lost.

    `report` has a row a step: `step_index` (from 1), `step` (its name), `visitor_count` (visitors that
    reached it). The first `limit` steps by `step_index` are drawn; from a Spark frame no more are
    collected, by a Spark job. Raises SchemaMismatch.
    """
    rows = first(report, columns=["step_index", "step", "visitor_count"], limit=limit, what="funnel")
    steps = [(labels.clean(name), int(visitors)) for _, name, visitors in rows if visitors == visitors]
    if not steps or not steps[0][1]:
        return nothing(title=TITLE, note="No visitor has reached the first step.")
    entered, arrived = steps[0][1], steps[-1][1]
    note = (
        f"{labels.count(arrived)} of {labels.amount(entered, 'visitor')} "
        f"({labels.share(arrived, entered)}) reach {labels.fit(steps[-1][0], room=200, size=12)}"
    )
    picture = Picture(title=TITLE, note=note, width=WIDTH, height=len(steps) * STEP - 12)
    for place, (name, visitors) in enumerate(steps):
        before = steps[max(0, place - 1)][1]
        _draw_step(picture, place, name, visitors, before=before, entered=entered)
    return picture


def _draw_step(picture: Picture, place: int, name: str, visitors: int, *, before: int, entered: int) -> None:
    y, scale, lost = place * STEP, (WIDTH - 2 * MARGIN) / entered, before - visitors
    title = labels.fit(f"{place + 1}. {name}", room=WIDTH - 130, size=14)
    picture.write(MARGIN, y + 11, title, size=14, bold=True)
    picture.write(WIDTH - MARGIN, y + 11, labels.count(visitors), size=14, bold=True, align="right")
    reached = (
        f"{name}: {labels.count(visitors)} visitors, {labels.share(visitors, entered)} of the first step"
    )
    left = f"{labels.count(lost)} left before {name}, {labels.share(lost, before)} of the step before"
    for start, end, color, alpha, tip in (
        (0, visitors, "blue", 1.0, reached),
        (visitors, before, "vermillion", 0.4, left),
        (before, entered, "faint", 1.0, ""),
    ):
        if end > start:
            box = (MARGIN + start * scale, y + 24, (end - start) * scale, BAR)
            picture.block(*box, color=LIGHT[color], alpha=alpha, tip=tip)
    if place:
        kept = f"{labels.share(visitors, entered)} of first · {labels.share(visitors, before)} of previous"
        picture.write(MARGIN, y + 59, kept, color=LIGHT["muted"])
        gone = f"−{labels.count(lost)} left ({labels.share(lost, before)})"
        picture.write(WIDTH - MARGIN, y + 59, gone, color=LIGHT["vermillion"], align="right")
