"""The pieces that many paths share: steps in a row, and steps in an order with others in between."""

from __future__ import annotations

from pyspark.ml.fpm import PrefixSpan
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retinue.clickstream.paths import refuse_below_one, session_paths
from retinue.errors import RetinueError


def contiguous_subpaths(
    sessionized: DataFrame,
    *,
    of: str = "page",
    min_support: float = 0.01,
    max_length: int = 5,
    closed: bool = True,
    collapse: bool = True,
    visitor: str = "visitor_id",
    conversion: str | Column | None = None,
) -> DataFrame:
    """The runs of 1 to `max_length` steps, nothing between them, that a share of at least `min_support` took.

    The share is of the sessions with a step; a session counts once for a run however often it takes it.
    With `closed` a run is left out where one that contains it, longer than `max_length` or not, is in just
    as many sessions: it says nothing that the longer one does not. What a step is, `collapse` and
    `conversion`: see session_paths.

    Out: path (array<string>), length (its steps), session_count, share (of the sessions with a step),
    conversion_count (sessions with the run that converted, before it or after), conversion_rate.

    Reads its input twice, the second time for the number of sessions alone.
    Raises SchemaMismatch; RetinueError where `max_length` is below 1 or `min_support` not within 0..1.
    """
    _refuse(min_support, max_length)
    sessions = session_paths(sessionized, of=of, collapse=collapse, visitor=visitor, conversion=conversion)
    total = sessions.agg(F.count("*").alias("_all"))
    counted = (
        sessions.select("is_converted", F.explode(_runs(max_length + 1)).alias("path"))
        .groupBy("path")
        .agg(
            F.count("*").alias("session_count"),
            F.sum(F.col("is_converted").cast("bigint")).alias("conversion_count"),
        )
        .crossJoin(F.broadcast(total))
    )
    frequent = _with_share(counted, min_support).withColumn(
        "conversion_rate", F.col("conversion_count") / F.col("session_count")
    )
    inner = F.array(F.slice("path", F.lit(1), F.size("path") - 1), F.slice("path", F.lit(2), F.size("path")))
    kept = _closed(frequent, inner) if closed else frequent
    return kept.where(F.col("length") <= max_length).select(
        "path", "length", "session_count", "share", "conversion_count", "conversion_rate"
    )


def frequent_subpaths(
    sessionized: DataFrame,
    *,
    of: str = "page",
    min_support: float = 0.01,
    max_length: int = 5,
    closed: bool = True,
    collapse: bool = True,
    visitor: str = "visitor_id",
) -> DataFrame:
    """The orders of 1 to `max_length` steps, others between them or not, in at least `min_support` of paths.

    The support is the share of the sessions with a step that take these steps in this order; a session
    counts once. With `closed` an order is left out where one that contains it, longer than `max_length` or
    not, has the same support. What a step is, and `collapse`: see session_paths. These are the sequential
    patterns of Pei et al. 2001, PrefixSpan, and the closed ones of Yan et al. 2003, CloSpan.

    Out: path (array<string>), length (its steps), session_count, share (of the sessions with a step).

    Runs Spark jobs. The driver holds the patterns found, which `min_support` and `max_length` bound.
    Raises SchemaMismatch; RetinueError where `max_length` is below 1 or `min_support` not within 0..1.
    """
    _refuse(min_support, max_length)
    sessions = session_paths(sessionized, of=of, collapse=collapse, visitor=visitor)
    sequences = sessions.select(F.transform("path", lambda step: F.array(step)).alias("sequence")).persist()
    try:
        patterns = _mined(sequences, min_support, max_length + 1)
        frequent = _with_share(patterns.withColumn("_all", F.lit(sequences.count())), min_support)
    finally:
        sequences.unpersist()
    kept = _closed(frequent, _without_one(F.col("path"))) if closed else frequent
    return kept.where(F.col("length") <= max_length).select("path", "length", "session_count", "share")


def _runs(length: int) -> Column:
    """All different runs of a path of up to so many steps."""
    size = F.size("path")
    runs = F.transform(
        F.sequence(F.lit(1), size),
        lambda start: F.transform(
            F.sequence(F.lit(1), F.least(F.lit(length), size - start + 1)),
            lambda steps: F.slice("path", start, steps),
        ),
    )
    return F.array_distinct(F.flatten(runs))


def _mined(sequences: DataFrame, min_support: float, max_length: int) -> DataFrame:
    # PrefixSpan rounds support times sessions up, and 0.07 * 100 is a little more than 7.
    miner = PrefixSpan(minSupport=min_support * (1 - 1e-9), maxPatternLength=max_length)
    found = miner.findFrequentSequentialPatterns(sequences)
    return found.select(F.flatten("sequence").alias("path"), F.col("freq").alias("session_count"))


def _with_share(counted: DataFrame, min_support: float) -> DataFrame:
    share = F.col("session_count") / F.col("_all")
    return counted.withColumns({"share": share, "length": F.size("path")}).where(share >= min_support)


def _closed(frequent: DataFrame, inner: Column) -> DataFrame:
    """Drop the paths that are among the `inner` ones, a step shorter, of another one as frequent.

    One step is enough: what lies between two patterns of one support has that support too.
    """
    row, about = F.struct(*frequent.columns), F.explode(F.concat(F.array("path"), inner))
    is_own = F.col("about") == F.col("row.path")
    return (
        frequent.select(row.alias("row"), about.alias("about"))
        .groupBy("about")
        .agg(
            F.max(F.when(is_own, F.col("row"))).alias("row"),
            F.max(F.when(~is_own, F.col("row.session_count"))).alias("most_of_longer"),
        )
        .where("row is not null and (most_of_longer is null or most_of_longer < row.session_count)")
        .select("row.*")
    )


def _without_one(path: Column) -> Column:
    """The path without its first step, without its second, and so on."""
    places = F.sequence(F.lit(0), F.size(path) - 1)
    return F.transform(places, lambda left_out: F.filter(path, lambda _, place: place != left_out))


def _refuse(min_support: float, max_length: int) -> None:
    refuse_below_one(max_length=max_length)
    if not 0 <= min_support <= 1:
        raise RetinueError(f"min_support is {min_support}; it is a share of the sessions, from 0 to 1")
