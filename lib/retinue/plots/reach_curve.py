"""With whom to begin, and how many is that in the end? The spread by the number of seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from matplotlib.ticker import MaxNLocator

from retinue.plots import labels
from retinue.plots.axes import Numbers
from retinue.plots.names import Names, around
from retinue.plots.picture import Picture, nothing
from retinue.plots.rows import Rows, first, is_null
from retinue.plots.style import LIGHT

__all__ = ["reach_curve"]

TITLE = "With whom to begin, and how many do they reach?"
COLUMNS = ["rank", "id", "spread", "standard_error", "degree_spread"]
SURE = 1.96  # standard errors on either side of an interval at 95 %
WIDTH, LEFT, RIGHT, TOP, BOTTOM, FOOT, MARGIN = 720, 52, 506, 8, 348, 44, 2  # pixels
DOT, SIZE, HIDDEN = 7, 12, 6  # of a dot, of letters; a line is kept clear by boxes so far apart
ASIDE, LIST, ROW, LISTED = 530, 76, 18, 15  # the words beside the curves, and the list of seeds there

Place = tuple[float, float]


class _Rank(NamedTuple):
    seeds: int
    name: str
    spread: float
    error: Any
    by_degree: Any

    @property
    def low(self) -> float:
        return max(self.spread - SURE * self._error, 0.0)

    @property
    def high(self) -> float:
        return self.spread + SURE * self._error

    @property
    def _error(self) -> float:
        return 0.0 if is_null(self.error) else self.error

    def tip(self, before: float) -> str:
        told = f"{labels.amount(self.seeds, 'seed')}: {labels.rounded(self.spread)} reached"
        told += (
            ""
            if is_null(self.error)
            else f" (interval {labels.rounded(self.low)} to {labels.rounded(self.high)})"
        )
        told += f"; {self.name} adds {labels.rounded(max(self.spread - before, 0))}"
        most_tied = (
            ""
            if is_null(self.by_degree)
            else f"; as many with most ties reach {labels.rounded(self.by_degree)}"
        )
        return told + most_tied


def reach_curve(seeds: Rows, *, limit: int = 200) -> Picture:
    """Draw how many the first seeds reach on average by how many they are, with the interval at 95%.

    `seeds` has the rows that `spread.seeds` gives: `rank` (from 1), `id`, `spread`, `standard_error` and
    `degree_spread`, what as many of those with most ties reach: the dashed line. Seeds are named along the
    curve where there is room. The first `limit` by rank are drawn; from a Spark frame no more are collected,
    by a Spark job. Raises SchemaMismatch.
    """
    rows = first(seeds, columns=COLUMNS, limit=limit, what="reach_curve", by=["rank"])
    ranks = [_Rank(int(row[0]), labels.clean(row[1]), *row[2:]) for row in rows if not is_null(row[2])]
    if not ranks:
        return nothing(title=TITLE, note="No seed is chosen.")
    last = ranks[-1]
    note = (
        f"{labels.amount(last.seeds, 'seed')} reach{'es' * (last.seeds == 1)} {labels.rounded(last.spread)}"
    )
    if last.by_degree and not is_null(last.by_degree):
        note += f", {_more(last.spread / last.by_degree - 1)} those with most ties"
    return _draw(ranks, note=f"{note}; spreads from fresh sets")


def _more(share: float) -> str:
    """The share as it stands before whom it is compared with: 12% more than, as many as."""
    percent = round(100 * abs(share))
    return f"{percent}% {'more' if share > 0 else 'fewer'} than" if percent else "as many as"


def _draw(ranks: list[_Rank], *, note: str) -> Picture:
    picture = Picture(title=TITLE, note=note, width=WIDTH, height=BOTTOM + FOOT)
    known = [rank for rank in ranks if not is_null(rank.by_degree)]
    most = max(rank.high for rank in ranks)
    spreads = Numbers.over(0, max(most, *(rank.by_degree for rank in known), 0), top=TOP, bottom=BOTTOM)
    spreads.draw(picture, left=LEFT, right=RIGHT, told=lambda number: f"{number:,.6g}")
    x = _across(picture, ranks[-1].seeds)

    edges = [
        (x(0), BOTTOM, BOTTOM),
        *((x(rank.seeds), spreads.y(rank.low), spreads.y(rank.high)) for rank in ranks),
    ]
    picture.band(edges, color=LIGHT["blue"], tip="where the spread lies in 95 of 100 cases")
    compared = [(x(0), spreads.y(0)), *((x(rank.seeds), spreads.y(rank.by_degree)) for rank in known)]
    if known:
        tip = f"{labels.count(known[-1].seeds)} with most ties: {labels.rounded(known[-1].by_degree)} reached"
        picture.line(compared, color=LIGHT["orange"], is_dashed=True, tip=tip)
    curve = [(x(0), spreads.y(0)), *((x(rank.seeds), spreads.y(rank.spread)) for rank in ranks)]
    picture.line(
        curve,
        color=LIGHT["blue"],
        thickness=2.5,
        tip=f"{labels.amount(ranks[-1].seeds, 'seed')}: {labels.rounded(ranks[-1].spread)} reached",
    )
    radius, before = min(DOT / 2, 0.4 * (x(1) - x(0))), 0.0
    for rank, place in zip(ranks, curve[1:], strict=True):
        picture.dot(*place, radius, color=LIGHT["blue"], tip=rank.tip(before))
        before = rank.spread
    _write_names(picture, ranks, curve, compared)
    _draw_key(picture, ranks[-1], known)
    _write_list(picture, ranks[:LISTED])
    return picture


def _across(picture: Picture, most: int) -> Callable[[int], float]:
    """Where a number of seeds lies, with round ones below the axis."""

    def x(seeds: int) -> float:
        return LEFT + (RIGHT - LEFT) * seeds / most

    for tick in MaxNLocator(nbins=8, steps=[1, 2, 5, 10], integer=True).tick_values(0, most):
        if tick <= most:
            said = labels.count(tick)
            picture.write(x(int(tick)), BOTTOM + 14, said, size=11, color=LIGHT["muted"], align="center")
    middle = (LEFT + RIGHT) / 2
    picture.write(middle, BOTTOM + 34, "number of seeds", size=11, color=LIGHT["muted"], align="center")
    return x


def _write_names(picture: Picture, ranks: list[_Rank], curve: list[Place], compared: list[Place]) -> None:
    """The seeds beside their dots, the first ones first, where they cover no line."""
    hidden = [around(*place, HIDDEN, HIDDEN) for line in (curve, compared) for place in _along(line)]
    names = Names((LEFT, TOP, RIGHT - LEFT, BOTTOM - TOP), hidden)
    for rank, place in zip(ranks, curve[1:], strict=True):
        names.write(picture, place, f"{rank.seeds}. {rank.name}", dot=DOT + HIDDEN, size=SIZE)


def _along(line: list[Place]) -> Iterator[Place]:
    """Places so close along the line that nothing gets between."""
    for (x0, y0), (x1, y1) in pairwise(line):
        steps = max(1, math.ceil(math.hypot(x1 - x0, y1 - y0) / HIDDEN))
        yield from ((x0 + (x1 - x0) * step / steps, y0 + (y1 - y0) * step / steps) for step in range(steps))
    yield line[-1]


def _draw_key(picture: Picture, last: _Rank, known: list[_Rank]) -> None:
    """What each line is, and how far it gets."""
    told = [("best seeds", last.spread, "blue", False)]
    told += [("most ties", rank.by_degree, "orange", True) for rank in known[-1:]]
    for place, (name, spread, color, is_dashed) in enumerate(told):
        y = TOP + place * ROW * 1.2
        line = [(ASIDE, y), (ASIDE + 22, y)]
        picture.line(line, color=LIGHT[color], thickness=2.5 - 0.5 * is_dashed, is_dashed=is_dashed)
        reached = labels.rounded(spread)
        room = WIDTH - MARGIN - ASIDE - 30 - labels.width(reached, size=SIZE) - 4
        picture.write(ASIDE + 30, y, labels.fit(name, room=room, size=SIZE), size=SIZE, bold=True)
        picture.write(WIDTH - MARGIN, y, reached, size=SIZE, bold=True, align="right")


def _write_list(picture: Picture, ranks: list[_Rank]) -> None:
    """The first seeds, and how many each adds."""
    picture.write(ASIDE, LIST, "Begin with", size=11, color=LIGHT["muted"])
    picture.write(WIDTH - MARGIN, LIST, "adds", size=11, color=LIGHT["muted"], align="right")
    before = 0.0
    for place, rank in enumerate(ranks, start=1):
        y, adds = LIST + 4 + place * ROW, labels.rounded(max(rank.spread - before, 0))
        room = WIDTH - MARGIN - ASIDE - labels.width(adds, size=11) - 8
        picture.write(ASIDE, y, labels.fit(f"{rank.seeds}. {rank.name}", room=room, size=SIZE), size=SIZE)
        picture.write(WIDTH - MARGIN, y, adds, size=11, color=LIGHT["muted"], align="right")
        before = rank.spread
