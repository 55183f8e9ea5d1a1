from __future__ import annotations

import random
from collections import Counter

import pytest
from oracles import loops as oracle
from oracles import paths as path_oracle
from pyspark.sql import DataFrame, SparkSession
from scipy.stats import binomtest

from retinue.clickstream import loops
from retinue.errors import RetinueError, SchemaMismatch

SCHEMA = (
    "visitor_id string, session_id string, session_index int, event_index bigint, page string, "
    "event_type string"
)
KINDS = {"T": "checkout", "S": "purchase", "-": "page_view", "p": "ping"}
Visit = tuple[str, int, list[tuple[str | None, str]]]  # visitor, session_index, page and kind of each row


@pytest.fixture(scope="module")
def visits() -> list[Visit]:
    """Visitors of one to four sessions over few pages, in which every kind of row may stand anywhere."""
    draw = random.Random(21)
    return [
        (
            f"v{visitor}",
            index,
            [
                (draw.choice(["a", "b", "c", None]), draw.choices("TS-p", [3, 1, 4, 1])[0])
                for _ in range(draw.randrange(1, 9))
            ],
        )
        for visitor in range(60)
        for index in range(1, draw.randrange(2, 6))
    ]


@pytest.fixture(scope="module")
def sessionized(spark: SparkSession, visits: list[Visit]) -> DataFrame:
    rows = [
        (visitor, f"{visitor}-{index}", index, place, page, KINDS[kind])
        for visitor, index, session in visits
        for place, (page, kind) in enumerate(session, start=1)
    ]
    rows += [("v1", None, None, None, "a", "checkout"), ("v2", None, None, None, "b", "purchase")]
    random.Random(22).shuffle(rows)
    return spark.createDataFrame(rows, SCHEMA).cache()


def test_loops_tell_repeats_from_returns(sessionized, visits) -> None:
    walked = [
        (
            tuple(page for page, kind in session if page and kind != "p"),
            any(kind == "S" for _, kind in session),
        )
        for _, _, session in visits
    ]
    found = {row.step: row.asDict() for row in loops.loops(sessionized).collect()}
    assert found == oracle.loops(walked)


def test_a_checkout_tried_twice_and_a_way_back_to_the_cart(spark: SparkSession) -> None:
    pages = ["cart", "checkout", "cart", None, "checkout", "checkout", "checkout", "thanks"]
    rows = [("v", "s", 1, place, page, None) for place, page in enumerate(pages, start=1)]
    frame = spark.createDataFrame(rows, SCHEMA)
    found = {row.step: row for row in loops.loops(frame, conversion="page = 'thanks'").collect()}
    assert found["cart"].asDict() == {
        "step": "cart", "session_count": 1, "repeat_count": 0, "repeat_session_count": 0, "return_count": 1,
        "return_session_count": 1, "conversion_rate_once": None, "conversion_rate_repeated": None,
        "conversion_rate_returned": 1.0,
    }  # fmt: skip
    assert (found["checkout"].repeat_count, found["checkout"].return_count) == (2, 1)
    assert (found["thanks"].repeat_count, found["thanks"].conversion_rate_once) == (0, 1.0)


@pytest.mark.parametrize(("success", "both"), [("event_type = 'purchase'", ""), ("page = 'a'", "B")])
def test_attempts_go_on_until_a_success(sessionized, visits, success, both) -> None:
    """With `page = 'a'` a row may be an attempt and its success in one."""

    def letter(page: str | None, kind: str) -> str:
        succeeds = page == "a" if both else kind == "S"
        return {(True, True): "B", (True, False): "T", (False, True): "S"}.get((kind == "T", succeeds), "-")

    visitors: dict[str, list[tuple[str, str]]] = {}
    for visitor, index, session in visits:
        visitors.setdefault(visitor, []).extend((f"{visitor}-{index}", letter(*row)) for row in session)
    wanted = oracle.attempts(visitors.values(), most=3)
    rows = loops.reattempts(sessionized, attempt="event_type = 'checkout'", success=success, most=3).collect()
    found = Counter()
    for row in rows:
        found[row.attempt_index, "success"] += row.success_count
        found[row.attempt_index, "retry here"] += row.retry_in_session_count
        found[row.attempt_index, "retry later"] += row.retry_count - row.retry_in_session_count
        found[row.attempt_index, "abandoned"] += row.abandoned_count
        interval = binomtest(row.success_count, row.attempt_count).proportion_ci(method="wilson")
        assert (row.low, row.high) == pytest.approx((interval.low, interval.high))
        assert row.attempt_count == row.success_count + row.retry_count + row.abandoned_count
    assert found == wanted


@pytest.mark.parametrize("collapse", [True, False])
def test_drop_offs_stand_beside_what_their_places_would_lose(sessionized, visits, collapse) -> None:
    walked = [
        (path, any(kind == "S" for _, kind in session))
        for _, _, session in visits
        if (path := path_oracle.steps([page for page, _ in session], collapse=collapse))
    ]
    rows = loops.drop_offs(sessionized, collapse=collapse).collect()
    wanted = oracle.drop_offs(walked)
    assert {row.step: (row.visit_count, row.exit_count, row.drop_off_count) for row in rows} == {
        step: counts[:3] for step, counts in wanted.items()
    }
    for row in rows:
        expected = float(wanted[row.step][3])
        interval = binomtest(row.drop_off_count, row.visit_count).proportion_ci(method="wilson")
        assert (row.expected_count, row.low, row.high) == pytest.approx(
            (expected, interval.low, interval.high)
        )
        assert row.ratio == pytest.approx(row.drop_off_count / expected)
        assert row.exit_rate == row.exit_count / row.visit_count
        assert row.drop_off_rate == row.drop_off_count / row.visit_count
    assert sum(row.expected_count for row in rows) == pytest.approx(sum(row.drop_off_count for row in rows))


def test_without_a_conversion_every_exit_is_a_drop_off_and_a_safe_step_has_no_ratio(
    spark: SparkSession,
) -> None:
    rows = [("v", f"s{n}", n, place, page, None) for n in (1, 2) for place, page in enumerate("ab", start=1)]
    frame = spark.createDataFrame(rows, SCHEMA).drop("event_type")
    first, last = loops.drop_offs(frame).orderBy("step").collect()
    assert (first.exit_count, first.drop_off_count, first.expected_count, first.ratio) == (0, 0, 0.0, None)
    assert (last.exit_count, last.drop_off_count, last.expected_count, last.ratio) == (2, 2, 2.0, 1.0)


def test_attempts_add_no_shuffle_of_rows_that_lie_by_visitor(sessionized, capsys) -> None:
    lying = sessionized.repartition(3, "visitor_id")
    loops.reattempts(lying, attempt="event_type = 'checkout'").explain()
    assert capsys.readouterr().out.count("Exchange") == 2  # that one, and one of the counts


def test_what_cannot_be_is_refused(sessionized) -> None:
    with pytest.raises(RetinueError, match="most is 0; it must be 1 or more"):
        loops.reattempts(sessionized, attempt="true", most=0)
    with pytest.raises(RetinueError, match="confidence is 95; it must lie between 0 and 1"):
        loops.drop_offs(sessionized, confidence=95)
    with pytest.raises(SchemaMismatch, match="a look at attempts needs the column session_index"):
        loops.reattempts(sessionized.drop("session_index"), attempt="true")
