"""Journeys: the touches that led up to a conversion, or to none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from retinue.clickstream.times import epoch_micros, instant_micros, span_micros
from retinue.errors import RetinueError
from retinue.schema import quoted, require

__all__ = ["Lookbacks", "build", "lapsed", "paths"]

VIEWS = ("view", "impression")
_NEVER = -(2**62)  # before any instant, and no sum with a look-back overflows
_POWERS = [2**n for n in reversed(range(31))]  # the steps of a search in an array


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

    @property
    def are_alike(self) -> bool:
        """Whether every touch has the same window."""
        return self.view is None and not self.channels and not self.channel_views

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

    Lazy: one shuffle of both frames by person and no join; all touches of a person are in memory at once.
    Raises SchemaMismatch; RetinueError where a look-back is not above 0.
    """
    windows = lookback if isinstance(lookback, Lookbacks) else Lookbacks(click=lookback)
    lives = _lives(touches, conversions, person, at, windows, as_of, excluded, optional)
    # What is exploded are places: a touch in many journeys is copied only as these are written.
    found = F.concat(_closed(windows, restart=restart), _open(windows, _payload(conversions, person)))
    placed = lives.select(person, "_touches", "_end", found.alias("_found"))
    told = placed.select(person, "_touches", "_end", F.explode_outer("_found").alias("_journey"))
    within = F.slice(
        "_touches", F.col("_journey.first") + 1, F.col("_journey.until") - F.col("_journey.first")
    )
    is_converted = F.col("_journey.payload").isNotNull()
    if not windows.are_alike:
        since = F.when(is_converted, F.col("_journey.ended")).otherwise(F.col("_end"))
        within = F.filter(within, lambda touch: touch["_at"] + touch["_span"] >= since)
    journeys = told.where("_journey IS NOT NULL").select(
        person,
        F.when(is_converted, "converted").otherwise("open").alias("_kind"),
        F.col("_journey.ended").alias("_ended"),
        F.col("_journey.number").alias("_number"),
        F.col("_journey.payload").alias("_payload"),
        _chosen(within, optional).alias("_touches"),
    )
    if not windows.are_alike:
        journeys = journeys.where("_kind = 'converted' OR size(_touches) > 0")
    return _told(journeys, conversions, person, at)


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
    lives = _lives(touches, conversions, person, at, windows, as_of, excluded, optional)
    parted = once(_lost(windows), lambda lost: _parted(lost, windows))
    told = lives.select(person, F.explode_outer(parted).alias("_journey"))
    journeys = told.where("_journey IS NOT NULL").select(
        person,
        F.lit("lapsed").alias("_kind"),
        F.col("_journey.ended").alias("_ended"),
        F.col("_journey.number").alias("_number"),
        F.lit(None).cast(_payload(conversions, person)).alias("_payload"),
        _chosen(F.col("_journey.touches"), optional).alias("_touches"),
    )
    return _told(journeys, conversions, person, at)


def paths(journeys: DataFrame) -> DataFrame:
    """Journeys of one sequence of channels counted together, as the models of paths take them.

    Out, a row a path: path (array<string>, repeats kept, empty where no touch led to the conversion),
    conversions (double), value (double), nulls (double, journeys without conversion). In: what `build` and
    `lapsed` give, their touches with channel. Lazy; one shuffle. Raises SchemaMismatch.
    """
    require(journeys, ["touches", "value", "is_converted"], what="journeys.paths")
    path = F.col("touches")["channel"]  # compiled, unlike a transform
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


