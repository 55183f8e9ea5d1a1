"""One edge of a hundred is new: ranks walked on and components joined, beside both from nothing.

What was known before the change, and the change itself, are made once and not counted. Ranks are held to the
library's own precision, a step of 1e-8, and may be 1e-6 apart in all; components are the same. `cold,
counted` is the cold walk by the function that says how many steps it took.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb as db

from bench import answers, engines
from bench.task import Contestant, Task

ONE_OF = 100


def change(spark: Any, source: Path, target: Path) -> None:
    """All edges, those added, and the ranks and components of the others."""
    from pyspark.sql import functions as F

    from retinue.network import communities, influence

    edges = spark.read.parquet(str(source))
    is_new = F.pmod(F.xxhash64("src", "dst"), F.lit(ONE_OF)) == 0
    before = edges.where(~is_new)
    made = {
        "edges": edges,
        "added": edges.where(is_new),
        "ranks": influence.ranks(before, engine="local"),
        "components": communities.components(before, engine="local"),
    }
    for name, rows in made.items():
        rows.write.parquet(str(target / name))


def ranks_warm(spark: Any, source: Path, target: Path) -> None:
    """Walked on, in one task."""
    _walked(spark, source, target, engine="local", is_known=True)


def ranks_counted(spark: Any, source: Path, target: Path) -> None:
    """Walked from nothing by the same function, in one task."""
    _walked(spark, source, target, engine="local", is_known=False)


def ranks_cold(spark: Any, source: Path, target: Path) -> None:
    """From nothing, in one task."""
    _ranked(spark, source, target, engine="local")


def ranks_warm_distributed(spark: Any, source: Path, target: Path) -> None:
    """Walked on, by joins."""
    _walked(spark, source, target, engine="distributed", is_known=True)


def ranks_cold_distributed(spark: Any, source: Path, target: Path) -> None:
    """From nothing, by joins."""
    _ranked(spark, source, target, engine="distributed")


def _walked(spark: Any, source: Path, target: Path, *, engine: str, is_known: bool) -> None:
    from retinue.network import changing

    known = _read(spark, source, "ranks").where("true" if is_known else "false")
    changing.ranks(_read(spark, source, "edges"), known, engine=engine).write.parquet(str(target))


def _ranked(spark: Any, source: Path, target: Path, *, engine: str) -> None:
    from pyspark.sql import functions as F

    from retinue.network import influence

    ranks = influence.ranks(_read(spark, source, "edges"), engine=engine)
    ranks.withColumn("steps", F.lit(None).cast("int")).write.parquet(str(target))


def steps(source: Path, answer: Path) -> dict[str, float]:
    """How many steps the walk took, where that is told."""
    [(count,)] = db.execute(f"SELECT max(steps) FROM '{answer}/*.parquet'").fetchall()
    return {"steps": count} if count else {}


def components_changed(spark: Any, source: Path, target: Path) -> None:
    """The new edges join what was known, in one task."""
    _joined(spark, source, target, engine="local")


def components_of_all(spark: Any, source: Path, target: Path) -> None:
    """Of all edges, in one task."""
    _found(spark, source, target, engine="local")


def components_changed_distributed(spark: Any, source: Path, target: Path) -> None:
    """The new edges join what was known, by GraphFrames."""
    _joined(spark, source, target, engine="distributed")


def components_of_all_distributed(spark: Any, source: Path, target: Path) -> None:
    """Of all edges, by GraphFrames."""
    _found(spark, source, target, engine="distributed")


def _joined(spark: Any, source: Path, target: Path, *, engine: str) -> None:
    from retinue.network import changing

    known, added = _read(spark, source, "components"), _read(spark, source, "added")
    changing.components(known, added, engine=engine).write.parquet(str(target))


def _found(spark: Any, source: Path, target: Path, *, engine: str) -> None:
    from retinue.network import communities

    communities.components(_read(spark, source, "edges"), engine=engine).write.parquet(str(target))


def _read(spark: Any, source: Path, name: str) -> Any:
    return spark.read.parquet(str(source / name))


_CHANGE = Contestant("change", engines.open_spark, change)

RANKS = Task(
    name="graph_change_ranks",
    contestants=(
        Contestant("warm", engines.open_spark, ranks_warm, is_ours=True),
        Contestant("cold", engines.open_spark, ranks_cold),
        Contestant("cold, counted", engines.open_spark, ranks_counted),
        Contestant("warm, distributed", engines.open_spark, ranks_warm_distributed, is_ours=True),
        Contestant("cold, distributed", engines.open_spark, ranks_cold_distributed),
    ),
    source=_CHANGE,
    rows="edges",
    differ=answers.apart("pagerank", most=1e-6),
    told=steps,
)
COMPONENTS = Task(
    name="graph_change_components",
    contestants=(
        Contestant("changed", engines.open_spark, components_changed, is_ours=True),
        Contestant("of all", engines.open_spark, components_of_all),
        Contestant("changed, distributed", engines.open_spark, components_changed_distributed, is_ours=True),
        Contestant("of all, distributed", engines.open_spark, components_of_all_distributed),
    ),
    source=_CHANGE,
    digest=("id", "community_id"),
    rows="edges",
)
