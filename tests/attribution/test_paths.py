"""The models of paths, on public data and random ones, against plain oracles."""

from __future__ import annotations

import csv
import gzip
import random
from collections.abc import Iterable

import numpy as np
import pytest
from oracles import attribution as oracle
from oracles.attribution import Path
from pyspark.sql import DataFrame, SparkSession

from retinue import samples
from retinue.attribution import counterfactual, markov, rules, shapley, shorter
from retinue.errors import RetinueError, SchemaMismatch

FORM = "path array<string>, conversions double, value double, nulls double"


@pytest.fixture(scope="module")
def public() -> list[Path]:
    with gzip.open(samples.conversion_paths(), "rt") as lines:
        return [
            Path(
                tuple(row["path"].split(" > ")),
                float(row["total_conversions"]),
                float(row["total_conversion_value"]),
                float(row["total_null"]),
            )
            for row in csv.DictReader(lines)
        ]


def drawn(seed: int, *, channels: str = "abcde", paths: int = 60) -> list[Path]:
    """Repeats, single touches, paths listed twice, without touches, without conversions."""
    rng = random.Random(seed)
    found = []
    for _ in range(paths):
        path = tuple(rng.choices([*channels, "direct"], k=rng.choice([0, 1, 1, 2, 3, 4, 7])))
        conversions = rng.choice([0, 0, 1, 2, 5])
        found.append(Path(path, conversions, conversions * rng.choice([0, 2.5, 7]), rng.choice([0, 1, 4, 9])))
    return found


def frame(spark: SparkSession, paths: Iterable[Path]) -> DataFrame:
    rows = [
        (list(path.channels), float(path.conversions), float(path.value), float(path.nulls)) for path in paths
    ]
    return spark.createDataFrame(rows, FORM).repartition(3)


def credit(attributed: DataFrame) -> oracle.Credit:
    """Conversions and value by channel, of those that have any."""
    rows = attributed.collect()
    assert len({row.channel for row in rows}) == len(rows)
    return {row.channel: (row.conversions, row.value) for row in rows if row.conversions or row.value}


def assert_alike(got: oracle.Credit, wanted: oracle.Credit, *, rel: float = 1e-9) -> None:
    assert got.keys() == wanted.keys()
    for channel, each in wanted.items():
        assert got[channel] == pytest.approx(each, rel=rel, abs=1e-9), channel


@pytest.mark.parametrize("model", ["first", "last", "last_non_direct", "linear", "position"])
def test_rules_are_those_of_a_plain_loop(spark: SparkSession, public: list[Path], model: str) -> None:
    assert_alike(
        credit(rules.attribute_paths(frame(spark, public), model=model.upper())),
        oracle.by_rule(public, model),
    )
    some = drawn(1)
    assert_alike(credit(rules.attribute_paths(frame(spark, some), model=model)), oracle.by_rule(some, model))


def test_the_public_paths_have_their_known_first_and_last_touches(
    spark: SparkSession, public: list[Path]
) -> None:
    first = credit(rules.attribute_paths(frame(spark, public), model="first"))
    last = credit(rules.attribute_paths(frame(spark, public), model="last"))
    assert [first[name][0] for name in ("alpha", "iota", "eta", "beta")] == [6308, 4606, 3164, 2831]
    assert [last[name][0] for name in ("alpha", "eta", "iota")] == [8447, 4167, 3355]


@pytest.mark.parametrize("order", [1, 2, 3])
def test_removal_effects_are_those_of_chains_solved_anew(
    spark: SparkSession, public: list[Path], order: int
) -> None:
    told = markov.attribute(frame(spark, public), order=order).collect()
    effects = oracle.markov(public, order)
    assert {row.channel: row.removal_effect for row in told} == pytest.approx(effects, rel=1e-9, abs=1e-12)
    conversions = sum(path.conversions for path in public)
    value = sum(path.value for path in public)
    scale = sum(effects.values())
    assert {row.channel: row.conversions for row in told} == pytest.approx(
        {channel: conversions * each / scale for channel, each in effects.items()}, rel=1e-9, abs=1e-12
    )
    assert sum(row.conversions for row in told) == pytest.approx(conversions)
    assert sum(row.value for row in told) == pytest.approx(value)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("order", [1, 2, 4])
