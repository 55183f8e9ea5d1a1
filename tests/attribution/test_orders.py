"""How many touches a chain had better remember: beside a plain oracle, and in worlds that are known."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from math import log

import pytest
from oracles.attribution import Path
from pyspark.sql import DataFrame, SparkSession

from retinue.attribution import markov
from retinue.errors import RetinueError, SchemaMismatch

FORM = "path array<string>, conversions double, nulls double"
WON, LOST = ("conversion",), ("nothing",)  # no channel, whatever channels are called


def frame(spark: SparkSession, paths: Sequence[Path]) -> DataFrame:
    rows = [(list(path.channels), float(path.conversions), float(path.nulls)) for path in paths]
    return spark.createDataFrame(rows, FORM).repartition(2)


def steps(paths: Sequence[Path]) -> list[tuple[tuple[str, ...], object, float]]:
    """All touches before, what came next, how often: a row a place of a path."""
    found: list[tuple[tuple[str, ...], object, float]] = []
    for path in paths:
        if not path.channels:
            continue
        for n, channel in enumerate(path.channels):
            found.append((path.channels[:n], channel, path.conversions + path.nulls))
        found += [(path.channels, WON, path.conversions), (path.channels, LOST, path.nulls)]
    return [step for step in found if step[2] > 0]


def loss(earlier: Sequence[Path], later: Sequence[Path], order: int) -> float:
    """By the definition: every step's chance is looked up in all earlier steps anew, order by order."""
    known, asked = steps(earlier), steps(later)
    outcomes = {outcome for _, outcome, _ in known + asked} | {WON, LOST}
    total = 0.0
    for before, outcome, count in asked:
        chance = 1 / len(outcomes)
        for remembered in range(order + 1):
            state = before[max(0, len(before) - remembered) :]
            alike = [step for step in known if step[0][max(0, len(step[0]) - remembered) :] == state]
            seen = sum(each for _, _, each in alike)
            same = sum(each for _, next_one, each in alike if next_one == outcome)
            chance = (same + chance) / (seen + 1)
        total -= count * log(chance)
    return total / sum(count for *_, count in asked)


def drawn(seed: int, *, channels: str = "abc", paths: int = 25) -> list[Path]:
    """Repeats, paths listed twice, without touches, without journeys."""
    rng = random.Random(seed)
    return [
        Path(
            tuple(rng.choices(channels, k=rng.choice([0, 1, 1, 2, 3, 5]))),
            rng.choice([0, 0, 1, 2]),
            0,
            rng.choice([0, 1, 4]),
        )
        for _ in range(paths)
    ]


@pytest.mark.parametrize("seed", range(3))
def test_losses_are_those_of_a_plain_loop(spark: SparkSession, seed: int) -> None:
    earlier, later = drawn(seed), drawn(seed + 100, channels="abcd")  # d was never there before
    told = markov.losses(frame(spark, earlier), frame(spark, later), most=4)
    assert told == pytest.approx({order: loss(earlier, later, order) for order in (1, 2, 3, 4)}, rel=1e-12)


def test_worked_by_hand(spark: SparkSession) -> None:
    """Once a and a conversion; then a and nothing. Outcomes: a, conversion, nothing, a third each.

    Nothing remembered: each of a and conversion (1 + 1/3) / 3 = 4/9, nothing (1/3) / 3 = 1/9.
    One touch: from the start a (1 + 4/9) / 2 = 13/18; after a nothing (1/9) / 2 = 1/18.
    Two touches are seen as often as one, and smoothed once more: (1 + 13/18) / 2, (1/18) / 2.
    """
    earlier, later = [Path(("a",), 1, 0, 0)], [Path(("a",), 0, 0, 1)]
    assert markov.losses(frame(spark, earlier), frame(spark, later), most=2) == pytest.approx(
        {1: -(log(13 / 18) + log(1 / 18)) / 2, 2: -(log(31 / 36) + log(1 / 36)) / 2}
    )


def world(seed: int, memory: int, *, journeys: int) -> list[Path]:
    """Each touch hangs on the one before (memory 1), or on the one before that alone (memory 2).

    After each touch a journey ends by the same chance, however long it is.
    """
    rng = random.Random(seed)
    follower = {"a": "b", "b": "c", "c": "a"}
    counted: Counter[tuple[tuple[str, ...], bool]] = Counter()
    for _ in range(journeys):
        path = [rng.choice("abc")]
        while rng.random() < 0.8:
            is_led = len(path) >= memory and rng.random() < 0.7
            path.append(follower[path[-memory]] if is_led else rng.choice("abc"))
        counted[tuple(path), rng.random() < (0.6 if path[-1] == "a" else 0.2)] += 1
    return [Path(path, n * won, 0, n * (not won)) for (path, won), n in sorted(counted.items())]


def test_a_world_that_remembers_two_touches_is_told_by_order_two(spark: SparkSession) -> None:
    told = markov.losses(frame(spark, world(1, 2, journeys=3000)), frame(spark, world(2, 2, journeys=3000)))
    assert set(told) == {1, 2, 3}
    assert min(told, key=lambda order: told[order]) == 2
    assert told[1] - told[2] > 0.05, "what the touch before the last tells"


def test_a_world_that_remembers_one_touch_is_told_by_order_one(spark: SparkSession) -> None:
    told = markov.losses(frame(spark, world(3, 1, journeys=600)), frame(spark, world(4, 1, journeys=600)))
    assert min(told, key=lambda order: told[order]) == 1
    assert told[2] - told[1] < 0.05, "states seen seldom lean on those seen often"


def test_channels_may_be_numbers_and_nothing_may_have_come_before(spark: SparkSession) -> None:
    paths = spark.createDataFrame(
        [([1, 2], 4, 0), ([], 1, 7)], "path array<bigint>, conversions int, nulls int"
    )
    told = markov.losses(paths.limit(0), paths, most=1)
    assert told == pytest.approx({1: log(4)}), "1, 2, a conversion or nothing, all alike"
    assert list(markov.losses(paths, paths, most=1)) == [1]


def test_what_cannot_be_is_refused(spark: SparkSession) -> None:
    paths = frame(spark, [Path(("a",), 1, 0, 1)])
    with pytest.raises(RetinueError, match="order is 0; it must be 1 or more"):
        markov.losses(paths, paths, most=0)
    untouched = frame(spark, [Path((), 3, 0, 1), Path(("a",), 0, 0, 0)])
    for none in (paths.limit(0), untouched):
        with pytest.raises(RetinueError, match="no later path has a touch; give journeys"):
            markov.losses(paths, none)
    with pytest.raises(SchemaMismatch, match="conversions"):
        markov.losses(paths, paths.drop("conversions"))
