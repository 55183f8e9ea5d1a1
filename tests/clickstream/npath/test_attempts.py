"""How far each attempt got, against every way that the pattern has."""

from __future__ import annotations

import random

import pytest
from oracles import attempts as oracle
from oracles import npath as patterns

from retinue.clickstream.npath.attempts import Walk, beginnings, bits, searched
from retinue.clickstream.npath.automaton import build
from retinue.clickstream.npath.matcher import Matcher, Skip
from retinue.clickstream.npath.pattern import parse

NAMES = "ABC"
NUMBERS = {"a": 0, "b": 1, "c": 2}
SKIPS = {"overlapping": Skip("next row"), "nonoverlapping": Skip("past last row")}


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_every_attempt_got_as_far_as_any_way_leads(depth: int) -> None:
    rng, failures = random.Random(depth), 0
    for _ in range(1_500):
        pattern, rows = patterns.random_pattern(rng, depth=depth), patterns.random_rows(rng)
        mode, prefer = rng.choice([*SKIPS]), rng.choice(["longest", "first"])
        near = sorted(rng.randint(place, len(rows)) for place in range(len(rows)))
        limits = [max(place + 1, end) for place, end in enumerate(near)] if rng.random() < 0.4 else None
        case = (patterns.text(pattern), rows, mode, prefer, limits)
        automaton = build(parse(case[0], NUMBERS))
        matcher = Matcher(automaton, longest=prefer == "longest", skip=SKIPS[mode], labelled=True)
        masks = [sum(1 << NAMES.index(name) for name in row) for row in rows]

        found, failed = searched(matcher, masks, limits)
        expected = oracle.searched(pattern, rows, mode=mode, prefer=prefer, limits=limits)
        assert ([match[:2] for match in found], failed) == (
            [match[:2] for match in expected[0]],
            expected[1],
        ), case
        walk = Walk(automaton)
        for match in found:
            assert named(walk, walk.path(masks, match.start, match.end, is_match=True)) == tuple(
                NAMES[label] for label in match.labels
            ), case
        for attempt in walk.attempts(masks, failed, limits):
            limit = None if limits is None else limits[attempt.start]
            end, wanted, way = oracle.attempt(pattern, rows, attempt.start, limit)
            assert attempt.end == end, case
            assert set(named(walk, bits(walk.ahead(attempt.states)))) == wanted, case
            assert walk.wants_end(attempt.states) == oracle.wants_end(pattern, rows, attempt.start, end), case
            assert named(walk, walk.path(masks, attempt.start, end)) == way, case
            outcome = "ended" if end == len(rows) else "timed_out" if end == limit else "broken"
            assert attempt.outcome == outcome, case
            failures += 1
        starts = {
            start
            for start in range(len(rows))
            if (match := oracle.match_at(pattern, rows, start, prefer, limits)) and match[1]
        }
        assert beginnings(matcher, masks, limits) == starts, case
    assert failures > 2_000


def named(walk: Walk, states: object) -> tuple[str, ...]:
    return tuple(NAMES[walk.automaton.symbol[state]] for state in states)  # type: ignore[attr-defined,index]


@pytest.mark.parametrize("limits", [None, [min(start + 10_000, 20_000) for start in range(20_000)]])
def test_attempts_that_fail_late_share_their_way(limits: list[int] | None) -> None:
    walk = Walk(build(parse("A.A*.B", NUMBERS)))
    ends = [attempt.end for attempt in walk.attempts([1] * 20_000, range(20_000), limits)]
    assert ends == (limits or [20_000] * 20_000)


def test_the_one_that_leads_may_run_out_of_time_before_those_behind() -> None:
    walk = Walk(build(parse("A+.B", NUMBERS)))
    attempts = walk.attempts([1, 1, 1, 1, 4], [0, 1, 2, 3], [2, 4, 5, 5])
    assert [(attempt.end, attempt.outcome) for attempt in attempts] == [
        (2, "timed_out"),
        (4, "timed_out"),
        (4, "broken"),
        (4, "broken"),
    ]
