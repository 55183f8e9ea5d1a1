"""Where do sessions stand at each step? The share at every page, step by step, and who has left."""

from __future__ import annotations

from collections import Counter

from retinue.plots import heat, labels
from retinue.plots.picture import Picture, nothing
from retinue.plots.rows import Rows, first
from retinue.plots.style import LIGHT

__all__ = ["step_matrix"]

TITLE = "Where do sessions stand at each step?"
NAME, CELL, ROW, TOP = 190, 58, 32, 26  # pixels
LAST = {"(other)": 1, "(exit)": 2}  # the rows below all pages
COLORS = {"(other)": "rest", "(exit)": "vermillion"}


def step_matrix(matrix: Rows, *, steps: int = 12, limit: int = 1_000) -> Picture:
    """Draw a row a page and a column a step, each cell with its share of the sessions.

    `matrix` has a row a place and page: `step_index` (the place, from 1), `step` (the page, `(other)` or
    `(exit)`), `session_count`. The pages stand by all of their sessions, ties by name; `(other)` and those
    who have left, `(exit)`, below them. The first `steps` places are drawn, out of the first `limit` rows;
    from a Spark frame no more are collected, by a Spark job. Raises SchemaMismatch.
    """
    rows = first(matrix, columns=["step_index", "step", "session_count"], limit=limit, what="step_matrix")
    standing = Counter[tuple[int, str]]()
    for place, name, sessions in rows:
        if 1 <= place <= steps and sessions > 0:
            standing[int(place), labels.clean(name)] += int(sessions)
    if not standing:
        return nothing(title=TITLE, note="No session has a step to draw.")
    return _draw(standing)


def _draw(standing: Counter[tuple[int, str]]) -> Picture:
    sizes, totals = Counter[str](), Counter[int]()
    for (place, name), sessions in standing.items():
        sizes[name] += sessions
        totals[place] += sessions
    names = sorted(sizes, key=lambda name: (LAST.get(name, 0), -sizes[name], name))
    places = range(1, max(totals) + 1)
    width, height = NAME + len(places) * CELL + 2, TOP + len(names) * ROW + 2
    note = f"Shares of {labels.amount(totals[1], 'session')}; (exit) is who has left by then"
    picture = Picture(title=TITLE, note=note, width=max(width, 560), height=height)
    for place in places:
        x = NAME + (place - 0.5) * CELL
        picture.write(x, 10, f"{place}", size=11, color=LIGHT["muted"], align="center")
    for row, name in enumerate(names):
        y = TOP + row * ROW
        heat.row_name(picture, y + ROW / 2, name, room=NAME - 8)
        for place in places:
            box = (NAME + (place - 1) * CELL, y, CELL, ROW)
            _draw_cell(picture, box, name, place, standing[place, name], totals[place])
    return picture


def _draw_cell(
    picture: Picture, box: tuple[float, float, float, float], name: str, place: int, sessions: int, total: int
) -> None:
    share = labels.share(sessions, total)
    heat.cell(
        picture,
        box,
        heat=sessions / total if total else 0,
        text=share if sessions else "·",
        tip=f"Step {place}, {name}: {labels.amount(sessions, 'session')}, {share}",
        color=COLORS.get(name, "blue"),
    )
