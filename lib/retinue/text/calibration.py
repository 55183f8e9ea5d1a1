"""From a classifier's sums to probabilities that hold, and from those to classes that serve macro F1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Calibration", "Decision", "calibrate", "choose"]

Floats = NDArray[np.float64]

PULL = 1e-3  # towards no change, lest classes that part cleanly make all sure
STEPS = 50
NEUTRAL_STEPS, POSITIVE_STEPS = np.arange(-1.5, 3.01, 0.1), np.arange(-1.0, 1.01, 0.2)


@dataclass(frozen=True)
class Calibration:
    """How sums become probabilities: scaled, moved by class, softmax. Class 1 of the three does not move."""

    scale: float = 1.0
    first: float = 0.0
    last: float = 0.0

    def probabilities(self, logits: Floats) -> Floats:
        """A row of probabilities for a row of sums."""
        sums = self.scale * logits + np.array([self.first, 0.0, self.last])
        powers = np.exp(sums - sums.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class Decision:
    """How probabilities become classes: the largest, after each class's log-probability got its bonus."""

    bonus: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def classes(self, probabilities: Floats) -> NDArray[np.intp]:
        """The class of each row, as its column."""
        logs = np.log(np.maximum(probabilities, 1e-300))
        return np.asarray((logs + np.array(self.bonus)).argmax(axis=1))


def calibrate(logits: Floats, truth: NDArray[np.integer], counts: Floats) -> Calibration:
    """The scale and the moves that make the classes seen most likely: Platt's scaling for three classes.

    logits: a row a case, a column a class; truth: the column of its class; counts: how many such cases.
    Source: Platt (1999); Guo et al., "On Calibration of Modern Neural Networks" (2017), vector scaling with
    one scale.
    """
    moved = np.stack(
        [logits - logits[:, [1]], *(np.broadcast_to(np.eye(3)[c], logits.shape) for c in (0, 2))]
    )
    told = moved[:, np.arange(len(truth)), truth]
    start = point = np.array([1.0, 0.0, 0.0])
    for _ in range(STEPS):  # Newton's: the loss is convex
        shares = Calibration(*point).probabilities(logits)
        means = (moved * shares).sum(axis=2)
        slope = (counts * (means - told)).sum(axis=1) + PULL * (point - start)
        within = np.einsum("n,inc,jnc,nc->ij", counts, moved, moved, shares)
        bend = within - (counts * means) @ means.T + PULL * np.eye(3)
        step = np.clip(np.linalg.solve(bend, slope), -1, 1)
        point = point - step
        if np.abs(step).max() < 1e-9:
            break
    return Calibration(*map(float, point))


def choose(probabilities: Floats, counts: Floats) -> Decision:
    """The bonuses by which the expected macro F1 is largest, if the probabilities hold.

    By expectation, not by the classes seen: those of a rare class are few, and a rule tuned to them wavers.
    Source: Lipton, Elkan and Naryanaswamy, "Optimal Thresholding of Classifiers to Maximize F1" (2014).
    """
    weighed = probabilities * counts[:, None]
    rules = [
        Decision((0.0, float(neutral), float(positive)))
        for neutral in NEUTRAL_STEPS
        for positive in POSITIVE_STEPS
    ]
    return max(rules, key=lambda rule: _expected(weighed, counts, rule.classes(probabilities)))


def _expected(weighed: Floats, counts: Floats, chosen: NDArray[np.intp]) -> float:
    cells = np.stack([np.bincount(chosen, column, minlength=3) for column in weighed.T])
    named = np.bincount(chosen, counts, minlength=3)
    return float((2 * np.diag(cells) / np.maximum(weighed.sum(axis=0) + named, 1e-300)).sum())
