from __future__ import annotations

import re
from collections import Counter
from itertools import combinations, pairwise

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from pyspark.sql import SparkSession

from retinue.errors import SchemaMismatch
from retinue.plots import fruitless_terms, funnel, sankey, sessions_by_hour, svg

PATHS = pd.DataFrame(
    {
        "path": [
            ["home", "cart", "pay"],
            ["home", "cart"],
            ["home"],
            ["search", "home"],
            ["search", "pay", "home"],
        ],
        "session_count": [4, 3, 2, 5, 1],
    }
)
STEPS = pd.DataFrame(
    {
        "step_index": [2, 1, 3],
        "step": ["add to cart", "search", "purchase"],
        "visitor_count": [50, 200, 10],
        "median_seconds": [30.0, None, 70.0],
    }
)
HOURS = pd.DataFrame(
    {
        "weekday": [1, 1, 7, 3, 0, 8, 2],
        "hour": [0, 9, 23, 12, 5, 5, 24],
        "session_count": [1, 12_345, 70, 0, 9, 9, 9],
    }
)
TERMS = pd.DataFrame({"query": ["shoes", "hat", "coat", "tie", None], "session_count": [7, 9, 7, 2, 8]})
PICTURES = [(sankey, PATHS), (funnel, STEPS), (sessions_by_hour, HOURS), (fruitless_terms, TERMS)]


