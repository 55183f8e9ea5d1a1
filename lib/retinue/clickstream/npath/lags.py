"""lag and lead without a window of their own: they move in the partition's order."""

from __future__ import annotations

from pyspark.sql import DataFrame, WindowSpec
from pyspark.sql import functions as F

from retinue.clickstream.npath.faults import fault, shown_in
from retinue.clickstream.npath.sql import Snippet, calls

MOVES = ("lag", "lead")


def moves(snippet: Snippet) -> bool:
    """Whether the text has any."""
    return any(calls(snippet, MOVES))


def with_lags(
    rows: DataFrame, snippet: Snippet, window: WindowSpec, *, text: str, what: str
) -> tuple[DataFrame, Snippet]:
    """The rows with a column for each lag and lead of the snippet, and the snippet with those instead."""
    for call in reversed(list(calls(snippet, MOVES))):
        if not call.closed:
            raise fault("its parenthesis is never closed", text, call.start, what=what)
        whole, opening, closing = snippet.part(call.start, call.end), call.opening + 1, call.end - 1
        rows, inner = with_lags(rows, snippet.part(opening, closing), window, text=text, what=what)
        name = f"λ{len(rows.columns)}"
        with shown_in(text, start=call.start, what=what):
            moved = F.expr(whole.with_stand_in(opening, closing, inner.sql).sql).over(window)
            rows = rows.withColumn(name, moved)
        snippet = snippet.with_stand_in(call.start, call.end, f"`{name}`")
    return rows, snippet
