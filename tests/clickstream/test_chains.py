"""The reckoning behind funnels, without Spark."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import pytest
from clickstream.batches import visits
from oracles import clickhouse
from oracles import funnels as oracle

from retinue.clickstream import chains

MODES = ("strict_order", "strict_deduplication", "strict_increase", "strict_once", "allow_reentry")
SETS = [frozenset(chosen) for size in range(6) for chosen in combinations(MODES, size)]


def winners(visitors: Sequence[Sequence[oracle.Row]], **knobs) -> list[oracle.Chain]:
    batch = visits(visitors)
    level, rows = chains.longest(batch, **knobs)
    own = rows - batch.offsets[:-1, None]
    return [tuple(places[:length]) for places, length in zip(own.tolist(), level.tolist(), strict=True)]


@pytest.mark.parametrize("modes", SETS, ids=lambda modes: "+".join(sorted(modes)) or "default")
def test_the_winning_chain_is_that_of_brute_force(modes) -> None:
    for steps in (1, 2, 3, 4):
        visitors = oracle.random_visitors(150, steps=steps, seed=steps)
        for window in (0, 2, 9):
            wanted = [oracle.winner(rows, steps=steps, window=window, modes=modes) for rows in visitors]
            assert winners(visitors, steps=steps, window=window, modes=modes) == wanted


def test_the_mode_clickhouse_has_the_levels_of_that_engine() -> None:
    visitors, answers = clickhouse.funnels()
    assert len(answers) == 24
    for modes, wanted in answers.items():
        found = winners(visitors, steps=3, window=clickhouse.WINDOW, modes=modes | {"clickhouse"})
        assert [len(chain) for chain in found] == wanted


def test_chains_of_the_mode_clickhouse_are_chains() -> None:
    visitors, answers = clickhouse.funnels()
    for modes in answers:
        found = winners(visitors, steps=3, window=clickhouse.WINDOW, modes=modes | {"clickhouse"})
        for rows, chain in zip(visitors, found, strict=True):
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
    for modes, levels in answers.items():
        found = winners([visitors[place] for place in plain], steps=3, window=clickhouse.WINDOW, modes=modes)
        assert [len(chain) for chain in found] == [levels[place] for place in plain]


@pytest.mark.parametrize("modes", [set(), {"clickhouse"}, {"clickhouse", "strict_once"}])
def test_batches_without_rows_or_visitors(modes) -> None:
    assert winners([], steps=2, window=1, modes=modes) == []
    assert winners([[], []], steps=2, window=1, modes=modes) == [(), ()]


def test_a_visitor_with_very_many_rows_takes_no_longer_than_its_rows() -> None:
    rows = [(at, 1 + at % 2) for at in range(300_000)]
    (chain,) = winners([rows], steps=3, window=10, modes=set())
    assert len(chain) == 2  # step 3 never comes, and every row could begin or go on
