"""How a text feels: VADER's numbers, exactly."""

from __future__ import annotations

from functools import cache

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from retinue.schema import quoted, require

__all__ = ["score"]

NAMES = {"compound": "compound", "positive": "pos", "neutral": "neu", "negative": "neg"}
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
    said = F.col(quoted(text))
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
    return SentimentIntensityAnalyzer()
