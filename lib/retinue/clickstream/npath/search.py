"""The search as a whole: ask, gather the partitions, match, tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from pyspark.sql import Column, DataFrame

from retinue.clickstream.npath import order
from retinue.clickstream.npath.output import by_match, by_row, matches
from retinue.clickstream.npath.question import ask
from retinue.clickstream.npath.sequences import gather
from retinue.clickstream.npath.spans import spans


def npath(
    rows: DataFrame,
    *,
    partition_by: Sequence[str | Column],
    order_by: Sequence[str | Column],
    symbols: Mapping[str, str | Column],
    pattern: str,
    measures: Mapping[str, str],
    mode: str = "nonoverlapping",
    output: str = "match",
    prefer: str = "longest",
    where: str | None = None,
    within: timedelta | order.Number | None = None,
    empty_matches: bool = False,
    unmatched_rows: bool = False,
) -> DataFrame:
    """The matches of a pattern over rows in order: one row a match, a match as long as the pattern allows."""
    question = ask(
        rows.columns,
        given=symbols,
        pattern=pattern,
        measures=measures,
        where=where,
        mode=mode,
        output=output,
        prefer=prefer,
        empty_matches=empty_matches,
        unmatched_rows=unmatched_rows,
    )
    keys = order.partition_keys(rows, partition_by)
    by = order.read(rows, order_by)
    clock, limit = (None, None) if within is None else order.clock(rows, by[0].key, within)
    partitions = gather(rows, question, keys=[*keys.values()], order=by, clock=clock)
    names = dict(zip(partitions.columns, keys, strict=False))
    found = matches(partitions, spans(question.matcher, limit, names), question, names)
    return (by_row if question.by_row else by_match)(found, question, names)
