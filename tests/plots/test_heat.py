from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from matplotlib.figure import Figure
from pyspark.sql import SparkSession

from retinue.errors import SchemaMismatch
from retinue.plots import retention, step_matrix, svg, transitions

STANDING = pd.DataFrame(
    {
        "step_index": [2, 1, 1, 2, 2, 3, 2],
        "step": ["cart", "home", "cart", "(exit)", "(other)", "(exit)", "about"],
        "session_count": [5, 7, 3, 3, 1, 10, 1],
    }
)
MOVES = pd.DataFrame(
    {
        "from_step": ["(entry)", "home", "home", "cart", "(entry)", "about"],
        "to_step": ["home", "cart", "(exit)", "(exit)", "about", "(exit)"],
        "transition_count": [8, 6, 2, 6, 2, 2],
        "share": [0.8, 0.75, 0.25, 1.0, 0.2, 1.0],
    }
)
COHORTS = pd.DataFrame(
    {
        "cohort": [date(2026, 1, 12), *[date(2026, 1, 5)] * 2, date(2026, 1, 12), date(2025, 12, 29)],
        "period_index": [1, 1, 0, 0, 0],
        "visitor_count": [1, 6, 8, 4, 3],
        "cohort_size": [4, 8, 8, 4, 3],
        "is_complete": [False, True, True, True, True],
    }
)
PICTURES = [(step_matrix, STANDING), (transitions, MOVES), (retention, COHORTS)]


def written(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


def tips(figure: Figure) -> list[str]:
    return [mark.get_label() for mark in figure.artists if mark.get_gid()]


def test_step_matrix_stands_by_size_with_those_who_left_below() -> None:
    assert written(step_matrix(STANDING)) == [
        "Where do sessions stand at each step?",
        "Shares of 10 sessions; (exit) is who has left by then",
        *("1", "2", "3"),
        *("cart", "30.0%", "50.0%", "·"),
        *("home", "70.0%", "·", "·"),
        *("about", "·", "10.0%", "·"),
        *("(other)", "·", "10.0%", "·"),
        *("(exit)", "·", "30.0%", "100%"),
    ]
    assert "Step 2, cart: 5 sessions, 50.0%" in tips(step_matrix(STANDING))
    assert written(step_matrix(STANDING, steps=1))[2:] == ["1", "home", "70.0%", "cart", "30.0%"]


def test_transitions_show_the_commonest_steps_between_entry_and_exit() -> None:
    assert written(transitions(MOVES)) == [
        "What follows what?",
        "The share of the moves from each step",
        *("1", "2", "3", "(exit)"),
        *("(entry)", "80.0%", "·", "20.0%", "·"),
        *("1. home", "·", "75.0%", "·", "25.0%"),
        *("2. cart", "·", "·", "·", "100%"),
        *("3. about", "·", "·", "·", "100%"),
    ]
    few = written(transitions(MOVES, names=2))
    assert few[1].endswith("; 1 rarer step not drawn")
    assert "3. about" not in few
    assert "home → cart: 6, 75.0%" in tips(transitions(MOVES))


def test_retention_draws_a_triangle_and_takes_the_finished_periods_together() -> None:
    assert written(retention(COHORTS)) == [
        "Who comes back?",
        "15 visitors in 3 cohorts; pale: the period is not over",
        *("visitors", "0", "1"),
        *("2025-12-29", "3", "100%"),
        *("2026-01-05", "8", "100%", "75.0%"),
        *("2026-01-12", "4", "100%", "25.0%"),
        *("All", "15", "100%", "75.0%"),
    ]
    assert "2026-01-12, period 1: 1 of 4 visitors, 25.0% so far" in tips(retention(COHORTS))
    latest = written(retention(COHORTS, newest=1, periods=1))
    assert latest[1:] == [
        "4 visitors in 1 cohort; pale: the period is not over",
        *("visitors", "0"),
        *("2026-01-12", "4", "100%"),
        *("All", "4", "100%"),
    ]


def test_frames_of_spark_give_the_same_pictures(spark: SparkSession) -> None:
    for draw, rows in PICTURES:
        given = spark.createDataFrame(rows.to_dict("records"))
        for limit in (1_000, 3):
            assert svg(draw(given, limit=limit)) == svg(draw(rows, limit=limit)), draw.__name__


@pytest.mark.parametrize(("draw", "rows"), PICTURES)
def test_no_rows_give_a_picture_that_says_so(draw, rows) -> None:
    for none in (rows[:0], rows.assign(session_count=0, transition_count=0, cohort_size=0)):
        assert written(draw(none))[-1] == "Nothing to draw yet"


@pytest.mark.parametrize(("draw", "rows"), PICTURES)
def test_a_missing_column_is_told(draw, rows) -> None:
    with pytest.raises(SchemaMismatch, match=f"{draw.__name__} needs the column"):
        draw(rows.iloc[:, :-1])


@pytest.mark.parametrize("label", ["W" * 300, "x\n" * 99, "日本" * 99, "$\\frac{1}{$"])
@pytest.mark.filterwarnings("ignore:Glyph")
def test_no_name_runs_into_the_cells(label) -> None:
    for figure in (
        step_matrix(STANDING.assign(step=label)),
        transitions(MOVES.assign(to_step=label)),
    ):
        _, _, *lines = figure.texts
        names = [line.get_window_extent() for line in lines if line.get_position()[0] == 2]
        cells = min(mark.get_window_extent().x0 for mark in figure.artists if mark.get_gid())
        assert names
        assert max(name.x1 for name in names) < cells
