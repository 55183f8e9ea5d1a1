"""The measures' language: whatever is written is read, or refused at its place."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retinue.clickstream.npath import modes
from retinue.clickstream.npath.automaton import build
from retinue.clickstream.npath.matcher import Matcher, Skip
from retinue.clickstream.npath.measures import Aggregate, Reader
from retinue.clickstream.npath.pattern import parse
from retinue.clickstream.npath.symbols import Symbol
from retinue.errors import PatternError

NUMBERS = {"a": 0, "b": 1, "c": 2}
COLUMNS = ["x", "page", "a b", "o`d"]
WORDS = [
    *("first", "last", "nth", "count", "accumulate", "max_choose", "dupcount", "classifier", "match_number"),
    *(
        "lag",
        "lead",
        "running",
        "final",
        "distinct",
        "cdistinct",
        "delimiter",
        "of",
        "any",
        "to_first",
        "to_last",
    ),
    *("A", "b", "C", "x", "page", "`a b`", "`o``d`", "'it''s'", '"q', "1", "-2", "{2,3}", "{,}", "{99999}"),
    *(
        "(",
        ")",
        "()",
        ",",
        "*",
        "+",
        "?",
        "|",
        ".",
        "^",
        "$",
        "[",
        "]",
        "--",
        "/*",
        "\n",
        "\x1d",
        "²",
        "é",
        "\U0001f600",
    ),
]
texts = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join))


def reader() -> Reader:
    return Reader(NUMBERS, {0, 1}, COLUMNS)


def aggregate(text: str) -> Aggregate:
    read = reader()
    read.measure(text, what="measure m", running=True)
    (only,) = read.aggregates
    return only


@settings(max_examples=1_500, deadline=None, derandomize=True)
@given(texts)
def test_any_text_is_read_or_refused_at_its_place(text: str) -> None:
    for read in (
        lambda: reader().measure(text, what="measure m", running=True),
        lambda: modes.read(text, [Symbol(name, "true", number) for name, number in NUMBERS.items()]),
        lambda: list(
            Matcher(build(parse(text, NUMBERS)), longest=True, skip=Skip("next row"), labelled=True).find(
                [1, 3, 7]
            )
        ),
    ):
        try:
            read()
        except PatternError as fault:
            lines = str(fault).split("\n")
            assert len(lines) == 1 or lines[-1].strip(" \t") == "^"


@pytest.mark.parametrize(
    ("text", "fault", "place"),
    [
        ("sum(x of )", "of wants a symbol", 6),
        ("sum(of)", "of wants a symbol", 4),
        ("sum(x of A of B)", "of wants a symbol or any", 11),
        ("sum(x of any())", "any wants symbols", 13),
        ("nth(x, 0)", "nth wants a whole number", 7),
        ("nth(x, ²)", "nth wants a whole number", 7),
        ("match_number(x)", "match_number takes nothing", 13),
        ("accumulate(x delimiter)", "delimiter wants one text", 22),
        ("lag()", "lag of what is missing", 4),
        ("1 + sum(x", "never closed", 4),
        ("sum(x of any(*, A))", r"\* is every row", 13),
        ("sum(x of of)", "of wants a symbol .* in backticks", 9),
        ("sum(distinct x)", "sum takes no distinct, only count and accumulate", 4),
        ("count(cdistinct x)", "count takes no cdistinct, only accumulate", 6),
    ],
)
def test_a_fault_has_a_caret_under_its_place(text: str, fault: str, place: int) -> None:
    with pytest.raises(PatternError, match=fault) as raised:
        reader().measure(text, what="measure m", running=True)
    assert str(raised.value).split("\n")[1:] == ["  " + text, "  " + " " * place + "^"]


def test_a_condition_comes_before_the_numbers() -> None:
    text = "count(*) > coalesce(match_number(), 1)"
    with pytest.raises(PatternError, match=r"where: match_number\(\) is not known yet") as raised:
        reader().condition(text, what="where")
    assert str(raised.value).split("\n")[1:] == ["  " + text, "  " + " " * 20 + "^"]


def test_names_that_are_words_of_the_language() -> None:
    odd = Reader({"of": 0, "any": 1, "a": 2}, {0, 1, 2}, ["distinct"])
    odd.measure(
        "sum(distinct of `of`) + sum(distinct of any) + sum(distinct of any(of, `A`))", what="m", running=True
    )
    assert {tuple(sorted(each.of or ())) for each in odd.aggregates} == {(0,), (1,), (0, 2)}


def test_running_and_final_choose_the_rows() -> None:
    assert aggregate("sum(x)").running
    assert aggregate("RUNNING sum(x)").running
    assert not aggregate("final sum(x)").running
    assert not aggregate("lag(final last(x), 1)").running
    read = reader()
    read.measure("running sum(x) + sum(x) + final sum(x)", what="where", running=False)
    assert [each.running for each in read.aggregates] == [False]


def test_a_place_beyond_any_row_is_read_as_such() -> None:
    assert aggregate("nth(x, 99999999999999999999999)").nth == 2**31 - 1
    assert aggregate("nth(x, -99999999999)").nth == 1 - 2**31


def test_a_column_and_no_more() -> None:
    for text, is_column in [("page", True), ("`o``d`", True), (" x ", True), ("upper(page)", False)]:
        assert reader().measure(text, what="m", running=True).is_column == is_column
    for text in ("1", "'page'", "x + 1", "lag(x, 1)", "last(x)", "null"):
        assert not reader().measure(text, what="m", running=True).is_column
