from __future__ import annotations

from datetime import datetime, timedelta
from math import sqrt

import pytest
from clickstream.searches.visits import hit, miss, product, sessionized, starts_of
from oracles import searches as oracle
from oracles.searches import Rate
from pyspark.sql import DataFrame, Row, SparkSession

from retinue.clickstream import searches
from retinue.errors import RetinueError, SchemaMismatch


@pytest.fixture(scope="module")
def summed_up(random_sessions):
    sessions = {name: oracle.summed_up(events) for name, events in random_sessions.items()}
    return {name: session for name, session in sessions.items() if session}


def counted(row: Row) -> Rate:
    """The row's counts, once its rate and interval have been seen to follow from them."""
    assert row.fruitless_rate == row.fruitless_session_count / row.session_count
    assert (row.low, row.high) == pytest.approx(oracle.wilson(row.fruitless_session_count, row.session_count))
    assert 0 <= row.low < row.high <= 1
    return Rate(row.session_count, row.fruitless_session_count, row.search_count, row.fruitless_search_count)


def test_the_norm_by_products_seen(random_frame, summed_up) -> None:
    def groups(session):
        seen = session.product_count
        return [(seen >= 2, min(seen, 3)), (seen >= 2, None), (None, None)]

    table = searches.compare_with_norm(random_frame, min_products=2, most_products=3).collect()
    found = {(row.is_serious, row.product_count): counted(row) for row in table}
    assert found == oracle.rates(summed_up.values(), groups)
    assert len(found) == len(table) == 7  # 0 and 1, 2 and 3; others, serious, all


PERIODS = {
    "hour": lambda at: at.replace(minute=0, second=0),
    "DAY": lambda at: at.replace(hour=0, minute=0, second=0),
    "week": lambda at: datetime.combine(at.date() - timedelta(days=at.weekday()), datetime.min.time()),
    "month": lambda at: datetime(at.year, at.month, 1),
}


@pytest.mark.parametrize("every", PERIODS)
def test_rates_by_time(searched, random_sessions, summed_up, every) -> None:
    when = {}
    for name, session in summed_up.items():
        place = [event.kind for event in random_sessions[name]].index("search") + 1
        when[id(session)] = PERIODS[every](starts_of(name) + timedelta(seconds=place))

    def groups(session):
        serious, period = session.product_count >= 2, when[id(session)]
        return [(serious, period), (serious, None), (None, period), (None, None)]

    table = searches.compare_by_time(searched, every=every, min_products=2).collect()
    found = {(row.is_serious, row.period_at): counted(row) for row in table}
    assert found == oracle.rates(summed_up.values(), groups)
    assert len(found) == len(table)


def test_rates_by_price_between_given_edges(searched, summed_up) -> None:
    def groups(session):
        serious, price = session.product_count >= 2, session.browsed_amount
        band = 0 if price is None else 1 + oracle.band(price, [5, 10])
        currency = None if price is None else session.currency
        return [(serious, currency, band), (serious, None, None), (None, currency, band), (None, None, None)]

    table = searches.compare_by_price(searched, bands=[5, 10], min_products=2).collect()
    found = {(row.is_serious, row.currency, row.price_band): counted(row) for row in table}
    assert found == oracle.rates(summed_up.values(), groups)
    assert len(found) == len(table) == 15
    bounds = {
        row.price_band: (row.lowest_amount, row.highest_amount) for row in table if row.is_serious is None
    }
    assert bounds[0] == (None, None)
    assert bounds[1] == (5, 5)
    assert bounds[None][0] == 5
    assert 5 < bounds[2][0] <= bounds[2][1] <= 10 < bounds[3][0] <= bounds[3][1] == bounds[None][1] == 30


def test_equal_bands_are_cut_in_each_currency(spark: SparkSession) -> None:
    prices = {"EUR": [1, 2, 3, 4, 5, 6, 7, 8], "JPY": [100, 200, 300, 400], None: [9]}
    sessions = {
        f"{currency} {price}": [product("a", price, currency), miss() if price % 2 else hit()]
        for currency, amounts in prices.items()
        for price in amounts
    }
    searched = searches.search_sessions(sessionized(spark, sessions))
    table = searches.compare_by_price(searched, bands=4).where("is_serious is null").collect()
    bands = {
        (row.currency, row.price_band): (row.lowest_amount, row.highest_amount, row.session_count)
        for row in table
    }
    euros = {("EUR", band): (2 * band - 1, 2 * band, 2) for band in range(1, 5)}
    yen = {("JPY", band): (100 * band, 100 * band, 1) for band in range(1, 5)}
    assert bands == euros | yen | {(None, 1): (9, 9, 1), (None, None): (1, 400, 13)}
    whole = searches.compare_by_price(searched, bands=1).where("is_serious is null").collect()
    assert {(row.currency, row.price_band) for row in whole} == {
        ("EUR", 1),
        ("JPY", 1),
        (None, 1),
        (None, None),
    }


def rates_of(spark: SparkSession, groups: dict[int, tuple[int, int]]) -> DataFrame:
    rows = [(count, n, k) for count, (n, k) in groups.items()] + [(None, 10**6, 17)]
    return spark.createDataFrame(
        rows, "product_count bigint, session_count bigint, fruitless_session_count bigint"
    )


def test_the_trend_of_a_known_table(spark: SparkSession) -> None:
    # Smokers among patients in four studies (Fleiss 1981), as R's prop.trend.test documents them:
    # X-squared = 8.2249, falling.
    smokers = {1: (86, 83), 2: (93, 90), 3: (136, 129), 4: (82, 70)}
    [row] = searches.trend_by_products(rates_of(spark, smokers)).collect()
    assert row.z == pytest.approx(-sqrt(8.2249), abs=1e-5)
    assert row.session_count == 397
    assert tuple(row)[1:] == pytest.approx(oracle.trend(smokers))


def test_the_trend_of_sessions(searched, spark: SparkSession) -> None:
    rates = searches.compare_by_products(searched, min_products=2, most_products=4).cache()
    groups = {
        row.product_count: (row.session_count, row.fruitless_session_count)
        for row in rates.where("product_count is not null").collect()
    }
    [row] = searches.trend_by_products(rates).collect()
    assert tuple(row)[1:] == pytest.approx(oracle.trend(groups))


def test_there_is_no_trend_in_one_point(spark: SparkSession) -> None:
    def trend(groups):
        return tuple(searches.trend_by_products(rates_of(spark, groups)).first())

    assert trend({}) == (0, None, None, None, None, None)
    assert trend({7: (3, 1)}) == (3, None, None, None, None, None)
    assert trend({1: (3, 3), 2: (5, 5)}) == (8, 0.0, 0.0, 0.0, 1.0, None)


def test_what_cannot_be_is_refused(random_frame, searched) -> None:
    with pytest.raises(RetinueError, match=r"every is 'weak'; .*did you mean 'week'"):
        searches.compare_by_time(searched, every="weak")
    with pytest.raises(RetinueError, match="bands is 0"):
        searches.compare_by_price(searched, bands=0)
    with pytest.raises(RetinueError, match=r"bands is \[2, 1\]; its prices must rise"):
        searches.compare_by_price(searched, bands=[2, 1])
    for compare in (searches.compare_by_products, searches.compare_by_time, searches.compare_by_price):
        with pytest.raises(SchemaMismatch, match=f"{compare.__name__} needs the columns"):
            compare(random_frame)
