"""The stems of each text's words, by the rules of the language that it is written in."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf

from retinue.schema import quoted, require
from retinue.text import tokens

__all__ = ["LANGUAGES", "stop_words", "with_stems"]

LANGUAGES = {
    "da": "danish",
    "de": "german",
    "en": "english",
    "es": "spanish",
    "fi": "finnish",
    "fr": "french",
    "hu": "hungarian",
    "it": "italian",
    "nl": "dutch",
    "no": "norwegian",
    "pt": "portuguese",
    "ru": "russian",
    "sv": "swedish",
    "tr": "turkish",
}
"""The languages that have both stop words and a stemmer, by their ISO 639-1 codes."""


def with_stems(
    annotated: DataFrame, *, annotations: str = "annotations", language: str = "language"
) -> DataFrame:
    """Add the stems of the words and hashtags of a text, in their order, its language's stop words left out.

    Out: `stems` (array<string>): by Snowball for the LANGUAGES, the words themselves where the language is
    another or null; null where the annotations are null.

    In: `annotations` as `tokens.annotate` gives them, `language` as an ISO 639-1 code.

    An Arrow batch function that stems each distinct word of a batch and language once. Lazy; no shuffle.
    Raises SchemaMismatch.
    """
    require(annotated, [annotations, language], what="with_stems")
    stopped = {code: tokens.stop_words(name) for code, name in LANGUAGES.items()}

    def stems(said: pa.Array, kinds: pa.Array, languages: pa.Array) -> pa.Array:
        return _stems(said, kinds, languages, stopped)

    # Two fields of the annotations: what is asked for twice Spark keeps in a column of its own. Put into
    # the function's argument as one expression, it was not evaluated in Spark 4.2.
    said = F.transform(annotations, lambda each: F.make_valid_utf8(each["token"]))
    found = arrow_udf(stems, "array<string>")(  # type: ignore[call-overload]
        said, F.col(f"{quoted(annotations)}.kind"), F.col(quoted(language))
    )
    return annotated.withColumn("stems", found)


def stop_words(languages: Collection[str]) -> list[str]:
    """The stop words of all these languages, by their codes; one that is not of the LANGUAGES has none."""
    named = (LANGUAGES[code] for code in languages if code in LANGUAGES)
    return sorted({word for name in named for word in tokens.stop_words(name)})


def _stems(words: pa.Array, kinds: pa.Array, languages: pa.Array, stopped: dict[str, list[str]]) -> pa.Array:
    """Flat, and by language: what the texts of one language say is stemmed at once."""
    lengths = pc.fill_null(pc.list_value_length(words), 0).to_numpy(zero_copy_only=False)
    row_of_word = np.repeat(np.arange(len(words)), lengths)
    flat, code_of_word = words.flatten(), languages.take(pa.array(row_of_word))
    stemmed = np.array(flat.to_pylist(), dtype=object)
    kept = pc.is_in(kinds.flatten(), pa.array(["word", "hashtag"])).to_numpy(zero_copy_only=False)
    for code in pc.unique(languages).to_pylist():
        if code not in LANGUAGES:
            continue
        own = pc.fill_null(pc.equal(code_of_word, code), False).to_numpy(zero_copy_only=False)
        said = flat.filter(pa.array(own))
        stemmed[own] = tokens.stemmed(said, LANGUAGES[code]).to_numpy(zero_copy_only=False)
        kept[own] &= ~pc.is_in(said, pa.array(stopped[code])).to_numpy(zero_copy_only=False)
    counts = np.bincount(row_of_word[kept], minlength=len(words))
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32())
    return pa.ListArray.from_arrays(offsets, pa.array(stemmed[kept], pa.string()), mask=words.is_null())
