from __future__ import annotations

from math import comb, exp, lgamma, log

import numpy as np
import pytest

from retinue.text.expectation import Array, Day, Judged, Outlook, Scale, Spread, judge

HOURS_A_YEAR, DAYS_A_YEAR = 8766, 365.25
WARM_UP = 14
FADE = 0.5 ** (1 / 28)


def shape(days: int) -> Array:
    """Two busy days, a quiet end of the week, nights that sleep."""
    of_week = np.array([1, 1.3, 1, 0.9, 1.3, 0.8, 0.7])[np.arange(days) % 7]
    return of_week[:, np.newaxis] * (1 + 0.8 * np.sin(2 * np.pi * (np.arange(24) - 8) / 24))


def world(seed: int, *, topics: int, days: int, a_day: float, spread: float = 0, rho: float = 0) -> Day:
    """Posts with a daily and a weekly season, a quarter of them negative; more varied than chance at wish."""
    rng = np.random.default_rng(seed)
    rate = a_day / 24 * shape(days) * np.ones((topics, 1, 1))
    if spread:
        rate = rate * rng.gamma(1 / spread, spread, rate.shape)
    posts = rng.poisson(rate)
    share = rng.beta(0.25 * (1 / rho - 1), 0.75 * (1 / rho - 1), (topics, days, 1)) if rho else 0.25
    return Day(posts.astype(float), posts.astype(float), rng.binomial(posts, share).astype(float))


def judged(days: Day) -> tuple[Judged, Judged]:
    count = days.posts.shape[-2]
    return judge(days, weekdays=np.arange(count) % 7, seen=np.ones((count, 24)), fade=FADE, chance=0.01)


def outlook(mean: float, *, spread: float, share: float, together: float) -> Outlook:
    """As if all that varies were known: only what is said in its arguments."""
    volume, negativity = Spread(spread, 1.0), Spread(together, 1.0)
    return Outlook(
        *map(np.asarray, ([mean], 0.0, [share], 1e12)), scale=Scale(volume=volume, negativity=negativity)
    )


@pytest.mark.parametrize(("mean", "spread", "count"), [(3.0, 0.2, 9), (0.02, 0.1, 2), (800.0, 0.05, 1300)])
def test_volume_is_the_tail_of_the_negative_binomial(mean: float, spread: float, count: int):
    size = 1 / spread
    odds = [
        exp(
            lgamma(k + size)
            - lgamma(size)
            - lgamma(k + 1)
            + size * log(size / (size + mean))
            + k * log(mean / (size + mean))
        )
        for k in range(count)
    ]
    window = Day(*(np.array([float(each)]) for each in (count, 0, 0)))
    got = outlook(mean, spread=spread, share=0.5, together=0.0).volume_p(window)[0]
    assert got == pytest.approx(1 - sum(odds), rel=1e-6, abs=1e-12)
    fewest = outlook(mean, spread=spread, share=0.5, together=0.0).upper(got * 1.000001)[0]
    assert fewest == count


def test_negativity_is_the_tail_of_the_binomial_and_less_where_posts_hang_together():
    posts, negative, share = 40, 18, 0.25
    window = Day(*(np.array([float(each)]) for each in (posts, posts, negative)))
    tail = sum(comb(posts, k) * share**k * (1 - share) ** (posts - k) for k in range(negative, posts + 1))
    chance = [
        outlook(1.0, spread=0.1, share=share, together=each).negativity_p(window)[0] for each in (0.0, 0.05)
    ]
    assert chance[0] == pytest.approx(tail, rel=1e-6)
    assert tail < chance[1] < 0.1
    nothing = Day(*(np.zeros(1) for _ in range(3)))
    assert outlook(1.0, spread=0.1, share=share, together=0.0).negativity_p(nothing)[0] == 1


def test_what_is_expected_is_the_season():
    hours, days = judged(world(1, topics=40, days=70, a_day=240))
    truth = 10 * shape(70)
    error = hours.expected[:, 42:] / truth[42:] - 1
    off = np.abs(hours.expected[:, 42:].mean(axis=0) - truth[42:])
    assert (off < 0.08 * truth[42:] + 0.2).all()
    assert np.sqrt((error**2).mean()) < 0.16
    assert np.sqrt(((days.expected[:, 42:, 0] / truth[42:].sum(-1) - 1) ** 2).mean()) < 0.05
    assert hours.negative_share[:, 42:].mean() == pytest.approx(0.25, abs=0.005)


def test_nothing_is_known_of_the_days_to_come():
    whole = world(2, topics=3, days=40, a_day=50)
    part = Day(*(each[..., :25, :] for each in (whole.posts, whole.scored, whole.negative)))
    for long, short in zip(judged(whole), judged(part), strict=True):
        for name in ("expected", "negative_share", "volume_p", "negativity_p"):
            assert np.array_equal(getattr(long, name)[..., :25, :], getattr(short, name))


@pytest.mark.parametrize(
    "kind",
    [
        {"a_day": 5},
        {"a_day": 60, "spread": 0.2, "rho": 0.02},
        {"a_day": 2000, "spread": 0.15, "rho": 0.02},
    ],
    ids=["few", "some", "many"],
)
def test_chance_gives_no_more_false_alarms_than_said(kind: dict[str, float]):
    days = world(3, topics=120, days=120, **kind)
    hours, whole = judged(days)
    topic_years = 120 * (120 - WARM_UP) / DAYS_A_YEAR
    # Enough alarms to count: each test of each scale may have 10 a topic and year.
    for result, windows in ((hours, HOURS_A_YEAR), (whole, DAYS_A_YEAR)):
        for name in ("volume_p", "negativity_p"):
            false = (getattr(result, name)[:, WARM_UP:] <= 10 / windows).sum()
            most = 10 * topic_years
            assert false <= most + 3 * np.sqrt(most), name


def test_a_burst_is_found_and_soon_forgotten():
    quiet = world(4, topics=200, days=28, a_day=5)
    extra = np.zeros((200, 28, 24))
    extra[:, 18] = np.random.default_rng(5).multinomial(40, np.full(24, 1 / 24), size=200)
    days = Day(quiet.posts + extra, quiet.scored + extra, quiet.negative + extra)
    calm, burst = judged(quiet)[1], judged(days)[1]
    one_a_year = 1 / (2 * 3 * DAYS_A_YEAR)
    assert (burst.volume_p[:, 18] <= one_a_year).mean() > 0.9
    assert (burst.negativity_p[:, 18] <= one_a_year).mean() > 0.8
    assert np.median(burst.expected[:, 19:] / calm.expected[:, 19:]) < 1.25


def test_a_topic_never_heard_of_before_stands_out():
    posts = np.zeros((20, 24))
    posts[19, 10] = 30
    hours, days = judged(Day(posts, posts, posts))
    assert hours.volume_p[19, 10] < 1e-6
    assert days.volume_p[19, 0] < 1e-4
    assert (np.delete(hours.volume_p.ravel(), 19 * 24 + 10) == 1).all()
