"""Who comes back? Cohorts by the periods since their first, as a triangle of shares."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from retinue.plots import heat, labels
from retinue.plots.picture import Picture, nothing
from retinue.plots.rows import Rows, first
from retinue.plots.style import LIGHT

__all__ = ["retention"]

TITLE = "Who comes back?"
NAME, SIZE, CELL, ROW, TOP = 92, 74, 52, 30, 26  # pixels
ALL = "All"


class Cell(NamedTuple):
    """The visitors of a cohort that came back in a period, and whether that period is over."""

    visitors: int
    size: int
    is_complete: bool


def retention(cohorts: Rows, *, newest: int = 16, periods: int = 13, limit: int = 2_000) -> Picture:
    """Draw a row a cohort and a column a period since, each cell with the share that came back.

    `cohorts` has a row a cohort and period: `cohort` (a date), `period_index` (from 0), `visitor_count`,
    `cohort_size`, `is_complete`. The `newest` cohorts stand in order, their first `periods` beside them; a
    period not yet over is pale. The row below takes all cohorts drawn together, each period over those for
    which it is over. Out of the `limit` rows of the newest cohorts; from a Spark frame no more are
    collected, by a Spark job. Raises SchemaMismatch.
    """
    columns = ["cohort", "period_index", "visitor_count", "cohort_size", "is_complete"]
    rows = first(
        cohorts, columns=columns, limit=limit, what="retention", ascending=[False, True, True, True, True]
    )
    cells = {
        (str(cohort)[:10], int(period)): Cell(int(visitors), int(size), bool(is_complete))
        for cohort, period, visitors, size, is_complete in rows
        if 0 <= period < periods and size > 0
    }
    shown = sorted({cohort for cohort, _ in cells})[-newest:]
    if not shown:
        return nothing(title=TITLE, note="No cohort has a visitor.")
    return _draw(shown, {place: cell for place, cell in cells.items() if place[0] in shown})


def _draw(cohorts: list[str], cells: dict[tuple[str, int], Cell]) -> Picture:
    columns = range(max(period for _, period in cells) + 1)
    sizes = {cohort: cell.size for (cohort, _), cell in cells.items()}
    note = (
        f"{labels.amount(sum(sizes.values()), 'visitor')} in {labels.amount(len(cohorts), 'cohort')}; "
        "pale: the period is not over"
    )
    width = max(NAME + SIZE + len(columns) * CELL + 2, 560)
    picture = Picture(title=TITLE, note=note, width=width, height=TOP + (len(cohorts) + 1) * ROW + 8)
    picture.write(NAME + SIZE - 14, 10, "visitors", size=11, color=LIGHT["muted"], align="right")
    for period in columns:
        x = NAME + SIZE + (period + 0.5) * CELL
        picture.write(x, 10, f"{period}", size=11, color=LIGHT["muted"], align="center")
    for row, cohort in enumerate(cohorts):
        own = {period: cell for (name, period), cell in cells.items() if name == cohort}
        _draw_row(picture, TOP + row * ROW, cohort, sizes[cohort], own)
    _draw_row(picture, TOP + len(cohorts) * ROW + 6, ALL, sum(sizes.values()), _together(cells))
    return picture


def _together(cells: dict[tuple[str, int], Cell]) -> dict[int, Cell]:
    visitors, sizes = Counter[int](), Counter[int]()
    for (_, period), cell in cells.items():
        if cell.is_complete:
            visitors[period] += cell.visitors
            sizes[period] += cell.size
    return {period: Cell(visitors[period], sizes[period], True) for period in sizes}


def _draw_row(picture: Picture, y: float, name: str, size: int, cells: dict[int, Cell]) -> None:
    heat.row_name(picture, y + ROW / 2, name, room=NAME)
    picture.write(NAME + SIZE - 14, y + ROW / 2, labels.count(size), size=11.5, align="right")
    for period, cell in cells.items():
        share = labels.share(cell.visitors, cell.size)
        tip = (
            f"{name}, period {period}: {labels.count(cell.visitors)} of {labels.amount(cell.size, 'visitor')}"
        )
        heat.cell(
            picture,
            (NAME + SIZE + period * CELL, y, CELL, ROW),
            heat=cell.visitors / cell.size * (1 if cell.is_complete else 0.5),
            text=share,
            tip=f"{tip}, {share}" + ("" if cell.is_complete else " so far"),
            color="green" if name == ALL else "blue" if cell.is_complete else "rest",
        )
