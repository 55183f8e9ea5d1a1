from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from sklearn.metrics import average_precision_score, roc_auc_score

from retinue.network import rankings
from retinue.network.rankings import Ranking

PAIRS = st.lists(
    st.tuples(st.integers(-3, 3), st.booleans(), st.sampled_from([0.0, 0.5, 1.0, 7.0])),
    min_size=2,
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(pairs=PAIRS)
def test_the_measures_are_scikit_learns_with_ties_and_weights(pairs: list[tuple[int, bool, float]]):
    score, is_linked, weight = (np.array(column) for column in zip(*pairs, strict=True))
    found = Ranking(score.astype(float), is_linked).measures(weight, at=())
    if weight[is_linked].sum() > 0 and weight[~is_linked].sum() > 0:
        assert found[0] == pytest.approx(roc_auc_score(is_linked, score, sample_weight=weight))
        assert found[1] == pytest.approx(average_precision_score(is_linked, score, sample_weight=weight))
    else:
        assert np.isnan(found).all()


def test_precision_of_the_first_shares_out_ties_and_stops_at_the_last():
    # 9: a link; 5: two links of four pairs; 1: a link of three. Of the first 3 the two ties bring one link.
    score = np.array([9, 5, 5, 5, 5, 1, 1, 1.0])
    is_linked = np.array([1, 1, 1, 0, 0, 1, 0, 0], dtype=bool)
    found = Ranking(score, is_linked).measures(np.ones(8), at=(1, 3, 5, 8, 100))[2:]
    assert found == pytest.approx([1, 2 / 3, 3 / 5, 4 / 8, 4 / 8])


def test_draws_are_of_vertices_and_the_same_for_all_scores():
    rng = np.random.default_rng(1)
    src, dst = np.triu_indices(40, 1)
    quality = rng.normal(size=40)  # a vertex's pairs are alike, so that pairs are not independent
    is_linked = quality[src] + quality[dst] + rng.normal(size=len(src)) > 1
    pairs = {"src": src, "dst": dst, "is_linked": is_linked, "weight": np.ones(len(src))}
    drawn = []
    for value in (quality[src] + quality[dst], 2 * (quality[src] + quality[dst]) - 1):
        table = pa.table({**pairs, "score": ["any"] * len(src), "value": value}).take(
            pa.array(rng.permutation(len(src)))
        )
        [row] = rankings._measured(table, at=(10,), draws=60, seed=0).to_pylist()
        drawn.append(np.array(row["drawn"]))
        assert row["measured"][0] == pytest.approx(roc_auc_score(is_linked, value))
    assert drawn[0] == pytest.approx(drawn[1])
    independent = np.sqrt(0.25 / min(is_linked.sum(), (~is_linked).sum())) / 4
    assert drawn[0][:, 0].std() > 1.5 * independent


def test_each_score_has_a_row(spark: SparkSession):
    rows = [
        ("a", "b", True, 1.0, 0.9, 0.1),
        ("a", "c", False, 2.0, 0.2, 0.1),
        ("b", "c", False, 2.0, 0.95, 0.1),
    ]
    pairs = spark.createDataFrame(
        rows, "src string, dst string, is_linked boolean, weight double, good double, even double"
    )
    found = rankings.compared(pairs, scores=["good", "even"], at=(1,), draws=3).collect()
    measured = {row.score: row.measured for row in found}
    assert measured["good"] == pytest.approx([0.5, 1 / 3, 0])
    assert measured["even"] == pytest.approx([0.5, 1 / 5, 1 / 5])
    assert all(len(row.drawn) == 3 for row in found)
