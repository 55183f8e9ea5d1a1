"""What every map of heat is drawn of: cells that are the darker the more, with the number in them."""

from __future__ import annotations

from retinue.plots import labels
from retinue.plots.picture import Picture
from retinue.plots.style import LIGHT

__all__ = ["cell", "row_name"]


def cell(
    picture: Picture,
    box: tuple[float, float, float, float],
    *,
    heat: float,
    text: str,
    tip: str,
    color: str = "blue",
) -> None:
    """A cell at x, y, as wide and as high as the `box` says, as dark as `heat` (0 to 1) of its colour."""
    x, y, width, height = box
    fill, alpha = (LIGHT[color], 0.08 + 0.92 * heat) if heat else (LIGHT["faint"], 0.5)
    picture.block(x + 1, y + 1, width - 2, height - 2, color=fill, alpha=alpha, tip=tip)
    ink = LIGHT["on-fill"] if heat > 0.7 else LIGHT["ink" if heat else "muted"]
    picture.write(x + width / 2, y + height / 2, text, size=10.5, color=ink, align="center")


def row_name(picture: Picture, y: float, name: str, *, room: float) -> None:
    """The name of a row at the left edge, centred on the height y."""
    picture.write(2, y, labels.fit(name, room=room, size=12), bold=True)
