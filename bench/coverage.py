"""How often do the intervals of attribution hold the figure that a far larger sample gives?

`python -m bench.coverage`: worlds of journeys with known ways, counted together as paths; in each the bounds
of 95% by Poisson weights, and whether the same model's figure on a million journeys lies between them.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import machine
from retinue.attribution import replicates
from retinue.attribution.replicates import Journeys

CHANNELS = ("display", "email", "social", "search", "direct")
MEETS = np.array([0.35, 0.25, 0.2, 0.12, 0.08])  # by chance
EFFECTS = np.array([0.3, 0.8, 0.1, 0.0, 0.0])  # on the log-odds of a conversion
LEVEL = 0.95
RESULT = Path(__file__).parent / "results" / "attribution_coverage.json"

Array = NDArray[np.float64]


def world(rng: np.random.Generator, journeys: int) -> Counter[tuple[tuple[int, ...], bool]]:
    """Paths with whether they convert. Who wants to buy searches more and converts more."""
    intent = rng.normal(size=journeys)
    sizes = 1 + rng.poisson(1.5, journeys)
    paths = []
    for size, wish in zip(sizes, intent, strict=True):
        meets = MEETS * np.array([1, 1, 1, 2.0**wish, 1])
        paths.append(tuple(np.searchsorted(np.cumsum(meets / meets.sum())[:-1], rng.random(size)).tolist()))
    met = np.array([[code in path for code in range(len(CHANNELS))] for path in paths])
    log_odds = -2.0 + 1.2 * intent + met @ EFFECTS
    converts = rng.random(journeys) < 1 / (1 + np.exp(-log_odds))
    return Counter(zip(paths, converts.tolist(), strict=True))


def credits(counted: Counter[tuple[tuple[int, ...], bool]], weights: Array) -> dict[str, Array]:
    """Conversions of each model: channels x replicates."""
    paths = [path for path, _ in counted]
    journeys = Journeys(
        codes=np.array([code for path in paths for code in path]),
        ages=np.zeros(sum(map(len, paths))),
        sizes=np.array([len(path) for path in paths]),
        is_converted=np.array([converts for _, converts in counted]),
        value=np.ones(len(paths)),
    )
    tallied = replicates.tally(journeys, weights, channels=CHANNELS, order=1, positions=(0.4, 0.2, 0.4))
    # Paths know no times, without which time decay is the linear rule.
    return {
        model: conversions
        for model, (conversions, _) in replicates.credits(tallied).items()
        if model != "time_decay"
    }


def counts(counted: Counter[tuple[tuple[int, ...], bool]]) -> Array:
    """How often each path was taken, a column."""
    return np.array(list(counted.values()), dtype=float)[:, None]


def covered(worlds: int, size: int, truth_size: int, drawn: int) -> dict[str, dict[str, float]]:
    """By model and channel, in what share of the worlds the bounds hold the figure of the large sample."""
    large = world(np.random.default_rng(0), truth_size)
    truth = {model: each[:, 0] / truth_size for model, each in credits(large, counts(large)).items()}
    hits = {model: np.zeros(len(CHANNELS)) for model in truth}
    for number in range(1, worlds + 1):
        rng = np.random.default_rng(number)
        small = world(rng, size)
        weights = np.hstack([counts(small), rng.poisson(counts(small), (len(small), drawn))])
        for model, each in credits(small, weights).items():
            low, high = np.quantile(each[:, 1:] / size, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=1)
            hits[model] += (low <= truth[model]) & (truth[model] <= high)
    return {
        model: dict(zip(CHANNELS, (each / worlds).round(4).tolist(), strict=True))
        for model, each in hits.items()
    }


def main() -> None:
    """Print the coverage and write it to bench/results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=200)
    parser.add_argument("--size", type=int, default=5_000)
    parser.add_argument("--truth", type=int, default=1_000_000)
    parser.add_argument("--replicates", type=int, default=200)
    asked = parser.parse_args()
    found = covered(asked.worlds, asked.size, asked.truth, asked.replicates)
    result: dict[str, Any] = {"level": LEVEL, **vars(asked), "machine": machine.facts(), "coverage": found}
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for model, by_channel in found.items():
        print(f"{model:16}", "  ".join(f"{name} {share:.3f}" for name, share in by_channel.items()))
    print(f"in {RESULT}")


if __name__ == "__main__":
    main()
