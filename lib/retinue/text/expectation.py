"""What the hours of a day should bring by the days before, and how unlikely it is that they bring so much.

The model of text/alerts, in numpy. Arrays end in the axes days and 24 hours, or weekdays and 24 hours, or in
one of these; topics may stand before them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc  # type: ignore[import-untyped]
from scipy.stats import nbinom  # type: ignore[import-untyped]

__all__ = ["Day", "Judged", "judge"]

Array = NDArray[np.float64]

FIRST = 7  # days that are only remembered: each weekday has to be seen once
BELIEF = 10.0  # posts that speak for a weekday or an hour like any other, before any was seen
SPREAD = (0.1, 10.0)  # of volumes: what is believed before any was seen, its weight in squared posts
SHARE_SPREAD = (0.02, 100.0)  # of negative shares, likewise
UNHEARD = 0.5  # posts that a topic is taken to have had in all, so that none is impossible
ODD = 0.001  # what is less likely than this is cut before it is remembered ...
CUT = 3.0  # ... to so many standard deviations above what was expected


@dataclass(frozen=True)
class Day:
    """Counts of posts, of those that have a sentiment, of those that are negative: by hour, or in all."""

    posts: Array
    scored: Array
    negative: Array

    def total(self) -> Day:
        """The day as one window."""
        return Day(*(each.sum(-1, keepdims=True) for each in (self.posts, self.scored, self.negative)))


@dataclass(frozen=True)
class Judged:
    """What was expected of windows, and the chance of as many posts, or negative ones among those scored.

    upper: the fewest posts that would have come with a probability of `chance` at most.
    """

    expected: Array
    upper: Array
    negative_share: Array
    volume_p: Array
    negativity_p: Array


@dataclass
class Spread:
    """How much more than by chance counts vary: variance beyond chance, in squares of the expected count."""

    belief: float
    belief_weight: float
    excess: Array = field(default_factory=lambda: np.asarray(0.0))
    weight: Array = field(default_factory=lambda: np.asarray(0.0))
    error: Array = field(default_factory=lambda: np.asarray(0.0))  # variance of the excess

    def value(self) -> Array:
        """The spread, a standard error above its estimate: one taken too small gives false alarms."""
        excess = np.maximum(self.excess + self.belief * self.belief_weight, 0) + np.sqrt(self.error)
        value: Array = excess / (self.weight + self.belief_weight)
        return value[..., np.newaxis]

    def learn(self, off: Array, by_chance: Array, square: Array, fade: float) -> None:
        """Add windows that were `off` by so much, where chance has the variance `by_chance`."""
        variance = by_chance + self.value() * square
        self.excess = fade * self.excess + (off**2 - by_chance).sum(-1)
        self.weight = fade * self.weight + square.sum(-1)
        self.error = fade**2 * self.error + (2 * variance**2 + variance).sum(-1)


@dataclass
class Scale:
    """Windows of one length, hours or days: how their counts and their negative shares vary."""

    volume: Spread = field(default_factory=lambda: Spread(*SPREAD))
    negativity: Spread = field(default_factory=lambda: Spread(*SHARE_SPREAD))


@dataclass
class Memory:
    """The days so far, the older the less."""

    fade: float
    posts: Array  # by weekday and hour
    times: Array  # how often that hour of the week was seen
    scored: Array
    negative: Array
    hour: Scale = field(default_factory=Scale)
    day: Scale = field(default_factory=Scale)


@dataclass(frozen=True)
class Outlook:
    """What is expected of windows: posts, the relative variance of that, the negative share, its posts."""

    mean: Array
    doubt: Array
    share: Array
    share_weight: Array
    scale: Scale

    def volume_p(self, window: Day) -> Array:
        """The tail of the negative binomial distribution."""
        size = 1 / (self.scale.volume.value() + self.doubt)
        tail: Array = betainc(np.maximum(window.posts, 1), size, self.mean / (self.mean + size))
        return np.where(window.posts > 0, tail, 1.0)

    def upper(self, chance: float) -> Array:
        """The fewest posts whose tail is no more probable than this."""
        size = 1 / (self.scale.volume.value() + self.doubt)
        fewest: Array = nbinom.isf(chance, size, size / (size + self.mean)) + 1
        return fewest

    def negativity_p(self, window: Day) -> Array:
        """The tail of the binomial distribution of as many posts as tell as much as these that hang together.

        The incomplete beta function takes them in fractions; the half is the correction for continuity.
        """
        told = 1 / self._share_variance(window)
        hits = np.maximum(window.negative - 0.5, 0) * told / np.maximum(window.scored, 1) + 0.5
        tail: Array = betainc(hits, np.maximum(told - hits, 0) + 1, self.share)
        return np.where(window.negative > 0, tail, 1.0)

    def cut(self, window: Day) -> tuple[Array, Array]:
        """The posts, and the negative share, that the window is remembered with."""
        volume = self.scale.volume.value() + self.doubt
        most = self.mean + CUT * np.sqrt(self.mean + volume * self.mean**2)
        deviation = np.sqrt(self.share * (1 - self.share) * self._share_variance(window))
        share = window.negative / np.maximum(window.scored, 1)
        return (
            np.where(self.volume_p(window) < ODD, np.minimum(window.posts, most), window.posts),
            np.where(self.negativity_p(window) < ODD, np.minimum(share, self.share + CUT * deviation), share),
        )

    def learn(self, window: Day, fade: float) -> None:
        """Compare what came with what was expected, to know next time how far that can be off."""
        self.scale.volume.learn(window.posts - self.mean, self.mean, self.mean**2, fade)
        binomial = self.share * (1 - self.share)
        self.scale.negativity.learn(
            window.negative - window.scored * self.share,
            window.scored * binomial,
            binomial * window.scored * np.maximum(window.scored - 1, 0),
            fade,
        )

    def _share_variance(self, window: Day) -> Array:
        """Of the negative share, next to share * (1 - share): of the window's posts and of those before."""
        together = 1 + np.maximum(window.scored - 1, 0) * self.scale.negativity.value()
        variance: Array = together / np.maximum(window.scored, 1) + 1 / self.share_weight
        return variance


