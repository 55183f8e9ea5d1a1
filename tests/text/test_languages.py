from __future__ import annotations

import pytest
from pyspark.sql import SparkSession

from retinue.errors import RetinueError, SchemaMismatch
from retinue.text import languages, sentiment

SAID = {
    "The parcel came two days late and nobody told me why": "en",
    "Das Paket kam zwei Tage zu spät und niemand sagte mir, warum": "de",
    "Le colis est arrivé avec deux jours de retard et personne ne m'a dit pourquoi": "fr",
    "El paquete llegó con dos días de retraso y nadie me dijo por qué": "es",
    "Посылка пришла на два дня позже, и никто не сказал мне почему": "ru",
    "荷物は二日遅れて届きました": "ja",
    "": None,
    ":) 12 👍": None,
    "ok": None,
}


def test_languages_as_people_write_them(spark: SparkSession):
    rows = spark.createDataFrame([(each,) for each in [*SAID, None]], "text string")
    got = {row.text: row for row in rows.transform(languages.detect).collect()}
    assert {text: row.language for text, row in got.items()} == SAID | {None: None}
    assert all((row.language is None) == (row.language_probability is None) for row in got.values())


def test_among_few_languages_short_texts_are_told(spark: SparkSession):
    rows = spark.createDataFrame([("sehr gut",), ("very good",)], "text string")
    got = languages.detect(rows, among=["en", "de"], least=0.5).collect()
    assert [row.language for row in got] == ["de", "en"]


def test_sentiment_takes_the_language(spark: SparkSession):
    rows = spark.createDataFrame(
        [("The war is a terrible disaster for all of us",), ("Das war gar nicht gut so",)]
    )
    told = (
        rows.toDF("text")
        .transform(languages.detect)
        .transform(sentiment.score, language="language")
        .collect()
    )
    assert [row.compound is None for row in told] == [False, True]


def test_what_cannot_be_is_refused(spark: SparkSession):
    rows = spark.createDataFrame([("a",)], "text string")
    with pytest.raises(RetinueError, match="there is no language 'english'"):
        languages.detect(rows, among=["english"])
    with pytest.raises(RetinueError, match="least"):
        languages.detect(rows, least=2)
    with pytest.raises(SchemaMismatch):
        languages.detect(rows, text="body")
