"""How a text feels, learnt from labelled ones: logistic regression over n-grams and VADER's numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import combinations_with_replacement
from multiprocessing.pool import ThreadPool
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pyspark import inheritable_thread_target
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.classification import LogisticRegression, LogisticRegressionModel
from pyspark.ml.feature import (
    IDF,
    CountVectorizer,
    CountVectorizerModel,
    IDFModel,
    Normalizer,
    VectorAssembler,
)
from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf

from retinue.errors import RetinueError
from retinue.schema import quoted, require
from retinue.text import agreement
from retinue.text.calibration import Calibration, Decision, calibrate, choose
from retinue.text.cues import cues
from retinue.text.trained import CLASSES, SentimentModel

__all__ = ["labels_of_compound", "labels_of_stars", "score", "train"]

FINENESS = 10  # sums are counted by tenths
FURTHEST = 15.0
AT_ONCE = 4  # models fitted side by side, since a step of each waits for the driver
_CUES = "struct<ngrams: array<string>, numbers: array<double>>"
_ADDED = {"sentiment": "string", **{f"{name}_probability": "double" for name in CLASSES}}


def labels_of_stars(posts: DataFrame, *, rating: str = "star_rating") -> DataFrame:
    """Add `label` by the stars: negative up to 2.9, positive from 3.1, neutral between; null stays null.

    Lazy. Raises SchemaMismatch.
    """
    require(posts, [rating], what="labels_of_stars")
    return posts.withColumn("label", _class(F.col(quoted(rating)), 2.9, 3.1))


def labels_of_compound(scored: DataFrame, *, compound: str = "compound") -> DataFrame:
    """Add `label` by a number from -1 to 1: negative up to -.05, positive from .05, neutral between.

    The number is VADER's compound or a mean rating, such as one from -4 to 4 divided by 4; null stays null.
    Lazy. Raises SchemaMismatch.
    """
    require(scored, [compound], what="labels_of_compound")
    return scored.withColumn("label", _class(F.col(quoted(compound)), -0.05, 0.05))


def train(
    labelled: DataFrame,
    *,
    text: str = "text",
    label: str = "label",
    folds: int = 5,
    seed: int = 0,
    vocabulary: int = 200_000,
    least_documents: int = 2,
    prior: float = 0.5,
    iterations: int = 50,
) -> tuple[SentimentModel, dict[str, Any]]:
    """Learn to tell negative, neutral and positive texts apart, and say how well that goes on texts not seen.

    In: `text`, and `label` (negative, neutral or positive, in any case); rows without either do not count.

    A multinomial logistic regression of Spark ML over what `cues` finds: n-grams of up to three words and
    marks, those after a negation told apart, weighed by inverse document frequency; and the numbers of
    VADER's lexicon, so that few labels go far. Its sums are calibrated, and the class is chosen for macro F1,
    in which a rare neutral counts as much as the others (`calibration`).

    seed: which texts fall into which fold. vocabulary: the most n-grams kept, the most frequent first.
    least_documents: the fewest rows an n-gram must be in. prior: the precision of the normal prior of each
    weight: more of it, smaller weights.

    Out: the model (see `score`), and its evaluation out of fold, a mapping with
    - rows, folds, split ("hashed folds": by the hash of the text, so that equal texts are in one fold),
    - macro_f1, accuracy, precision_, recall_ and f1_ of each class,
    - log_loss and calibration_error, both also _uncalibrated,
    - vader_macro_f1 and vader_accuracy of VADER on the same rows (classes cut at -.05 and .05),
    - macro_f1_gain over VADER, with its 95% interval macro_f1_gain_low and macro_f1_gain_high,
    - confusion: true class -> class found -> rows, which `prevalence.corrected` takes.

    Nested: calibration and choice for the texts of a fold come from models that saw neither this fold nor the
    texts they judge; so 16 models are fitted with five folds. Runs Spark jobs; to the driver come the
    vocabulary, the weights, and how many texts had which sums, rounded to a tenth.

    Raises SchemaMismatch; RetinueError for an unknown label, a class with fewer rows than folds, fewer than
    three folds, or a fold that lacks one of the classes elsewhere.
    """
    require(labelled, [text, label], what="classifier.train")
    if folds < 3:
        raise RetinueError(f"folds is {folds}; nested folds need 3 at least")
    examples = _examples(labelled, text, label, folds=folds, seed=seed)
    _check_labels(examples, folds)
    pipeline = _vectors(vocabulary, least_documents).fit(examples)
    vectors = pipeline.transform(examples).select("features", "truth", "vader", "fold").persist()
    try:
        fit = partial(_fitted, prior=prior, iterations=iterations)
        judged = _judged(vectors, fit, folds)
        regression = fit(vectors)
    finally:
        vectors.unpersist()
    outer = judged[judged["fold"] == judged["other"]]
    return _model(pipeline, regression, _Cases.of(outer)), _evaluation(judged, folds)


def score(documents: DataFrame, model: SentimentModel, *, text: str = "text") -> DataFrame:
    """Add how a text feels by a trained model.

    Out: sentiment (string: negative, neutral, positive), negative_probability, neutral_probability and
    positive_probability (double, calibrated, together 1); all null where the text is null. The sentiment is
    the class that serves macro F1 best, not always the most probable: a rare class is found a little sooner.

    An Arrow batch function that judges each distinct text of a batch once. Lazy. Raises SchemaMismatch.
    """
    require(documents, [text], what="classifier.score")
    kept = [quoted(name) for name in documents.columns if name not in _ADDED]
    added = ", ".join(f"{name}: {kind}" for name, kind in _ADDED.items())

    def judge(batch: pa.Array) -> pa.Array:
        return _sentiments(model, batch)

    judging = arrow_udf(judge, f"struct<{added}>")  # type: ignore[call-overload]
    judged = documents.withColumn("_judged", judging(F.col(quoted(text))))
    return judged.select(*kept, *(F.col(f"_judged.{name}") for name in _ADDED))


def _class(number: Column, low: float, high: float) -> Column:
    return (
        F.when(number <= low, CLASSES[0])
        .when(number >= high, CLASSES[2])
        .when(number.isNotNull(), CLASSES[1])
    )


def _examples(labelled: DataFrame, text: str, label: str, *, folds: int, seed: int) -> DataFrame:
    """Rows with what is learnt from: n-grams, numbers, the true class and VADER's by number, the fold."""
    told = labelled.select(F.col(quoted(text)).alias("text"), F.lower(quoted(label)).alias("label"))
    seen = told.where("text IS NOT NULL AND label IS NOT NULL").withColumn("cues", _cues(F.col("text")))
    vader = _class(F.col("cues.numbers")[0], -0.05, 0.05)
    return seen.select(
        "label",
        F.col("cues.ngrams").alias("ngrams"),
        array_to_vector(F.col("cues.numbers")).alias("numbers"),
        _number(F.col("label")).alias("truth"),
        _number(vader).alias("vader"),
        F.pmod(F.xxhash64("text", F.lit(seed)), F.lit(folds)).cast("int").alias("fold"),
    )


