"""In which language a text is written."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

import pyarrow as pa
from py3langid.langid import MODEL_FILE, LanguageIdentifier
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf

from retinue.errors import RetinueError, nearest
from retinue.schema import quoted, require

__all__ = ["detect"]


def detect(
    documents: DataFrame, *, text: str = "text", among: Collection[str] = (), least: float = 0.3
) -> DataFrame:
    """Add the language of a text, where it is `least` likely at least; a few words seldom tell.

    Out: language (string, ISO 639-1 such as en; null where the text is null, or too short or odd to say),
    language_probability (double, of that language among those looked for; null where language is).

    among: the languages to look for, as codes; all that the model knows, some hundred, if there are none
    given. With few, short texts are told apart far better.

    An Arrow batch function that looks at each distinct text of a batch once. Lazy.
    Source: Lui and Baldwin, "langid.py" (2012), in the model of py3langid.
    Raises SchemaMismatch; RetinueError for a code that the model does not know, or where `least` is no share.
    """
    require(documents, [text], what="languages.detect")
    if not 0 <= least <= 1:
        raise RetinueError(f"least is {least}; give a share from 0 to 1")
    chosen, known = tuple(sorted(among)), _identifier(()).labels
    for code in chosen:
        if code not in known:
            raise RetinueError(f"there is no language {code!r}{nearest(code, known)}; give codes such as en")

    def languages(batch: pa.Array) -> pa.Array:
        distinct, identifier = batch.dictionary_encode(), _identifier(chosen)
        told = [_told(identifier, each, least) for each in distinct.dictionary.to_pylist()]
        codes = pa.array([code for code, _ in told], pa.string()).take(distinct.indices)
        shares = pa.array([share for _, share in told], pa.float64()).take(distinct.indices)
        return pa.StructArray.from_arrays([codes, shares], names=["language", "probability"])

    found = arrow_udf(languages, "struct<language: string, probability: double>")  # type: ignore[call-overload]
    kept = [quoted(name) for name in documents.columns if name not in ("language", "language_probability")]
    return documents.withColumn("_found", found(F.make_valid_utf8(quoted(text)))).select(
        *kept,
        F.col("_found.language").alias("language"),
        F.col("_found.probability").alias("language_probability"),
    )


@lru_cache(maxsize=8)
def _identifier(among: tuple[str, ...]) -> LanguageIdentifier:
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    if among:
        identifier.set_languages(among)
    return identifier


def _told(identifier: LanguageIdentifier, text: str | None, least: float) -> tuple[str | None, float | None]:
    """What has no letter is in no language."""
    if text is None or not any(character.isalpha() for character in text):
        return None, None
    code, share = identifier.classify(text)
    return (code, float(share)) if share >= least else (None, None)
