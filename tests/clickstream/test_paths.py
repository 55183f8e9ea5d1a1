from __future__ import annotations

import random
from collections import Counter

import pytest
from oracles import paths as oracle
from pyspark.sql import DataFrame, SparkSession

from retinue.clickstream import paths
from retinue.errors import RetinueError, SchemaMismatch

SCHEMA = "visitor_id string, session_id string, event_index bigint, page string, event_type string"


@pytest.fixture(scope="module")
def sessions() -> list[oracle.Session]:
    """Sessions over few pages, so that paths meet; with nulls, repeats, and some without a step."""
    draw = random.Random(7)
    return [
        (
            f"v{draw.randrange(60)}",
            tuple(draw.choice(["a", "b", "c", None]) for _ in range(draw.randrange(1, 8))),
            draw.random() < 0.3,
        )
        for _ in range(200)
    ]


@pytest.fixture(scope="module")
def sessionized(spark: SparkSession, sessions: list[oracle.Session]) -> DataFrame:
    rows = [
        (visitor, f"s{number}", index, page, "purchase" if bought and index == 1 else "page_view")
        for number, (visitor, values, bought) in enumerate(sessions)
        for index, page in enumerate(values, start=1)
    ]
    random.Random(8).shuffle(rows)
    return spark.createDataFrame(rows, SCHEMA).cache()


def by_path(frame: DataFrame) -> dict[tuple[str, ...], tuple[int, int, int]]:
    return {
        tuple(row.path): (row.session_count, row.visitor_count, row.conversion_count)
        for row in frame.collect()
    }


def test_a_session_worked_by_hand(spark: SparkSession) -> None:
    rows = [
        *(("v1", "s1", at, page, kind) for at, page, kind in [
            (1, "home", "page_view"), (2, "home", "page_view"), (3, None, "ping"),
            (4, "home", "page_view"), (5, "shoes", "page_view"), (6, None, "purchase"),
        ]),
        ("v2", "s2", 1, "home", "page_view"),
        ("v2", "s3", 1, "home", "page_view"),
        ("v3", "s4", 1, None, "ping"),
        ("v4", None, None, "home", "page_view"),
    ]  # fmt: skip
    frame = spark.createDataFrame(rows, SCHEMA)
    first, second = paths.top_paths(frame, of="page", length=3, limit=9).collect()
    assert first.asDict() == {
        "path": ["home"], "length": 1, "session_count": 2, "visitor_count": 1, "share": 2 / 3,
        "conversion_count": 0, "conversion_rate": 0.0,
    }  # fmt: skip
    assert second.asDict() == {
        "path": ["home", "shoes"], "length": 2, "session_count": 1, "visitor_count": 1, "share": 1 / 3,
        "conversion_count": 1, "conversion_rate": 1.0,
    }  # fmt: skip
    raw = paths.top_paths(frame, of="page", length=3, limit=9, collapse=False).collect()
    assert [row.path for row in raw] == [["home"], ["home", "home", "home"]]


@pytest.mark.parametrize("collapse", [True, False])
def test_top_paths_count_the_first_steps_of_every_session(sessionized, sessions, collapse) -> None:
    found = paths.top_paths(sessionized, of="page", length=3, limit=1000, collapse=collapse)
    wanted = oracle.beginnings(sessions, length=3, collapse=collapse)
    assert by_path(found) == wanted
    assert sum(row.share for row in found.collect()) == pytest.approx(1)


def test_the_limit_keeps_the_commonest_and_breaks_ties_by_path(sessionized, sessions) -> None:
    wanted = oracle.beginnings(sessions, length=2, collapse=True)
    ranked = sorted(wanted, key=lambda path: (-wanted[path][0], path))
    everything = sum(count for count, _, _ in wanted.values())
    found = paths.top_paths(sessionized, of="page", length=2, limit=4).collect()
    assert [tuple(row.path) for row in found] == ranked[:4]
    assert [row.share for row in found] == [wanted[path][0] / everything for path in ranked[:4]]


def test_paths_to_and_from_a_step_count_its_first_time_in_a_session(sessionized, sessions) -> None:
    onward = paths.paths_from(sessionized, anchor="b", length=3, limit=1000)
    assert by_path(onward) == oracle.onward(sessions, anchor="b", length=3)
    leading = paths.paths_to(sessionized, anchor="b", length=3, limit=1000)
    assert by_path(leading) == oracle.leading(sessions, anchor="b", length=3)
    assert paths.paths_to(sessionized, anchor="nowhere").collect() == []


