"""Advertisements beside a real clickstream: made up, and without any effect, so that one knows the truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

_HELD_OUT = 0.2
_SHOWN = 0.5  # of the visits are followed by banners
_CLICKED = 0.03
_HOURS = 72  # within which the banners follow a visit
_CAMPAIGNS = {"banner-a": "come-back", "banner-b": "come-back", "banner-c": "new-in-store"}
_COST_SHOWN = 0.05
_COST_A_DAY = {"paid_search": 20.0, "affiliates": 5.0}  # of which the second brings nobody


def made_up_ads(folder: Path, *, clickstream: Path) -> dict[str, Path]:
    """Three CSV files for the visitors of `samples.ecommerce`, by the mapping that reads each.

    made_up_touches: banners (display) that follow visitors about after half of their visits; one in thirty is
    clicked. made_up_costs: what each banner and the paid search cost a day, and affiliates, who brought
    nobody. made_up_assignments: the lot that held a fifth of the visitors out of all banners.

    Made up, as no package with a free licence carries ads with a held-out group. The clickstream is real and
    was never touched by them: the banners cause nothing, whatever they are credited with. The same bytes
    each time.
    """
    rng = np.random.default_rng(0)
    visits = _visits(clickstream)
    people = pd.Series(sorted(visits["visitor_id"].unique()), name="visitor_id")
    is_treated = rng.random(len(people)) >= _HELD_OUT
    shown = _shown(rng, visits[visits["visitor_id"].isin(people[is_treated])])
    frames = {
        "made_up_touches": shown,
        "made_up_costs": _costs(shown),
        "made_up_assignments": pd.DataFrame(
            {
                "visitor_id": people,
                "assigned_at": visits["occurred_at"].min().normalize(),
                "channel": "display",
                "is_treated": is_treated,
            }
        ),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in frames.items():
        frame.to_csv(
            folder / f"{name}.csv", index=False, date_format="%Y-%m-%dT%H:%M:%SZ", lineterminator="\n"
        )
    return {name: folder / f"{name}.csv" for name in frames}


def _visits(clickstream: Path) -> pd.DataFrame:
    """visitor_id, occurred_at: the first event of each of the shop's own sessions."""
    events = pd.read_csv(clickstream, usecols=["user_id", "session_id", "timestamp"])
    first = events.groupby(["user_id", "session_id"], as_index=False)["timestamp"].min()
    at = pd.to_datetime(first["timestamp"], utc=True)
    return pd.DataFrame({"visitor_id": first["user_id"], "occurred_at": at})


def _shown(rng: np.random.Generator, visits: pd.DataFrame) -> pd.DataFrame:
    followed = visits[rng.random(len(visits)) < _SHOWN]
    times = 1 + rng.poisson(1.0, len(followed))
    shown = followed.loc[followed.index.repeat(times)].reset_index(drop=True)
    shown["occurred_at"] += _seconds(rng.uniform(1, _HOURS, len(shown)))
    shown["touch_type"] = np.where(rng.random(len(shown)) < _CLICKED, "click", "impression")
    shown["channel"] = "display"
    shown["ad_id"] = rng.choice(list(_CAMPAIGNS), len(shown))
    shown["campaign_id"] = shown["ad_id"].map(_CAMPAIGNS)
    return shown.sort_values(["occurred_at", "visitor_id", "ad_id"], ignore_index=True)


def _costs(shown: pd.DataFrame) -> pd.DataFrame:
    """A row a day and ad, and one a day and channel that is paid by the day."""
    days = shown["occurred_at"].dt.strftime("%Y-%m-%d").rename("spent_on")
    counts = shown.groupby([days, "channel", "campaign_id", "ad_id"]).size()
    banners = counts.rename("impression_count").reset_index()
    banners["cost_amount"] = (banners["impression_count"] * _COST_SHOWN).round(2)
    every = pd.date_range(days.min(), days.max()).strftime("%Y-%m-%d")
    fixed = pd.DataFrame(
        [(day, channel, cost) for channel, cost in _COST_A_DAY.items() for day in every],
        columns=["spent_on", "channel", "cost_amount"],
    )
    costs = pd.concat([banners, fixed]).sort_values(["spent_on", "channel", "ad_id"], ignore_index=True)
    costs["impression_count"] = costs["impression_count"].astype("Int64")
    return costs.assign(currency="USD")


def _seconds(hours: npt.NDArray[np.float64]) -> pd.TimedeltaIndex:
    return pd.to_timedelta((hours * 3_600).round(), unit="s")
