"""Does search fail those who look hardest? Sessions with a fruitless search, by the products seen."""

from __future__ import annotations

from typing import Any

from retinue.plots import labels
from retinue.plots.picture import Picture, nothing
from retinue.plots.rates import FOOT, Rate, Scale
from retinue.plots.rows import Rows, first, is_null
from retinue.plots.style import LIGHT

__all__ = ["search_rates"]

TITLE = "Does search fail those who look hardest?"
COLUMNS = ["product_count", "is_serious", "session_count", "fruitless_session_count", "low", "high"]
TREND = ["slope", "low", "high"]
NAMES: dict[bool | None, str] = {True: "serious shoppers", False: "other visitors", None: "all visitors"}
COLORS: dict[bool | None, str] = {True: "orange", False: "blue", None: "rest"}
WIDTH, MARGIN, ROW, NAME, COUNT, GAP = 690, 2, 26, 150, 200, 12  # pixels
SCALE = Scale(MARGIN + NAME + 20, WIDTH - COUNT - 16)


def search_rates(rates: Rows, *, trend: Rows | None = None, limit: int = 40) -> Picture:
    """Draw each rate as a dot on its interval: of all, serious and other visitors, then by products seen.

    `rates` has the rows that compare_by_products gives, `trend` the one of trend_by_products, which the note
    then tells. The first `limit` rows by product_count are drawn; from Spark frames no more are collected,
    by Spark jobs. Raises SchemaMismatch.
    """
    rows = first(rates, columns=COLUMNS, limit=limit, what="search_rates")
    if not rows:
        return nothing(title=TITLE, note="No session has a search.")
    groups = [row for row in rows if not is_null(row[0])]
    wholes = {_kind(row[1]): row for row in rows if is_null(row[0])}
    height = len(rows) * ROW + GAP + FOOT
    picture = Picture(title=TITLE, note=_note(trend), width=WIDTH, height=height)
    SCALE.draw(picture, height=height)
    for place, kind in enumerate(kind for kind in NAMES if kind in wholes):
        _draw_rate(picture, place * ROW, NAMES[kind], wholes[kind])
    for place, row in enumerate(groups, start=len(wholes)):
        _draw_rate(picture, place * ROW + GAP, labels.amount(row[0], "product") + " seen", row)
    return picture


def _draw_rate(picture: Picture, top: float, name: str, row: tuple[Any, ...]) -> None:
    _, is_serious, sessions, failed, low, high = row
    y, rate = top + ROW / 2, Rate(failed, sessions, "session", low, high)
    picture.write(MARGIN + NAME, y, labels.fit(name, room=NAME, size=12), align="right")
    SCALE.draw_rate(picture, y, rate, name=name, color=LIGHT[COLORS[_kind(is_serious)]])
    x = WIDTH - COUNT + 10
    picture.write(x, y, rate.share, bold=True)
    of = labels.fit(f"of {labels.count(sessions)}", room=WIDTH - x - 64, size=11)
    picture.write(x + 64, y, of, size=11, color=LIGHT["muted"])


def _note(trend: Rows | None) -> str:
    note = "Sessions with a fruitless search"
    lines = first(trend, columns=TREND, limit=1, what="search_rates") if trend is not None else []
    if not lines or is_null(lines[0][0]):
        return note
    slope, low, high = (labels.signed(100 * value, decimals=1) for value in lines[0])
    return f"{note}; {slope} points a product ({low} to {high})"


def _kind(is_serious: Any) -> bool | None:
    return None if is_null(is_serious) else bool(is_serious)
