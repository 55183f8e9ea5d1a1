from __future__ import annotations

import random

import pytest
import simplemma
import snowballstemmer
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import Row, SparkSession

from retinue.errors import RetinueError, SchemaMismatch
from retinue.text import tokens

WRITTEN = {
    "Don't stop! #WOW @bob": ["don't", "stop", "#wow", "@bob"],
    "see https://x.y/Z?a=1. Or www.shop.example/hats, ok": (
        ["see", "https://x.y/z?a=1", "or", "www.shop.example/hats", "ok"]
    ),
    "mail me@x.com or a.b+c@mail.example.org.": ["mail", "me@x.com", "or", "a.b+c@mail.example.org"],
    "e-mail, snake_case, U.S.": ["e", "mail", "snake_case", "u", "s"],
    "3.5% of 1,000.50 at 10:30 in 2026, 12ab": ["3.5", "of", "1,000.50", "at", "10:30", "in", "2026", "12ab"],
    "I <3 it :) great:) XD ^_^ (see: foo):": [
        "i",
        "<3",
        "it",
        ":)",
        "great",
        ":)",
        "xd",
        "^_^",
        "see",
        "foo",
    ],
    "👨‍👩‍👧‍👦👍🏽🇩🇪1️⃣❤️": ["👨‍👩‍👧‍👦", "👍🏽", "🇩🇪", "1️⃣", "❤️"],
    "naïve CAFÉ Straße Ελλάδα": ["naïve", "café", "straße", "ελλάδα"],
    "שלום עולם! شكرا جزيلا": ["שלום", "עולם", "شكرا", "جزيلا"],
    "日本のテスト": ["日", "本", "の", "テスト"],
    "हिन्दी": ["हिन्दी"],
    "<script>alert('x')</script>": ["script", "alert", "x", "script"],
    "# @ ' - .": [],
    "": [],
}
KINDS = {
    "#wow": "hashtag",
    "@bob": "mention",
    "http://x.y": "url",
    "a@b.org": "address",
    "👍🏽": "emoji",
    "1️⃣": "emoji",
    ":)": "emoticon",
    "<3": "emoticon",
    "3.5": "number",
    "12ab": "word",
    "don't": "word",
    "本": "word",
}


def tokenized(spark: SparkSession, texts: list[str | None]) -> list[list[str] | None]:
    frame = spark.createDataFrame(list(enumerate(texts)), "id int, text string").transform(tokens.tokenize)
    return [row.tokens for row in frame.orderBy("id").collect()]


def test_tokens_as_people_write_them(spark: SparkSession):
    assert tokenized(spark, [*WRITTEN]) == [*WRITTEN.values()]
    assert tokenized(spark, [None]) == [None]


def test_every_token_keeps_its_kind_and_its_sentence(spark: SparkSession):
    frame = spark.createDataFrame([(" ".join(KINDS),)], "text string").transform(tokens.annotate)
    told = frame.collect()[0].annotations
    assert {each.token: each.kind for each in told} == KINDS
    said = "One. Two of 3.5 “Three!” Four?\nFive… six。七！八"
    frame = spark.createDataFrame([(said,), (None,)], "text string").transform(tokens.annotate)
    first, second = frame.collect()
    sentences = [(each.token, each.sentence) for each in first.annotations]
    assert sentences == [
        *(("one", 1), ("two", 2), ("of", 2), ("3.5", 2), ("three", 2)),
        *(("four", 3), ("five", 4), ("six", 5), ("七", 6), ("八", 7)),
    ]
    assert second.annotations is None


def test_long_and_broken_texts_pass(spark: SparkSession):
    long = ["a'" * 200_000, "1." * 200_000, "👨‍" * 100_000, "x" * 1_000_000, "@" * 100_000, ":-" * 100_000]
    assert all(each is not None for each in tokenized(spark, long))
    broken = spark.range(1).selectExpr("cast(x'616220ff fe63' as string) as text".replace(" fe", "fe"))
    assert broken.transform(tokens.tokenize).collect()[0].tokens[0] == "ab"


@settings(max_examples=10, deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters="Σİ"), max_size=60), min_size=1, max_size=200))
def test_tokens_stand_in_the_text_in_their_order(spark: SparkSession, texts: list[str]):
    texts = [text.encode("utf-8", "ignore").decode() for text in texts]
    frame = spark.createDataFrame([(text,) for text in texts], "text string")
    for row in frame.transform(tokens.tokenize).selectExpr("lower(text) as text", "tokens").collect():
        place = 0
        for token in row.tokens:
            place = row.text.find(token, place) + len(token)
            assert place >= len(token) > 0
        letters = "".join(character for character in row.text if character.isalpha())
        told = "".join(character for token in row.tokens for character in token if character.isalpha())
        assert set(letters) <= set(told) | set("ʼ")


