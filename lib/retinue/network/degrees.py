"""Degrees by joins: how many edges a vertex has."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

__all__ = ["joined"]


def joined(links: DataFrame, vertices: DataFrame, *, directed: bool) -> DataFrame:
    """id, degree, in_degree and out_degree; a self-loop is an edge at each of its two ends.

    In: links with src and dst, without self-loops, both ways where they have no direction; vertices with id
    and is_looped.
    """
    out = links.groupBy(F.col("src").alias("id")).agg(F.count("*").alias("out"))
    arriving = links.groupBy(F.col("dst").alias("id")).agg(F.count("*").alias("arriving"))
    loop = F.when(F.col("is_looped"), 1).otherwise(0)
    none = F.lit(0)
    out_degree, in_degree = F.coalesce("out", none) + loop, F.coalesce("arriving", none) + loop
    both = out_degree + in_degree if directed else out_degree + loop
    ends = (
        {"out_degree": out_degree, "in_degree": in_degree}
        if directed
        else {"out_degree": both, "in_degree": both}
    )
    return (
        vertices.join(out, "id", "left")
        .join(arriving, "id", "left")
        .select("id", both.alias("degree"), *(end.alias(name) for name, end in ends.items()))
    )
