"""Which searches lead nowhere? The terms that fail in most sessions."""

from __future__ import annotations

from retinue.plots import labels
from retinue.plots.picture import Picture, nothing
from retinue.plots.rows import Rows, largest
from retinue.plots.style import LIGHT

__all__ = ["fruitless_terms"]

TITLE = "Which searches lead nowhere?"
WIDTH, MARGIN, ROW, BAR, NAME = 640, 2, 28, 16, 210  # pixels


def fruitless_terms(terms: Rows, *, limit: int = 15) -> Picture:
    """Draw the `limit` search terms that fail in most sessions as bars, ties by term.

    `terms` has a row a term: `query` (the words searched for) and `session_count` (sessions in which they
    led nowhere). From a Spark frame at most `limit` rows and one sum are collected, by Spark jobs. Raises
    SchemaMismatch.
    """
    top = largest(terms, key="query", size="session_count", limit=limit, what="fruitless_terms")
    if not top.kept:
        return nothing(title=TITLE, note="No search has led nowhere.")
    note = "Sessions in which the term led nowhere"
    if top.other_count:
        note += f"; {labels.amount(top.other_count, 'rarer term')} not drawn"
    picture = Picture(title=TITLE, note=note, width=WIDTH, height=len(top.kept) * ROW)
    for place, (term, sessions) in enumerate(top.kept):
        _draw_term(picture, place, labels.clean(term), sessions, most=top.kept[0][1])
    return picture


def _draw_term(picture: Picture, place: int, term: str, sessions: int, *, most: int) -> None:
    y, start = place * ROW + ROW / 2, MARGIN + NAME + 10
    room = WIDTH - start - labels.width(labels.count(most), size=12) - 10
    length = room * sessions / most
    picture.write(MARGIN + NAME, y, labels.fit(term, room=NAME, size=13), size=13, align="right")
    tip = f"{term}: {labels.amount(sessions, 'session')}"
    picture.block(start, y - BAR / 2, length, BAR, color=LIGHT["vermillion"], tip=tip)
    picture.write(start + length + 8, y, labels.count(sessions), bold=True)
