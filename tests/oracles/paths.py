"""Paths counted the slow way: one session at a time, in plain Python."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby

Session = tuple[str, tuple[str | None, ...], bool]  # visitor, the value of each row, whether it bought


def steps(values: Sequence[str | None], *, collapse: bool) -> tuple[str, ...]:
    kept = [value for value in values if value is not None]
    return tuple(step for step, _ in groupby(kept)) if collapse else tuple(kept)


def tally(paths: Iterable[tuple[str, tuple[str, ...], bool]]) -> dict[tuple[str, ...], tuple[int, int, int]]:
    """Per path: sessions, visitors, conversions."""
    rows = list(paths)
    return {
        path: (
            sum(p == path for _, p, _ in rows),
            len({visitor for visitor, p, _ in rows if p == path}),
            sum(bought for _, p, bought in rows if p == path),
        )
        for path in {p for _, p, _ in rows}
    }


def beginnings(sessions: Iterable[Session], *, length: int, collapse: bool):
    cut = [(who, steps(values, collapse=collapse)[:length], bought) for who, values, bought in sessions]
    return tally(row for row in cut if row[1])


def onward(sessions: Iterable[Session], *, anchor: str, length: int):
    found = [(who, steps(values, collapse=True), bought) for who, values, bought in sessions]
    return tally((w, p[p.index(anchor) :][:length], b) for w, p, b in found if anchor in p)


def leading(sessions: Iterable[Session], *, anchor: str, length: int):
    found = [(who, steps(values, collapse=True), bought) for who, values, bought in sessions]
    return tally((w, p[: p.index(anchor) + 1][-length:], b) for w, p, b in found if anchor in p)


def transitions(sessions: Iterable[Session], *, collapse: bool) -> Counter[tuple[str, str]]:
    counted: Counter[tuple[str, str]] = Counter()
    for _, values, _ in sessions:
        path = steps(values, collapse=collapse)
        if path:
            counted.update(zip(("(entry)", *path), (*path, "(exit)"), strict=True))
    return counted


def transitions_by_step(sessions: Iterable[Session], *, numbers: int) -> Counter[tuple[int, str, str]]:
    counted: Counter[tuple[int, str, str]] = Counter()
    for _, values, _ in sessions:
        path = steps(values, collapse=True)
        ends = ["(entry)", *path, "(exit)"] if path else []
        counted.update((n, ends[n - 1], ends[n]) for n in range(1, min(numbers, len(ends) - 1) + 1))
    return counted


def tree(sessions: Iterable[Session], *, depth: int) -> dict[tuple[str, ...], tuple[int, int]]:
    """Per beginning: sessions, conversions."""
    nodes: dict[tuple[str, ...], tuple[int, int]] = {}
    for _, values, bought in sessions:
        path = steps(values, collapse=True)
        ended = (*path, "(exit)") if path else ()
        for upto in range(1, min(len(ended), depth) + 1):
            count, conversions = nodes.get(ended[:upto], (0, 0))
            nodes[ended[:upto]] = count + 1, conversions + bought
    return nodes


def step_matrix(sessions: Iterable[Session], *, steps_shown: int, limit: int) -> Counter[tuple[int, str]]:
    """Per place and name: sessions that stand there."""
    walked = [path for _, values, _ in sessions if (path := steps(values, collapse=True))]
    shown = [[*path[:steps_shown], *["(exit)"] * (steps_shown - len(path))] for path in walked]
    sizes = Counter(step for path in shown for step in path if step != "(exit)")
    kept = {*sorted(sizes, key=lambda step: (-sizes[step], step))[:limit], "(exit)"}
    return Counter(
        (place, step if step in kept else "(other)")
        for path in shown
        for place, step in enumerate(path, start=1)
    )
