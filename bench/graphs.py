"""Networks of any number of edges: the same bytes for the same number, written in chunks.

Undirected edges, each once: src, dst. One vertex for each ten edges, so that it has twenty neighbours on
average; how many, goes by a power law. Seven edges of ten stay in their community, of about two hundred
vertices, so that there are communities to be found, and hubs in them. One vertex of fifty lies apart, on a
path of five. Ids are strings that tell nothing of all this.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

__all__ = ["write"]

EDGES_A_FILE = 1_000_000
_EDGES_A_VERTEX = 10
_COMMUNITY = 200
_INSIDE = 0.7
_TAIL = 1.8  # of the weights by which vertices are drawn: one in 2 ** 1.8 has twice as much
_APART = 50
_PATH = 5

Ints = npt.NDArray[np.int64]


def write(
    folder: Path, *, edges: int, seed: int = 0, each: Callable[[int], None] = lambda done: None
) -> None:
    """Write `edges` edges as Parquet files into the folder, calling `each` with the count so far."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    size = max(edges // _EDGES_A_VERTEX, 2 * _COMMUNITY)
    paths = size // _APART // _PATH
    inner = size - paths * _PATH
    aside = _along_paths(inner, paths)
    ends = np.concatenate([_tied(rng, inner, edges - len(aside)), aside])
    ends = rng.permuted(rng.permutation(ends), axis=1)
    names = _named(rng.permutation(size))
    for chunk, first in enumerate(range(0, edges, EDGES_A_FILE)):
        src, dst = ends[first : first + EDGES_A_FILE].T
        rows = pa.table({"src": names.take(pa.array(src)), "dst": names.take(pa.array(dst))})
        pq.write_table(rows, folder / f"part-{chunk:05d}.parquet", compression="zstd", row_group_size=100_000)
        each(first + len(src))


def _named(numbers: Ints) -> pa.Array:
    return pc.binary_join_element_wise("p", pc.utf8_lpad(pa.array(numbers).cast(pa.string()), 9, "0"), "")


def _along_paths(first: int, paths: int) -> Ints:
    """Ends of the edges of so many paths, whose vertices are numbered from `first` on."""
    starts = first + np.arange(paths)[:, None] * _PATH + np.arange(_PATH - 1)
    return np.stack([starts.ravel(), starts.ravel() + 1], axis=1)


def _tied(rng: np.random.Generator, size: int, count: int) -> Ints:
    """Ends of so many different edges, drawn until there are enough."""
    reach = np.concatenate([[0.0], np.cumsum(np.minimum(rng.pareto(_TAIL, size) + 1, size**0.5))])
    bounds = np.append(np.arange(0, size - _COMMUNITY // 2, _COMMUNITY), size)
    found = np.empty(0, dtype=np.int64)
    while len(found) < count:
        drawn = _drawn(rng, reach, bounds, 2 * (count - len(found)))
        found = np.unique(np.concatenate([found, drawn]))
    kept = rng.permutation(found)[:count]
    return np.stack(np.divmod(kept, size), axis=1)


def _drawn(rng: np.random.Generator, reach: npt.NDArray[np.float64], bounds: Ints, count: int) -> Ints:
    """Pairs as one number each, the lower vertex first: one end of all, the other of its own or of all."""
    size = len(reach) - 1
    one = _at(reach, rng.random(count) * reach[-1])
    own = np.searchsorted(bounds, one, side="right") - 1
    stays = rng.random(count) < _INSIDE
    low = np.where(stays, reach[bounds[own]], 0.0)
    high = np.where(stays, reach[bounds[own + 1]], reach[-1])
    other = _at(reach, low + rng.random(count) * (high - low))
    pairs: Ints = (np.minimum(one, other) * size + np.maximum(one, other))[one != other]
    return pairs


def _at(reach: npt.NDArray[np.float64], places: npt.NDArray[np.float64]) -> Ints:
    return np.minimum(np.searchsorted(reach, places, side="right") - 1, len(reach) - 2)
