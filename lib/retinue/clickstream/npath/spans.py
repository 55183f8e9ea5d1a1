"""The matcher as an Arrow batch function: arrays of symbol sets in, arrays of matches out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, pairwise
from typing import Any

import pyarrow as pa
from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf

from retinue.clickstream.npath.matcher import Found, Matcher
from retinue.clickstream.npath.order import Number
from retinue.clickstream.npath.sequences import ROWS
from retinue.errors import PatternError

TYPE = "array<struct<start: int, length: int, labels: array<tinyint>>>"


def spans(matcher: Matcher, within: Number | None, names: Mapping[str, str]) -> Column:
    """The matches of each partition, given a row a partition as `gather` does, whose keys have these names.

    An array of structs: start (from 0), length, labels (the number of the symbol that took each row, none
    where nobody asks). `within` limits the difference of the rows' clocks over a match.
    """
    return _search(matcher, within, names, TYPE, lambda found: _packed(list(map(list, found))))


def dead_ends(matcher: Matcher, within: Number | None, names: Mapping[str, str]) -> Column:
    """For each partition what keeps the search from going on after a match, in words, or else null."""
    return _search(
        matcher, within, names, "string", lambda found: pa.array(map(_dead_end, found), pa.string())
    )


def _dead_end(found: Iterator[Found]) -> str | None:
    try:
        for _ in found:
            pass
    except PatternError as fault:
        return str(fault)
    return None


def _search(
    matcher: Matcher,
    within: Number | None,
    names: Mapping[str, str],
    kind: str,
    told: Callable[[Iterator[Iterator[Found]]], pa.Array],
) -> Column:
    """A value a partition of type `kind`, made by `told` of the matches of each partition of a batch."""

    def find(masks: pa.Array, clocks: pa.Array, partitions: pa.Array) -> pa.Array:
        batch = zip(lists(masks), clocks, partitions, strict=True)
        return told(matcher.find(rows, limits(clock, within), str(name)) for rows, clock, name in batch)

    parts = [
        F.concat(F.lit(f"{name} = "), F.coalesce(F.col(key).cast("string"), F.lit("null")))
        for key, name in names.items()
    ]
    partition = F.concat_ws(", ", *parts) if matcher.skip.symbol >= 0 else F.lit(None).cast("string")
    clock = F.col(f"{ROWS}.clock") if within is not None else F.lit(None).cast("array<int>")
    return arrow_udf(find, kind)(F.col(f"{ROWS}.mask"), clock, partition)  # type: ignore[no-any-return, call-overload]


def lists(arrays: pa.ListArray) -> Iterable[list[int]]:
    """Each array as a plain list; numpy's buffers become integers far faster than Arrow's scalars."""
    values, offsets = arrays.values.to_numpy(), arrays.offsets.to_pylist()
    return (values[start:end].tolist() for start, end in pairwise(offsets))


def limits(clock: pa.Scalar, within: Number | None) -> list[int] | None:
    """For each row the place before which a match from it must end; a row without a time allows none."""
    if within is None:
        return None
    times, ends, limit = clock.as_py(), [], 0
    for start, time in enumerate(times):
        limit = max(limit, start)
        while limit < len(times) and _is_near(time, times[limit], within):
            limit += 1
        ends.append(limit)
    return ends


def _is_near(first: Number | None, last: Number | None, within: Number) -> bool:
    return first is not None and last is not None and abs(last - first) <= within  # type: ignore[operator]


def _packed(partitions: Sequence[Sequence[Found]]) -> pa.Array:
    matches = list(chain.from_iterable(partitions))
    taken = pa.py_buffer(b"".join(found.labels for found in matches))
    flat = pa.Array.from_buffers(pa.int8(), taken.size, [None, taken])
    labels = pa.ListArray.from_arrays(_offsets(found.labels for found in matches), flat)
    starts = pa.array((found.start for found in matches), pa.int32())
    lengths = pa.array((found.end - found.start for found in matches), pa.int32())
    structs = pa.StructArray.from_arrays([starts, lengths, labels], names=["start", "length", "labels"])
    return pa.ListArray.from_arrays(_offsets(partitions), structs)


def _offsets(lists: Iterable[Sequence[Any]]) -> pa.Array:
    offsets = [0]
    for each in lists:
        offsets.append(offsets[-1] + len(each))
    return pa.array(offsets, pa.int32())