def test_any_paths_at_any_order(spark: SparkSession, seed: int, order: int) -> None:
    paths = drawn(seed)
    touched = [path for path in paths if path.channels and path.conversions + path.nulls]
    told = {row.channel: row for row in markov.attribute(frame(spark, paths), order=order).collect()}
    effects = oracle.markov(touched, order)
    assert {channel: row.removal_effect for channel, row in told.items() if channel} == pytest.approx(
        effects, rel=1e-9, abs=1e-12
    )
    untouched = sum(path.conversions for path in paths if not path.channels)
    assert (told[None].conversions, told[None].removal_effect) == (untouched, None)
    assert sum(row.conversions for row in told.values()) == pytest.approx(
        sum(path.conversions for path in paths)
    )


@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_whole_chain_converts_as_often_as_journeys_do(
    spark: SparkSession, public: list[Path], order: int
) -> None:
    steps = markov.transitions(frame(spark, public), order=order).collect()
    won, lost = (sum(getattr(path, name) for path in public) for name in ("conversions", "nulls"))
    assert markov.chain_of(steps, order=order).conversion_probability() == pytest.approx(won / (won + lost))


def test_touches_of_one_channel_in_a_row_change_no_effect_of_order_one(
    spark: SparkSession, public: list[Path]
) -> None:
    def collapsed(path: Path) -> Path:
        channels = tuple(
            channel for n, channel in enumerate(path.channels) if n == 0 or channel != path.channels[n - 1]
        )
        return Path(channels, path.conversions, path.value, path.nulls)

    whole, short = (
        {row.channel: row.removal_effect for row in markov.attribute(frame(spark, each)).collect()}
        for each in (public, map(collapsed, public))
    )
    assert whole == pytest.approx(short, rel=1e-9)


def test_more_journeys_alike_change_no_effect(spark: SparkSession) -> None:
    paths = [path for path in drawn(5) if path.channels]
    thrice = [Path(each.channels, 3 * each.conversions, each.value, 3 * each.nulls) for each in paths]
    one, other = (
        {row.channel: row.removal_effect for row in markov.attribute(frame(spark, each)).collect()}
        for each in (paths, thrice)
    )
    assert one == pytest.approx(other, rel=1e-9)


@pytest.mark.parametrize("game", ["count", "rate"])
def test_shapley_is_that_of_all_coalitions(spark: SparkSession, public: list[Path], game: str) -> None:
    for paths in (public, drawn(2)):
        told = {row.channel: row for row in shapley.attribute(frame(spark, paths), game=game).collect()}
        touched = [path for path in paths if path.channels]
        wanted = oracle.shapley(touched, game=game)
        scale = sum(path.conversions for path in touched) / sum(wanted.values())
        assert {channel: row.conversions for channel, row in told.items() if channel} == pytest.approx(
            {channel: each * scale for channel, each in wanted.items() if each or channel in told},
            rel=1e-9,
            abs=1e-9,
        )
        for total in ("conversions", "value"):
            assert sum(row[total] for row in told.values()) == pytest.approx(
                sum(getattr(path, total) for path in paths)
            )
        assert {row.standard_error for channel, row in told.items() if channel} == {0.0}


def test_more_channels_than_are_exact_are_sampled_with_their_error(spark: SparkSession) -> None:
    paths = [path for path in drawn(3, channels="abcdefghijkl", paths=120) if path.channels]
    told = {row.channel: row for row in shapley.attribute(frame(spark, paths), game="rate").collect()}
    assert len(told) == 13
    wanted = oracle.shapley(paths, game="rate")
    scale = sum(path.conversions for path in paths) / sum(wanted.values())
    off = [(row.conversions - wanted[channel] * scale) / row.standard_error for channel, row in told.items()]
    assert max(map(abs, off)) < 4.5
    assert sum(each**2 for each in off) / len(off) < 2.5
    assert all(row.standard_error < 0.05 * sum(path.conversions for path in paths) for row in told.values())


def test_the_counterfactual_rule_is_that_of_a_plain_loop(spark: SparkSession, public: list[Path]) -> None:
    for paths in (public, drawn(4)):
        assert_alike(credit(counterfactual.attribute(frame(spark, paths))), oracle.counterfactual(paths))


