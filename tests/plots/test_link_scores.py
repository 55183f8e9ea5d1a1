"""The picture of what foretells links: the predictor beside each single score."""

from __future__ import annotations

from itertools import combinations

import pandas as pd
import pytest
from matplotlib.patches import Circle
from pyspark.sql import SparkSession

from retinue.errors import SchemaMismatch
from retinue.plots import Picture, html, link_scores, png, svg

SCORES = pd.DataFrame(
    [
        ("together", "jaccard", 0.45, 0.4, 0.5, 0.01, 0.0),
        ("people", "adamic_adar", 0.7, 0.65, 0.74, 0.2, 0.4),
        ("people", "probability", 0.9, 0.85, 0.95, 0.31, 0.5),
        ("people", "jaccard", 0.7, 0.6, 0.8, 0.1, 0.2),
        ("together", "probability", 0.425, 0.4, 0.45, 0.02, 0.1),
        ("products", "lesser_degree", None, None, None, None, None),
    ],
    columns=[
        "kind",
        "score",
        "roc_auc",
        "roc_auc_low",
        "roc_auc_high",
        "average_precision",
        "precision_at_10",
    ],
)


def written(picture: Picture) -> list[str]:
    return [text.get_text() for text in picture.texts]


def dots(picture: Picture) -> dict[str, Circle]:
    """Each dot by its tip."""
    return {mark.get_label(): mark for mark in picture.artists if isinstance(mark, Circle)}


def test_scores_stand_best_first_in_each_kind() -> None:
    picture = link_scores(SCORES)
    lines = written(picture)
    assert lines[1] == "ROC AUC on later links, 95% intervals; the predictor leads in 1 of 2"
    ticks = ["0.4", "chance 0.5", "0.6", "0.7", "0.8", "0.9", "1"]
    assert lines[2:] == [
        *("Who will be tied to whom", "ROC AUC", *ticks),
        *("predictor", "0.900", "0.850 to 0.950"),
        *("adamic adar", "0.700", "0.650 to 0.740", "jaccard", "0.700", "0.600 to 0.800"),
        *("Which products will go together", "ROC AUC", *ticks),
        *("jaccard", "0.450", "0.400 to 0.500", "predictor", "0.425", "0.400 to 0.450"),
    ]


def test_dots_lie_on_one_scale_and_tell_all_numbers() -> None:
    own = dots(link_scores(SCORES))
    told = "average precision 0.310; of its ten best 50.0% linked"
    best = own[f"predictor: ROC AUC 0.900 (interval 0.850 to 0.950); {told}"]
    told = "average precision 0.200; of its ten best 40.0% linked"
    single = own[f"adamic adar: ROC AUC 0.700 (interval 0.650 to 0.740); {told}"]
    told = "average precision 0.010; of its ten best 0% linked"
    worst = own[f"jaccard: ROC AUC 0.450 (interval 0.400 to 0.500); {told}"]
    (x, _), (single_x, _), (worst_x, _) = (dot.get_center() for dot in (best, single, worst))
    assert x - worst_x == pytest.approx((single_x - worst_x) * 0.45 / 0.25)
    assert best.get_facecolor() != single.get_facecolor() == worst.get_facecolor()


def test_a_score_below_chance_has_room_and_one_without_interval_a_dot() -> None:
    low = SCORES[:2].assign(roc_auc=[0.1, 0.6], roc_auc_low=[0.05, None])
    picture = link_scores(low)
    lines = written(picture)
    assert lines[1] == "ROC AUC on later links, 95% intervals"
    assert lines[4:9] == ["0", "0.25", "chance 0.5", "0.75", "1"]
    assert "adamic adar: ROC AUC 0.600; average precision 0.200; of its ten best 40.0% linked" in dots(
        picture
    )


def test_no_more_than_the_limit_are_drawn_and_spark_frames_give_the_same(spark: SparkSession) -> None:
    assert len(dots(link_scores(SCORES, limit=2))) == 2
    filled = SCORES.astype(object).where(SCORES.notna(), None).itertuples(index=False, name=None)
    numbers = ", ".join(f"{name} double" for name in SCORES.columns[2:])
    scores = spark.createDataFrame(list(filled), f"kind string, score string, {numbers}")
    assert svg(link_scores(scores)) == svg(link_scores(SCORES))
    assert svg(link_scores(scores, limit=2)) == svg(link_scores(SCORES, limit=2))


def test_no_rows_and_missing_columns_are_told() -> None:
    assert written(link_scores(SCORES[:0]))[-1] == "Nothing to draw yet"
    assert written(link_scores(SCORES[-1:]))[-1] == "Nothing to draw yet"
    with pytest.raises(SchemaMismatch, match="link_scores needs the column precision_at_10"):
        link_scores(SCORES.drop(columns="precision_at_10"))


@pytest.mark.parametrize("label", ["W" * 300, "many_words_" * 60, "日本語" * 99])
@pytest.mark.filterwarnings("ignore:Glyph")
def test_no_line_covers_another_or_leaves_the_picture(label: str) -> None:
    many = pd.concat([SCORES[:5].assign(score=f"{place}{label}") for place in range(8)])
    long = many.assign(kind=many["kind"] + label)
    for scores in (SCORES, many, long, long.assign(roc_auc_low=0.0, roc_auc_high=1.0)):
        picture = link_scores(scores)
        lines = [text.get_window_extent() for text in picture.texts]
        assert all(line.x0 >= 0 and line.x1 <= picture.bbox.width for line in lines)
        assert all(line.y0 >= 0 and line.y1 <= picture.bbox.height for line in lines)
        shrunk = [line.padded(-2.5) for line in lines]
        assert not [pair for pair in combinations(shrunk, 2) if pair[0].overlaps(pair[1])]


def test_it_goes_into_a_page_and_onto_a_slide() -> None:
    picture = link_scores(SCORES)
    page = html(picture)
    assert "What foretells a link best?" in page
    assert page.count("<title>predictor: ROC AUC") == 2
    assert "var(--blue, #0072b2)" in page  # which the sheet has by day and by night
    assert png(picture).startswith(b"\x89PNG")
