"""When was there more talk than was to be expected, and about what? Hours, alerts, and what they say."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import Any, NamedTuple

from retinue.plots import labels
from retinue.plots.axes import Numbers, Times, at, during, instant, reaches, span
from retinue.plots.picture import Picture, nothing
from retinue.plots.rows import Rows, first, is_null, largest_keys, only
from retinue.plots.style import LIGHT

__all__ = ["alert_timeline"]

TITLE = "When was there more talk than expected?"
COLUMNS = ["hour", "post_count", "expected_count", "upper", "negative_share"]
TOLD = ["started_at", "ended_at", "topic", "kind", "post_count", "expected_count", "explanation"]
ALL = "all posts"
WIDTH, LEFT, MARGIN, RIGHT = 720, 46, 2, 716  # pixels
LANE, HEAD, CURVE, STRIP, AXIS = 146, 32, 86, 5, 34  # heights: of a lane and its parts, of the times below
BADGE, LINE, GAP = 16, 17, 10  # of an alert's number, of lines of words, between alerts
FIGURES = 300  # pixels from the left to when an alert was
SLOT = 5  # pixels of a lane that are one colour of its strip


class _Hour(NamedTuple):
    time: Any
    posts: int
    expected: Any
    upper: Any
    negative: Any


class _Alert(NamedTuple):
    number: int
    started: Any
    ended: Any
    topic: str
    kind: str
    posts: int
    expected: Any
    explanation: str

    @property
    def name(self) -> str:
        return " · ".join(labels.clean(part) for part in (self.topic, self.kind) if not is_null(part))

    @property
    def figures(self) -> str:
        expected = "" if is_null(self.expected) else f", {labels.count(round(self.expected))} expected"
        return f"{during(self.started, self.ended)} · {labels.amount(self.posts, 'post')}{expected}"

    @property
    def tip(self) -> str:
        return f"{self.number}. {self.name}: {self.figures}"


def alert_timeline(
    hours: Rows, alerts: Rows, *, lanes: int = 6, limit: int = 1_000, told: int = 12
) -> Picture:
    """Draw the posts of each hour beside what was expected, mark the alerts, and tell them below.

    `hours` has a row an hour: `hour` (UTC), `post_count`, `expected_count`, `upper` (what it takes to be
    above what may be chance) and `negative_share` (0 to 1, the strip below); with a column `topic` each topic
    has a lane: those with an alert first, the newest first, then those with most posts, `lanes` in all.
    `alerts` has a row an alert: `topic`, `started_at`, `ended_at`, `kind`, `post_count`, `expected_count`,
    `explanation`. Of each lane at most the newest `limit` hours are drawn, of the alerts the newest `told`.
    From Spark frames no more rows are collected, by Spark jobs. Raises SchemaMismatch.
    """
    newest = first(
        alerts,
        columns=TOLD,
        limit=told,
        what="alert_timeline (alerts)",
        by=["started_at", "topic", "kind"],
        ascending=[False, True, True],
    )
    by_topic = _by_topic(hours, [row[2] for row in newest], lanes, limit)
    if not by_topic:
        return nothing(title=TITLE, note="No hour has been looked at.")
    start = min(lane[0].time for lane in by_topic.values())
    found = [_alert(row) for row in newest if "topic" not in hours.columns or row[2] in by_topic]
    shown = sorted(alert for alert in found if alert.ended >= start)
    numbered = [alert._replace(number=place) for place, alert in enumerate(shown, start=1)]
    return _draw(by_topic, numbered)


def _by_topic(hours: Rows, alarming: list[Any], lanes: int, limit: int) -> dict[str, list[_Hour]]:
    """The newest hours of each topic that has a lane, in order; of all posts, where there are no topics."""
    what, topics, columns = "alert_timeline (hours)", [None], list(COLUMNS)
    if "topic" in hours.columns:
        largest = largest_keys(hours, key="topic", size="post_count", limit=lanes, what=what)
        topics = list(dict.fromkeys([*alarming, *largest]))[:lanes]
        hours, columns = only(hours, key="topic", keys=topics), [*COLUMNS, "topic"]
    rows = first(
        hours, columns=columns, limit=limit * lanes, what=what, by=[columns[0], *columns[5:]], ascending=False
    )
    found = defaultdict(list)
    for time, posts, expected, upper, negative, *topic in reversed(rows):
        found[topic[0] if topic else None].append(_Hour(instant(time), int(posts), expected, upper, negative))
    return {ALL if topic is None else topic: found[topic][-limit:] for topic in topics if topic in found}


def _alert(row: tuple[Any, ...]) -> _Alert:
    started, ended, topic, kind, posts, expected, explanation = row
    end = started if is_null(ended) else ended
    said = "" if is_null(explanation) else labels.clean(explanation)
    return _Alert(0, instant(started), instant(end), topic, kind, int(posts), expected, said)


def _draw(by_topic: dict[str, list[_Hour]], alerts: list[_Alert]) -> Picture:
    start = min(lane[0].time for lane in by_topic.values())
    end = max(lane[-1].time for lane in by_topic.values())
    wrapped = {alert: _lines(alert) for alert in alerts}
    bottom = len(by_topic) * LANE
    height = bottom + AXIS + sum((1 + len(lines)) * LINE + GAP for lines in wrapped.values())
    note = f"{labels.amount(len(alerts), 'alert')}, {span(start, end)} (UTC)"
    picture = Picture(title=TITLE, note=note, width=WIDTH, height=height)
    times = Times(start, end, LEFT, RIGHT)
    times.draw(picture, top=HEAD, bottom=bottom - 6)
    _draw_key(picture)
    for place, (topic, lane) in enumerate(by_topic.items()):
        own = [alert for alert in alerts if topic == ALL or alert.topic == topic]
        _draw_lane(picture, place * LANE, topic, lane, own, times)
    top = bottom + AXIS
    for alert, lines in wrapped.items():
        _write_alert(picture, top, alert, lines)
        top += (1 + len(lines)) * LINE + GAP
    return picture


def _draw_key(picture: Picture) -> None:
    x = RIGHT - 320
    picture.line([(x, 8), (x + 16, 8)], color=LIGHT["blue"])
    picture.block(x + 70, 3, 16, 10, color=LIGHT["rest"], alpha=0.35)
    picture.block(x + 206, 5.5, 16, STRIP, color=LIGHT["vermillion"], alpha=0.8)
    for far, words in ((22, "posts"), (92, "may be chance"), (228, "share negative")):
        picture.write(x + far, 8, words, size=11, color=LIGHT["muted"])


def _write_alert(picture: Picture, top: float, alert: _Alert, lines: list[str]) -> None:
    """Its number, what it is about, when and how much, and below it what speaks for it."""
    _draw_badge(picture, MARGIN + BADGE / 2, top + 8, alert)
    x, y = MARGIN + 26, top + 8
    picture.write(x, y, labels.fit(alert.name, room=FIGURES - x - 10, size=12), bold=True)
    picture.write(FIGURES, y, labels.fit(alert.figures, room=WIDTH - FIGURES, size=11), size=11)
    for place, line in enumerate(lines, start=1):
        picture.write(x, y + place * LINE, line, size=11.5, color=LIGHT["muted"])


def _lines(alert: _Alert) -> list[str]:
    room = WIDTH - 2 * MARGIN - 26
    return labels.wrap(alert.explanation, room=room, size=11.5, lines=2) if alert.explanation else []


def _draw_lane(
    picture: Picture, top: float, topic: str, lane: list[_Hour], alerts: list[_Alert], times: Times
) -> None:
    picture.write(MARGIN, top + 8, labels.fit(topic, room=RIGHT - 320, size=13), size=13, bold=True)
    most = max(max(hour.posts, 0 if is_null(hour.upper) else hour.upper) for hour in lane)
    posts = Numbers.over(0, most, top=top + HEAD, bottom=top + HEAD + CURVE, lines=3, whole=True)
    posts.draw(picture, left=LEFT, right=RIGHT, told=labels.brief)
    pitch = _pitch(lane, times)
    _draw_expected(picture, lane, times, posts, pitch)
    for alert in alerts:
        left, right = _span(alert, times)
        box = (left - pitch / 2, top + HEAD - 4, max(right - left, pitch, 3), CURVE + 4)
        picture.block(*box, color=LIGHT["vermillion"], alpha=0.22, tip=alert.tip)
    tip = f"{topic}: {labels.amount(sum(hour.posts for hour in lane), 'post')}"
    for run in reaches([(times.x(hour.time), hour) for hour in lane], pitch=pitch):
        points = [(x, posts.y(hour.posts)) for x, hour in run]
        picture.line(points, color=LIGHT["blue"], thickness=1.3, tip=tip)
    _draw_strip(picture, top + HEAD + CURVE + 4, lane, times, pitch)
    _draw_badges(picture, top + HEAD - 8, alerts, times)


def _draw_expected(picture: Picture, lane: list[_Hour], times: Times, posts: Numbers, pitch: float) -> None:
    """The band from what was expected to what it takes to be more than chance."""
    known = [hour for hour in lane if not (is_null(hour.expected) or is_null(hour.upper))]
    for run in reaches([(times.x(hour.time), hour) for hour in known], pitch=pitch):
        edges = [(x, posts.y(hour.expected), posts.y(hour.upper)) for x, hour in run]
        picture.band(edges, color=LIGHT["rest"], alpha=0.35)


def _span(alert: _Alert, times: Times) -> tuple[float, float]:
    """Where the alert begins and ends, inside the lane."""
    return times.x(max(alert.started, times.first)), times.x(min(alert.ended, times.last))


def _pitch(lane: list[_Hour], times: Times) -> float:
    steps = [times.x(later.time) - times.x(earlier.time) for earlier, later in pairwise(lane)]
    return min((step for step in steps if step > 0), default=RIGHT - LEFT)


def _draw_strip(picture: Picture, y: float, lane: list[_Hour], times: Times, pitch: float) -> None:
    """The share of negative posts, the darker the more, of as many hours at a time as can be seen."""
    together = max(1, round(SLOT / pitch))
    known = [hour for hour in lane if not is_null(hour.negative)]
    for place in range(0, len(known), together):
        hours = known[place : place + together]
        posts = sum(hour.posts for hour in hours)
        if not posts:
            continue
        share = sum(hour.posts * hour.negative for hour in hours) / posts
        x, end = times.x(hours[0].time), times.x(hours[-1].time)
        tip = f"{at(hours[0].time)}: {labels.share(share, 1)} of {labels.amount(posts, 'post')} negative"
        alpha = 0.06 + 0.94 * min(1, share / 0.6)
        picture.block(
            x - pitch / 2, y, end - x + pitch, STRIP, color=LIGHT["vermillion"], alpha=alpha, tip=tip
        )


def _draw_badges(picture: Picture, y: float, alerts: list[_Alert], times: Times) -> None:
    """The numbers above the alerts of a lane, moved apart where alerts are close."""
    middles = [sum(_span(alert, times)) / 2 for alert in alerts]
    low, high = LEFT + BADGE / 2, RIGHT - BADGE / 2
    for x, alert in zip(labels.apart(middles, gap=BADGE + 2, low=low, high=high), alerts, strict=True):
        _draw_badge(picture, x, y, alert)


def _draw_badge(picture: Picture, x: float, y: float, alert: _Alert) -> None:
    picture.block(x - BADGE / 2, y - BADGE / 2, BADGE, BADGE, color=LIGHT["vermillion"], tip=alert.tip)
    picture.write(x, y, str(alert.number), size=11, color=LIGHT["on-fill"], bold=True, align="center")
