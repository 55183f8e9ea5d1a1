"""Does the mood turn? The share of negative posts over time, above how many there are."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

from retinue.plots import labels, mood
from retinue.plots.axes import Numbers, Times, at, instant, percent, reaches, span
from retinue.plots.picture import Picture, nothing
from retinue.plots.rows import Rows, first, is_null
from retinue.plots.style import LIGHT

__all__ = ["sentiment_over_time"]

TITLE = "Does the mood turn?"
COLUMNS = ["period_start", "post_count", "negative_share", "low", "high", "mean_compound"]
WIDTH, LEFT, MARGIN = 720, 46, 2  # pixels
ROOMY = 10  # pixels a period from which on each has its dot
TOP, BOTTOM, VOLUME, BASE, FOOT = 10, 220, 256, 330, 46  # heights


class _Period(NamedTuple):
    start: Any
    posts: int
    negative: Any
    low: Any
    high: Any
    compound: Any

    @property
    def tip(self) -> str:
        parts = [f"{at(self.start)}: {labels.amount(self.posts, 'post')}"]
        if not is_null(self.negative):
            parts.append(f"{labels.share(self.negative, 1)} negative{self._interval}")
        return "; ".join([*parts, mood.told(self.compound)])

    @property
    def _interval(self) -> str:
        if is_null(self.low) or is_null(self.high):
            return ""
        return f" (interval {labels.share(self.low, 1)} to {labels.share(self.high, 1)})"


def sentiment_over_time(days: Rows, *, limit: int = 400) -> Picture:
    """Draw the share of negative posts as a line in its interval, and below it the posts as bars.

    `days` has a row a period: `period_start` (a date or time), `post_count`, `negative_share` (0 to 1) with
    its interval `low` to `high`, and `mean_compound` (-1 to 1), which colours the bars: blue where the mood
    is good, vermillion where it is bad, grey where it is not known. Where a share is null or a period has no
    row the line is cut. The newest `limit` periods are drawn; from a Spark frame no more are collected, by a
    Spark job. Raises SchemaMismatch.
    """
    rows = first(
        days,
        columns=COLUMNS,
        limit=limit,
        what="sentiment_over_time",
        by=["period_start"],
        ascending=False,
    )
    periods = [_Period(instant(row[0]), int(row[1]), *row[2:]) for row in reversed(rows) if row[1] > 0]
    if not periods:
        return nothing(title=TITLE, note="No period has a post.")
    return _draw(periods)


def _draw(periods: list[_Period]) -> Picture:
    posts = sum(period.posts for period in periods)
    note = f"{labels.amount(posts, 'post')}, {span(periods[0].start, periods[-1].start)}"
    picture = Picture(title=TITLE, note=note, width=WIDTH, height=BASE + FOOT)
    starts = [period.start for period in periods]
    steps = [later - earlier for earlier, later in pairwise(starts) if later > earlier]
    slots = 1 + (starts[-1] - starts[0]) / min(steps) if steps else 1
    pitch = (WIDTH - MARGIN - LEFT) / slots
    times = Times(starts[0], starts[-1], LEFT + pitch / 2, WIDTH - MARGIN - pitch / 2)
    times.draw(picture, top=TOP, bottom=BASE)
    _draw_shares(picture, periods, times, pitch)
    _draw_volume(picture, periods, times, pitch)
    mood.draw_key(picture, right=WIDTH - MARGIN, y=BASE + FOOT - 10)
    return picture


def _draw_shares(picture: Picture, periods: list[_Period], times: Times, pitch: float) -> None:
    known = [(times.x(each.start), each) for each in periods if not is_null(each.negative)]
    tops = [each.negative if is_null(each.high) else each.high for _, each in known]
    shares = Numbers.over(0, max(tops, default=1), top=TOP + 16, bottom=BOTTOM)
    picture.write(MARGIN, TOP, "negative posts", size=11, color=LIGHT["muted"])
    shares.draw(picture, left=LEFT, right=WIDTH - MARGIN, told=percent)
    banded = [(x, each) for x, each in known if not (is_null(each.low) or is_null(each.high))]
    for run in reaches(banded, pitch=pitch):
        beside = pitch / 4 if len(run) == 1 else 0  # lest a lone interval have no width
        edges = [
            (x + to, shares.y(each.low), shares.y(each.high)) for x, each in run for to in (-beside, beside)
        ]
        picture.band(edges, color=LIGHT["vermillion"], alpha=0.2)
    for run in reaches(known, pitch=pitch):
        picture.line([(x, shares.y(each.negative)) for x, each in run], color=LIGHT["vermillion"])
        for x, each in run if pitch >= ROOMY or len(run) == 1 else []:
            y = shares.y(each.negative)
            picture.block(x - 3, y - 3, 6, 6, color=LIGHT["vermillion"], tip=each.tip)


def _draw_volume(picture: Picture, periods: list[_Period], times: Times, pitch: float) -> None:
    posts = Numbers.over(
        0, max(each.posts for each in periods), top=VOLUME + 14, bottom=BASE, lines=3, whole=True
    )
    picture.write(MARGIN, VOLUME - 4, "posts", size=11, color=LIGHT["muted"])
    posts.draw(picture, left=LEFT, right=WIDTH - MARGIN, told=labels.brief)
    width = min(max(0.8 * pitch, 1), 40)
    for each in periods:
        x, y = times.x(each.start), posts.y(each.posts)
        color, alpha = mood.color(each.compound), 0.25 + 0.75 * mood.strength(each.compound)
        picture.block(x - width / 2, y, width, BASE - y, color=color, alpha=alpha, tip=each.tip)
