"""The matcher against every way to match there is, and where patterns are hard."""

from __future__ import annotations

import random
import re
from itertools import pairwise

import pytest
from oracles import npath as oracle

from retinue.clickstream.npath.automaton import build
from retinue.clickstream.npath.matcher import MOST_CELLS, Found, Matcher, Skip
from retinue.clickstream.npath.pattern import parse
from retinue.clickstream.npath.skips import always_leads_on
from retinue.errors import PatternError

NAMES = "ABC"
NUMBERS = {"a": 0, "b": 1, "c": 2}
A, B, C = 1, 2, 4
SKIPS = {
    "overlapping": Skip("next row"),
    "nonoverlapping": Skip("past last row"),
    "to_first B": Skip("first", 1, "B"),
    "to_last A": Skip("last", 0, "A"),
}


def matcher(
    pattern: str, *, mode: str = "nonoverlapping", prefer: str = "longest", labelled: bool = True
) -> Matcher:
    longest = prefer == "longest"
    return Matcher(build(parse(pattern, NUMBERS)), longest=longest, skip=SKIPS[mode], labelled=labelled)


def spans(pattern: str, rows: list[int], **options: str) -> list[tuple[int, int]]:
    return [found[:2] for found in matcher(pattern, **options, labelled=False).find(rows)]


def labels(pattern: str, rows: list[int], **options: str) -> list[str]:
    return [
        "".join(NAMES[label] for label in found.labels) for found in matcher(pattern, **options).find(rows)
    ]


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_every_way_to_match(depth: int) -> None:
    rng = random.Random(depth)
    for _ in range(7_000):
        pattern, rows = oracle.random_pattern(rng, depth=depth), oracle.random_rows(rng)
        mode, prefer = rng.choice([*SKIPS]), rng.choice(["longest", "first"])
        clock = sorted(rng.randint(0, 6) for _ in rows) if rng.random() < 0.4 else None
        within = rng.randint(0, 4)
        expected: object
        try:
            expected = oracle.matches(pattern, rows, mode=mode, prefer=prefer, clock=clock, within=within)
        except oracle.NoProgress:
            expected = PatternError
        found = search(oracle.text(pattern), rows, mode, prefer, clock and limits(clock, within))
        assert found == expected, (oracle.text(pattern), rows, mode, prefer, clock, within)


def search(pattern: str, rows: list[set[str]], mode: str, prefer: str, ends: list[int] | None) -> object:
    masks = [sum(1 << NAMES.index(name) for name in row) for row in rows]
    try:
        found = list(matcher(pattern, mode=mode, prefer=prefer).find(masks, ends))
    except PatternError:
        return PatternError
    bare = [(each.start, each.end) for each in found]
    if mode in ("overlapping", "nonoverlapping"):
        assert [
            each[:2] for each in matcher(pattern, mode=mode, prefer=prefer, labelled=False).find(masks, ends)
        ] == bare
    return [(each.start, each.end, tuple(NAMES[label] for label in each.labels)) for each in found]


def limits(clock: list[int], within: int) -> list[int]:
    return [
        max(end for end in range(place, len(clock)) if clock[end] - time <= within) + 1
        for place, time in enumerate(clock)
    ]


def test_preference_worked_by_hand() -> None:
    rows = [A | B, B, B, C]
    assert labels("A|A.B", rows, prefer="first") == ["A"]
    assert labels("A|A.B", rows) == ["AB"]
    assert labels("B*?.B", rows, prefer="first") == ["B", "B", "B"]
    assert labels("(A|B)*.C", rows) == ["ABBC"]
    assert labels("(B|A)*.C", rows) == ["BBBC"]


def test_anchors_hold_at_the_ends_of_the_partition_alone() -> None:
    rows = [A, A, A]
    assert spans("^A", rows, mode="overlapping") == [(0, 1)]
    assert spans("A$", rows, mode="overlapping") == [(2, 3)]
    assert spans("A^A", rows) == []
    assert spans("(^A|A$)+", rows, mode="overlapping") == [(0, 1), (2, 3)]
    assert spans("^*A{2}$?", rows) == [(0, 2)]


