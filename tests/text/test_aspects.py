from __future__ import annotations

import pytest
from pyspark.sql import SparkSession
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from retinue.errors import RetinueError, SchemaMismatch
from retinue.text import aspects

TOPICS = {"camera": "cameras?|lens", "battery": "batter(y|ies)", "phone": "phone"}


def test_each_sentence_speaks_for_the_topics_it_names(spark: SparkSession):
    said = [
        (1, "The CAMERA is great. I use it daily. The battery is awful!", "en"),
        (2, "Great battery, and lens\nTelephone calls are bad", "en"),
        (3, "Nothing of this. Nothing", "en"),
        (4, None, "en"),
        (5, "Kamera gut, battery schlecht", "de"),
        (6, "", "en"),
    ]
    posts = spark.createDataFrame(said, "post_id int, text string, language string")
    told = aspects.aspects(posts, topics=TOPICS, language="language")
    assert told.columns == [
        *("post_id", "language", "topic", "sentence", "sentence_text"),
        *("compound", "positive", "neutral", "negative"),
    ]
    rows = told.orderBy("post_id", "sentence", "topic").collect()
    assert [(row.post_id, row.topic, row.sentence, row.sentence_text) for row in rows] == [
        (1, "camera", 1, "The CAMERA is great."),
        (1, "battery", 3, "The battery is awful!"),
        (2, "battery", 1, "Great battery, and lens"),
        (2, "camera", 1, "Great battery, and lens"),
        (5, "battery", 1, "Kamera gut, battery schlecht"),
    ]
    analyzer = SentimentIntensityAnalyzer()
    for row in rows[:4]:
        assert row.compound == analyzer.polarity_scores(row.sentence_text)["compound"]
    assert (rows[4].compound, rows[4].negative) == (None, None)


def test_keys_of_any_name_ride_along(spark: SparkSession):
    posts = spark.createDataFrame([("a", "Bad phone", "old")], "`the id` string, body string, topic string")
    told = aspects.aspects(posts, topics={"it's": "PHONE"}, text="body")
    assert told.columns[:4] == ["the id", "topic", "sentence", "sentence_text"]
    row = told.first()
    assert (row["the id"], row.topic, row.sentence) == ("a", "it's", 1)
    assert row.compound < -0.5
    with pytest.raises(SchemaMismatch):
        aspects.aspects(posts, topics=TOPICS)
    with pytest.raises(RetinueError, match="no topic"):
        aspects.aspects(posts, topics={}, text="body")