def _number(label: Column) -> Column:
    return (F.array_position(F.array(*map(F.lit, CLASSES)), label) - 1).cast("double")


def _check_labels(examples: DataFrame, folds: int) -> None:
    counts = examples.groupBy("label", "fold").count().toPandas()
    unknown = sorted(set(counts["label"]) - set(CLASSES))
    if unknown:
        raise RetinueError(f"there is a label {unknown[0]!r}; a label is one of {', '.join(CLASSES)}")
    for name in CLASSES:
        rows = counts[counts["label"] == name]
        if len(rows) < 3:
            raise RetinueError(
                f"{int(rows['count'].sum())} texts in {len(rows)} of {folds} folds are {name}; "
                f"each class must have different texts in 3 folds at least"
            )


def _vectors(vocabulary: int, least_documents: int) -> Pipeline:
    """From cues to a vector: n-grams by their rarity in a vector of length 1, then the numbers as is."""
    counts = CountVectorizer(
        inputCol="ngrams", outputCol="counts", vocabSize=vocabulary, minDF=least_documents, binary=True
    )
    rarity = IDF(inputCol="counts", outputCol="weighed")
    length = Normalizer(inputCol="weighed", outputCol="said")
    together = VectorAssembler(inputCols=["said", "numbers"], outputCol="features")
    return Pipeline(stages=[counts, rarity, length, together])


