"""What Arrow tasks have in common: paths in columns, batches in pieces, sums over all tasks."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from functools import reduce
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from retinue.attribution.shorter import Paths
from retinue.network.compact import parts

__all__ = ["HASH", "added_up", "codes_of", "cut", "hashes_in", "hashes_out", "paths_of"]

Numbers = NDArray[np.int64]
Sums = TypeVar("Sums")
LONG = 256  # elements of a list that cost as much as a row
HASH = "struct<one: bigint, other: bigint>"  # of a path


def added_up(
    rows: DataFrame,
    part: Callable[[Iterator[pa.RecordBatch]], Iterator[Sums]],
    add: Callable[[Sums, Sums], Sums],
) -> Sums | None:
    """All sums that `part` makes of the rows of each task, added up; None where there are no rows.

    Runs a Spark job. Each task sends one sum to a small one, and that one sum to the driver: what `part` and
    `add` give must be bounded.
    """

    def within(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from _sent(part(batches), add)

    def at_last(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from _sent(_received(batches), add)

    sums = rows.mapInArrow(within, "sums binary").repartition(1).mapInArrow(at_last, "sums binary")
    return next(_received(sums.toArrow().to_batches()), None)


def cut(
    batches: Iterator[pa.RecordBatch], most: int, *, lists: str | None = None
) -> Iterator[pa.RecordBatch]:
    """The same rows, at most so many at once; fewer where those of the column `lists` are long.

    A list counts as one row more for each `LONG` elements, so that `most` bounds memory in all.
    """
    for batch in batches:
        work = np.ones(len(batch), dtype=np.int64)
        if lists is not None:
            work += _numbers(batch.column(lists).value_lengths().fill_null(0)) // LONG
        for rows in parts(work, most=most):
            yield batch[rows]


def codes_of(listed: pa.ListArray, channels: list[Any]) -> Paths:
    """The paths of a column of lists of channels, numbered as these stand."""
    told = listed.flatten()
    codes = pc.index_in(told, value_set=pa.array(channels, type=told.type))
    return Paths(_numbers(codes), _numbers(listed.value_lengths()))


def paths_of(listed: pa.ListArray) -> Paths:
    """The paths of a column of lists of numbers."""
    return Paths(_numbers(listed.flatten()), _numbers(listed.value_lengths()))


def hashes_in(column: pa.StructArray) -> Numbers:
    """The hashes in a column of the type `HASH`, two numbers a row."""
    return np.stack([_numbers(each) for each in column.flatten()], axis=1)


def hashes_out(hashes: Numbers) -> pa.StructArray:
    """The column of these."""
    return pa.StructArray.from_arrays([pa.array(each) for each in hashes.T], ["one", "other"])


def _numbers(column: pa.Array) -> Numbers:
    numbers: Numbers = column.to_numpy(zero_copy_only=False).astype(np.int64)
    return numbers


def _sent(parts: Iterator[Sums], add: Callable[[Sums, Sums], Sums]) -> Iterator[pa.RecordBatch]:
    first = next(parts, None)
    if first is not None:
        whole = reduce(add, parts, first)
        yield pa.RecordBatch.from_arrays([pa.array([pickle.dumps(whole)], pa.binary())], ["sums"])


def _received(batches: Iterator[pa.RecordBatch]) -> Iterator[Sums]:
    for batch in batches:
        for sent in batch.column("sums").to_pylist():
            yield pickle.loads(sent)
