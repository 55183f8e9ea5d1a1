"""Every measure equal to networkx on its classic graphs, on both engines."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import Any

import networkx as nx
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from retinue.errors import RetinueError, SchemaMismatch
from retinue.network import communities, influence, links

CLASSICS = {
    "karate": nx.karate_club_graph,
    "les_miserables": nx.les_miserables_graph,
    "florentine": nx.florentine_families_graph,
    "davis": nx.davis_southern_women_graph,
}
ENGINES = ["local", "distributed"]
SHARED = ("pagerank", "degree", "core_number", "triangles", "clustering")
ORACLES: dict[str, Callable[[Any], Any]] = {
    "pagerank": lambda graph: nx.pagerank(graph, tol=1e-13, max_iter=1_000),
    "degree": lambda graph: dict(graph.degree()),
    "in_degree": lambda graph: dict(graph.in_degree()),
    "out_degree": lambda graph: dict(graph.out_degree()),
    "core_number": nx.core_number,
    "triangles": nx.triangles,
    "clustering": nx.clustering,
    "closeness": nx.closeness_centrality,
    "betweenness": nx.betweenness_centrality,
}


def together(graphs: dict[str, Any]) -> Any:
    """The graphs side by side as one, each vertex named by its graph: one run answers for all."""
    named = (nx.relabel_nodes(graph, lambda v, of=of: f"{of} {v}") for of, graph in graphs.items())
    return reduce(nx.compose, named)


def frame(spark: SparkSession, graph: Any) -> DataFrame:
    ties = [(src, dst, float(told.get("weight", 1))) for src, dst, told in graph.edges(data=True)]
    return spark.createDataFrame(ties, "src string, dst string, weight double")


def measured(rows: DataFrame) -> dict[str, dict[str, float]]:
    collected = rows.collect()
    return {name: {row["id"]: row[name] for row in collected} for name in rows.columns if name != "id"}


@pytest.fixture(scope="module")
def classics() -> Any:
    return together({name: make() for name, make in CLASSICS.items()})


@pytest.fixture(scope="module")
def directed() -> Any:
    graph = together(
        {str(seed): nx.gnp_random_graph(40, 0.08, seed=seed, directed=True) for seed in range(3)}
    )
    graph.remove_nodes_from([*nx.isolates(graph)])
    return graph


@pytest.mark.parametrize("engine", ENGINES)
def test_measures_are_networkx_own(spark: SparkSession, classics: Any, engine: str):
    which = (*SHARED, "closeness", "betweenness") if engine == "local" else SHARED
    found = measured(influence.measures(frame(spark, classics), which=which, engine=engine))
    for name in which:
        assert found[name] == pytest.approx(ORACLES[name](classics), abs=1e-6), name


@pytest.mark.parametrize("engine", ENGINES)
def test_measures_of_directed_graphs_are_networkx_own(spark: SparkSession, directed: Any, engine: str):
    which = ["degree", "in_degree", "out_degree", "core_number", "clustering"]
    which += ["pagerank", "closeness", "betweenness"] if engine == "local" else []
    found = measured(influence.measures(frame(spark, directed), directed=True, which=which, engine=engine))
    for name in which:
        assert found[name] == pytest.approx(ORACLES[name](directed), abs=1e-6), name


def test_from_all_vertices_the_paths_by_joins_are_exact(spark: SparkSession, directed: Any):
    karate = together({"karate": nx.karate_club_graph()})
    for graph, is_directed in ((karate, False), (directed, True)):
        found = measured(
            influence.measures(
                frame(spark, graph),
                which=["closeness", "betweenness"],
                samples=len(graph),
                directed=is_directed,
                engine="distributed",
            )
        )
        for name in ("closeness", "betweenness"):
            assert found[name] == pytest.approx(ORACLES[name](graph), abs=1e-9), name


@pytest.mark.parametrize("engine", ENGINES)
def test_estimates_keep_within_their_bound(spark: SparkSession, engine: str):
    graph = together({"ba": nx.barabasi_albert_graph(120, 3, seed=1)})
    samples = 40
    bound = math.sqrt(math.log(20 * len(graph)) / (2 * samples))
    found = measured(
        influence.measures(
            frame(spark, graph), which=["betweenness"], samples=samples, exact_limit=0, engine=engine
        )
    )["betweenness"]
    exact = nx.betweenness_centrality(graph)
    assert max(abs(found[v] - exact[v]) for v in graph) < bound
    assert found != pytest.approx(exact, abs=1e-6)
    assert max(found, key=found.__getitem__) in sorted(exact, key=exact.__getitem__)[-3:]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_reader_who_begins_anew_at_some(spark: SparkSession, classics: Any, engine: str):
    start = {"karate 0": 2.0, "davis Evelyn Jefferson": 1.0, "nobody": 5.0}
    found = measured(influence.ranks(frame(spark, classics), personalization=start, engine=engine))
    known = {name: weight for name, weight in start.items() if name in classics}
    wanted = nx.pagerank(classics, personalization=known, tol=1e-13, max_iter=1_000)
    assert found["pagerank"] == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_one_graph_however_it_is_listed(spark: SparkSession, engine: str):
    once = frame(spark, together({"k": nx.karate_club_graph()}))
    back = once.select(F.col("dst").alias("src"), F.col("src").alias("dst"), "weight")
    halves = once.withColumn("weight", F.col("weight") / 2)
    noise = spark.createDataFrame(
        [
            ("k 0", None, 1.0),
            (None, "k 1", 1.0),
            ("k 0", "k 33", 0.0),
            ("k 1", "k 33", None),
            ("k 2", "k 5", -1.0),
        ],
        "src string, dst string, weight double",
    )
    loop = spark.createDataFrame([("k 0", "k 0", 3.0)], "src string, dst string, weight double")
    which = ["degree", "core_number", "triangles", "clustering"] + ["pagerank"] * (engine == "local")

    def of(edges: DataFrame) -> dict[str, dict[str, float]]:
        return measured(influence.measures(edges, which=which, engine=engine))

    wanted = of(once)
    listings = (
        once.union(back),
        halves.union(halves),
        once.union(noise),
        once.repartition(7).orderBy("weight"),
    )
    for listed in listings:
        found = of(listed)
        for name in which:
            assert found[name] == pytest.approx(wanted[name], abs=1e-9), name
    looped = of(once.union(loop))
    assert looped["degree"].pop("k 0") == wanted["degree"].pop("k 0") + 2
    for name in which:
        assert looped[name] == pytest.approx(wanted[name], abs=1e-9), name


@pytest.mark.parametrize("engine", ENGINES)
def test_numbers_will_do_for_ids(spark: SparkSession, engine: str):
    edges = spark.createDataFrame([(9, 10), (10, 2), (2, 9), (2, 30)], "src bigint, dst bigint")
    found = influence.measures(edges, which=["triangles"], engine=engine)
    assert sorted(map(tuple, found.collect())) == [(2, 1), (9, 1), (10, 1), (30, 0)]
    linked = links.predict(edges, engine=engine).select("src", "dst").collect()
    assert sorted(map(tuple, linked)) == [(9, 30), (10, 30)]


def pairs(graph: Any) -> dict[tuple[str, str], tuple[float, ...]]:
    """What networkx says of the pairs with a neighbour in common."""
    open_pairs = [
        tuple(sorted(pair)) for pair in nx.non_edges(graph) if any(nx.common_neighbors(graph, *pair))
    ]
    by = [
        nx.jaccard_coefficient,
        nx.adamic_adar_index,
        nx.resource_allocation_index,
        nx.preferential_attachment,
    ]
    scored = [[score for _, _, score in measure(graph, open_pairs)] for measure in by]
    common = [len([*nx.common_neighbors(graph, *pair)]) for pair in open_pairs]
    return dict(zip(open_pairs, zip(common, *scored, strict=True), strict=True))


@pytest.mark.parametrize("engine", ENGINES)
def test_link_scores_are_networkx_own(spark: SparkSession, classics: Any, engine: str):
    found = links.predict(frame(spark, classics), engine=engine)
    rows = {(row["src"], row["dst"]): tuple(row)[2:] for row in found.collect()}
    wanted = pairs(classics)
    assert rows.keys() == wanted.keys()
    for pair, scores in wanted.items():
        assert rows[pair] == pytest.approx(scores, abs=1e-9)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_best_links_of_each(spark: SparkSession, classics: Any, engine: str):
    found = links.predict(frame(spark, classics), by="Resource_Allocation", limit=2, engine=engine)
    best: dict[str, list[tuple[float, str]]] = {}
    for (src, dst), scores in pairs(classics).items():
        best.setdefault(src, []).append((-scores[3], dst))
    wanted = {(src, dst) for src, told in best.items() for _, dst in sorted(told)[:2]}
    assert {(row["src"], row["dst"]) for row in found.collect()} == wanted


@pytest.mark.parametrize("engine", ENGINES)
def test_hubs_beyond_the_budget_bring_nobody_together(spark: SparkSession, engine: str):
    star = [("hub", f"leaf {n}") for n in range(3_000)]
    edges = spark.createDataFrame([*star, ("a", "b"), ("b", "c")], "src string, dst string")
    found = links.predict(edges, max_wedges=1_000, engine=engine).collect()
    assert [(row["src"], row["dst"]) for row in found] == [("a", "c")]
    [lost] = links.left_out(edges, max_wedges=1_000).collect()
    assert (lost["id"], lost["degree"], lost["wedge_count"]) == ("hub", 3_000, 3_000 * 2_999 // 2)
    assert lost["wedge_share"] == pytest.approx(1, abs=1e-6)
    every = links.predict(edges.where("dst < 'leaf 2' OR src != 'hub'"), engine=engine).count()
    kept = sum(f"leaf {n}" < "leaf 2" for n in range(3_000))
    assert every == kept * (kept - 1) // 2 + 1


@pytest.mark.parametrize("engine", ENGINES)
def test_communities_are_as_good_as_louvain_finds_them(spark: SparkSession, engine: str):
    for name, make in CLASSICS.items():
        graph = together({name: make()})
        found = communities.detect(frame(spark, graph), engine=engine)
        assert found.columns == ["id", "community_id"]
        of = {row["id"]: row["community_id"] for row in found.collect()}
        parts = [{v for v in of if of[v] == label} for label in set(of.values())]
        best = max(
            nx.community.modularity(graph, nx.community.louvain_communities(graph, seed=seed))
            for seed in range(5)
        )
        assert nx.community.modularity(graph, parts) >= best - 0.01, name
        assert all(min(part) in {of[v] for v in part} for part in parts)


@pytest.mark.parametrize("engine", ENGINES)
def test_strong_components_need_ways_both_ways(spark: SparkSession, directed: Any, engine: str):
    found = communities.components(frame(spark, directed), directed=True, engine=engine)
    of = {row["id"]: row["community_id"] for row in found.collect()}
    wanted = {v: min(part) for part in nx.strongly_connected_components(directed) for v in part}
    assert of == wanted


def test_what_cannot_be_measured_is_refused(spark: SparkSession):
    edges = spark.createDataFrame([("a", "b")], "src string, dst string")
    with pytest.raises(RetinueError, match="did you mean 'pagerank'"):
        influence.measures(edges, which=["pagerang"])
    with pytest.raises(RetinueError, match="auto, local, distributed"):
        influence.measures(edges, engine="graphx")
    with pytest.raises(SchemaMismatch, match="needs the column dst"):
        communities.components(edges.drop("dst"))
    with pytest.raises(SchemaMismatch, match="one of them"):
        links.predict(edges.withColumn("dst", F.lit(1)))
    with pytest.raises(RetinueError, match="adamic_adar"):
        links.predict(edges, by="katz")
    with pytest.raises(RetinueError, match="nobody of the personalization"):
        influence.ranks(edges, personalization={"z": 1.0}, engine="distributed")


@pytest.mark.parametrize("engine", ENGINES)
def test_no_edges_no_rows(spark: SparkSession, engine: str):
    none = spark.createDataFrame([], "src string, dst string")
    assert influence.measures(none, engine=engine).isEmpty()
    assert communities.detect(none, engine=engine).isEmpty()
    assert links.predict(none, engine=engine).isEmpty()


def test_a_graph_made_coarse_first_keeps_its_communities(spark: SparkSession):
    planted = nx.planted_partition_graph(20, 30, 0.4, 0.01, seed=2)
    graph = nx.relabel_nodes(planted, str)
    edges = frame(spark, graph)
    quality = {}
    for limit in (10**6, 400):
        found = communities.detect(edges, engine="distributed", local_limit=limit)
        of = {row["id"]: row["community_id"] for row in found.collect()}
        parts = [{v for v in of if of[v] == label} for label in set(of.values())]
        quality[limit] = nx.community.modularity(graph, parts)
    assert quality[400] == pytest.approx(quality[10**6], abs=0.01)
    assert quality[400] >= nx.community.modularity(planted, planted.graph["partition"]) - 0.01
