from __future__ import annotations

from itertools import combinations

import pandas as pd
import pytest
from matplotlib.figure import Figure
from pyspark.sql import SparkSession

from retinue.errors import SchemaMismatch
from retinue.plots import funnel, funnel_by, svg


def report(channel: str | None, *visitors: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "channel": channel,
            "step_index": [1, 2, 3],
            "step": ["look", "coupon", "buy"],
            "visitor_count": visitors,
            "median_seconds": [None, 90.0, 9_000.0],
            "is_optional": [False, True, False],
        }
    )


BROKEN = pd.concat([report("ads", 100, 10, 50), report("mail", 200, 40, 20), report("web", 5, 0, 0)])


def written(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


def widths(figure: Figure) -> dict[str, float]:
    """Each mark's tip with its width in pixels."""
    return {mark.get_label(): mark.get_window_extent().width for mark in figure.artists if mark.get_gid()}


def test_nobody_is_lost_at_an_optional_step():
    picture = funnel(report(None, 200, 40, 50))
    assert written(picture)[2:] == [
        *("1. look", "200"),
        *("2. coupon (optional)", "40", "median 90 s", "20.0% of first · 20.0% of previous"),
        *("3. buy", "50", "median 2.5 h", "25.0% of first · 25.0% of previous", "−150 left (75.0%)"),
    ]
    assert widths(picture) == pytest.approx(
        {
            "look: 200 visitors, 100% of the first step": 596,
            "coupon: 40 visitors, 20.0% of the first step": 119.2,
            "buy: 50 visitors, 25.0% of the first step": 149,
            "150 left before buy, 75.0% of the step before": 447,
        }
    )


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (0.25, "0.2 s"), (119, "119 s"), (120, "2 min"), (5e9, "57,870 days")]
)
def test_a_duration_is_told_in_the_unit_that_suits_it(seconds, said):
    steps = report(None, 2, 1, 1).assign(median_seconds=[None, seconds, None])
    assert f"median {said}" in written(funnel(steps))


def test_each_value_s_share_of_its_own_first_step():
    picture = funnel_by(BROKEN, by="channel", values=2)
    assert written(picture) == [
        "How far do visitors get?",
        "Share of the first step, by channel; 1 smaller value not drawn",
        *("1. look", "mail", "200 · 100%", "ads", "100 · 100%"),
        *("2. coupon", "mail", "40 · 20.0% · 90 s", "ads", "10 · 10.0% · 90 s"),
        *("3. buy", "mail", "20 · 10.0% · 2.5 h", "ads", "50 · 50.0% · 2.5 h"),
    ]
    drawn = widths(picture)
    whole = drawn["ads, look: 100 visitors, 100% of the first step"]
    assert drawn["ads, buy: 50 visitors, 50.0% of the first step"] == pytest.approx(whole / 2)
    assert drawn["mail, 180 left before buy, 90.0% of the step before"] == pytest.approx(whole * 0.9)


def test_a_frame_of_spark_gives_the_same_picture(spark: SparkSession):
    rows = BROKEN.astype(object).where(BROKEN.notna(), None).to_dict("records")
    drawn = svg(funnel_by(spark.createDataFrame(rows), by="channel", values=2, limit=2))
    assert drawn == svg(funnel_by(BROKEN, by="channel", values=2, limit=2))


def test_no_value_or_no_column_is_told():
    assert written(funnel_by(BROKEN.assign(visitor_count=0), by="channel"))[-1] == "Nothing to draw yet"
    assert written(funnel_by(report(None, 3, 2, 1), by="channel"))[-1] == "Nothing to draw yet"
    with pytest.raises(SchemaMismatch, match="funnel_by needs the column campaign"):
        funnel_by(BROKEN, by="campaign")


@pytest.mark.parametrize("name", ["W" * 500, "日本" * 99, "$\\frac{1}{$"])
@pytest.mark.filterwarnings("ignore:Glyph")
def test_no_name_leaves_the_picture_or_covers_another(name):
    steps = pd.concat([report(name + str(n), 10**12, 10**11, 10**9) for n in range(3)])
    named = steps.assign(step=name, median_seconds=1e12)
    for figure in (funnel_by(named, by="channel"), funnel(named[:3])):
        boxes = [text.get_window_extent() for text in figure.texts]
        assert all(box.x0 >= 0 and box.x1 <= figure.bbox.width for box in boxes)
        shrunk = [box.padded(-2.5) for box in boxes]
        assert not [pair for pair in combinations(shrunk, 2) if pair[0].overlaps(pair[1])]
