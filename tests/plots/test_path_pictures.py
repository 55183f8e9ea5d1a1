from __future__ import annotations

from itertools import combinations

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from retinue.errors import SchemaMismatch
from retinue.plots import Picture, clusters, drop_offs, engagement, svg

ENDS = pd.DataFrame(
    [
        ("faq", 40, 10, 0.142, 0.402, 9.0),
        ("cart", 50, 30, 0.462, 0.724, 10.0),
        ("basket", 100, 30, 0.219, 0.396, 60.0),
        ("done", 9, 0, 0.0, 0.299, 2.0),
    ],
    columns=["step", "visit_count", "drop_off_count", "low", "high", "expected_count"],
)
RATES = pd.DataFrame(
    [
        ("share", "order", 10, 1, 0.018, 0.404, 90, 9, 0.053, 0.179),
        ("share", "visit", 10, 5, 0.237, 0.763, 90, 27, 0.215, 0.402),
        ("log in", "visit", 0, 0, None, None, 100, 32, 0.236, 0.417),
    ],
    columns=[
        *("tool", "outcome", "visitor_count", "outcome_count", "low", "high"),
        *("other_visitor_count", "other_outcome_count", "other_low", "other_high"),
    ],
)
KINDS = pd.DataFrame(
    [
        (2, 20, 0.2, ["faq"], 0, 0.0, 0.161, []),
        (1, 80, 0.8, ["home", "cart"], 8, 0.052, 0.185, [{"step": "cart", "share": 0.9, "lift": 1.25}]),
    ],
    columns=[
        *("cluster_id", "session_count", "share", "typical_path", "conversion_count", "low", "high", "steps"),
    ],
)
PICTURES = [(drop_offs, ENDS), (engagement, RATES), (clusters, KINDS)]


def written(picture: Picture) -> list[str]:
    return [text.get_text() for text in picture.texts[2:]]


def marks(picture: Picture) -> dict[str, tuple[float, float, tuple[float, ...]]]:
    """Each mark's tip with its middle and width in pixels and its colour."""
    boxes = {}
    for mark in picture.artists:
        if mark.get_gid():
            (left, _), (right, _) = mark.get_window_extent().get_points()
            boxes[mark.get_label()] = ((left + right) / 2, right - left, mark.get_facecolor()[:3])
    return boxes


def test_steps_stand_by_the_sessions_that_stop_there_and_red_is_more_than_depth_explains():
    picture = drop_offs(ENDS)
    assert written(picture) == [
        *("basket", "30", "30.0% of 100"),
        *("cart", "30", "60.0% of 50"),
        *("faq", "10", "25.0% of 40"),
    ]
    bars = marks(picture)
    cart = bars["cart: 30 of 50 visits, 60.0%; interval 46.2% to 72.4%; expected 10"]
    basket = bars["basket: 30 of 100 visits, 30.0%; interval 21.9% to 39.6%; expected 60"]
    faq = bars["faq: 10 of 40 visits, 25.0%; interval 14.2% to 40.2%; expected 9"]
    assert cart[1] == pytest.approx(basket[1]) == pytest.approx(3 * faq[1])
    assert cart[2] != basket[2] == faq[2], "only the cart loses more than its depth explains, past chance"
    assert written(drop_offs(ENDS, limit=1)) == written(picture)[:3]


def test_users_of_a_tool_stand_beside_all_others():
    picture = engagement(RATES)
    assert [line for line in written(picture) if "%" not in line] == [
        *("log in · 0 visitors of 100", "come again", "–"),
        *("share · 10 visitors of 100", "come again", "order"),
    ]
    dots = marks(picture)
    assert len(dots) == 5, "of nobody there is no rate"
    users = dots["come again after share: 5 of 10 visitors, 50.0%; interval 23.7% to 76.3%"]
    others = dots["come again without share: 27 of 90 visitors, 30.0%; interval 21.5% to 40.2%"]
    ordered = dots["order after share: 1 of 10 visitors, 10.0%; interval 1.8% to 40.4%"]
    assert users[0] - others[0] == pytest.approx(others[0] - ordered[0]), "50, 30 and 10 % on one scale"
    assert users[2] != others[2]


def test_kinds_of_visits_tell_their_size_their_rate_and_what_marks_them():
    picture = clusters(KINDS)
    assert written(picture) == [
        "80.0% · 80 sessions · 10.0% end in an order (5.2% to 18.5%)",
        "typical: home > cart",
        "more than others: cart ×1.2",
        "20.0% · 20 sessions · 0% end in an order (0% to 16.1%)",
        "typical: faq",
        "nothing sets it apart",
    ]
    first, second = marks(picture).values()
    assert first[1] == pytest.approx(4 * second[1])


@pytest.mark.parametrize(("draw", "rows"), PICTURES)
def test_both_frames_give_the_same_picture(draw, rows, spark: SparkSession):
    types = {
        "steps": "array<struct<step: string, share: double, lift: double>>",
        "typical_path": "array<string>",
        **dict.fromkeys(("step", "tool", "outcome"), "string"),
        **dict.fromkeys(("low", "high", "other_low", "other_high", "share", "expected_count"), "double"),
    }
    schema = ", ".join(f"{name} {types.get(name, 'bigint')}" for name in rows.columns)
    values = [
        tuple(None if value is None or value != value else value for value in row)
        for row in rows.itertuples(index=False, name=None)
    ]
    assert svg(draw(spark.createDataFrame(values, schema))) == svg(draw(rows))


@pytest.mark.parametrize(("draw", "rows"), PICTURES)
def test_a_frame_without_rows_says_so_and_one_without_a_column_is_refused(draw, rows):
    assert written(draw(rows[:0])) == ["Nothing to draw yet"]
    with pytest.raises(SchemaMismatch):
        draw(rows.drop(columns="low"))


@pytest.mark.parametrize(("draw", "rows"), PICTURES)
def test_no_line_runs_into_another(draw, rows):
    long = rows.map(lambda value: value + " W" * 99 if isinstance(value, str) else value)
    if draw is engagement:
        long["outcome"] = rows["outcome"]
    lines = [text.get_window_extent() for text in draw(long).texts]
    assert not any(one.overlaps(other) for one, other in combinations(lines, 2))