def judge(
    days: Day, *, weekdays: NDArray[np.int64], seen: Array, fade: float, chance: float
) -> tuple[Judged, Judged]:
    """Judge the hours, and the whole days, each by the days before it alone.

    `days` by day and hour; `weekdays` (0 to 6) by day; `seen` is 1 for the hours that there are data for,
    0 for others; `fade` is what a day counts when the next has passed.
    """
    topics = days.posts.shape[:-2]
    memory = Memory(fade, np.zeros((*topics, 7, 24)), np.zeros((7, 24)), np.zeros(topics), np.zeros(topics))
    by_hour, by_day = [], []
    for number, weekday in enumerate(weekdays):
        hours = Day(*(each[..., number, :] for each in (days.posts, days.scored, days.negative)))
        hourly, daily = _outlooks(memory, weekday, seen[number])
        by_hour.append(_judged(hourly, hours, chance))
        by_day.append(_judged(daily, hours.total(), chance))
        if number >= FIRST:
            hours = _cut(hours, hourly, daily)
            hourly.learn(hours, fade)
            daily.learn(hours.total(), fade)
        _remember(memory, hours, weekday, seen[number])
    return _stacked(by_hour), _stacked(by_day)


def _judged(outlook: Outlook, window: Day, chance: float) -> Judged:
    share = np.broadcast_to(outlook.share, window.posts.shape)
    return Judged(
        outlook.mean, outlook.upper(chance), share, outlook.volume_p(window), outlook.negativity_p(window)
    )


def _outlooks(memory: Memory, weekday: int, seen: Array) -> tuple[Outlook, Outlook]:
    """Of the hours of the next day, and of it as a whole."""
    rate, doubt, doubt_of_day = _seasons(memory)
    mean = rate[..., weekday, :] * seen
    weight = (memory.scored + 1)[..., np.newaxis]
    share = (memory.negative[..., np.newaxis] + 0.5) / weight
    return (
        Outlook(mean, doubt[..., weekday, :], share, weight, memory.hour),
        Outlook(mean.sum(-1, keepdims=True), doubt_of_day[..., [weekday]], share, weight, memory.day),
    )


def _seasons(memory: Memory) -> tuple[Array, Array, Array]:
    """Posts an hour of the week: level x weekday x hour x what the two have of their own.

    With the relative variance of that, and of the sum over a day.
    """
    posts, times = memory.posts, memory.times
    hourly, daily = memory.hour.volume.value(), memory.day.volume.value()
    total, seen = posts.sum((-2, -1)) + UNHEARD, np.maximum(times.sum(), 1)
    level = (total / seen)[..., np.newaxis]
    weekday, doubt = _factor(posts.sum(-1), level * times.sum(-1), spread=daily, size=24 * level)
    rate = level[..., np.newaxis] * weekday[..., np.newaxis]
    hour, hour_doubt = _factor(posts.sum(-2), (rate * times).sum(-2), spread=hourly, size=level)
    rate = rate * hour[..., np.newaxis, :]
    own, own_doubt = _factor(posts, rate * times, spread=hourly[..., np.newaxis], size=rate)
    rate = rate * own
    if times.any():
        rate = rate * (total / (rate * times).sum((-2, -1)))[..., np.newaxis, np.newaxis]
    doubt = doubt + (1 + daily * 24 * level) / total[..., np.newaxis]
    return rate, doubt[..., np.newaxis] + hour_doubt[..., np.newaxis, :] + own_doubt, doubt


def _factor(posts: Array, expected: Array, *, spread: Array, size: Array) -> tuple[Array, Array]:
    """How many times oftener than expected, drawn towards 1, and the relative variance of that.

    Posts that come in crowds of `size` with this `spread` tell less each.
    """
    told = 1 / (1 + spread * size)
    return (told * posts + BELIEF) / (told * expected + BELIEF), 1 / (told * posts + BELIEF)


def _cut(hours: Day, hourly: Outlook, daily: Outlook) -> Day:
    """The hours without what stood out, so that a burst is not expected to come again."""
    cut = _shrunk(hours, *hourly.cut(hours))
    total = cut.total()
    posts, share = daily.cut(total)
    kept = posts / np.maximum(total.posts, 1)
    lowered = share * total.scored / np.maximum(total.negative, 1)
    return Day(cut.posts * kept, cut.scored * kept, cut.negative * kept * np.minimum(lowered, 1))


def _shrunk(hours: Day, posts: Array, share: Array) -> Day:
    scored = hours.scored * posts / np.maximum(hours.posts, 1)
    return Day(posts, scored, scored * share)


def _remember(memory: Memory, hours: Day, weekday: int, seen: Array) -> None:
    memory.posts, memory.times = memory.fade * memory.posts, memory.fade * memory.times
    memory.posts[..., weekday, :] += hours.posts
    memory.times[weekday] += seen
    memory.scored = memory.fade * memory.scored + hours.scored.sum(-1)
    memory.negative = memory.fade * memory.negative + hours.negative.sum(-1)


def _stacked(days: list[Judged]) -> Judged:
    return Judged(
        *(
            np.stack([getattr(day, name) for day in days], axis=-2)
            for name in ("expected", "upper", "negative_share", "volume_p", "negativity_p")
        )
    )
