"""Words that stand side by side: how often, in how many documents, and more often than chance."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from retinue.errors import RetinueError, SchemaMismatch
from retinue.schema import quoted, require

__all__ = ["collocations", "count"]

MOST_WORDS = 10


def count(
    tokenized: DataFrame,
    *,
    n: int | Iterable[int],
    tokens: str = "tokens",
    stop_words: Collection[str] = (),
) -> DataFrame:
    """Count the n-grams: n tokens that stand side by side in a document.

    Out, a row an n-gram: ngram (string, its tokens with a space between), count (bigint), document_count
    (bigint, rows that have it). `n` from 1 to 10, or several at once.

    In: `tokens` (array<string>); or an array of arrays, such as a document's sentences, and then no n-gram
    runs from one into the next. An n-gram that begins or ends with one of `stop_words` does not count;
    between other words they may stand ("state of the art").

    Lazy; one shuffle, of n-grams counted where they lie. Raises SchemaMismatch; RetinueError where `n` is
    not between 1 and 10.
    """
    lengths = sorted({n} if isinstance(n, int) else set(n))
    if not lengths or lengths[0] < 1 or lengths[-1] > MOST_WORDS:
        raise RetinueError(f"n is {n}; give a number from 1 to {MOST_WORDS}, or several")
    runs = _runs(tokenized, tokens, what="ngrams.count")
    found = F.flatten(F.transform(runs, lambda run: _ngrams(run, lengths, stop_words)))
    marked = _with_first(F.sort_array(found))
    return (
        tokenized.select(F.explode(marked).alias("each"))
        .groupBy(F.col("each.ngram").alias("ngram"))
        .agg(F.count("*").alias("count"), F.count_if("each.is_first").alias("document_count"))
    )


def collocations(tokenized: DataFrame, *, tokens: str = "tokens", least: int = 1) -> DataFrame:
    """Pairs of words that stand side by side, with what speaks against chance.

    Out, a row a pair that stands side by side at least `least` times: ngram (string, both words with a space
    between), count (bigint), log_likelihood (double, Dunning's G2 of the 2 x 2 table of the two words; 0
    where chance explains it), pmi (double, bits: log2 of how many times oftener than by chance), npmi
    (double, pmi / -log2 of the pair's share: 1 where neither word is ever without the other, in that order).

    In: as `count`. Each word's count is that of all its tokens, and so is the total, as in nltk's
    BigramCollocationFinder. Sources: Dunning (1993), Church and Hanks (1990), Bouma (2009).

    Lazy. Raises SchemaMismatch; RetinueError where `least` is below 1.
    """
    if least < 1:
        raise RetinueError(f"least is {least}; it must be 1 or more")
    runs = _runs(tokenized, tokens, what="collocations")
    words = tokenized.select(F.explode(F.flatten(runs)).alias("word")).where("word IS NOT NULL")
    counted = words.groupBy("word").agg(F.count("*").alias("word_count"))
    total = counted.agg(F.sum("word_count").alias("total"))
    pairs = (
        tokenized.select(F.explode(F.flatten(F.transform(runs, _pairs))).alias("pair"))
        .groupBy(F.col("pair.first").alias("first"), F.col("pair.second").alias("second"))
        .agg(F.count("*").alias("count"))
        .where(F.col("count") >= least)
    )
    first, second = (
        counted.select(F.col("word").alias(name), F.col("word_count").alias(f"{name}_count"))
        for name in ("first", "second")
    )
    table = pairs.join(first, "first").join(second, "second").crossJoin(F.broadcast(total))
    return table.select(
        F.concat_ws(" ", "first", "second").alias("ngram"),
        "count",
        _log_likelihood().alias("log_likelihood"),
        _pmi().alias("pmi"),
        F.try_divide(_pmi(), -F.log2(F.col("count") / F.col("total"))).alias("npmi"),
    )


def _runs(tokenized: DataFrame, tokens: str, *, what: str) -> Column:
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


def _ngrams(run: Column, lengths: Iterable[int], stop_words: Collection[str]) -> Column:
    """All n-grams of the run, as texts."""
    return F.concat(*(_of_length(run, n, stop_words) for n in lengths))


def _of_length(run: Column, n: int, stop_words: Collection[str]) -> Column:
    """Side by side by zipping the run with itself moved on, so that no slice is made for each."""
    if n == 1:
        told = F.transform(
            run, lambda word: F.struct(word.alias("first"), word.alias("last"), word.alias("ngram"))
        )
    else:
        size = F.greatest(F.size(run) - n + 1, F.lit(0))
        shifted = [F.slice(run, F.lit(place + 1), size).alias(f"w{place}") for place in range(n)]
        told = F.transform(
            F.arrays_zip(*shifted),
            lambda row: F.struct(
                row["w0"].alias("first"),
                row[f"w{n - 1}"].alias("last"),
                F.concat_ws(" ", *(row[f"w{place}"] for place in range(n))).alias("ngram"),
            ),
        )
    if stop_words:
        stopped = F.array(*map(F.lit, sorted(stop_words)))
        told = F.filter(
            told,
            lambda row: ~F.array_contains(stopped, row["first"]) & ~F.array_contains(stopped, row["last"]),
        )
    return F.transform(told, lambda row: row["ngram"])


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


def _pairs(run: Column) -> Column:
    size = F.greatest(F.size(run) - 1, F.lit(0))
    return F.arrays_zip(
        F.slice(run, F.lit(1), size).alias("first"), F.slice(run, F.lit(2), size).alias("second")
    )


def _log_likelihood() -> Column:
    """G2 over the four cells: both words, either without the other, neither."""
    both, first, second, total = (
        F.col(name).cast("double") for name in ("count", "first_count", "second_count", "total")
    )
    cells = (
        (both, first * second),
        (second - both, (total - first) * second),
        (first - both, first * (total - second)),
        (total - first - second + both, (total - first) * (total - second)),
    )
    terms = (
        F.when(seen > 0, seen * F.log(seen * total / by_chance)).otherwise(0.0) for seen, by_chance in cells
    )
    return 2 * reduce(Column.__add__, terms)


def _pmi() -> Column:
    return F.log2(
        F.col("count") * F.col("total") / (F.col("first_count") * F.col("second_count").cast("double"))
    )
