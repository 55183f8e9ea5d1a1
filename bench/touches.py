"""Touches of ads and what people bought, of any number: the same bytes for the same number, in chunks.

In `touches`, ten touches a person on average over 180 days, how many goes by a power law, of twelve channels.
One more person has one touch in two hundred. One touch in a hundred is at the instant of the one before it,
of the same person. In `conversions`, three touches of a hundred led to one, more by some channels than by
others: mostly within days, one in a hundred at once and one exactly thirty days later; some come after the
last day.
Each chunk of a million touches covers its own stretch of the days: a file, in time order.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

__all__ = ["CHANNELS", "END", "write"]

TOUCHES_A_FILE = 1_000_000
END = date(2026, 6, 30)  # the first day that has no touch
CHANNELS = (
    *("direct", "organic_search", "paid_search", "email", "social", "paid_social", "display", "video"),
    *("affiliate", "referral", "sms", "podcast"),
)
_SHARES = (0.22, 0.18, 0.13, 0.1, 0.09, 0.08, 0.07, 0.04, 0.03, 0.03, 0.02, 0.01)
_LIFTS = (1.2, 1.1, 1.5, 1.3, 0.6, 0.7, 0.3, 0.4, 1.8, 0.9, 0.8, 0.5)  # of the chance of a conversion
_KINDS = ("click", "view")
_TOUCHES_A_PERSON = 10
_SKEWED = 1 / 200
_TAIL = 1.8
_CONVERTING = 0.03
_START = 1_767_225_600_000  # 2026-01-01 in epoch milliseconds
_DAY = 86_400_000
_SPAN = 180 * _DAY
_LOOK_BACK = 30 * _DAY
_DELAY = 2 * _DAY

Ints = npt.NDArray[np.int64]


def write(
    folder: Path, *, touches: int, seed: int = 0, each: Callable[[int], None] = lambda done: None
) -> None:
    """Write `touches` touches and their conversions into the folder, calling `each` with the count so far."""
    for name in ("touches", "conversions"):
        (folder / name).mkdir(parents=True)
    reach = _reach(np.random.default_rng(seed), max(1, touches // _TOUCHES_A_PERSON))
    for chunk, first in enumerate(range(0, touches, TOUCHES_A_FILE)):
        rng = np.random.default_rng([seed, chunk])
        count = min(TOUCHES_A_FILE, touches - first)
        person, at = _met(rng, reach, count, start=_SPAN * first // touches, span=_SPAN * count // touches)
        channel = rng.choice(len(CHANNELS), count, p=_SHARES)
        seen = pa.table(
            {
                "touch_id": _numbered("t", first + np.arange(count), digits=10),
                "person_id": _numbered("p", person, digits=9),
                "occurred_at": _instants(at),
                "channel": pa.array(CHANNELS).take(pa.array(channel)),
                "touch_type": pa.array(_KINDS).take(pa.array((rng.random(count) < 0.3).astype(np.int64))),
            }
        )
        led = np.flatnonzero(rng.random(count) < _chances()[channel])
        done = pa.table(
            {
                "conversion_id": _numbered("c", first + led, digits=10),
                "person_id": _numbered("p", person[led], digits=9),
                "occurred_at": _instants(at[led] + _delays(rng, len(led))),
                "value": np.minimum(rng.lognormal(4, 1, len(led)), 10_000).round(2),
            }
        )
        for name, rows in (("touches", seen), ("conversions", done)):
            file = folder / name / f"part-{chunk:05d}.parquet"
            pq.write_table(rows, file, compression="zstd", row_group_size=250_000)
        each(first + count)


def _reach(rng: np.random.Generator, people: int) -> npt.NDArray[np.float64]:
    """Cumulative shares of the touches; the skewed person stands after the last one."""
    weights = np.minimum(rng.pareto(_TAIL, people) + 1, people**0.5)
    return np.append((1 - _SKEWED) * np.cumsum(weights / weights.sum()), 1.0)


def _met(
    rng: np.random.Generator, reach: npt.NDArray[np.float64], count: int, *, start: int, span: int
) -> tuple[Ints, Ints]:
    """Who and when, in time order."""
    at = np.sort(start + rng.integers(0, span, count))
    person = np.searchsorted(reach[:-1], rng.random(count), side="right")
    again = np.flatnonzero(rng.random(count) < 0.01)
    again = again[again > 0]
    person[again], at[again] = person[again - 1], at[again - 1]
    return person, at


def _chances() -> npt.NDArray[np.float64]:
    lifts = np.array(_LIFTS)
    chances: npt.NDArray[np.float64] = _CONVERTING * lifts / (lifts @ _SHARES)
    return chances


def _delays(rng: np.random.Generator, count: int) -> Ints:
    delays = np.minimum(rng.exponential(_DELAY, count), _LOOK_BACK).astype(np.int64)
    odd = rng.random(count)
    return np.where(odd < 0.01, 0, np.where(odd < 0.02, _LOOK_BACK, delays))


def _instants(at: Ints) -> pa.Array:
    return pa.array((_START + at) * 1000, pa.timestamp("us", tz="UTC"))


def _numbered(letter: str, numbers: Ints, *, digits: int) -> pa.Array:
    padded = pc.utf8_lpad(pc.cast(pa.array(numbers), pa.string()), digits, padding="0")
    return pc.binary_join_element_wise(letter, padded, "")
