"""How a mood is coloured: blue where it is good, vermillion where it is bad, grey where it is not known."""

from __future__ import annotations

from typing import Any

from retinue.plots import labels
from retinue.plots.picture import Picture
from retinue.plots.rows import is_null
from retinue.plots.style import LIGHT

__all__ = ["color", "draw_key", "strength", "told"]

FULL = 0.5  # the mean compound from which on no mood is coloured more strongly
SWATCH = 15  # pixels
KEY = (-0.5, -0.3, -0.1, 0.1, 0.3, 0.5)


def color(compound: Any) -> str:
    """The colour of a mean compound score (-1 to 1)."""
    if is_null(compound):
        return LIGHT["rest"]
    return LIGHT["vermillion" if compound < 0 else "blue"]


def strength(compound: Any) -> float:
    """How much of its colour it has, from 0 to 1."""
    return 0.45 if is_null(compound) else min(1.0, abs(compound) / FULL)


def told(compound: Any) -> str:
    """The mood in figures."""
    return "mood not known" if is_null(compound) else f"mood {labels.signed(compound)}"


def draw_key(picture: Picture, *, right: float, y: float) -> None:
    """What the colours mean, in one line that ends at `right`."""
    picture.write(right, y, "good", size=11, color=LIGHT["muted"], align="right")
    first = right - 34 - len(KEY) * SWATCH
    for place, compound in enumerate(KEY):
        _draw_swatch(picture, first + place * SWATCH, y, compound)
    picture.write(first - 6, y, "bad", size=11, color=LIGHT["muted"], align="right")
    _draw_swatch(picture, first - 124, y, None)
    picture.write(first - 46, y, "not known", size=11, color=LIGHT["muted"], align="right")


def _draw_swatch(picture: Picture, x: float, y: float, compound: float | None) -> None:
    alpha = 0.15 + 0.85 * strength(compound)
    picture.block(x, y - 5, SWATCH - 1, 10, color=color(compound), alpha=alpha)
