"""What a classifier of sentiment looks at: n-grams of words and marks that know negation, VADER's numbers."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

__all__ = ["NUMBERS", "Cues", "cues"]

LONGEST_NGRAM = 3
LONGEST_TOKEN = 40
NEGATED_WORDS = 3  # how far a negation reaches, as in VADER
MANY = 3
STRONGEST = 4  # the end of VADER's scale for a word
BENDS = (-0.6, -0.4, -0.2, 0.0, 0.2, 0.4, 0.6)

NUMBERS = (
    *("compound", "positive", "neutral", "negative", "is_zero", "strength"),
    *(f"compound_above_{bend:g}" for bend in BENDS),
    *("worst_sentence", "best_sentence", "mean_sentence", "first_sentence", "last_sentence"),
    *("positive_words", "negative_words", "best_word", "worst_word", "has_both"),
    *("length", "exclamation_marks", "question_marks", "has_link", "is_upper"),
)
"""What the numbers of a text are, in their order; VADER's compound comes first."""

_LINK = r"https?://\S+|www\.\S+"
_TOKEN = re.compile(rf"{_LINK}|[@#]?\w+(?:['’]\w+)*|[:;=8xX][\-o*']?[)(\]\[DPpOo/\\|3]|<3|[!?.…]+|[^\w\s]")
_STOP = re.compile(r"[.,;:!?…]+")
_NEGATION = re.compile(
    r"not?|never|none|nothing|nobody|neither|nor|cannot|without|hardly|barely|\w+n['’]t"
    r"|(?:do|does|did|is|are|was|were|wo|ca|could|should|would|have|has|had|ai)nt"
)
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|[\r\n]+")


class Cues(NamedTuple):
    """The n-grams of a text, each once, and its `NUMBERS`."""

    ngrams: list[str]
    numbers: list[float]


def cues(text: str) -> Cues:
    """The cues of a text: its n-grams of one to three tokens, and what VADER's lexicon makes of it.

    A token is a word in lower case, a hashtag, an emoticon, an emoji or a mark; all links are one token, and
    so are all mentions. The three words after a negation, up to the next mark, are told apart by `not_`.
    """
    written = _TOKEN.findall(html.unescape(text))
    tokens = _negated([_plain(each) for each in written])
    ngrams = (
        " ".join(tokens[start : start + n])
        for n in range(1, LONGEST_NGRAM + 1)
        for start in range(len(tokens) - n + 1)
    )
    return Cues(list(dict.fromkeys(ngrams)), [*_felt(text), *_sentences(text), *_looks(text, written)])


def _plain(token: str) -> str:
    if re.match(_LINK, token):
        return "<link>"
    return "<mention>" if len(token) > 1 and token[0] == "@" else token.lower()[:LONGEST_TOKEN]


def _negated(tokens: Sequence[str]) -> list[str]:
    marked, reach = [], 0
    for token in tokens:
        reach = 0 if _STOP.fullmatch(token) else reach
        marked.append(f"not_{token}" if reach and token[0].isalpha() else token)
        reach = NEGATED_WORDS if _NEGATION.fullmatch(token) else max(0, reach - 1)
    return marked


def _felt(text: str) -> list[float]:
    """VADER's numbers, and its compound bent, so that a linear model can tell near nothing from much."""
    said = _analyzer().polarity_scores(text)
    compound = said["compound"]
    bent = [max(0.0, compound - bend) for bend in BENDS]
    return [compound, said["pos"], said["neu"], said["neg"], float(compound == 0), abs(compound), *bent]


def _sentences(text: str) -> list[float]:
    parts = [part for part in _SENTENCE_END.split(text) if part.strip()]
    felt = [_analyzer().polarity_scores(part)["compound"] for part in parts] or [0.0]
    return [min(felt), max(felt), sum(felt) / len(felt), felt[0], felt[-1]]


def _looks(text: str, written: Sequence[str]) -> list[float]:
    """What words of the lexicon there are, and how the text is written; each from 0 to about 1."""
    lexicon = _analyzer().lexicon
    known = [lexicon[token] for token in map(str.lower, written) if token in lexicon]
    good, bad = [each for each in known if each > 0], [each for each in known if each < 0]
    return [
        *(_few(len(good)), _few(len(bad))),
        *(max(good, default=0) / STRONGEST, min(bad, default=0) / STRONGEST, float(bool(good and bad))),
        *(math.log1p(len(written)) / MANY, _few(text.count("!")), _few(text.count("?"))),
        *(float(re.search(_LINK, text) is not None), float(text.isupper())),
    ]


def _few(count: int) -> float:
    return min(count, MANY) / MANY


@cache
def _analyzer() -> SentimentIntensityAnalyzer:
    return SentimentIntensityAnalyzer()
