"""A trained classifier of sentiment, as plain numbers: it judges texts with Spark and without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from retinue.text.calibration import Calibration, Decision
from retinue.text.cues import cues

__all__ = ["CLASSES", "SentimentModel"]

CLASSES = ("negative", "neutral", "positive")


@dataclass(frozen=True)
class SentimentModel:
    """What `classifier.train` learnt: a weight for each n-gram, number and class.

    ngrams: those that count; rarity: the inverse document frequency of each; ngram_weights and number_weights
    (a row an n-gram or number, a column a class of `CLASSES`), intercepts; calibration, which makes
    probabilities of the sums, and decision, which makes classes of those.
    """

    ngrams: tuple[str, ...]
    rarity: NDArray[np.float64]
    ngram_weights: NDArray[np.float64]
    number_weights: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    calibration: Calibration
    decision: Decision

    def logits(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """The sums of weights before calibration: a row a text, a column a class."""
        return np.array([self._logits(text) for text in texts]).reshape(-1, len(CLASSES))

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """The calibrated probabilities: a row a text, a column a class of `CLASSES`; each row sums to 1."""
        return self.calibration.probabilities(self.logits(texts))

    def sentiments(self, probabilities: NDArray[np.float64]) -> list[str]:
        """The class of each row of probabilities."""
        return [CLASSES[each] for each in self.decision.classes(probabilities)]

    def _logits(self, text: str) -> NDArray[np.float64]:
        """As Spark ML's pipeline has it: n-grams by their rarity, in a vector of length 1; numbers as are."""
        found = cues(text)
        known = [self._places[ngram] for ngram in found.ngrams if ngram in self._places]
        rarity = self.rarity[known]
        length = np.sqrt(np.square(rarity).sum()) or 1.0
        said = rarity @ self.ngram_weights[known] / length
        return np.asarray(said + np.array(found.numbers) @ self.number_weights + self.intercepts)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {ngram: place for place, ngram in enumerate(self.ngrams)}
