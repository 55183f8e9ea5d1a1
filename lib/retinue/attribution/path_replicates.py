"""The counterfactual rule on journeys weighed many times over.

The rule compares the rate of a path with those of paths that are a touch shorter, so that sums over journeys
do not do: they are made path by path, asked for by a hash, and given back. A path that never converts has
the rate 0 in every replicate, as one has that nobody took: it is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F
from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

from retinue.attribution import arrow, shorter
from retinue.attribution import replicates as weighed

__all__ = ["Gains", "credits", "ratios", "shared"]

Array = NDArray[np.float64]
Numbers = NDArray[np.int64]
AT_ONCE = 1024  # rows whose sums are in memory
OFTEN = 32  # journeys of one path that are added up before they travel


@dataclass(frozen=True)
class Gains:
    """Paths, and what their touches gain, both a row each; a column a replicate."""

    rate: Array  # of each path
    won: Array  # its conversions
    worth: Array  # its value
    last: Numbers  # the code of its last touch
    owner: Numbers  # the path of each touch, or of some touches added up
    code: Numbers
    gain: Array


def ratios(amounts: Array, wholes: Array) -> Array:
    """The one by the other, 0 where there is nothing."""
    return np.divide(amounts, wholes, out=np.zeros_like(amounts), where=wholes > 0)


def shared(gains: Gains, size: int) -> Array:
    """Conversions and value of all paths by channel: 2 x `size` channels x replicates."""
    pairs, pair = np.unique(gains.owner * size + gains.code, return_inverse=True)
    by_channel = _summing(pair, len(pairs)) @ gains.gain
    owner, code = np.divmod(pairs, size)
    whole = _summing(owner, len(gains.last)) @ by_channel
    share = ratios(by_channel, whole[owner])
    to_touches, to_last = _summing(code, size), _summing(gains.last, size)
    return np.stack(
        [
            to_touches @ (amount[owner] * share) + to_last @ (amount * (whole == 0))
            for amount in (gains.won, gains.worth)
        ]
    )


def credits(given: DataFrame, *, channels: list[Any], replicates: int, seed: int) -> Array:
    """Conversions and value of journeys with touches: 2 x channels x replicates, the first one unweighed.

    In: key, channels (array, without nulls), is_converted, value (double). Runs a Spark job of three
    shuffles: of journeys by path, of the paths that convert with a question a run of touches, of these with
    the answers. Of a path that everybody takes less than `OFTEN` rows come from as many journeys as are read
    at once, as the others are added up before; a path asks once a run of touches, and is asked at most once
    a channel and place. All is linear in touches.

    Memory: a Python task holds a batch of Arrow, the sums of `AT_ONCE` rows, and of the path that it is at
    the sums so far, one row a channel; it sends 2 x channels x replicates. On their way rows have 8 bytes a
    replicate where they answer, 24 where they are a path; only Spark's own sorts hold them, and spill.
    """
    draws = _Draws(replicates, seed)
    journeys = given.select("key", "channels", "is_converted", "value")
    taken = journeys.mapInArrow(partial(_by_path, channels, draws), _TAKEN)
    of_path = Window.partitionBy("path").orderBy(F.desc("is_converted"))
    converting = (
        taken.withColumn("_converts", F.first("is_converted").over(of_path))
        .where("_converts")
        .drop("_converts")
        .sortWithinPartitions("path", F.desc("is_converted"))
    )
    asked = converting.mapInArrow(partial(_asked, draws), _ASKED)
    told = F.max("known").over(Window.partitionBy("asks"))
    answered = (
        asked.select("asker", "code", "times", "sums", told.alias("told"))
        .where("code IS NOT NULL")
        .repartition("asker")
        .sortWithinPartitions("asker", F.isnull("sums"))
    )
    size = len(channels)
    credited = arrow.added_up(answered, partial(_credited, size, replicates), np.add)
    return np.zeros((2, size, replicates + 1)) if credited is None else credited


@dataclass(frozen=True)
class _Draws:
    """Which weights persons have."""

    replicates: int
    seed: int

    def of(self, keys: pa.Array) -> Array:
        persons: Numbers = keys.to_numpy(zero_copy_only=False).astype(np.int64)
        return weighed.drawn(persons.view(np.uint64), replicates=self.replicates, seed=self.seed)


# A row of _TAKEN is a journey of the person `key`, or more of one path, whose `sums` are known: conversions,
# value and journeys, a row of replicates each. `codes` are the path, where one of them converts.
_TAKEN = (
    f"path {arrow.HASH}, codes array<bigint>, is_converted boolean, key bigint, value double, sums binary"
)
# A row of _ASKED is a path with its rate and sums, or asks for a path's rate. `asker` is whose row it is.
_ASKED = f"asks {arrow.HASH}, asker {arrow.HASH}, code bigint, times double, known binary, sums binary"


def _by_path(
    channels: list[Any], draws: _Draws, batches: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    for rows in arrow.cut(batches, weighed.AT_ONCE, lists="channels"):
        taken = _taken(rows, channels)
        _, path, counts = np.unique(
            arrow.hashes_in(taken.column("path")), axis=0, return_inverse=True, return_counts=True
        )
        is_often = counts[path] >= OFTEN
        yield taken.filter(pa.array(~is_often))
        is_lost = ~_flags(taken.column("is_converted"))
        order = np.lexsort((is_lost, path))
        yield _summed(taken.take(pa.array(order[is_often[order]])), draws)


def _taken(rows: pa.RecordBatch, channels: list[Any]) -> pa.RecordBatch:
    """Journeys, none of them summed yet."""
    paths = arrow.codes_of(rows.column("channels"), channels)
    is_converted = rows.column("is_converted").fill_null(False)
    starts = pa.array(np.append(0, np.cumsum(paths.sizes)), pa.int32())
    columns = {
        "path": arrow.hashes_out(shorter.hashes(paths)),
        "codes": pa.ListArray.from_arrays(starts, pa.array(paths.codes), mask=pc.invert(is_converted)),
        "is_converted": is_converted,
        "key": rows.column("key"),
        "value": rows.column("value"),
        "sums": pa.nulls(len(rows), pa.binary()),
    }
    return pa.RecordBatch.from_pydict(columns)


def _summed(rows: pa.RecordBatch, draws: _Draws) -> pa.RecordBatch:
    """One row a path, of rows that lie by path, in each those that convert first."""
    hashes = arrow.hashes_in(rows.column("path"))
    is_first = np.append(True, (hashes[1:] != hashes[:-1]).any(axis=1))[: len(hashes)]
    sums = _sums(rows, np.cumsum(is_first) - 1, draws)
    firsts = rows.filter(pa.array(is_first))
    return firsts.set_column(firsts.schema.get_field_index("sums"), "sums", _packed(sums))


def _sums(rows: pa.RecordBatch, path: Numbers, draws: _Draws) -> Array:
    """Paths x (conversions, value, journeys) x replicates."""
    size = int(path.max(initial=-1)) + 1
    is_one = _flags(rows.column("sums").is_null())
    ones = rows.filter(pa.array(is_one))
    won = _flags(ones.column("is_converted")).astype(float)
    worth = won * ones.column("value").to_numpy(zero_copy_only=False)
    weights = draws.of(ones.column("key"))
    drawn = [_summing(path[is_one], size, each) @ weights for each in (won, worth, np.ones_like(won))]
    known = _unpacked(rows.column("sums"), 3, draws.replicates)
    added = [_summing(path[~is_one], size) @ known[:, kind] for kind in range(3)]
    sums: Array = np.stack(drawn, axis=1) + np.stack(added, axis=1)
    return sums


def _asked(draws: _Draws, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """All paths, each as soon as the next one begins."""
    current: list[pa.RecordBatch] = []
    for rows in arrow.cut(batches, AT_ONCE, lists="codes"):
        paths = _summed(pa.concat_batches([*current, rows]), draws)
        yield _questions(paths[:-1], draws.replicates)
        current = [paths[-1:]]
    for paths in current:
        yield _questions(paths, draws.replicates)


def _questions(rows: pa.RecordBatch, replicates: int) -> pa.RecordBatch:
    """Each path with its rate, and for each run of its touches a question for the rate without it."""
    paths = arrow.paths_of(rows.column("codes"))
    own, runs = arrow.hashes_in(rows.column("path")), shorter.runs(paths)
    sums = _unpacked(rows.column("sums"), 3, replicates)
    last = pa.array(np.append(paths.codes, 0)[np.cumsum(paths.sizes) - 1], mask=paths.sizes == 0)
    none = pa.nulls(len(runs.rows), pa.binary())
    columns = {
        "asks": arrow.hashes_out(np.concatenate([own, runs.shorter])),
        "asker": arrow.hashes_out(np.concatenate([own, own[runs.rows]])),
        "code": pa.concat_arrays([last, pa.array(paths.codes[runs.lasts])]),
        "times": np.concatenate([np.zeros(len(rows)), runs.times]),
        "known": pa.concat_arrays([_packed(ratios(sums[:, 0], sums[:, 2])), none]),
        "sums": pa.concat_arrays([_packed(sums[:, :2]), none]),
    }
    return pa.RecordBatch.from_pydict(columns)


def _credited(size: int, replicates: int, batches: Iterator[pa.RecordBatch]) -> Iterator[Array]:
    """What paths share out, each as soon as the next one begins."""
    none, nobody = np.zeros((0, replicates + 1)), np.zeros(0, dtype=np.int64)
    current = Gains(none, none, none, nobody, nobody, nobody, none)
    for rows in arrow.cut(batches, AT_ONCE):
        whole, current = _parted(_gains(current, rows), size)
        yield shared(whole, size)
    yield shared(current, size)


def _gains(before: Gains, rows: pa.RecordBatch) -> Gains:
    """What the touches in these rows gain, after those of the path that is not at its end."""
    replicates = before.rate.shape[1] - 1
    is_path = _flags(rows.column("sums").is_valid())
    told = np.zeros((len(rows), replicates + 1))
    told[_flags(rows.column("told").is_valid())] = _unpacked(rows.column("told"), 1, replicates)[:, 0]
    sums = _unpacked(rows.column("sums"), 2, replicates)
    code = rows.column("code").to_numpy(zero_copy_only=False)
    times = rows.column("times").to_numpy(zero_copy_only=False)
    rate = np.concatenate([before.rate, told[is_path]])
    owner = (len(before.last) - 1 + np.cumsum(is_path))[~is_path]
    gain = times[~is_path, None] * np.maximum(rate[owner] - told[~is_path], 0)
    return Gains(
        rate,
        np.concatenate([before.won, sums[:, 0]]),
        np.concatenate([before.worth, sums[:, 1]]),
        np.concatenate([before.last, code[is_path]]),
        np.concatenate([before.owner, owner]),
        np.concatenate([before.code, code[~is_path]]),
        np.concatenate([before.gain, gain]),
    )


def _parted(gains: Gains, size: int) -> tuple[Gains, Gains]:
    """All paths but the last, and that one with its touches added up by channel."""
    is_open = gains.owner == len(gains.last) - 1
    by_channel = _summing(gains.code[is_open], size) @ gains.gain[is_open]
    rest = gains.owner[~is_open], gains.code[~is_open], gains.gain[~is_open]
    added = np.zeros(size, dtype=np.int64), np.arange(size), by_channel
    return (
        Gains(gains.rate[:-1], gains.won[:-1], gains.worth[:-1], gains.last[:-1], *rest),
        Gains(gains.rate[-1:], gains.won[-1:], gains.worth[-1:], gains.last[-1:], *added),
    )


def _summing(cells: Numbers, size: int, factors: Array | None = None) -> csr_matrix:
    """What adds up rows by their cells, each times its factor."""
    factors = np.ones(len(cells)) if factors is None else factors
    return csr_matrix((factors, (cells, np.arange(len(cells)))), shape=(size, len(cells)))


def _flags(column: pa.Array) -> NDArray[np.bool_]:
    flags: NDArray[np.bool_] = column.to_numpy(zero_copy_only=False).astype(bool)
    return flags


def _packed(sums: Array) -> pa.Array:
    return pa.array([row.tobytes() for row in sums], pa.binary())


def _unpacked(column: pa.Array, kinds: int, replicates: int) -> Array:
    """Rows x kinds x replicates, of those rows that have any."""
    packed = column.drop_null()
    return np.frombuffer(b"".join(packed.to_pylist())).reshape(len(packed), kinds, replicates + 1)
