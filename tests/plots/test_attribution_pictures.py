"""The pictures of journeys, of models side by side, of returns and of how fast people convert."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.patches import Circle
from pyspark.sql import SparkSession

from retinue.errors import RetinueError, SchemaMismatch
from retinue.plots import (
    Picture,
    conversion_curves,
    html,
    journey_sankey,
    model_comparison,
    roi_waterfall,
    svg,
)
from tests import browser

PATHS = pd.DataFrame(
    [
        (["search", "email"], 6.0, 14.0),
        (["search"], 2.0, 38.0),
        (["social", "email", "search"], 10.0, 10.0),
        (["email"], 0.0, 20.0),
        ([None, "tv"], 1.0, None),
        ([], 3.0, 0.0),
        (None, 4.0, 0.0),
    ],
    columns=["path", "conversions", "nulls"],
)
CREDITS = pd.DataFrame(
    [
        ("markov", "search", 50.0, 40.0, 60.0),
        ("last", "search", 30.0, 25.0, 35.0),
        ("last", "email", 90.0, 80.0, 100.0),
        ("first", "email", 100.0, 90.0, 120.0),
        ("markov", "email", 80.0, 70.0, 95.0),
        ("first", "search", 20.0, None, None),
        ("first", "tv", 5.0, 0.0, 9.0),
        ("last", "tv", 5.0, 0.0, 9.0),
        ("markov", "tv", None, None, None),
        ("last", None, 7.0, 7.0, 7.0),
    ],
    columns=["model", "channel", "conversions", "conversions_low", "conversions_high"],
)
RETURNS = pd.DataFrame(
    [
        ("display", 6000.0, 2500.0, "EUR"),
        ("search", 1000.0, 2500.0, "EUR"),
        ("search", 3000.0, 6700.0, "EUR"),
        ("email", 300.0, 2100.0, "EUR"),
        ("direct", None, 1900.0, "EUR"),
        (None, 0.0, 150.0, "EUR"),
        ("radio", 700.0, 0.0, "EUR"),
        ("tv", 3000.0, None, "EUR"),
        ("quiet", 0.0, None, "EUR"),
    ],
    columns=["channel", "cost_amount", "margin_amount", "currency"],
)
CURVES = pd.DataFrame(
    [
        ("email", 0.0, 200, 0.0, None, None),
        ("email", 1.0, 200, 0.1, 0.06, 0.15),
        ("email", 10.0, 90, 0.2, 0.14, 0.26),
        ("search", 0.5, 900, 0.05, 0.04, 0.06),
        ("search", 10.0, 400, 0.15, 0.13, 0.17),
        ("tv", 5.0, 10, 0.5, 0.2, 0.8),
        (None, 5.0, 5_000, 0.5, 0.2, 0.8),
    ],
    columns=["channel", "duration_days", "at_risk", "cumulative_incidence", "low", "high"],
)
PICTURES = [
    (journey_sankey, PATHS),
    (model_comparison, CREDITS),
    (roi_waterfall, RETURNS),
    (conversion_curves, CURVES),
]
TYPES = {
    "path": "array<string>",
    "at_risk": "bigint",
    **dict.fromkeys(("model", "channel", "currency"), "string"),
}

Draw = Callable[..., Picture]


def written(picture: Picture) -> list[str]:
    return [text.get_text() for text in picture.texts]


def tips(picture: Picture) -> list[str]:
    return [mark.get_label() for mark in picture.artists if mark.get_gid()]


def box(picture: Picture, told: str) -> tuple[float, float]:
    """Where the one mark whose tip starts so begins and ends from left to right, in pixels."""
    [mark] = [mark for mark in picture.artists if mark.get_gid() and mark.get_label().startswith(told)]
    (left, _), (right, _) = mark.get_window_extent().get_points()
    return left, right


def in_spark(spark: SparkSession, rows: pd.DataFrame):
    schema = ", ".join(f"{name} {TYPES.get(name, 'double')}" for name in rows.columns)
    values = rows.astype(object).where(rows.notna(), None).itertuples(index=False, name=None)
    return spark.createDataFrame(list(values), schema)


def test_journeys_flow_from_touch_to_touch_and_stay_where_they_end() -> None:
    picture = journey_sankey(PATHS)
    assert written(picture)[:2] == [
        "How do journeys run, touch by touch?",
        "101 journeys, 18.8% convert; 7 conversions had no touch",
    ]
    assert sorted(tip for tip in tips(picture) if "→" in tip) == [
        "email → converted: 6 journeys, 15.0% of those here",
        "email → not converted: 14 journeys, 35.0% of those here",
        "email → not converted: 20 journeys, 100% of those here",
        "email → search: 20 journeys, 50.0% of those here",
        "search → converted: 10 journeys, 50.0% of those here",
        "search → converted: 2 journeys, 3.3% of those here",
        "search → email: 20 journeys, 33.3% of those here",
        "search → not converted: 10 journeys, 50.0% of those here",
        "search → not converted: 38 journeys, 63.3% of those here",
        "social → email: 20 journeys, 100% of those here",
        "tv → converted: 1 journey, 100% of those here",
    ]
    lines = written(picture)
    headings = ["Touch 1", "Touch 2", "Touch 3", "In the end"]
    under = [lines[lines.index(heading) + 1] for heading in headings]
    assert under == ["101 · 100%", "40 · 39.6%", "20 · 19.8%", "101 · 100%"]
    assert [lines[i + 1] for i, line in enumerate(lines) if line == "converted"] == [
        *("3 · 3.0%", "9 · 8.9%", "19 · 18.8%"),
    ]


def test_rarer_channels_and_later_touches_are_one_and_that_is_said() -> None:
    picture = journey_sankey(PATHS, steps=2, limit=2)
    lines = written(picture)
    assert lines[1] == ("101 journeys, 18.8% convert; 2 smaller channels as one; 7 conversions had no touch")
    assert "Touch 3 and on" in lines
    told = [tip for tip in tips(picture) if "more touches" in tip or "2 others" in tip]
    assert sorted(tip for tip in told if "→" in tip) == [
        "2 others → converted: 1 journey, 4.8% of those here",
        "2 others → email: 20 journeys, 95.2% of those here",
        "email → more touches: 20 journeys, 50.0% of those here",
        "more touches → converted: 10 journeys, 50.0% of those here",
        "more touches → not converted: 10 journeys, 50.0% of those here",
    ]


@settings(max_examples=30, deadline=None)
@given(
    st.dictionaries(
        st.text("abcd", min_size=1, max_size=6).map(tuple),
        st.tuples(st.integers(0, 50), st.integers(1, 50)),
        min_size=1,
    ),
    st.integers(1, 5),
    st.integers(1, 4),
)
def test_no_journey_is_lost_on_the_way(
    walks: dict[Sequence[str], tuple[int, int]], steps: int, limit: int
) -> None:
    rows = [(list(path), float(won), float(lost)) for path, (won, lost) in walks.items()]
    picture = journey_sankey(pd.DataFrame(rows, columns=PATHS.columns), steps=steps, limit=limit)
    columns: dict[int, list[str]] = {}
    for mark in picture.artists:
        if "→" not in mark.get_label() and mark.get_gid():
            columns.setdefault(round(mark.get_bbox().x0), []).append(mark.get_label())
    journeys = sum(won + lost for won, lost in walks.values())
    assert {sum(map(_size, bars)) for bars in columns.values()} == {journeys}
    ended = {bar.split(":")[0]: _size(bar) for bar in columns[max(columns)]}
    converted = sum(won for won, _ in walks.values())
    assert ended.pop("converted", 0) == converted
    assert ended == {"not converted": journeys - converted}


def _size(tip: str) -> int:
    return int(tip.split(": ")[1].split()[0].replace(",", ""))


def test_channels_stand_by_their_last_touch_and_models_in_one_order() -> None:
    picture = model_comparison(CREDITS)
    lines = written(picture)
    assert lines[1] == "Conversions credited, with intervals; models differ most on search: 20.0 to 50.0"
    assert lines[2:5] == ["first", "last", "markov"]
    assert [line for line in lines[5:] if not line.isdigit()] == [
        *("email", "last touch 90.0", "80.0 to 100"),
        *("search", "last touch 30.0", "20.0 to 50.0"),
        *("tv", "last touch 5.0", "5.0"),
        *("no touch", "last touch 7.0", "7.0"),
    ]
    told = [
        "email, first: 100 (interval 90.0 to 120)",
        "email, last: 90.0 (interval 80.0 to 100)",
        "email, markov: 80.0 (interval 70.0 to 95.0)",
        "search, first: 20.0",
        "search, last: 30.0 (interval 25.0 to 35.0)",
        "search, markov: 50.0 (interval 40.0 to 60.0)",
        "tv, first: 5.0 (interval 0.0 to 9.0)",
        "tv, last: 5.0 (interval 0.0 to 9.0)",
        "no touch, last: 7.0",
    ]
    assert tips(picture) == told
    dots = {
        mark.get_label(): mark.get_center()
        for mark in picture.artists
        if isinstance(mark, Circle) and mark.get_gid()
    }
    (first_x, first_y), (last_x, last_y), (markov_x, _) = (dots[tip] for tip in told[:3])
    assert first_x - last_x == pytest.approx(last_x - markov_x), "100, 90 and 80 on one scale"
    assert last_y - first_y == pytest.approx(dots[told[4]][1] - dots[told[3]][1])


def test_smaller_channels_are_counted_and_other_models_come_last() -> None:
    lines = written(model_comparison(CREDITS, limit=1))
    assert "; 2 smaller channels not drawn; " in lines[1]
    assert [line for line in lines if line in {"email", "search", "tv", "no touch"}] == ["email", "no touch"]
    mine = CREDITS[:1].assign(model="a_model_of_my_own")
    ads = pd.concat([CREDITS[3:5], mine]).rename(columns={"channel": "ad_id"})
    lines = written(model_comparison(ads, by="ad_id", limit=1))
    assert lines[1].startswith("Conversions credited, with intervals; 1 smaller ad not drawn; ")
    assert lines[2:4] == ["first", "markov"], "without a last touch by that of all models"
    assert written(model_comparison(ads, by="ad_id"))[2:5] == ["first", "markov", "a model of my own"]


def test_gains_and_losses_add_up_to_the_total() -> None:
    picture = roi_waterfall(RETURNS)
    lines = written(picture)
    assert lines[1] == "Attributed margin 15,850 less cost 14,000 leaves +1,850 EUR, ROI +13%"
    assert lines[lines.index("search") :] == [
        *("search", "4,000", "9,200", "+5,200", "+130%"),
        *("email", "300", "2,100", "+1,800", "+600%"),
        *("display", "6,000", "2,500", "−3,500", "−58%"),
        *("credit without cost", "direct, no touch", "–", "2,050", "+2,050", "–"),
        *("cost without credit", "tv, radio", "3,700", "–", "−3,700", "−100%"),
        *("total", "14,000", "15,850", "+1,850", "+13%"),
    ]
    search, email, display = (box(picture, f"{name}: ") for name in ("search", "email", "display"))
    total = box(picture, "total: margin 15,850, cost 14,000, net +1,850 EUR; ROI +13%")
    assert search[0] == pytest.approx(total[0])
    assert search[1] == pytest.approx(email[0])
    assert email[1] == pytest.approx(display[1])
    assert (total[1] - total[0]) / (search[1] - search[0]) == pytest.approx(1850 / 5200)
    assert box(picture, "cost without credit (tv, radio): ")[0] == pytest.approx(total[1])


def test_smaller_channels_are_one_row_that_keeps_the_total() -> None:
    lines = written(roi_waterfall(RETURNS, limit=1))
    assert lines[lines.index("search") :][5:10] == ["2 smaller channels", "6,300", "4,600", "−1,700", "−27%"]
    assert lines[-5:] == ["total", "14,000", "15,850", "+1,850", "+13%"]


def test_currencies_have_totals_of_their_own_and_rows_of_several_models_are_refused() -> None:
    other = RETURNS[:1].assign(currency="USD", cost_amount=0.5, margin_amount=99.0)
    unknown = RETURNS[:1].assign(currency=None, cost_amount=5e9)
    lines = written(roi_waterfall(pd.concat([RETURNS, other, unknown])))
    assert lines[1] == "Attributed margin less cost in 3 currencies, none converted"
    assert [line for line in lines if line in {"EUR", "USD", "no currency given"}] == [
        *("no currency given", "EUR", "USD"),
    ]
    assert lines[-5:] == ["total", "0.50", "99.00", "+98.50", ">9,999%"]
    assert lines[lines.index("total") :][1:5] == ["5.00G", "<0.01G", "−5.00G", "−100%"]
    both = pd.concat([RETURNS.assign(model="last"), RETURNS.assign(model="markov")])
    with pytest.raises(RetinueError, match="by one model, and these are by 2; keep one"):
        roi_waterfall(both)
    assert svg(roi_waterfall(both[: len(RETURNS)])) == svg(roi_waterfall(RETURNS))


def test_curves_rise_by_steps_and_the_most_exposed_come_first() -> None:
    picture = conversion_curves(CURVES)
    lines = written(picture)
    assert lines[1] == "Share converted; most by day 5: 50.0% after tv"
    assert lines[-6:] == [
        *("tv", "50.0% by day 5", "email", "20.0% by day 10", "search", "15.0% by day 10"),
    ]
    assert tips(picture) == [
        "tv: 10 exposures; 0% by day 1, 50.0% by day 5 (interval 20.0% to 80.0%)",
        "email: 200 exposures; 10.0% by day 1, 10.0% by day 7, 20.0% by day 10 (interval 14.0% to 26.0%)",
        "search: 900 exposures; 5.0% by day 1, 5.0% by day 7, 15.0% by day 10 (interval 13.0% to 17.0%)",
    ]
    [email] = [mark for mark in picture.artists if mark.get_label().startswith("email")]
    (x0, y0), *_, (x1, y1), (x10, y9), (_, y10) = email.get_path().vertices
    assert (x1 - x0) * 10 == pytest.approx(x10 - x0)
    assert y1 == y9, "level up to the next step"
    assert y0 - y10 == pytest.approx(2 * (y0 - y1))
    assert written(conversion_curves(CURVES, limit=1))[1] == "Share converted; 2 smaller channels not drawn"


def test_no_more_than_six_curves_are_drawn_and_no_more_steps_than_pixels_show() -> None:
    many = pd.concat([CURVES[1:3].assign(channel=f"c{i:02}", at_risk=100 - i) for i in range(60)])
    lines = written(conversion_curves(many, limit=60))
    assert lines[1] == "Share converted; 54 smaller channels not drawn; by day 10 none leads beyond chance"
    assert [line for line in lines if line.startswith("c")] == [f"c{i:02}" for i in range(6)]
    steps = 3_000
    fine = pd.DataFrame(
        {
            "channel": "email",
            "duration_days": [30 * step / steps for step in range(steps)],
            "at_risk": steps,
            "cumulative_incidence": [step / steps / 2 for step in range(steps)],
            "low": None,
            "high": None,
        }
    )
    [line] = [mark for mark in conversion_curves(fine).artists if mark.get_gid()]
    assert len(line.get_path().vertices) < steps


@pytest.mark.parametrize(("draw", "rows"), PICTURES)
def test_spark_frames_give_the_same_pictures(draw: Draw, rows: pd.DataFrame, spark: SparkSession) -> None:
    frame = in_spark(spark, rows)
    assert svg(draw(frame)) == svg(draw(rows))
    assert svg(draw(frame, limit=1)) == svg(draw(rows, limit=1))


@pytest.mark.parametrize(("draw", "rows"), PICTURES)
def test_no_rows_and_missing_columns_are_told(draw: Draw, rows: pd.DataFrame) -> None:
    assert written(draw(rows[:0]))[-1] == "Nothing to draw yet"
    assert len(written(draw(rows[:1]))) > 2
    for column in rows.columns:
        with pytest.raises(SchemaMismatch, match=f"{draw.__name__} needs the column {column}"):
            draw(rows.drop(columns=column))


def test_frames_in_which_nothing_is_known_have_nothing_to_draw() -> None:
    unknown = [
        journey_sankey(PATHS[-2:]),
        model_comparison(CREDITS.assign(conversions=None)),
        roi_waterfall(RETURNS.assign(cost_amount=None, margin_amount=0.0)),
        conversion_curves(CURVES[-1:]),
    ]
    assert [written(picture)[-1] for picture in unknown] == ["Nothing to draw yet"] * 4


def _many(rows: pd.DataFrame, label: str) -> pd.DataFrame:
    """The rows for sixty channels, whose names are long."""
    known = rows[rows[rows.columns[1]].notna()] if "channel" not in rows else rows[rows["channel"].notna()]
    if "path" in rows:
        paths = [[f"{i}{label}", f"{i + 1}{label}"] * 3 for i in range(60)]
        return pd.DataFrame({"path": paths, "conversions": 1e9, "nulls": range(60)})
    return pd.concat([known.assign(channel=f"{i}" + known["channel"] + label) for i in range(20)])


@pytest.mark.parametrize("label", ["W" * 300, "many words " * 60, "日本語" * 99])
@pytest.mark.parametrize(("draw", "rows"), PICTURES)
@pytest.mark.filterwarnings("ignore:Glyph")
def test_no_line_covers_another_or_leaves_the_picture(draw: Draw, rows: pd.DataFrame, label: str) -> None:
    for frame in (rows, _many(rows, label)):
        picture = draw(frame)
        lines = [text.get_window_extent() for text in picture.texts]
        assert all(line.x0 >= 0 and line.x1 <= picture.bbox.width for line in lines)
        assert all(line.y0 >= 0 and line.y1 <= picture.bbox.height for line in lines)
        shrunk = [line.padded(-2.5) for line in lines]
        assert not [pair for pair in combinations(shrunk, 2) if pair[0].overlaps(pair[1])]


@pytest.mark.browser
def test_a_browser_shows_all_four_with_their_names_as_they_are(tmp_path: Path) -> None:
    name = "<b>$x$</b> & \u202ee"
    for draw, rows in PICTURES:
        own = rows.assign(channel=name) if "channel" in rows else rows.assign(path=[[name]] * len(rows))
        seen = browser.look(html(draw(own)), tmp_path, width=900)
        [picture] = seen.pictures
        assert "<b>$x$</b> & e" in {text for text, *_ in picture["texts"]}
        assert picture["marks"]
        assert not seen.console
        assert not seen.loaded
