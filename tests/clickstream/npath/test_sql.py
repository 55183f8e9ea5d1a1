"""Calls found in SQL, whatever stands around them."""

from __future__ import annotations

import pytest

from retinue.clickstream.npath.sql import Snippet, calls, split


def found(text: str, *names: str) -> list[str]:
    return [text[call.start : call.end] for call in calls(Snippet(text), names)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SUM(x) + sum (y)", ["SUM(x)", "sum (y)"]),
        ("sum(f(x), ')')", ["sum(f(x), ')')"]),
        ("'sum(x)' || \"sum(x)\" || `sum`(x) -- sum(x)", []),
        ("'it''s' || sum('a\\') b')", ["sum('a\\') b')"]),
        ("t.sum(x) + sum", []),
        ("sum(x) over (order by y) + sum(z)", ["sum(z)"]),
        ("/* sum(x) */ sum(/* ) */ x)", ["sum(/* ) */ x)"]),
        ("sum(x", ["sum(x"]),
        ("consum(x) + sum_of(x)", []),
    ],
)
def test_calls_are_found_outside_of_texts_and_comments(text: str, expected: list[str]) -> None:
    assert found(text, "sum") == expected


def test_only_outermost_calls_are_found() -> None:
    assert found("lag(sum(x)) + sum(lag(x))", "sum", "lag") == ["lag(sum(x))", "sum(lag(x))"]


def test_a_stand_in_keeps_every_place() -> None:
    text = "1 + first(page of A) + foo"
    call = next(calls(Snippet(text), {"first"}))
    residue = Snippet(text).with_stand_in(call.start, call.end, "`ν0`")
    assert residue.sql.index("foo") == text.index("foo")
    assert residue.sql.replace(" ", "") == "1+`ν0`+foo"


def test_parts_are_split_outside_of_parentheses() -> None:
    parts = split(Snippet("f(a, b), c[1, 2], 'x, y'").tokens, ",")
    assert ["".join(token.word for token in part) for part in parts] == ["f(a,b)", "c[1,2]", "'x, y'"]


def test_columns_named_in_a_text() -> None:
    snippet = Snippet("upper(`odd ``name`) || Page || 'query'")
    assert snippet.columns(["odd `name", "page", "query", "upper"]) == ["odd `name", "page", "upper"]
