"""Where do sessions stop, and where more often than their depth explains?"""

from __future__ import annotations

from typing import Any

from retinue.plots import labels
from retinue.plots.picture import Picture, nothing
from retinue.plots.rows import Rows, first
from retinue.plots.style import LIGHT

__all__ = ["drop_offs"]

TITLE = "Where do sessions stop?"
NOTE = "Sessions without an order; the line: what depth explains; orange: more"
COLUMNS = ["drop_off_count", "step", "visit_count", "low", "high", "expected_count"]
WIDTH, MARGIN, ROW, BAR, NAME, SHARES = 690, 2, 28, 14, 220, 190  # pixels
START = MARGIN + NAME + 10


def drop_offs(ends: Rows, *, limit: int = 15) -> Picture:
    """Draw the `limit` steps at which most sessions stop as bars, each with the count its depth explains.

    `ends` has the rows that drop_offs gives; ties by step. Orange are those whose rate lies above what is
    expected by its whole interval. From a Spark frame at most `limit` rows are collected, by a Spark job.
    Raises SchemaMismatch.
    """
    by, ways = ["drop_off_count", "step"], [False, True]
    rows = first(ends, columns=COLUMNS, limit=limit, what="drop_offs", by=by, ascending=ways)
    rows = [row for row in rows if row[0]]
    if not rows:
        return nothing(title=TITLE, note="No session stops without an order.")
    picture = Picture(title=TITLE, note=NOTE, width=WIDTH, height=len(rows) * ROW)
    most = max(max(row[0], row[-1]) for row in rows)
    for place, row in enumerate(rows):
        _draw_step(picture, place * ROW + ROW / 2, row, scale=(WIDTH - SHARES - START) / most)
    return picture


def _draw_step(picture: Picture, y: float, row: tuple[Any, ...], *, scale: float) -> None:
    stopped, step, visits, low, high, expected = row
    picture.write(MARGIN + NAME, y, labels.fit(step, room=NAME, size=12), align="right")
    is_more = low * visits > expected
    share = labels.share(stopped, visits)
    tip = (
        f"{labels.clean(step)}: {labels.count(stopped)} of {labels.amount(visits, 'visit')}, {share}; "
        f"interval {labels.share(low, 1)} to {labels.share(high, 1)}; "
        f"expected {labels.count(round(expected))}"
    )
    color = LIGHT["vermillion" if is_more else "rest"]
    picture.block(START, y - BAR / 2, stopped * scale, BAR, color=color, alpha=0.75, tip=tip)
    picture.block(START + expected * scale - 1, y - BAR / 2 - 3, 2, BAR + 6, color=LIGHT["ink"])
    x = WIDTH - SHARES + 12
    picture.write(x, y, labels.count(stopped), bold=True)
    of = f"{share} of {labels.count(visits)}"
    picture.write(x + 62, y, labels.fit(of, room=WIDTH - x - 62, size=11), size=11, color=LIGHT["muted"])
