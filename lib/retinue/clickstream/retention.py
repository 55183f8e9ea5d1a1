"""Who comes back: cohorts by the period of a first event, and how sticky a site is from day to day."""

from __future__ import annotations

from datetime import datetime, timedelta

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retinue.clickstream.predicates import holds
from retinue.clickstream.times import epoch_micros, floor_micros, instant_micros, span_micros
from retinue.errors import RetinueError, nearest
from retinue.schema import quoted, require

PERIODS = ("day", "week", "month")
_DAY = timedelta(days=1)
_WEEK, _MONTH = 7, 30  # days, of stickiness
_MONDAY = 3  # 1970-01-01 was a Thursday, the fourth day of its week


def retention(
    events: DataFrame,
    *,
    period: str = "week",
    born: str | Column = "true",
    returned: str | Column = "true",
    until: datetime | float | None = None,
    visitor: str = "visitor_id",
    at: str = "occurred_at",
) -> DataFrame:
    """How many visitors of each cohort came back in the first, second ... period after that of their birth.

    A visitor is born with the first row where `born` holds, and belongs to the cohort of that period. One is
    retained in a period where `returned` holds on a row in it that is not before the birth; the birth itself
    may be that row, so that by default all are retained in period 0. A later period begins at its own start,
    not a whole one after the birth. `period` is day, week (ISO, from Monday) or month, of the UTC calendar;
    case does not matter.

    In: `visitor`, `at` (timestamp, timestamp_ntz read as UTC, or a number of seconds). Rows without either
    do not count, nor do rows at `until`, the end of the data, or later (a datetime, UTC where it has no
    zone, or a number of seconds). Without `until` the data end with their newest row.

    Out, a row for every cohort that has a visitor and every period that had begun by the end: cohort (date,
    its first day), period_index (int, from 0), visitor_count (retained), cohort_size (visitors), share
    (visitor_count / cohort_size), is_complete (boolean: the period was over by the end of the data; where
    it was not, more may still come back).

    Raises SchemaMismatch; RetinueError for an unknown `period`.
    """
    period = _known(period)
    cohorts = _cohorts(_lives(events, period, born, returned, until, visitor, at), period, until)
    return _shares(cohorts, F.coalesce("seen_count", F.lit(0)))


def unbounded_retention(
    events: DataFrame,
    *,
    period: str = "week",
    born: str | Column = "true",
    returned: str | Column = "true",
    until: datetime | float | None = None,
    visitor: str = "visitor_id",
    at: str = "occurred_at",
) -> DataFrame:
    """How many visitors of each cohort came back in a period or in any later one: who was not yet lost.

    All else is as in retention, whose row of the same cohort and period never has more visitors. Towards the
    end of the data nobody has had the time to come back later, so that the last shares are too low.
    """
    period = _known(period)
    lives = _lives(events, period, born, returned, until, visitor, at)
    last = F.max("returned_in").over(Window.partitionBy(quoted(visitor)))
    seen_last = lives.withColumn("returned_in", F.when(F.col("returned_in") == last, last))
    then_or_later = Window.partitionBy("cohort").orderBy(F.desc("period_index"))
    cohorts = _cohorts(seen_last, period, until)
    return _shares(cohorts, F.coalesce(F.sum("seen_count").over(then_or_later), F.lit(0)))


