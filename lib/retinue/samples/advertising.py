"""Ads seen and what they did: touches, conversions, spend, and a held-out group."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

HARVESTING_CHANNEL = "brand_search"
CHANNEL_EFFECTS = {"display": 0.5, "email": 1.0, "social": 0.0, HARVESTING_CHANNEL: 0.0}
_COSTS = {"display": 0.02, "email": 0.01, "social": 0.03, HARVESTING_CHANNEL: 0.6}
_HELD_OUT = 0.2
_WAITED_DAYS = 3.0


def effects(*, quiet: bool) -> dict[str, float]:
    """What having seen a channel adds to the log-odds of a subscription; nothing in a quiet world."""
    return dict.fromkeys(CHANNEL_EFFECTS, 0.0) if quiet else dict(CHANNEL_EFFECTS)


def exposures(rng: np.random.Generator, *, persons: list[str], quiet: bool) -> pd.DataFrame:
    """A row a person: `intent`, `is_held_out`, times exposed to each channel, and whether they subscribe.

    Intent (standard normal) adds to the log-odds of a subscription and doubles exposure to the harvesting
    channel with every unit; the held-out fifth, drawn at random, never sees that channel. An exposure to a
    channel, however often repeated, adds the channel's effect.
    """
    intent = rng.normal(size=len(persons))
    is_held_out = rng.random(len(persons)) < _HELD_OUT
    exposed = {channel: rng.poisson(0.7, len(persons)) for channel in CHANNEL_EFFECTS}
    harvested = rng.poisson(0.7 * 2**intent)
    exposed[HARVESTING_CHANNEL] = np.where(is_held_out, 0, harvested)
    gains = effects(quiet=quiet)
    log_odds = -2.0 + 1.2 * intent + sum(gains[channel] * (times > 0) for channel, times in exposed.items())
    frame = pd.DataFrame({"person_id": persons, "intent": intent, "is_held_out": is_held_out, **exposed})
    return frame.assign(has_converted=rng.random(len(persons)) < 1 / (1 + np.exp(-log_odds)))


def touches(
    rng: np.random.Generator, *, exposed: pd.DataFrame, start: pd.Timestamp, days: int
) -> pd.DataFrame:
    """A row a touch: person, time, channel, campaign, impression or click, cost.

    All touches of a person fall into the first half of the days, so that they come before the conversion.
    """
    long = exposed.melt(id_vars="person_id", value_vars=list(CHANNEL_EFFECTS), var_name="channel")
    seen = long.loc[long.index.repeat(long["value"])].drop(columns="value").reset_index(drop=True)
    seen["occurred_at"] = start + _seconds(rng.random(len(seen)) * days / 2)
    seen["campaign_id"] = seen["channel"] + "-" + pd.Series(rng.integers(1, 3, len(seen)).astype(str))
    seen["touch_type"] = np.where(rng.random(len(seen)) < 0.3, "click", "impression")
    seen["cost_amount"] = seen["channel"].map(_COSTS)
    seen = seen.sort_values(["occurred_at", "person_id", "channel"], ignore_index=True)
    seen.insert(0, "touch_id", [f"touch-{n:06d}" for n in range(len(seen))])
    return seen


def conversions(
    rng: np.random.Generator, *, exposed: pd.DataFrame, start: pd.Timestamp, days: int
) -> pd.DataFrame:
    """A row a subscription: who, when (in the second half of the days), and what it is worth."""
    subscribed = exposed.loc[exposed["has_converted"], ["person_id"]].reset_index(drop=True)
    waited = np.minimum(rng.exponential(_WAITED_DAYS, len(subscribed)), days / 2 - 0.01)
    return subscribed.assign(
        conversion_id=[f"conversion-{n:05d}" for n in range(len(subscribed))],
        converted_at=start + _seconds(days / 2 + waited),
        value=rng.integers(20, 200, len(subscribed)).astype(float),
    )


def _seconds(days: npt.NDArray[np.float64]) -> pd.TimedeltaIndex:
    return pd.to_timedelta((days * 86_400).round(), unit="s")
