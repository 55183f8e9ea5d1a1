"""Journeys: the touches that led up to a conversion, or to none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from retinue.clickstream.times import epoch_micros, instant_micros, span_micros
from retinue.errors import RetinueError
from retinue.schema import quoted, require

__all__ = ["Lookbacks", "build", "lapsed", "paths"]

VIEWS = ("view", "impression")
_NEVER = -(2**62)  # before any instant, and no sum with a look-back overflows


@dataclass(frozen=True)
class Lookbacks:
    """How long before a conversion a touch still counts: by its channel, and by whether it was only seen.

    A touch whose `touch_type` is view or impression has been seen, any other acted on. `channels` and
    `channel_views` name the windows of single channels; the others have `click` and `view`, and without
    `view` both are alike.
    """

    click: timedelta = timedelta(days=30)
    view: timedelta | None = None
    channels: Mapping[str, timedelta] = field(default_factory=dict)
    channel_views: Mapping[str, timedelta] = field(default_factory=dict)

    @property
    def all(self) -> tuple[timedelta, ...]:
        """Every window that is named."""
        views = () if self.view is None else (self.view,)
        return (self.click, *views, *self.channels.values(), *self.channel_views.values())

    def micros(self, touches: DataFrame) -> Column:
        """The window of each touch in microseconds."""
        clicked = _by_channel(self.channels, F.lit(span_micros(self.click)))
        if self.view is None and not self.channel_views:
            return clicked
        require(touches, ["touch_type"], what="a look-back of views")
        rest = clicked if self.view is None else F.lit(span_micros(self.view))
        is_view = F.lower("touch_type").isin(*VIEWS)
        return F.when(is_view, _by_channel(self.channel_views, rest)).otherwise(clicked)


def _by_channel(windows: Mapping[str, timedelta], rest: Column) -> Column:
    chosen = rest
    for channel, window in windows.items():
        chosen = F.when(F.col("channel").eqNullSafe(channel), F.lit(span_micros(window))).otherwise(chosen)
    return chosen


def build(
    touches: DataFrame,
    conversions: DataFrame,
    *,
    person: str = "person_id",
    at: str = "occurred_at",
    lookback: timedelta | Lookbacks = timedelta(days=30),
    as_of: date | datetime | float | None = None,
    restart: bool = False,
    excluded: str | Column | None = None,
    optional: str | Column | None = None,
) -> DataFrame:
    """Put before each conversion its person's touches from `lookback` before it up to it, both included.

    Out, a row a journey: journey_id (32 hex), `person`, the conversion's other columns, touches (array of
    structs in time order: `at`, then all other columns of `touches` but `person`), converted_at (as `at`),
    value (double), is_converted (boolean). A conversion that no touch led up to has an empty array. The
    touches of a person after the last conversion, from `lookback` before `as_of`, are a journey without
    conversion, still open: converted_at and value are null. `lapsed` gives those that came to nothing.

    In: `touches` and `conversions` with `person` and `at` (timestamp, timestamp_ntz or a number of seconds),
    conversions optionally with value. Rows without person or time are left out, and so are those from `as_of`
    on (a date is its midnight UTC); without it all count, and open journeys end at the newest of both frames.

    A touch counts for every conversion that it lies within the look-back of; with `restart` only for the next
    one, so that a journey begins after the conversion before. Touches where `excluded` holds (SQL or Column)
    count never; those where `optional` holds only in journeys that have no other. Touches of one instant
    stand in the order of their columns, which must be such as can be sorted.

    Lazy: one join by person, bounded by the look-back, and no shuffle beside it but that of each frame.
    Raises SchemaMismatch; RetinueError where a look-back is not above 0.
    """
    windows = lookback if isinstance(lookback, Lookbacks) else Lookbacks(click=lookback)
    _check(windows)
    until = _until(touches, conversions, at, as_of)
    steps = _steps(touches, person, at, windows, until, excluded, optional)
    goals = _goals(conversions, person, at, until)
    closed = _closed(goals, steps, person, restart=restart)
    opened = _open(goals, steps, person, until)
    whole = closed.unionByName(opened, allowMissingColumns=True)
    return _told(whole, conversions, person, at)


def lapsed(
    touches: DataFrame,
    conversions: DataFrame,
    *,
    person: str = "person_id",
    at: str = "occurred_at",
    lookback: timedelta | Lookbacks = timedelta(days=30),
    as_of: date | datetime | float | None = None,
    excluded: str | Column | None = None,
    optional: str | Column | None = None,
) -> DataFrame:
    """The journeys that came to nothing: touches that no conversion followed within their look-back.

    Out as from `build`, is_converted false, so that both together have every touch. A touch that comes more
    than the look-back after the one before begins another journey. A touch that may yet convert at `as_of` is
    of an open journey, which `build` gives.

    In, lazy and raises as `build`; one shuffle by person.
    """
    windows = lookback if isinstance(lookback, Lookbacks) else Lookbacks(click=lookback)
    _check(windows)
    until = _until(touches, conversions, at, as_of)
    steps = _steps(touches, person, at, windows, until, excluded, optional)
    ends = _goals(conversions, person, at, until).select(person, F.col("_ended").alias("_goal"))
    both = steps.unionByName(ends.withColumn("_at", F.col("_goal")), allowMissingColumns=True)
    # Latest first, and a conversion before the touches of its instant: the last one seen comes next.
    backwards = Window.partitionBy(person).orderBy(F.desc("_at"), F.col("_goal").desc_nulls_last())
    upcoming = F.last("_goal", ignorenulls=True).over(backwards.rowsBetween(Window.unboundedPreceding, 0))
    known = both.withColumn("_next", upcoming).where("_goal IS NULL AND _at + _span < _end")
    lost = known.where("_next IS NULL OR _next > _at + _span")
    forth = Window.partitionBy(person).orderBy("_at", "_touch")
    is_new = F.coalesce(F.col("_at") - F.lag("_at").over(forth) > F.col("_span"), F.lit(True))
    number = F.sum(is_new.cast("int")).over(forth.rowsBetween(Window.unboundedPreceding, 0))
    grouped = (
        lost.withColumn("_number", number)
        .groupBy(person, "_number")
        .agg(_in_order().alias("_touches"), F.max(F.col("_at") + F.col("_span")).alias("_ended"))
        .withColumns({"_kind": F.lit("lapsed"), "_payload": F.lit(None).cast(_payload(conversions, person))})
    )
    return _told(grouped, conversions, person, at)


def paths(journeys: DataFrame) -> DataFrame:
    """Journeys of one sequence of channels counted together, as the models of paths take them.

    Out, a row a path: path (array<string>, repeats kept, empty where no touch led to the conversion),
    conversions (double), value (double), nulls (double, journeys without conversion). In: what `build` and
    `lapsed` give, their touches with channel. Lazy; one shuffle. Raises SchemaMismatch.
    """
    require(journeys, ["touches", "value", "is_converted"], what="journeys.paths")
    path = F.transform("touches", lambda touch: touch["channel"])
    return (
        journeys.groupBy(path.alias("path"))
        .agg(
            F.count_if("is_converted").cast("double").alias("conversions"),
            F.coalesce(F.sum("value").cast("double"), F.lit(0.0)).alias("value"),
            F.count_if(~F.col("is_converted")).cast("double").alias("nulls"),
        )
        .select("path", "conversions", "value", "nulls")
    )


def _check(windows: Lookbacks) -> None:
    for window in windows.all:
        if window <= timedelta(0):
            raise RetinueError(f"a look-back is {window}; give a span of time above 0")


def _until(
    touches: DataFrame, conversions: DataFrame, at: str, as_of: date | datetime | float | None
) -> DataFrame | Column:
    """_end, where journeys without conversion end, and _until, the first instant that counts no more."""
    if as_of is None:
        one, other = (rows.select(epoch_micros(rows, at).alias("_at")) for rows in (touches, conversions))
        return one.union(other).agg(F.max("_at").alias("_end"), (F.max("_at") + 1).alias("_until"))
    return F.lit(instant_micros(as_of))


def _before(rows: DataFrame, until: DataFrame | Column) -> DataFrame:
    if isinstance(until, Column):
        return rows.withColumns({"_end": until, "_until": until}).where("_at < _until")
    return rows.crossJoin(F.broadcast(until)).where("_at < _until")


def _steps(
    touches: DataFrame,
    person: str,
    at: str,
    windows: Lookbacks,
    until: DataFrame | Column,
    excluded: str | Column | None,
    optional: str | Column | None,
) -> DataFrame:
    """person, _at, _span (how long it counts), _touch (_at, _is_optional, all columns), _end, _until."""
    require(touches, [person, at, "channel"], what="touches")
    rest = [name for name in touches.columns if name not in (person, at)]
    kept = touches.where(F.col(quoted(person)).isNotNull())
    if excluded is not None:
        kept = kept.where(~F.coalesce(_condition(excluded), F.lit(False)))
    is_optional = F.lit(False) if optional is None else F.coalesce(_condition(optional), F.lit(False))
    micros = epoch_micros(touches, at)
    told = kept.select(
        F.col(quoted(person)).alias(person),
        micros.alias("_at"),
        windows.micros(touches).cast("bigint").alias("_span"),
        F.struct(
            micros.alias("_at"),
            is_optional.alias("_is_optional"),
            F.struct(*map(quoted, [at, *rest])).alias("_of"),
        ).alias("_touch"),
    )
    return _before(told.where("_at IS NOT NULL"), until)


def _condition(rule: str | Column) -> Column:
    return F.expr(rule) if isinstance(rule, str) else rule


def _goals(conversions: DataFrame, person: str, at: str, until: DataFrame | Column) -> DataFrame:
    """person, _ended, _number (from 1 a person), _last (the conversion before), _payload, _end, _until."""
    require(conversions, [person, at], what="conversions")
    columns = [F.col(quoted(name)) for name in conversions.columns if name != person]
    told = conversions.where(F.col(quoted(person)).isNotNull()).select(
        F.col(quoted(person)).alias(person),
        epoch_micros(conversions, at).alias("_at"),
        F.struct(*columns).alias("_payload"),
    )
    forth = Window.partitionBy(person).orderBy("_at", "_payload")
    return (
        _before(told.where("_at IS NOT NULL"), until)
        .withColumns({"_number": F.row_number().over(forth), "_last": F.lag("_at").over(forth)})
        .withColumnRenamed("_at", "_ended")
    )


def _payload(conversions: DataFrame, person: str) -> T.StructType:
    return T.StructType([each for each in conversions.schema if each.name != person])


def _closed(goals: DataFrame, steps: DataFrame, person: str, *, restart: bool) -> DataFrame:
    """A row a conversion with the touches that count for it."""
    counts = (F.col("_at") <= F.col("_ended")) & (F.col("_at") >= F.col("_ended") - F.col("_span"))
    if restart:
        counts = counts & (F.col("_at") > F.coalesce("_last", F.lit(_NEVER)))
    steps = steps.drop("_end", "_until").withColumnRenamed(person, "_who")
    return (
        goals.join(steps, (F.col(person) == F.col("_who")) & counts, "left")
        .groupBy(person, "_number")
        .agg(
            F.first("_payload").alias("_payload"),
            F.first("_ended").alias("_ended"),
            _in_order().alias("_touches"),
        )
        .withColumn("_kind", F.lit("converted"))
    )


def _open(goals: DataFrame, steps: DataFrame, person: str, until: DataFrame | Column) -> DataFrame:
    """A row a person with touches that may yet convert."""
    last = goals.groupBy(person).agg(F.max("_ended").alias("_last"))
    waiting = steps.join(last, person, "left").where("_at > coalesce(_last, _at - 1) AND _at + _span >= _end")
    return (
        waiting.groupBy(person)
        .agg(_in_order().alias("_touches"), F.first("_end").alias("_ended"))
        .withColumns({"_kind": F.lit("open"), "_number": F.lit(0)})
    )


def _in_order() -> Column:
    """The touches in time order; the optional ones only where there are no others."""
    touches = F.sort_array(F.collect_list("_touch"))
    regular = F.filter(touches, lambda touch: ~touch["_is_optional"])
    return F.when(F.size(regular) > 0, regular).otherwise(touches)


def _told(grouped: DataFrame, conversions: DataFrame, person: str, at: str) -> DataFrame:
    taken = {person, at, "value", "touches", "journey_id", "converted_at", "is_converted"}
    others = [name for name in conversions.columns if name not in taken]
    payload = {name: F.col(f"_payload.{quoted(name)}") for name in conversions.columns if name != person}
    kinds = {field.name: field.dataType for field in conversions.schema}
    is_converted = F.col("_kind") == "converted"

    def of_conversion(name: str) -> Column:
        return F.when(is_converted, payload[name]).cast(kinds[name])

    value = of_conversion("value").cast("double") if "value" in payload else F.lit(None).cast("double")
    identity = F.concat_ws("\u001f", F.col(quoted(person)).cast("string"), "_kind", "_ended", "_number")
    return grouped.select(
        F.substring(F.sha2(identity, 256), 1, 32).alias("journey_id"),
        F.col(quoted(person)),
        *(of_conversion(name).alias(name) for name in others),
        F.transform("_touches", lambda touch: touch["_of"]).alias("touches"),
        of_conversion(at).alias("converted_at"),
        value.alias("value"),
        is_converted.alias("is_converted"),
    )
