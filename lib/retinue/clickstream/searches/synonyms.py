"""Near words that do find something, for those that do not."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retinue.clickstream.searches.terms import searches_of, term
from retinue.errors import RetinueError
from retinue.schema import require

_GRAM = 3
_MOST_EDITS = 2


def suggest_synonyms(
    sessions: DataFrame,
    *,
    failing_rate: float = 0.5,
    min_similarity: float = 0.5,
    min_refined: int = 2,
    limit: int = 3,
) -> DataFrame:
    """For each term that mostly fails, up to `limit` terms near it that mostly find something.

    A term (see fruitless_terms) mostly fails where at least `failing_rate` of its searches are fruitless;
    all others mostly find. A finding term is near a failing one where

    - few edits lead from one to the other (Levenshtein, in code points): none for up to 2 code points of
      the failing term, 1 for 3 to 5, 2 for more (the bound that Elasticsearch calls AUTO), or
    - at least `min_similarity` of the character trigrams of either are in both (Jaccard; two spaces stand
      before and after a term), or
    - at least `min_refined` sessions went on with it: their next search after the fruitless one was for
      this term and found something

    In: what search_sessions gives.

    Out, a row a suggestion: query (the failing term), rank (int, from 1), suggestion, edit_distance (int),
    trigram_similarity (double), refined_session_count (bigint: sessions that went on with it), found_count
    (bigint: searches for the suggestion that found something), fruitless_search_count (bigint: searches for
    the query that did not). Ranked by refined_session_count, trigram_similarity, edit_distance, found_count,
    suggestion.

    No pair of near terms is missed, and not every pair is looked at: two terms meet only over their rarest
    trigrams, so many of each that near ones must share one (prefix filtering: Chaudhuri, Ganti and Kaushik
    2006, A primitive operator for similarity joins in data cleaning; for edits Xiao, Wang and Lin 2008,
    Ed-Join). So a word that stands in most terms brings together only those that have nothing rarer.

    Raises SchemaMismatch; RetinueError for a failing_rate or min_similarity outside 0..1 (0 is neither).
    """
    require(sessions, ["session_id", "searches"], what="suggest_synonyms")
    for name, share in (("failing_rate", failing_rate), ("min_similarity", min_similarity)):
        if not 0 < share <= 1:
            raise RetinueError(f"{name} is {share}; it must lie above 0 and not above 1")
    terms = _terms(sessions, failing_rate)
    pairs = near_pairs(terms, min_similarity).unionByName(_refined_pairs(sessions))
    near = (
        (F.col("edit_distance") <= _edits_allowed(F.col("query")))
        | (F.col("trigram_similarity") >= min_similarity)
        | (F.col("refined_session_count") >= min_refined)
    )
    best_first = Window.partitionBy("query").orderBy(
        F.desc("refined_session_count"),
        F.desc("trigram_similarity"),
        "edit_distance",
        F.desc("found_count"),
        "suggestion",
    )
    return (
        _likened(pairs, terms)
        .where(near)
        .withColumn("rank", F.row_number().over(best_first))
        .where(F.col("rank") <= limit)
        .select(
            "query",
            "rank",
            "suggestion",
            "edit_distance",
            "trigram_similarity",
            "refined_session_count",
            "found_count",
            "fruitless_search_count",
        )
    )


def near_pairs(terms: DataFrame, min_similarity: float) -> DataFrame:
    """Every failing term with every finding one that shares a trigram among the rarest of either.

    An edit changes three trigrams at the most, and a similarity leaves so many that may differ. Of one
    trigram more than may differ, one at least is in the other term too, and among its rarest.
    """
    grams = terms.select("term", "fails", F.explode(_grams(F.col("term"))).alias("gram"))
    rarity = grams.groupBy("gram").agg(F.count("*").alias("term_count"))
    by_rarity = Window.partitionBy("term").orderBy("term_count", "gram")
    size = F.count("*").over(Window.partitionBy("term"))
    # Less a trifle, for 0.7 times 10 comes out above 7.
    may_differ = F.greatest(F.lit(_GRAM * _MOST_EDITS), size - F.ceil(size * min_similarity - 1e-9))
    rarest = (
        grams.join(rarity, on="gram")
        .withColumns({"place": F.row_number().over(by_rarity), "may_differ": may_differ})
        .where("place <= may_differ + 1")
    )
    failing = rarest.where("fails").select("gram", F.col("term").alias("query"))
    finding = rarest.where("not fails").select("gram", F.col("term").alias("suggestion"))
    return (
        failing.join(finding, on="gram").select("query", "suggestion", F.lit(0).alias("refined")).distinct()
    )


def _terms(sessions: DataFrame, failing_rate: float) -> DataFrame:
    searches = F.count("*").alias("search_count")
    failed = F.count("reason").alias("fruitless_search_count")
    counts = searches_of(sessions).where("query is not null").groupBy("query").agg(searches, failed)
    return counts.select(
        F.col("query").alias("term"),
        (F.col("fruitless_search_count") / F.col("search_count") >= failing_rate).alias("fails"),
        "fruitless_search_count",
        (F.col("search_count") - F.col("fruitless_search_count")).alias("found_count"),
    )


def _likened(pairs: DataFrame, terms: DataFrame) -> DataFrame:
    """Each pair of a failing and a finding term once, with how alike they are and how often they were met."""
    failing = terms.where("fails").selectExpr("term as query", "fruitless_search_count")
    finding = terms.where("not fails").selectExpr("term as suggestion", "found_count")
    return (
        pairs.groupBy("query", "suggestion")
        .agg(F.sum("refined").alias("refined_session_count"))
        .join(failing, on="query")
        .join(finding, on="suggestion")
        .withColumn("edit_distance", F.levenshtein("query", "suggestion"))
        .withColumn("trigram_similarity", _similarity("query", "suggestion"))
    )


def _refined_pairs(sessions: DataFrame) -> DataFrame:
    """Each fruitless term with the one that the next search of the session found something for."""
    searches = F.col("searches")
    with_next = F.transform(
        searches, lambda search, at: F.struct(search.alias("search"), F.get(searches, at + 1).alias("then"))
    )
    moves = sessions.select("session_id", F.inline(with_next))
    return (
        moves.where("search.reason is not null and then is not null and then.reason is null")
        .select(
            "session_id",
            term(F.col("search.query")).alias("query"),
            term(F.col("then.query")).alias("suggestion"),
        )
        .where("query <> suggestion")
        .groupBy("query", "suggestion")
        .agg(F.count_distinct("session_id").alias("refined"))
    )


def _grams(term: Column) -> Column:
    """The distinct trigrams of the term between two spaces on either side."""
    spaced = F.concat(F.lit("  "), term, F.lit("  "))
    starts = F.sequence(F.lit(1), F.length(spaced) - (_GRAM - 1))
    return F.array_distinct(F.transform(starts, lambda start: F.substring(spaced, start, F.lit(_GRAM))))


def _similarity(one: str, other: str) -> Column:
    these, those = _grams(F.col(one)), _grams(F.col(other))
    return F.size(F.array_intersect(these, those)) / F.size(F.array_union(these, those))


def _edits_allowed(term: Column) -> Column:
    return F.when(F.length(term) <= 2, 0).when(F.length(term) <= 5, 1).otherwise(_MOST_EDITS)
