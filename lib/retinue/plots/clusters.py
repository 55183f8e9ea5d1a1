"""Which kinds of visits are there, and which of them end in an order?"""

from __future__ import annotations

from typing import Any

from retinue.plots import labels
from retinue.plots.picture import Picture, nothing
from retinue.plots.rows import Rows, first
from retinue.plots.style import LIGHT

__all__ = ["clusters"]

TITLE = "Which kinds of visits are there?"
COLUMNS = ["cluster_id", "session_count", "share", "typical_path", "conversion_count", "low", "high", "steps"]
WIDTH, MARGIN, ROW, BAR = 690, 2, 74, 12  # pixels
RATE = 170  # where the figures begin
ROOM = WIDTH - 2 * MARGIN


def clusters(described: Rows, *, limit: int = 12) -> Picture:
    """Draw each cluster's share of the sessions as a bar, with its rate, its typical path, and what marks it.

    `described` has the rows that describe_clusters gives; the first `limit` by cluster_id are drawn. From a
    Spark frame no more are collected, by a Spark job. Raises SchemaMismatch.
    """
    rows = first(described, columns=COLUMNS, limit=limit, what="clusters", by=["cluster_id"])
    if not rows:
        return nothing(title=TITLE, note="No session has a step.")
    note = "Sessions by the steps they take; how many of each kind end in an order"
    picture = Picture(title=TITLE, note=note, width=WIDTH, height=len(rows) * ROW)
    most = max(row[2] for row in rows)
    for place, row in enumerate(rows):
        _draw_cluster(picture, place * ROW, row, scale=(RATE - 30) / most)
    return picture


def _draw_cluster(picture: Picture, top: float, row: tuple[Any, ...], *, scale: float) -> None:
    number, sessions, share, path, orders, low, high, steps = row
    size, rate = (
        f"{labels.share(share, 1)} · {labels.amount(sessions, 'session')}",
        labels.share(orders, sessions),
    )
    span = f"{labels.share(low, 1)} to {labels.share(high, 1)}"
    tip = f"kind {number}: {size}; {rate} end in an order, interval {span}"
    picture.block(MARGIN, top + 4, share * scale, BAR, color=LIGHT["blue"], tip=tip)
    words = f"{size} · {rate} end in an order ({span})"
    room = ROOM - RATE
    picture.write(RATE, top + 10, labels.fit(words, room=room, size=12), bold=True)
    line = " > ".join(labels.clean(step) for step in path)
    picture.write(MARGIN, top + 29, labels.fit(f"typical: {line}", room=ROOM, size=11), size=11)
    marked = ", ".join(f"{labels.clean(step['step'])} ×{step['lift']:.1f}" for step in steps)
    more = f"more than others: {marked}" if marked else "nothing sets it apart"
    picture.write(MARGIN, top + 46, labels.fit(more, room=ROOM, size=11), size=11, color=LIGHT["muted"])
