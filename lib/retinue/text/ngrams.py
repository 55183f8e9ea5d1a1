"""Words that stand side by side: how often, in how many documents, when, and more often than chance."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retinue.errors import RetinueError, nearest
from retinue.schema import quoted, require
from retinue.text import runs, significance

__all__ = ["collocations", "count", "cut", "over_time", "rising", "vocabulary"]

MOST_WORDS = 10
MOST_COLLOCATED = 5
PERIODS = ("day", "week", "month", "quarter", "year")


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
    lengths = runs.lengths(n, least=1, most=MOST_WORDS)
    marked = runs.marked(runs.of(tokenized, tokens, what="ngrams.count"), lengths, stop_words)
    return _counted(tokenized.select(F.explode(marked).alias("each")), [])


def over_time(
    tokenized: DataFrame,
    *,
    at: str,
    n: int | Iterable[int],
    period: str = "week",
    tokens: str = "tokens",
    stop_words: Collection[str] = (),
) -> DataFrame:
    """Count the n-grams of each day, week (from Monday), month, quarter or year, in the session's time zone.

    Out, a row an n-gram and period in which it was said: ngram, period_start (date), count and document_count
    (bigint, as in `count`), period_document_count (bigint, all documents of the period), share (double,
    document_count / period_document_count, so that a period of which only a part has been does no harm).

    In: `at` (timestamp), `tokens` and `stop_words` as `count` takes them. What has no time is left out.

    Lazy. Raises SchemaMismatch; RetinueError where `n` is not between 1 and 10 or `period` is none of these.
    """
    require(tokenized, [at, tokens], what="ngrams.over_time")
    if period.lower() not in PERIODS:
        raise RetinueError(
            f"there is no period {period!r}{nearest(period, PERIODS)}; there are {', '.join(PERIODS)}"
        )
    lengths = runs.lengths(n, least=1, most=MOST_WORDS)
    start = F.date_trunc(period, quoted(at)).cast("date").alias("period_start")
    marked = runs.marked(runs.of(tokenized, tokens, what="ngrams.over_time"), lengths, stop_words)
    dated = tokenized.where(F.col(quoted(at)).isNotNull())
    counted = _counted(dated.select(start, F.explode(marked).alias("each")), ["period_start"])
    sizes = dated.groupBy(start).agg(F.count("*").alias("period_document_count"))
    return counted.join(F.broadcast(sizes), "period_start").select(
        "ngram",
        "period_start",
        "count",
        "document_count",
        "period_document_count",
        (F.col("document_count") / F.col("period_document_count")).alias("share"),
    )


def rising(counted: DataFrame, *, least: int = 5, false_discovery_rate: float = 0.05) -> DataFrame:
    """The n-grams that a larger share of documents has in the last period than before it, beyond chance.

    Out, a row an n-gram that rises: ngram, period_start (date, the last), document_count and share (there),
    earlier_document_count and earlier_share (of all periods before), log_odds (double, natural log of the
    odds ratio of both shares, half a document added on each side), z (double, log_odds by its standard
    error), q_value (double, at most `false_discovery_rate`: the share of chance findings to expect among the
    n-grams that rise as clearly). What one author says many times is many documents here.

    In: what `over_time` gives. Tested are n-grams in at least `least` documents of all periods together.

    Lazy; in the last step the n-grams whose p-value alone is small enough stand in one task.
    Sources: Haldane (1956), Anscombe (1956); Benjamini and Hochberg (1995).
    Raises SchemaMismatch; RetinueError where `least` is below 1 or `false_discovery_rate` no share.
    """
    needed = ["ngram", "period_start", "document_count", "period_document_count"]
    require(counted, needed, what="ngrams.rising")
    if least < 1:
        raise RetinueError(f"least is {least}; it must be 1 or more")
    sizes = counted.select("period_start", "period_document_count").distinct()
    latest = sizes.agg(
        F.max("period_start").alias("last"),
        F.max_by("period_document_count", "period_start").alias("documents"),
        F.sum("period_document_count").alias("all_documents"),
    ).withColumn("earlier_documents", F.col("all_documents") - F.col("documents"))
    is_last = F.col("period_start") == F.col("last")
    tested = (
        counted.crossJoin(F.broadcast(latest))
        .groupBy("ngram", "last", "documents", "earlier_documents")
        .agg(
            F.sum(F.when(is_last, F.col("document_count")).otherwise(0)).alias("document_count"),
            F.sum(F.when(is_last, 0).otherwise(F.col("document_count"))).alias("earlier_document_count"),
        )
        .where(F.col("document_count") + F.col("earlier_document_count") >= least)
    )
    here, there = F.col("document_count"), F.col("earlier_document_count")
    log_odds, error = significance.log_odds(here, F.col("documents"), there, F.col("earlier_documents"))
    scored = tested.select(
        "ngram",
        F.col("last").alias("period_start"),
        "document_count",
        (here / F.col("documents")).alias("share"),
        "earlier_document_count",
        F.try_divide(there, F.col("earlier_documents")).alias("earlier_share"),
        log_odds.alias("log_odds"),
        (log_odds / error).alias("z"),
    )
    return significance.discoveries(scored, z="z", rate=false_discovery_rate, tie="ngram")


def vocabulary(counted: DataFrame, *, limit: int, least: int = 1) -> DataFrame:
    """The `limit` commonest n-grams of those that are there `least` times at least; ties by the n-gram.

    Out: the rows and columns of `counted`, fewer. What was left out, `cut` says.

    In: what `count` gives. Lazy; up to `limit` rows pass through one task.
    Raises SchemaMismatch; RetinueError where `limit` or `least` is below 1.
    """
    require(counted, ["ngram", "count"], what="ngrams.vocabulary")
    for name, number in (("limit", limit), ("least", least)):
        if number < 1:
            raise RetinueError(f"{name} is {number}; it must be 1 or more")
    return counted.where(F.col("count") >= least).orderBy(F.desc("count"), "ngram").limit(limit)


def cut(counted: DataFrame, *, limit: int, least: int = 1) -> DataFrame:
    """What `vocabulary` leaves out for the same arguments: how many n-grams, and how often they are there.

    Out, one row, all bigint: kept_ngrams and kept_count (their occurrences), rare_ngrams and rare_count (cut
    by `least`), excess_ngrams and excess_count (common enough, but cut by `limit`). They add up to all.

    Lazy. Raises as `vocabulary` does.
    """
    kept = vocabulary(counted, limit=limit, least=least).agg(*_size("kept", F.lit(True)))
    is_rare = F.col("count") < least
    return (
        counted.agg(*_size("rare", is_rare), *_size("common", ~is_rare))
        .crossJoin(kept)
        .select(
            *("kept_ngrams", "kept_count", "rare_ngrams", "rare_count"),
            (F.col("common_ngrams") - F.col("kept_ngrams")).alias("excess_ngrams"),
            (F.col("common_count") - F.col("kept_count")).alias("excess_count"),
        )
    )


def collocations(
    tokenized: DataFrame, *, n: int | Iterable[int] = 2, tokens: str = "tokens", least: int = 1
) -> DataFrame:
    """The n words that stand side by side, with what speaks against chance: pairs, or up to 5 words.

    Out, a row an n-gram that is there at least `least` times: ngram (string, its words with a space between),
    count (bigint), log_likelihood (double, Dunning's G2 of the 2 x 2 table of its first n - 1 words and its
    last; 0 where chance explains it), pmi (double, bits: log2 of how many times oftener than by chance), npmi
    (double, pmi / -log2 of the n-gram's share: 1 where no part is ever without the other, in that order).

    In: as `count`; `n` from 2 to 5, or several at once. Each word's count is that of all its tokens, so is
    the total, as in nltk's BigramCollocationFinder; that of the first n - 1 words is how often they stand so.
    Sources: Dunning (1993), Church and Hanks (1990), Bouma (2009).

    Lazy. Raises SchemaMismatch; RetinueError where `n` is not between 2 and 5 or `least` below 1.
    """
    lengths = runs.lengths(n, least=2, most=MOST_COLLOCATED)
    if least < 1:
        raise RetinueError(f"least is {least}; it must be 1 or more")
    spans = runs.of(tokenized, tokens, what="collocations")
    parts = sorted({1, *(length - 1 for length in lengths)})
    counted = (
        _each(tokenized, spans, lambda run: runs.with_lengths(run, parts))
        .where("ngram IS NOT NULL")
        .groupBy("length", "ngram")
        .count()
    )
    words = counted.where("length = 1").select(
        F.col("ngram").alias("second"), F.col("count").alias("second_count")
    )
    firsts = counted.select(
        (F.col("length") + 1).alias("length"),
        F.col("ngram").alias("first"),
        F.col("count").alias("first_count"),
    )
    total = words.agg(F.sum("second_count").alias("total"))
    found = (
        _each(tokenized, spans, lambda run: F.concat(*(runs.split(run, length) for length in lengths)))
        .groupBy("length", "first", "second")
        .count()
        .where(F.col("count") >= least)
    )
    table = found.join(firsts, ["length", "first"]).join(words, "second").crossJoin(F.broadcast(total))
    g2 = significance.log_likelihood(*map(F.col, ("count", "first_count", "second_count", "total")))
    return table.select(
        F.concat_ws(" ", "first", "second").alias("ngram"),
        "count",
        g2.alias("log_likelihood"),
        _pmi().alias("pmi"),
        F.try_divide(_pmi(), -F.log2(F.col("count") / F.col("total"))).alias("npmi"),
    )


def _each(tokenized: DataFrame, spans: Column, cut: Callable[[Column], Column]) -> DataFrame:
    """A row for each struct that `cut` finds in a run, with its fields as columns."""
    return tokenized.select(F.inline(F.flatten(F.transform(spans, cut))))


def _counted(exploded: DataFrame, by: list[str]) -> DataFrame:
    return exploded.groupBy(*by, F.col("each.ngram").alias("ngram")).agg(
        F.count("*").alias("count"), F.count_if("each.is_first").alias("document_count")
    )


def _size(name: str, which: Column) -> tuple[Column, Column]:
    """How many n-grams there are of these, and how many occurrences."""
    occurrences = F.sum(F.when(which, F.col("count")).otherwise(0))
    return F.count_if(which).alias(f"{name}_ngrams"), F.coalesce(occurrences, F.lit(0)).alias(f"{name}_count")


def _pmi() -> Column:
    return F.log2(
        F.col("count") * F.col("total") / (F.col("first_count") * F.col("second_count").cast("double"))
    )
