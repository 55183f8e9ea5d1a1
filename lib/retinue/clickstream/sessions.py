"""Visits: where one ends and the next begins, and what each amounted to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from retinue.clickstream.times import MICROSECONDS, epoch_micros, floor_micros, instant_micros, span_micros
from retinue.errors import SchemaMismatch
from retinue.schema import has_order, quoted, require

SESSION_COLUMNS = ("session_id", "session_index", "event_index", "is_rapid", "is_runaway")
VIEWS = ("page_view", "product_view", "search")  # the event types that put a page before the visitor

_HALF_HOUR = timedelta(minutes=30)
_MICROS, _FINGERPRINT, _LANE = "__micros", "__fingerprint", "__lane"
_GAP, _POSITION, _STARTS = "__gap", "__position", "__starts"


def sessionize(
    events: DataFrame,
    *,
    visitor: str = "visitor_id",
    at: str = "occurred_at",
    tie: str | None = "event_id",
    timeout: timedelta = _HALF_HOUR,
    click_lag: timedelta | None = None,
    max_events: int | None = None,
) -> DataFrame:
    """Number each visitor's sessions: a gap longer than `timeout` starts a new one, one equal to it does not.

    In: `visitor` (string or long); `at` (timestamp, timestamp_ntz read as UTC, or a number of seconds);
    `tie`, which orders the events of one instant (any type that sorts, nulls first; None where there is
    no such column). Events equal in all three are ordered by a hash of the whole row, so that the same
    rows always get the same numbers (columns that hold a map or a variant do not take part).

    Out: all rows and columns, and

    - session_id (string): the first 32 hex digits of SHA-256 over the visitor, the epoch microseconds and
      the tie of the session's first event, as text, joined by U+001F; a null tie, or none, is empty text
    - session_index (int): from 1 a visitor, in order of time
    - event_index (int): from 1 a session, in order of time and tie
    - is_rapid (boolean), with `click_lag`: less than that after the event before it in its session
    - is_runaway (boolean), with `max_events`: its session has more events than that; none is dropped

    A row without visitor or time stays, with null in these columns. Columns of these names in the input
    are replaced. There is one shuffle, by visitor, and none where the rows lie that way already; if
    `visitor` and `at` are declared not null, the result lies partitioned by visitor too.

    Raises SchemaMismatch where a column is missing, is no time, or has the name of one to be added.
    """
    keys = [visitor, at] if tie is None else [visitor, at, tie]
    require(events, keys, what="sessionize")
    _refuse(keys, timeout, click_lag, max_events)

    added = {"is_rapid": click_lag is not None, "is_runaway": max_events is not None}
    replaced = [name for name in SESSION_COLUMNS if added.get(name, True)]
    rows = _with_lanes(events.drop(*replaced), visitor, at)
    lanes = [quoted(name) for name in (visitor, _LANE) if name in rows.columns]
    in_order = Window.partitionBy(*lanes).orderBy(_MICROS, *map(quoted, keys[2:]), _FINGERPRINT)

    sessions = _numbered(_cut(rows, in_order, visitor, timeout), in_order, keys)
    in_session = F.col("session_index").isNotNull()
    if click_lag is not None:
        is_rapid = ~F.col(_STARTS) & (F.col(_GAP) < span_micros(click_lag))
        sessions = sessions.withColumn("is_rapid", F.when(in_session, is_rapid))
    if max_events is not None:
        size = F.count("*").over(Window.partitionBy(*lanes, "session_index"))
        sessions = sessions.withColumn("is_runaway", F.when(in_session, size > max_events))
    return sessions.drop(_MICROS, _FINGERPRINT, _LANE, _GAP, _POSITION, _STARTS)


def summarize(
    sessionized: DataFrame,
    *,
    visitor: str = "visitor_id",
    at: str = "occurred_at",
    timeout: timedelta = _HALF_HOUR,
    until: datetime | float | None = None,
    heartbeat: timedelta = timedelta(seconds=10),
    first_ping: timedelta = timedelta(seconds=5),
    also: Mapping[str, Column] = MappingProxyType({}),
) -> DataFrame:
    """Sum up each session in one row; events outside any session (null session_id) are left out.

    In: what sessionize gives, with the same `visitor` and `at`; `page` (string) and `event_type` (string)
    where there are such columns.

    Out:

    - the visitor under its own name, session_id, session_index
    - started_at, ended_at: time of the first and last event, in the type of `at`
    - duration_seconds (double): between these two, 0 for a single event
    - event_count (bigint)
    - page_count (bigint): events of type page_view, product_view or search; without event_type, events
      with a page; null where there is neither column
    - entry_page, exit_page: the first and last page that is not null; null without a page column
    - engaged_seconds (double): by Snowplow's rule, for every page that sent pings `first_ping` and then one
      `heartbeat` for each further heartbeat of the clock (epoch seconds / heartbeat, floored) with a ping
      in it; null where the session has no event of type ping
    - is_open (boolean): an event right after `until`, the end of the data, could still have continued the
      session (ended_at + timeout > until); null where no `until` is given. `until` is a datetime (UTC
      where it has no zone), or a number of seconds
    - `also`: further aggregates by name, as is_bot=F.bool_or("is_bot")

    Raises SchemaMismatch where a column is missing.
    """
    require(sessionized, [visitor, at, "session_id", "session_index", "event_index"], what="summarize")
    micros = epoch_micros(sessionized, at)
    last = F.max(micros)
    sums = (
        sessionized.where("session_id is not null")
        # By index before id: cut sessions lie in that order, so that the sort for it costs little.
        .groupBy(quoted(visitor), "session_index", "session_id")
        .agg(
            F.min(quoted(at)).alias("started_at"),
            F.max(quoted(at)).alias("ended_at"),
            ((last - F.min(micros)) / MICROSECONDS).alias("duration_seconds"),
            F.count("*").alias("event_count"),
            _page_count(sessionized.columns).alias("page_count"),
            _page(sessionized.columns, F.min_by).alias("entry_page"),
            _page(sessionized.columns, F.max_by).alias("exit_page"),
            _engaged_seconds(sessionized.columns, micros, heartbeat, first_ping).alias("engaged_seconds"),
            _is_open(last, timeout, until).alias("is_open"),
            *(aggregate.alias(name) for name, aggregate in also.items()),
        )
    )
    return sums.select(quoted(visitor), "session_id", "session_index", *map(quoted, sums.columns[3:]))


def _refuse(
    keys: Iterable[str], timeout: timedelta, click_lag: timedelta | None, max_events: int | None
) -> None:
    taken = [key for key in keys if key.lower() in SESSION_COLUMNS]
    if taken:
        raise SchemaMismatch(f"sessionize adds {taken[0]}, so it cannot take it as input: rename it first")
    if timeout < timedelta(0) or (click_lag is not None and click_lag < timedelta(0)):
        raise ValueError(f"timeout and click_lag must not be negative: {timeout}, {click_lag}")
    if max_events is not None and max_events < 1:
        raise ValueError(f"max_events must be at least 1: {max_events}")


def _with_lanes(events: DataFrame, visitor: str, at: str) -> DataFrame:
    """Add the time in microseconds, the last tie-breaker, and where needed the lane.

    Rows that lack visitor or time get lanes by their content, which spreads them over all partitions in
    groups of about one; all others share the lane null. No lane is needed where none can lack either.
    """
    rows = events.withColumns({_MICROS: epoch_micros(events, at), _FINGERPRINT: _fingerprint(events)})
    if not (rows.schema[visitor].nullable or rows.schema[_MICROS].nullable):
        return rows
    return rows.withColumn(_LANE, F.when(~_is_placed(visitor), F.col(_FINGERPRINT)))


def _fingerprint(events: DataFrame) -> Column:
    return F.xxhash64(*(quoted(field.name) for field in events.schema if has_order(field.dataType)))


def _is_placed(visitor: str) -> Column:
    return F.col(quoted(visitor)).isNotNull() & F.col(_MICROS).isNotNull()


def _cut(rows: DataFrame, in_order: WindowSpec, visitor: str, timeout: timedelta) -> DataFrame:
    """Mark the rows that start a session."""
    gap = F.try_subtract(F.col(_MICROS), F.lag(_MICROS).over(in_order))
    # No gap: nothing lies before, or the distance overflows, which is longer than any timeout.
    is_late = F.coalesce(F.col(_GAP) > span_micros(timeout), F.lit(True))
    return rows.withColumns({_GAP: gap, _POSITION: F.row_number().over(in_order)}).withColumn(
        _STARTS, _is_placed(visitor) & is_late
    )


def _numbered(rows: DataFrame, in_order: WindowSpec, keys: list[str]) -> DataFrame:
    """Carry what the start of each session says to the rows after it, all in the order of the cut.

    Windows by session would sort everything a second time; and the hash is taken once a session.
    """
    so_far = in_order.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    tie = F.coalesce(F.col(quoted(keys[2])).cast("string"), F.lit("")) if keys[2:] else F.lit("")
    first = F.concat_ws("\u001f", F.col(quoted(keys[0])).cast("string"), F.col(_MICROS).cast("string"), tie)
    session_id = F.when(F.col(_STARTS), F.sha2(first, 256).substr(1, 32))
    started = F.max(F.when(F.col(_STARTS), F.col(_POSITION))).over(so_far)
    return rows.withColumns(
        {
            "session_id": F.last(session_id, ignorenulls=True).over(so_far),
            "session_index": F.sum(F.when(F.col(_STARTS), 1)).over(so_far).cast("int"),
            "event_index": F.col(_POSITION) - started + 1,
        }
    )


def _page_count(columns: list[str]) -> Column:
    if "event_type" in columns:
        return F.count_if(F.lower("event_type").isin(*VIEWS))
    return F.count("page") if "page" in columns else F.lit(None).cast("bigint")


def _page(columns: list[str], pick: Callable[[Column, Column], Column]) -> Column:
    if "page" not in columns:
        return F.lit(None).cast("string")
    return pick(F.col("page"), F.when(F.col("page").isNotNull(), F.col("event_index")))


def _engaged_seconds(
    columns: list[str], micros: Column, heartbeat: timedelta, first_ping: timedelta
) -> Column:
    if "event_type" not in columns:
        return F.lit(None).cast("double")
    is_ping = F.lower("event_type") == "ping"
    page = (F.col("page") if "page" in columns else F.lit("")).alias("page")
    beat = floor_micros(micros, heartbeat)
    pages = F.size(F.collect_set(F.when(is_ping, F.struct(page))))
    beats = F.size(F.collect_set(F.when(is_ping, F.struct(page, beat))))
    seconds = pages * first_ping.total_seconds() + (beats - pages) * heartbeat.total_seconds()
    return F.when(pages > 0, seconds)


def _is_open(last: Column, timeout: timedelta, until: datetime | float | None) -> Column:
    if until is None:
        return F.lit(None).cast("boolean")
    return last + span_micros(timeout) > instant_micros(until)
