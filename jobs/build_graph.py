"""Who is connected with whom, or with what, and how closely by now?

Reads silver.ties; writes gold.edges.
"""

from __future__ import annotations

from collections.abc import Iterable

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retinue import cli, job
from retinue.answer import Answer, Finding
from retinue.lake import Lake
from retinue.network import building
from retinue.settings import Settings

READS = ("silver.ties",)
WRITES = ("gold.edges",)


def run(lake: Lake, settings: Settings) -> Answer:
    """Add up the ties of all days, older ones fading."""
    chosen = settings.graph
    with job.tied(lake, settings) as ties:
        faded = building.edges(
            ties.rows, as_of=ties.as_of, half_life=chosen.half_life, least=chosen.least_weight
        )
        edges = ties.keep("gold.edges", faded)
        return ties.answer(_findings(edges), rows_out=edges.count())


def _findings(edges: DataFrame) -> Iterable[Finding]:
    people, products = building.between_people(edges), building.of_products(edges)
    sources, targets = people.select("src"), people.select("dst")
    yield Finding("How many people are tied to people?", sources.union(targets).distinct().count(), "people")
    yield Finding(
        "How many people are tied to products?", products.select("src").distinct().count(), "people"
    )
    yield Finding("And to how many?", products.select("dst").distinct().count(), "products")
    kinds = edges.groupBy("relationship").count().orderBy(F.desc("count"), "relationship")
    for row in kinds.collect():  # a row a relationship
        yield Finding(f"How many ties are there: {row['relationship']}?", row["count"], "ties")


if __name__ == "__main__":
    cli.submitted(__file__)
