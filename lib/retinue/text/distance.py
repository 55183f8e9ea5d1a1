"""How far apart two spellings are, and all pairs that are near, without comparing each with each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf
from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler

from retinue.errors import RetinueError, nearest
from retinue.schema import quoted, require

__all__ = ["damerau", "jaro_winkler", "levenshtein", "pairs_within"]

MOST_EDITS = 20


def levenshtein(left: Column, right: Column) -> Column:
    """How many characters must be put in, taken out or changed to make one text the other (bigint).

    Characters are code points. Null where either is null. Source: Levenshtein (1966).
    """
    return F.levenshtein(left, right).cast("bigint")


def damerau(left: Column, right: Column) -> Column:
    """The same, where two neighbours that changed places are one change (bigint).

    Without restriction: what has changed places may be changed again, so that the triangle inequality holds.
    An Arrow batch function. Null where either is null. Source: Lowrance and Wagner (1975).
    """
    return _by(_damerau, left, right, "bigint")


def jaro_winkler(left: Column, right: Column) -> Column:
    """1 - the Jaro-Winkler similarity, from 0 (equal) to 1 (double); made for names of people.

    A common prefix of up to 4 characters counts a tenth each, where the Jaro similarity is above .7.
    An Arrow batch function. Null where either is null. Source: Winkler (1990).
    """
    return _by(_jaro_winkler, left, right, "double")


def pairs_within(
    left: DataFrame, right: DataFrame, *, on: str, distance: float, measure: str = "levenshtein"
) -> DataFrame:
    """All pairs of a row of `left` and one of `right` whose texts in `on` are at most `distance` apart.

    Out: the columns of both; names that both have get left_ and right_ before them, so `on` does always;
    distance (bigint; double for jaro_winkler). Of a frame with itself that is each pair in both orders, and
    each row with itself. A null text is near nothing.

    measure: levenshtein or damerau, with a whole `distance` up to 20, or jaro_winkler with one below .4.

    Only texts that share a piece are compared: for levenshtein and damerau one is cut into more pieces than
    can change, so that one piece at least stands in the other, hardly moved; for jaro_winkler both share one
    of their rarer letters. No pair is missed. Equal texts are compared once, however many rows have them.

    Lazy; a shuffle of the pieces, one of the candidates, and two of the rows.
    Source: Li, Deng, Wang and Feng, "Pass-Join" (VLDB 2011), with its multi-match-aware selection.
    Raises SchemaMismatch; RetinueError for an unknown measure or a distance that it cannot have.
    """
    chosen = measure.lower()
    if chosen not in MEASURES:
        raise RetinueError(
            f"measure is {measure!r}{nearest(chosen, MEASURES)}; there are {', '.join(MEASURES)}"
        )
    near_or_null, candidates = MEASURES[chosen]
    for frame, side in ((left, "left"), (right, "right")):
        require(frame, [on], what=f"pairs_within ({side})")
    ones, others = (frame.select(F.col(quoted(on)).alias("text")).distinct() for frame in (left, right))
    near = (
        candidates(ones.where("text IS NOT NULL"), others.where("text IS NOT NULL"), distance)
        .withColumn("_distance", near_or_null(distance))
        .where(F.col("_distance").isNotNull())
    )
    return _with_rows(near, left, right, on)


def _with_rows(near: DataFrame, left: DataFrame, right: DataFrame, on: str) -> DataFrame:
    """The rows that have the texts of each pair."""
    shared = set(left.columns) & set(right.columns)
    one, other = (
        frame.select([F.col(quoted(c)).alias(f"{side}_{c}" if c in shared else c) for c in frame.columns])
        for frame, side in ((left, "left"), (right, "right"))
    )
    columns = [quoted(c) for c in (*one.columns, *other.columns)]
    joined = near.join(one, F.col("_one") == F.col(quoted(f"left_{on}")))
    joined = joined.join(other, F.col("_other") == F.col(quoted(f"right_{on}")))
    return joined.select(*columns, F.col("_distance").alias("distance"))


def _near_edits(distance: float) -> Column:
    """Far pairs are given up early, at -1."""
    return F.nullif(F.levenshtein("_one", "_other", int(distance)), F.lit(-1)).cast("bigint")


def _near(measured: Callable[[Column, Column], Column]) -> Callable[[float], Column]:
    def near(distance: float) -> Column:
        told = measured(F.col("_one"), F.col("_other"))
        return F.when(told <= distance, told)

    return near


def _damerau(one: str, other: str) -> float:
    return DamerauLevenshtein.distance(one, other)


def _jaro_winkler(one: str, other: str) -> float:
    return JaroWinkler.distance(one, other)


def _by(measured: Callable[[str, str], float], left: Column, right: Column, kind: str) -> Column:
    def distances(lefts: pa.Array, rights: pa.Array) -> pa.Array:
        pairs = zip(lefts.to_pylist(), rights.to_pylist(), strict=True)
        told = [None if one is None or other is None else measured(one, other) for one, other in pairs]
        return pa.array(told, pa.int64() if kind == "bigint" else pa.float64())

    readable = map(F.make_valid_utf8, (left, right))
    return arrow_udf(distances, kind)(*readable)  # type: ignore[no-any-return, call-overload]


# --- levenshtein and damerau: shared pieces ------------------------------------------------------


def _within_edits(left: DataFrame, right: DataFrame, distance: float) -> DataFrame:
    return _sharing_pieces(left, right, edits=_whole(distance), longer=_whole(distance))


def _within_swaps(left: DataFrame, right: DataFrame, distance: float) -> DataFrame:
    """A swap is two edits at most, and changes no length."""
    return _sharing_pieces(left, right, edits=2 * _whole(distance), longer=_whole(distance))


def _whole(distance: float) -> int:
    if distance != int(distance) or not 0 <= distance <= MOST_EDITS:
        raise RetinueError(f"distance is {distance}; give a whole number from 0 to {MOST_EDITS}")
    return int(distance)


def _sharing_pieces(left: DataFrame, right: DataFrame, *, edits: int, longer: int) -> DataFrame:
    """The pairs of texts of which one has a piece of the other: edits + 1 pieces cannot all change."""
    length = F.char_length("text")
    cut = right.select(
        F.col("text").alias("_other"), length.alias("size"), _pieces(length, edits).alias("pieces")
    )
    pieces = cut.select("_other", "size", F.inline("pieces")).select(
        "_other", "size", "number", F.substring("_other", F.col("start"), F.col("long")).alias("piece")
    )
    sizes = F.sequence(F.greatest(length - longer, F.lit(0)), length + longer)
    asked = left.select(F.col("text").alias("_one"), length.alias("own"), F.explode(sizes).alias("size"))
    asked = asked.select("_one", "own", "size", F.inline(_pieces(F.col("size"), edits)))
    places = asked.select("_one", "size", "number", "long", F.explode(_places(edits)).alias("place"))
    windows = places.select(
        "_one", "size", "number", F.substring("_one", F.col("place"), F.col("long")).alias("piece")
    ).distinct()
    return windows.join(pieces, ["size", "number", "piece"]).select("_one", "_other").distinct()


def _pieces(length: Column, edits: int) -> Column:
    """A text of this length in edits + 1 pieces, as even as can be: number and start from 1, and how long."""
    count = edits + 1
    short = F.floor(length / count).cast("int")
    before_long = F.lit(count) - length % count

    def piece(number: int) -> Column:
        longer_ones = F.greatest(F.lit(number - 1) - before_long, F.lit(0)).cast("int")
        is_long = (F.lit(number) > before_long).cast("int")
        return F.struct(
            F.lit(number).alias("number"),
            (F.lit(1) + short * (number - 1) + longer_ones).alias("start"),
            (short + is_long).alias("long"),
        )

    return F.array(*map(piece, range(1, count + 1)))


def _places(edits: int) -> Column:
    """Where in a text of length `own` the piece may stand: moved no further than edits beside it can."""
    number, start, moved = F.col("number"), F.col("start"), F.col("own") - F.col("size")
    before, behind = number - 1, F.lit(edits + 1) - number
    first = F.greatest(F.lit(1), start - before, start + moved - behind)
    last = F.least(F.col("own") - F.col("long") + 1, start + before, start + moved + behind)
    return F.when(first <= last, F.sequence(first, last))


# --- jaro_winkler: shared letters ----------------------------------------------------------------


def _within_winkler(left: DataFrame, right: DataFrame, distance: float) -> DataFrame:
    """The pairs that share a letter among those that a near text cannot do without."""
    if not 0 <= distance < 0.4:
        raise RetinueError(f"distance is {distance}; for jaro_winkler give a number from 0 to below 0.4")
    jaro = (1 - distance - 0.4) / 0.6  # the least that a prefix of 4 lifts so far
    one, other = (
        frame.select(F.col("text").alias(name), F.explode(_letters(jaro)).alias("letter"))
        for frame, name in ((left, "_one"), (right, "_other"))
    )
    shared = one.join(other, "letter").select("_one", "_other")
    empty = left.where("text = ''").select(F.col("text").alias("_one"), F.col("text").alias("_other"))
    return shared.unionByName(empty.join(right.where("text = ''").select(), how="cross")).distinct()


def _letters(jaro: float) -> Column:
    """Of a text's letters, each with its number among its equals, so many that a near text shares one.

    A pair shares m letters of a and of b with m/a + m/b >= 3 jaro - 1, and m <= b, hence b/a >= 3 jaro - 2.
    """
    size, most = F.char_length("text"), 3 * jaro - 1
    least = F.greatest(F.ceil(size * max(most - 1, 0.0) - 1e-9), F.lit(1))
    shared = F.greatest(F.ceil(most * size * least / (size + least) - 1e-9), F.lit(1))
    letters = F.regexp_extract_all(F.col("text"), F.lit("(?s)."), F.lit(0))
    equals = F.regexp_extract_all(F.array_join(F.array_sort(letters), ""), F.lit(r"(?s)((.)\2*)"), F.lit(1))
    numbered = F.flatten(F.transform(equals, _numbered))
    return F.slice(F.reverse(numbered), F.lit(1), F.greatest(size - shared + 1, F.lit(0)).cast("int"))


def _numbered(equals: Column) -> Column:
    """Each letter of a run of equal ones, with its number."""
    numbers = F.sequence(F.lit(1), F.char_length(equals))
    return F.transform(numbers, lambda number: F.struct(F.left(equals, F.lit(1)), number))


Candidates: TypeAlias = Callable[[DataFrame, DataFrame, float], DataFrame]
MEASURES: dict[str, tuple[Callable[[float], Column], Candidates]] = {
    "levenshtein": (_near_edits, _within_edits),
    "damerau": (_near(damerau), _within_swaps),
    "jaro_winkler": (_near(jaro_winkler), _within_winkler),
}