def test_a_path_of_many_thousand_touches_is_no_trouble(spark: SparkSession) -> None:
    """Each touch earns alike but those of one run, without any of which the path converts as often."""
    path = ("a", "b") * 10_000 + ("c",) * 5
    paths = [Path(path, 3, 6, 1), Path(path[:-1], 3, 0, 1)]
    got = credit(counterfactual.attribute(frame(spark, paths)))
    long, short = (3 / 20_000, 6 / 20_000), 3 / 20_004
    wanted = dict.fromkeys("ab", (10000 * (long[0] + short), 10000 * long[1]))
    assert_alike(got, {**wanted, "c": (4 * short, 0.0)})


def test_what_is_left_without_a_touch_has_the_hash_of_that_path() -> None:
    rng = random.Random(6)
    paths = [tuple(rng.choices([-5, 0, 1, 2**62], k=rng.choice([0, 1, 2, 5, 40]))) for _ in range(300)]
    found = dict(zip(paths, _hashed(paths), strict=True))
    assert len(set(found.values())) == len(found), "each path has its own"
    runs = shorter.runs(_laid_out(paths))
    touches = [(path, place) for path in paths for place in range(len(path))]
    left = [(path[:place] + path[place + 1 :]) for path, place in (touches[n] for n in runs.lasts)]
    assert [tuple(each) for each in runs.shorter.tolist()] == _hashed(left)
    assert runs.is_last.sum() == sum(map(bool, paths))
    assert runs.times.sum() == len(touches)


def test_sequences_of_thue_and_morse_have_hashes_of_their_own() -> None:
    """Modulo a power of two they would share one, whatever the base."""
    one = tuple(n.bit_count() % 2 for n in range(2**12))
    assert len(set(_hashed([one, tuple(1 - each for each in one)]))) == 2


def _laid_out(paths: list[tuple[int, ...]]) -> shorter.Paths:
    codes = [code for path in paths for code in path]
    return shorter.Paths(np.array(codes, dtype=np.int64), np.array([len(path) for path in paths]))


def _hashed(paths: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    return [tuple(each) for each in shorter.hashes(_laid_out(paths)).tolist()]


def test_channels_may_be_numbers(spark: SparkSession) -> None:
    paths = spark.createDataFrame([([1, 2], 4), ([2], 1)], "path array<bigint>, conversions bigint")
    for attributed in (
        rules.attribute_paths(paths, model="linear"),
        shapley.attribute(paths),
        shapley.attribute(paths, game="rate"),
        markov.attribute(paths),
        counterfactual.attribute(paths),
    ):
        assert sum(row.conversions for row in attributed.collect()) == pytest.approx(5)
        assert attributed.schema["channel"].dataType.simpleString() == "bigint"


def test_no_conversion_at_all(spark: SparkSession) -> None:
    paths = frame(spark, [Path(("a", "b"), 0, 0, 3)])
    for attributed in (markov.attribute(paths), shapley.attribute(paths, game="rate")):
        assert {row.channel: row.conversions for row in attributed.collect()} == {"a": 0, "b": 0}
    assert rules.attribute_paths(paths, model="last").isEmpty()
    assert markov.attribute(paths.limit(0)).isEmpty()


def test_what_cannot_be_is_refused(spark: SparkSession) -> None:
    paths = frame(spark, [Path(("a",), 1, 1, 1)])
    with pytest.raises(RetinueError, match=r"model is lst; choose first, last.*did you mean"):
        rules.attribute_paths(paths, model="lst")
    with pytest.raises(RetinueError, match=r"use rules\.attribute"):
        rules.attribute_paths(paths, model="time_decay")
    with pytest.raises(RetinueError, match="three of 0 or more with the sum 1"):
        rules.attribute_paths(paths, model="position", weights=(0.5, 0.5, 0.5))
    with pytest.raises(RetinueError, match="order is 0"):
        markov.attribute(paths, order=0)
    with pytest.raises(RetinueError, match="game is chess"):
        shapley.attribute(paths, game="chess")
    with pytest.raises(SchemaMismatch, match="conversions"):
        counterfactual.attribute(paths.drop("conversions"))
