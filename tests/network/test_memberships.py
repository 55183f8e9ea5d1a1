from __future__ import annotations

from typing import Any

import networkx as nx
import pytest
from pyspark.sql import DataFrame, SparkSession

from retinue.network import communities, memberships


@pytest.fixture(scope="module")
def club() -> nx.Graph:
    graph = nx.karate_club_graph()
    return nx.relabel_nodes(graph, {n: f"{n:02d}" for n in graph})


@pytest.fixture(scope="module")
def found(spark: SparkSession, club: nx.Graph) -> tuple[DataFrame, DataFrame, dict[str, str]]:
    """The club's ties, its communities, and these as a dict."""
    ties = [(src, dst, float(weight)) for src, dst, weight in club.edges(data="weight")]
    edges = spark.createDataFrame(ties, "src string, dst string, weight double")
    groups = communities.detect(edges, engine="local").localCheckpoint()
    return edges, groups, {row["id"]: row["community_id"] for row in groups.collect()}


def weights(club: nx.Graph, of: dict[str, str], id: str) -> dict[str, float]:
    """How much of a vertex's weight leads into which community."""
    into: dict[str, float] = {}
    for _, other, weight in club.edges(id, data="weight"):
        into[of[other]] = into.get(of[other], 0) + weight
    return into


def by_id(rows: DataFrame) -> dict[str, Any]:
    return {row["id"]: row for row in rows.collect()}


def test_members_stand_by_their_ties_inside(
    club: nx.Graph, found: tuple[DataFrame, DataFrame, dict[str, str]]
):
    edges, groups, of = found
    told = by_id(memberships.members(edges, groups))
    assert told.keys() == set(club)
    for id, row in told.items():
        into = weights(club, of, id)
        total = sum(into.values())
        assert row["inside_share"] == pytest.approx(into.get(of[id], 0) / total)
        assert row["participation"] == pytest.approx(1 - sum((w / total) ** 2 for w in into.values()))
    for group in set(of.values()):
        inside = sorted((-weights(club, of, id).get(group, 0), id) for id in club if of[id] == group)
        places = sorted((row["place"], id) for id, row in told.items() if of[id] == group)
        assert places == [(n, id) for n, (_, id) in enumerate(inside, start=1)]


def test_overlaps_and_bridges_are_what_leads_out(
    club: nx.Graph, found: tuple[DataFrame, DataFrame, dict[str, str]]
):
    edges, groups, of = found
    shares = {
        (id, group): weight / sum(weights(club, of, id).values())
        for id in club
        for group, weight in weights(club, of, id).items()
        if group != of[id]
    }
    told = {
        (row["id"], row["community_id"]): row["share"]
        for row in memberships.overlaps(edges, groups).collect()
    }
    assert told == pytest.approx({key: share for key, share in shares.items() if share >= 0.25})
    between: dict[tuple[str, str], list[tuple[str, str, float]]] = {}
    for src, dst, weight in club.edges(data="weight"):
        if of[src] != of[dst]:
            between.setdefault(tuple(sorted((of[src], of[dst]))), []).append((src, dst, weight))
    bridges = {
        (row["community_id"], row["other_id"]): row for row in memberships.bridges(edges, groups).collect()
    }
    assert bridges.keys() == between.keys()
    for pair, ties in between.items():
        own: dict[str, float] = {}
        for src, dst, weight in ties:
            own[src], own[dst] = own.get(src, 0) + weight, own.get(dst, 0) + weight
        most = min(own, key=lambda id: (-own[id], id))
        total = sum(weight for *_, weight in ties)
        row = bridges[pair]
        assert (row["tie_count"], row["weight"], row["bridge_id"]) == (len(ties), total, most)
        assert row["bridge_share"] == pytest.approx(own[most] / total)


def test_a_community_is_as_closed_as_its_ties(
    club: nx.Graph, found: tuple[DataFrame, DataFrame, dict[str, str]]
):
    edges, groups, of = found
    wanted = {}
    for group in set(of.values()):
        into = [weights(club, of, id) for id in club if of[id] == group]
        wanted[group] = sum(each.get(group, 0) for each in into) / sum(sum(each.values()) for each in into)
    told = memberships.inside_shares(edges, groups).collect()
    assert {row["community_id"]: row["inside_share"] for row in told} == pytest.approx(wanted)