def stickiness(
    events: DataFrame,
    *,
    active: str | Column = "true",
    until: datetime | float | None = None,
    visitor: str = "visitor_id",
    at: str = "occurred_at",
) -> DataFrame:
    """Of the visitors active in the 30 days that end with a day, how many were active on that day.

    A visitor is active on a day of the UTC calendar on which `active` holds for one of their rows. Rows
    without visitor or time do not count, nor do rows at `until`, the end of the data, or later. Without
    `until` the data end with the newest row where `active` holds.

    In: as for retention.

    Out, a row for every day from the first with an active visitor to the last that had begun by the end:
    active_on (date), daily_count, weekly_count, monthly_count (different visitors active on it, in the 7
    days and in the 30 days that end with it), stickiness (daily_count / monthly_count), weekly_stickiness
    (daily_count / weekly_count; both null where nobody was active), is_complete (boolean: the day was over
    by the end of the data, and began at least 29 days after the first one).

    Raises SchemaMismatch.
    """
    days = (
        _dated(events, until, visitor, at, is_active=active)
        .where("is_active")
        .groupBy(quoted(visitor), "day")
        .agg(F.max("instant").alias("newest_at"))
    )
    in_order, day = Window.partitionBy(quoted(visitor)).orderBy("day"), F.col("day")
    gaps = {"before": day - F.lag("day").over(in_order), "after": F.lead("day").over(in_order) - day}
    changes = (
        days.withColumns(gaps)
        .select("newest_at", F.inline(_changes()))
        .groupBy("day")
        .agg(
            *(F.sum(name).alias(name) for name in ("active", "weekly_change", "monthly_change")),
            F.max("newest_at").alias("newest_at"),
        )
    )
    return _calendar(changes, until)


def _known(period: str) -> str:
    if period.lower() not in PERIODS:
        known = ", ".join(PERIODS)
        raise RetinueError(f"period is {period!r}; it must be one of {known}{nearest(period, PERIODS)}")
    return period.lower()


def _dated(
    events: DataFrame, until: datetime | float | None, visitor: str, at: str, **conditions: str | Column
) -> DataFrame:
    """The rows that count: visitor, instant (microseconds), day (since 1970), and whether conditions hold."""
    require(events, [visitor, at], what="a look at who comes back")
    rows = events.select(
        quoted(visitor),
        epoch_micros(events, at).alias("instant"),
        *(holds(condition).alias(name) for name, condition in conditions.items()),
    ).where(F.col(quoted(visitor)).isNotNull() & F.col("instant").isNotNull())
    counting = rows if until is None else rows.where(F.col("instant") < instant_micros(until))
    return counting.withColumn("day", _day(F.col("instant")))


def _lives(
    events: DataFrame,
    period: str,
    born: str | Column,
    returned: str | Column,
    until: datetime | float | None,
    visitor: str,
    at: str,
) -> DataFrame:
    """A row a visitor and period: born_in (null where never), returned_in (null where not), newest_at."""
    rows = _dated(events, until, visitor, at, is_birth=born, is_return=returned)
    active = rows.groupBy(quoted(visitor), _number(F.col("day"), period).alias("period")).agg(
        F.min(F.when(F.col("is_birth"), F.col("instant"))).alias("birth"),
        F.max(F.when(F.col("is_return"), F.col("instant"))).alias("returned_at"),
        F.max("instant").alias("newest_at"),
    )
    born_at = F.min("birth").over(Window.partitionBy(quoted(visitor)))
    return active.withColumn("born_at", born_at).select(
        quoted(visitor),
        "period",
        _number(_day(F.col("born_at")), period).alias("born_in"),
        F.when(F.col("returned_at") >= F.col("born_at"), F.col("period")).alias("returned_in"),
        "newest_at",
    )


def _cohorts(lives: DataFrame, period: str, until: datetime | float | None) -> DataFrame:
    """Every cohort with all its periods up to the end of the data; seen_count is null where nobody was."""
    counts = lives.groupBy("born_in", "returned_in").agg(
        F.count("*").alias("seen"),
        F.count_if(F.col("period") == F.col("born_in")).alias("born"),
        F.max("newest_at").alias("newest_at"),
    )
    returns = F.when(F.col("returned_in").isNotNull(), F.struct("returned_in", "seen"))
    cohorts = counts.groupBy("born_in").agg(
        F.sum("born").alias("cohort_size"),
        F.map_from_entries(F.collect_list(returns)).alias("seen"),
        F.max("newest_at").alias("newest_at"),
    )
    end, number = F.col("end"), F.col("period")
    last = _number(_day(end - 1), period)
    return (
        cohorts.withColumn("end", _end(until))
        .where(F.col("born_in").isNotNull())
        .select("*", F.explode(F.sequence("born_in", last)).alias("period"))
        .select(
            _first_day(F.col("born_in"), period).alias("cohort"),
            (number - F.col("born_in")).alias("period_index"),
            "cohort_size",
            F.try_element_at("seen", number).alias("seen_count"),
            (_midnight(_first_day(number + 1, period)) <= end).alias("is_complete"),
        )
    )


