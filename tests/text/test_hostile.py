"""Text that nobody meant well, through all that reads text and into pictures of it."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser

import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from retinue.plots import (
    Picture,
    alert_timeline,
    html,
    keyness_plot,
    ngram_trends,
    png,
    sentiment_over_time,
    svg,
    theme_map,
)
from retinue.text import distance, duplicates, languages, ngrams, sentiment, themes, tokens

SHORT = {
    "empty": "",
    "blank": " \t\r\n\u00a0\u2003",
    "right to left": "שלום \u202eevil\u2066 مرحبا \u2069 \u061c",
    "emoji": "👩‍👩‍👧‍👦 🇩🇪🇫🇷 1️⃣#️⃣ 👍🏽 ❤️‍🔥 🏴󠁧󠁢󠁳󠁣󠁴󠁿",
    "half flags": "🇦" * 1001,
    "joiners alone": "\u200d\u200d\ufe0f",
    "nul": "good\0bad\0",
    "script": "<script>alert('x')</script> \"><img src=x onerror=alert(1)>",
    "control": "".join(map(chr, range(32))) + "\x7f\x80\x9f",
    "marks": "z" + "\u0301" * 5_000,
    "zero width": "a\u200bb\u200c\u200d\ufeff\u2060c",
    "not a character": "\ufffe\uffff\U0010ffff",
    "quotes": "'\"`\\$1 ${x} %s \\u0000 ' OR 1=1 --",
}
BYTES = {  # no UTF-8: stray bytes, a surrogate, an emoji cut short, a character written too long
    "stray": "676f6f6420ff20626164",
    "surrogate": "61EDA08062",
    "cut": "676f6f6420F09F98",
    "too long": "C080",
}
MEGABYTE = 1 << 20
LONG = {
    "one word": "a" * MEGABYTE,
    "many words": "good and not bad but " * (MEGABYTE // 21),
    "no spaces": "日本" * (MEGABYTE // 6),
    "emoji": "👩‍👩‍👧‍👦" * (MEGABYTE // 25),
    "marks": "a" + "\u0301" * (MEGABYTE // 2),
    "at signs": "@" * MEGABYTE,
}


@pytest.fixture(scope="module")
def short(spark: SparkSession) -> DataFrame:
    """All short ones, one null, some that were never text, one out of JSON with half a surrogate pair."""
    said = spark.createDataFrame([*SHORT.items(), ("null", None)], "name string, text string")
    cast = spark.createDataFrame(list(BYTES.items()), "name string, hex string")
    read = spark.createDataFrame([("json", r'{"text": "a\ud800b"}')], "name string, json string")
    return (
        said.unionByName(cast.select("name", F.unhex("hex").cast("string").alias("text")))
        .unionByName(read.select("name", F.from_json("json", "text string")["text"].alias("text")))
        .coalesce(1)
        .cache()
    )


@pytest.fixture(scope="module")
def long(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(list(LONG.items()), "name string, text string").coalesce(1).cache()


def by_name(rows: DataFrame, column: str) -> dict[str, object]:
    return {row["name"]: row[column] for row in rows.select("name", column).collect()}


def test_tokens_of_short_texts(short: DataFrame) -> None:
    found = by_name(tokens.tokenize(short), "tokens")
    assert found["null"] is None
    none = ("empty", "blank", "joiners alone", "control", "not a character", "too long")
    assert [found[name] for name in none] == [[]] * len(none)
    assert found["right to left"] == ["שלום", "evil", "مرحبا"]
    assert found["emoji"] == ["👩‍👩‍👧‍👦", "🇩🇪", "🇫🇷", "1️⃣", "#️⃣", "👍🏽", "❤️‍🔥", "🏴󠁧󠁢󠁳󠁣󠁴󠁿"]
    assert found["half flags"] == ["🇦🇦"] * 500
    assert found["nul"] == ["good", "bad"]
    assert found["stray"] == ["good", "bad"]
    assert found["marks"] == [SHORT["marks"]]
    assert {"script", "alert", "x"} <= set(found["script"])
    kinds = tokens.annotate(short).where("name <> 'null'").select(F.explode("annotations.kind"))
    assert kinds.where("col IS NULL").count() == 0


def test_counts_of_short_texts(short: DataFrame) -> None:
    said = tokens.tokenize(short)
    counted = {row.ngram: row["count"] for row in ngrams.count(said, n=(1, 2)).collect()}
    assert counted["good bad"] == 2
    assert counted["🇩🇪 🇫🇷"] == 1
    assert ngrams.collocations(said).where("ngram = 'good bad'").count() == 1
    marking = themes.keyness(said.where("name = 'nul'"), said.where("name <> 'nul'")).collect()
    assert {row.token: row.focus_count for row in marking}["good"] == 1
    assert themes.labels(said, by="name", limit=1).where("name = 'nul'").collect()[0].token in ("bad", "good")
    repeated = duplicates.near_duplicates(said.withColumn("at", F.lit(1)), key="name", at="at").collect()
    assert {(row.name, row.original) for row in repeated} == {("stray", "nul"), ("surrogate", "json")}


def test_moods_and_languages_of_short_texts(short: DataFrame) -> None:
    scored = by_name(sentiment.score(short), "compound")
    assert scored["null"] is None
    assert [name for name, compound in scored.items() if compound is None] == ["null"]
    assert all(-1 <= compound <= 1 for compound in scored.values() if compound is not None)
    assert scored["cut"] > 0
    told = by_name(languages.detect(short, among=["en", "he"]), "language")
    assert told["null"] is told["empty"] is told["emoji"] is told["too long"] is None
    assert told.keys() == scored.keys()


def test_spelling_distances_of_short_texts(short: DataFrame) -> None:
    word = F.lit("good wörd 😀")
    for measured in (distance.levenshtein, distance.damerau, distance.jaro_winkler):
        far = by_name(short.withColumn("far", measured(F.col("text"), word)), "far")
        assert [name for name, value in far.items() if value is None] == ["null"]
    readable = short.where("name NOT IN ('surrogate', 'cut', 'too long', 'stray')")
    texts = {row.name: row.text for row in readable.where("text IS NOT NULL").collect()}
    for measure, most in (("levenshtein", 2), ("damerau", 1), ("jaro_winkler", 0.1)):
        near = distance.pairs_within(readable, readable, on="text", distance=most, measure=measure)
        same = near.where("distance = 0").select("left_name", "right_name").collect()
        assert {(row.left_name, row.right_name) for row in same} == {(name, name) for name in texts}


def test_stems_of_short_texts(short: DataFrame) -> None:
    readable = short.where("name NOT IN ('surrogate', 'cut', 'too long', 'stray')")
    stems = by_name(tokens.stem(readable, word="text"), "stem")
    assert [name for name, stem in stems.items() if stem is None] == ["null"]


@pytest.mark.parametrize(
    ("read", "column"),
    [
        (tokens.tokenize, "tokens"),
        (tokens.annotate, "annotations"),
        (sentiment.score, "compound"),
        (languages.detect, "language_probability"),
    ],
)
def test_a_megabyte_is_read_to_its_end(
    read: Callable[[DataFrame], DataFrame], column: str, long: DataFrame
) -> None:
    found = read(long)
    if column in ("tokens", "annotations"):
        sizes = by_name(found.withColumn("size", F.size(column)), "size")
        assert sizes == {
            "one word": 1,
            "many words": 5 * (MEGABYTE // 21),
            "no spaces": 2 * (MEGABYTE // 6),
            "emoji": MEGABYTE // 25,
            "marks": 1,
            "at signs": 0,
        }
    elif column == "compound":
        assert by_name(found, column)["many words"] != 0
        assert by_name(found, column)["one word"] == 0
    else:
        assert by_name(found, column).keys() == LONG.keys()


LABELS = [
    "<script>alert('x')</script>",
    '"><img src=x onerror=alert(1)>',
    "' onload='alert(1)",
    "</title></style></svg><script>alert(1)</script>",
    "&lt;script&gt;&#x3c;script&#x3e;",
    "\u202eevil\u2066\u2069",
    "]]><!--<script>--><![CDATA[",
    "javascript:alert(1)",
    "nul\0 and \x1b[31m bell\x07",
    "z" + "\u0301" * 999,
    "\ud800",
]


def hostile_pictures() -> list[Picture]:
    count = len(LABELS)
    hours = pd.date_range("2026-03-02", periods=4, freq="h")
    topics = pd.DataFrame(
        {
            "topic_id": range(count),
            "label": LABELS,
            "words": [LABELS] * count,
            "share": 1 / count,
            "coherence": 0.1,
            "mean_compound": 0.2,
        }
    )
    trends = pd.DataFrame(
        {"ngram": LABELS * 2, "period_start": [*hours[:1], *hours[1:2]] * count, "share": 0.1, "count": 3}
    )
    days = pd.DataFrame(
        {
            "period_start": hours,
            "post_count": 3,
            "negative_share": 0.1,
            "low": 0.0,
            "high": 0.2,
            "mean_compound": 0.0,
        }
    )
    terms = pd.DataFrame(
        {
            "token": LABELS,
            "log_odds": 0.1,
            "z": [9.0 - place for place in range(count)],
            "focus_count": [10 ** (place % 4) for place in range(count)],
            "background_count": 2,
        }
    )
    lanes = pd.DataFrame(
        [(label, hour, 5, 4.0, 6.0, 0.5) for label in LABELS[:4] for hour in hours],
        columns=["topic", "hour", "post_count", "expected_count", "upper", "negative_share"],
    )
    alerts = pd.DataFrame(
        [(LABELS[0], hours[0], hours[1], label, 5, 4.0, label) for label in LABELS],
        columns=["topic", "started_at", "ended_at", "kind", "post_count", "expected_count", "explanation"],
    )
    return [
        theme_map(topics),
        ngram_trends(trends, limit=count),
        sentiment_over_time(days),
        keyness_plot(terms, focus=LABELS[0], background=LABELS[1]),
        alert_timeline(lanes, alerts),
    ]


class Elements(HTMLParser):
    """What a browser would find: the elements with their attributes, and the text between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.said.append(data)


