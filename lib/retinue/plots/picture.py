"""A matplotlib figure to draw on in pixels, with a heading and a tip on every mark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch, PathPatch
from matplotlib.path import Path
from matplotlib.transforms import Affine2D

from retinue.plots import labels
from retinue.plots.image import INCH, png
from retinue.plots.style import LIGHT

__all__ = ["HEADING", "INCH", "Picture"]

HEADING = 58  # pixels kept above the drawing for title and note
MARGIN = 2
LONGEST_TIP = 2_000  # characters


class Picture(Figure):
    """A figure of `width` by `height` pixels below a heading; x runs right and y down from its top left.

    `title` is the question that the picture answers, `note` what was counted. `alt` is what a reader hears
    who cannot see it. No pyplot state is touched, so that pictures can be made in any thread without a
    display.
    """

    def __init__(self, *, title: str, note: str, width: int, height: float) -> None:
        tall = height + HEADING
        super().__init__(figsize=(width / INCH, tall / INCH), dpi=INCH, facecolor=LIGHT["paper"])
        self.title, self.note = labels.clean(title), labels.clean(note)
        self.alt = f"{self.title} {self.note}"
        self._pixels = (
            Affine2D().scale(1 / INCH, -1 / INCH).translate(0, height / INCH) + self.dpi_scale_trans
        )
        self._write_heading(width)

    def _write_heading(self, width: int) -> None:
        for text, y, size, color in (
            (self.title, 12 - HEADING, 16, "ink"),
            (self.note, 34 - HEADING, 12, "muted"),
        ):
            line = labels.fit(text, room=width - 2 * MARGIN, size=size)
            self.write(MARGIN, y, line, size=size, color=LIGHT[color], bold=size == 16, part="heading")

    def block(
        self, x: float, y: float, width: float, height: float, *, color: str, tip: str = "", alpha: float = 1
    ) -> None:
        """A box with its top left corner at (x, y), its corners a little rounded."""
        rounding = f"round,pad=0,rounding_size={min(3, width / 2, height / 2)}"
        box = FancyBboxPatch(
            (x, y), width, height, boxstyle=rounding, facecolor=color, alpha=alpha, linewidth=0
        )
        self._add(box, tip)

    def dot(self, x: float, y: float, radius: float, *, color: str, tip: str = "", alpha: float = 1) -> None:
        """A disc with its middle at (x, y), a thin rim of paper about it."""
        disc = Circle(
            (x, y),
            radius,
            facecolor=color,
            edgecolor=LIGHT["paper"],
            alpha=alpha,
            linewidth=min(1, radius / 4),
        )
        self._add(disc, tip)

    def ribbon(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        thickness: float,
        *,
        color: str,
        tip: str = "",
        alpha: float = 0.3,
    ) -> None:
        """A band as thick everywhere that leaves `start` and reaches `end` level: its two upper corners."""
        (x0, y0), (x1, y1) = start, end
        middle = (x0 + x1) / 2
        corners = [(x0, y0), (middle, y0), (middle, y1), (x1, y1)]
        below = [(x, y + thickness) for x, y in reversed(corners)]
        curve = [Path.CURVE4] * 3
        outline = Path(
            [*corners, *below, (x0, y0)], [Path.MOVETO, *curve, Path.LINETO, *curve, Path.CLOSEPOLY]
        )
        self._add(PathPatch(outline, facecolor=color, alpha=alpha, linewidth=0), tip)

    def line(
        self,
        points: Sequence[tuple[float, float]],
        *,
        color: str,
        thickness: float = 2,
        is_dashed: bool = False,
        tip: str = "",
        alpha: float = 1,
    ) -> None:
        """A line from each point to the next."""
        stroke = PathPatch(
            Path(points),
            fill=False,
            edgecolor=color,
            linewidth=thickness,
            linestyle=(0, (3, 1.5)) if is_dashed else "solid",
            capstyle="butt" if is_dashed else "round",
            joinstyle="round",
            alpha=alpha,
        )
        self._add(stroke, tip)

    def band(
        self, edges: Sequence[tuple[float, float, float]], *, color: str, tip: str = "", alpha: float = 0.25
    ) -> None:
        """The area between two lines: each edge is an x with the heights of both."""
        there, back = [(x, one) for x, one, _ in edges], [(x, other) for x, _, other in reversed(edges)]
        outline = Path([*there, *back, there[0]], closed=True)
        self._add(PathPatch(outline, facecolor=color, alpha=alpha, linewidth=0), tip)

    def write(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 12,
        color: str = LIGHT["ink"],
        bold: bool = False,
        align: Literal["left", "center", "right"] = "left",
        part: Literal["", "heading", "halo"] = "",
    ) -> None:
        """A line of text, centred on the height y; no character of it is taken for markup or mathematics.

        `part` sets it apart where the picture becomes SVG: `halo` for a line over ribbons.
        """
        self.text(
            x,
            y,
            text,
            transform=self._pixels,
            fontsize=size,
            color=color,
            weight="bold" if bold else "normal",
            family="DejaVu Sans",
            horizontalalignment=align,
            verticalalignment="center_baseline",
            parse_math=False,
            usetex=False,
            gid=part or None,
        )

    def _add(self, mark: Artist, tip: str) -> None:
        mark.set_transform(self._pixels)
        if tip:
            mark.set_gid(f"mark-{len(self.artists)}")
            mark.set_label(labels.clean(tip[:LONGEST_TIP]))
        self.add_artist(mark)

    def _repr_png_(self) -> bytes:
        """How a notebook shows the picture."""
        return png(self)


def nothing(*, title: str, note: str) -> Picture:
    """The picture of no rows at all, which says so."""
    picture = Picture(title=title, note=note, width=560, height=72)
    picture.block(MARGIN, 0, 556, 68, color=LIGHT["faint"], alpha=0.6)
    picture.write(280, 35, "Nothing to draw yet", size=13, color=LIGHT["muted"], align="center")
    return picture
