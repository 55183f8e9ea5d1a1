"""How well classes found agree with the true ones: macro F1, calibration error, a gain with its interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["calibration_error", "gain_interval", "log_loss", "macro_f1", "scores"]

Floats = NDArray[np.float64]


def macro_f1(confusion: Floats) -> Floats:
    """The mean of the classes' F1, each as much as the other; a class neither seen nor found has 0.

    confusion: counts, true classes by found ones in its last two axes; several at once in those before.
    """
    return np.asarray(_f1(confusion).mean(axis=-1))


def scores(confusion: Floats, classes: Sequence[str]) -> dict[str, float]:
    """Accuracy, macro F1, and precision, recall and F1 of each class."""
    right = np.diag(confusion)
    told = {
        "precision": right / np.maximum(confusion.sum(axis=0), 1),
        "recall": right / np.maximum(confusion.sum(axis=1), 1),
        "f1": _f1(confusion),
    }
    return {
        "macro_f1": float(macro_f1(confusion)),
        "accuracy": float(right.sum() / confusion.sum()),
        **{
            f"{measure}_{name}": float(share)
            for measure, shares in told.items()
            for name, share in zip(classes, shares, strict=True)
        },
    }


def gain_interval(joint: Floats, *, resamples: int = 2_000, seed: int = 0) -> tuple[float, float]:
    """The 95% interval of the macro F1 gained on another classifier: paired bootstrap over the same cases.

    joint: counts by true class, class found, class that the other found. To draw as many cases again, each
    with both its findings, is to draw these counts from a multinomial distribution: exact, however many.
    Source: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), the percentile interval.
    """
    total = joint.sum()
    drawn = np.random.default_rng(seed).multinomial(int(total), joint.ravel() / total, size=resamples)
    cells = drawn.reshape(-1, *joint.shape).astype(np.float64)
    gains = macro_f1(cells.sum(axis=3)) - macro_f1(cells.sum(axis=2))
    low, high = np.percentile(gains, [2.5, 97.5])
    return float(low), float(high)


def log_loss(probabilities: Floats, truth: NDArray[np.integer], counts: Floats) -> float:
    """The mean negative natural logarithm of the true class's probability."""
    told = np.maximum(probabilities[np.arange(len(truth)), truth], 1e-15)
    return float(-(counts * np.log(told)).sum() / counts.sum())


def calibration_error(
    probabilities: Floats, truth: NDArray[np.integer], counts: Floats, *, bins: int = 10
) -> float:
    """How far the probabilities are from the shares seen: the mean over classes and cases, by bins.

    Source: Kull et al., "Beyond temperature scaling" (2019), classwise expected calibration error.
    """
    classes = probabilities.shape[1]
    errors = []
    for each in range(classes):
        bin_of = np.minimum((probabilities[:, each] * bins).astype(int), bins - 1)
        expected = np.bincount(bin_of, counts * probabilities[:, each], minlength=bins)
        seen = np.bincount(bin_of, counts * (truth == each), minlength=bins)
        errors.append(np.abs(expected - seen).sum() / counts.sum())
    return float(np.mean(errors))


def _f1(confusion: Floats) -> Floats:
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    return np.asarray(2 * right / np.maximum(confusion.sum(axis=-1) + confusion.sum(axis=-2), 1))
