"""A network with somebody in it whom a million follow: link prediction under a budget has to end.

The pairs of so many come to half a million millions, which nobody could write; the hub brings nobody
together then, and `links.left_out`, whose cost is in the figures, says what that loses.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb as db

from bench import answers, engines
from bench.task import Contestant, Task

LEAVES = 1_000_000
MAX_WEDGES = 10_000_000


def star(connection: Any, source: Path, target: Path) -> None:
    """The edges, and those of the leaves with the hub."""
    target.mkdir()
    connection.execute(
        f"""COPY (SELECT src, dst FROM read_parquet('{source}/*.parquet')
                  UNION ALL SELECT 'leaf' || leaf, 'hub' FROM range({LEAVES}) AS leaves(leaf))
            TO '{target}/edges.parquet' (COMPRESSION zstd)"""
    )


def retinue(spark: Any, source: Path, target: Path) -> None:
    """By the library, in one task."""
    _retinue(spark, source, target, engine="local")


def retinue_distributed(spark: Any, source: Path, target: Path) -> None:
    """By the library, by joins."""
    _retinue(spark, source, target, engine="distributed")


def _retinue(spark: Any, source: Path, target: Path, *, engine: str) -> None:
    from retinue.network import links

    edges = spark.read.parquet(str(source))
    links.predict(edges, max_wedges=MAX_WEDGES, engine=engine).write.parquet(str(target))
    links.left_out(edges, max_wedges=MAX_WEDGES).write.parquet(str(target / "left_out"))


def lost(source: Path, answer: Path) -> dict[str, float]:
    """How many pairs there are, which vertices were left out, and what share of the work that was."""
    [(count, degree, share)] = db.execute(
        f"SELECT count(*), max(degree), sum(wedge_share) FROM '{answer}/left_out/*.parquet'"
    ).fetchall()
    told = {"left out": count, "of degrees up to": degree, "share of wedges": share}
    return {**answers.pair_count(source, answer), **told}


TASK = Task(
    name="graph_star",
    contestants=(
        Contestant("retinue", engines.open_spark, retinue, is_ours=True),
        Contestant("retinue, distributed", engines.open_spark, retinue_distributed, is_ours=True),
    ),
    source=Contestant("star", engines.open_duckdb, star),
    rows="edges",
    differ=answers.pairs_apart(most=1e-6),
    told=lost,
)
