"""The six algorithms of LDBC Graphalytics on its own graphs, on both engines, by its validation rules."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from retinue.network import communities, distances, influence

DATA = Path(__file__).parent / "graphalytics"
NEAR = 1e-4  # relative, as the benchmark has it
UNREACHED = 9223372036854775807

ENGINES = ["local", "distributed"]
SIDES = {"directed": "dir", "undirected": "undir"}


def numbers(name: str) -> dict[int, float]:
    rows = (line.split() for line in (DATA / name).read_text().splitlines())
    return {int(vertex): float(value) for vertex, value in rows}


def read(spark: SparkSession, name: str) -> tuple[DataFrame, DataFrame]:
    """The edges and vertices of a pair of files .e and .v, or of a list of neighbours."""
    if (DATA / f"{name}.e").exists():
        lines = [line.split() for line in (DATA / f"{name}.e").read_text().splitlines()]
        ties = [(int(src), int(dst), float(weight)) for src, dst, weight in lines]
        vertices = [int(line) for line in (DATA / f"{name}.v").read_text().splitlines()]
    else:
        lists = [[int(each) for each in line.split()] for line in (DATA / name).read_text().splitlines()]
        ties = [(first, other, 1.0) for first, *others in lists for other in others]
        vertices = [first for first, *_ in lists]
    return (
        spark.createDataFrame(ties, "src bigint, dst bigint, weight double"),
        spark.createDataFrame([(vertex,) for vertex in vertices], "id bigint"),
    )


def values(rows: DataFrame) -> dict[int, float]:
    return {row["id"]: row[-1] for row in rows.collect()}


def groups(found: dict[int, float]) -> set[frozenset[int]]:
    return {frozenset(v for v in found if found[v] == label) for label in set(found.values())}


def near(found: dict[int, float], wanted: dict[int, float]) -> bool:
    return found.keys() == wanted.keys() and all(
        math.isclose(found[vertex], wanted[vertex], rel_tol=NEAR) for vertex in wanted
    )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("family", ["example", "validation"])
def test_pagerank(spark: SparkSession, family: str, side: str, engine: str):
    is_example = family == "example"
    name = f"example-{side}" if is_example else f"pr-{SIDES[side]}-input"
    steps = 2 if is_example else {"directed": 14, "undirected": 26}[side]
    edges, vertices = read(spark, name)
    found = influence.ranks(
        edges.drop("weight"),
        directed=side == "directed",
        iterations=steps,
        tolerance=0,
        vertices=vertices,
        engine=engine,
    )
    wanted = numbers(f"example-{side}-PR" if is_example else f"pr-{SIDES[side]}-output")
    assert near(values(found), wanted)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("family", ["example", "validation"])
def test_community_detection_by_label_propagation(spark: SparkSession, family: str, side: str, engine: str):
    is_example = family == "example"
    edges, vertices = read(spark, f"example-{side}" if is_example else f"cdlp-{SIDES[side]}-input")
    found = communities.label_propagation(
        edges,
        directed=side == "directed",
        iterations=2 if is_example else 5,
        vertices=vertices,
        engine=engine,
    )
    wanted = numbers(f"example-{side}-CDLP" if is_example else f"cdlp-{SIDES[side]}-output")
    assert groups(values(found)) == groups(wanted)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("family", ["example", "validation"])
def test_local_clustering(spark: SparkSession, family: str, side: str, engine: str):
    is_example = family == "example"
    edges, vertices = read(spark, f"example-{side}" if is_example else f"lcc-{SIDES[side]}-input")
    found = influence.links_among_neighbours(
        edges, directed=side == "directed", vertices=vertices, engine=engine
    )
    wanted = numbers(f"example-{side}-LCC" if is_example else f"lcc-{SIDES[side]}-output")
    assert near(values(found), wanted)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("family", ["example", "validation"])
def test_weakly_connected_components(spark: SparkSession, family: str, side: str, engine: str):
    is_example = family == "example"
    edges, vertices = read(spark, f"example-{side}" if is_example else f"wcc-{SIDES[side]}-input")
    found = communities.components(edges, vertices=vertices, engine=engine)
    wanted = numbers(f"example-{side}-WCC" if is_example else f"wcc-{SIDES[side]}-output")
    assert groups(values(found)) == groups(wanted)
    assert all(min(group) == values(found)[min(group)] for group in groups(wanted))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("weighted", [True, False])
def test_shortest_paths(spark: SparkSession, weighted: bool, side: str, engine: str):
    source = {"directed": 1, "undirected": 2}[side]
    edges, vertices = read(spark, f"example-{side}")
    found = distances.shortest(
        edges, sources=[source], directed=side == "directed", weighted=weighted, engine=engine
    )
    reached = {row["id"]: row["distance"] for row in found.collect()}
    wanted = numbers(f"example-{side}-{'SSSP' if weighted else 'BFS'}")
    expected = {v: far for v, far in wanted.items() if far < UNREACHED}
    assert vertices.count() == len(wanted)
    assert near(reached, expected)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("family", ["bfs", "sssp"])
def test_shortest_paths_of_the_validation_graphs(spark: SparkSession, family: str, engine: str):
    for side, short in SIDES.items():
        edges, _ = read(spark, f"{family}-{short}-input")
        found = distances.shortest(
            edges, sources=[1], directed=side == "directed", weighted=family == "sssp", engine=engine
        )
        reached = {row["id"]: row["distance"] for row in found.collect()}
        wanted = numbers(f"{family}-{short}-output")
        assert near(reached, {v: far for v, far in wanted.items() if far < UNREACHED})
