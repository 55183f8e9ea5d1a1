"""What the models of paths have in common: how paths are given, and how all credit is shared out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retinue.schema import require

__all__ = ["given", "spread"]


def given(paths: DataFrame, *, what: str) -> DataFrame:
    """path (nulls in it left out), conversions, value, nulls (double; 0 where there is no such column).

    Raises SchemaMismatch, naming `what` needs them, where path or conversions are missing.
    """
    require(paths, ["path", "conversions"], what=what)

    def amount(name: str) -> Column:
        return F.coalesce(F.col(name).cast("double"), F.lit(0.0)) if name in paths.columns else F.lit(0.0)

    return paths.select(
        F.array_compact(F.coalesce("path", F.array())).alias("path"),
        *(amount(name).alias(name) for name in ("conversions", "value", "nulls")),
    )


def spread(paths: DataFrame, measured: Mapping[Any, float], **beside: Mapping[Any, float]) -> DataFrame:
    """All conversions and value of the paths with touches, shared out as the channels measure.

    Out, a row a channel: channel, conversions, value (double), and what stands `beside` them (double). What
    no touch led to is under the channel null, where there is any.
    """
    whole, sum_of_all = _totals(paths), sum(measured.values()) or 1.0
    conversions, value = whole.get(True, (0.0, 0.0))
    rows: list[tuple[Any, ...]] = [
        (channel, conversions * share, value * share, *(each[channel] for each in beside.values()))
        for channel, share in sorted((channel, each / sum_of_all) for channel, each in measured.items())
    ]
    if any(whole.get(False, ())):
        rows.append((None, *whole[False], *(None for _ in beside)))
    kind = paths.schema["path"].dataType.elementType.simpleString()  # type: ignore[attr-defined]
    told = ", ".join(f"{name} double" for name in ("conversions", "value", *beside))
    return paths.sparkSession.createDataFrame(rows, f"channel {kind}, {told}")


def _totals(paths: DataFrame) -> dict[bool, tuple[float, float]]:
    """Conversions and value of the paths with touches (True) and of those without (False)."""
    whole = (
        given(paths, what="attribution")
        .groupBy((F.size("path") > 0).alias("has_touches"))
        .agg(F.sum("conversions").alias("conversions"), F.sum("value").alias("value"))
    )
    return {row.has_touches: (row.conversions, row.value) for row in whole.collect()}