def written(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


def marks(figure: Figure) -> dict[str, tuple[float, float, float, float]]:
    """Each mark's tip with its left, top, right and bottom, in pixels."""
    boxes = {}
    for mark in figure.artists:
        (left, low), (right, high) = mark.get_window_extent().get_points()
        if mark.get_gid():
            boxes[mark.get_label()] = (left, figure.bbox.height - high, right, figure.bbox.height - low)
    return boxes


def size(box: tuple[float, float, float, float]) -> tuple[float, float]:
    return box[2] - box[0], box[3] - box[1]


def test_sankey_counts_who_goes_where_and_who_leaves():
    tips = list(marks(sankey(PATHS)))
    assert sorted(tip for tip in tips if "→" in tip) == [
        "cart → left: 3 sessions, 42.9% of those here",
        "cart → pay: 4 sessions, 57.1% of those here",
        "home → cart: 7 sessions, 77.8% of those here",
        "home → left: 2 sessions, 22.2% of those here",
        "home → left: 5 sessions, 100% of those here",
        "pay → home: 1 session, 100% of those here",
        "search → home: 5 sessions, 83.3% of those here",
        "search → pay: 1 session, 16.7% of those here",
    ]
    lines = written(sankey(PATHS))
    assert lines[:2] == ["Where do sessions go, step by step?", "15 sessions on 5 paths"]
    assert [line for line in lines if line.startswith("Step ")] == ["Step 1", "Step 2", "Step 3"]
    assert [lines[lines.index(f"Step {step}") + 1] for step in (1, 2, 3)] == [
        "15 · 100%",
        "13 · 86.7%",
        "5 · 33.3%",
    ]


def test_sankey_draws_bars_as_tall_as_their_sessions_in_order_of_size_then_name():
    paths = pd.DataFrame({"path": [["b", "x"], ["a", "x"], ["c", "y"]], "session_count": [20, 20, 60]})
    boxes = marks(sankey(paths))
    bars = {tip.split(":")[0]: box for tip, box in boxes.items() if "→" not in tip}
    assert sorted(bars, key=lambda name: (bars[name][0], bars[name][1])) == ["c", "a", "b", "y", "x"]
    heights = {name: size(box)[1] for name, box in bars.items()}
    assert heights == pytest.approx({"c": 240, "a": 80, "b": 80, "y": 240, "x": 160})


def test_sankey_fills_every_bar_with_its_ribbons():
    ribbons = {patch.get_label(): patch.get_path().vertices for patch in sankey(PATHS).artists}
    home = ribbons["home → cart: 7 sessions, 77.8% of those here"]
    left = ribbons["home → left: 2 sessions, 22.2% of those here"]
    # A ribbon's outline starts at its upper left corner and comes back at its lower left one.
    assert home[-2][1] - home[0][1] == pytest.approx(7 * 400 / 15)
    assert left[0][1] == pytest.approx(home[-2][1])
    assert left[-2][1] - left[0][1] == pytest.approx(2 * 400 / 15)


def test_sankey_folds_small_pages_and_rarer_paths():
    lines = written(sankey(PATHS, limit=4, names=1))
    assert lines[1] == ("14 sessions on 4 paths; 1 session on 1 rarer path not followed")
    assert lines[lines.index("1 other") + 1] == "5 · 35.7%"
    assert lines[lines.index("other paths") + 1] == "1"
    assert [line for line in written(sankey(PATHS, steps=2)) if line.startswith("Step")] == [
        "Step 1",
        "Step 2",
    ]


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text("abc", min_size=1, max_size=5).map(tuple), st.integers(1, 99), min_size=1))
def test_sankey_draws_each_move_of_each_session_and_no_other(walks):
    columns = max(map(len, walks))
    moves = Counter()
    for path, sessions in walks.items():
        ends = [*path, "left"] if len(path) < columns else path
        for step, (here, there) in enumerate(pairwise(ends)):
            moves[step, f"{here} → {there}"] += sessions
    ribbons = [
        (round(mark.get_path().vertices[0][0] // 192), *mark.get_label().split(": "))
        for mark in sankey(pd.DataFrame({"path": walks.keys(), "session_count": walks.values()})).artists
        if "→" in mark.get_label()
    ]
    assert {(step, way): int(tip.split()[0]) for step, way, tip in ribbons} == moves
    assert len(ribbons) == len(moves)


def test_sankey_is_the_same_whatever_the_order_of_the_rows():
    assert svg(sankey(PATHS)) == svg(sankey(PATHS[::-1])) == svg(sankey(PATHS.sample(frac=1, random_state=3)))


def test_funnel_shows_counts_shares_and_losses_in_the_order_of_the_steps():
    assert written(funnel(STEPS)) == [
        "How far do visitors get?",
        "10 of 200 visitors (5.0%) reach purchase",
        *("1. search", "200"),
        *("2. add to cart", "50", "median 30 s", "25.0% of first · 25.0% of previous", "−150 left (75.0%)"),
        *("3. purchase", "10", "median 70 s", "5.0% of first · 20.0% of previous", "−40 left (80.0%)"),
    ]
    boxes = marks(funnel(STEPS))
    widths = [size(box)[0] for tip, box in boxes.items() if "visitors" in tip]
    assert widths == pytest.approx([596, 149, 29.8])
    assert size(boxes["150 left before add to cart, 75.0% of the step before"])[0] == pytest.approx(447)
    assert len(written(funnel(STEPS, limit=1))) == 4


def test_hours_show_every_count_from_monday_to_sunday():
    lines = written(sessions_by_hour(HOURS))
    assert lines[1] == "12,416 sessions by weekday and hour (UTC); most on Mon at 09:00, 12,345"
    assert lines[-168:-144] == ["1", *["0"] * 8, "12k", *["0"] * 14]
    assert lines[-1] == "70"
    tips = marks(sessions_by_hour(HOURS))
    assert len([tip for tip in tips if re.match(r"\w{3} \d\d:00", tip)]) == 168
    assert "Sun 23:00 to 23:59: 70 sessions" in tips
    assert "Mon: 12,346 sessions, 99.4% of all" in tips


@pytest.mark.parametrize(
    ("number", "cell"),
    [
        (999, "999"),
        (1_000, "1k"),
        (1_234, "1.2k"),
        (9_999, "9.9k"),
        (12_345, "12k"),
        (4_050_000, "4M"),
        (2 * 10**9, "2G"),
    ],
)
def test_hours_cut_counts_to_their_cells(number, cell):
    counts = pd.DataFrame({"weekday": [7], "hour": [23], "session_count": [number]})
    assert written(sessions_by_hour(counts))[-1] == cell


def test_fruitless_terms_stand_by_size_then_name_with_their_counts():
    lines = written(fruitless_terms(TERMS, limit=3))
    assert lines[1:] == [
        "Sessions in which the term led nowhere; 1 rarer term not drawn",
        *("hat", "9", "coat", "7", "shoes", "7"),
    ]
    widths = {tip: size(box)[0] for tip, box in marks(fruitless_terms(TERMS)).items()}
    assert widths["tie: 2 sessions"] / widths["hat: 9 sessions"] == pytest.approx(2 / 9)


def test_frames_of_spark_give_the_same_pictures(spark: SparkSession):
    for draw, rows in PICTURES:
        given = rows.astype(object).where(rows.notna(), None).to_dict("records")
        few = {} if draw is sessions_by_hour else {"limit": 2}
        assert svg(draw(spark.createDataFrame(given), **few)) == svg(draw(rows, **few)), draw.__name__


@pytest.mark.parametrize(("draw", "rows"), PICTURES)
def test_no_rows_give_a_picture_that_says_so(draw, rows):
    for none in (rows[:0], rows.assign(session_count=0, visitor_count=0)):
        assert written(draw(none))[-1] == "Nothing to draw yet"
        assert "<svg" in svg(draw(none))


@pytest.mark.parametrize(("draw", "rows"), PICTURES)
def test_a_missing_column_is_told(draw, rows):
    with pytest.raises(SchemaMismatch, match=f"{draw.__name__} needs the column"):
        draw(rows.rename(columns={"session_count": "n", "visitor_count": "n"}))


@pytest.mark.parametrize(
    "label",
    ["W" * 500, "x\n" * 300, "日本" * 99, "z\u0301\u0302\u0303\u0304" * 99, "$\\frac{1}{$", "😀" * 50],
)
@pytest.mark.filterwarnings("ignore:Glyph")
def test_no_label_leaves_the_picture_or_covers_another(label):
    names = [label + str(i) for i in range(3)] + [str(i) + label for i in range(3)]
    paths = pd.DataFrame({"path": [[a, b] for a in names for b in names], "session_count": range(36)})
    steps = pd.DataFrame(
        {"step_index": range(6), "step": names, "visitor_count": [10**12, 10**9, 7, 7, 1, 0]}
    )
    terms = pd.DataFrame({"query": names, "session_count": 10**9})
    for figure in (sankey(paths), funnel(steps), fruitless_terms(terms)):
        boxes = [text.get_window_extent() for text in figure.texts]
        for box in boxes:
            assert box.x0 >= 0
            assert box.x1 <= figure.bbox.width
        shrunk = [box.padded(-2.5) for box in boxes]
        assert not [pair for pair in combinations(shrunk, 2) if pair[0].overlaps(pair[1])]
