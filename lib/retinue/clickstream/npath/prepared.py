"""A search made ready: the question, and the partitions that it is put to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from pyspark.sql import Column, DataFrame
from pyspark.sql import types as T

from retinue.clickstream.npath import order
from retinue.clickstream.npath.question import Question, ask
from retinue.clickstream.npath.sequences import gather
from retinue.errors import PatternError


@dataclass(frozen=True)
class Prepared:
    """What npath's arguments say about these rows.

    `partitions` is a frame of a row a partition, whose keys have `names`. `limit` is `within` in the units
    of the rows' clocks: microseconds where `has_times`, else those of the first column of the order.
    """

    question: Question
    partitions: DataFrame
    names: Mapping[str, str]
    limit: order.Number | None
    has_times: bool


def prepare(
    rows: DataFrame,
    *,
    partition_by: Sequence[str | Column],
    order_by: Sequence[str | Column],
    symbols: Mapping[str, str | Column],
    pattern: str,
    measures: Mapping[str, str],
    mode: str,
    prefer: str,
    within: timedelta | order.Number | None,
    where: str | None = None,
    output: str = "match",
    empty_matches: bool = False,
    unmatched_rows: bool = False,
    max_rows: int | None = None,
) -> Prepared:
    """The search that these arguments, which are npath's, ask for. Raises PatternError."""
    question = ask(
        rows.columns,
        is_there=partial(order.is_there, rows),
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
    if max_rows is not None and max_rows < 1:
        raise PatternError(f"max_rows: it is {max_rows}; give at least 1, or None for no bound")
    keys = order.partition_keys(rows, partition_by)
    by = order.read(rows, order_by)
    clock, limit = (None, None) if within is None else order.clock(rows, by[0].key, within)
    partitions = gather(rows, question, keys=[*keys.values()], order=by, clock=clock, max_rows=max_rows)
    kind = None if by[0].column is None else rows.select(by[0].column).schema[0].dataType
    has_times = isinstance(kind, T.TimestampType | T.TimestampNTZType | T.DateType)
    return Prepared(question, partitions, dict(zip(partitions.columns, keys, strict=False)), limit, has_times)
