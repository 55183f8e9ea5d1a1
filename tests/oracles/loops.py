"""Loops, attempts and drop-offs by walking each session in plain Python."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise

Path = tuple[str, ...]


def loops(sessions: Iterable[tuple[Path, bool]]) -> dict[str, dict[str, object]]:
    """Per step: what sessions do with it, each session told by its places."""
    told: dict[str, list[tuple[int, int, int, bool]]] = defaultdict(list)
    for path, bought in sessions:
        for step in set(path):
            places = [place for place, taken in enumerate(path) if taken == step]
            gaps = [b - a for a, b in pairwise(places)]
            told[step].append((len(places), sum(g == 1 for g in gaps), sum(g > 1 for g in gaps), bought))

    def rate(chosen: list[bool]) -> float | None:
        return sum(chosen) / len(chosen) if chosen else None

    return {
        step: {
            "step": step,
            "session_count": len(rows),
            "repeat_count": sum(repeats for _, repeats, _, _ in rows),
            "repeat_session_count": sum(repeats > 0 for _, repeats, _, _ in rows),
            "return_count": sum(returns for _, _, returns, _ in rows),
            "return_session_count": sum(returns > 0 for _, _, returns, _ in rows),
            "conversion_rate_once": rate([bought for visits, _, _, bought in rows if visits == 1]),
            "conversion_rate_repeated": rate([bought for _, repeats, _, bought in rows if repeats]),
            "conversion_rate_returned": rate([bought for _, _, returns, bought in rows if returns]),
        }
        for step, rows in told.items()
    }


def attempts(visitors: Iterable[Sequence[tuple[str, str]]], *, most: int) -> Counter[tuple[int, str]]:
    """Per number of attempts and outcome: how many. Rows are (session, letter): a try, S success, B both."""
    found: Counter[tuple[int, str]] = Counter()
    for rows in visitors:
        tries, number = [(session, letter) for session, letter in rows if letter in "TSB"], 0
        for place, (session, letter) in enumerate(tries):
            if letter != "S":
                number += 1
                following = tries[place + 1 : place + 2]
                if letter == "B" or (following and following[0][1] == "S"):
                    outcome = "success"
                elif following:
                    outcome = "retry here" if following[0][0] == session else "retry later"
                else:
                    outcome = "abandoned"
                found[min(number, most), outcome] += 1
            if letter != "T":
                number = 0
    return found


def drop_offs(sessions: Iterable[tuple[Path, bool]]) -> dict[str, tuple[int, int, int, Fraction]]:
    """Per step: visits, exits, drop-offs, and the drop-offs expected by place."""
    visits: Counter[tuple[str, int]] = Counter()
    exits: Counter[str] = Counter()
    lost: Counter[tuple[str, int]] = Counter()
    for path, bought in sessions:
        visits.update((step, place) for place, step in enumerate(path))
        exits[path[-1]] += 1
        lost[path[-1], len(path) - 1] += not bought
    there, gone = Counter[int](), Counter[int]()
    for (_, place), count in visits.items():
        there[place] += count
    for (_, place), count in lost.items():
        gone[place] += count
    return {
        step: (
            sum(n for (name, _), n in visits.items() if name == step),
            exits[step],
            sum(n for (name, _), n in lost.items() if name == step),
            sum(
                (
                    n * Fraction(gone[place], there[place])
                    for (name, place), n in visits.items()
                    if name == step
                ),
                Fraction(0),
            ),
        )
        for step in {name for name, _ in visits}
    }
