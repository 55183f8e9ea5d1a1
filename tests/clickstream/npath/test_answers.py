"""Two hundred random questions to a hundred random partitions, answered as the slow oracle answers them."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from functools import reduce
from itertools import product
from typing import Any, TypeAlias

import pytest
from oracles import npath as oracle
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from retinue.clickstream.npath import npath

World: TypeAlias = list[dict[str, Any]]

PARTITIONS = 100
BATCHES = 20
FRAMES = ("running", "final")
PLAIN = [*product(("overlapping", "nonoverlapping"), ("longest", "first"), ("match", "row"))]
SKIPS = [*product(("to_first A", "to_last B"), ("longest", "first"), ("match", "row"))]
WAYS = PLAIN * 22 + SKIPS * 3
WHERE = {
    "coalesce(sum(x), 0) <= 5": lambda every, world: sum(world[place]["x"] or 0 for place, _ in every) <= 5,
    "count(* of any(A, B)) <> 2": lambda every, _: sum(label in "AB" for _, label in every) != 2,
    "last(x) > first(x)": lambda every, world: (
        bool(every) and (world[every[-1][0]]["x"] or 0) > (world[every[0][0]]["x"] or 9)
    ),
}
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


def partitions(rng: random.Random) -> list[World]:
    def row(place: int) -> dict[str, Any]:
        return {
            "t": place * 2 + rng.randint(0, 1),
            "x": rng.choice([None, 1, 2, 2, 3]),
            "s": rng.choice([None, "u", "v", "w"]),
            "holds": {name for name in "ABC" if rng.random() < 0.5},
        }

    return [[row(place) for place in range(rng.randint(1, 7))] for _ in range(PARTITIONS)]


def frame(spark: SparkSession, worlds: list[World], rng: random.Random) -> DataFrame:
    """The rows in no order; a symbol that does not hold is false or null."""
    rows = [
        (
            key,
            *(row[name] for name in ("t", "x", "s")),
            *(True if name in row["holds"] else rng.choice([False, None]) for name in "ABC"),
        )
        for key, world in enumerate(worlds)
        for row in world
    ]
    rng.shuffle(rows)
    return spark.createDataFrame(
        rows, "key int, t int, x int, s string, is_a boolean, is_b boolean, is_c boolean"
    )


def measures(rng: random.Random) -> dict[str, Any]:
    asked = [
        (function, value, rng.choice([None, "A", "AB", "BC"]), rng.choice(FRAMES), more)
        for function, value, more in rng.sample(SHAPES, 4)
    ]
    return {"t": "t", "number": "match_number()", **{f"m{place}": m for place, m in enumerate(asked)}}


def question(rng: random.Random, way: tuple[str, str, str]) -> dict[str, Any]:
    """The options that both sides take; `where` by its text."""
    options: dict[str, Any] = dict(zip(("mode", "prefer", "output"), way, strict=True))
    options["empty_matches"] = rng.random() < 0.5
    options["unmatched_rows"] = options["output"] == "row" and rng.random() < 0.5
    if rng.random() < 0.3:
        options["within"] = rng.randint(1, 8)
    if rng.random() < 0.3:
        options["where"] = rng.choice([*WHERE])
    return options


def expected(
    pattern: oracle.Pattern, worlds: list[World], asked: dict[str, Any], options: dict[str, Any]
) -> list[tuple[Any, ...]]:
    if "where" in options:
        options = {**options, "where": WHERE[options["where"]]}
    return [
        (key, *line)
        for key, world in enumerate(worlds)
        for line in oracle.answer(
            pattern, world, [*asked.values()], {**options, "clock": clock(world, options)}
        )
    ]


def clock(world: World, options: dict[str, Any]) -> list[int] | None:
    return [row["t"] for row in world] if "within" in options else None


def pattern_for(rng: random.Random, worlds: list[World], options: dict[str, Any]) -> oracle.Pattern:
    """One with a choice or a repetition that some partitions match, others do not, and no skip fails in."""
    while True:
        pattern = oracle.random_pattern(rng)
        if len(oracle.text(pattern)) <= 6:
            continue
        try:
            found = [matched(pattern, world, options) for world in worlds]
        except oracle.NoProgress:
            continue
        if 5 < sum(found) < PARTITIONS:
            return pattern


def matched(pattern: oracle.Pattern, world: World, options: dict[str, Any]) -> bool:
    names = {key: options[key] for key in ("mode", "prefer", "within") if key in options}
    rows = [row["holds"] for row in world]
    found = oracle.matches(pattern, rows, clock=clock(world, options), **names)
    return any(end > start for start, end, _ in found)


@pytest.fixture(scope="module", autouse=True)
def small_plans(spark: SparkSession) -> Iterator[None]:
    """Compiling the plans of two hundred searches would take longer than running them."""
    conf = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
    conf |= {"spark.sql.adaptive.enabled": "false", "spark.sql.shuffle.partitions": "1"}
    before = {key: spark.conf.get(key, None) for key in conf}
    for key, value in conf.items():
        spark.conf.set(key, value)
    yield
    for key, given in before.items():
        spark.conf.unset(key) if given is None else spark.conf.set(key, given)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_random_questions(spark: SparkSession, batch: int) -> None:
    rng = random.Random(batch)
    worlds = partitions(rng)
    rows = frame(spark, worlds, rng)
    answers, wanted = [], {}
    for number, way in enumerate(WAYS[batch::BATCHES]):
        options, asked = question(rng, way), measures(rng)
        pattern = pattern_for(rng, worlds, options)
        told = npath(
            rows,
            partition_by=["key"],
            order_by=["t"],
            symbols={"A": "is_a", "B": "is_b", "C": "is_c"},
            pattern=oracle.text(pattern),
            measures={name: m if isinstance(m, str) else oracle.written(m) for name, m in asked.items()},
            **options,
        )
        answers.append(told.select(F.lit(number), F.to_json(F.struct("*"), {"ignoreNullFields": "false"})))
        wanted[number] = (oracle.text(pattern), options, expected(pattern, worlds, asked, options))
    found: dict[int, Counter[Any]] = {number: Counter() for number in wanted}
    for number, line in reduce(DataFrame.union, answers).collect():
        found[number][tuple(json.loads(line).values())] += 1
    for number, (text, options, lines) in wanted.items():
        assert found[number] == Counter(lines), (text, options)
