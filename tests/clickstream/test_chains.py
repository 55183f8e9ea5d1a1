"""The reckoning behind funnels, without Spark."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import combinations

import pytest
from clickstream.batches import visits
from oracles import clickhouse
from oracles import funnels as oracle

from retinue.clickstream import chains
from retinue.clickstream.visits import NONE, Barrier, Found, Gate, OptionalStep, Rules

MODES = ("strict_order", "strict_deduplication", "strict_increase", "strict_once", "allow_reentry")
SETS = [frozenset(chosen) for size in range(6) for chosen in combinations(MODES, size)]


def found(visitors: Sequence[Sequence[oracle.Row]], rules: Rules) -> list[oracle.Answer]:
    batch = visits(visitors)
    reckoned = chains.longest(batch, rules)
    return [_answer(reckoned, place, first) for place, first in enumerate(batch.offsets[:-1].tolist())]


def _answer(reckoned: Found, visitor: int, first: int) -> oracle.Answer:
    own = reckoned.rows[visitor, : reckoned.level[visitor]] - first
    optional = [None if row == NONE else row - first for row in reckoned.optional[visitor].tolist()]
    return oracle.Answer(tuple(own.tolist()), tuple(optional), bool(reckoned.is_open[visitor]))


def levels(visitors: Sequence[Sequence[oracle.Row]], rules: Rules) -> list[int]:
    return chains.longest(visits(visitors), rules).level.tolist()


@pytest.mark.parametrize("modes", SETS, ids=lambda modes: "+".join(sorted(modes)) or "default")
def test_the_winning_chain_is_that_of_brute_force(modes) -> None:
    for steps in (1, 2, 3, 4):
        visitors = oracle.random_visitors(150, steps=steps, seed=steps)
        for window in (0, 2, 9):
            asked = oracle.Question(steps, window, modes, until=20)
            wanted = [oracle.answer(rows, asked) for rows in visitors]
            assert found(visitors, Rules(steps, window, modes, until=20)) == wanted


def random_rules(draw: random.Random, modes: frozenset[str]) -> tuple[Rules, oracle.Question]:
    """Rules over six predicates at most, twice: for the reckoning and for the oracle."""
    steps = draw.randint(2, 4)
    window = draw.choice([0, 2, 5, 9])
    gates = {step: sorted(draw.choices(range(7), k=2)) for step in range(2, steps + 1) if draw.random() < 0.5}
    pairs = [(a, b) for a in range(1, steps) for b in range(a + 1, steps + 1)]
    exclusions = [(draw.randint(1, 6), *draw.choice(pairs)) for _ in range(draw.randrange(3))]
    optional = [(draw.randint(steps + 1, 6), draw.randint(1, steps)) for _ in range(draw.randrange(3))]
    until = draw.choice([None, 3, 20, 23])
    return (
        Rules(
            steps,
            window,
            modes,
            gates={step: Gate(*gate) for step, gate in gates.items()},
            barriers=[Barrier(*exclusion) for exclusion in exclusions],
            optional=[OptionalStep(*step) for step in optional],
            until=until,
        ),
        oracle.Question(steps, window, modes, gates, exclusions, optional, until),
    )


@pytest.mark.parametrize("modes", SETS, ids=lambda modes: "+".join(sorted(modes)) or "default")
def test_gates_exclusions_and_optional_steps_are_those_of_brute_force(modes) -> None:
    draw = random.Random(13)
    for seed in range(25):
        rules, asked = random_rules(draw, modes)
        visitors = [
            [row for row in rows if rules.until is None or row[0] <= rules.until]
            for rows in oracle.random_visitors(60, steps=6, seed=seed)
        ]
        assert found(visitors, rules) == [oracle.answer(rows, asked) for rows in visitors], asked


def test_the_mode_clickhouse_has_the_levels_of_that_engine() -> None:
    visitors, answers = clickhouse.funnels()
    assert len(answers) == 24
    for modes, wanted in answers.items():
        assert levels(visitors, Rules(3, clickhouse.WINDOW, modes | {"clickhouse"})) == wanted


def test_chains_of_the_mode_clickhouse_are_chains() -> None:
    visitors, answers = clickhouse.funnels()
    for modes in answers:
        reckoned = found(visitors, Rules(3, clickhouse.WINDOW, modes | {"clickhouse"}))
        for rows, chain in zip(visitors, [answer.chain for answer in reckoned], strict=True):
            times = [rows[place][0] for place in chain]
            assert all(rows[place][1] >> step & 1 for step, place in enumerate(chain))
            assert times == sorted(times)
            assert not times or times[-1] - times[0] <= clickhouse.WINDOW
            assert len(set(chain)) == len(chain) or "strict_once" not in modes


def test_without_equal_times_and_doubtful_rows_both_readings_agree() -> None:
    visitors, answers = clickhouse.funnels()
    plain = [
        place
        for place, rows in enumerate(visitors)
        if len({at for at, _ in rows}) == len(rows) and all(mask in (0, 1, 2, 4) for _, mask in rows)
    ]
    assert len(plain) > 30
    rows = [visitors[place] for place in plain]
    until = max(at for history in rows for at, _ in history)
    for modes, wanted in answers.items():
        sane = Rules(3, clickhouse.WINDOW, modes, until=until)
        engine = Rules(3, clickhouse.WINDOW, modes | {"clickhouse"}, until=until)
        assert levels(rows, sane) == [wanted[place] for place in plain]
        assert found(rows, sane) == found(rows, engine)
        assert any(answer.is_open for answer in found(rows, engine))


@pytest.mark.parametrize("modes", [set(), {"clickhouse"}, {"clickhouse", "strict_once"}])
def test_batches_without_rows_or_visitors(modes) -> None:
    assert found([], Rules(2, 1, modes)) == []
    nothing = oracle.Answer((), (), False)
    assert found([[], []], Rules(2, 1, modes, until=0)) == [nothing, nothing]


def test_times_at_both_ends_of_the_integers() -> None:
    low, high = -(2**63), 2**63 - 1
    rows = [(low, 1), (high, 2)]
    assert levels([rows], Rules(2, 2**64 - 1)) == [2]
    assert levels([rows], Rules(2, 2**64 - 2)) == [1]
    gated = {2: Gate(2**64 - 1, 2**64 - 1)}
    assert levels([rows], Rules(2, 2**64 - 1, gates=gated)) == [2]
    assert levels([rows], Rules(2, 2**64 - 1, gates={2: Gate(0, 2**64 - 2)})) == [1]


def test_a_visitor_with_very_many_rows_takes_no_longer_than_its_rows() -> None:
    rows = [(at, 1 + at % 2) for at in range(300_000)]
    assert levels([rows], Rules(3, 10)) == [2]  # step 3 never comes, and every row could begin or go on
    gated = Rules(3, 10, gates={2: Gate(0, 100_000)}, barriers=[Barrier(3, 1, 3)])
    assert levels([rows], gated) == [2]
