"""The pattern's language, and the states that it unrolls to."""

from __future__ import annotations

import random

import pytest
from oracles import npath as oracle

from retinue.clickstream.npath.automaton import build
from retinue.clickstream.npath.pattern import Anchor, Choice, Pattern, Repeat, Sequence, Symbol, parse
from retinue.errors import PatternError

NUMBERS = {"a": 0, "b": 1, "c": 2}
A, B, C = Symbol(0), Symbol(1), Symbol(2)


def test_quantifier_binds_closest_then_the_dot_then_the_choice() -> None:
    many = Repeat(B, 0, None, greedy=True)
    assert parse("A.B*|C", NUMBERS) == Choice((Sequence((A, many)), C))
    assert parse(" a . ( b | C ) ", NUMBERS) == Sequence((A, Choice((B, C))))


@pytest.mark.parametrize(
    ("sign", "least", "most"),
    [
        *[("?", 0, 1), ("*", 0, None), ("+", 1, None), ("{2}", 2, 2), ("{2,}", 2, None)],
        *[("{,2}", 0, 2), ("{ 1 , 2 }", 1, 2), ("{,}", 0, None)],
    ],
)
def test_quantifiers_and_their_reluctant_forms(sign: str, least: int, most: int | None) -> None:
    assert parse(f"A{sign}", NUMBERS) == Repeat(A, least, most, greedy=True)
    assert parse(f"A{sign} ?.B", NUMBERS) == Sequence((Repeat(A, least, most, greedy=False), B))


def test_anchors_stand_anywhere_and_need_no_dot() -> None:
    start, end = Anchor(at_end=False), Anchor(at_end=True)
    assert parse("^A.B$", NUMBERS) == parse("^.A.B.$", NUMBERS) == Sequence((start, A, B, end))
    assert parse("A^*(B)", NUMBERS) == Sequence((A, Repeat(start, 0, None, greedy=True), B))
    assert parse("^$", NUMBERS) == Sequence((start, end))


def test_a_group_that_takes_no_row_needs_no_dot_either() -> None:
    for bare, dotted in [
        ("(^)A", "(^).A"),
        ("(^?)A{2}$?", "(^?).A{2}.$?"),
        ("A(^|$)", "A.(^|$)"),
        ("A((^.$)+|())(B)", "A.((^.$)+|()).(B)"),
    ]:
        assert parse(bare, NUMBERS) == parse(dotted, NUMBERS)


def test_nothing_is_written_as_parentheses() -> None:
    assert parse("()", NUMBERS) == Sequence(())
    assert parse("(()|A)+", NUMBERS) == Repeat(Choice((Sequence(()), A)), 1, None, greedy=True)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        *[("", 0), ("A.", 2), ("A|", 2), ("A.%", 2), ("A++", 2), ("A{3,2}", 1), ("(A", 0), ("A)", 1)],
        *[("A{5001}", 1), ("(){,9999999999}", 2), ("A{" + "9" * 5_000 + "}", 1), ("A{1,\x1d2}{", 7)],
        *[("(A B)", 3), ("A{1", 1), ("*", 0), ("A.B C", 4), ("()A", 2), ("D", 0), ("A.5", 2), ("(|A)", 1)],
        *[("A(^.B)", 1), ("(^|A)B", 5), ("A()", 1), ("A (B)", 2), ("(^)(A)(B)", 6)],
    ],
)
def test_a_fault_has_a_caret_under_its_place(text: str, place: int) -> None:
    with pytest.raises(PatternError, match=r"^pattern: ") as raised:
        parse(text, NUMBERS)
    assert str(raised.value).split("\n")[1:] == ["  " + text, "  " + " " * place + "^"]


def test_a_fault_in_a_later_line_shows_that_line() -> None:
    with pytest.raises(PatternError) as raised:
        parse("A.\n\tB.\n\tD.C", NUMBERS)
    assert str(raised.value).split("\n")[1:] == ["  \tD.C", "  \t^"]


def test_parentheses_may_nest_deeply_but_not_without_end() -> None:
    assert parse("(" * 100 + "A" + ")" * 100, NUMBERS) == A
    with pytest.raises(PatternError, match="nested more than 100 deep"):
        parse("(" * 100_000, NUMBERS)


def test_counted_repetition_unrolls_up_to_some_thousands_of_states() -> None:
    assert len(build(parse("A{4000}", NUMBERS)).symbol) == 4_003
    for text in ("A{5000}.A", "((A|B){100}.C){100}", "(A?){3000}", "((((A{9}){9}){9}){9}){9}"):
        with pytest.raises(PatternError, match="unroll to more than"):
            build(parse(text, NUMBERS))


def test_nesting_of_optional_parts_does_not_multiply_states() -> None:
    pattern: Pattern = A
    for _ in range(60):
        pattern = Repeat(
            Sequence((Repeat(pattern, 0, 1, greedy=True), Repeat(B, 0, 1, greedy=True))), 0, None, True
        )
    assert len(build(pattern).symbol) < 500


def test_what_the_oracle_writes_is_what_it_means() -> None:
    rng = random.Random(1)

    def tree(pattern: tuple) -> Pattern:  # type: ignore[type-arg]
        kind = pattern[0]
        if kind == "sym":
            return Symbol(NUMBERS[pattern[1].lower()])
        if kind in "^$":
            return Anchor(at_end=kind == "$")
        if kind == "rep":
            return Repeat(tree(pattern[1]), *pattern[2:])
        parts = tuple(map(tree, pattern[1]))
        return parts[0] if len(parts) == 1 else (Choice if kind == "alt" else Sequence)(parts)

    for _ in range(500):
        pattern = oracle.random_pattern(rng, depth=4)
        assert parse(oracle.text(pattern), NUMBERS) == tree(pattern)
