"""The comparison: rounds of all contestants in turn, answers held against each other, ratios."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import duckdb

from bench.engines import Limits
from bench.measure import Cost, Process
from bench.task import Contestant, Task

__all__ = ["Difference", "Figures", "compare", "ratio"]

Say = Callable[[str], None]


class Difference(Exception):
    """Two contestants gave different answers."""


@dataclass
class Figures:
    """The costs of one contestant, an element a round; `prepared` where it needed that.

    `told` is what its last answer says besides.
    """

    start: list[Cost] = field(default_factory=list)
    cold: list[Cost] = field(default_factory=list)
    warm: list[Cost] = field(default_factory=list)
    prepared: Cost | None = None
    told: Mapping[str, float] = field(default_factory=dict)

    def add(self, start: Cost, runs: Sequence[Cost]) -> None:
        """Take in one round."""
        self.start.append(start)
        self.cold.append(runs[0])
        self.warm.append(runs[-1])


def compare(
    task: Task, *, events: Path, work: Path, limits: Limits, rounds: int, runs: int, say: Say
) -> dict[str, Figures]:
    """Run every contestant `runs` times in each round, the next round beginning one contestant later.

    Raises Difference at the first answer unlike the one before it.
    """
    figures = {contestant.name: Figures() for contestant in task.contestants}
    sources = {}
    source = _source(task, events, work, limits)
    for contestant in task.contestants:
        sources[contestant.name], figures[contestant.name].prepared = _prepared(
            contestant, source, work, limits
        )
    judge = _Judge(task, source, work / "expected")
    for number in range(rounds):
        for contestant in _turn(task.contestants, number):
            source, target = sources[contestant.name], work / "answer"
            with Process(contestant, limits, work / "log.txt") as process:
                costs = [process.run("run", source, target) for _ in range(runs)]
                figures[contestant.name].add(process.start, costs)
            told = task.told(source, target) if task.told else {}
            figures[contestant.name].told = told
            wrong = "" if contestant.is_part else judge.wrong(target)
            if wrong:
                raise Difference(f"{contestant.name} {wrong}")
            cost = f"{costs[-1].cpu:.1f} CPU s, {costs[-1].wall:.1f} s"
            besides = "".join(f", {name} {value:,.6g}" for name, value in told.items())
            say(f"round {number + 1} of {rounds}: {contestant.name}: {cost}{besides}")
    return figures


class _Judge:
    """Holds every answer against the first, which is kept in a folder where the task compares them itself."""

    def __init__(self, task: Task, source: Path, kept: Path) -> None:
        self._task, self._source, self._kept = task, source, kept
        self._expected: tuple[int, ...] | None = None
        shutil.rmtree(kept, ignore_errors=True)

    def wrong(self, answer: Path) -> str:
        """In what the answer differs, empty where it does not."""
        if self._task.differ is None:
            found = digest(self._task, answer)
            self._expected = self._expected or found
            is_same = found == self._expected
            return "" if is_same else f"has (rows, sum of hashes) {found}, not {self._expected}"
        if not self._kept.exists():
            answer.rename(self._kept)
            return ""
        return self._task.differ(self._source, self._kept, answer)


def _source(task: Task, events: Path, work: Path, limits: Limits) -> Path:
    if task.source is None:
        return events
    made = work / task.source.name
    if not made.exists():
        unfinished = work / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        with Process(task.source, limits, work / "log.txt") as process:
            process.run("run", events, unfinished)
        unfinished.rename(made)
    return made


def _prepared(contestant: Contestant, events: Path, work: Path, limits: Limits) -> tuple[Path, Cost | None]:
    if contestant.prepare is None:
        return events, None
    prepared = work / "prepared"
    with Process(contestant, limits, work / "log.txt") as process:
        return prepared, process.run("prepare", events, prepared)


def _turn(contestants: tuple[Contestant, ...], number: int) -> tuple[Contestant, ...]:
    shift = number % len(contestants)
    return contestants[shift:] + contestants[:shift]


def digest(task: Task, answer: Path) -> tuple[int, ...]:
    """How many rows, and the sum of the hashes of all: the same for the same rows in any order."""
    columns = ", ".join(task.digest)
    query = f"SELECT count(*), sum(hash({columns})::HUGEINT) FROM read_parquet('{answer}/*.parquet')"
    connection = duckdb.connect()
    rows, total = connection.execute(query).fetchall()[0]
    return int(rows), int(total or 0)


def ratio(ours: Figures, theirs: Figures, kind: str) -> float:
    """Median over the rounds of our warm cost (`cpu` or `wall`) by theirs of the same round."""
    pairs = zip(ours.warm, theirs.warm, strict=True)
    shares: list[float] = [getattr(one, kind) / getattr(other, kind) for one, other in pairs]
    return median(shares)