@pytest.mark.parametrize("kind", ["bigint", "double", "string"])
def test_the_anchor_is_a_value_of_whatever_type_the_steps_have(spark: SparkSession, kind) -> None:
    rows = [("v", "s", place, step) for place, step in enumerate([1, 2, 3])]
    frame = spark.createDataFrame(rows, "visitor_id string, session_id string, event_index int, page int")
    typed = frame.withColumn("page", frame["page"].cast(kind))
    ways = [way(typed, anchor=2).first().path for way in (paths.paths_to, paths.paths_from)]
    assert [[float(step) for step in path] for path in ways] == [[1, 2], [2, 3]]
    assert paths.paths_to(typed, anchor="nowhere").collect() == []


@pytest.mark.parametrize("collapse", [True, False])
def test_transitions_begin_at_the_entry_and_end_at_the_exit(sessionized, sessions, collapse) -> None:
    found = paths.transitions(sessionized, collapse=collapse).collect()
    wanted = oracle.transitions(sessions, collapse=collapse)
    assert Counter({(row.from_step, row.to_step): row.transition_count for row in found}) == wanted
    for row in found:
        leaving = sum(count for (step, _), count in wanted.items() if step == row.from_step)
        assert row.share == row.transition_count / leaving


def test_transitions_by_step_number_those_of_each_session(sessionized, sessions) -> None:
    found = paths.transitions_by_step(sessionized, steps=3).collect()
    wanted = oracle.transitions_by_step(sessions, numbers=3)
    counts = {(row.step_index, row.from_step, row.to_step): row.transition_count for row in found}
    assert Counter(counts) == wanted
    for row in found:
        leaving = sum(n for (number, step, _), n in wanted.items() if (number, step) == row[:2])
        assert row.share == row.transition_count / leaving


@pytest.mark.parametrize(("steps", "limit"), [(3, 2), (9, 9), (1, 1)])
def test_the_step_matrix_says_where_every_session_stands(sessionized, sessions, steps, limit) -> None:
    found = paths.step_matrix(sessionized, steps=steps, limit=limit).collect()
    wanted = oracle.step_matrix(sessions, steps_shown=steps, limit=limit)
    assert Counter({(row.step_index, row.step): row.session_count for row in found}) == wanted
    everything = sum(count for (place, _), count in wanted.items() if place == 1)
    assert all(row.share == row.session_count / everything for row in found)


def test_the_tree_holds_every_beginning_and_where_sessions_end(sessionized, sessions) -> None:
    found = {tuple(row.path): row for row in paths.path_tree(sessionized, depth=3).collect()}
    wanted = oracle.tree(sessions, depth=3)
    assert {path: (row.session_count, row.conversion_count) for path, row in found.items()} == wanted
    everything = sum(count for path, (count, _) in wanted.items() if len(path) == 1)
    for path, row in found.items():
        above = wanted[path[:-1]][0] if len(path) > 1 else everything
        assert (row.depth, row.step, tuple(row.parent)) == (len(path), path[-1], path[:-1])
        assert (row.share, row.share_of_parent) == (row.session_count / everything, row.session_count / above)


def test_conversion_may_be_any_predicate_and_is_unknown_without_event_types(sessionized) -> None:
    seen = paths.top_paths(sessionized, length=1, conversion="page = 'c'").collect()
    assert {row.path[0]: row.conversion_rate for row in seen}["c"] == 1.0
    unknown = paths.top_paths(sessionized.drop("event_type"), length=1).first()
    assert (unknown.conversion_count, unknown.conversion_rate) == (None, None)


def test_paths_add_no_shuffle_by_session_where_rows_lie_by_visitor(sessionized, capsys) -> None:
    paths.session_paths(sessionized.repartition(3, "visitor_id")).explain()
    assert capsys.readouterr().out.count("Exchange") == 1


def test_what_cannot_be_is_refused(sessionized) -> None:
    with pytest.raises(SchemaMismatch, match=r"a path needs the column pgae.*did you mean 'page'"):
        paths.top_paths(sessionized, of="pgae")
    with pytest.raises(RetinueError, match="length is 0; it must be 1 or more"):
        paths.top_paths(sessionized, length=0)
