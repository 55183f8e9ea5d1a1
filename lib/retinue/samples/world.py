"""The small world put together: frames, and what was planted in them."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from retinue.samples import advertising, browsing, follows, people, posts, sharing, shop

START = pd.Timestamp("2026-01-05", tz="UTC")
_PERSONS_A_VISITOR = 0.8
_SCHEMAS = {"events": browsing.EVENTS, "orders": shop.ORDERS}


@dataclass(frozen=True)
class Truth:
    """What was planted, as far as it is not a column of a truth frame."""

    fruitless_sessions: frozenset[str]
    bots: Mapping[str, str]
    churners: frozenset[str]
    churn_drivers: Mapping[str, float]
    churn_noise: tuple[str, ...]
    influencer: str | None
    sharing_rate: float
    communities: Mapping[str, int]
    basket_rule: tuple[str, str] | None
    harvesting_channel: str
    channel_effects: Mapping[str, float]
    alert_on: datetime.date | None
    alert_theme: str
    themes: Mapping[str, tuple[str, ...]]
    slogan: tuple[str, str] | None
    echo: str | None
    pasted_posts: frozenset[str]


@dataclass(frozen=True)
class SmallWorld:
    """The frames of a small world; those of the second group tell what an analysis has to find out."""

    events: DataFrame
    orders: DataFrame
    people: DataFrame
    identities: DataFrame
    follows: DataFrame
    posts: DataFrame
    touches: DataFrame
    conversions: DataFrame

    event_sessions: DataFrame
    sessions: DataFrame
    searches: DataFrame
    post_labels: DataFrame
    exposures: DataFrame

    truth: Truth


def small_world(
    spark: SparkSession, *, seed: int = 0, visitors: int = 300, days: int = 28, quiet: bool = False
) -> SmallWorld:
    """A shop with its visitors, searches, orders, posts, ties and ads, the same rows for the same arguments.

    The docstring of `retinue.samples` says what is planted. `quiet` leaves out what analyses look for. Days
    count from 2026-01-05. Raises ValueError for fewer than 50 visitors or 7 days.
    """
    tables, truth = draw(seed=seed, visitors=visitors, days=days, quiet=quiet)
    return SmallWorld(**{name: spark.createDataFrame(table) for name, table in tables.items()}, truth=truth)


def draw(*, seed: int, visitors: int, days: int, quiet: bool) -> tuple[dict[str, pa.Table], Truth]:
    """The small world without Spark: an Arrow table a frame, and the truth.

    Each subject draws from a stream of its own, so that a change to one leaves the others as they are.
    """
    if visitors < 50 or days < 7:
        raise ValueError(f"a small world has at least 50 visitors and 7 days, not {visitors} and {days}")
    crowd, browse, shopping, ties, talk, ads, passing = (
        np.random.default_rng(stream) for stream in np.random.SeedSequence(seed).spawn(7)
    )
    persons = people.people(crowd, count=math.ceil(visitors * _PERSONS_A_VISITOR))
    devices = people.identities(crowd, persons=persons, visitors=visitors)
    profiles = _profiles(devices)

    guests = devices.merge(persons[["person_id", "frustration", "has_churned"]], on="person_id")
    planned = browsing.sessions(browse, visitors=guests, start=START, days=days)
    clicks = browsing.events(browse, planned=planned)
    visits = browsing.sessions_of(clicks)
    clicks = clicks.merge(visits[["session", "session_id"]], on="session")
    purchases = clicks[clicks["event_type"] == "purchase"]

    followed = follows.follows(ties, profiles=profiles, start=START, days=days, quiet=quiet)
    followers = dict(followed["dst"].value_counts())
    said = posts.posts(talk, profiles=profiles, followers=followers, start=START, days=days, quiet=quiet)
    until = START + pd.Timedelta(days=days)
    passed_on = sharing.shares(
        passing, posts=said, follows=followed, profiles=profiles, until=until, quiet=quiet
    )
    exposed = advertising.exposures(ads, persons=list(persons["person_id"]), quiet=quiet)
    frames = {
        "events": clicks,
        "orders": shop.orders(shopping, purchases=purchases, quiet=quiet),
        "people": persons,
        "identities": devices,
        "follows": followed,
        "posts": sharing.with_shares(said[posts.COLUMNS], passed_on, followers=followers),
        "touches": advertising.touches(ads, exposed=exposed, start=START, days=days),
        "conversions": advertising.conversions(ads, exposed=exposed, start=START, days=days),
        "event_sessions": clicks[["event_id", "session_id", "session_index", "event_index"]],
        "sessions": visits.drop(columns=["session", "first", "first_event"]),
        "searches": clicks.loc[clicks["meant"].notna(), ["event_id", "session_id", "query", "meant"]],
        "post_labels": said[["post_id", "theme", "mood", "is_pasted"]],
        "exposures": exposed,
    }
    truth = _truth(frames, days=days, quiet=quiet)
    return {name: _arrow(rows, schema=_SCHEMAS.get(name)) for name, rows in frames.items()}, truth


def _truth(frames: Mapping[str, pd.DataFrame], *, days: int, quiet: bool) -> Truth:
    sessions, persons, labels = frames["sessions"], frames["people"], frames["post_labels"]
    profiles = _profiles(frames["identities"])
    return Truth(
        fruitless_sessions=frozenset(sessions.loc[sessions["is_fruitless"], "session_id"]),
        bots={bot: reason for bot, (reason, _) in browsing.BOTS.items()},
        churners=frozenset(persons.loc[persons["has_churned"], "person_id"]),
        churn_drivers=people.CHURN_DRIVERS,
        churn_noise=people.CHURN_NOISE,
        influencer=None if quiet else profiles[0],
        sharing_rate=0.0 if quiet else sharing.SHARING_RATE,
        communities={profile: n % follows.COMMUNITIES for n, profile in enumerate(profiles)},
        basket_rule=None if quiet else shop.BASKET_RULE,
        harvesting_channel=advertising.HARVESTING_CHANNEL,
        channel_effects=advertising.effects(quiet=quiet),
        alert_on=None if quiet else (START + pd.Timedelta(days=posts.alert_day(days))).date(),
        alert_theme=posts.ALERT_THEME,
        themes={} if quiet else posts.THEMES,
        slogan=None if quiet else posts.SLOGAN,
        echo=None if quiet else posts.ECHO,
        pasted_posts=frozenset(labels.loc[labels["is_pasted"], "post_id"]),
    )


def _profiles(devices: pd.DataFrame) -> list[str]:
    return sorted(set(devices["profile_id"].dropna()))


def _arrow(rows: pd.DataFrame, *, schema: pa.Schema | None) -> pa.Table:
    """The rows with times in microseconds, as Spark wants them."""
    times = dict.fromkeys(rows.select_dtypes("datetimetz").columns, "datetime64[us, UTC]")
    return pa.Table.from_pandas(rows.astype(times), schema=schema, preserve_index=False)
