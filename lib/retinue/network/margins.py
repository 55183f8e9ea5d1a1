"""What a classifier of MLlib has learnt, as plain numbers, and the margin they give, as an expression."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pyspark.sql import Column
from pyspark.sql import functions as F

__all__ = ["Classifier", "Node", "Regression", "Split", "Trees", "read", "restored"]


@dataclass(frozen=True)
class Regression:
    """A weight for each feature, and what is added to their sum."""

    weights: Mapping[str, float]
    intercept: float

    def margin(self, features: Column) -> Column:
        """The margin of a struct of features: above 0 speaks for the label."""
        terms = (F.lit(weight) * features[name] for name, weight in self.weights.items())
        return _total([F.lit(self.intercept), *terms])


@dataclass(frozen=True)
class Split:
    """A decision of a tree: left where the feature is at most the threshold, else right."""

    feature: str
    threshold: float
    left: Node
    right: Node


Node: TypeAlias = "Split | float"  # a leaf is the number that it adds to the margin


@dataclass(frozen=True)
class Trees:
    """Decision trees, each of which adds to the margin."""

    roots: tuple[Node, ...]

    def margin(self, features: Column) -> Column:
        """The margin of a struct of features: above 0 speaks for the label."""
        return _total(_reached(root, features) for root in self.roots)


Classifier: TypeAlias = Regression | Trees


def read(fitted: Any, names: Sequence[str]) -> Classifier:
    """What a LogisticRegressionModel or a GBTClassificationModel learnt from features of these names.

    Its margin is MLlib's rawPrediction of the label 1, also of features that lie on a threshold.
    """
    if hasattr(fitted, "coefficients"):
        weights = map(float, fitted.coefficients)
        return Regression(dict(zip(names, weights, strict=True)), float(fitted.intercept))
    roots = (tree._java_obj.rootNode() for tree in fitted.trees)
    weighted = zip(roots, fitted.treeWeights, strict=True)
    return Trees(tuple(_node(root, names, float(weight)) for root, weight in weighted))


def restored(numbers: Mapping[str, Any]) -> Classifier:
    """The classifier of which these are the numbers, as dataclasses.asdict gives them and JSON keeps them."""
    return Trees(tuple(map(_grown, numbers["roots"]))) if "roots" in numbers else Regression(**numbers)


def _node(node: Any, names: Sequence[str], weight: float) -> Node:
    if node.getClass().getSimpleName() == "LeafNode":
        return float(node.prediction()) * weight
    split = node.split()
    left, right = (_node(child, names, weight) for child in (node.leftChild(), node.rightChild()))
    return Split(names[split.featureIndex()], float(split.threshold()), left, right)


def _grown(node: Any) -> Node:
    if not isinstance(node, Mapping):
        return float(node)
    left, right = _grown(node["left"]), _grown(node["right"])
    return Split(node["feature"], node["threshold"], left, right)


def _reached(node: Node, features: Column) -> Column:
    """What the leaf holds at which the features arrive."""
    if not isinstance(node, Split):
        return F.lit(node)
    left, right = _reached(node.left, features), _reached(node.right, features)
    return F.when(features[node.feature] <= node.threshold, left).otherwise(right)


def _total(terms: Iterable[Column]) -> Column:
    return F.aggregate(F.array(*terms), F.lit(0.0), lambda total, each: total + each)
