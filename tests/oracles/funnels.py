"""Funnels found the slow way: every chain of rows there is, one visitor at a time, in plain Python."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

Row = tuple[int, int]  # time, and a mask with bit k - 1 where predicate k holds: first the steps' own
Chain = tuple[int, ...]  # places of rows


@dataclass(frozen=True)
class Question:
    steps: int
    window: int
    modes: Collection[str] = ()
    gates: Mapping[int, tuple[int, int]] = field(default_factory=dict)  # step: least and most since the last
    exclusions: Sequence[tuple[int, int, int]] = ()  # predicate, and the steps that it may not lie between
    optional: Sequence[tuple[int, int]] = ()  # predicate, and the step before
    until: int | None = None


@dataclass(frozen=True)
class Answer:
    chain: Chain  # its length is the level
    optional: tuple[int | None, ...]
    is_open: bool


def answer(rows: Sequence[Row], asked: Question) -> Answer:
    chains = list(every_chain(rows, asked))
    end = first_end(rows, chains, asked)
    alive = [chain for chain in chains if chain[-1] < end]
    winner = min(alive, key=lambda chain: (-len(chain), chain[-1], -chain[0], chain[::-1]), default=())
    ended = end < len(rows)
    is_open = not ended and len(winner) < asked.steps and any(goes_on(rows, chain, asked) for chain in chains)
    return Answer(winner, tuple(taken(rows, winner, end, asked, *step) for step in asked.optional), is_open)


def in_order(rows: Sequence[Row]) -> list[Row]:
    """Rows of one time by the first predicate that they satisfy, those of none before, then by the last."""

    def place(row: Row) -> tuple[int, list[int], list[int]]:
        satisfied = [k for k in range(row[1].bit_length()) if row[1] >> k & 1]
        return row[0], satisfied[:1], satisfied[::-1]

    return sorted(rows, key=place)


def every_chain(rows: Sequence[Row], asked: Question, begun: Chain = ()) -> Iterator[Chain]:
    if begun:
        yield begun
    if len(begun) == asked.steps:
        return
    for place in range(begun[-1] + 1 if begun else 0, len(rows)):
        longer = (*begun, place)
        if is_chain(rows, longer, asked):
            yield from every_chain(rows, asked, longer)


def is_chain(rows: Sequence[Row], chain: Chain, asked: Question) -> bool:
    """Whether the last of these rows may follow the others, which are a chain."""
    at, mask = rows[chain[-1]]
    if not mask >> (len(chain) - 1) & 1:
        return False
    if len(chain) == 1:
        return True
    since = at - rows[chain[-2]][0]
    least, most = asked.gates.get(len(chain), (0, 10**9))
    return (
        at - rows[chain[0]][0] <= asked.window
        and least <= since <= most
        and (since > 0 or "strict_increase" not in asked.modes)
        and not any(is_broken(rows, chain, *exclusion) for exclusion in asked.exclusions)
    )


def is_broken(rows: Sequence[Row], chain: Chain, predicate: int, after: int, before: int) -> bool:
    part = chain[after - 1 : before]
    between = rows[part[0] + 1 : part[-1]] if part else []
    return any(mask >> (predicate - 1) & 1 for _, mask in between)


def first_end(rows: Sequence[Row], chains: Sequence[Chain], asked: Question) -> int:
    for place, (_, mask) in enumerate(rows):
        holds = {step for step in range(1, asked.steps + 1) if mask >> (step - 1) & 1}
        is_optional = any(mask >> (predicate - 1) & 1 for predicate, _ in asked.optional)
        reached = max((len(chain) for chain in chains if chain[-1] < place), default=0)
        now = max((len(chain) for chain in chains if chain[-1] <= place), default=0)
        welcome = any(step <= reached + 1 for step in holds)
        early = holds and not welcome and "allow_reentry" not in asked.modes
        if "strict_order" in asked.modes and reached and not is_optional and (not holds or early):
            return place
        repeats = any(2 <= step <= reached for step in holds)
        if "strict_deduplication" in asked.modes and repeats and now == reached:
            return place
    return len(rows)


def taken(
    rows: Sequence[Row], chain: Chain, end: int, asked: Question, predicate: int, after: int
) -> int | None:
    """The row that took an optional step: the first between those around, or within the window."""
    if len(chain) < after:
        return None
    before, then = chain[after - 1], chain[after] if len(chain) > after else None
    for place in range(before + 1, end if then is None else then):
        at, mask = rows[place]
        strict = "strict_increase" in asked.modes
        touches = strict and (at == rows[before][0] or (then is not None and at == rows[then][0]))
        in_time = at - rows[chain[0]][0] <= asked.window
        if mask >> (predicate - 1) & 1 and not touches and in_time:
            return place
    return None


def goes_on(rows: Sequence[Row], chain: Chain, asked: Question) -> bool:
    """Whether some row after the end of the data could be the chain's next step."""
    if asked.until is None or len(chain) == asked.steps:
        return False
    later = range(asked.until + 1, asked.until + asked.window + 2)
    return any(is_chain([*rows, (at, 1 << len(chain))], (*chain, len(rows)), asked) for at in later)


def random_visitors(number: int, *, steps: int, seed: int) -> list[list[Row]]:
    """Short histories with equal times, rows that are no step, and rows that are several."""
    draw = random.Random(seed)

    def visitor() -> list[Row]:
        span, likely = draw.choice([3, 8, 20]), draw.choice([0.2, 0.35, 0.6])
        times = sorted(draw.randrange(span) for _ in range(draw.randrange(8)))
        return [(at, sum(1 << k for k in range(steps) if draw.random() < likely)) for at in times]

    return [visitor() for _ in range(number)]


def best_of_values(
    rows: Sequence[Row], values: Sequence[int | None], asked: Question
) -> tuple[Answer, list[int]]:
    """The answer of the value with the best chain, and the places of that value's rows."""
    answers = []
    for value in sorted({value for value in values if value is not None}) or [0]:
        places = [place for place, own in enumerate(values) if own == value]
        answers.append((answer([rows[place] for place in places], asked), places))

    def rank(found: tuple[Answer, list[int]]) -> tuple[int, ...]:
        times = [rows[found[1][place]][0] for place in found[0].chain]
        return (-len(times), times[-1], -times[0]) if times else (0,)

    best, places = min(answers, key=rank)
    is_open = any(found.is_open for found, _ in answers) and len(best.chain) < asked.steps
    return replace(best, is_open=is_open), places
