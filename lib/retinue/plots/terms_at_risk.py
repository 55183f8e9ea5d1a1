"""Which words cost most? Search terms that lead nowhere by the value at risk."""

from __future__ import annotations

from typing import Any, cast

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retinue.plots import labels
from retinue.plots.picture import Picture, nothing
from retinue.plots.rows import Rows, is_null
from retinue.plots.style import LIGHT
from retinue.schema import require

__all__ = ["terms_at_risk"]

TITLE = "Which words cost most?"
COLUMNS = ["query", "fruitless_session_count", "risk_amount", "risk_low", "risk_high", "currency"]
WIDTH, MARGIN, ROW, BAR, NAME, WORTH = 680, 2, 28, 14, 190, 160  # pixels
START = MARGIN + NAME + 10


def terms_at_risk(terms: Rows, *, limit: int = 15) -> Picture:
    """Draw the `limit` terms with the largest risk_amount above 0 as bars with their intervals, ties by term.

    `terms` has the rows that fruitless_terms gives. Grey is a term whose loss may be chance: its interval
    starts at 0 or is not known. From a Spark frame at most `limit` rows are collected, by a Spark job. Raises
    SchemaMismatch.
    """
    rows = _largest(terms, limit)
    if not rows:
        return nothing(title=TITLE, note="No term has a loss in money.")
    note = "Orders missed beside comparable sessions, in money; grey may be chance"
    picture = Picture(title=TITLE, note=note, width=WIDTH, height=len(rows) * ROW)
    most = max(row[2] if is_null(row[4]) else row[4] for row in rows)
    for place, row in enumerate(rows):
        _draw_term(picture, place * ROW + ROW / 2, row, scale=(WIDTH - WORTH - START) / most)
    return picture


def _draw_term(picture: Picture, y: float, row: tuple[Any, ...], *, scale: float) -> None:
    query, sessions, amount, low, high, currency = row
    term = "(no words)" if is_null(query) else labels.clean(query)
    picture.write(MARGIN + NAME, y, labels.fit(term, room=NAME, size=13), size=13, align="right")
    worth = labels.count(amount) + ("" if is_null(currency) else f" {currency}")
    known = not (is_null(low) or is_null(high))
    span = f"{labels.count(low)} to {labels.count(high)}" if known else ""
    color = LIGHT["vermillion" if known and low > 0 else "rest"]
    tip = f"{term}: {worth} in {labels.amount(sessions, 'session')}" + (f"; interval {span}" if span else "")
    picture.block(START, y - BAR / 2, amount * scale, BAR, color=color, alpha=0.75, tip=tip)
    if known:
        picture.block(START + low * scale, y - 1, (high - low) * scale, 2, color=LIGHT["ink"])
    x, room = WIDTH - WORTH + 10, WORTH - 10 - MARGIN
    picture.write(x, y - 5, labels.fit(worth, room=room, size=12), bold=True)
    if known:
        picture.write(x, y + 8, labels.fit(span, room=room, size=9.5), size=9.5, color=LIGHT["muted"])


def _largest(terms: Rows, limit: int) -> list[tuple[Any, ...]]:
    require(cast(DataFrame, terms), COLUMNS, what="terms_at_risk")
    if isinstance(terms, pd.DataFrame):
        lossy = terms.loc[terms["risk_amount"].fillna(0) > 0, COLUMNS]
        shown = lossy.sort_values(["risk_amount", "query"], ascending=[False, True])[:limit]
    else:
        in_order = terms.where("risk_amount > 0").orderBy(F.desc("risk_amount"), F.asc_nulls_last("query"))
        shown = in_order.select(*COLUMNS).limit(limit).toPandas()
    return list(shown.itertuples(index=False, name=None))
