"""Contacts of bronze into silver: for the jobs that bring them in, and those that bring them in after all."""

from __future__ import annotations

from pyspark.sql import functions as F

from retinue.answer import Finding
from retinue.clickstream.events import first_delivered
from retinue.clickstream.incremental import of, touched
from retinue.lake import Lake
from retinue.tables import RELATIONSHIPS

__all__ = ["KEY", "clean", "told"]

KEY = ("network", "contact_id")


def clean(lake: Lake, *, since: int | None) -> None:
    """Bring silver.contacts up to bronze.contacts where this changed after `since`; None is all of it.

    Of the deliveries of a contact the first stands. Only contacts with new records are read again. Runs Spark
    jobs.
    """
    changed = touched(lake.changes("bronze.contacts", since=since), by=KEY)
    delivered = of(lake.read("bronze.contacts"), changed)
    lake.merge("silver.contacts", first_delivered(delivered, key=KEY))


def told(lake: Lake) -> tuple[Finding, ...]:
    """What is known by now. Runs Spark jobs and brings one row and one number."""
    known = lake.read("silver.contacts")
    counts = known.agg(
        F.count("*").alias("contacts"),
        *(F.count_if(F.col("relationship") == each).alias(each) for each in RELATIONSHIPS),
    ).first()
    assert counts is not None, "an aggregate without groups has one row"
    ends = known.select("network", F.explode(F.array("profile_id", "to_profile_id")).alias("profile_id"))
    return (
        Finding("How many contacts are known?", counts["contacts"], "contacts"),
        *(
            Finding(f"How many contacts have the relationship {each}?", counts[each], "contacts")
            for each in RELATIONSHIPS
        ),
        Finding("How many profiles do contacts connect?", ends.distinct().count(), "profiles"),
    )
