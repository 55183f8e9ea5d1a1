from __future__ import annotations

import pytest
import snowballstemmer
from pyspark.sql import Row, SparkSession

from retinue.errors import SchemaMismatch
from retinue.text import stems, tokens

TEXTS = [
    ("en", "The runners were running to the STORES with @ann #winning https://a.example/x 12 times :)"),
    ("de", "Die Häuser der Kunden sind nicht die schönsten, aber #Lieferungen kamen"),
    ("fr", "Les livraisons étaient malheureusement retardées par la grève"),
    ("es", "Las entregas fueron rápidas y los clientes estaban contentos"),
    ("xx", "The words as they are"),
    (None, "The words again"),
    ("en", ""),
    ("en", None),
    ("en", "the of and"),
]


def test_words_are_stemmed_by_the_language_of_their_text(spark: SparkSession) -> None:
    posts = spark.createDataFrame([Row(n=n, language=code, text=t) for n, (code, t) in enumerate(TEXTS)])
    rows = stems.with_stems(tokens.annotate(posts)).orderBy("n").collect()
    for row, (language, text) in zip(rows, TEXTS, strict=True):
        if text is None:
            assert row.stems is None
            continue
        said = [each.token for each in row.annotations if each.kind in ("word", "hashtag")]
        name = stems.LANGUAGES.get(language or "")
        if name:
            stopped = set(tokens.stop_words(name))
            stemmer = snowballstemmer.stemmer(name)
            said = [stemmer.stemWord(word) for word in said if word not in stopped]
        assert row.stems == said
    alone = stems.with_stems(tokens.annotate(posts)).select("n", "stems").orderBy("n").collect()
    assert [row.stems for row in alone] == [row.stems for row in rows]
    assert rows[0].stems == ["runner", "run", "store", "#win", "time"]


def test_every_language_has_a_stemmer_and_stop_words() -> None:
    assert set(stems.LANGUAGES.values()) <= set(snowballstemmer.algorithms())


def test_what_lacks_a_language_is_refused(spark: SparkSession) -> None:
    with pytest.raises(SchemaMismatch):
        stems.with_stems(tokens.annotate(spark.createDataFrame([Row(text="a")])))
