"""Facts of ads from bronze into silver: for the jobs that bring them in, at once or after all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retinue.answer import Finding
from retinue.clickstream.events import first_delivered, last_delivered
from retinue.clickstream.incremental import of, touched
from retinue.lake import Lake

__all__ = ["BRONZE", "clean", "told"]


@dataclass(frozen=True)
class _Way:
    """From a table of bronze to one of silver: what tells its rows apart, and which delivery stands."""

    to: str
    key: tuple[str, str]
    standing: Callable[..., DataFrame]


_WAYS = {
    "bronze.ad_touches": _Way("silver.ad_touches", ("source", "touch_id"), first_delivered),
    # Costs of the last days are stated again and again until they are billed.
    "bronze.ad_costs": _Way("silver.ad_costs", ("source", "cost_id"), last_delivered),
    "bronze.ad_assignments": _Way("silver.ad_assignments", ("source", "assignment_id"), first_delivered),
}
BRONZE = tuple(_WAYS)
"""The tables that `clean` reads."""


def clean(lake: Lake, *, since: Mapping[str, int | None]) -> None:
    """Bring silver up to each table of bronze where this changed after its version in `since`; None is all.

    Of the deliveries of a touch or an assignment the first stands, of those of a cost the last. Only what has
    new records is read again. Runs Spark jobs.
    """
    for bronze, way in _WAYS.items():
        changed = touched(lake.changes(bronze, since=since[bronze]), by=way.key)
        if not changed.isEmpty():
            delivered = of(lake.read(bronze), changed)
            lake.merge(way.to, way.standing(delivered, key=way.key))


def told(lake: Lake) -> tuple[Finding, ...]:
    """What is known by now. Runs Spark jobs; two rows and one a currency come to the driver."""
    touches = lake.read("silver.ad_touches").agg(
        F.count("*").alias("touches"), F.count_if(F.col("touch_type") == "click").alias("clicks")
    )
    groups = lake.read("silver.ad_assignments").agg(
        F.count("*").alias("assigned"), F.count_if(~F.col("is_treated")).alias("held_out")
    )
    [counts] = touches.crossJoin(groups).collect()
    costs = lake.read("silver.ad_costs").groupBy("currency")
    spent = costs.agg(F.sum("cost_amount").cast("double").alias("cost")).orderBy("currency").collect()
    return (
        Finding("How many touches of ads and mails are known?", counts["touches"], "touches"),
        Finding("How many of them are clicks?", counts["clicks"], "touches"),
        *(
            Finding("How much was spent on ads?", row["cost"], row["currency"] or "in an unnamed currency")
            for row in spent
        ),
        Finding("How many lots decided who may see an ad?", counts["assigned"], "assignments"),
        Finding("How many of them held somebody out?", counts["held_out"], "assignments"),
    )