def test_empty_matches_move_on_by_a_row() -> None:
    assert spans("A*", [B, A, A, B]) == [(0, 0), (1, 3), (3, 3)]
    assert spans("A*", [B, A, A, B], mode="overlapping") == [(0, 0), (1, 3), (2, 3), (3, 3)]
    assert spans("()", [A, B]) == [(0, 0), (1, 1)]
    assert spans("A", []) == spans("()", []) == []


def test_a_skip_that_leads_nowhere_names_the_partition() -> None:
    for rows, pattern, mode, trouble in [
        ([A, A], "A.B?", "to_first B", "took no row"),
        ([A, B], "A.B", "to_last A", "where the match began"),
    ]:
        with pytest.raises(PatternError, match=f"visitor = 7.* its row 1 .*{trouble}"):
            list(matcher(pattern, mode=mode).find(rows, name="visitor = 7"))


@pytest.mark.parametrize(
    ("pattern", "mode", "leads_on"),
    [
        *[("A.B+", "to_last B", True), ("A.B*", "to_last B", False), ("B.A?.B", "to_last B", True)],
        *[("A.B", "to_first B", True), ("B.A?.B", "to_first B", False), ("A.(B|C)", "to_first B", False)],
        *[("B", "to_last B", False), ("A*.B", "to_first B", False), ("()", "to_first B", True)],
    ],
)
def test_a_pattern_can_make_sure_of_a_skip(pattern: str, mode: str, leads_on: bool) -> None:
    skips = SKIPS | {"to_last B": Skip("last", 1, "B")}
    assert always_leads_on(build(parse(pattern, NUMBERS)), skips[mode]) == leads_on


@pytest.mark.parametrize("mode", ["to_first B", "to_last A"])
def test_a_skip_that_is_made_sure_of_never_leads_nowhere(mode: str) -> None:
    rng, sure = random.Random(mode), 0
    for _ in range(2_000):
        pattern = oracle.random_pattern(rng)
        if always_leads_on(build(parse(oracle.text(pattern), NUMBERS)), SKIPS[mode]):
            sure += 1
            for _ in range(5):
                oracle.matches(pattern, oracle.random_rows(rng), mode=mode, prefer="first")
    assert sure > 100


def test_nested_repetition_without_an_end() -> None:
    assert spans("(A+)+.B", [A] * 5_000) == []
    assert spans("((A*)*)*.B", [A] * 5_000, mode="overlapping") == []


def test_a_choice_repeated_over_a_long_partition() -> None:
    rows = [A, B] * 100_000
    assert spans("(A|B)*.C", rows, mode="overlapping") == []
    assert spans("(A|B)*.C", [*rows, C]) == [(0, 200_001)]
    assert labels("(A|B)*.C", [*rows, C]) == ["AB" * 100_000 + "C"]


def test_overlapping_runs_that_share_their_end() -> None:
    rows = [A] * 20_000
    assert spans("A.A*.B", rows, mode="overlapping") == []
    ends = spans("A.A*.B", [*rows, B, A], mode="overlapping")
    assert ends == [(start, 20_001) for start in range(20_000)]
    assert all(
        one[1] == other[1]
        for one, other in pairwise(spans("A.A*?.B", [*rows, B], mode="overlapping", prefer="first"))
    )


def test_a_limit_of_time_keeps_the_search_linear() -> None:
    rows = [A] * 20_000 + [B]
    near = [min(start + 10_000, len(rows)) for start in range(len(rows))]
    found = list(matcher("A.A*.B", labelled=False).find(rows, near))
    assert found == [Found(10_001, 20_001, b"")]


def test_what_is_learnt_stays_bounded() -> None:
    """Read backwards, this pattern has a deterministic automaton of 2^15 states; these rows see most."""
    rng = random.Random(5)
    text = "".join(rng.choice("AB") for _ in range(40_000))
    search = matcher("B.(A|B){14}.A.(A|B){0,3}", labelled=False)
    found = [each[:2] for each in search.find([NUMBERS[letter.lower()] + 1 for letter in text])]
    assert found == [each.span() for each in re.finditer("B[AB]{14}A[AB]{0,3}", text)]
    assert 0 < len(search.open.known) <= MOST_CELLS
