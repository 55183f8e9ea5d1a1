"""Sub-paths by trying every one of every session, in plain Python."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import combinations

Path = tuple[str, ...]


def runs(path: Path) -> set[Path]:
    return {path[i:j] for i in range(len(path)) for j in range(i + 1, len(path) + 1)}


def orders(path: Path) -> set[Path]:
    return {steps for n in range(1, len(path) + 1) for steps in combinations(path, n)}


def contains_run(longer: Path, run: Path) -> bool:
    return any(longer[i : i + len(run)] == run for i in range(len(longer) - len(run) + 1))


def contains_order(longer: Path, order: Path) -> bool:
    steps = iter(longer)
    return all(step in steps for step in order)


def frequent(
    paths: Iterable[Path],
    *,
    of: Callable[[Path], set[Path]],
    contains: Callable[[Path, Path], bool],
    min_support: float,
    max_length: int,
    closed: bool,
) -> dict[Path, int]:
    """The closed ones are looked for among sub-paths of every length, whatever `max_length` is."""
    sessions = [path for path in paths if path]
    counts = Counter(piece for path in sessions for piece in of(path))
    kept = {piece: n for piece, n in counts.items() if n / len(sessions) >= min_support}
    return {
        piece: n
        for piece, n in kept.items()
        if len(piece) <= max_length
        and not (
            closed
            and any(m == n and len(more) > len(piece) and contains(more, piece) for more, m in kept.items())
        )
    }