def _fitted(vectors: DataFrame, *, prior: float, iterations: int) -> LogisticRegressionModel:
    """The penalty is on the mean loss, so that a prior's is its precision by the number of rows."""
    regression = LogisticRegression(
        labelCol="truth",
        family="multinomial",
        regParam=prior / vectors.count(),
        standardization=False,
        maxIter=iterations,
        tol=1e-4,
    )
    fitted: LogisticRegressionModel = regression.fit(vectors)
    return fitted


def _judged(
    vectors: DataFrame, fit: Callable[[DataFrame], LogisticRegressionModel], folds: int
) -> pd.DataFrame:
    """How many texts of a fold had which sums, by a model that saw neither it nor the other fold named."""

    def judged(pair: tuple[int, int]) -> pd.DataFrame:
        unseen = F.col("fold").isin(*pair)
        sums: pd.DataFrame = _counted(fit(vectors.where(~unseen)).transform(vectors.where(unseen)))
        sums["other"] = sum(pair) - sums["fold"]
        return sums

    with ThreadPool(AT_ONCE) as pool:
        pairs = combinations_with_replacement(range(folds), 2)
        parts: list[pd.DataFrame] = pool.map(inheritable_thread_target(vectors.sparkSession)(judged), pairs)
    return pd.concat(parts, ignore_index=True)


def _counted(judged: DataFrame) -> pd.DataFrame:
    sums = vector_to_array(F.col("rawPrediction"))

    def above_neutral(place: int) -> Column:
        bounded = F.greatest(F.lit(-FURTHEST), F.least(F.lit(FURTHEST), sums[place] - sums[1]))
        return F.round(bounded * FINENESS).cast("int")

    shown = judged.select(
        *("fold", "truth", "vader"), above_neutral(0).alias("negative"), above_neutral(2).alias("positive")
    )
    counted: pd.DataFrame = shown.groupBy(*shown.columns).count().toPandas()
    return counted


class _Cases(NamedTuple):
    """Kinds of texts, each with its sums, true class, VADER's class, and how many there are."""

    logits: NDArray[np.float64]
    truth: NDArray[np.int64]
    vader: NDArray[np.int64]
    counts: NDArray[np.float64]

    @classmethod
    def of(cls, counted: pd.DataFrame) -> _Cases:
        """In an order of their own, so that sums of them come out the same to the last digit."""
        rows = counted.sort_values(["fold", "truth", "vader", "negative", "positive"])
        negative, positive = rows["negative"].to_numpy() / FINENESS, rows["positive"].to_numpy() / FINENESS
        return cls(
            np.stack([negative, np.zeros(len(rows)), positive], axis=1),
            rows["truth"].to_numpy().astype(np.int64),
            rows["vader"].to_numpy().astype(np.int64),
            rows["count"].to_numpy().astype(np.float64),
        )

    def rules(self) -> tuple[Calibration, Decision]:
        calibration = calibrate(self.logits, self.truth, self.counts)
        return calibration, choose(calibration.probabilities(self.logits), self.counts)


