"""The tasks on networks: equal bytes, near answers taken for equal and others not, contestants that agree."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import duckdb
import networkx as nx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from bench import answers, graphs
from bench.compare import Difference, compare
from bench.engines import Limits, open_duckdb
from bench.task import Contestant, Task
from bench.tasks import TASKS, graph_change, graph_star

EDGES = 4_000
LIMITS = Limits(cores=2, heap="1g")


@pytest.fixture(scope="module")
def edges(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("graphs") / "edges"
    graphs.write(folder, edges=EDGES)
    return folder


def read(folder: Path) -> list[dict[str, Any]]:
    return pq.read_table(folder).to_pylist()


def written(folder: Path, **columns: list[Any]) -> Path:
    folder.mkdir()
    pq.write_table(pa.table(columns), folder / "part.parquet")
    return folder


def test_edges_are_the_same_bytes_each_time_and_come_whole_in_chunks(
    edges: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def files(folder: Path) -> list[bytes]:
        return [file.read_bytes() for file in sorted(folder.iterdir())]

    told: list[int] = []
    graphs.write(tmp_path / "again", edges=EDGES)
    graphs.write(tmp_path / "other", edges=EDGES, seed=1)
    assert files(tmp_path / "again") == files(edges) != files(tmp_path / "other")
    monkeypatch.setattr(graphs, "EDGES_A_FILE", 1_500)
    graphs.write(tmp_path / "chunks", edges=EDGES, each=told.append)
    assert told == [1_500, 3_000, 4_000]
    graph = nx.Graph([(row["src"], row["dst"]) for row in read(tmp_path / "chunks")])
    assert graph.number_of_edges() == EDGES
    assert not [*nx.selfloop_edges(graph)]
    assert sorted(map(len, nx.connected_components(graph)))[:-1] == [5]


def test_hubs_and_communities_are_planted(tmp_path: Path) -> None:
    graphs.write(tmp_path / "edges", edges=20_000)
    graph = nx.Graph([(row["src"], row["dst"]) for row in read(tmp_path / "edges")])
    assert max(degree for _, degree in graph.degree()) > 5 * 20
    found = nx.community.louvain_communities(graph, seed=0)
    random = nx.gnm_random_graph(2_000, 20_000, seed=0)
    assert nx.community.modularity(graph, found) > 0.45
    by_chance = nx.community.modularity(random, nx.community.louvain_communities(random, seed=0))
    assert by_chance < 0.25


def test_modularity_is_that_of_two_triangles_with_a_tie(tmp_path: Path) -> None:
    source = written(tmp_path / "edges", src=list("abcdefc"), dst=list("bcaefdd"))
    found = written(tmp_path / "found", id=list("abcdef"), community_id=[1, 1, 1, 2, 2, 2])
    assert answers.communities(source, found) == {"modularity": round(6 / 7 - 1 / 2, 4), "communities": 2}
    alone = written(tmp_path / "alone", id=list("abcdef"), community_id=[1, 2, 3, 4, 5, 6])
    assert answers.less_modular(most=0.01)(source, found, found) == ""
    assert answers.less_modular(most=0.01)(source, found, alone) == "has a modularity of -0.1735, not 0.3571"
    short = written(tmp_path / "short", id=list("abcde"), community_id=[1, 1, 1, 2, 2])
    with pytest.raises(ValueError, match="2 ends of edges"):
        answers.modularity(source, short)


def test_values_may_be_apart_but_not_far(tmp_path: Path) -> None:
    differ = answers.apart("rank", most=0.01)
    one = written(tmp_path / "one", id=["a", "b"], rank=[0.4, 0.6])
    near = written(tmp_path / "near", id=["b", "a"], rank=[0.602, 0.398])
    far = written(tmp_path / "far", id=["a", "b"], rank=[0.39, 0.61])
    others = written(tmp_path / "others", id=["a", "c"], rank=[0.4, 0.6])
    assert differ(one, one, near) == ""
    assert differ(one, one, far) == "is 0.02 apart in all, and 0.01 is allowed"
    assert differ(one, one, others) == "has 2 ids, not the 2, and of both together there are 3"


def test_pairs_have_to_be_the_same_and_their_scores_near(tmp_path: Path) -> None:
    differ = answers.pairs_apart(most=1e-6)

    def pairs(name: str, dst: str, common: int, score: float) -> Path:
        columns = {"src": ["a", "a"], "dst": ["b", dst], "common_neighbours": [2, common]}
        return written(tmp_path / name, **columns, adamic_adar=[1.0, score])

    one = pairs("one", "c", 3, 2.0)
    assert differ(one, one, pairs("near", "c", 3, 2.0 + 1e-9)) == ""
    assert differ(one, one, pairs("other", "d", 3, 2.0)) == "has other pairs for 1 vertices"
    assert differ(one, one, pairs("count", "c", 4, 2.0)) == "has other pairs for 1 vertices"
    assert "apart, and 1e-06 is allowed" in differ(one, one, pairs("far", "c", 3, 2.5))


def half(connection: Any, source: Path, target: Path) -> None:
    written(target, id=["a"], rank=[0.5])


def nearly_half(connection: Any, source: Path, target: Path) -> None:
    written(target, id=["a"], rank=[0.505])


def whole(connection: Any, source: Path, target: Path) -> None:
    written(target, id=["a"], rank=[1.0])


def ranked(source: Path, answer: Path) -> dict[str, float]:
    return {"rank": read(answer)[0]["rank"]}


def race(tmp_path: Path, said: list[str], *runs: Any) -> Any:
    contestants = tuple(Contestant(run.__name__, open_duckdb, run) for run in runs)
    task = Task("rank", contestants, differ=answers.apart("rank", most=0.01), told=ranked)
    shape: dict[str, Any] = {"limits": LIMITS, "rounds": 1, "runs": 1, "say": said.append}
    return compare(task, events=tmp_path, work=tmp_path, **shape)


def test_a_task_judges_its_answers_and_tells_of_them(tmp_path: Path) -> None:
    said: list[str] = []
    figures = race(tmp_path, said, half, nearly_half)
    assert figures["nearly_half"].told == {"rank": 0.505}
    assert said[1].endswith("rank 0.505")
    with pytest.raises(Difference, match=r"whole is 0\.5 apart in all"):
        race(tmp_path, [], half, whole)


def test_who_is_not_there_or_too_slow_takes_no_part() -> None:
    there = Contestant("one", open_duckdb, half, needs="duckdb", most=1_000)
    assert there.missing(1_000) == ""
    assert there.missing(1_001) == "it takes too long beyond 1,000"
    gone = Contestant("other", open_duckdb, half, needs="no_such_module")
    assert gone.missing(1) == "no_such_module is not installed"


@pytest.mark.parametrize("name", ["pagerank", "components", "communities", "links"])
def test_contestants_agree(spark: SparkSession, edges: Path, tmp_path: Path, name: str) -> None:
    task = TASKS[f"graph_{name}"]
    with_spark = {"retinue": spark}
    judge = {}
    for contestant in task.contestants:
        is_slow = contestant.name in ("retinue, distributed", "GraphFrames")
        if is_slow or contestant.missing(EDGES):
            continue
        target = tmp_path / contestant.name
        engine = with_spark.get(contestant.name) or opened(contestant)
        contestant.run(engine, edges, target)
        judge[contestant.name] = target
    first = judge.pop("retinue")
    assert len(judge) >= 2
    for other, target in judge.items():
        if task.differ:
            assert task.differ(edges, first, target) == "", other
        else:
            assert sorted(map(str, read(first))) == sorted(map(str, read(target))), other


def opened(contestant: Contestant) -> Any:
    """The engine, without keeping this process to the cores of a contestant."""
    modules = {"networkx": "networkx", "networkit": "networkit", "igraph": "igraph"}
    return (
        importlib.import_module(modules[contestant.name]) if contestant.name in modules else duckdb.connect()
    )


def test_what_changed_and_the_star_come_out_as_from_nothing(
    spark: SparkSession, edges: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph_change.change(spark, edges, tmp_path / "change")
    assert 10 <= len(read(tmp_path / "change" / "added")) <= 80
    for task, count in ((graph_change.RANKS, 3), (graph_change.COMPONENTS, 2)):
        found = [tmp_path / f"{task.name} {each.name}" for each in task.contestants[:count]]
        for contestant, target in zip(task.contestants, found, strict=False):
            contestant.run(spark, tmp_path / "change", target)
        if task.differ:
            assert task.differ(edges, found[1], found[0]) == ""
            steps = [graph_change.steps(edges, each).get("steps", 0) for each in found]
            assert 0 == steps[1] < steps[0] <= steps[2]
        else:
            assert sorted(map(str, read(found[0]))) == sorted(map(str, read(found[1])))
    monkeypatch.setattr(graph_star, "LEAVES", 5_000)
    monkeypatch.setattr(graph_star, "MAX_WEDGES", 100_000)
    graph_star.star(duckdb.connect(), edges, tmp_path / "star")
    graph_star.retinue(spark, tmp_path / "star", tmp_path / "answer")
    told = graph_star.lost(edges, tmp_path / "answer")
    assert told["left out"] == 1 or told["of degrees up to"] == 5_000
    assert told["share of wedges"] > 0.9
