"""Who will link with whom: a model that learns from the links that came, and is judged on later ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.ml.classification import GBTClassifier, LogisticRegression
from pyspark.ml.functions import array_to_vector
from pyspark.ml.linalg import DenseMatrix
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retinue.errors import InputMissing, RetinueError
from retinue.network import engines, links, margins, rankings
from retinue.network.candidates import FEATURES, VIEW, Instant, View, features, known, linked
from retinue.network.margins import Classifier, Regression

__all__ = ["MODELS", "LinkPredictor", "NothingToLearn", "load", "train"]

PENALTIES = {"strict_logistic_regression": 0.1, "logistic_regression": 0.01}  # on the squares of the weights
MODELS = (*PENALTIES, "single_score", "gradient_boosted_trees")  # a choice that is open goes to the earlier
DEPTH, LEAST_PAIRS = 3, 20  # of a tree and its leaves
SHRINKAGE = 0.2
DAY = timedelta(days=1)
KEPT = "link_predictor.json"


class NothingToLearn(RetinueError):
    """Of the pairs that could have linked all did, or none."""


@dataclass(frozen=True)
class LinkPredictor:
    """What `train` learnt: kind is one of MODELS, view how graphs are seen, horizon how far ahead it looks.

    The classifier gives a margin, and slope and offset make a probability of it. All is plain data.
    """

    kind: str
    view: View
    horizon: timedelta
    classifier: Classifier
    slope: float
    offset: float

    def predict(self, edges: DataFrame, *, as_of: Instant, limit: int | None = None) -> DataFrame:
        """The pairs not linked before `as_of`, and how probable it is that they link within the horizon.

        Out, a row a pair: src, dst, probability (double, 0..1), and the features of `candidates.features`.
        `limit` keeps the most probable for each src, ties by dst. In: edges as for `train`. Runs Spark jobs;
        the mean and deviation of each feature come to the driver. Raises SchemaMismatch; RetinueError for a
        limit below 1.
        """
        if limit is not None and limit < 1:
            raise RetinueError(f"limit is {limit}; give 1 or more, or None for no bound")
        pairs = engines.settled(features(edges, as_of=as_of, view=self.view))
        scored = self.score(_standardised(pairs)).select("src", "dst", "probability", *FEATURES)
        if limit is None:
            return scored
        place = F.row_number().over(Window.partitionBy("src").orderBy(F.desc("probability"), "dst"))
        return scored.withColumn("_place", place).where(F.col("_place") <= limit).drop("_place")

    def score(self, standardised: DataFrame) -> DataFrame:
        """Add the probability to pairs with the struct `standard` of their features. Lazy."""
        margin = F.lit(self.slope) * _margin(self.classifier) + F.lit(self.offset)
        return standardised.withColumn("probability", 1 / (1 + F.exp(-margin)))

    def save(self, folder: str | Path) -> None:
        """Write all that was learnt into a new folder, as JSON to be read and compared.

        The view's `communities` is a function and is not kept: `load` takes it again. Raises InputMissing
        where the folder is there already.
        """
        target = Path(folder)
        if target.exists():
            raise InputMissing(f"{target} is there already; give a folder that is not")
        said = {
            "kind": self.kind,
            "horizon_days": self.horizon / DAY,
            "view": _view_said(self.view),
            "features": FEATURES,
            "classifier": asdict(self.classifier),
            "slope": self.slope,
            "offset": self.offset,
        }
        target.mkdir(parents=True)
        (target / KEPT).write_text(json.dumps(said, indent=2), encoding="utf-8")


def load(folder: str | Path, *, communities: Callable[[DataFrame], DataFrame] | None = None) -> LinkPredictor:
    """The predictor that `save` wrote into a folder, with what finds communities as when it was learnt.

    Raises InputMissing where there is none; RetinueError where it was learnt from other features than there
    are, or with communities where none are given.
    """
    place = Path(folder) / KEPT
    if not place.is_file():
        raise InputMissing(f"{folder} holds no predictor of links; give the folder that save wrote")
    said = json.loads(place.read_text(encoding="utf-8"))
    if said["features"] != [*FEATURES]:
        raise RetinueError(
            f"the predictor in {folder} was learnt from {', '.join(said['features'])}; features here are "
            f"{', '.join(FEATURES)}: train it again"
        )
    return LinkPredictor(
        kind=said["kind"],
        view=_view_meant(said["view"], communities),
        horizon=said["horizon_days"] * DAY,
        classifier=margins.restored(said["classifier"]),
        slope=said["slope"],
        offset=said["offset"],
    )


def train(
    edges: DataFrame,
    *,
    cut_off: Instant,
    horizon: timedelta,
    view: View = VIEW,
    looks: int = 2,
    negative_rate: float = 1.0,
    trees: int = 20,
    precision_at: Sequence[int] = (10, 100, 1000),
    draws: int = 100,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[LinkPredictor, dict[str, Any]]:
    """Learn which unlinked pairs link within `horizon` from what came before `cut_off`, and test it after.

    There are looks at the graph, `horizon` apart, the last as of `cut_off`, `looks` before it. A look has the
    pairs that were not linked then but had neighbours in common (two steps apart: hard cases; three in a
    bipartite graph), their features as of then, and whether they linked from then on and before the next.
    Logistic regressions with a weak and a strict penalty and gradient-boosted trees learn from all but the
    last two, and beside them stands the one feature that ranks these best by itself. They are judged on the
    one before the last: of MODELS the first is taken whose ROC AUC there is within a standard error (of the
    difference, by draws of vertices) of the best. What it said there makes probabilities of its margins, and
    it learns again, from all before the last. That is the test: nothing that came at `cut_off` or after is
    learnt from, nor has the test a say in what is taken.

    Features are taken as logarithms and standardised within their look, since a graph grows. In the
    regression no feature may speak against a link (all weights are 0 or more), lest many that say nearly the
    same be played off against each other.

    In: edges with src, dst and `view.at`; see `candidates.features` for what is read and `View` for the rest.
    looks: how many are learnt from; more, where edges go back far enough, make a better model.
    negative_rate: the share of the pairs without a link that is kept, chosen by a hash of their ids; each
    stands for 1 / rate. trees: how many there are, three decisions deep.

    Out: the model, and its evaluation on the test, a mapping with
    - model (the kind taken), split ("time"), cut_off, horizon_days, pairs, links (of these pairs),
      all_links (first links in the test's time, whatever they looked like before), negative_rate,
    - roc_auc, average_precision and precision_at_ each number, each also _low and _high (`confidence`, by
      draws of vertices), brier, mean_probability (beside links / pairs),
    - best_single (the feature with the highest ROC AUC on the test itself, known afterwards only) and
      foreseen_single (on the look before), each also _roc_auc on the test, and gain_over_best_single and
      gain_over_foreseen_single of the predictor's ROC AUC, with _low and _high,
    - validation: ROC AUC of each of MODELS on the look before the last,
    - left_out_share: the share of the neighbour pairs that `view.max_wedges` left out of the test,
    - scores: a DataFrame with the same measures, a row for the predictor and each single feature: score,
      roc_auc, average_precision, precision_at_…, each also _low and _high.

    Runs Spark jobs; means, weights, measures and their draws come to the driver. The test's pairs are, for
    each score, in the memory of one task: lower negative_rate for more than a hundred million. Sources:
    Liben-Nowell and Kleinberg (2007); Yang, Lichtenwalter and Chawla (2015) on the evaluation; Breiman et al.
    (1984) on the rule of one standard error; Platt (1999).
    Raises SchemaMismatch; RetinueError for numbers that cannot be, NothingToLearn where in a look all pairs
    link or none.
    """
    measures = _Measures(tuple(precision_at), draws, confidence, seed)
    if (
        horizon <= timedelta(0)
        or not 0 < negative_rate <= 1
        or min(trees, draws, looks - 1, *precision_at) < 1
    ):
        raise RetinueError(
            f"horizon is {horizon}, looks {looks}, negative_rate {negative_rate}, trees {trees}, "
            f"draws {draws} and precision_at {[*precision_at]}; give a span of time, 2 looks or more, a "
            "share above 0, and 1 or more of each"
        )
    end = _midnight(cut_off)
    *earlier, last, test = (
        _look(edges, end - back * horizon, horizon=horizon, view=view, rate=negative_rate, seed=seed)
        for back in range(looks, -1, -1)
    )
    before = reduce(DataFrame.unionByName, earlier)
    judged = engines.settled(_judged({kind: _fit(kind, before, trees) for kind in MODELS}, last))
    kind, validation = _chosen(judged, measures)
    classifier = _fit(kind, before.unionByName(last), trees)
    model = LinkPredictor(kind, view, horizon, classifier, *_calibrated(judged, kind))
    scored = engines.settled(model.score(test))
    return model, {
        "model": kind,
        "split": "time",
        "cut_off": end.isoformat(),
        "horizon_days": horizon / timedelta(days=1),
        "negative_rate": negative_rate,
        "all_links": linked(edges, as_of=end, horizon=horizon, view=view).count(),
        "left_out_share": _left_out(edges, end, view),
        "validation": validation,
        **_told(scored),
        **_evaluated(scored, measures, foreseen=_best_single(last)),
    }


def _view_said(view: View) -> dict[str, Any]:
    """What of a view is data, and whether there is the function that is not."""
    kept = {name: value for name, value in vars(view).items() if name not in ("half_life", "communities")}
    return {**kept, "half_life_days": view.half_life / DAY, "has_communities": view.communities is not None}


def _view_meant(said: dict[str, Any], communities: Callable[[DataFrame], DataFrame] | None) -> View:
    kept = dict(said)
    if kept.pop("has_communities") and communities is None:
        raise RetinueError(
            "the predictor was learnt with communities; give load the function that finds them"
        )
    return View(half_life=kept.pop("half_life_days") * DAY, communities=communities, **kept)


@dataclass(frozen=True)
class _Measures:
    """What is measured of a ranking, and how its intervals are drawn."""

    precision_at: tuple[int, ...]
    draws: int
    confidence: float
    seed: int

    @property
    def names(self) -> list[str]:
        return ["roc_auc", "average_precision", *(f"precision_at_{number}" for number in self.precision_at)]

    def interval(self, drawn: NDArray[np.float64]) -> NDArray[np.float64]:
        """The low and the high end of each column's draws."""
        tail = (1 - self.confidence) / 2
        return np.asarray(np.nanquantile(drawn, [tail, 1 - tail], axis=0))

    def row(self, measured: Sequence[float], drawn: NDArray[np.float64]) -> dict[str, float]:
        """Each measure with its interval, by name."""
        low, high = self.interval(drawn)
        named: dict[str, float] = {}
        for place, name in enumerate(self.names):
            named |= {name: measured[place], f"{name}_low": low[place], f"{name}_high": high[place]}
        return {name: float(number) for name, number in named.items()}


def _midnight(cut_off: date) -> datetime:
    return cut_off if isinstance(cut_off, datetime) else datetime.combine(cut_off, time())


def _look(
    edges: DataFrame, as_of: datetime, *, horizon: timedelta, view: View, rate: float, seed: int
) -> DataFrame:
    """Pairs with features as of a time, `standard` ones, is_linked, weight (pairs stood for)."""
    pairs = engines.settled(features(edges, as_of=as_of, view=view))
    came = linked(edges, as_of=as_of, horizon=horizon, view=view).withColumn("is_linked", F.lit(True))
    is_linked = F.coalesce("is_linked", F.lit(False))
    labelled = _standardised(pairs).join(came, ["src", "dst"], "left").withColumn("is_linked", is_linked)
    chance = F.pmod(F.xxhash64("src", "dst", F.lit(seed)), F.lit(1_000_000)) / 1_000_000
    weight = F.when(F.col("is_linked"), 1.0).otherwise(1 / rate)
    look = engines.settled(labelled.where(F.col("is_linked") | (chance < rate)).withColumn("weight", weight))
    kinds = {row["is_linked"] for row in look.select("is_linked").distinct().collect()}
    if len(kinds) < 2:
        raise NothingToLearn(
            f"of the pairs not linked before {as_of}, {'all' if True in kinds else 'none'} linked within "
            f"{horizon}; both kinds are needed: choose another cut_off or horizon"
        )
    return look


def _standardised(pairs: DataFrame) -> DataFrame:
    """Add the struct `standard`: the features' logarithms (a cosine as it is), mean 0 and deviation 1."""
    scales = {name: F.col(name) if name == "embedding_cosine" else F.log1p(name) for name in FEATURES}
    means = [F.mean(scale).alias(f"{name}_mean") for name, scale in scales.items()]
    deviations = [F.stddev_pop(scale).alias(f"{name}_deviation") for name, scale in scales.items()]
    [found] = pairs.agg(*means, *deviations).collect()

    def standard(name: str) -> Column:
        deviation = found[f"{name}_deviation"]
        scaled = (scales[name] - found[f"{name}_mean"]) / deviation if deviation else F.lit(0.0)
        return scaled.alias(name)

    return pairs.withColumn("standard", F.struct(*map(standard, FEATURES)))


def _fit(kind: str, pairs: DataFrame, trees: int) -> Classifier:
    if kind == "single_score":
        return Regression({_best_single(pairs): 1.0}, 0.0)
    vector = array_to_vector(F.array(*(f"standard.{name}" for name in FEATURES)))
    labelled = pairs.select(
        F.col("is_linked").cast("double").alias("label"), vector.alias("vector"), "weight"
    )
    return margins.read(_classifier(kind, trees).fit(labelled), FEATURES)


def _classifier(kind: str, trees: int) -> LogisticRegression | GBTClassifier:
    if kind in PENALTIES:
        return LogisticRegression(
            featuresCol="vector",
            weightCol="weight",
            regParam=PENALTIES[kind],
            standardization=False,
            lowerBoundsOnCoefficients=DenseMatrix(1, len(FEATURES), [0.0] * len(FEATURES)),
        )
    return GBTClassifier(
        featuresCol="vector",
        weightCol="weight",
        maxIter=trees,
        maxDepth=DEPTH,
        stepSize=SHRINKAGE,
        minInstancesPerNode=LEAST_PAIRS,
        seed=0,
    )


def _judged(classifiers: Mapping[str, Classifier], pairs: DataFrame) -> DataFrame:
    """The pairs with the margin of each kind."""
    margins_of = [_margin(classifier).alias(kind) for kind, classifier in classifiers.items()]
    return pairs.select("src", "dst", "is_linked", "weight", *margins_of)


def _chosen(judged: DataFrame, measures: _Measures) -> tuple[str, dict[str, float]]:
    """The first kind within one standard error of the best, and the ROC AUC of each."""
    found = rankings.compared(
        judged, scores=MODELS, at=(), draws=measures.draws, seed=measures.seed
    ).collect()
    measured = {row["score"]: float(row["measured"][0]) for row in found}
    drawn = {row["score"]: np.array(row["drawn"])[:, 0] for row in found}
    best = max(MODELS, key=lambda kind: measured[kind])

    def is_as_good(kind: str) -> bool:
        return measured[best] - measured[kind] <= float(np.nanstd(drawn[best] - drawn[kind]))

    return next(filter(is_as_good, MODELS)), {kind: measured[kind] for kind in MODELS}


def _margin(classifier: Classifier) -> Column:
    """The margin of `standard`, which is bound once: trees name it at every decision."""
    return F.transform(F.array("standard"), classifier.margin)[0]


def _calibrated(judged: DataFrame, kind: str) -> tuple[float, float]:
    """The slope and offset that make probabilities of a kind's margins."""
    told = judged.select(
        F.col("is_linked").cast("double").alias("label"),
        array_to_vector(F.array(kind)).alias("features"),
        "weight",
    )
    fit = LogisticRegression(weightCol="weight").fit(told)
    return float(fit.coefficients[0]), float(fit.intercept)


def _left_out(edges: DataFrame, as_of: datetime, view: View) -> float:
    if view.max_wedges is None:
        return 0.0
    dropped = links.left_out(known(edges, as_of=as_of, view=view), max_wedges=view.max_wedges)
    [found] = dropped.agg(F.sum("wedge_share").alias("share")).collect()
    return float(found["share"] or 0.0)


def _told(scored: DataFrame) -> dict[str, float]:
    """How many pairs there are and linked, and how far the probabilities hold."""
    link, weight = F.col("is_linked").cast("double"), F.col("weight")
    off = F.pow(F.col("probability") - link, 2)
    [found] = scored.agg(
        F.sum("weight").alias("pairs"),
        F.sum(link).alias("links"),
        (F.sum(off * weight) / F.sum(weight)).alias("brier"),
        (F.sum(F.col("probability") * weight) / F.sum(weight)).alias("mean_probability"),
    ).collect()
    return {**found.asDict(), "pairs": round(found["pairs"]), "links": round(found["links"])}


def _best_single(pairs: DataFrame) -> str:
    """The feature that ranks these pairs best by itself."""
    found = rankings.compared(pairs, scores=FEATURES, at=(), draws=0).collect()
    measured = {row["score"]: row["measured"][0] for row in found}
    return max(FEATURES, key=lambda name: measured[name])


def _evaluated(scored: DataFrame, measures: _Measures, *, foreseen: str) -> dict[str, Any]:
    """The measures of the probability and of each feature alone, and its gain over two of these."""
    names = ("probability", *FEATURES)
    found = rankings.compared(
        scored, scores=names, at=measures.precision_at, draws=measures.draws, seed=measures.seed
    ).collect()
    drawn = {row["score"]: np.array(row["drawn"]) for row in found}
    measured = {row["score"]: measures.row(row["measured"], drawn[row["score"]]) for row in found}
    rows = [{"score": name, **measured[name]} for name in names]
    kinds = ", ".join(["score string", *(f"{name} double" for name in measured["probability"])])
    evaluated: dict[str, Any] = dict(measured["probability"])
    best = max(FEATURES, key=lambda name: measured[name]["roc_auc"])
    for kind, name in {"best_single": best, "foreseen_single": foreseen}.items():
        low, high = measures.interval(drawn["probability"][:, 0] - drawn[name][:, 0])
        gain = f"gain_over_{kind}"
        evaluated |= {
            kind: name,
            f"{kind}_roc_auc": measured[name]["roc_auc"],
            gain: evaluated["roc_auc"] - measured[name]["roc_auc"],
            f"{gain}_low": float(low),
            f"{gain}_high": float(high),
        }
    return {**evaluated, "scores": scored.sparkSession.createDataFrame(rows, kinds)}
