"""Random questions about random partitions, answered as the slow oracle answers them."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from oracles import npath as oracle
from pyspark.sql import SparkSession

from retinue.clickstream.npath import npath

PARTITIONS = 50
FRAMES = ("running", "final")
SHAPES: list[tuple[str, Any, Any]] = [
    *((function, "x", None) for function in ("first", "last", "first_notnull", "last_notnull")),
    *((function, "x", None) for function in ("sum", "avg", "min", "max", "count", "dupcount", "dupcountcum")),
    *(("nth", "s", n) for n in (1, 2, -1, -2, -3)),
    ("count", "*", None),
    ("count", "x", True),
    ("max_choose", ("x", "s"), None),
    ("min_choose", ("x", "t"), None),
    ("accumulate", "s", None),
    ("accumulate", "x", ("distinct", "; ")),
    ("accumulate", "s", ("cdistinct", "")),
    ("accumulate", "classifier()", None),
    ("classifier", "classifier()", None),
    ("first", ("lag", "x", 1, -1), None),
    ("last", ("lag", "x", -2, 99), None),
]


def partitions(rng: random.Random) -> list[list[dict[str, Any]]]:
    def row(place: int) -> dict[str, Any]:
        return {
            "t": place * 2 + rng.randint(0, 1),
            "x": rng.choice([None, 1, 2, 2, 3]),
            "s": rng.choice([None, "u", "v", "w"]),
            "holds": {name for name in "ABC" if rng.random() < 0.5},
        }

    return [[row(place) for place in range(rng.randint(1, 7))] for _ in range(PARTITIONS)]


def measures(rng: random.Random) -> dict[str, Any]:
    shapes = rng.sample(SHAPES, 7)
    asked = [
        (function, value, rng.choice([None, "A", "AB", "BC"]), rng.choice(FRAMES), more)
        for function, value, more in shapes
    ]
    return {
        "t": "t",
        "number": "match_number()",
        **{f"m{place}": measure for place, measure in enumerate(asked)},
    }


def question(rng: random.Random, clocks: bool) -> dict[str, Any]:
    options = {
        "mode": rng.choice(["overlapping", "nonoverlapping"]),
        "prefer": rng.choice(["longest", "first"]),
        "output": rng.choice(["match", "row", "row"]),
        "empty_matches": rng.random() < 0.5,
        "unmatched_rows": rng.random() < 0.5,
    }
    if clocks:
        options["within"] = rng.randint(1, 8)
    return options


def interesting(rng: random.Random, worlds: list[list[dict[str, Any]]]) -> oracle.Pattern:
    """A pattern with a choice or a repetition that some partitions match and others do not."""
    while True:
        pattern = oracle.random_pattern(rng)
        found = [
            any(end > start for start, end, _ in oracle.matches(pattern, [r["holds"] for r in w]))
            for w in worlds
        ]
        if len(oracle.text(pattern)) > 6 and 5 < sum(found) < PARTITIONS:
            return pattern


@pytest.mark.parametrize("seed", range(10))
def test_random_questions(spark: SparkSession, seed: int) -> None:
    rng = random.Random(seed)
    worlds, asked = partitions(rng), measures(rng)
    pattern, options = interesting(rng, worlds), question(rng, clocks=seed % 3 == 0)
    if options["output"] == "match":
        options["unmatched_rows"] = False
        asked = {name: m if isinstance(m, str) else (*m[:3], "final", m[4]) for name, m in asked.items()}
    rows = [
        (
            key,
            r["t"],
            r["x"],
            r["s"],
            *(True if n in r["holds"] else rng.choice([False, None]) for n in "ABC"),
        )
        for key, world in enumerate(worlds)
        for r in world
    ]
    rng.shuffle(rows)
    frame = spark.createDataFrame(
        rows, "key int, t int, x int, s string, is_a boolean, is_b boolean, is_c boolean"
    )
    where = seed % 4 == 1
    told = npath(
        frame,
        partition_by=["key"],
        order_by=["t"],
        symbols={"A": "is_a", "B": "is_b", "C": "is_c"},
        pattern=oracle.text(pattern),
        measures={name: m if isinstance(m, str) else oracle.written(m) for name, m in asked.items()},
        where="coalesce(sum(x), 0) <= 5" if where else None,
        **options,
    )
    if where:
        options["where"] = lambda every, world: sum(world[place]["x"] or 0 for place, _ in every) <= 5
    expected = [
        (key, *line)
        for key, world in enumerate(worlds)
        for line in oracle.answer(
            pattern, world, [*asked.values()], {**options, "clock": clock(world, options)}
        )
    ]
    assert Counter(map(tuple, told.collect())) == Counter(expected), oracle.text(pattern)


def clock(world: list[dict[str, Any]], options: dict[str, Any]) -> list[int] | None:
    return [row["t"] for row in world] if "within" in options else None
