"""Names beside dots, each where it covers neither another name nor a dot, or nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from retinue.plots import labels
from retinue.plots.picture import Picture
from retinue.plots.style import LIGHT
from retinue.plots.treemap import Box

__all__ = ["Names", "around"]

SIZE, ROOM = 12, 150  # of letters, and the pixels that a name may take
LEADING = 2  # pixels between two lines

Align = Literal["left", "center", "right"]
Spot = tuple[Align, Box]  # to which side a name is set, and the room it takes


class Names:
    """The names in an area of a picture; `dots` are the boxes that they should not cover."""

    def __init__(self, area: Box, dots: Iterable[Box]) -> None:
        self._area, self._dots, self._names = area, list(dots), list[Box]()

    def write(
        self,
        picture: Picture,
        place: tuple[float, float],
        name: object,
        *,
        dot: float,
        size: float = SIZE,
        room: float = ROOM,
        bold: bool = False,
        is_needed: bool = False,
    ) -> bool:
        """Write the name beside the dot of this width at the best place that is free; whether one was.

        One that `is_needed` stands on dots, the best place being its own, where none is free of them.
        """
        word, high = labels.fit(name, room=room, size=size), size + LEADING
        wide = labels.width(word, size=size)
        beside = list(_beside(*place, dot=dot, width=wide, height=high))
        free = [spot for spot in beside if self._is_free(spot[1], [*self._dots, *self._names])]
        if not free and is_needed:
            on_dots: list[Spot] = [("center", around(*place, wide, high)), *beside]
            free = [spot for spot in on_dots if self._is_free(spot[1], self._names)]
            if free:
                picture.block(*free[0][1], color=LIGHT["paper"], alpha=0.75)
        if not free:
            return False
        align, box = free[0]
        x = box[0] + {"left": 0, "center": wide / 2, "right": wide}[align]
        picture.write(x, box[1] + high / 2, word, size=size, bold=bold, align=align, part="halo")
        self._names.append(box)
        return True

    def _is_free(self, box: Box, taken: Sequence[Box]) -> bool:
        x, y, width, height = box
        left, top, broad, tall = self._area
        is_inside = x >= left and x + width <= left + broad and y >= top and y + height <= top + tall
        return is_inside and not any(
            x < other_x + wide and other_x < x + width and y < other_y + high and other_y < y + height
            for other_x, other_y, wide, high in taken
        )


def around(x: float, y: float, width: float, height: float) -> Box:
    """The box with its middle at (x, y)."""
    return x - width / 2, y - height / 2, width, height


def _beside(x: float, y: float, *, dot: float, width: float, height: float) -> Iterator[Spot]:
    """Where the name of a dot may stand, the best places first."""
    aside, away = (dot + width) / 2 + 2, (dot + height) / 2
    for down in (0, -0.7, 0.7):
        yield "left", around(x + aside, y + down * away, width, height)
        yield "right", around(x - aside, y + down * away, width, height)
    for down in (-1, 1):
        yield "center", around(x, y + down * away, width, height)
