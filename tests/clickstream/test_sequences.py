"""Sequence patterns, without Spark."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

import numpy as np
import pytest
from clickstream.batches import visits
from oracles import clickhouse
from oracles import sequences as oracle

from retinue.clickstream import sequences
from retinue.clickstream.sequences import Part
from retinue.errors import PatternError


def matches(visitors: Sequence[Sequence[oracle.Row]], parts: Sequence[Part]) -> list[tuple[int, list[int]]]:
    batch = visits(visitors)
    count, rows = sequences.match(batch, parts)
    own = np.where(rows == -1, -1, rows - batch.offsets[:-1, None])
    return [
        (n, [place for place in places if place >= 0]) for n, places in zip(count, own.tolist(), strict=True)
    ]


def test_a_pattern_is_read_part_by_part() -> None:
    assert sequences.parse("(?1) . .* (?t >= 30)(?2)", conditions=2, unit=10) == [
        Part("star"), Part("row", 1), Part("row"), Part("star"), Part(">=", 300), Part("row", 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "place", "what"),
    [
        ("(?1)(?3)", 4, "there are conditions 1 to 2"),
        ("(?0)", 0, "there are conditions 1 to 2"),
        ("(?1)A", 4, "expected (?N)"),
        ("(?1)(?t=>3)(?2)", 4, "expected (?N)"),
        ("(?1) (?t>3) (?t<9)", 12, "a time must follow a row"),
        ("(?1", 0, "expected (?N)"),
        ("*", 0, "expected (?N)"),
    ],
)
def test_a_pattern_that_does_not_parse_is_shown_with_a_caret(pattern, place, what) -> None:
    with pytest.raises(PatternError, match=re.escape(what)) as refused:
        sequences.parse(pattern, conditions=2, unit=1)
    assert str(refused.value).splitlines()[1:] == [f"  {pattern}", "  " + " " * place + "^"]


def test_counts_and_times_are_those_of_clickhouse() -> None:
    visitors, patterns = clickhouse.sequences()
    seen = [[row for row in rows if row[1]] for rows in visitors]
    for case in patterns:
        found = matches(seen, sequences.parse(case["pattern"], conditions=3, unit=1))
        assert [count for count, _ in found] == case["counts"], case["pattern"]
        if not re.search(r"\(\?t[^)]*\)$", case["pattern"]):
            times = [
                [rows[place][0] for place in places] for rows, (_, places) in zip(seen, found, strict=True)
            ]
            assert times == case["times"], case["pattern"]


def test_random_patterns_match_as_the_slow_oracle_matches() -> None:
    draw = random.Random(5)

    def part(after: str) -> Part:
        kind = draw.choice(["row", "row", "row", "star", "gap"])
        if kind == "gap" and after not in oracle.COMPARE:
            return Part(draw.choice(list(oracle.COMPARE)), draw.randrange(6))
        return Part("star") if kind == "star" else Part("row", draw.randrange(4))

    for _ in range(150):
        parts = [Part("star")]
        for _ in range(draw.randrange(1, 6)):
            parts.append(part(parts[-1].kind))
        visitors = [
            [(at, draw.randrange(8)) for at in sorted(draw.randrange(12) for _ in range(draw.randrange(9)))]
            for _ in range(30)
        ]
        wanted = [oracle.matches(rows, parts[1:]) for rows in visitors]
        assert matches(visitors, parts) == wanted, parts


def test_gaps_with_a_point_ask_for_the_time_itself() -> None:
    rows = [(0, 1), (5, 2), (6, 2), (60, 0)]
    for gap, taken in (("<5.5", 1), ("<=5.5", 1), (">5.5", 2), (">=5.5", 2), ("==5.5", None), ("==5.0", 1)):
        parts = sequences.parse(f"(?1)(?t{gap})(?2)", conditions=2, unit=1)
        assert matches([rows], parts) == [(0, []) if taken is None else (1, [0, taken])], gap
    assert matches([rows], sequences.parse("(?1)(?2)(?2)(?t==0.5)", conditions=2, unit=1)) == [(0, [])]
    assert matches([[(0, 1)]], sequences.parse("(?1)(?t==0.5)", conditions=2, unit=1)) == [(0, [])]
    assert sequences.parse("(?1)(?t == 5.25)", conditions=1, unit=1_000_000)[-1] == Part("==", 5_250_000)
    for pattern in ("(?1)(?t>5.)", "(?1)(?t>.5)", "(?1)(?t>-1)"):
        with pytest.raises(PatternError, match="expected"):
            sequences.parse(pattern, conditions=1, unit=1)


def test_a_pattern_that_makes_backtracking_engines_give_up_is_linear() -> None:
    rows = [(at, 1) for at in range(200_000)]
    parts = sequences.parse("(?1).*(?1).*(?1)(?t>=5)(?1).*(?2)", conditions=2, unit=1)
    assert matches([rows], parts) == [(0, [])]


def test_times_at_both_ends_of_the_integers() -> None:
    rows = [(-(2**63), 1), (2**63 - 1, 2)]
    for gap, count in (
        (">=18446744073709551615", 1),
        ("==18446744073709551615", 1),
        (">18446744073709551615", 0),
    ):
        parts = sequences.parse(f"(?1)(?t{gap})(?2)", conditions=2, unit=1)
        assert matches([rows], parts) == [(count, [0, 1] * count)]
    beyond = sequences.parse("(?1)(?t>=99999999999999999999)(?2)", conditions=2, unit=1_000_000)
    assert matches([rows], beyond) == [(0, [])]
