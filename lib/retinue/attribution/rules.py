"""The rules that share out a conversion by where its touches stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from itertools import accumulate
from typing import Literal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from retinue.attribution.journeys import once
from retinue.clickstream.times import micros_of, span_micros
from retinue.errors import RetinueError, SchemaMismatch, nearest
from retinue.schema import quoted, require

__all__ = ["MODELS", "Segment", "age", "attribute", "attribute_paths", "credits", "segmented"]

Rule = Literal["first", "last", "last_non_direct", "linear", "position", "time_decay"]
MODELS: tuple[Rule, ...] = ("first", "last", "last_non_direct", "linear", "position", "time_decay")
DIRECT = "direct"
WEEK = timedelta(days=7)
POSITION = (0.4, 0.2, 0.4)
_OWN = ("_shared", "_each", "_touch", "_share")
_Shares = Callable[[Column], Column]
_Age = Callable[[Column], Column]


@dataclass(frozen=True)
class Segment:
    """A stretch of a journey, counted back from the conversion, and what of the conversion it earns.

    It is as long as `span` says: so many touches, or so much time. Within it the touches share by `model`:
    first, last, linear or time_decay, whose half-life is `half_life`.
    """

    span: int | timedelta
    weight: float
    model: Rule = "linear"
    half_life: timedelta = WEEK


def attribute(
    journeys: DataFrame,
    *,
    model: str,
    half_life: timedelta = WEEK,
    weights: Sequence[float] = POSITION,
) -> DataFrame:
    """Share each conversion out among its touches by a rule, and add up what every channel earned.

    Out, a row a channel: channel, conversions (double, the shares added up), value (double, likewise of what
    the conversions are worth; null where no worth is known). The shares of a conversion are 1 in sum. What no
    touch led to is under the channel null, so that all conversions are there.

    The rules: `first` and `last` touch; `last_non_direct`, the last whose channel is not direct, or the last
    where all are; `linear`, equal shares; `position`, by `weights` for the first, those between and the last
    (one touch has all; two share as the first weight to the last; those between share theirs equally);
    `time_decay`, half as much for each `half_life` before the conversion. Touches of one instant stand in the
    order that the journey has them in. Words are taken in any case.

    In: journeys as `journeys.build` gives them, of which those without conversion earn nothing; touches have
    channel and, for time_decay, one column of time. Lazy; one shuffle, of channels added up where they lie.
    Sources: Google Ads' rules; Adobe Analytics' attribution models. Raises SchemaMismatch; RetinueError.
    """
    return _added_up(credits(journeys, model=model, half_life=half_life, weights=weights))


def credits(
    journeys: DataFrame,
    *,
    model: str,
    half_life: timedelta = WEEK,
    weights: Sequence[float] = POSITION,
) -> DataFrame:
    """What `attribute` adds up: the share of each touch that earns something.

    Out, a row a touch: the journeys' other columns, touch (struct, null where no touch led to the
    conversion), channel, conversions (double, above 0 to 1, the share), value (double, of the conversion's).
    In and raises as `attribute`. Lazy, no shuffle.
    """
    require(journeys, ["touches", "converted_at", "value", "is_converted"], what="rules")
    rule = _known(model)
    converted = _converted(journeys)
    if rule in _PLACES:
        return _at_place(converted, _PLACES[rule])
    return _exploded(
        converted, _shares(rule, age(journeys) if rule == "time_decay" else None, half_life, weights)
    )


def segmented(journeys: DataFrame, *, segments: Sequence[Segment]) -> DataFrame:
    """Share each conversion out among stretches of its journey, then within each among its touches.

    The first segment is next to the conversion, the next one before it, and so on; touches before the last
    segment earn nothing. A segment counted in touches takes as many as are left, one counted in time those
    within its span from where the segment before ended. What a segment without touches would earn, the others
    share as their weights are; a conversion whose touches are all before the last segment is under null.

    Out, in, lazy and source of the other rules as `attribute`. Source: Teradata Aster's Attribution, its
    SEGMENT_ROWS and SEGMENT_SECONDS. Raises SchemaMismatch; RetinueError where segments are of both kinds,
    none is given, or weights and spans are not above 0.
    """
    require(journeys, ["touches", "converted_at", "value", "is_converted"], what="rules.segmented")
    _check(segments)
    age_of = age(journeys)
    shares = _exploded(_converted(journeys), lambda touches: _by_segment(touches, segments, age_of))
    return _added_up(shares)


def attribute_paths(paths: DataFrame, *, model: str, weights: Sequence[float] = POSITION) -> DataFrame:
    """The same of journeys counted together by their path, which knows no times.

    Out, a row a channel: channel, conversions, value (double). In: path (array of channels), conversions,
    value and nulls, as `journeys.paths` gives them. Rules as `attribute`, without time_decay. Lazy; one
    shuffle. Raises SchemaMismatch; RetinueError.
    """
    require(paths, ["path", "conversions"], what="rules.attribute_paths")
    rule = _known(model)
    if rule == "time_decay":
        raise RetinueError(
            "time_decay needs the times of touches, which paths do not have: use rules.attribute"
        )
    value = F.col("value").cast("double") if "value" in paths.columns else F.lit(None).cast("double")
    touches = F.transform("path", lambda channel: F.struct(channel.alias("channel")))
    given = paths.select(touches.alias("touches"), F.col("conversions").cast("double"), value.alias("value"))
    worth = given.where("conversions > 0")
    if rule in _PLACES:
        return _added_up(_at_place(worth, _PLACES[rule]))
    return _added_up(_exploded(worth, _shares(rule, None, WEEK, weights)))


def _known(model: str) -> Rule:
    for rule in MODELS:
        if rule == model.lower():
            return rule
    raise RetinueError(f"model is {model}; choose {', '.join(MODELS)}{nearest(model, MODELS)}")


def age(journeys: DataFrame) -> _Age:
    """From a touch of these journeys to how long before the conversion it was, in microseconds (bigint).

    The touch's time is its column `at`, or else the first one of converted_at's type. Raises SchemaMismatch
    where there is none.
    """
    touches, ended = journeys.schema["touches"].dataType, journeys.schema["converted_at"].dataType
    if not isinstance(touches, T.ArrayType) or not isinstance(touches.elementType, T.StructType):
        raise SchemaMismatch(f"touches is {touches.simpleString()}; it must be an array of structs")
    alike = [each.name for each in touches.elementType if each.dataType == ended]
    if not alike:
        raise SchemaMismatch(
            f"touches need a time of converted_at's type, {ended.simpleString()}; they are "
            f"{touches.elementType.simpleString()}"
        )
    at = "at" if "at" in alike else alike[0]
    conversion = micros_of(F.col("converted_at"), ended, name="converted_at")
    return lambda touch: conversion - micros_of(touch[at], ended, name=at)


def _shares(rule: Rule, age_of: _Age | None, half_life: timedelta, weights: Sequence[float]) -> _Shares:
    """From touches to their shares, an array as long; their sum is 1."""
    if rule == "time_decay" and age_of is not None:
        return lambda touches: _scaled(_faded(touches, age_of, half_life))
    if rule == "position":
        return lambda touches: _by_position(touches, weights)
    if rule == "linear":
        return lambda touches: F.array_repeat(1 / F.nullif(F.size(touches), F.lit(0)), F.size(touches))
    return lambda touches: once(_PLACES[rule](touches), lambda place: _only(touches, place))


def _only(touches: Column, place: Column) -> Column:
    return F.transform(touches, lambda _, n: F.when(n == place, 1.0).otherwise(0.0))


def _last_non_direct(touches: Column) -> Column:
    """The place of it, from 0; of the last touch where all are direct."""
    is_other = F.transform(touches, lambda touch: ~F.lower(touch["channel"]).eqNullSafe(F.lit(DIRECT)))
    found = F.size(touches) - F.array_position(F.reverse(is_other), F.lit(True))
    return F.when(F.array_contains(is_other, F.lit(True)), found).otherwise(F.size(touches) - 1)


_PLACES: dict[Rule, Callable[[Column], Column]] = {
    "first": lambda touches: F.lit(0),
    "last": lambda touches: F.size(touches) - 1,
    "last_non_direct": _last_non_direct,
}
"""Where the touch stands that has all, from 0, by the rules that give all to one."""


def _by_position(touches: Column, weights: Sequence[float]) -> Column:
    if len(weights) != 3 or min(weights) < 0 or abs(sum(weights) - 1) > 1e-9 or weights[0] + weights[2] <= 0:
        raise RetinueError(
            f"weights are {', '.join(map(str, weights))}; give three of 0 or more with the sum 1, "
            "for the first touch, those between and the last, of which the ends have some"
        )
    first, between, last = map(float, weights)
    size = F.size(touches)

    of_two = F.array(F.lit(first / (first + last)), F.lit(last / (first + last)))
    inner = F.array_repeat(between / F.greatest(size - 2, F.lit(1)), size - 2)
    of_more = F.concat(F.array(F.lit(first)), inner, F.array(F.lit(last)))
    return F.when(size > 2, of_more).when(size == 2, of_two).otherwise(F.array_repeat(F.lit(1.0), size))


def _faded(touches: Column, age_of: _Age, half_life: timedelta) -> Column:
    """2 to the minus age in half-lives, by the newest touch, so that no old journey comes to 0."""
    if half_life <= timedelta(0):
        raise RetinueError(f"half_life is {half_life}; give a span of time above 0")

    def faded(ages: Column) -> Column:
        return once(
            F.array_min(ages),
            lambda newest: F.transform(
                ages, lambda each: F.pow(F.lit(2.0), (newest - each) / span_micros(half_life))
            ),
        )

    return once(F.transform(touches, age_of), faded)


def _scaled(weights: Column) -> Column:
    def scaled(weights: Column) -> Column:
        total = F.aggregate(weights, F.lit(0.0), lambda sum, each: sum + each)
        return once(total, lambda total: F.transform(weights, lambda each: each / total))

    return once(weights, scaled)


def _check(segments: Sequence[Segment]) -> None:
    if not segments or len({type(each.span) for each in segments}) > 1:
        raise RetinueError("segments are counted in touches or in time, all alike; give at least one")
    for each in segments:
        if each.weight <= 0 or each.span <= type(each.span)(0):  # type: ignore[operator]
            raise RetinueError(f"{each} earns nothing; give it a weight and a span above 0")
        if each.model not in ("first", "last", "linear", "time_decay"):
            raise RetinueError(f"a segment's model is {each.model}; choose first, last, linear or time_decay")


def _by_segment(touches: Column, segments: Sequence[Segment], age_of: _Age) -> Column:
    """The shares, in the order of the touches; all are 0 where no segment has a touch."""
    ends = _ends(touches, segments, age_of)
    starts = [F.lit(0), *ends[:-1]]
    size = F.size(touches)
    earning = [
        F.when(end > start, each.weight).otherwise(0.0)
        for each, start, end in zip(segments, starts, ends, strict=True)
    ]
    whole = F.nullif(reduce(Column.__add__, earning), F.lit(0.0))
    parts = [F.array_repeat(F.lit(0.0), size - ends[-1])]
    for each, start, end in reversed(list(zip(segments, starts, ends, strict=True))):
        stretch = F.slice(touches, size - end + 1, end - start)
        shares = _shares(_known(each.model), age_of, each.half_life, POSITION)(stretch)
        parts.append(_times(shares, F.coalesce(each.weight / whole, F.lit(0.0))))
    return F.concat(*parts)


def _times(shares: Column, factor: Column) -> Column:
    return F.transform(shares, lambda share: share * factor)


def _ends(touches: Column, segments: Sequence[Segment], age_of: _Age) -> list[Column]:
    """How many touches, counted back from the conversion, are up to the end of each segment."""
    spans = [each.span for each in segments]
    if isinstance(spans[0], timedelta):
        ages = F.transform(touches, age_of)
        until = accumulate(span_micros(span) for span in spans if isinstance(span, timedelta))
        return [F.size(_up_to(ages, end)) for end in until]
    return [F.least(F.size(touches), F.lit(end)) for end in accumulate(spans)]


def _up_to(ages: Column, end: int) -> Column:
    return F.filter(ages, lambda age: age <= end)


def _converted(journeys: DataFrame) -> DataFrame:
    return journeys.where("is_converted").withColumn("conversions", F.lit(1.0))


def _at_place(worth: DataFrame, place: Callable[[Column], Column]) -> DataFrame:
    """The touch at the place, which earns all of `conversions` and `value`; null where there is none."""
    return _earning(worth.withColumn("_touch", F.get("touches", place(F.col("touches")))), F.lit(1.0))


def _exploded(worth: DataFrame, shares: _Shares) -> DataFrame:
    """The touches with what they earn of `conversions` and `value`; null where none earns anything."""
    touches = F.col("touches")
    # The share goes with its touch: beside it, all shares of a journey would be copied for each touch.
    zipped = F.arrays_zip(touches.alias("touch"), F.col("_shares").alias("share"))
    earns = F.exists("_shares", lambda share: share > 0)
    shared = worth.withColumn("_shares", shares(touches)).withColumn("_shared", F.when(earns, zipped))
    each = shared.drop("touches", "_shares").select("*", F.explode_outer("_shared").alias("_each"))
    named = each.withColumns(
        {"_touch": F.col("_each.touch"), "_share": F.coalesce("_each.share", F.lit(1.0))}
    )
    return _earning(named.where("_share > 0"), F.col("_share"))


def _earning(each: DataFrame, share: Column) -> DataFrame:
    """A row a touch: what is known of its conversion, itself, and its share."""
    rest = [name for name in each.columns if name not in ("touches", "conversions", "value", *_OWN)]
    return each.select(
        *map(quoted, rest),
        F.col("_touch").alias("touch"),
        F.col("_touch.channel").alias("channel"),
        (F.col("conversions") * share).alias("conversions"),
        (F.col("value") * share).alias("value"),
    )


def _added_up(credits: DataFrame) -> DataFrame:
    return credits.groupBy("channel").agg(
        F.sum("conversions").alias("conversions"), F.sum("value").alias("value")
    )
