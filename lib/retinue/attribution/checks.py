"""What credit must be, whatever the journeys: nothing of it is lost, and the chain converts as they do."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retinue.attribution import markov, shares
from retinue.errors import InvariantBroken

__all__ = ["require_conserved", "require_empirical_rate"]

_ROUNDING = 1e-9  # as a share of the whole


def require_conserved(credited: DataFrame, journeys: DataFrame) -> None:
    """All that each model credits, of a kind and at a level, is all that converted, and all its value.

    In: conversion_type, level, model, conversions and value; and the journeys. Runs Spark jobs; a row a
    model, kind and level comes to the driver. Raises InvariantBroken, which names the model.
    """
    of = ("conversion_type", "level", "model")
    converted = journeys.where("is_converted").groupBy("conversion_type")
    whole = {row[0]: row for row in converted.agg(*_sums(F.count("*").cast("double"))).collect()}
    for row in credited.groupBy(*of).agg(*_sums(F.sum("conversions"))).collect():
        for amount in ("conversions", "value"):
            wanted = whole[row["conversion_type"]][amount] if row["conversion_type"] in whole else 0.0
            if not _is_same(row[amount], wanted):
                raise InvariantBroken(
                    f"the model {row['model']} credits {row[amount]:.12g} {amount} by {row['level']}, while "
                    f"the journeys ({row['conversion_type']}) have {wanted:.12g}; nothing was written of it: "
                    "tell those who build retinue"
                )


def require_empirical_rate(paths: DataFrame, *, order: int) -> None:
    """The chain leads to a conversion as often as the paths with touches do.

    In: paths as `markov.attribute` takes them. Runs Spark jobs; the chain's transitions come to the driver.
    Raises InvariantBroken.
    """
    given = shares.given(paths, what="require_empirical_rate").where("size(path) > 0")
    [whole] = given.agg(F.sum("conversions").alias("won"), F.sum("nulls").alias("lost")).collect()
    if not (whole["won"] or 0) + (whole["lost"] or 0):
        return
    rate = whole["won"] / (whole["won"] + whole["lost"])
    steps = markov.transitions(paths, order=order).collect()
    found = markov.chain_of(steps, order=order).conversion_probability()
    if not _is_same(found, rate):
        raise InvariantBroken(
            f"the chain of order {order} converts with probability {found:.12g}, while {rate:.12g} of the "
            "journeys do; nothing was written of it: tell those who build retinue"
        )


def _sums(conversions: Column) -> list[Column]:
    return [
        conversions.alias("conversions"),
        F.coalesce(F.sum("value").cast("double"), F.lit(0.0)).alias("value"),
    ]


def _is_same(one: float, other: float) -> bool:
    return abs(one - other) <= _ROUNDING * max(1.0, abs(other))
