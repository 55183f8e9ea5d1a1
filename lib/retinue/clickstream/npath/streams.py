"""Several streams of events as one, in time: visits beside orders beside calls."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from retinue.errors import SchemaMismatch, nearest
from retinue.schema import quoted, require


def merge(
    streams: Mapping[str, DataFrame],
    *,
    partition_by: Sequence[str],
    order_by: Sequence[str],
    columns: Mapping[str, Mapping[str, str]] | None = None,
    dimensions: Mapping[str, DataFrame] | None = None,
    stream: str = "stream",
) -> DataFrame:
    """All rows of the streams in one frame, in which `stream` says whose each row is.

    Gives the columns of all streams by name, null where a row's stream has none of that name; before them
    `stream` (string) and `stream_index` (int, from 1 in the order given). Sort by `stream_index` after the
    time, and of rows at the same time those of the stream named first come first:

        events = merge({"visits": visits, "orders": orders}, partition_by=["visitor"], order_by=["at"])
        npath(events, order_by=["at", "stream_index"], symbols={"Buy": "stream = 'orders'"}, ...)

    streams: name -> rows, each with all columns of `partition_by` and `order_by`.
    columns: stream -> {its own column: the name it goes by here}, where a stream calls a key otherwise.
    dimensions: name -> a few rows that every partition is to have, such as a calendar of campaigns. They
        need the columns of `order_by`; those of `partition_by` are each partition's own. The streams are
        then read twice.

    Columns of one name must be of one type; numbers may differ, and become the wider. Lazy. What nPath does
    with several ON clauses. Raises SchemaMismatch for a column that is missing, of another type than
    elsewhere, or already called as `stream`, and for an unknown stream.
    """
    dimensions = dimensions or {}
    if not streams:
        raise SchemaMismatch("streams: there is none; name at least one")
    for name in streams.keys() & dimensions.keys():
        raise SchemaMismatch(f"{name} is a stream and a dimension; rename one")
    shared = _renamed({**streams, **dimensions}, columns or {})
    for name, rows in shared.items():
        require(rows, order_by if name in dimensions else [*partition_by, *order_by], what=f"stream {name}")
    _refuse_other_types(shared, reserved={stream.lower(), f"{stream}_index".lower()})
    marked = {
        name: rows.select(F.lit(name).alias(stream), F.lit(index).alias(f"{stream}_index"), "*")
        for index, (name, rows) in enumerate(shared.items(), start=1)
    }
    merged = _union(marked[name] for name in streams)
    if not dimensions:
        return merged
    partitions = merged.select(*map(quoted, partition_by)).distinct()
    copies = (marked[name].drop(*partition_by) for name in dimensions)
    return _union([merged, *(partitions.crossJoin(F.broadcast(rows)) for rows in copies)])


def _union(streams: Iterable[DataFrame]) -> DataFrame:
    return reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), streams)


def _renamed(
    streams: Mapping[str, DataFrame], columns: Mapping[str, Mapping[str, str]]
) -> dict[str, DataFrame]:
    for name, renamed in columns.items():
        if name not in streams:
            raise SchemaMismatch(f"columns: there is no stream {name}{nearest(name, streams)}")
        require(streams[name], renamed, what=f"columns of stream {name}")
    return {name: rows.withColumnsRenamed(dict(columns.get(name, {}))) for name, rows in streams.items()}


def _refuse_other_types(streams: Mapping[str, DataFrame], reserved: Collection[str]) -> None:
    first: dict[str, tuple[str, T.DataType]] = {}
    for name, rows in streams.items():
        for field in rows.schema:
            column = field.name.lower()
            if column in reserved:
                raise SchemaMismatch(
                    f"stream {name} has a column {field.name} already; give `stream` another name"
                )
            other, kind = first.setdefault(column, (name, field.dataType))
            if not _go_together(kind, field.dataType):
                raise SchemaMismatch(
                    f"column {field.name} is {kind.simpleString()} in the stream {other} and"
                    f" {field.dataType.simpleString()} in {name}; cast or rename one"
                )


def _go_together(one: T.DataType, other: T.DataType) -> bool:
    if isinstance(one, T.NullType) or isinstance(other, T.NullType):
        return True
    if isinstance(one, T.NumericType) and isinstance(other, T.NumericType):
        return True
    return one.simpleString() == other.simpleString()