def _shares(cohorts: DataFrame, visitors: Column) -> DataFrame:
    return cohorts.withColumn("visitor_count", visitors).select(
        "cohort",
        "period_index",
        "visitor_count",
        "cohort_size",
        (F.col("visitor_count") / F.col("cohort_size")).alias("share"),
        "is_complete",
    )


def _changes() -> Column:
    """What a visitor's active day changes in who was active within the last days, and on which days.

    Days closer to each other than the span make one stay, which is counted where it begins and taken off
    where it ends: nobody is counted twice, and nobody is carried through all days of the span.
    """

    def change(later: int, active: int, weekly: Column, monthly: Column) -> Column:
        return F.struct(
            (F.col("day") + later).alias("day"),
            F.lit(active).alias("active"),
            weekly.alias("weekly_change"),
            monthly.alias("monthly_change"),
        )

    def is_far(gap: str, span: int) -> Column:
        return F.coalesce(F.col(gap) >= span, F.lit(True)).cast("int")

    none = F.lit(0)
    return F.array(
        change(0, 1, is_far("before", _WEEK), is_far("before", _MONTH)),
        change(_WEEK, 0, -is_far("after", _WEEK), none),
        change(_MONTH, 0, none, -is_far("after", _MONTH)),
    )


def _calendar(changes: DataFrame, until: datetime | float | None) -> DataFrame:
    """The running sums of the changes, on every day; there are no more rows here than days."""
    in_order = Window.orderBy("day")
    end, day = F.col("end"), F.col("on")
    before_next = F.coalesce(F.lead("day").over(in_order) - 1, "last")
    return (
        changes.withColumn("end", _end(until))
        .withColumn("last", _day(end - 1))
        .withColumns(
            {
                "first": F.min("day").over(Window.partitionBy()),
                "weekly_count": F.sum("weekly_change").over(in_order),
                "monthly_count": F.sum("monthly_change").over(in_order),
                "to": F.least(before_next, "last"),
            }
        )
        .where(F.col("day") <= F.col("last"))
        .select("*", F.explode(F.sequence("day", "to")).alias("on"))
        .withColumn("daily_count", F.when(day == F.col("day"), F.col("active")).otherwise(0))
        .select(
            F.date_from_unix_date(day).alias("active_on"),
            "daily_count",
            "weekly_count",
            "monthly_count",
            F.try_divide("daily_count", "monthly_count").alias("stickiness"),
            F.try_divide("daily_count", "weekly_count").alias("weekly_stickiness"),
            ((day - F.col("first") >= _MONTH - 1) & (_midnight(F.date_from_unix_date(day + 1)) <= end)).alias(
                "is_complete"
            ),
        )
    )


def _end(until: datetime | float | None) -> Column:
    """The first microsecond after the data."""
    return (
        F.max("newest_at").over(Window.partitionBy()) + 1 if until is None else F.lit(instant_micros(until))
    )


def _day(micros: Column) -> Column:
    """Days since 1970-01-01; the quotient is whole, so that dividing loses nothing."""
    return (floor_micros(micros, _DAY) / span_micros(_DAY)).cast("int")


def _midnight(date: Column) -> Column:
    """The microsecond with which the date begins."""
    return F.unix_date(date).cast("bigint") * span_micros(_DAY)


def _number(day: Column, period: str) -> Column:
    """The number of the period that a day lies in, counted on without a gap."""
    date = F.date_from_unix_date(day)
    numbers = {
        "day": day,
        "week": F.floor((day + _MONDAY) / 7),
        "month": F.year(date) * 12 + F.month(date) - 1,
    }
    return numbers[period].cast("int")


def _first_day(number: Column, period: str) -> Column:
    days = {
        "day": F.date_from_unix_date(number),
        "week": F.date_from_unix_date(number * 7 - _MONDAY),
        "month": F.make_date(F.floor(number / 12).cast("int"), F.pmod(number, F.lit(12)) + 1, F.lit(1)),
    }
    return days[period]
