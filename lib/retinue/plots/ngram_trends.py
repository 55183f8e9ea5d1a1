"""What is talked about more and more? The share of the posts that have an n-gram, over time."""

from __future__ import annotations

from typing import Any

from retinue.plots import labels
from retinue.plots.axes import Numbers, Times, at, instant, percent, span
from retinue.plots.picture import Picture, nothing
from retinue.plots.rows import Rows, first, is_null, largest_keys, only
from retinue.plots.style import CATEGORIES, LIGHT

__all__ = ["ngram_trends"]

TITLE = "Which words come and go?"
COLUMNS = ["ngram", "period_start", "share", "count"]
WIDTH, LEAST, FOOT, TOP, LEFT, NAMES, MARGIN = 720, 320, 26, 8, 46, 196, 2  # pixels
LINE, STEM = 19, 26  # between the names, and from a line's end to its name

Series = dict[Any, tuple[float, int]]


def ngram_trends(trends: Rows, *, limit: int = 8, periods: int = 200) -> Picture:
    """Draw a line for each of the `limit` n-grams that are counted most, ties by n-gram.

    `trends` has a row an n-gram and period: `ngram`, `period_start` (a date or time), `share` (of the posts,
    0 to 1) and `count`. A period without a row is 0 for an n-gram where another has one. The newest `periods`
    are drawn. From a Spark frame at most `limit` n-grams and `limit` x `periods` rows are collected, by Spark
    jobs. Raises SchemaMismatch.
    """
    named = largest_keys(trends, key="ngram", size="count", limit=limit, what="ngram_trends")
    rows = first(
        only(trends, key="ngram", keys=named),
        columns=COLUMNS,
        limit=limit * periods,
        what="ngram_trends",
        by=["period_start", "ngram"],
        ascending=[False, True],
    )
    rows = [row for row in rows if not any(map(is_null, row))]
    if not rows:
        return nothing(title=TITLE, note="No n-gram is counted.")
    starts = sorted({instant(start) for _, start, _, _ in rows})[-periods:]
    counted = {name: dict.fromkeys(starts, (0.0, 0)) for name in named}
    for ngram, start, share, count in rows:
        if instant(start) >= starts[0]:
            counted[ngram][instant(start)] = (float(share), int(count))
    return _draw(counted, starts)


def _draw(counted: dict[str, Series], starts: list[Any]) -> Picture:
    note = f"Share of the posts, {span(starts[0], starts[-1])}"
    bottom = max(LEAST, len(counted) * LINE)
    picture = Picture(title=TITLE, note=note, width=WIDTH, height=bottom + FOOT)
    most = max(share for series in counted.values() for share, _ in series.values())
    shares = Numbers.over(0, most, top=TOP, bottom=bottom)
    times = Times(starts[0], starts[-1], LEFT, WIDTH - NAMES - STEM - MARGIN)
    shares.draw(picture, left=LEFT, right=times.right, told=percent)
    times.draw(picture, top=bottom, bottom=bottom)
    for place, (name, series) in enumerate(counted.items()):
        points = [(times.x(start), shares.y(share)) for start, (share, _) in series.items()]
        picture.line(points, tip=_tip(name, series), **_stroke(place))
        x, y = points[-1]
        picture.block(x - 3, y - 3, 6, 6, color=_stroke(place)["color"])
    _write_names(picture, counted, shares, starts[-1])
    return picture


def _write_names(picture: Picture, counted: dict[str, Series], shares: Numbers, newest: Any) -> None:
    """Each n-gram beside the end of its line, moved apart where lines end close together."""
    last = {name: series[newest][0] for name, series in counted.items()}
    ends = sorted((shares.y(last[name]), place, name) for place, name in enumerate(counted))
    heights = labels.apart([end for end, _, _ in ends], gap=LINE, low=TOP, high=shares.bottom)
    x = WIDTH - NAMES - MARGIN
    for height, (end, place, name) in zip(heights, ends, strict=True):
        stem = [(x - STEM + 5, end), (x - STEM + 9, end), (x - 8, height), (x - 4, height)]
        picture.line(stem, color=_stroke(place)["color"], thickness=1, alpha=0.7)
        picture.write(x, height, labels.fit(name, room=NAMES - 44, size=12), bold=True)
        share = labels.share(last[name], 1)
        picture.write(WIDTH - MARGIN, height, share, size=11, color=LIGHT["muted"], align="right")


def _tip(name: str, series: Series) -> str:
    peak, (share, _) = max(series.items(), key=lambda period: period[1][0])
    total = sum(count for _, count in series.values())
    return f"{name}: {labels.amount(total, 'time')}; most from {at(peak)} on, {labels.share(share, 1)}"


def _stroke(place: int) -> dict[str, Any]:
    """A line's colour, and dashes where the colours begin again."""
    return {"color": CATEGORIES[place % len(CATEGORIES)], "is_dashed": place >= len(CATEGORIES)}
