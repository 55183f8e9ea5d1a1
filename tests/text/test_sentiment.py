from __future__ import annotations

import random

import pytest
from pyspark.sql import SparkSession
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from retinue.errors import SchemaMismatch
from retinue.text import sentiment

SAID = [
    "VADER is smart, handsome, and funny.",
    "VADER is VERY SMART, handsome, and FUNNY!!!",
    "The book was only kind of good.",
    "The plot was good, but the characters are uncompelling and the dialog is not great.",
    "At least it isn't a horrible book.",
    "Make sure you :) or :D today!",
    "Not bad at all",
    "Today SUX! ;-(",
    "Catch utf-8 emoji such as 💘 and 💋 and 😁",
    "Without a doubt, never so nice",
    "but not very !!! ??? least GREAT",
    "",
    "<script>alert('x')</script>",
    "שלום",
]


def test_the_numbers_are_vaders(spark: SparkSession):
    rng, pieces = random.Random(9), " ".join(SAID).split()
    texts = [*SAID, *(" ".join(rng.choices(pieces, k=rng.randint(1, 25))) for _ in range(2_000))]
    texts += [" ".join(rng.choices(pieces, k=600)) for _ in range(5)]
    rows = (
        spark.createDataFrame([(text,) for text in texts], "text string").transform(sentiment.score).collect()
    )
    analyzer = SentimentIntensityAnalyzer()
    for row in rows:
        expected = analyzer.polarity_scores(row.text)
        assert (row.compound, row.positive, row.neutral, row.negative) == tuple(
            expected[name] for name in ("compound", "pos", "neu", "neg")
        )


def test_only_english_has_numbers(spark: SparkSession):
    said = [
        ("great", "en"),
        ("great", "EN-us"),
        ("great", "english"),
        ("great", "de"),
        ("great", None),
        (None, "en"),
    ]
    rows = spark.createDataFrame(said, "text string, language string")
    scored = sentiment.score(rows, language="language").collect()
    assert [row.compound for row in scored] == [0.6249, 0.6249, 0.6249, None, None, None]
    assert [row.negative for row in scored] == [0.0, 0.0, 0.0, None, None, None]


def test_other_columns_stay_and_older_numbers_go(spark: SparkSession):
    rows = spark.createDataFrame([(7, "great", 9.0)], "id int, text string, compound double")
    scored = sentiment.score(rows)
    assert scored.columns == ["id", "text", "compound", "positive", "neutral", "negative"]
    assert scored.first().compound == 0.6249
    with pytest.raises(SchemaMismatch):
        sentiment.score(rows, text="body")
    with pytest.raises(SchemaMismatch):
        sentiment.score(rows, language="language")
