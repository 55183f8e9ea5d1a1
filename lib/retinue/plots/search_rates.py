"""Does search fail those who look hardest? Sessions with a fruitless search, by the products seen."""

from __future__ import annotations

from typing import Any

from retinue.plots import labels
from retinue.plots.picture import Picture, nothing
from retinue.plots.rows import Rows, first
from retinue.plots.style import LIGHT

__all__ = ["search_rates"]

TITLE = "Does search fail those who look hardest?"
COLUMNS = ["product_count", "is_serious", "session_count", "fruitless_session_count", "low", "high"]
TREND = ["slope", "low", "high"]
NAMES: dict[bool | None, str] = {True: "serious shoppers", False: "other visitors", None: "all visitors"}
COLORS: dict[bool | None, str] = {True: "orange", False: "blue", None: "rest"}
WIDTH, MARGIN, ROW, NAME, COUNT, DOT, GAP, FOOT = 690, 2, 26, 150, 200, 11, 12, 24  # pixels


def search_rates(rates: Rows, *, trend: Rows | None = None, limit: int = 40) -> Picture:
    """Draw each rate as a dot on its interval: of all, serious and other visitors, then by products seen.

    `rates` has the rows that compare_by_products gives, `trend` the one of trend_by_products, which the note
    then tells. The first `limit` rows by product_count are drawn; from Spark frames no more are collected,
    by Spark jobs. Raises SchemaMismatch.
    """
    rows = first(rates, columns=COLUMNS, limit=limit, what="search_rates")
    if not rows:
        return nothing(title=TITLE, note="No session has a search.")
    groups = [row for row in rows if not _is_null(row[0])]
    wholes = {_kind(row[1]): row for row in rows if _is_null(row[0])}
    height = len(rows) * ROW + GAP + FOOT
    picture = Picture(title=TITLE, note=_note(trend), width=WIDTH, height=height)
    _draw_scale(picture, height)
    for place, kind in enumerate(kind for kind in NAMES if kind in wholes):
        _draw_rate(picture, place * ROW, NAMES[kind], wholes[kind])
    for place, row in enumerate(groups, start=len(wholes)):
        _draw_rate(picture, place * ROW + GAP, labels.amount(row[0], "product") + " seen", row)
    return picture


def _draw_rate(picture: Picture, top: float, name: str, row: tuple[Any, ...]) -> None:
    _, is_serious, sessions, failed, low, high = row
    y, color = top + ROW / 2, LIGHT[COLORS[_kind(is_serious)]]
    picture.write(MARGIN + NAME, y, labels.fit(name, room=NAME, size=12), align="right")
    picture.block(_x(low), y - 3, _x(high) - _x(low), 6, color=color, alpha=0.4)
    share = labels.share(failed, sessions)
    tip = (
        f"{name}: {labels.count(failed)} of {labels.amount(sessions, 'session')}, {share}; "
        f"interval {labels.share(low, 1)} to {labels.share(high, 1)}"
    )
    picture.block(_x(failed / sessions) - DOT / 2, y - DOT / 2, DOT, DOT, color=color, tip=tip)
    x = WIDTH - COUNT + 10
    picture.write(x, y, share, bold=True)
    of = labels.fit(f"of {labels.count(sessions)}", room=WIDTH - x - 64, size=11)
    picture.write(x + 64, y, of, size=11, color=LIGHT["muted"])


def _draw_scale(picture: Picture, height: float) -> None:
    for percent in (0, 25, 50, 75, 100):
        picture.block(_x(percent / 100) - 0.5, 0, 1, height - FOOT + 2, color=LIGHT["faint"])
        line = f"{percent}%"
        picture.write(_x(percent / 100), height - 10, line, size=11, color=LIGHT["muted"], align="center")


def _note(trend: Rows | None) -> str:
    note = "Sessions with a fruitless search"
    lines = first(trend, columns=TREND, limit=1, what="search_rates") if trend is not None else []
    if not lines or _is_null(lines[0][0]):
        return note
    slope, low, high = (f"{100 * value:+.1f}".replace("-", "−") for value in lines[0])
    return f"{note}; {slope} points a product ({low} to {high})"


def _x(rate: float) -> float:
    start, end = MARGIN + NAME + 20, WIDTH - COUNT - 16
    return start + (end - start) * rate


def _is_null(value: Any) -> bool:
    return value is None or value != value


def _kind(is_serious: Any) -> bool | None:
    return None if _is_null(is_serious) else bool(is_serious)
