"""How people feel about what: the sentiment of each sentence with the topics that it names."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retinue.errors import RetinueError
from retinue.schema import quoted, require
from retinue.text import sentiment
from retinue.text.writing import SENTENCE_END

__all__ = ["aspects"]

_ADDED = ("topic", "sentence", "sentence_text", *sentiment.NAMES)


def aspects(
    documents: DataFrame, *, topics: Mapping[str, str], text: str = "text", language: str | None = None
) -> DataFrame:
    """A row for each sentence and topic that it names, with VADER's numbers for that sentence alone.

    "The camera is great. The battery is awful!" is positive on the camera and negative on the battery, though
    the whole is neither. A sentence that names no topic has no row, whatever the rest of the text names.

    topics: a topic's name -> the Java regular expression that finds it, in any case; it matches from the
    beginning of a word to the end of one, so that `phone` does not find `telephone`.

    Out: all columns of the documents but `text`, then topic (string), sentence (int, from 1), sentence_text
    (string), compound, positive, neutral and negative (double, as in `sentiment.score`; with `language`, the
    column that names the text's language, null in all but English).

    A sentence ends at . ! ? or … before a space, and at the end of a line. Lazy; no shuffle.
    Raises SchemaMismatch; RetinueError where there is no topic.
    """
    require(documents, [text, *([language] if language else [])], what="aspects")
    if not topics:
        raise RetinueError("there is no topic; give topics, each name with its regular expression")
    kept = [quoted(name) for name in documents.columns if name not in (text, *_ADDED)]
    own = [*kept, *([quoted(language)] if language in _ADDED else [])]
    sentences = documents.select(
        *own, F.posexplode(F.split(F.col(quoted(text)), SENTENCE_END)).alias("_place", "sentence_text")
    )
    named = sentences.withColumn("_topics", _named(F.col("sentence_text"), topics)).where(
        F.size("_topics") > 0
    )
    scored = sentiment.score(named, text="sentence_text", language=language)
    return scored.select(
        *kept,
        F.explode("_topics").alias("topic"),
        (F.col("_place") + 1).alias("sentence"),
        "sentence_text",
        *sentiment.NAMES,
    )


def _named(sentence: Column, topics: Mapping[str, str]) -> Column:
    """The topics that the sentence names, in the order given."""
    found = [
        F.when(sentence.rlike(rf"(?iu)(?<![\p{{L}}\p{{N}}])(?:{pattern})(?![\p{{L}}\p{{N}}])"), F.lit(name))
        for name, pattern in topics.items()
    ]
    return F.array_compact(F.array(*found))
