"""From texts to words: tokens and their kinds, sentences, stop words, stems, weights."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cache, lru_cache

import pyarrow as pa
import simplemma
import snowballstemmer
from pyspark.ml.feature import StopWordsRemover
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf
from simplemma.strategies.dictionaries.dictionary_factory import SUPPORTED_LANGUAGES

from retinue.errors import RetinueError, nearest
from retinue.schema import quoted, require
from retinue.text.writing import KINDS, PLAIN, SENTENCE_END, TOKEN

__all__ = [
    "annotate",
    "lemmatize",
    "sentences",
    "stem",
    "stop_words",
    "tf_idf",
    "tokenize",
    "without_stop_words",
]

_STEMS_KEPT = 200_000


def tokenize(documents: DataFrame, *, text: str = "text") -> DataFrame:
    """Add the tokens of a text: words, numbers, hashtags, mentions, URLs, addresses, emoji, emoticons.

    Out: `tokens` (array<string>), in the order of the text, lower case; null where the text is null, empty
    where nothing in it is a token.

    A word is letters, digits and _ of any script, with apostrophes inside (don't); it is not cut at accents,
    and cut at hyphens. Of Han and Hiragana each character is a word. A number may have . , : between its
    digits. #hashtags and @mentions keep their sign; an emoji with its skin tone, its joined parts or its flag
    is one token. What a token is, `annotate` says.

    Lazy; no shuffle. Raises SchemaMismatch where there is no column `text`.
    """
    require(documents, [text], what="tokenize")
    return documents.withColumn("tokens", F.transform(_found(F.col(quoted(text))), F.lower))


def annotate(documents: DataFrame, *, text: str = "text") -> DataFrame:
    """Add the tokens of a text with the kind of each and its sentence.

    Out: `annotations` (array of structs): token (string, as in `tokenize`), kind (url, address, mention,
    hashtag, emoji, emoticon, number or word), sentence (int, from 1). A sentence ends at . ! ? or … before
    a space, and at the end of a line; null where the text is null.

    Lazy; no shuffle. Raises SchemaMismatch where there is no column `text`.
    """
    require(documents, [text], what="annotate")

    def annotated(sentence: Column, number: Column) -> Column:
        return F.transform(
            _found(sentence),
            lambda token: F.struct(
                F.lower(token).alias("token"), _kind(token).alias("kind"), (number + 1).alias("sentence")
            ),
        )

    sentences = F.split(F.col(quoted(text)), SENTENCE_END)
    return documents.withColumn("annotations", F.flatten(F.transform(sentences, annotated)))


def sentences(annotated: DataFrame, *, kinds: Collection[str] = tuple(KINDS)) -> DataFrame:
    """Add the sentences of a text, each as its tokens of these kinds, so that no n-gram runs across an end.

    Out: `sentences` (array<array<string>>), in the order of the text; a sentence without such a token is left
    out; null where the text is null.

    In: `annotations`, as `annotate` gives them. Lazy; no shuffle. Raises SchemaMismatch; RetinueError for a
    kind that there is not.
    """
    require(annotated, ["annotations"], what="sentences")
    for kind in kinds:
        if kind not in KINDS:
            raise RetinueError(f"there is no kind {kind!r}{nearest(kind, KINDS)}; {_listed(KINDS)}")
    kept = F.filter("annotations", lambda each: each["kind"].isin(*kinds))
    # Inside of transform what is kept is worked out once, not for each of its tokens.
    return annotated.withColumn("sentences", F.transform(F.array(kept), _by_sentence)[0])


def stop_words(language: str = "english") -> list[str]:
    """The stop words of a language, as Spark ML ships them. Raises RetinueError for an unknown one."""
    known = _STOP_WORD_LANGUAGES
    if language not in known:
        raise RetinueError(
            f"there are no stop words for {language!r}{nearest(language, known)}; {_listed(known)}"
        )
    return list(StopWordsRemover.loadDefaultStopWords(language))


def without_stop_words(
    tokenized: DataFrame, *, language: str = "english", tokens: str = "tokens"
) -> DataFrame:
    """The rows with the stop words of `language` left out of their `tokens`; all other tokens stay in order.

    Lazy. Raises SchemaMismatch; RetinueError for a language without a list.
    """
    require(tokenized, [tokens], what="without_stop_words")
    stopped = stop_words(language)
    return tokenized.withColumn(tokens, F.filter(quoted(tokens), lambda token: ~token.isin(stopped)))


def stem(words: DataFrame, *, word: str = "word", language: str = "english") -> DataFrame:
    """Add the stem of each word, by the Snowball algorithm of the language; words are expected in lower case.

    Out: `stem` (string), equal to that of snowballstemmer; null where the word is null. Languages are those
    of Snowball (https://snowballstem.org): english (Porter 2), german, french, spanish and some thirty more.

    An Arrow batch function that stems each distinct word of a batch once. Lazy.
    Raises SchemaMismatch where there is no column `word`; RetinueError for an unknown language.
    """
    require(words, [word], what="stem")
    known = snowballstemmer.algorithms()
    if language.lower() not in known:
        raise RetinueError(
            f"there is no stemmer for {language!r}{nearest(language, known)}; {_listed(known)}"
        )
    algorithm = language.lower()

    def stems(batch: pa.Array) -> pa.Array:
        return stemmed(batch, algorithm)

    return words.withColumn("stem", arrow_udf(stems, "string")(_legible(word)))  # type: ignore[call-overload]


def stemmed(words: pa.Array, algorithm: str) -> pa.Array:
    """The stem of each word by one of Snowball's algorithms, each distinct word stemmed once."""
    return _each_once(words, lambda each: _stem(algorithm, each))


def lemmatize(words: DataFrame, *, word: str = "word", language: str = "en") -> DataFrame:
    """Add the lemma of each word, the form under which a dictionary has it; an unknown word is its own.

    Out: `lemma` (string), equal to that of simplemma; null where the word is null. Languages are codes of
    simplemma's: en, de, fr, es and some fifty more. A word is looked up alone, so that one with several
    readings (saw, left) has the same lemma everywhere.

    An Arrow batch function that looks each distinct word of a batch up once. Lazy.
    Raises SchemaMismatch where there is no column `word`; RetinueError for an unknown language.
    """
    require(words, [word], what="lemmatize")
    known = SUPPORTED_LANGUAGES
    if language.lower() not in known:
        raise RetinueError(
            f"there are no lemmas for {language!r}{nearest(language, known)}; {_listed(known)}"
        )
    code = language.lower()

    def lemmas(batch: pa.Array) -> pa.Array:
        return _each_once(batch, lambda each: _lemma(code, each))

    return words.withColumn("lemma", arrow_udf(lemmas, "string")(_legible(word)))  # type: ignore[call-overload]


def tf_idf(tokenized: DataFrame, *, key: str, tokens: str = "tokens") -> DataFrame:
    """How much each token says about its document: its count there, weighed by how few documents have it.

    Out, a row a document and token: `key`, token, count (bigint), document_count (bigint, documents with the
    token), tf_idf (double, count x ln((documents + 1) / (document_count + 1)), as Spark ML's IDF has it).
    Documents are the rows, those without tokens included; `key` must tell them apart.

    Lazy. Raises SchemaMismatch.
    """
    require(tokenized, [key, tokens], what="tf_idf")
    counted = (
        tokenized.select(quoted(key), F.explode(quoted(tokens)).alias("token"))
        .groupBy(quoted(key), "token")
        .agg(F.count("*").alias("count"))
    )
    spread = counted.groupBy("token").agg(F.count("*").alias("document_count"))
    total = tokenized.agg(F.count("*").alias("_documents"))
    rarity = F.log((F.col("_documents") + 1) / (F.col("document_count") + 1))
    return (
        counted.join(spread, "token")
        .crossJoin(F.broadcast(total))
        .select(quoted(key), "token", "count", "document_count", (F.col("count") * rarity).alias("tf_idf"))
    )


_STOP_WORD_LANGUAGES = (
    *("danish", "dutch", "english", "finnish", "french", "german", "hungarian", "italian"),
    *("norwegian", "portuguese", "russian", "spanish", "swedish", "turkish"),
)


def _found(text: Column) -> Column:
    return F.regexp_extract_all(text, F.lit(TOKEN), F.lit(0))


def _kind(token: Column) -> Column:
    """The kind of a token: the first that it could be, as in the text."""
    kind = F.lit("word")
    for name in reversed([name for name in KINDS if name != "word"]):
        kind = F.when(token.rlike(f"^(?:{KINDS[name]})$"), name).otherwise(kind)
    return F.when(token.rlike(f"^{PLAIN}$"), "word").otherwise(kind)


def _by_sentence(kept: Column) -> Column:
    """The tokens cut where the sentence is another than the one before: at the same places it ends there."""

    def edges(step: int) -> Column:
        def edge(each: Column, place: Column) -> Column:
            beside = F.get(kept, place + step)["sentence"]
            return F.when(~each["sentence"].eqNullSafe(beside), place)

        return F.filter(F.transform(kept, edge), lambda place: place.isNotNull())

    runs = F.zip_with(edges(-1), edges(1), lambda first, last: F.slice(kept, first + 1, last - first + 1))
    return F.transform(runs, lambda run: F.transform(run, lambda each: each["token"]))


def _legible(word: str) -> Column:
    """The column; bytes that are no UTF-8 become U+FFFD, since Python takes no others."""
    return F.make_valid_utf8(quoted(word))


def _each_once(batch: pa.Array, function: Callable[[str], str]) -> pa.Array:
    """The function of each word of a batch, called once for each distinct one; null of null."""
    distinct = batch.dictionary_encode()
    found = [None if each is None else function(each) for each in distinct.dictionary.to_pylist()]
    return pa.array(found, pa.string()).take(distinct.indices)


@cache
def _stemmer(algorithm: str) -> snowballstemmer.stemmer:
    return snowballstemmer.stemmer(algorithm)


@lru_cache(maxsize=_STEMS_KEPT)
def _stem(algorithm: str, word: str) -> str:
    return str(_stemmer(algorithm).stemWord(word))


@lru_cache(maxsize=_STEMS_KEPT)
def _lemma(language: str, word: str) -> str:
    return simplemma.lemmatize(word, lang=language) if word else word


def _listed(known: object) -> str:
    return f"there are {', '.join(sorted(known))}"  # type: ignore[call-overload]
