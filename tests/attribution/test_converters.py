"""What those who converted did, against plain lists."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from itertools import groupby
from statistics import fmean

import pytest
from lives import frames, lives
from oracles import attribution as oracle
from oracles.attribution import Journey, Touch
from pyspark.sql import DataFrame, SparkSession

from retinue.attribution import converters, journeys
from retinue.errors import RetinueError

GIVEN = lives(4, persons=150)


@pytest.fixture(scope="module")
def built(spark: SparkSession) -> DataFrame:
    touches, conversions = GIVEN
    unnamed = {person: [*own, Touch(24 * 20, None)] for person, own in touches.items()}
    return journeys.build(*frames(spark, unnamed, conversions), lookback=timedelta(days=5)).localCheckpoint()


@pytest.fixture(scope="module")
def converted() -> list[Journey]:
    found = oracle.journeys(*GIVEN, lookback=24 * 5, until=24 * 40)
    return [each for each in found if each.converted_at is not None and each.touches]


def quartiles(figures: list[float]) -> tuple[float, ...]:
    """By nearest rank."""
    return tuple(sorted(figures)[-(-len(figures) * part // 4) - 1] for part in (1, 2, 3))


def test_how_many_touches_converters_had(built: DataFrame, converted: list[Journey]) -> None:
    counts: dict[str | None, list[float]] = defaultdict(list)
    for journey in converted:
        channels = [touch.channel for touch in journey.touches]
        counts[None].append(len(channels))
        for channel in set(channels):
            counts[channel].append(channels.count(channel))
    found = {row[0]: tuple(row)[1:] for row in converters.touches_to_convert(built).collect()}
    assert found == {
        channel: (len(each), pytest.approx(fmean(each)), *quartiles(each)) for channel, each in counts.items()
    }


def test_how_long_before_their_conversion_the_last_ad_was(built: DataFrame, converted: list[Journey]) -> None:
    delays: dict[str | None, list[float]] = defaultdict(list)
    for journey in converted:
        last = journey.touches[-1]
        for channel in (None, last.channel):
            delays[channel].append((journey.converted_at - last.at) / 24)
    found = {row[0]: tuple(row)[1:] for row in converters.last_ad_delays(built).collect()}
    assert found.keys() == delays.keys()
    for channel, each in delays.items():
        assert found[channel] == pytest.approx((len(each), fmean(each), *quartiles(each))), channel


def test_paths_that_converted_soonest(built: DataFrame, converted: list[Journey]) -> None:
    taken: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for journey in converted:
        path = tuple(channel for channel, _ in groupby(touch.channel for touch in journey.touches))
        taken[path].append((journey.converted_at - journey.touches[0].at) / 24)
    kept = sorted((quartiles(each)[1], -len(each), path) for path, each in taken.items() if len(each) >= 2)
    assert len(kept) > 6
    assert any(len(path) > 1 for _, _, path in kept[:6])
    rows = converters.fastest_paths(built, least=2, limit=6).collect()
    assert [row.rank for row in rows] == [1, 2, 3, 4, 5, 6]
    for row, (median, conversions, path) in zip(rows, kept, strict=False):
        assert (tuple(row.path), row.conversions) == (path, -conversions)
        days = (row.lower_quartile_days, row.median_days, row.upper_quartile_days)
        assert days == pytest.approx(quartiles(taken[path]))
        assert row.median_days == pytest.approx(median)


def test_no_path_is_asked_of_nobody(built: DataFrame) -> None:
    with pytest.raises(RetinueError, match="least is 0"):
        converters.fastest_paths(built, least=0)
