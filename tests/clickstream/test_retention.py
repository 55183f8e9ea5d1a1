from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import duckdb
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession

from retinue.clickstream import retention
from retinue.errors import RetinueError, SchemaMismatch

SCHEMA = "visitor_id string, occurred_at timestamp, event_type string"
UNTIL = datetime(2025, 3, 12, 7)  # a Wednesday


@pytest.fixture(scope="module")
def events() -> pd.DataFrame:
    """Forty visitors over a turn of the year, some of them at the very edges of days, weeks and months."""
    draw = random.Random(31)
    edges = [
        datetime(2025, month, day) + timedelta(microseconds=step)
        for month, day in ((1, 1), (1, 6), (2, 1), (2, 3), (3, 1), (3, 3))
        for step in (-1, 0)
    ]
    rows = []
    for visitor in range(40):
        at = datetime(2024, 11, 20) + timedelta(seconds=draw.randrange(80 * 86_400))
        for _ in range(draw.randrange(1, 12)):
            kind = draw.choice(["visit", "visit", "signup", "order"])
            rows.append((f"v{visitor}", draw.choice([at, at, draw.choice(edges)]), kind))
            at += timedelta(seconds=draw.expovariate(1 / (draw.choice([1, 5, 20, 40]) * 86_400)))
    return pd.DataFrame(rows, columns=["visitor_id", "occurred_at", "event_type"]).sample(
        frac=1, random_state=3
    )


@pytest.fixture(scope="module")
def frame(spark: SparkSession, events: pd.DataFrame) -> DataFrame:
    rows = [
        (v, at.replace(tzinfo=UTC).to_pydatetime(), kind) for v, at, kind in events.itertuples(index=False)
    ]
    nobody = [(None, datetime(2030, 1, 1, tzinfo=UTC), "visit"), ("v1", None, "signup")]
    return spark.createDataFrame(rows + nobody, SCHEMA).cache()


ORACLE = """
with data as (select * from events where occurred_at < $until),
births as (
  select visitor_id, min(occurred_at) as born_at, date_trunc($period, min(occurred_at)) as cohort
  from data where {born} group by all
),
ends as (select coalesce($given, max(occurred_at) + interval 1 microsecond) as stop from data),
grid as (
  select cohort, visitor_id, born_at, unnest(generate_series(cohort, stop - interval 1 microsecond,
    to_{period}s(1))) as starts, stop
  from births, ends
),
told as (
  select cohort, starts, stop, visitor_id,
    exists (select 1 from data d where d.visitor_id = grid.visitor_id and {returned}
      and d.occurred_at >= born_at and d.occurred_at >= starts {until_then}) as is_back
  from grid
)
select cast(cohort as date) as cohort,
  row_number() over (partition by cohort order by starts) - 1 as period_index,
  count(*) filter (is_back) as visitor_count, count(*) as cohort_size,
  starts + to_{period}s(1) <= any_value(stop) as is_complete
from told group by cohort, starts order by cohort, period_index
"""


def wanted(
    events: pd.DataFrame, *, period: str, born: str, returned: str, until: datetime | None, bound: bool
):
    """The same question to another engine, by looking for a return in each visitor's every period."""
    until_then = f"and d.occurred_at < starts + to_{period}s(1)" if bound else ""
    query = ORACLE.format(born=born, returned=returned, period=period, until_then=until_then)
    with duckdb.connect() as connection:
        connection.register("events", events)
        given = {"until": until or datetime(2100, 1, 1), "given": until, "period": period}
        return connection.execute(query, given).fetchall()


def told(found: DataFrame) -> list[tuple]:
    rows = found.orderBy("cohort", "period_index").collect()
    assert all(row.share == row.visitor_count / row.cohort_size for row in rows)
    return [
        (row.cohort, row.period_index, row.visitor_count, row.cohort_size, row.is_complete) for row in rows
    ]


@pytest.mark.parametrize(
    ("period", "born", "returned", "until"),
    [
        ("day", "true", "true", None),
        ("week", "event_type = 'signup'", "event_type = 'order'", UNTIL),
        ("month", "event_type = 'signup'", "true", None),
        ("month", "true", "event_type = 'order'", datetime(2025, 3, 1)),
        ("week", "true", "true", datetime(2025, 3, 3)),
    ],
)
def test_retention_agrees_with_a_look_into_every_period(events, frame, period, born, returned, until) -> None:
    asked = {"period": period, "born": born, "returned": returned, "until": until}
    assert told(retention.retention(frame, **asked)) == wanted(events, **asked, bound=True)
    assert told(retention.unbounded_retention(frame, **asked)) == wanted(events, **asked, bound=False)


