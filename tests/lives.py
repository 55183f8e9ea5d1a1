"""People who meet ads and buy, for the tests of attribution."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from oracles.attribution import Touch
from pyspark.sql import DataFrame, SparkSession

START = datetime(2026, 3, 1, tzinfo=UTC)
Touches = dict[str, list[Touch]]
Conversions = dict[str, list[tuple[int, float]]]


def lives(seed: int, *, persons: int = 40, hours: int = 24 * 40) -> tuple[Touches, Conversions]:
    """Whole hours, so that equal times and exact bounds are common; some people do but one of the two."""
    rng = random.Random(seed)
    touches = {
        f"p{n}": [
            Touch(rng.randrange(hours), rng.choice("abc"), rng.choice(["click", "view"]))
            for _ in range(rng.choice([0, 1, 3, 8, 20]))
        ]
        for n in range(persons)
    }
    conversions = {
        f"p{n}": [(rng.randrange(hours), float(rng.randrange(9))) for _ in range(rng.choice([0, 0, 1, 3]))]
        for n in range(5, persons + 5)
    }
    return touches, conversions


def at(hour: int) -> datetime:
    return START + timedelta(hours=hour)


def frames(spark: SparkSession, touches: Touches, conversions: Conversions) -> tuple[DataFrame, DataFrame]:
    seen = [(person, at(each.at), each.channel, each.kind) for person, own in touches.items() for each in own]
    done = [(person, at(hour), value) for person, own in conversions.items() for hour, value in own]
    return (
        spark.createDataFrame(
            seen, "person_id string, occurred_at timestamp, channel string, touch_type string"
        ),
        spark.createDataFrame(done, "person_id string, occurred_at timestamp, value double"),
    )
