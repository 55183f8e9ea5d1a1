"""Where things are put: boxes in a box, names beside lines, round numbers and times on axes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from itertools import combinations, pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retinue.plots import Picture, labels
from retinue.plots.axes import Across, Numbers, Times, at, during, instant, reaches
from retinue.plots.layout import force_directed, parted
from retinue.plots.names import Names, around
from retinue.plots.treemap import squarified


def test_the_boxes_of_the_paper() -> None:
    """Bruls, Huizing and van Wijk (2000), figure 4: 6, 6, 4, 3, 2, 2, 1 in a box of 6 x 4."""
    sizes = (6, 6, 4, 3, 2, 2, 1)
    boxes = squarified(sizes, (0, 0, 6, 4))
    assert boxes[:2] == [(0, 0, 3, 2), (0, 2, 3, 2)]
    assert boxes[2] == pytest.approx((3, 0, 4 / (7 / 3), 7 / 3))
    assert boxes[3] == pytest.approx((3 + 12 / 7, 0, 3 / (7 / 3), 7 / 3))
    assert boxes[4] == pytest.approx((3, 7 / 3, 1.2, 5 / 3))


@settings(max_examples=60)
@given(st.lists(st.floats(0.001, 1), max_size=30), st.floats(50, 900), st.floats(50, 900))
def test_boxes_fill_their_box_and_cover_none_other(sizes: list[float], width: float, height: float) -> None:
    ordered = sorted(sizes, reverse=True)
    boxes = squarified(ordered, (0, 0, width, height))
    assert [box[2] * box[3] for box in boxes] == pytest.approx(
        [size / sum(ordered) * width * height for size in ordered]
    )
    for x, y, wide, high in boxes:
        assert x >= -1e-6
        assert y >= -1e-6
        assert x + wide <= width + 1e-6
        assert y + high <= height + 1e-6
    for (x, y, wide, high), (left, top, broad, tall) in combinations(boxes, 2):
        common = min(x + wide, left + broad) - max(x, left), min(y + high, top + tall) - max(y, top)
        assert min(common) <= 1e-6


def test_names_stay_where_they_are_or_share_what_they_must_move() -> None:
    assert labels.apart([10, 50], gap=20, low=0, high=100) == [10, 50]
    assert labels.apart([50, 50], gap=20, low=0, high=100) == [40, 60]
    assert labels.apart([48, 50, 52, 90], gap=20, low=0, high=100) == [30, 50, 70, 90]
    assert labels.apart([0, 0], gap=20, low=0, high=100) == [0, 20]
    assert labels.apart([99, 100], gap=20, low=0, high=100) == [80, 100]


@given(st.lists(st.floats(0, 300), max_size=12))
def test_names_are_apart_and_inside(heights: list[float]) -> None:
    moved = labels.apart(sorted(heights), gap=20, low=0, high=300)
    assert all(later - earlier >= 20 - 1e-6 for earlier, later in pairwise(moved))
    assert all(-1e-6 <= height <= 300 + 1e-6 for height in moved)


@given(st.text("ab c", max_size=60), st.integers(30, 300), st.integers(1, 4))
def test_wrapped_lines_have_all_words_or_say_that_some_are_cut(text: str, room: int, lines: int) -> None:
    wrapped = labels.wrap(text, room=room, size=12, lines=lines)
    assert 1 <= len(wrapped) <= lines
    assert all(labels.width(line, size=12) <= room for line in wrapped)
    assert " ".join(wrapped) == labels.clean(text) or any(line.endswith("…") for line in wrapped)


def test_numbers_lie_between_round_ones() -> None:
    numbers = Numbers.over(0, 130, top=0, bottom=90, lines=3, whole=True)
    assert numbers.ticks == (0, 50, 100, 150)
    assert [numbers.y(value) for value in (0, 75, 150)] == [90, 45, 0]
    assert Numbers.over(0, 1, top=0, bottom=90, whole=True).ticks == (0, 1)
    assert Numbers.over(0, 0, top=0, bottom=90).ticks[0] == 0


def test_numbers_lie_from_left_to_right_with_their_words_below() -> None:
    amounts = Across.over(-700, 1_800, left=100, right=400, lines=3)
    assert amounts.ticks == (-1_000, 0, 1_000, 2_000)
    assert [amounts.x(value) for value in (-1_000, 500, 2_000)] == [100, 250, 400]
    picture = Picture(title="", note="", width=500, height=50)
    amounts.draw(picture, top=0, bottom=30, told=labels.short)
    assert [text.get_text() for text in picture.texts[2:]] == ["−1k", "0", "1k", "2k"]
    assert Across.over(0, 0, left=0, right=1).ticks[0] == 0


def axis(first: datetime, last: datetime) -> list[str]:
    picture = Picture(title="", note="", width=600, height=50)
    Times(instant(first), instant(last), 40, 580).draw(picture, top=0, bottom=30)
    return [text.get_text() for text in picture.texts[2:]]


def test_times_stand_at_round_ones_of_their_span() -> None:
    start = datetime(2026, 11, 30, 21)
    assert axis(start, start + timedelta(hours=9)) == ["22:00", "1 Dec", "02:00", "04:00", "06:00"]
    assert axis(start, start + timedelta(days=40)) == [
        *("1 Dec", "8 Dec", "15 Dec", "22 Dec", "1 Jan", "8 Jan"),
    ]
    assert axis(datetime(2026, 1, 5), datetime(2026, 6, 29)) == ["Feb 2026", "Mar", "Apr", "May", "Jun"]
    assert axis(datetime(2026, 3, 2), datetime(2026, 3, 2)) == ["2 Mar"]


def test_times_are_told_in_utc() -> None:
    assert at(date(2026, 3, 2)) == "2 Mar 2026"
    assert at(datetime(2026, 3, 2, 1, 30, tzinfo=timezone(timedelta(hours=2)))) == "1 Mar 2026 23:30"
    assert at(pd.Timestamp("2026-03-02", tz=UTC)) == "2 Mar 2026"
    assert during(datetime(2026, 3, 2, 22), datetime(2026, 3, 3, 1)) == "2 Mar 22:00 to 3 Mar 01:00"
    assert during(datetime(2026, 3, 2, 2), datetime(2026, 3, 2, 4)) == "2 Mar 02:00 to 04:00"


def test_a_line_reaches_as_far_as_its_points_lie_close() -> None:
    assert reaches([(0, "a"), (1, "b"), (3, "c"), (4.2, "d")], pitch=1) == [
        [(0, "a"), (1, "b")],
        [(3, "c"), (4.2, "d")],
    ]
    assert reaches([], pitch=1) == []


def test_two_rings_lie_apart_and_each_together() -> None:
    """Two rings of five, one tie between them; communities as the rings are."""
    rings = [(ring * 5 + place, ring * 5 + (place + 1) % 5) for ring in (0, 1) for place in range(5)]
    ends, groups = np.array([*rings, (0, 5)]), np.repeat([0, 1], 5)
    places = force_directed(10, ends, np.ones(len(ends)), groups)
    along = places @ (places[5:].mean(axis=0) - places[:5].mean(axis=0))
    assert along[:5].max() < along[5:].min(), "a line parts them"
    assert apart_by(force_directed(10, ends[:0], np.ones(0), groups)) > 1.5, "communities keep together"
    assert apart_by(force_directed(10, ends[:0], np.ones(0), 0 * groups)) < 1.2
    assert (places == force_directed(10, ends, np.ones(len(ends)), groups)).all()
    assert [places.min(), places.max()] == [0, 1]
    assert force_directed(1, ends[:0], np.ones(0), groups[:1]).tolist() == [[0.5, 0.5]]


def apart_by(places: np.ndarray) -> float:
    """How far the first five are from the others, by how far from each other, on average."""
    far = np.hypot(*(places[:, np.newaxis] - places).transpose(2, 0, 1))
    return far[:5, 5:].mean() / (far[:5, :5].sum() / 20)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7), st.floats(0, 1e9)), max_size=20), st.data())
def test_every_network_has_a_place_for_all(ties: list[tuple[int, int, float]], data: st.DataObject) -> None:
    groups = data.draw(st.lists(st.integers(0, 3), min_size=8, max_size=8))
    ends = np.array([tie[:2] for tie in ties], dtype=int).reshape(-1, 2)
    places = force_directed(8, ends, np.array([tie[2] for tie in ties]), np.array(groups))
    assert places.min() >= 0
    assert places.max() <= 1
    assert len(np.unique(places.round(9), axis=0)) == 8


def test_discs_are_moved_apart_inside_their_box() -> None:
    radii = np.array([20.0, 10, 10, 5, 5])
    wished = np.array([[50.0, 50], [52, 50], [0, 0], [50, 52], [300, 300]])
    places = parted(wished, radii, low=(0, 0), high=(120, 100))
    far = np.hypot(*(places[:, np.newaxis] - places).transpose(2, 0, 1))
    assert (far + np.diag(2 * radii) >= radii[:, np.newaxis] + radii - 0.01).all()
    assert (places - radii[:, np.newaxis] >= 0).all()
    assert (places + radii[:, np.newaxis] <= (120, 100)).all()
    assert parted(wished[2:3], radii[2:3], low=(0, 0), high=(120, 100)).tolist() == [[10, 10]]


def test_a_name_stands_where_it_covers_nothing_unless_it_is_needed() -> None:
    picture = Picture(title="", note="", width=200, height=60)
    dots = [around(60, 30, 10, 10), around(100, 30, 60, 60)]
    names = Names((0, 0, 200, 60), dots)
    assert names.write(picture, (60, 30), "left", dot=10)
    assert not names.write(picture, (100, 30), "wide", dot=60, room=500, size=40)
    assert names.write(picture, (100, 30), "wide", dot=60, room=80, is_needed=True)
    left, wide = picture.texts[2:]
    assert left.get_position()[0] == 53
    assert left.get_horizontalalignment() == "right"
    assert wide.get_position()[0] > 130
    full = Names((0, 0, 200, 60), [around(100, 30, 200, 60)])
    assert full.write(picture, (100, 30), "on it", dot=60, is_needed=True)
    assert picture.texts[-1].get_position() == (100, 30)
    assert not full.write(picture, (100, 30), "twice", dot=60)