def _model(pipeline: PipelineModel, regression: LogisticRegressionModel, cases: _Cases) -> SentimentModel:
    counts, rarity = cast(CountVectorizerModel, pipeline.stages[0]), cast(IDFModel, pipeline.stages[1])
    weights = regression.coefficientMatrix.toArray().T
    size = len(counts.vocabulary)
    calibration, decision = cases.rules()
    return SentimentModel(
        ngrams=tuple(counts.vocabulary),
        rarity=rarity.idf.toArray(),
        ngram_weights=weights[:size],
        number_weights=weights[size:],
        intercepts=regression.interceptVector.toArray(),
        calibration=calibration,
        decision=decision,
    )


def _evaluation(judged: pd.DataFrame, folds: int) -> dict[str, Any]:
    """Each fold by the rules that the texts of the others gave."""
    cases, found, sure, unsure = [], [], [], []
    for fold in range(folds):
        elsewhere = judged[(judged["other"] == fold) & (judged["fold"] != fold)]
        calibration, decision = _Cases.of(elsewhere).rules()
        tested = _Cases.of(judged[(judged["other"] == fold) & (judged["fold"] == fold)])
        cases.append(tested)
        unsure.append(Calibration().probabilities(tested.logits))
        sure.append(calibration.probabilities(tested.logits))
        found.append(decision.classes(sure[-1]))
    every = _Cases(*(np.concatenate(part) for part in zip(*cases, strict=True)))
    joint = _joint(every, np.concatenate(found))
    return {
        "rows": int(every.counts.sum()),
        "folds": folds,
        "split": "hashed folds",
        **_compared(joint),
        **_calibrated(every, np.concatenate(sure), ""),
        **_calibrated(every, np.concatenate(unsure), "_uncalibrated"),
        "confusion": _named(joint.sum(axis=2)),
    }


def _joint(cases: _Cases, found: NDArray[np.intp]) -> NDArray[np.float64]:
    """Counts by true class, class found and VADER's."""
    joint = np.zeros((3, 3, 3))
    np.add.at(joint, (cases.truth, found, cases.vader), cases.counts)
    return joint


def _compared(joint: NDArray[np.float64]) -> dict[str, float]:
    own, vader = (agreement.scores(joint.sum(axis=axis), CLASSES) for axis in (2, 1))
    low, high = agreement.gain_interval(joint)
    return {
        **own,
        "vader_macro_f1": vader["macro_f1"],
        "vader_accuracy": vader["accuracy"],
        "macro_f1_gain": own["macro_f1"] - vader["macro_f1"],
        "macro_f1_gain_low": low,
        "macro_f1_gain_high": high,
    }


def _calibrated(cases: _Cases, probabilities: NDArray[np.float64], suffix: str) -> dict[str, float]:
    return {
        f"log_loss{suffix}": agreement.log_loss(probabilities, cases.truth, cases.counts),
        f"calibration_error{suffix}": agreement.calibration_error(probabilities, cases.truth, cases.counts),
    }


def _named(confusion: NDArray[np.float64]) -> Mapping[str, Mapping[str, int]]:
    return {
        truth: {found: int(count) for found, count in zip(CLASSES, row, strict=True)}
        for truth, row in zip(CLASSES, confusion, strict=True)
    }


def _cues(text: Column) -> Column:
    return arrow_udf(_cues_of, _CUES)(text)  # type: ignore[no-any-return, call-overload]


def _cues_of(batch: pa.Array) -> pa.Array:
    found = [cues(each) for each in batch.to_pylist()]
    ngrams = pa.array([each.ngrams for each in found], pa.list_(pa.string()))
    numbers = pa.array([each.numbers for each in found], pa.list_(pa.float64()))
    return pa.StructArray.from_arrays([ngrams, numbers], names=["ngrams", "numbers"])


def _sentiments(model: SentimentModel, batch: pa.Array) -> pa.Array:
    distinct = batch.dictionary_encode()
    probabilities = model.probabilities(distinct.dictionary.to_pylist())
    told = [pa.array(model.sentiments(probabilities), pa.string()), *map(pa.array, probabilities.T)]
    return pa.StructArray.from_arrays([each.take(distinct.indices) for each in told], names=[*_ADDED])
