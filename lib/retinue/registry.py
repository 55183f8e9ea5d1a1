"""Which jobs there are: the files of jobs/, found by name."""

from __future__ import annotations

import importlib
import importlib.resources
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, cast

from retinue.answer import Answer
from retinue.errors import UnknownJob, nearest
from retinue.lake import Lake
from retinue.settings import Settings

__all__ = ["Job", "find", "names", "question"]


class Job(Protocol):
    """What a file in jobs/ has; its docstring begins with the question that it answers."""

    __doc__: str | None
    READS: tuple[str, ...]
    WRITES: tuple[str, ...]
    run: Callable[[Lake, Settings], Answer]


def names() -> list[str]:
    """Every job there is."""
    files = importlib.resources.files("retinue.jobs").iterdir()
    return sorted(Path(file.name).stem for file in files if file.name.endswith(".py") and file.name[0] != "_")


def find(name: str) -> Job:
    """The job of this name. Raises UnknownJob with the nearest name there is."""
    if name not in names():
        raise UnknownJob(f"there is no job {name!r}{nearest(name, names())}; `retinue jobs` lists them")
    return cast(Job, importlib.import_module(f"retinue.jobs.{name}"))


def question(job: Job) -> str:
    """The first line of the job's docstring."""
    return (job.__doc__ or "").strip().partition("\n")[0]