def test_the_example_of_clickhouse(spark: SparkSession) -> None:
    """Its manual's retention(): ids below 5 on the first of January, below 10 on the second, below 15 on
    the third; [1, 1, 1] for five of them, so that 5, 5 and 5 of the first day's are there on each."""
    rows = [(str(n), date(2020, 1, day)) for day in (1, 2, 3) for n in range(5 * day)]
    frame = spark.createDataFrame(rows, "uid string, date date").selectExpr(
        "uid", "cast(date as timestamp) date"
    )
    found = told(
        retention.retention(frame, visitor="uid", at="date", period="DAY", until=datetime(2020, 1, 4))
    )
    first, second, third = (date(2020, 1, day) for day in (1, 2, 3))
    assert found == [
        *((first, index, 5, 5, True) for index in (0, 1, 2)),
        *((second, index, 5, 5, True) for index in (0, 1)),
        (third, 0, 5, 5, True),
    ]


def test_a_return_before_the_birth_is_none_and_an_unfinished_week_is_said(spark: SparkSession) -> None:
    rows = [
        ("v", datetime(2026, 1, 5, 9, tzinfo=UTC), "order"),
        ("v", datetime(2026, 1, 5, 10, tzinfo=UTC), "signup"),
        ("v", datetime(2026, 1, 19, tzinfo=UTC), "order"),
        ("w", datetime(2026, 1, 7, tzinfo=UTC), "visit"),
    ]
    frame = spark.createDataFrame(rows, SCHEMA)
    asked = {"born": "event_type = 'signup'", "returned": "event_type = 'order'"}
    monday = date(2026, 1, 5)
    assert told(retention.retention(frame, **asked)) == [
        (monday, 0, 0, 1, True),
        (monday, 1, 0, 1, True),
        (monday, 2, 1, 1, False),
    ]
    later = told(retention.unbounded_retention(frame, **asked))
    assert [visitors for _, _, visitors, _, _ in later] == [1, 1, 1]


@pytest.mark.parametrize("until", [None, UNTIL])
@pytest.mark.parametrize("active", ["true", "event_type = 'order'"])
def test_stickiness_agrees_with_counting_every_day_anew(events, frame, active, until) -> None:
    rows = retention.stickiness(frame, active=active, until=until).orderBy("active_on").collect()
    found = [(r.active_on, r.daily_count, r.weekly_count, r.monthly_count, r.is_complete) for r in rows]
    query = f"""
    with data as (
      select visitor_id, occurred_at, cast(occurred_at as date) as day from events
      where {active} and occurred_at < $until
    ),
    ends as (
      select min(day) as first, coalesce($given, max(occurred_at) + interval 1 microsecond) as stop from data
    ),
    days as (
      select first, stop,
        cast(unnest(generate_series(first, stop - interval 1 microsecond, interval 1 day)) as date) as day
      from ends
    )
    select days.day,
      count(distinct visitor_id) filter (data.day = days.day),
      count(distinct visitor_id) filter (data.day > days.day - 7),
      count(distinct visitor_id),
      days.day - 29 >= any_value(first) and days.day + 1 <= any_value(stop)
    from days left join data on data.day between days.day - 29 and days.day
    group by days.day order by days.day
    """
    with duckdb.connect() as connection:
        connection.register("events", events)
        given = {"until": until or datetime(2100, 1, 1), "given": until}
        assert found == connection.execute(query, given).fetchall()
    for row in rows:
        assert row.stickiness == (row.daily_count / row.monthly_count if row.monthly_count else None)
        assert row.weekly_stickiness == (row.daily_count / row.weekly_count if row.weekly_count else None)


def test_no_rows_give_none_and_what_cannot_be_is_refused(frame) -> None:
    nobody = frame.where("false")
    for function in (retention.retention, retention.unbounded_retention, retention.stickiness):
        assert function(nobody, until=UNTIL).collect() == []
        with pytest.raises(SchemaMismatch, match="a look at who comes back needs the column who"):
            function(frame, visitor="who")
    with pytest.raises(RetinueError, match=r"period is 'weeks'; it must be one of .*did you mean 'week'"):
        retention.retention(frame, period="weeks")
