"""Rates on a common scale from 0 to 100 %: each a dot on its interval, with the share in figures."""

from __future__ import annotations

from dataclasses import dataclass

from retinue.plots import labels
from retinue.plots.picture import Picture
from retinue.plots.style import LIGHT

__all__ = ["FOOT", "Rate", "Scale"]

FOOT, DOT = 24, 11  # pixels
PERCENTS = (0, 25, 50, 75, 100)


@dataclass(frozen=True)
class Rate:
    """`part` of `whole`, of what `noun` counts, and its interval; without a whole there is no rate."""

    part: float
    whole: float
    noun: str
    low: float
    high: float

    @property
    def share(self) -> str:
        """The rate as the picture writes it."""
        return labels.share(self.part, self.whole)

    def told(self, name: str) -> str:
        """The rate in words, for a tip."""
        return (
            f"{name}: {labels.count(self.part)} of {labels.amount(self.whole, self.noun)}, {self.share}; "
            f"interval {labels.share(self.low, 1)} to {labels.share(self.high, 1)}"
        )


@dataclass(frozen=True)
class Scale:
    """Where in a picture 0 % and 100 % lie, in pixels from its left."""

    start: float
    end: float

    def x(self, rate: float) -> float:
        """Where the rate lies."""
        return self.start + (self.end - self.start) * rate

    def draw(self, picture: Picture, *, height: float) -> None:
        """The lines of the scale, with their percentages in the `FOOT` of a drawing of this height."""
        for percent in PERCENTS:
            x = self.x(percent / 100)
            picture.block(x - 0.5, 0, 1, height - FOOT + 2, color=LIGHT["faint"])
            picture.write(x, height - 10, f"{percent}%", size=11, color=LIGHT["muted"], align="center")

    def draw_rate(self, picture: Picture, y: float, rate: Rate, *, name: str, color: str) -> None:
        """The rate as a dot on its interval, at the height y; nothing where there is no rate."""
        if not rate.whole:
            return
        low, high = self.x(rate.low), self.x(rate.high)
        picture.block(low, y - 3, high - low, 6, color=color, alpha=0.4)
        middle = self.x(rate.part / rate.whole)
        picture.block(middle - DOT / 2, y - DOT / 2, DOT, DOT, color=color, tip=rate.told(name))
