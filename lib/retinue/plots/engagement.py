"""Do those who use a tool go on to more? Their rates beside those of everyone else."""

from __future__ import annotations

from typing import Any

from retinue.plots import labels
from retinue.plots.picture import Picture, nothing
from retinue.plots.rates import FOOT, Rate, Scale
from retinue.plots.rows import Rows, first
from retinue.plots.style import LIGHT

__all__ = ["engagement"]

TITLE = "Do those who use a tool go on to more?"
NOTE = "Blue: after the first use; grey: who never use it; no proof of an effect"
SIDE = ["visitor_count", "outcome_count", "low", "high"]
COLUMNS = ["tool", "outcome", *SIDE, *(f"other_{name}" for name in SIDE)]
OUTCOMES = {"visit": "come again", "lead": "become a lead", "order": "order"}
WIDTH, MARGIN, ROW, HEAD, NAME, SHARES = 690, 2, 30, 30, 150, 130  # pixels
SCALE = Scale(MARGIN + NAME + 20, WIDTH - SHARES - 16)


def engagement(rates: Rows, *, limit: int = 10) -> Picture:
    """Draw each tool's rates of visit, lead and order as dots on their intervals, beside those without it.

    `rates` has the rows that engagement gives. The first `limit` tools by name are drawn; from a Spark frame
    no more rows than these have are collected, by a Spark job. Raises SchemaMismatch.
    """
    rows = first(
        rates, columns=COLUMNS, limit=limit * len(OUTCOMES), what="engagement", by=["tool", "outcome"]
    )
    if not rows:
        return nothing(title=TITLE, note="There is no tool to look at.")
    tools: dict[str, dict[str, tuple[Any, ...]]] = {}
    for tool, outcome, *numbers in rows:
        tools.setdefault(tool, {})[outcome] = tuple(numbers)
    height = sum(HEAD + ROW * len(outcomes) for outcomes in tools.values()) + FOOT
    picture = Picture(title=TITLE, note=NOTE, width=WIDTH, height=height)
    SCALE.draw(picture, height=height)
    top = 0.0
    for tool, outcomes in tools.items():
        _write_tool(picture, top, tool, next(iter(outcomes.values())))
        for place, outcome in enumerate(name for name in OUTCOMES if name in outcomes):
            _draw_outcome(picture, top + HEAD + ROW * place, tool, outcome, outcomes[outcome])
        top += HEAD + ROW * len(outcomes)
    return picture


def _write_tool(picture: Picture, top: float, tool: str, numbers: tuple[Any, ...]) -> None:
    users, others = numbers[0], numbers[4]
    line = f"{labels.clean(tool)} · {labels.amount(users, 'visitor')} of {labels.count(users + others)}"
    picture.block(MARGIN, top + 2, WIDTH - 2 * MARGIN, HEAD - 6, color=LIGHT["faint"])
    picture.write(MARGIN + 8, top + HEAD / 2 - 1, labels.fit(line, room=WIDTH - 20, size=12), bold=True)


def _draw_outcome(picture: Picture, top: float, tool: str, outcome: str, numbers: tuple[Any, ...]) -> None:
    y, words = top + ROW / 2, OUTCOMES[outcome]
    with_tool, without = (
        Rate(part, whole, "visitor", low, high) for whole, part, low, high in (numbers[:4], numbers[4:])
    )
    picture.write(MARGIN + NAME, y, words, align="right")
    SCALE.draw_rate(picture, y + 5, without, name=f"{words} without {tool}", color=LIGHT["rest"])
    SCALE.draw_rate(picture, y - 5, with_tool, name=f"{words} after {tool}", color=LIGHT["blue"])
    picture.write(WIDTH - SHARES, y, with_tool.share, bold=True)
    picture.write(WIDTH - SHARES + 60, y, f"or {without.share}", size=11, color=LIGHT["muted"])
