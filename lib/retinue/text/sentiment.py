"""How a text feels: VADER's numbers, exactly."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from heapq import heappop, heappush
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from retinue.schema import quoted, require

__all__ = ["score"]

NAMES = {"compound": "compound", "positive": "pos", "neutral": "neu", "negative": "neg"}
_REACH = 3  # words before and behind one that VADER's rules look at
_TYPE = "struct<" + ", ".join(f"{name}: double" for name in NAMES) + ">"


def score(documents: DataFrame, *, text: str = "text", language: str | None = None) -> DataFrame:
    """Add VADER's numbers for the text: how positive, neutral and negative it is, and all in one.

    Out, doubles: compound (from -1, most negative, to 1; by convention positive from .05 on, negative from
    -.05 down), positive, neutral, negative (shares of the text, from 0 to 1). They are equal to those of
    vaderSentiment, rounded as there; null where the text is null.

    VADER knows English only: with `language`, the column that names each text's language, only texts with en
    or english in it are scored, and all others get null, never 0.

    An Arrow batch function that scores each distinct text of a batch once. Lazy.
    Source: Hutto and Gilbert, "VADER" (ICWSM 2014). Raises SchemaMismatch.
    """
    require(documents, [text, *([language] if language else [])], what="sentiment.score")
    scored = arrow_udf(_scores, _TYPE)(_english(documents, text, language))  # type: ignore[call-overload]
    told = documents.withColumn("_sentiment", scored)
    kept = [quoted(name) for name in documents.columns if name not in NAMES]
    return told.select(*kept, *(F.col(f"_sentiment.{name}") for name in NAMES))


def _english(documents: DataFrame, text: str, language: str | None) -> Column:
    said = F.make_valid_utf8(quoted(text))
    if language is None:
        return said
    return F.when(F.lower(quoted(language)).rlike("^en(glish)?([-_]|$)"), said)


def _scores(batch: pa.Array) -> pa.Array:
    distinct = batch.dictionary_encode()
    scores = [
        None if text is None else _analyzer().polarity_scores(text)
        for text in distinct.dictionary.to_pylist()
    ]
    columns = [pa.array([each and each[short] for each in scores], pa.float64()) for short in NAMES.values()]
    return pa.StructArray.from_arrays([column.take(distinct.indices) for column in columns], names=[*NAMES])


@cache
def _analyzer() -> SentimentIntensityAnalyzer:
    return _Analyzer()


class _Analyzer(SentimentIntensityAnalyzer):  # type: ignore[misc]
    """VADER's own, which takes time by the words of a text alone and not by their square."""

    def sentiment_valence(
        self, valence: float, sentitext: Any, item: str, i: int, sentiments: list[float]
    ) -> list[float]:
        """The rules see the words around one; all others have no part in what it feels like."""
        if item.lower() not in self.lexicon:
            sentiments.append(valence)
            return sentiments
        start = max(0, i - _REACH)
        near = SimpleNamespace(
            is_cap_diff=sentitext.is_cap_diff,
            words_and_emoticons=sentitext.words_and_emoticons[start : i + _REACH],
        )
        return super().sentiment_valence(valence, near, item, i - start, sentiments)  # type: ignore[no-any-return]

    @staticmethod
    def _but_check(words_and_emoticons: list[str], sentiments: list[float]) -> list[float]:
        """What stands before the first "but" counts half, what stands behind it half as much again.

        As there, each step changes the first of the values equal to its own, which may be another's.
        """
        lowered = [word.lower() for word in words_and_emoticons]
        if "but" not in lowered:
            return sentiments
        middle = lowered.index("but")
        places = defaultdict[float, list[int]](list)
        for place, felt in enumerate(sentiments):
            places[felt].append(place)
        for step in range(len(sentiments)):
            felt = sentiments[step]
            place = heappop(places[felt])
            sentiments[place] = felt * (0.5 if place < middle else 1.5 if place > middle else 1)
            heappush(places[sentiments[place]], place)
        return sentiments
