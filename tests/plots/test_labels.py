from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retinue.plots import labels


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("home", "home"),
        (None, "(none)"),
        ("  \n\t ", "(none)"),
        ("\x00\x1b\ud800", "(none)"),
        (42, "42"),
        ("a\n\tb  c", "a b c"),
        ("\u202eabc\u2066", "abc"),
        ("<b>$x$</b>", "<b>$x$</b>"),
        ("👩‍👧 שלום", "👩‍👧 שלום"),
        ("z" + "\u0301" * 99 + "y", "z\u0301\u0301\u0301y"),
    ],
)
def test_a_label_is_one_printable_line(label, shown):
    assert labels.clean(label) == shown


@given(st.text(st.characters()), st.integers(30, 300))
def test_a_label_fits_its_room_whatever_it_is(label, room):
    line = labels.fit(label, room=room, size=12)
    assert line
    assert line == labels.clean(line)
    assert not {unicodedata.category(character) for character in line} & {"Cc", "Cs"}
    assert labels.width(line, size=12) <= room
    whole = labels.clean(label)
    assert line == whole or (line.endswith("…") and whole.startswith(line[:-1]))


def test_a_label_is_cut_only_where_it_must_be():
    room = labels.width("x" * 10, size=12)
    assert labels.fit("x" * 10, room=room, size=12) == "x" * 10
    assert labels.fit("x" * 10, room=room - 1, size=12) == "x" * 8 + "…"


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        (0, 5, "0%"),
        (5, 5, "100%"),
        (1, 3, "33.3%"),
        (1, 4, "25.0%"),
        (1, 10_000, "<0.1%"),
        (9_999, 10_000, ">99.9%"),
        (0, 0, "–"),
    ],
)
def test_a_share_says_nothing_and_all_only_of_nothing_and_all(part, whole, shown):
    assert labels.share(part, whole) == shown


def test_a_count_has_its_thousands_apart():
    assert [labels.count(number) for number in (0, 999, 31_106, 2.0)] == ["0", "999", "31,106", "2"]


def test_a_number_that_need_not_be_whole_has_a_decimal_where_it_is_small():
    assert [labels.rounded(number) for number in (0, 31.06, -2.25, 99.96, 3_106.4)] == [
        *("0.0", "31.1", "-2.2", "100", "3,106"),
    ]


def test_a_round_number_of_an_axis_is_short_and_not_changed():
    numbers = (0, 0.25, 950, 1_250, 1_500, -12_500, 2e6, 3e9)
    assert [labels.short(number) for number in numbers] == [
        *("0", "0.25", "950", "1,250", "1.5k", "−12.5k", "2M", "3G"),
    ]