def _lives(
    touches: DataFrame,
    conversions: DataFrame,
    person: str,
    at: str,
    windows: Lookbacks,
    as_of: date | datetime | float | None,
    excluded: str | Column | None,
    optional: str | Column | None,
) -> DataFrame:
    """A row a person: person, _touches and _goals (arrays in time order), _end.

    A touch is _at, _of (all columns), _span (how long it counts), _is_optional; a goal _at, _payload.
    """
    _check(windows)
    until = _until(touches, conversions, at, as_of)
    steps = _steps(touches, person, at, windows, until, excluded, optional)
    both = steps.unionByName(_goals(conversions, person, at, until), allowMissingColumns=True)
    return both.groupBy(person).agg(
        F.sort_array(F.collect_list("_touch")).alias("_touches"),
        F.sort_array(F.collect_list("_goal")).alias("_goals"),
        F.max("_end").alias("_end"),
    )


def _steps(
    touches: DataFrame,
    person: str,
    at: str,
    windows: Lookbacks,
    until: DataFrame | Column,
    excluded: str | Column | None,
    optional: str | Column | None,
) -> DataFrame:
    """person, _touch, _end."""
    require(touches, [person, at, "channel"], what="touches")
    rest = [name for name in touches.columns if name not in (person, at)]
    kept = touches.where(F.col(quoted(person)).isNotNull())
    if excluded is not None:
        kept = kept.where(~F.coalesce(_condition(excluded), F.lit(False)))
    told = {"_of": F.struct(*map(quoted, [at, *rest]))}
    if not windows.are_alike:
        told["_span"] = windows.micros(touches).cast("bigint")
    if optional is not None:
        told["_is_optional"] = F.coalesce(_condition(optional), F.lit(False))
    micros = epoch_micros(touches, at)
    touch = F.struct(micros.alias("_at"), *(each.alias(name) for name, each in told.items()))
    given = kept.select(F.col(quoted(person)).alias(person), micros.alias("_at"), touch.alias("_touch"))
    return _before(given.where("_at IS NOT NULL"), until).drop("_at", "_until")


def _condition(rule: str | Column) -> Column:
    return F.expr(rule) if isinstance(rule, str) else rule


def _goals(conversions: DataFrame, person: str, at: str, until: DataFrame | Column) -> DataFrame:
    """person, _goal, _end."""
    require(conversions, [person, at], what="conversions")
    columns = [F.col(quoted(name)) for name in conversions.columns if name != person]
    micros = epoch_micros(conversions, at)
    goal = F.struct(micros.alias("_at"), F.struct(*columns).alias("_payload"))
    told = conversions.where(F.col(quoted(person)).isNotNull()).select(
        F.col(quoted(person)).alias(person), micros.alias("_at"), goal.alias("_goal")
    )
    return _before(told.where("_at IS NOT NULL"), until).drop("_at", "_until")


def _payload(conversions: DataFrame, person: str) -> T.StructType:
    return T.StructType([each for each in conversions.schema if each.name != person])


def once(value: Column, body: Callable[[Column], Column]) -> Column:
    """The body of a value that is evaluated once, however often the body names it."""
    return F.get(F.transform(F.array(value), body), F.lit(0))


def _below(instants: Column, instant: Column, *, or_at: bool) -> Column:
    """How many instants of a sorted array are before the instant, or at it; found by halves."""
    digits = F.length(F.bin(F.size(instants)))
    powers = F.slice(F.array(*map(F.lit, _POWERS)), len(_POWERS) + 1 - digits, digits)

    def further(found: Column, step: Column) -> Column:
        there = F.get(instants, found + step - 1)
        return F.when(there <= instant if or_at else there < instant, found + step).otherwise(found)

    return F.aggregate(powers, F.lit(0), further)


def _longest(windows: Lookbacks) -> int:
    return max(map(span_micros, windows.all))


def _closed(windows: Lookbacks, *, restart: bool) -> Column:
    """Of a person: for each conversion between which places its touches stand."""
    longest = _longest(windows)

    def of(touched: Column, reached: Column) -> Column:
        def journey(goal: Column, place: Column) -> Column:
            first = _below(touched, goal["_at"] - longest, or_at=False)
            until = _below(touched, goal["_at"], or_at=True)
            if restart:
                last = F.coalesce(F.get(reached, place - 1), F.lit(_NEVER))
                first = F.greatest(first, _below(touched, last, or_at=True))
            return _place(place + 1, goal["_at"], goal["_payload"], first, until)

        return F.transform("_goals", journey)

    return once(
        F.col("_touches._at"),
        lambda touched: once(F.col("_goals._at"), lambda reached: of(touched, reached)),
    )