@pytest.mark.parametrize("language", ["english", "german", "french", "spanish", "russian"])
def test_stems_are_those_of_snowball(language: str, spark: SparkSession):
    rng, parts = (
        random.Random(language),
        [
            "running",
            "ly",
            "ness",
            "gener",
            "ation",
            "ungen",
            "heit",
            "isch",
            "ment",
            "eaux",
            "ción",
            "ando",
            "ию",
            "ость",
        ],
    )
    words = ["".join(rng.choices(parts, k=rng.randint(1, 3))) for _ in range(2_000)] + [
        "",
        "ß",
        "don't",
        "naïve",
    ]
    frame = spark.createDataFrame([(word,) for word in words], "word string")
    got = {row.word: row.stem for row in frame.transform(tokens.stem, language=language).collect()}
    oracle = snowballstemmer.stemmer(language)
    assert got == {word: oracle.stemWord(word) for word in words}
    assert frame.selectExpr("cast(null as string) as word").transform(tokens.stem).first().stem is None


@pytest.mark.parametrize("language", ["en", "de"])
def test_lemmas_are_those_of_simplemma(language: str, spark: SparkSession):
    rng = random.Random(language)
    parts = ["running", "went", "better", "mice", "hüte", "ging", "schönsten", "un", "häuser", "es", "", "x"]
    words = sorted({"".join(rng.choices(parts, k=rng.randint(1, 2))) for _ in range(300)} | {"don't", "Σ"})
    frame = spark.createDataFrame([(word,) for word in words if word], "word string")
    got = {row.word: row.lemma for row in frame.transform(tokens.lemmatize, language=language).collect()}
    assert got == {word: simplemma.lemmatize(word, lang=language) for word in words if word}
    known = {"en": {"mice": "mouse", "went": "go"}, "de": {"häuser": "haus"}}[language]
    assert {word: got[word].lower() for word in known} == known
    assert frame.selectExpr("cast(null as string) as word").transform(tokens.lemmatize).first().lemma is None


def test_sentences_are_the_annotations_cut(spark: SparkSession):
    said = ["One two. 3 #four! :)\n\nFive. six", "", "...", None, "1 2. a", "a. " * 20_000]
    frame = spark.createDataFrame(list(enumerate(said)), "id int, text string").transform(tokens.annotate)
    got = [row.sentences for row in frame.transform(tokens.sentences).orderBy("id").collect()]
    assert got[:5] == [
        *([["one", "two"], ["3", "#four"], [":)"], ["five"], ["six"]], [], [], None),
        [["1", "2"], ["a"]],
    ]
    assert got[5] == [["a"]] * 20_000
    words = frame.transform(tokens.sentences, kinds=["word"]).where("id < 5").orderBy("id").collect()
    assert [row.sentences for row in words] == [[["one", "two"], ["five"], ["six"]], [], [], None, [["a"]]]


def test_stop_words_go_and_the_rest_stays_in_order(spark: SparkSession):
    frame = spark.createDataFrame([(["the", "cat", "and", "the", "hat"],), (None,)], "tokens array<string>")
    assert [row.tokens for row in tokens.without_stop_words(frame).collect()] == [["cat", "hat"], None]
    assert "und" in tokens.stop_words("german")


def test_tf_idf_by_hand(spark: SparkSession):
    frame = spark.createDataFrame([(1, ["a", "a", "b"]), (2, ["b"]), (3, [])], "id int, tokens array<string>")
    got = {(row.id, row.token): row for row in tokens.tf_idf(frame, key="id").collect()}
    assert {key: (row["count"], row.document_count) for key, row in got.items()} == {
        (1, "a"): (2, 1),
        (1, "b"): (1, 2),
        (2, "b"): (1, 2),
    }
    assert got[1, "a"].tf_idf == pytest.approx(2 * 0.6931471805599453), "2 ln(4/2)"
    assert got[2, "b"].tf_idf == pytest.approx(0.28768207245178085), "ln(4/3)"


def test_what_cannot_be_is_refused(spark: SparkSession):
    frame = spark.createDataFrame([Row(body="a")])
    for analysis in (tokens.tokenize, tokens.annotate, tokens.stem, tokens.without_stop_words):
        with pytest.raises(SchemaMismatch):
            frame.transform(analysis)
    with pytest.raises(RetinueError, match="did you mean 'english'"):
        tokens.stem(frame, word="body", language="englisch")
    with pytest.raises(RetinueError, match="no lemmas for 'xx'"):
        tokens.lemmatize(frame, word="body", language="xx")
    with pytest.raises(SchemaMismatch):
        tokens.sentences(frame)
    annotated = frame.transform(tokens.annotate, text="body")
    with pytest.raises(RetinueError, match="did you mean 'emoji'"):
        tokens.sentences(annotated, kinds=["emojis"])
    with pytest.raises(RetinueError, match="did you mean 'german'"):
        tokens.stop_words("germann")
