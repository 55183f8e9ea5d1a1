"""When do sessions begin? Weekdays by hours, as a map of heat with the counts in it."""

from __future__ import annotations

from collections import Counter

from retinue.plots import heat, labels
from retinue.plots.picture import Picture, nothing
from retinue.plots.rows import Rows, first
from retinue.plots.style import LIGHT

__all__ = ["sessions_by_hour"]

TITLE = "When do sessions begin?"
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LEFT, CELL, ROW, TOTALS, TOP = 44, 32, 32, 134, 74  # pixels
CROWN = 40  # the height of the busiest hour's bar above the map


def sessions_by_hour(counts: Rows) -> Picture:
    """Draw the sessions that begin in each hour of each weekday, the darker the more.

    `counts` has a row a pair: `weekday` (1 is Monday, 7 Sunday), `hour` (0 to 23, UTC) and
    `session_count`; an hour outside is left out and a pair missing is 0. From a Spark frame at most 168 rows
    are collected, by a Spark job. Raises SchemaMismatch.
    """
    rows = first(
        counts, columns=["weekday", "hour", "session_count"], limit=len(DAYS) * 24, what="sessions_by_hour"
    )
    sessions = Counter[tuple[int, int]]()
    for weekday, hour, number in rows:
        if 1 <= weekday <= 7 and 0 <= hour <= 23 and number > 0:
            sessions[int(weekday) - 1, int(hour)] += int(number)
    if not sessions:
        return nothing(title=TITLE, note="No session has begun.")
    return _draw(sessions)


def _draw(sessions: Counter[tuple[int, int]]) -> Picture:
    (day, hour), most = min(sessions.items(), key=lambda item: (-item[1], item[0]))
    note = (
        f"{labels.amount(sessions.total(), 'session')} by weekday and hour (UTC); "
        f"most on {DAYS[day]} at {hour:02}:00, {labels.count(most)}"
    )
    height = TOP + len(DAYS) * ROW + 4
    picture = Picture(title=TITLE, note=note, width=LEFT + 24 * CELL + TOTALS, height=height)
    _draw_hours(picture, sessions)
    _draw_days(picture, sessions)
    for day in range(len(DAYS)):
        for hour in range(24):
            _draw_cell(picture, day, hour, sessions[day, hour], most)
    return picture


def _draw_cell(picture: Picture, day: int, hour: int, number: int, most: int) -> None:
    box = (LEFT + hour * CELL, TOP + day * ROW, CELL, ROW)
    tip = f"{DAYS[day]} {hour:02}:00 to {hour:02}:59: {labels.amount(number, 'session')}"
    heat.cell(picture, box, heat=number / most, text=labels.brief(number), tip=tip)


def _draw_hours(picture: Picture, sessions: Counter[tuple[int, int]]) -> None:
    """The hours' names, and above them a bar for all days together."""
    totals = [sum(sessions[day, hour] for day in range(len(DAYS))) for hour in range(24)]
    for hour, total in enumerate(totals):
        x, height = LEFT + hour * CELL, CROWN * total / max(totals)
        tip = f"{hour:02}:00 to {hour:02}:59 on all days: {labels.amount(total, 'session')}"
        if total:
            picture.block(
                x + 6, CROWN + 6 - height, CELL - 12, height, color=LIGHT["rest"], alpha=0.7, tip=tip
            )
        picture.write(x + CELL / 2, TOP - 14, f"{hour:02}", size=11, color=LIGHT["muted"], align="center")


def _draw_days(picture: Picture, sessions: Counter[tuple[int, int]]) -> None:
    """The weekdays' names, and beside each its sessions with a bar."""
    totals = [sum(sessions[day, hour] for hour in range(24)) for day in range(len(DAYS))]
    edge = LEFT + 24 * CELL + 8
    for day, total in enumerate(totals):
        y = TOP + day * ROW + ROW / 2
        picture.write(2, y, DAYS[day], bold=True)
        tip = (
            f"{DAYS[day]}: {labels.amount(total, 'session')}, {labels.share(total, sessions.total())} of all"
        )
        if total:
            width = (TOTALS - 64) * total / max(totals)
            picture.block(edge, y - 8, width, 16, color=LIGHT["rest"], alpha=0.7, tip=tip)
        picture.write(edge + TOTALS - 58, y, labels.count(total), size=11.5)
