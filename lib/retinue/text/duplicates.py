"""Texts that are nearly the same: copies with a word changed, and what was pasted by many."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf

from retinue.errors import RetinueError
from retinue.schema import quoted, require

__all__ = ["near_duplicates"]

HASHES = 128
MISSED = 0.001  # of the pairs at the threshold itself; of nearer ones far fewer
_ODD = np.random.default_rng(0).integers(1, 2**63, size=(2, HASHES), dtype=np.uint64) | np.uint64(1)
_MIX = np.uint64(0x9E3779B97F4A7C15)


def near_duplicates(
    tokenized: DataFrame,
    *,
    key: str,
    at: str,
    tokens: str = "tokens",
    threshold: float = 0.8,
    shingle: int = 3,
) -> DataFrame:
    """The texts that repeat an earlier one: at least `threshold` of the word sequences of both are common.

    Two texts are compared by their shingles, all runs of `shingle` words; what is shorter is one shingle.
    Their likeness is the Jaccard index: common shingles by all that either has, each counted once.

    Out, a row a text that repeats: `key`, original (the key of the earliest text that it goes back to, by
    `at`, then key), similarity (double, with the text that it repeats directly), copy_count (bigint, all that
    go back to the original, this one included). What stands alone has no row, nor has an original.

    In: `key`, which tells the texts apart; `at`, when each was said; `tokens` (array<string>).

    A text is compared with the earliest of each of its bands only (MinHash with locality-sensitive hashing),
    so that a text pasted a million times takes a million comparisons. At the threshold a thousandth of the
    pairs is missed, nearer ones hardly ever; what is found is checked exactly.

    Runs Spark jobs, as many as the longest chain of copies has doublings; nothing comes to the driver.
    Source: Broder (1997); Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets", chapter 3.
    Raises SchemaMismatch; RetinueError where `threshold` is not above 0 and at most 1 or `shingle` below 1.
    """
    if not 0 < threshold <= 1:
        raise RetinueError(f"threshold is {threshold}; give a share above 0 and at most 1")
    if shingle < 1:
        raise RetinueError(f"shingle is {shingle}; it must be 1 or more")
    require(tokenized, [key, at, tokens], what="near_duplicates")
    texts = tokenized.select(
        F.struct(F.col(quoted(at)).alias("at"), F.col(quoted(key)).alias("key")).alias("text"),
        _shingles(F.col(quoted(tokens)), shingle).alias("shingles"),
    ).where(F.size("shingles") > 0)
    copies = _roots(_copies(texts, threshold))
    total = copies.groupBy("original").agg(F.count("*").alias("copy_count"))
    return copies.join(total, "original").select(
        F.col("text.key").alias(key), F.col("original.key").alias("original"), "similarity", "copy_count"
    )


def _shingles(tokens: Column, length: int) -> Column:
    """The different runs of words as numbers.

    The words stand beside themselves moved on: a slice for each run would copy the whole text each time.
    """
    count = F.greatest(F.size(tokens) - (length - 1), F.lit(1))
    names = [f"word_{place}" for place in range(length)]
    moved = [F.slice(tokens, F.lit(place), count).alias(name) for place, name in enumerate(names, start=1)]
    runs = F.transform(F.arrays_zip(*moved), lambda run: F.xxhash64(*(run[name] for name in names)))
    return F.when(F.size(tokens) > 0, F.array_distinct(runs))


def _copies(texts: DataFrame, threshold: float) -> DataFrame:
    """Each text with the earliest one that it repeats, of those that it shares a band with."""
    banded = texts.select("text", F.explode(_bands(threshold)(F.col("shingles"))).alias("band"))
    earliest = banded.groupBy("band").agg(F.min("text").alias("earlier"))
    pairs = (
        banded.join(earliest, "band")
        .where(F.col("earlier") != F.col("text"))
        .select("text", "earlier")
        .distinct()
    )
    own = texts.select("text", F.col("shingles").alias("own"))
    other = texts.select(F.col("text").alias("earlier"), F.col("shingles").alias("other"))
    common = F.size(F.array_intersect("own", "other"))
    likeness = common / (F.size("own") + F.size("other") - common)
    near = pairs.join(own, "text").join(other, "earlier").withColumn("similarity", likeness)
    best = F.min(F.struct("earlier", "similarity"))
    return (
        near.where(F.col("similarity") >= threshold)
        .groupBy("text")
        .agg(best.alias("best"))
        .select("text", F.col("best.earlier").alias("original"), F.col("best.similarity").alias("similarity"))
    )


def _roots(copies: DataFrame) -> DataFrame:
    """The copies with the first of their chain as the original: each step doubles how far back it looks."""
    reached = copies.localCheckpoint()
    while True:
        further = reached.select(F.col("text").alias("original"), F.col("original").alias("root"))
        stepped = reached.join(further, "original", "left").localCheckpoint()
        reached = stepped.select("text", F.coalesce("root", "original").alias("original"), "similarity")
        if stepped.where("root IS NOT NULL").isEmpty():
            return reached


def _bands(threshold: float) -> Callable[[Column], Column]:
    """The bands of a text by its shingles: texts that share a number are worth a comparison."""
    rows = _rows(threshold)

    def bands(shingles: pa.Array) -> pa.Array:
        offsets, values = shingles.offsets.to_numpy(), shingles.values.to_numpy().view(np.uint64)
        values = values[offsets[0] : offsets[-1]]
        starts = offsets[:-1] - offsets[0]
        digests = np.stack([_digest(values, starts, first, rows) for first in range(0, HASHES, rows)], axis=1)
        flat = pa.array(digests.reshape(-1).view(np.int64))
        ends = np.arange(0, digests.size + 1, digests.shape[1], dtype=np.int32)
        return pa.ListArray.from_arrays(pa.array(ends), flat)

    return arrow_udf(bands, "array<bigint>")  # type: ignore[no-any-return, call-overload]


def _digest(
    values: NDArray[np.uint64], starts: NDArray[np.int32], first: int, rows: int
) -> NDArray[np.uint64]:
    """One number for the least hashes of a band; texts that agree in them all share it."""
    digest = np.full(len(starts), first, dtype=np.uint64)
    for each in range(first, first + rows):
        hashed = values * _ODD[0, each] + _ODD[1, each]
        hashed ^= hashed >> np.uint64(31)
        least = np.minimum.reduceat(hashed * _MIX, starts)
        digest = (digest ^ least) * _MIX
        digest ^= digest >> np.uint64(29)
    return digest


def _rows(threshold: float) -> int:
    """The most rows a band may have, for fewest chance candidates, that do not miss too many pairs."""
    fitting = [rows for rows in (1, 2, 4, 8, 16, 32) if (1 - threshold**rows) ** (HASHES // rows) <= MISSED]
    return max(fitting, default=1)
