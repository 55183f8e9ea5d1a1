"""Who there is: persons, the devices they come on, and who will leave."""

from __future__ import annotations

import numpy as np
import pandas as pd

CHURN_DRIVERS = {"complaint_count": 0.9, "tenure_months": -0.05, "frustration": 2.0}
CHURN_NOISE = ("shoe_size", "favourite_colour", "takes_newsletter")
_COLOURS = np.array(["red", "green", "blue", "white"])


def people(rng: np.random.Generator, *, count: int) -> pd.DataFrame:
    """A row a person: traits, the probability of leaving that follows from them, and who has left.

    `frustration`, 0 to 1, is the share of troubled sessions beyond everyone's tenth.
    """
    persons = pd.DataFrame(
        {
            "person_id": [f"person-{n:05d}" for n in range(count)],
            "complaint_count": rng.poisson(0.7, count),
            "tenure_months": rng.integers(1, 60, count),
            "frustration": rng.random(count).round(3),
            "shoe_size": rng.integers(35, 47, count),
            "favourite_colour": _COLOURS[rng.integers(0, len(_COLOURS), count)],
            "takes_newsletter": rng.random(count) < 0.4,
        }
    )
    log_odds = -1.5 + sum(persons[trait] * effect for trait, effect in CHURN_DRIVERS.items())
    persons["churn_probability"] = 1 / (1 + np.exp(-log_odds))
    persons["has_churned"] = rng.random(count) < persons["churn_probability"]
    return persons


def identities(rng: np.random.Generator, *, persons: pd.DataFrame, visitors: int) -> pd.DataFrame:
    """A row a visitor: whose device it is, the login where there is one, the profile on the network.

    The first persons come on a second device once everybody has one; half of the visitors log in,
    two persons of three have a profile.
    """
    owner = np.arange(visitors) % len(persons)
    logs_in = rng.random(visitors) < 0.5
    has_profile = rng.random(len(persons)) < 2 / 3
    return pd.DataFrame(
        {
            "visitor_id": [f"visitor-{n:05d}" for n in range(visitors)],
            "user_id": [f"user-{n:05d}" if known else None for n, known in zip(owner, logs_in, strict=True)],
            "profile_id": [f"profile-{n:05d}" if has_profile[n] else None for n in owner],
            "person_id": persons["person_id"].to_numpy()[owner],
        }
    )