@pytest.mark.filterwarnings("ignore:Glyph")
def test_labels_stay_text_in_every_picture() -> None:
    page = {"html", "head", "meta", "title", "style", "body", "div"}
    figure = {"figure", "figcaption", "b", "span", "svg", "g", "path", "text", "defs", "use", "clippath"}
    for picture in hostile_pictures():
        written = html(picture, title=LABELS[0])
        read = Elements(written)
        assert {tag for tag, _ in read.found} <= page | figure
        for _, attributes in read.found:
            assert not [name for name in attributes if name.startswith("on") or name == "src"]
            assert not (attributes.get("href") or "#").strip().startswith("javascript")
        assert not set("\u202e\u2066\0\x1b\x07") & set(written)
        assert LABELS[0] in "".join(read.said)
        assert png(picture)


def test_copies_of_a_megabyte_are_found(long: DataFrame) -> None:
    said = tokens.tokenize(long.where("name = 'many words'")).cache()
    twice = said.withColumn("at", F.explode(F.array(F.lit(1), F.lit(2)))).withColumn("key", F.col("at"))
    found = duplicates.near_duplicates(twice, key="key", at="at").collect()
    assert [(row.key, row.original, row.similarity) for row in found] == [(2, 1, 1.0)]


@pytest.mark.filterwarnings("ignore:Glyph")
def test_a_label_of_a_megabyte_takes_its_room_and_no_more() -> None:
    topics = pd.DataFrame(
        {
            "topic_id": [1],
            "label": ["many words " * (MEGABYTE // 11)],
            "words": [["a" * MEGABYTE]],
            "share": [1.0],
            "coherence": [0.1],
            "mean_compound": [None],
        }
    )
    assert len(svg(theme_map(topics))) < 50_000
