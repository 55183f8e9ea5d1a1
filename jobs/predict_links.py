"""Who will turn to whom next, who will take up which product, and which products will go together?

Reads silver.ties; writes gold.links and gold.link_scores. A predictor is learnt for each kind of link on what
came before, and judged on the horizon before the day.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial, reduce
from typing import Any

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from retinue import cli, job, plots
from retinue.answer import Answer, Finding
from retinue.job import Analysed
from retinue.lake import Lake
from retinue.network import building, candidates, communities, predictor
from retinue.network.candidates import View
from retinue.settings import GraphSettings, Settings

READS = ("silver.ties",)
WRITES = ("gold.links", "gold.link_scores")
PRECISION_AT = (10, 100)
KINDS = {
    "people": "Which two people will be tied next?",
    "products": "Who will take up what next?",
    "together": "Which products will go together next?",
}
TOLD = ("common_neighbours", "adamic_adar", "personalised_pagerank", "embedding_cosine")


@dataclass(frozen=True)
class Predicted:
    """The links of a kind, and, where there was enough to learn from, the model and how well it did."""

    kind: str
    links: DataFrame
    model: predictor.LinkPredictor | None = None
    evaluation: dict[str, Any] = field(default_factory=dict)


def run(lake: Lake, settings: Settings) -> Answer:
    """Learn, judge on what came later, and predict from today, kind by kind."""
    with job.tied(lake, settings) as ties:
        people = building.between_people(ties.rows)
        products = building.of_products(ties.rows)
        kinds = {"people": people, "products": products, "together": building.together(products)}
        return _answer(ties, [_predicted(ties, kind, days, settings.graph) for kind, days in kinds.items()])


def _predicted(ties: Analysed, kind: str, days: DataFrame, chosen: GraphSettings) -> Predicted:
    view = View(
        at="acted_on",
        bipartite=kind == "products",
        half_life=chosen.half_life,
        communities=partial(communities.detect, engine=chosen.engine, local_limit=chosen.local_limit),
        max_wedges=chosen.max_wedges,
        engine=chosen.engine,
        local_limit=chosen.local_limit,
    )
    cut_off = ties.as_of - chosen.horizon
    try:
        model, evaluation = predictor.train(
            days, cut_off=cut_off, horizon=chosen.horizon, view=view, precision_at=PRECISION_AT
        )
    except predictor.NothingToLearn:
        pairs = candidates.features(days, as_of=ties.as_of, view=view).withColumn("probability", F.lit(None))
        return Predicted(kind, _best(pairs, "adamic_adar", kind, chosen.links))
    pairs = model.predict(days, as_of=ties.as_of, limit=chosen.links)
    return Predicted(kind, _best(pairs, "probability", kind, chosen.links), model, evaluation)


def _best(pairs: DataFrame, by: str, kind: str, limit: int) -> DataFrame:
    """Of each src the `limit` first, ties by dst."""
    place = F.row_number().over(Window.partitionBy("src").orderBy(F.desc(by), "dst"))
    ranked = pairs.withColumns({"kind": F.lit(kind), "rank": place}).where(F.col("rank") <= limit)
    return ranked.select("kind", "src", "dst", "rank", F.col("probability").cast("double"), *TOLD)


def _answer(ties: Analysed, found: list[Predicted]) -> Answer:
    links = ties.keep("gold.links", reduce(DataFrame.unionByName, (each.links for each in found)))
    learnt = [each for each in found if each.model]
    none = ties.lake.frame("gold.link_scores", []).drop("as_of", "segment")
    scores = (each.evaluation["scores"].withColumn("kind", F.lit(each.kind)) for each in learnt)
    kept = ties.keep("gold.link_scores", reduce(DataFrame.unionByName, scores, none))
    return ties.answer(
        (finding for each in found for finding in _of_kind(each, links)),
        rows_out=links.count(),
        figures={"link_scores": plots.link_scores(kept)} if learnt else {},
        metrics={name: value for each in learnt for name, value in _metrics(each).items()},
        models={f"links_{each.kind}": each.model.save for each in learnt if each.model},
    )


def _metrics(predicted: Predicted) -> dict[str, float]:
    numbers = predicted.evaluation.items()
    return {f"{predicted.kind}_{name}": float(v) for name, v in numbers if isinstance(v, int | float)}


def _of_kind(predicted: Predicted, links: DataFrame) -> Iterable[Finding]:
    own = links.where(F.col("kind") == predicted.kind)
    first = own.orderBy(F.desc("probability"), F.desc("adamic_adar"), "src", "dst").first()
    if not first:
        return
    yield Finding(KINDS[predicted.kind], f"{first['src']}, {first['dst']}")
    judged = predicted.evaluation
    if not judged:
        yield Finding(f"Was there enough to learn from ({predicted.kind})?", False)
        return
    yield Finding(f"How probable is it ({predicted.kind})?", first["probability"], "share")
    yield Finding(f"What is the predictor's ROC AUC on later links ({predicted.kind})?", judged["roc_auc"])
    yield Finding("And of the best single score, known afterwards?", judged["best_single_roc_auc"])
    yield Finding("How many of its ten best came true?", judged["precision_at_10"], "share")


if __name__ == "__main__":
    cli.submitted(__file__)
