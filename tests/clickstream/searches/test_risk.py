from __future__ import annotations

from math import sqrt

import pytest
from clickstream.searches.visits import BUY, hit, miss, order, product, sessionized
from oracles import searches as oracle
from oracles.searches import Lost
from pyspark.sql import DataFrame, Row, SparkSession

from retinue.clickstream import searches
from retinue.errors import RetinueError, SchemaMismatch

STRATA = [
    {"product_edges": (0, 2), "price_edges": ()},
    {"product_edges": (), "price_edges": (5, 10)},
    {"product_edges": (1,), "price_edges": (7,)},
]


def as_lost(row: Row) -> Lost:
    lost = (row.lost_order_count, row.lost_order_low, row.lost_order_high)
    risk = (row.risk_amount, row.risk_low, row.risk_high)
    return Lost(
        row.session_count,
        row.compared_count,
        row.order_count,
        row.expected_order_count,
        None if lost[0] is None else lost,
        row.mean_order_amount,
        None if risk[0] is None else risk,
    )


def assert_alike(found: Lost, wanted: Lost) -> None:
    assert found[:3] == wanted[:3]
    assert found[3] == pytest.approx(wanted[3])
    assert found.lost == pytest.approx(wanted.lost)
    assert found.amount == pytest.approx(wanted.amount)
    assert found.risk == pytest.approx(wanted.risk)


def at_risk(spark: SparkSession, sessions: dict[str, list], **knobs) -> Row:
    searched = searches.search_sessions(sessionized(spark, sessions))
    [row] = searches.value_at_risk(searched, **knobs).collect()
    return row


@pytest.mark.parametrize("strata", STRATA)
def test_random_sessions_as_the_slow_oracle_weighs_them(searched, random_sessions, strata) -> None:
    sessions = [session for events in random_sessions.values() if (session := oracle.summed_up(events))]
    failed = [session for session in sessions if session.failures]
    [row] = searches.value_at_risk(searched, **strata).collect()
    wanted = oracle.lost(failed, sessions, products=strata["product_edges"], prices=strata["price_edges"])
    assert_alike(as_lost(row), wanted)
    assert row.currency == "EUR"
    assert 0 < row.compared_count <= row.session_count == len(failed)


def test_a_case_worked_by_hand(spark: SparkSession) -> None:
    # Of four comparable sessions three ordered, for 20, 30 and 40; of two that failed none did, where
    # one and a half were to be expected. A third had seen a product, which no comparable one had.
    sessions = {f"found {price}": [hit(), order(price, "EUR")] for price in (20, 30, 40)}
    sessions |= {"found none": [hit()], "failed a": [miss(), miss()], "failed b": [miss(), hit()]}
    sessions["failed c"] = [product("a"), miss(), BUY]
    row = at_risk(spark, sessions)
    assert row[:5] == (3, 2, 0, 1.5, 1.5)
    assert row.mean_order_amount == 30
    assert row.risk_amount == 45
    # Wilson's limits of 3 in 4 are .300642 and .954413, of 0 in 2 they are 0 and .657620.
    below, above = sqrt((2 * (0.75 - 0.300642)) ** 2 + (2 * 0.657620) ** 2), 2 * (0.954413 - 0.75)
    assert row.lost_order_low == pytest.approx(1.5 - below, abs=1e-5)
    assert row.lost_order_high == pytest.approx(1.5 + above, abs=1e-5)
    half = 1.959964 * 10 / sqrt(3)
    assert row.risk_high == pytest.approx(45 + sqrt((above * 30) ** 2 + (1.5 * half) ** 2), abs=1e-3)
    assert row.risk_low == 0


def test_more_orders_than_expected_are_no_loss(spark: SparkSession) -> None:
    sessions = {f"failed {n}": [miss(), order(10)] for n in range(30)}
    sessions |= {f"found {n}": [hit(), *[order(10)] * (n < 2)] for n in range(30)}
    row = at_risk(spark, sessions)
    assert row.lost_order_count == -28
    assert row.lost_order_low < -28 < row.lost_order_high < 0
    assert (row.risk_amount, row.risk_low, row.risk_high) == (0, 0, 0)


def test_what_cannot_be_known_is_null(spark: SparkSession) -> None:
    found, failed = {"f": [hit(), order(5, "EUR")]}, {"m": [miss()]}
    one_order = at_risk(spark, found | failed)
    assert (one_order.risk_amount, one_order.risk_low, one_order.risk_high) == (5, None, None)
    unpriced = at_risk(spark, {"f": [hit(), BUY]} | failed)
    assert (unpriced.lost_order_count, unpriced.mean_order_amount, unpriced.risk_amount) == (1, None, None)
    two_currencies = at_risk(spark, found | failed | {"g": [hit(), order(5, "USD")]})
    assert (two_currencies.lost_order_count, two_currencies.risk_amount) == (1, None)
    assert two_currencies.currency is None
    incomparable = at_risk(spark, failed)
    assert incomparable[:3] == (1, 0, 0)
    assert set(incomparable[3:]) == {None}
    assert at_risk(spark, found)[:3] == (0, 0, 0)


def test_what_cannot_be_is_refused(searched: DataFrame, random_frame: DataFrame) -> None:
    with pytest.raises(SchemaMismatch, match="value_at_risk needs the columns product_count"):
        searches.value_at_risk(random_frame)
    with pytest.raises(RetinueError, match="confidence is 95"):
        searches.value_at_risk(searched, confidence=95)
