"""Conditions on rows, as SQL or as a Column."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

PING, PURCHASE = "lower(event_type) = 'ping'", "lower(event_type) = 'purchase'"


def holds(predicate: str | Column) -> Column:
    """Whether the predicate holds, never null: what is unknown does not hold."""
    condition = F.expr(predicate) if isinstance(predicate, str) else predicate
    return F.coalesce(condition, F.lit(False))
