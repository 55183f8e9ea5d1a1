"""What foretells a link best? The predictor beside each single score, on links that came later."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from retinue.plots import labels
from retinue.plots.picture import Picture, nothing
from retinue.plots.rows import Rows, first, is_null
from retinue.plots.style import LIGHT

__all__ = ["link_scores"]

TITLE = "What foretells a link best?"
COLUMNS = [
    "kind",
    "score",
    "roc_auc",
    "roc_auc_low",
    "roc_auc_high",
    "average_precision",
    "precision_at_10",
]
KINDS = {
    "people": "Who will be tied to whom",
    "products": "Who will take up what",
    "together": "Which products will go together",
}
PREDICTOR, CHANCE = "probability", 0.5
NEAR, FAR = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0), (0.0, 0.25, 0.5, 0.75, 1.0)  # lines of the scale
WIDTH, MARGIN, NAME, TOLD = 720, 2, 204, 162  # pixels
HEAD, ROW, FOOT, GAP, DOT = 28, 20, 22, 18, 4.5


class _Score(NamedTuple):
    kind: str
    score: str
    roc_auc: float
    low: float
    high: float
    average_precision: float
    precision: float

    @property
    def is_predictor(self) -> bool:
        return self.score == PREDICTOR

    @property
    def name(self) -> str:
        return "predictor" if self.is_predictor else labels.clean(self.score).replace("_", " ")

    @property
    def has_interval(self) -> bool:
        return not (is_null(self.low) or is_null(self.high))

    @property
    def ends(self) -> tuple[float, float]:
        """The interval; where it is not known, the number itself."""
        return (self.low, self.high) if self.has_interval else (self.roc_auc, self.roc_auc)

    @property
    def interval(self) -> str:
        return f"{self.low:.3f} to {self.high:.3f}" if self.has_interval else ""

    @property
    def tip(self) -> str:
        told = f"{self.name}: ROC AUC {self.roc_auc:.3f}"
        told += f" (interval {self.interval})" if self.has_interval else ""
        of_ten = labels.share(self.precision, 1)
        return f"{told}; average precision {self.average_precision:.3f}; of its ten best {of_ten} linked"


def link_scores(scores: Rows, *, limit: int = 60) -> Picture:
    """Draw the ROC AUC of each score with its interval at 95%, the best of each kind of link first.

    `scores` has a row a `kind` (people, products or together) and `score`, which is `probability` for the
    predictor, drawn in blue, or a feature alone: `roc_auc`, `roc_auc_low`, `roc_auc_high`,
    `average_precision` and `precision_at_10` (all 0..1), as in gold.link_scores. The first `limit` rows by
    kind, ROC AUC and name are drawn; from a Spark frame no more are collected, by a Spark job. Raises
    SchemaMismatch.
    """
    by, ascending = ["kind", "roc_auc", "score"], [True, False, True]
    rows = first(scores, columns=COLUMNS, limit=limit, what="link_scores", by=by, ascending=ascending)
    drawn = [_Score(*row) for row in rows if not is_null(row[2])]
    if not drawn:
        return nothing(title=TITLE, note="No score was tried on later links.")
    kinds = {kind: list(own) for kind, own in groupby(drawn, key=lambda score: score.kind)}
    height = sum(HEAD + len(own) * ROW + FOOT + GAP for own in kinds.values()) - GAP
    picture = Picture(title=TITLE, note=_note(kinds.values()), width=WIDTH, height=height)
    scale, top = _Scale.over(drawn), 0
    for kind, own in kinds.items():
        _draw_kind(picture, top, KINDS.get(kind, kind), own, scale)
        top += HEAD + len(own) * ROW + FOOT + GAP
    return picture


@dataclass(frozen=True)
class _Scale:
    """Where a ROC AUC lies, and at which a line stands."""

    ticks: tuple[float, ...]

    @classmethod
    def over(cls, scores: Iterable[_Score]) -> _Scale:
        """From 0.4, where no interval begins lower, else from 0; to 1."""
        return cls(NEAR if min(score.ends[0] for score in scores) >= NEAR[0] else FAR)

    def x(self, roc_auc: float) -> float:
        start, end = MARGIN + NAME + 24, WIDTH - TOLD - 20
        return start + (end - start) * (roc_auc - self.ticks[0]) / (1 - self.ticks[0])

    def draw(self, picture: Picture, *, top: float, bottom: float) -> None:
        """The lines, with their numbers below; the one of chance says so."""
        for tick in self.ticks:
            x, is_chance = self.x(tick), tick == CHANCE
            picture.block(x - 0.5, top, 1, bottom - top, color=LIGHT["rest" if is_chance else "faint"])
            words = f"chance {tick:g}" if is_chance else f"{tick:g}"
            picture.write(x, bottom + 11, words, size=11, color=LIGHT["muted"], align="center")


def _note(kinds: Iterable[list[_Score]]) -> str:
    """What is drawn, and in how many kinds the predictor stands first."""
    judged = [own for own in kinds if any(score.is_predictor for score in own)]
    best = sum(own[0].is_predictor for own in judged)
    note = "ROC AUC on later links, 95% intervals"
    return f"{note}; the predictor leads in {best} of {len(judged)}" if judged else note


def _draw_kind(picture: Picture, top: float, name: str, scores: list[_Score], scale: _Scale) -> None:
    heading = labels.fit(name, room=WIDTH - TOLD - MARGIN, size=13)
    picture.write(MARGIN, top + 10, heading, size=13, bold=True)
    picture.write(WIDTH - TOLD, top + 10, "ROC AUC", size=11, color=LIGHT["muted"])
    rows = top + HEAD
    scale.draw(picture, top=rows - 2, bottom=rows + len(scores) * ROW + 2)
    for place, score in enumerate(scores):
        _draw_score(picture, rows + (place + 0.5) * ROW, score, scale)


def _draw_score(picture: Picture, y: float, score: _Score, scale: _Scale) -> None:
    color, is_bold = LIGHT["blue" if score.is_predictor else "rest"], score.is_predictor
    picture.write(MARGIN + NAME, y, labels.fit(score.name, room=NAME, size=12), bold=is_bold, align="right")
    low, high = map(scale.x, score.ends)
    picture.block(low, y - 2.5, high - low, 5, color=color, alpha=0.4)
    picture.dot(scale.x(score.roc_auc), y, DOT, color=color, tip=score.tip)
    x = WIDTH - TOLD
    picture.write(x, y, f"{score.roc_auc:.3f}", bold=is_bold)
    picture.write(x + 48, y, score.interval, size=11, color=LIGHT["muted"])
