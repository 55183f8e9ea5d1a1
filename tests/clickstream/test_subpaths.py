from __future__ import annotations

import random

import pytest
from oracles import paths as path_oracle
from oracles import subpaths as oracle
from pyspark.sql import DataFrame, SparkSession

from retinue.clickstream import subpaths
from retinue.errors import RetinueError, SchemaMismatch

SCHEMA = "visitor_id string, session_id string, event_index bigint, page string, event_type string"


@pytest.fixture(scope="module")
def sessions() -> list[tuple[str | None, ...]]:
    """A hundred sessions over four pages, with nulls and repeats: so few that many supports are equal."""
    draw = random.Random(11)
    return [
        tuple(draw.choices(["a", "b", "c", "d", None], [5, 3, 2, 1, 1], k=draw.randrange(1, 8)))
        for _ in range(100)
    ]


@pytest.fixture(scope="module")
def sessionized(spark: SparkSession, sessions: list[tuple[str | None, ...]]) -> DataFrame:
    rows = [
        (f"v{number % 30}", f"s{number}", index, page, "purchase" if number % 3 == 0 else "page_view")
        for number, values in enumerate(sessions)
        for index, page in enumerate(values, start=1)
    ]
    random.Random(12).shuffle(rows)
    return spark.createDataFrame(rows, SCHEMA).cache()


def counted(found: DataFrame) -> dict[tuple[str, ...], int]:
    rows = found.collect()
    assert all(row.length == len(row.path) for row in rows)
    return {tuple(row.path): row.session_count for row in rows}


@pytest.mark.parametrize(
    ("closed", "collapse", "min_support", "max_length"),
    [(True, True, 0.05, 9), (True, False, 0.02, 3), (False, True, 0.05, 4), (True, True, 0.3, 2)],
)
def test_every_frequent_sub_path_is_found_and_no_other(
    sessionized, sessions, closed, collapse, min_support, max_length
) -> None:
    knobs = {"closed": closed, "min_support": min_support, "max_length": max_length}
    walked = [path_oracle.steps(values, collapse=collapse) for values in sessions]
    gapped = subpaths.frequent_subpaths(sessionized, collapse=collapse, **knobs)
    assert counted(gapped) == oracle.frequent(
        walked, of=oracle.orders, contains=oracle.contains_order, **knobs
    )
    in_a_row = subpaths.contiguous_subpaths(sessionized, collapse=collapse, **knobs)
    assert counted(in_a_row) == oracle.frequent(walked, of=oracle.runs, contains=oracle.contains_run, **knobs)


def test_paths_worked_by_hand(spark: SparkSession) -> None:
    """Of five sessions with a step; 3 of 5 is a support of exactly .6, which counts."""
    walked = ["hpck", "hsck", "hpk", "sh", "h", ""]
    rows = [
        ("v", f"s{number}", index, page, "purchase" if page == "k" else "page_view")
        for number, path in enumerate(walked)
        for index, page in enumerate(path or [None], start=1)
    ]
    frame = spark.createDataFrame(rows, SCHEMA)
    orders = subpaths.frequent_subpaths(frame, min_support=0.6).orderBy("length").collect()
    assert [("".join(row.path), row.session_count, row.share) for row in orders] == [
        ("h", 5, 1.0),
        ("hk", 3, 0.6),  # never next to each other; k alone is in as many sessions, so not closed
    ]
    runs = subpaths.contiguous_subpaths(frame, min_support=0.4).orderBy("path").collect()
    found = [
        ("".join(row.path), row.session_count, row.share, row.conversion_count, row.conversion_rate)
        for row in runs
    ]
    assert found == [
        ("ck", 2, 0.4, 2, 1.0),
        ("h", 5, 1.0, 3, 0.6),
        ("hp", 2, 0.4, 2, 1.0),
        ("k", 3, 0.6, 3, 1.0),
        ("s", 2, 0.4, 1, 0.5),
    ]


def test_a_support_that_no_binary_number_holds_counts_at_its_boundary(spark: SparkSession) -> None:
    rows = [("v", f"s{number}", 1, "rare" if number < 7 else "usual", None) for number in range(100)]
    frame = spark.createDataFrame(rows, SCHEMA)
    assert 0.07 * 100 > 7
    assert ("rare",) in counted(subpaths.frequent_subpaths(frame, min_support=0.07))
    assert ("rare",) in counted(subpaths.contiguous_subpaths(frame, min_support=0.07))


def test_what_cannot_be_is_refused(sessionized) -> None:
    for function in (subpaths.frequent_subpaths, subpaths.contiguous_subpaths):
        with pytest.raises(
            RetinueError, match=r"min_support is 5; it is a share of the sessions, from 0 to 1"
        ):
            function(sessionized, min_support=5)
        with pytest.raises(RetinueError, match="max_length is 0; it must be 1 or more"):
            function(sessionized, max_length=0)
        with pytest.raises(SchemaMismatch, match=r"a path needs the column pgae"):
            function(sessionized, of="pgae")
