"""How often do the intervals of attribution hold the figure that is to be known?

`python -m bench.coverage`: worlds of journeys with known ways, counted together as paths; in each the bounds
of 95% by Poisson weights, and whether they hold, of the same model, the figure on a million journeys, and
the mean of the figures on as many journeys. Both are one where a model's figure is a share that does not
hang on how many journeys there are. That of the counterfactual rule does: it looks for the very path
without a touch, and finds it more often among more.
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
from retinue.attribution import path_replicates, replicates, shorter
from retinue.attribution.path_replicates import Gains, ratios
from retinue.attribution.replicates import Journeys

CHANNELS = ("display", "email", "social", "search", "direct")
MEETS = np.array([0.35, 0.25, 0.2, 0.12, 0.08])  # by chance
EFFECTS = np.array([0.3, 0.8, 0.1, 0.0, 0.0])  # on the log-odds of a conversion
LEVEL = 0.95
RESULTS = Path(__file__).parent / "results"

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
    of_sums = {
        model: conversions
        for model, (conversions, _) in replicates.credits(tallied).items()
        if model != "time_decay"
    }
    return {**of_sums, "counterfactual": counterfactual(journeys, weights)}


def counterfactual(journeys: Journeys, weights: Array) -> Array:
    """Conversions by channel: what the tasks of `path_replicates` do, of paths that fit in memory."""
    hashes, first, path = np.unique(shorter.hashes(journeys), axis=0, return_index=True, return_inverse=True)
    won, taken = np.zeros((2, len(hashes), weights.shape[1]))
    np.add.at(won, path, weights * journeys.is_converted[:, None])
    np.add.at(taken, path, weights)
    rate = np.vstack([ratios(won, taken), np.zeros(weights.shape[1])])
    places = {tuple(each): place for place, each in enumerate(hashes.tolist())}
    runs = shorter.runs(journeys)
    asks = np.flatnonzero(first[path[runs.rows]] == runs.rows)  # a path that is there twice asks once
    asked = [places.get(tuple(each), -1) for each in runs.shorter[asks].tolist()]
    owner, lasts = path[runs.rows[asks]], runs.lasts[asks]
    gain = runs.times[asks, None] * np.maximum(rate[owner] - rate[asked], 0)
    last = journeys.codes[np.cumsum(journeys.sizes) - 1][first]
    gains = Gains(rate[:-1], won, np.zeros_like(won), last, owner, journeys.codes[lasts], gain)
    conversions: Array = path_replicates.shared(gains, len(CHANNELS))[0]
    return conversions


def counts(counted: Counter[tuple[tuple[int, ...], bool]]) -> Array:
    """How often each path was taken, a column."""
    return np.array(list(counted.values()), dtype=float)[:, None]


def wanted(worlds: range, size: int, truth_size: int) -> dict[str, dict[str, Array]]:
    """What the bounds are to hold, models x channels: the large sample's figure, and that of as many."""

    def figures(seed: int, journeys: int) -> dict[str, Array]:
        counted = world(np.random.default_rng(seed), journeys)
        return {model: each[:, 0] / journeys for model, each in credits(counted, counts(counted)).items()}

    large, others = figures(0, truth_size), [figures(number, size) for number in worlds]
    means = {model: np.mean([each[model] for each in others], axis=0) for model in large}
    return {"of_large_sample": large, "of_as_many": means}


def covered(truths: dict[str, dict[str, Array]], worlds: int, size: int, drawn: int) -> dict[str, Any]:
    """By what is wanted, model and channel, in what share of the worlds it lies between the bounds."""
    hits = {name: dict.fromkeys(truth, np.zeros(len(CHANNELS))) for name, truth in truths.items()}
    for number in range(1, worlds + 1):
        rng = np.random.default_rng(number)
        small = world(rng, size)
        weights = np.hstack([counts(small), rng.poisson(counts(small), (len(small), drawn))])
        for model, each in credits(small, weights).items():
            low, high = replicates.bounds(each / size, LEVEL)
            for name, truth in truths.items():
                hits[name][model] = hits[name][model] + ((low <= truth[model]) & (truth[model] <= high))
    return {
        name: {
            model: dict(zip(CHANNELS, (each / worlds).round(4).tolist(), strict=True))
            for model, each in of_models.items()
        }
        for name, of_models in hits.items()
    }


def main() -> None:
    """Print the coverage and write it to bench/results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=200)
    parser.add_argument("--size", type=int, default=5_000)
    parser.add_argument("--truth", type=int, default=1_000_000)
    parser.add_argument("--others", type=int, default=1_000, help="worlds for the mean of as many")
    parser.add_argument("--replicates", type=int, default=200)
    asked = parser.parse_args()
    others = range(asked.worlds + 1, asked.worlds + 1 + asked.others)
    found = covered(wanted(others, asked.size, asked.truth), asked.worlds, asked.size, asked.replicates)
    result = {
        "level": LEVEL,
        **vars(asked),
        "machine": machine.facts(),
        "binomial_error": round(float(np.sqrt(LEVEL * (1 - LEVEL) / asked.worlds)), 4),
        "coverage": found,
    }
    path = RESULTS / f"attribution_coverage-{asked.worlds}.json"
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for name, of_models in found.items():
        print(name)
        for model, by_channel in of_models.items():
            print(f"{model:16}", "  ".join(f"{channel} {share:.3f}" for channel, share in by_channel.items()))
    print(f"in {path}")


if __name__ == "__main__":
    main()
