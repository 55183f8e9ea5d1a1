"""N-grams of a row's tokens, as columns: runs of tokens, the n-grams inside them, and how they are cut."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from retinue.errors import RetinueError, SchemaMismatch
from retinue.schema import quoted, require

__all__ = ["lengths", "marked", "ngrams", "of", "split", "with_lengths"]


def lengths(n: int | Iterable[int], *, least: int, most: int) -> list[int]:
    """The lengths that `n` says, one or several, in order; RetinueError where one is out of bounds."""
    found = sorted({n} if isinstance(n, int) else set(n))
    if not found or found[0] < least or found[-1] > most:
        raise RetinueError(f"n is {n}; give a number from {least} to {most}, or several")
    return found


def of(tokenized: DataFrame, tokens: str, *, what: str) -> Column:
    """The runs of tokens inside which n-grams stand: the whole document, or each of its arrays."""
    require(tokenized, [tokens], what=what)
    kind, column = tokenized.schema[tokens].dataType, F.col(quoted(tokens))
    if isinstance(kind, T.ArrayType) and isinstance(kind.elementType, T.ArrayType):
        return column
    if isinstance(kind, T.ArrayType):
        return F.array(F.coalesce(column, F.array().cast("array<string>")))
    raise SchemaMismatch(
        f"{what} needs {tokens} as array<string>, as tokenize gives it; it is {kind.simpleString()}"
    )


def ngrams(run: Column, lengths: Iterable[int], stop_words: Collection[str]) -> Column:
    """All n-grams of the run, as texts."""
    return F.concat(*(_of_length(run, n, stop_words) for n in lengths))


def marked(runs: Column, lengths: Iterable[int], stop_words: Collection[str]) -> Column:
    """The n-grams of all runs, sorted, each with whether it is the first of its equals (`is_first`)."""
    found = F.sort_array(F.flatten(F.transform(runs, lambda run: ngrams(run, lengths, stop_words))))
    # Inside of transform the n-grams are worked out once, not wherever they are asked for.
    return F.transform(F.array(found), _with_first)[0]


def with_lengths(run: Column, lengths: Iterable[int]) -> Column:
    """All n-grams of the run, with their lengths."""

    def told(length: int) -> Column:
        return F.transform(
            _of_length(run, length, ()),
            lambda ngram: F.struct(F.lit(length).alias("length"), ngram.alias("ngram")),
        )

    return F.concat(*map(told, lengths))


def split(run: Column, n: int) -> Column:
    """The n-grams of the run, each as its first n - 1 words and its last."""
    size = F.greatest(F.size(run) - n + 1, F.lit(0))
    first = F.slice(_of_length(run, n - 1, ()), F.lit(1), size)
    return F.zip_with(
        first,
        F.slice(run, F.lit(n), size),
        lambda first, second: F.struct(
            F.lit(n).alias("length"), first.alias("first"), second.alias("second")
        ),
    )


def _of_length(run: Column, n: int, stop_words: Collection[str]) -> Column:
    """Side by side by zipping the run with itself moved on, so that no slice is made for each."""
    if n == 1:
        return F.filter(run, lambda word: ~word.isin(sorted(stop_words))) if stop_words else run
    size = F.greatest(F.size(run) - n + 1, F.lit(0))
    shifted = [F.slice(run, F.lit(place + 1), size).alias(f"w{place}") for place in range(n)]
    rows = F.arrays_zip(*shifted)
    if stop_words:
        stopped = sorted(stop_words)  # isin looks a word up in a set; array_contains would scan them all
        rows = F.filter(rows, lambda row: ~row["w0"].isin(stopped) & ~row[f"w{n - 1}"].isin(stopped))
    return F.transform(rows, lambda row: F.concat_ws(" ", *(row[f"w{place}"] for place in range(n))))


def _with_first(ngrams: Column) -> Column:
    """Each of the sorted n-grams with whether it is the first of its equals."""
    before = F.concat(
        F.array(F.lit(None).cast("string")),
        F.slice(ngrams, F.lit(1), F.greatest(F.size(ngrams) - 1, F.lit(0))),
    )
    return F.zip_with(
        ngrams,
        F.slice(before, F.lit(1), F.size(ngrams)),
        lambda ngram, previous: F.struct(
            ngram.alias("ngram"), (~ngram.eqNullSafe(previous)).alias("is_first")
        ),
    )
