"""What a task is: who competes, and how answers are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.engines import Limits

__all__ = ["Contestant", "Differ", "Task"]

Differ = Callable[[Path, Path, Path], str]
"""Of a source, the first answer and another: what is wrong with the other, empty where nothing is."""


@dataclass(frozen=True)
class Contestant:
    """One way to do the task: `run(engine, source, target)` writes its answer to a folder that it makes.

    With `prepare`, the source is what that makes of the events, once, at a cost told beside the runs. A
    contestant that `is_part` does no more than a part of the task: its answer is compared with none. One that
    `needs` a module takes part where that is installed, and up to `most` rows where it would take hours.
    """

    name: str
    open: Callable[[Limits], Any]
    run: Callable[[Any, Path, Path], None]
    prepare: Callable[[Any, Path, Path], None] | None = None
    is_ours: bool = False
    is_part: bool = False
    needs: str = ""
    most: int | None = None

    def missing(self, size: int) -> str:
        """Why it takes no part in a comparison of `size` rows, empty where it does."""
        if self.needs and not find_spec(self.needs):
            return f"{self.needs} is not installed"
        return f"it takes too long beyond {self.most:,}" if self.most and size > self.most else ""


@dataclass(frozen=True)
class Task:
    """A task, its contestants, and `digest`: what of an answer is compared, as DuckDB expressions.

    Where answers need not be the same to the last digit, `differ` compares them instead. `rows` is what it is
    about: events, texts, edges or touches. With `source`, all contestants begin with what that one makes of
    them, which is not counted. `told`, of a source and an answer, are figures to be shown beside the costs.
    """

    name: str
    contestants: tuple[Contestant, ...]
    digest: tuple[str, ...] = ()
    source: Contestant | None = None
    rows: str = "events"
    differ: Differ | None = None
    told: Callable[[Path, Path], Mapping[str, float]] | None = None

    def only(self, names: Sequence[str] | None) -> Task:
        """The task with the contestants of these names, whatever their case; None leaves all.

        Raises KeyError for a name that it does not have.
        """
        if names is None:
            return self
        known = {each.name.lower(): each for each in self.contestants}
        return replace(self, contestants=tuple(known[name.lower()] for name in names))