def _open(windows: Lookbacks, payload: T.StructType) -> Column:
    """Of a person: between which places the touches stand that may yet convert, or nothing."""
    earliest = F.col("_end") - _longest(windows)
    last = F.coalesce(F.try_element_at("_goals", F.lit(-1))["_at"], F.lit(_NEVER))
    newest = F.try_element_at("_touches", F.lit(-1))["_at"]

    def journey(touched: Column) -> Column:
        first = F.greatest(_below(touched, earliest, or_at=False), _below(touched, last, or_at=True))
        nothing = F.lit(None).cast(payload)
        return F.array(_place(F.lit(0), F.col("_end"), nothing, first, F.size("_touches")))

    waits = (newest >= earliest) & (newest > last)
    return F.when(waits, once(F.col("_touches._at"), journey)).otherwise(F.array())


def _place(number: Column, ended: Column, payload: Column, first: Column, until: Column) -> Column:
    return F.struct(
        number.alias("number"),
        ended.alias("ended"),
        payload.alias("payload"),
        first.alias("first"),
        until.alias("until"),
    )


def _lost(windows: Lookbacks) -> Column:
    """The touches of a person that no conversion followed in time, nor can."""

    def is_over(touch: Column) -> Column:
        return touch["_at"] + _span_of(touch, windows) < F.col("_end")

    def among(reached: Column) -> Column:
        def is_lost(touch: Column) -> Column:
            upcoming = F.get(reached, _below(reached, touch["_at"], or_at=False))
            return is_over(touch) & F.coalesce(
                upcoming > touch["_at"] + _span_of(touch, windows), F.lit(True)
            )

        return F.filter("_touches", is_lost)

    alone = F.filter("_touches", is_over)
    return F.when(F.size("_goals") == 0, alone).otherwise(once(F.col("_goals._at"), among))


def _parted(lost: Column, windows: Lookbacks) -> Column:
    """Those touches in journeys: number (from 1), touches, ended."""

    def at(touched: Column) -> Column:
        def is_first(place: Column) -> Column:
            gap = F.get(touched, place) - F.get(touched, place - 1)
            return F.coalesce(gap > _span_of(F.get(lost, place), windows), F.lit(True))

        places = F.sequence(F.lit(0), F.size(lost) - 1)
        return once(F.filter(places, is_first), cut)

    def cut(firsts: Column) -> Column:
        def journey(first: Column, place: Column) -> Column:
            until = F.coalesce(F.get(firsts, place + 1), F.size(lost))
            own = F.slice(lost, first + 1, until - first)
            return F.struct((place + 1).alias("number"), own.alias("touches"), _last_end(own).alias("ended"))

        return F.transform(firsts, journey)

    def _last_end(own: Column) -> Column:
        if windows.are_alike:
            return F.element_at(own, -1)["_at"] + _longest(windows)
        return F.array_max(F.transform(own, lambda touch: touch["_at"] + touch["_span"]))

    return F.when(F.size(lost) > 0, once(lost["_at"], at))


def _span_of(touch: Column, windows: Lookbacks) -> Column:
    return F.lit(_longest(windows)) if windows.are_alike else touch["_span"]


def _chosen(touches: Column, optional: str | Column | None) -> Column:
    """All columns of the touches; the optional ones only where there are no others."""
    if optional is None:
        return touches["_of"]
    regular = F.filter(touches, lambda touch: ~touch["_is_optional"])
    return F.when(F.size(regular) > 0, regular["_of"]).otherwise(touches["_of"])


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
        F.col("_touches").alias("touches"),
        of_conversion(at).alias("converted_at"),
        value.alias("value"),
        is_converted.alias("is_converted"),
    )
