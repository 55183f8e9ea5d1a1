"""Which words mark one side against the other? How sure that is, by how common they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import copysign, log, sqrt
from typing import NamedTuple

from retinue.plots import labels
from retinue.plots.names import Names, around
from retinue.plots.picture import Picture, nothing
from retinue.plots.rows import Rows, first, is_null
from retinue.plots.style import LIGHT

__all__ = ["keyness_plot"]

TITLE = "Which words mark which side?"
COLUMNS = ["token", "log_odds", "z", "focus_count", "background_count"]
CHANCE = 1.96  # the z up to which a difference may be chance, at 95 %
Z_LINES = (2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000)
WIDTH, LEFT, RIGHT, TOP, BOTTOM, FOOT, PAD = 720, 46, 540, 0, 416, 40, 12  # pixels
DOT, SIZE, LINE = 7, 12, 14  # of a dot, of letters, between lines of the axis
LISTED, ROW = 9, 18


class _Term(NamedTuple):
    token: str
    log_odds: float
    z: float
    focus: int
    background: int

    @property
    def said(self) -> int:
        return self.focus + self.background

    @property
    def color(self) -> str:
        return LIGHT["rest" if abs(self.z) < CHANCE else "blue" if self.z > 0 else "orange"]

    def tip(self, focus: str, background: str) -> str:
        counts = f"{labels.count(self.focus)} in {focus}, {labels.count(self.background)} in {background}"
        odds = f"log odds {labels.signed(self.log_odds)}, z {labels.signed(self.z, decimals=1)}"
        return f"{self.token}: {counts}; {odds}"


def keyness_plot(
    terms: Rows, *, focus: str = "focus", background: str = "background", limit: int = 400, named: int = 20
) -> Picture:
    """Draw words by how often they are said (log scale) and by z: the higher, the more they mark the focus.

    `terms` has the rows that keyness gives: `token`, `log_odds`, `z`, `focus_count`, `background_count`;
    `focus` and `background` are what the sides are called. Blue marks the focus and orange the background;
    grey, between -1.96 and 1.96, may be chance. The `limit` words of the largest and of the least z are
    drawn, ties by token; of each side up to `named` have their word beside them, where it covers no other,
    and the most marking stand in a list. From a Spark frame at most 2 x `limit` rows are collected, by Spark
    jobs. Raises SchemaMismatch.
    """
    sides = [labels.fit(side, room=200, size=SIZE) for side in (focus, background)]
    highest, least = (
        first(
            terms,
            columns=COLUMNS,
            limit=limit,
            what="keyness_plot",
            by=["z", "token"],
            ascending=[ascending, True],
        )
        for ascending in (False, True)
    )
    shown = {row[0]: _Term(*row) for row in [*highest, *least] if not is_null(row[0]) and not is_null(row[2])}
    drawn = sorted(shown.values(), key=lambda term: (-abs(term.z), term.token))
    drawn = [term for term in drawn if term.said > 0]
    if not drawn:
        return nothing(title=TITLE, note="No word is said on either side.")
    return _draw(drawn, sides, named)


def _draw(terms: list[_Term], sides: list[str], named: int) -> Picture:
    words = labels.amount(len(terms), "word")
    note = f"{words} by how often they are said, and by z: how surely they mark a side"
    picture = Picture(title=TITLE, note=note, width=WIDTH, height=BOTTOM + FOOT)
    far = max(CHANCE, *(abs(term.z) for term in terms))
    ground = _Ground(min(term.said for term in terms), max(term.said for term in terms), far)
    ground.draw(picture)
    for term in reversed(terms):
        x, y = ground.x(term.said), ground.y(term.z)
        alpha = 0.9 if abs(term.z) >= CHANCE else 0.35
        tip = term.tip(*sides)
        picture.block(x - DOT / 2, y - DOT / 2, DOT, DOT, color=term.color, alpha=alpha, tip=tip)
    marking = [term for term in terms if abs(term.z) >= CHANCE]
    _write_words(picture, {term: (ground.x(term.said), ground.y(term.z)) for term in marking}, named)
    _write_list(picture, TOP, sides[0], [term for term in marking if term.z > 0], color=LIGHT["blue"])
    middle = (TOP + BOTTOM) / 2
    _write_list(picture, middle, sides[1], [term for term in marking if term.z < 0], color=LIGHT["orange"])
    return picture


@dataclass(frozen=True)
class _Ground:
    """Where a word lies: to the right by the logarithm of its count, upwards by the root of its z."""

    least: int
    most: int
    far: float

    def x(self, said: float) -> float:
        if self.least == self.most:
            return (LEFT + RIGHT) / 2
        return LEFT + PAD + (RIGHT - LEFT - 2 * PAD) * log(said / self.least) / log(self.most / self.least)

    def y(self, z: float) -> float:
        half = (BOTTOM - TOP) / 2
        return TOP + half - copysign(sqrt(abs(z) / self.far), z) * (half - PAD)

    def draw(self, picture: Picture) -> None:
        """The band of what may be chance, and both axes at round numbers."""
        top, bottom = self.y(CHANCE), self.y(-CHANCE)
        picture.block(LEFT, top, RIGHT - LEFT, bottom - top, color=LIGHT["faint"], alpha=0.6)
        for z in self._lines():
            picture.block(LEFT, self.y(z) - 0.5, RIGHT - LEFT, 1, color=LIGHT["faint"])
            words = labels.signed(z, decimals=0)
            picture.write(LEFT - 6, self.y(z), words, size=11, color=LIGHT["muted"], align="right")
        middle = (TOP + BOTTOM) / 2
        picture.write(RIGHT - 6, middle, "may be chance", size=11, color=LIGHT["muted"], align="right")
        decades = [digit * 10**power for power in range(12) for digit in (1, 3)]
        for said in [count for count in decades if self.least <= count <= self.most] or [self.least]:
            picture.write(
                self.x(said), BOTTOM + 12, labels.brief(said), size=11, color=LIGHT["muted"], align="center"
            )
        middle = (LEFT + RIGHT) / 2
        picture.write(middle, BOTTOM + FOOT - 10, "times said", size=11, color=LIGHT["muted"], align="center")

    def _lines(self) -> Iterator[int]:
        """The round z at which a line stands, on both sides, none too close to the one before."""
        last = self.y(0)
        for z in Z_LINES:
            if z <= self.far and last - self.y(z) >= LINE:
                last = self.y(z)
                yield from (z, -z)


def _write_list(picture: Picture, top: float, side: str, marking: list[_Term], *, color: str) -> None:
    """The words that mark a side most, one under the other, with their z."""
    x = RIGHT + 22
    picture.block(x, top + 3, 10, 10, color=color)
    picture.write(x + 16, top + 8, labels.fit(side, room=WIDTH - x - 18, size=13), size=13, bold=True)
    for place, term in enumerate(marking[:LISTED]):
        y = top + 28 + place * ROW
        picture.write(x, y, labels.fit(term.token, room=WIDTH - x - 52, size=SIZE))
        z = labels.signed(term.z, decimals=1)
        picture.write(WIDTH - 2, y, z, size=11, color=LIGHT["muted"], align="right")


def _write_words(picture: Picture, places: dict[_Term, tuple[float, float]], named: int) -> None:
    """The most marking words of each side, each beside its dot where it covers no dot or word that marks."""
    area = (LEFT, TOP, RIGHT - LEFT, BOTTOM - TOP)
    names = Names(area, [around(*place, DOT, DOT) for place in places.values()])
    left = {True: named, False: named}
    for term, place in places.items():
        if left[term.z > 0] and names.write(picture, place, term.token, dot=DOT):
            left[term.z > 0] -= 1
