"""How far two answers are apart, where they need not be the same to the last digit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from bench.task import Differ

__all__ = ["apart", "communities", "less_modular", "modularity", "near", "pair_count", "pairs_apart"]


def apart(value: str, *, most: float) -> Differ:
    """A row for each of the same ids, with values that are at most `most` apart in all."""

    def differ(source: Path, expected: Path, found: Path) -> str:
        rows, ones, others, far = _row(
            f"""SELECT count(*), count(one.id), count(other.id), sum(abs(one.{value} - other.{value}))
                FROM '{expected}/*.parquet' one FULL JOIN '{found}/*.parquet' other USING (id)"""
        )
        if not rows == ones == others:
            return f"has {others} ids, not the {ones}, and of both together there are {rows}"
        return "" if far <= most else f"is {far:.3g} apart in all, and {most:.3g} is allowed"

    return differ


def near(keys: Sequence[str], values: Sequence[str], *, most: float) -> Differ:
    """The same rows by their keys, with values that are at most `most` of themselves apart."""

    def differ(source: Path, expected: Path, found: Path) -> str:
        apart = " OR ".join(
            f"NOT coalesce(abs(one.{name} - other.{name}) <= {most} * greatest(abs(one.{name}), 1), false)"
            for name in values
        )
        told = ", ".join(f"{side}.{name}" for name in values for side in ("one", "other"))
        unlike = duckdb.connect().execute(
            f"""SELECT {", ".join(keys)}, {told} FROM '{expected}/*.parquet' one
                FULL JOIN '{found}/*.parquet' other USING ({", ".join(keys)}) WHERE {apart} ORDER BY ALL"""
        )
        rows = unlike.fetchall()
        return f"has {len(rows)} rows unlike, of which the first is {rows[0]}" if rows else ""

    return differ


def pairs_apart(*, most: float) -> Differ:
    """The same pairs with the same common neighbours; a src's scores are at most `most` apart in all.

    Pairs are too many to be joined: those of one src are held against each other by the sum of their hashes.
    """

    def by_src(answer: Path) -> str:
        return f"""(SELECT src, sum(hash(dst, common_neighbours::BIGINT)::HUGEINT) AS pairs,
                           sum(adamic_adar) AS score FROM '{answer}/*.parquet' GROUP BY src)"""

    def differ(source: Path, expected: Path, found: Path) -> str:
        unlike, far = _row(
            f"""SELECT count_if(one.pairs IS DISTINCT FROM other.pairs), max(abs(one.score - other.score))
                FROM {by_src(expected)} one FULL JOIN {by_src(found)} other USING (src)"""
        )
        if unlike:
            return f"has other pairs for {unlike:,} vertices"
        return (
            "" if far <= most else f"has a vertex whose scores are {far:.3g} apart, and {most:.3g} is allowed"
        )

    return differ


def pair_count(source: Path, answer: Path) -> dict[str, float]:
    """How many pairs there are."""
    return {"pairs": _row(f"SELECT count(*) FROM '{answer}/*.parquet'")[0]}


def less_modular(*, most: float) -> Differ:
    """Communities of all vertices whose modularity is within `most` of the other's."""

    def differ(source: Path, expected: Path, found: Path) -> str:
        one, other = modularity(source, expected), modularity(source, found)
        return "" if abs(one - other) <= most else f"has a modularity of {other:.4f}, not {one:.4f}"

    return differ


def communities(source: Path, answer: Path) -> dict[str, float]:
    """Of an answer, the modularity and the number of communities."""
    count = _row(f"SELECT count(DISTINCT community_id) FROM '{answer}/*.parquet'")[0]
    return {"modularity": round(modularity(source, answer), 4), "communities": count}


def modularity(source: Path, answer: Path) -> float:
    """Of undirected edges, each once: the share within communities less what chance would put there.

    An end without a community is an error.
    """
    strength, inside, ends, named = _row(
        f"""WITH tied AS (
              SELECT one.community_id AS one, other.community_id AS other FROM '{source}/*.parquet' edges
              LEFT JOIN '{answer}/*.parquet' one ON one.id = edges.src
              LEFT JOIN '{answer}/*.parquet' other ON other.id = edges.dst
            ), ends AS (
              SELECT one AS community_id FROM tied UNION ALL SELECT other FROM tied
            ), degrees AS (
              SELECT community_id, count(*)::DOUBLE AS degree FROM ends GROUP BY community_id
            )
            SELECT (SELECT sum(degree * degree) FROM degrees), (SELECT count_if(one = other) FROM tied),
                   (SELECT count(*) FROM ends), (SELECT count(community_id) FROM ends)"""
    )
    if ends != named:
        raise ValueError(f"{ends - named:,} ends of edges have not one community")
    return 2 * float(inside) / float(ends) - float(strength) / float(ends) ** 2


def _row(query: str) -> tuple[float, ...]:
    [row] = duckdb.connect().execute(query).fetchall()
    return tuple(row)
