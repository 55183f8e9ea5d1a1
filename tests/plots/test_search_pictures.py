from __future__ import annotations

from itertools import combinations

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from retinue.errors import SchemaMismatch
from retinue.plots import Picture, search_rates, svg, terms_at_risk

RATES = pd.DataFrame(
    [
        (None, None, 40, 10, 0.142, 0.402),
        (False, None, 30, 4, 0.053, 0.297),
        (True, None, 10, 6, 0.313, 0.832),
        (False, 1.0, 30, 4, 0.053, 0.297),
        (True, 12.0, 10, 6, 0.313, 0.832),
    ],
    columns=["is_serious", "product_count", "session_count", "fruitless_session_count", "low", "high"],
)
TREND = pd.DataFrame({"slope": [-0.0424], "low": [-0.0106], "high": [0.0742]})
TERMS = pd.DataFrame(
    [
        ("hat", 7, 80.0, 40.0, 100.0, "EUR"),
        ("coat", 1, 20.0, 0.0, 200.0, "EUR"),
        (None, 3, 80.0, None, None, None),
        ("tie", 2, 0.0, 0.0, 9.0, "EUR"),
        ("bow", 2, None, None, None, None),
    ],
    columns=["query", "fruitless_session_count", "risk_amount", "risk_low", "risk_high", "currency"],
)


def written(picture: Picture) -> list[str]:
    return [text.get_text() for text in picture.texts]


def marks(picture: Picture) -> dict[str, tuple[float, float, str]]:
    """Each mark's tip with its middle and width in pixels and its colour."""
    boxes = {}
    for mark in picture.artists:
        if mark.get_gid():
            (left, _), (right, _) = mark.get_window_extent().get_points()
            boxes[mark.get_label()] = ((left + right) / 2, right - left, mark.get_facecolor()[:3])
    return boxes


def test_rates_stand_from_the_serious_to_all_and_then_by_products() -> None:
    picture = search_rates(RATES, trend=TREND)
    assert written(picture)[1] == "Sessions with a fruitless search; −4.2 points a product (−1.1 to +7.4)"
    rows = written(picture)[7:]
    assert rows[::3] == [
        "serious shoppers",
        "other visitors",
        "all visitors",
        "1 product seen",
        "12 products seen",
    ]
    assert rows[1::3] == ["60.0%", "13.3%", "25.0%", "13.3%", "60.0%"]
    assert rows[2::3] == ["of 10", "of 30", "of 40", "of 30", "of 10"]
    dots = marks(picture)
    serious = dots["serious shoppers: 6 of 10 sessions, 60.0%; interval 31.3% to 83.2%"]
    others = dots["other visitors: 4 of 30 sessions, 13.3%; interval 5.3% to 29.7%"]
    everyone = dots["all visitors: 10 of 40 sessions, 25.0%; interval 14.2% to 40.2%"]
    scale = (serious[0] - others[0]) / (6 / 10 - 4 / 30)
    assert everyone[0] - others[0] == pytest.approx(scale * (10 / 40 - 4 / 30))
    assert len({serious[2], others[2], everyone[2]}) == 3
    assert written(search_rates(RATES))[1] == "Sessions with a fruitless search"
    assert (
        written(search_rates(RATES, trend=TREND.assign(slope=None)))[1] == "Sessions with a fruitless search"
    )


def test_terms_stand_by_value_with_their_intervals() -> None:
    picture = terms_at_risk(TERMS)
    assert written(picture)[2:] == [
        "hat",
        "80 EUR",
        "40 to 100",
        "(no words)",
        "80",
        "coat",
        "20 EUR",
        "0 to 200",
    ]
    bars = marks(picture)
    hat, coat = (
        bars["hat: 80 EUR in 7 sessions; interval 40 to 100"],
        bars["coat: 20 EUR in 1 session; interval 0 to 200"],
    )
    wordless = bars["(no words): 80 in 3 sessions"]
    assert hat[1] == wordless[1] == pytest.approx(4 * coat[1])
    assert hat[2] != coat[2] == wordless[2]
    assert written(terms_at_risk(TERMS, limit=1))[2:] == ["hat", "80 EUR", "40 to 100"]


def test_frames_of_spark_give_the_same_pictures(spark: SparkSession) -> None:
    def as_spark(rows: pd.DataFrame, schema: str):
        return spark.createDataFrame(
            list(rows.astype(object).where(rows.notna(), None).itertuples(index=False)), schema
        )

    counts = "session_count long, fruitless_session_count long, low double, high double"
    rates = as_spark(RATES, f"is_serious boolean, product_count double, {counts}")
    trend = as_spark(TREND, "slope double, low double, high double")
    assert svg(search_rates(rates, trend=trend)) == svg(search_rates(RATES, trend=TREND))
    amounts = "risk_amount double, risk_low double, risk_high double, currency string"
    terms = as_spark(TERMS, f"query string, fruitless_session_count long, {amounts}")
    assert svg(terms_at_risk(terms)) == svg(terms_at_risk(TERMS))


@pytest.mark.parametrize(("draw", "rows"), [(search_rates, RATES), (terms_at_risk, TERMS)])
def test_no_rows_and_missing_columns_are_told(draw, rows) -> None:
    assert written(draw(rows[:0]))[-1] == "Nothing to draw yet"
    with pytest.raises(SchemaMismatch, match=f"{draw.__name__} needs the column fruitless_session_count"):
        draw(rows.drop(columns="fruitless_session_count"))


def test_no_line_covers_another_or_leaves_the_picture() -> None:
    long = TERMS.assign(query=["W" * 300] * 5, risk_amount=9e11, risk_low=8e11, risk_high=9e12)
    many = RATES.assign(session_count=10**9, fruitless_session_count=10**9 - 1)
    for picture in (terms_at_risk(long), search_rates(many, trend=TREND)):
        boxes = [text.get_window_extent() for text in picture.texts]
        assert all(box.x0 >= 0 and box.x1 <= picture.bbox.width for box in boxes)
        shrunk = [box.padded(-2.5) for box in boxes]
        assert not [pair for pair in combinations(shrunk, 2) if pair[0].overlaps(pair[1])]
