from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F
from sklearn.metrics import average_precision_score, roc_auc_score

from retinue.errors import InputMissing, RetinueError, SchemaMismatch
from retinue.network import candidates, predictor
from retinue.network.candidates import FEATURES, View
from retinue.network.margins import Split, Trees

START = datetime(2026, 1, 1, tzinfo=UTC)
STEP = timedelta(days=10)
CUT_OFF = START + 3 * STEP
VIEW = View(at="at", half_life=STEP, dimensions=16, engine="local")
SIZE, GROUPS = 90, 3
PERSONS, PRODUCTS, TASTES = 40, 45, 4
Tie = tuple[int, int, float]  # two vertices, and when, in steps


def early(rng: np.random.Generator) -> list[Tie]:
    """Ties of the first step: within groups, one in ten anywhere."""
    one = rng.integers(SIZE, size=260)
    inside = one % GROUPS + GROUPS * rng.integers(SIZE // GROUPS, size=260)
    other = np.where(rng.random(260) < 0.1, rng.integers(SIZE, size=260), inside)
    return [(int(a), int(b), float(rng.random())) for a, b in zip(one, other, strict=True) if a != b]


def closing(rng: np.random.Generator, ties: list[Tie], step: int, *, chance: bool) -> list[Tie]:
    """40 new ties among the pairs with a common neighbour: likelier the more they have, or by chance."""
    tied = np.zeros((SIZE, SIZE), dtype=bool)
    for one, other, _ in ties:
        tied[one, other] = tied[other, one] = True
    common = np.triu(tied.astype(int) @ tied, 1) * ~tied
    one, other = common.nonzero()
    likely = np.ones(len(one)) if chance else common[one, other] ** 2.5
    chosen = rng.choice(len(one), size=40, replace=False, p=likely / likely.sum())
    return [(int(one[n]), int(other[n]), step + 0.999 * float(rng.random())) for n in chosen]


def grown(*, chance: bool, last_by_chance: bool = False) -> list[Tie]:
    rng = np.random.default_rng(5)
    ties = early(rng)
    for step in (1, 2, 3):
        ties = ties + closing(rng, ties, step, chance=chance or (last_by_chance and step == 3))
    return ties


def frame(spark: SparkSession, ties: list[Tie]) -> DataFrame:
    rows = [(f"v{one:02}", f"v{other:02}", START + at * STEP) for one, other, at in ties]
    return spark.createDataFrame(rows, "src string, dst string, at timestamp")


def trained(edges: DataFrame, **knobs: Any) -> tuple[predictor.LinkPredictor, dict[str, Any]]:
    given = {
        "cut_off": CUT_OFF,
        "horizon": STEP,
        "view": VIEW,
        "trees": 2,
        "draws": 40,
        "precision_at": (10,),
    }
    return predictor.train(edges, **{**given, **knobs})


@pytest.fixture(scope="module")
def closed(spark: SparkSession) -> tuple[predictor.LinkPredictor, dict[str, Any]]:
    return trained(frame(spark, grown(chance=False)))


def test_planted_closure_is_learnt_as_well_as_by_the_best_single_score(closed: Any):
    _, evaluation = closed
    assert evaluation["links"] == evaluation["all_links"] == 40
    assert evaluation["split"] == "time"
    assert evaluation["roc_auc"] > evaluation["best_single_roc_auc"] - 0.02
    assert evaluation["gain_over_best_single_high"] > 0
    assert evaluation["gain_over_foreseen_single"] > -0.02
    assert evaluation["gain_over_foreseen_single"] >= evaluation["gain_over_best_single"]
    assert evaluation["roc_auc_low"] > 0.6
    assert evaluation["average_precision"] > 2 * evaluation["links"] / evaluation["pairs"]
    assert evaluation["mean_probability"] == pytest.approx(evaluation["links"] / evaluation["pairs"], rel=0.5)


def test_the_evaluation_is_that_of_the_predictions_by_scikit_learn(spark: SparkSession, closed: Any):
    model, evaluation = closed
    edges = frame(spark, grown(chance=False))
    came = {(one, other) for one, other, at in grown(chance=False) if at >= 3}
    rows = model.predict(edges, as_of=CUT_OFF).collect()
    labels = [(int(row.src[1:]), int(row.dst[1:])) in came for row in rows]
    assert len(rows) == evaluation["pairs"]
    assert sum(labels) == 40
    scores = {row.score: row for row in evaluation["scores"].collect()}
    assert set(scores) == {"probability", *FEATURES}
    for name, row in scores.items():
        values = [each[name] for each in rows]
        assert row.roc_auc == pytest.approx(roc_auc_score(labels, values))
        assert row.average_precision == pytest.approx(average_precision_score(labels, values))
    best = max(FEATURES, key=lambda name: scores[name].roc_auc)
    assert evaluation["best_single_roc_auc"] == scores[best].roc_auc
    assert evaluation["brier"] == pytest.approx(
        np.mean([(row.probability - label) ** 2 for row, label in zip(rows, labels, strict=True)])
    )


def test_no_edge_from_the_cut_off_on_changes_the_model_and_chance_is_not_foreseen(
    spark: SparkSession, closed: Any
):
    """All is the same until the cut-off; after it links come by chance."""
    model, evaluation = trained(frame(spark, grown(chance=False, last_by_chance=True)))
    true, true_evaluation = closed
    assert model.kind == true.kind
    assert (model.slope, model.offset) == pytest.approx((true.slope, true.offset))
    assert evaluation["validation"] == pytest.approx(true_evaluation["validation"])
    same = frame(spark, [tie for tie in grown(chance=False) if tie[2] < 3])
    one, other = (
        {(row.src, row.dst): row.probability for row in each.predict(same, as_of=CUT_OFF).collect()}
        for each in (model, true)
    )
    assert one == pytest.approx(other)
    assert 0.35 < evaluation["roc_auc"] < 0.65
    assert evaluation["roc_auc_low"] < 0.5 < evaluation["roc_auc_high"]


def taken_up() -> list[Tie]:
    """160 takings in the first step and 40 in each later one, nearly all to the taste of the person."""
    rng = np.random.default_rng(4)
    is_liked = np.arange(PERSONS)[:, None] % TASTES == np.arange(PRODUCTS) % TASTES
    likely = np.where(is_liked, 1.0, 0.02).ravel()
    takings = []
    for step, count in enumerate((160, 40, 40, 40)):
        chosen = rng.choice(likely.size, size=count, replace=False, p=likely / likely.sum())
        likely[chosen] = 0
        takings += [(*divmod(int(place), PRODUCTS), step + 0.999 * float(rng.random())) for place in chosen]
    return [(person, SIZE + product, at) for person, product, at in takings]


def matrix(ties: list[Tie]) -> np.ndarray[Any, Any]:
    tied = np.zeros((SIZE + PRODUCTS, SIZE + PRODUCTS), dtype=int)
    for one, other, _ in ties:
        tied[one, other] = tied[other, one] = 1
    return tied


def pairs_of(places: np.ndarray[Any, Any]) -> set[tuple[str, str]]:
    return {(f"v{one:02}", f"v{other:02}") for one, other in zip(*places.nonzero(), strict=True)}


class Learnt(NamedTuple):
    edges: DataFrame
    model: predictor.LinkPredictor
    evaluation: dict[str, Any]
    predicted: list[Row]


@pytest.fixture(scope="module")
def takings(spark: SparkSession) -> Learnt:
    edges = frame(spark, taken_up())
    model, evaluation = trained(edges, view=replace(VIEW, bipartite=True))
    return Learnt(edges, model, evaluation, sorted(model.predict(edges, as_of=CUT_OFF).collect()))


def test_what_a_person_takes_up_next_is_learnt(takings: Learnt):
    """Of the products three steps away; the planted taste shows in those who share products."""
    had = matrix([tie for tie in taken_up() if tie[2] < 3])
    far = np.triu(had @ had @ had > 0) & (had == 0)
    came = pairs_of(np.triu(matrix(taken_up()) - had))
    rows, evaluation = takings.predicted, takings.evaluation
    labels = [(row.src, row.dst) in came for row in rows]
    assert {(row.src, row.dst) for row in rows} == pairs_of(far)
    assert (evaluation["pairs"], evaluation["links"]) == (len(rows), sum(labels))
    assert evaluation["all_links"] == len(came) == 40
    assert evaluation["roc_auc"] == pytest.approx(roc_auc_score(labels, [row.probability for row in rows]))
    assert evaluation["roc_auc"] > max(0.6, evaluation["best_single_roc_auc"] - 0.05)


def test_which_products_go_together_next_is_learnt(spark: SparkSession):
    """A tie for each person with both, from the day of the second; the first of a pair is its link."""
    has: dict[int, list[tuple[int, float]]] = {}
    for person, product, at in taken_up():
        has.setdefault(person, []).append((product, at))
    ties = [
        (min(one, other), max(one, other), max(at, later))
        for own in has.values()
        for (one, at), (other, later) in combinations(own, 2)
    ]
    rows = [(f"v{one}", f"v{other}", (START + at * STEP).date()) for one, other, at in ties]
    days = spark.createDataFrame(rows, "src string, dst string, acted_on date")
    _, evaluation = trained(days, view=replace(VIEW, at="acted_on"))
    before = matrix([tie for tie in ties if tie[2] < 3])
    near = np.triu(before @ before, 1) * (before == 0) > 0
    came = np.triu(matrix(ties) - before) > 0
    assert evaluation["pairs"] == near.sum()
    assert evaluation["links"] == (near & came).sum()
    assert evaluation["all_links"] == came.sum()
    assert evaluation["roc_auc"] > max(0.6, evaluation["best_single_roc_auc"] - 0.05)


def test_a_predictor_is_kept_in_a_folder_and_comes_back_the_same(takings: Learnt, tmp_path: Path):
    takings.model.save(tmp_path / "links")
    again = predictor.load(tmp_path / "links")
    assert again == takings.model
    predicted = sorted(again.predict(takings.edges, as_of=CUT_OFF).collect())
    assert [row[:2] for row in predicted] == [row[:2] for row in takings.predicted]
    for row, before in zip(predicted, takings.predicted, strict=True):
        assert row[2:] == pytest.approx(before[2:], rel=1e-9)
    with pytest.raises(InputMissing, match="links is there already"):
        takings.model.save(tmp_path / "links")
    with pytest.raises(InputMissing, match="holds no predictor of links"):
        predictor.load(tmp_path)


def test_all_of_a_view_is_kept_but_the_function_that_finds_communities(tmp_path: Path):
    def alone(edges: DataFrame) -> DataFrame:
        return edges.selectExpr("src AS id", "src AS community_id")

    view = View("seen_on", True, timedelta(hours=36), alone, None, 8, 5, "distributed", 7)
    root = Split("jaccard", 0.1 + 0.2, -1 / 3, Split("lesser_degree", -2.0, 1e-17, 4.0))
    model = predictor.LinkPredictor(
        "gradient_boosted_trees", view, timedelta(minutes=100), Trees((root, 0.5)), 1.1, -7.3
    )
    model.save(tmp_path / "links")
    assert predictor.load(tmp_path / "links", communities=alone) == model
    with pytest.raises(RetinueError, match="learnt with communities"):
        predictor.load(tmp_path / "links")
    [file] = (tmp_path / "links").iterdir()
    file.write_text(json.dumps({**json.loads(file.read_text()), "features": ["shoe_size"]}))
    with pytest.raises(RetinueError, match="was learnt from shoe_size; features here are common_neighbours"):
        predictor.load(tmp_path / "links", communities=alone)


def told(rows: DataFrame) -> dict[tuple[str, str], dict[str, float]]:
    return {(row.src, row.dst): {name: row[name] for name in FEATURES} for row in rows.collect()}


def test_no_edge_from_the_date_on_changes_a_feature(spark: SparkSession):
    """Not one at the date itself, nor what else a row says, as a weight added up later."""
    before = [tie for tie in grown(chance=False) if tie[2] < 2]
    rng = np.random.default_rng(8)
    later = [
        (int(a), int(b), 2 + float(at))
        for a, b, at in zip(*rng.integers(SIZE, size=(2, 200)), rng.random(200), strict=True)
    ]
    later += [(one, other, 2.0) for one, other, _ in before[:50]]
    known, whole = frame(spark, before), frame(spark, before + later)
    whole = whole.withColumns({"weight": F.rand(1) * 100, "last_at": F.lit(START + 9 * STEP)})
    date_of = (START + 2 * STEP).date()

    def degree_parity(edges: DataFrame) -> DataFrame:
        degrees = edges.groupBy(F.col("src").alias("id")).count()
        return degrees.select("id", (F.col("count") % 2).alias("community_id"))

    view = replace(VIEW, communities=degree_parity)
    expected = told(candidates.features(known, as_of=date_of, view=view))
    found = told(candidates.features(whole, as_of=date_of, view=view))
    assert found.keys() == expected.keys()
    assert {value["same_community"] for value in found.values()} == {0.0, 1.0}
    for pair, values in expected.items():
        assert found[pair] == pytest.approx(values, abs=1e-9)


def test_features_by_hand(spark: SparkSession):
    """a and c know b; all else follows. a's contact with b was one half-life ago, c's two and three."""
    day = timedelta(days=1)
    as_of = START + 5 * day
    contacts = [("a", "b", as_of - 10 * day), ("c", "b", as_of - 20 * day), ("c", "b", as_of - 30 * day)]
    edges = spark.createDataFrame(contacts, "src string, dst string, at timestamp")
    (row,) = candidates.features(edges, as_of=as_of, view=VIEW).collect()
    assert (row.src, row.dst) == ("a", "c")
    assert (row.common_neighbours, row.jaccard, row.preferential_attachment) == (1, 1, 1)
    assert row.adamic_adar == pytest.approx(1 / np.log(2))
    assert row.resource_allocation == 0.5
    # Of who sets out at a: x at a, y at b, z at c; y = .85 (x + z), z = .85 y s, x = .15 + .85 y (1 - s).
    y = 0.85 * 0.15 / (1 - 0.85**2)
    assert row.personalised_pagerank == pytest.approx(2 * 0.85 * y / 2, abs=1e-5)
    weights = np.log1p([0.5, 0.25 + 0.125])
    shares = weights / weights.sum()
    assert row.recent_pagerank == pytest.approx(0.85 * y * shares.sum(), abs=1e-5)
    assert row.embedding_cosine == pytest.approx(1)
    assert (row.lesser_freshness, row.greater_freshness) == pytest.approx((1 / 3, 1 / 2))
    assert (row.lesser_degree, row.greater_degree, row.same_community) == (1, 1, 0)


def test_a_product_is_scored_by_those_a_person_has(spark: SparkSession):
    """1 and 2 have A; 2 has B and C; 3 has B. A and B share 2, as do A and C, and B and C."""
    had = [(1, 101), (2, 101), (2, 102), (2, 103), (3, 102)]
    edges = spark.createDataFrame([(*each, date(2026, 1, 1)) for each in had], "src int, dst int, at date")
    found = told(candidates.features(edges, as_of=date(2026, 1, 2), view=replace(VIEW, bipartite=True)))
    assert set(found) == {(1, 102), (1, 103), (3, 101), (3, 103)}
    assert {value["common_neighbours"] for value in found.values()} == {1}
    assert found[1, 102]["jaccard"] == pytest.approx(1 / 3)
    assert found[1, 103]["jaccard"] == pytest.approx(1 / 2)
    assert found[1, 102]["adamic_adar"] == pytest.approx(1 / np.log(3))
    assert found[3, 101]["preferential_attachment"] == 2
    assert found[3, 103]["preferential_attachment"] == 1
    assert all(value["personalised_pagerank"] > 0 for value in found.values())


def test_first_links_within_the_horizon_count(spark: SparkSession):
    at = {"before": -1, "first": 0, "last": 9, "after": 10}
    rows = [(name, "x", CUT_OFF + timedelta(days=days)) for name, days in at.items()]
    rows += [("before", "x", CUT_OFF + timedelta(days=1)), ("x", "last", CUT_OFF + timedelta(days=9))]
    edges = spark.createDataFrame(rows, "src string, dst string, at timestamp")
    found = candidates.linked(edges, as_of=CUT_OFF, horizon=STEP, view=VIEW).collect()
    assert sorted(found) == [Row(src="first", dst="x"), Row(src="last", dst="x")]


def test_of_pairs_without_a_link_a_share_stands_for_all(spark: SparkSession):
    edges = frame(spark, grown(chance=False))
    whole, part = (
        predictor._look(edges, CUT_OFF, horizon=STEP, view=VIEW, rate=rate, seed=0).collect()
        for rate in (1.0, 0.4)
    )
    assert sum(row.is_linked for row in whole) == sum(row.is_linked for row in part) == 40
    assert {row.weight for row in part if row.is_linked} == {1.0}
    others = sum(row.weight for row in part if not row.is_linked)
    assert others == pytest.approx(len(whole) - 40, rel=0.2)
    assert len(part) < 0.6 * len(whole)


def test_the_most_probable_are_kept(spark: SparkSession, closed: Any):
    model, _ = closed
    edges = frame(spark, grown(chance=False))
    every = model.predict(edges, as_of=CUT_OFF).collect()
    kept = model.predict(edges, as_of=CUT_OFF, limit=2).collect()
    expected = []
    for src in {row.src for row in every}:
        own = sorted((-row.probability, row.dst, row.src) for row in every if row.src == src)
        expected += [(src, dst) for _, dst, _ in own[:2]]
    assert {(row.src, row.dst) for row in kept} == set(expected)
    with pytest.raises(RetinueError, match="limit is 0"):
        model.predict(edges, as_of=CUT_OFF, limit=0)


def test_what_cannot_be_is_refused(spark: SparkSession):
    edges = frame(spark, [(0, 1, 0.1), (1, 2, 0.1)])
    with pytest.raises(RetinueError, match="none linked"):
        trained(edges, cut_off=CUT_OFF)
    with pytest.raises(RetinueError, match=r"negative_rate 0\.0"):
        trained(edges, negative_rate=0.0)
    with pytest.raises(RetinueError, match="half_life"):
        candidates.features(edges, as_of=CUT_OFF, view=replace(VIEW, half_life=timedelta(0)))
    with pytest.raises(SchemaMismatch, match="first_at"):
        candidates.features(edges, as_of=CUT_OFF)
    with pytest.raises(SchemaMismatch, match="timestamp or a date"):
        candidates.features(edges.withColumn("at", F.lit("2026")), as_of=CUT_OFF, view=VIEW)
