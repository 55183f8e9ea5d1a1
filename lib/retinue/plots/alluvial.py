"""Columns of bars joined by ribbons: where each bar lies, and how the ribbons fill it on either side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from retinue.plots import labels
from retinue.plots.picture import Picture
from retinue.plots.style import LIGHT

__all__ = ["BAR", "MARGIN", "Bar", "Columns", "Node", "Ribbon", "head", "ribbons", "stacked"]

MARGIN, TOP, BAR = 2, 50, 11  # pixels
TALLEST = 400  # pixels for all of the first column
SLOT, GAP = 30, 10  # the room that a label needs, and the air between two


class Node(NamedTuple):
    """Who stands in a column; kinds stand one below the other, each by size."""

    kind: int
    name: str


@dataclass
class Bar:
    """A node's place in its column, and how much of either side ribbons already fill."""

    column: int
    node: Node
    size: float
    x: float
    y: float
    height: float
    arrived: float = field(default=0)
    departed: float = field(default=0)

    def draw(
        self, picture: Picture, *, name: str, figures: str, tip: str, room: float, color: str, ink: str
    ) -> None:
        """The bar, and beside it its name and what is told of it."""
        picture.block(self.x, self.y, BAR, max(self.height, 1), color=color, tip=tip)
        x, middle = self.x + BAR + 6, self.y + self.height / 2
        line = labels.fit(name, room=room, size=12)
        picture.write(x, middle - 7, line, bold=True, color=ink, part="halo")
        picture.write(x, middle + 8, labels.fit(figures, room=room, size=11), size=11, part="halo")


Columns = list[dict[Node, Bar]]


@dataclass(frozen=True)
class Ribbon:
    """Those on their way from one bar to another, with the upper corners at both."""

    source: Bar
    target: Bar
    size: float
    start: tuple[float, float]
    end: tuple[float, float]
    thickness: float


def stacked(standing: Sequence[Mapping[Node, float]], *, pitch: float) -> tuple[Columns, float]:
    """Every column's bars from the top down, by kind, size and name; and how far down they reach."""
    scale = TALLEST / sum(standing[0].values())
    bars = [_stack(column, sizes, MARGIN + column * pitch, scale) for column, sizes in enumerate(standing)]
    ends = [bar.y + (bar.height + max(bar.height, SLOT)) / 2 for column in bars for bar in column.values()]
    return bars, max(ends)


def _stack(column: int, sizes: Mapping[Node, float], x: float, scale: float) -> dict[Node, Bar]:
    bars, y = {}, float(TOP)
    for node in sorted(sizes, key=lambda node: (node.kind, -sizes[node], node.name)):
        height = sizes[node] * scale
        slot = max(height, SLOT)
        bars[node] = Bar(column, node, sizes[node], x, y + (slot - height) / 2, height)
        y += slot + GAP
    return bars


def ribbons(moving: Sequence[Mapping[tuple[Node, Node], float]], bars: Columns) -> list[Ribbon]:
    """The ribbons between all columns, which fill each bar's side from the top without a gap."""
    drawn = list[Ribbon]()
    for column, links in enumerate(moving):
        ends = [(bars[column][a], bars[column + 1][b], size) for (a, b), size in links.items()]
        for source, target, size in sorted(ends, key=lambda link: (link[0].y, link[1].y)):
            start = (source.x + BAR, source.y + source.departed)
            end = (target.x, target.y + target.arrived)
            thickness = source.height * size / source.size
            drawn.append(Ribbon(source, target, size, start, end, thickness))
            source.departed += thickness
            target.arrived += thickness
    return drawn


def head(picture: Picture, x: float, title: str, text: str) -> None:
    """What stands above a column."""
    picture.write(x, 10, title, size=13, bold=True)
    picture.write(x, 28, text, size=11.5, color=LIGHT["muted"])
