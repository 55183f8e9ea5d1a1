"""Where the vertices of a small network lie, so that who is tied is near and communities keep together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["force_directed", "parted"]

Floats = NDArray[np.float64]

STEPS = 300
TOGETHER = 0.12  # how strongly a community draws its members to its middle, beside their ties
ACROSS = 0.3  # what a tie to another community counts beside one inside


def force_directed(
    size: int, ends: NDArray[np.int64], weights: Floats, groups: NDArray[np.int64], *, seed: int = 0
) -> Floats:
    """A place (x, y) for each of `size` vertices, each side from 0 to 1, the same for the same arguments.

    Ties draw vertices together, all others push apart, and each community draws its members to its middle.
    `ends` has a row a tie, the places of both vertices; `groups` the community of each vertex. The work grows
    with the square of `size`. Source: Fruchterman and Reingold, "Graph Drawing by Force-directed Placement"
    (1991).
    """
    _, group = np.unique(groups, return_inverse=True)
    pull = _pull(size, ends, weights, group)
    places = _start(size, group, seed)
    ideal = 1 / np.sqrt(max(size, 1))
    for heat in np.linspace(0.1, 0.002, STEPS):
        away = places[:, np.newaxis] - places
        far = np.maximum(np.hypot(away[..., 0], away[..., 1]), 1e-6)
        force = ((ideal / far) ** 2 - pull * far / ideal)[..., np.newaxis] * away
        moves = force.sum(axis=1) + TOGETHER / ideal * (_middles(places, group) - places) - 0.5 * places
        length = np.hypot(moves[:, 0], moves[:, 1])[:, np.newaxis]
        places += moves / np.maximum(length, 1e-12) * np.minimum(length, heat)
    return _filling(places)


def parted(places: Floats, radii: Floats, *, low: Any, high: Any, gap: float = 2) -> Floats:
    """The places, moved no further than discs of these radii need not to cover each other, in a box.

    Where there is no room for all, they cover each other a little.
    """
    low, high = np.asarray(low) + radii[:, np.newaxis], np.asarray(high) - radii[:, np.newaxis]
    wanted = radii[:, np.newaxis] + radii + gap
    np.fill_diagonal(wanted, 0)
    places = np.clip(places, low, high)
    for _ in range(STEPS):
        away = places[:, np.newaxis] - places
        far = np.hypot(away[..., 0], away[..., 1])
        lacking = np.maximum(wanted - far, 0)
        if not lacking.any():
            break
        push = (lacking / np.maximum(far, 1e-9))[..., np.newaxis] * away
        places = np.clip(places + push.sum(axis=1) / 3, low, high)
    return places


def _pull(size: int, ends: NDArray[np.int64], weights: Floats, group: NDArray[np.int64]) -> Floats:
    """How strongly each two draw each other: by the weight, relative to all that either is tied by."""
    pull = np.zeros((size, size))
    np.add.at(pull, (ends[:, 0], ends[:, 1]), np.maximum(weights, 0))
    pull += pull.T
    strength = np.sqrt(np.maximum(pull.sum(axis=0), 1e-12))
    is_inside = group[:, np.newaxis] == group
    relative: Floats = 2 * pull / strength / strength[:, np.newaxis] * np.where(is_inside, 1, ACROSS)
    return relative


def _start(size: int, group: NDArray[np.int64], seed: int) -> Floats:
    """Each near its community's place on a circle; no two at the same."""
    angle = 2 * np.pi * group / max(group.max(initial=0) + 1, 1)
    scattered = np.random.default_rng(seed).normal(scale=0.05, size=(size, 2))
    start: Floats = 0.5 * np.column_stack([np.cos(angle), np.sin(angle)]) + scattered
    return start


def _middles(places: Floats, group: NDArray[np.int64]) -> Floats:
    """The middle of each vertex's community."""
    sizes = np.bincount(group)
    middles = [np.bincount(group, weights=places[:, axis]) / sizes for axis in (0, 1)]
    return np.column_stack(middles)[group]


def _filling(places: Floats) -> Floats:
    """Turned so that most of it lies level, and stretched to fill each side from 0 to 1."""
    centred = places - places.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    turned = centred @ axes[:, ::-1]
    low, high = turned.min(axis=0), turned.max(axis=0)
    filled: Floats = (turned - low) / np.maximum(high - low, 1e-9)
    return np.where(high - low < 1e-9, 0.5, filled)
