"""What a task is: who competes, and how answers are compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.engines import Limits

__all__ = ["Contestant", "Task"]


@dataclass(frozen=True)
class Contestant:
    """One way to do the task: `run(engine, source, target)` writes its answer to a folder that it makes.

    With `prepare`, the source is what that makes of the events, once, at a cost told beside the runs. A
    contestant that `is_part` does no more than a part of the task: its answer is compared with none.
    """

    name: str
    open: Callable[[Limits], Any]
    run: Callable[[Any, Path, Path], None]
    prepare: Callable[[Any, Path, Path], None] | None = None
    is_ours: bool = False
    is_part: bool = False


@dataclass(frozen=True)
class Task:
    """A task, its contestants, and `digest`: what of an answer is compared, as DuckDB expressions.

    `rows` is what it is about, events or texts. With `source`, all contestants begin with what that one makes
    of them, which is not counted.
    """

    name: str
    contestants: tuple[Contestant, ...]
    digest: tuple[str, ...]
    source: Contestant | None = None
    rows: str = "events"

    def only(self, names: Sequence[str] | None) -> Task:
        """The task with the contestants of these names, whatever their case; None leaves all.

        Raises KeyError for a name that it does not have.
        """
        if names is None:
            return self
        known = {each.name.lower(): each for each in self.contestants}
        return replace(self, contestants=tuple(known[name.lower()] for name in names))
