"""A contestant in a process of its own, and what its runs cost."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from bench.engines import Limits
from bench.task import Contestant

__all__ = ["Cost", "Process", "Stopped"]

_LOOK_SECONDS = 0.05
_SPAWN = multiprocessing.get_context("spawn")


class Stopped(Exception):
    """A contestant did not finish; the message is its own."""


@dataclass(frozen=True)
class Cost:
    """Seconds on the wall, seconds of all cores of the whole process tree, its peak memory in bytes."""

    wall: float
    cpu: float
    memory: int


class Process:
    """A contestant opened in a fresh process; `start` is what that cost. What it says goes to `log`."""

    def __init__(self, contestant: Contestant, limits: Limits, log: Path) -> None:
        began = time.perf_counter()
        self._log = log
        self._pipe, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_serve, args=(theirs, contestant, limits, log))
        self._process.start()
        theirs.close()
        self._tree = _Tree(self._process.pid or 0)
        self._answer()
        self.start = Cost(time.perf_counter() - began, self._tree.cpu(), self._tree.peak)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """Let the process go, and everything it started with it, before another takes the cores."""
        family = self._tree.members()
        with suppress(BrokenPipeError):
            self._pipe.send(None)
        self._process.join(timeout=60)
        self._tree.close()
        for left in psutil.wait_procs(family, timeout=20)[1]:
            left.kill()

    def run(self, step: str, source: Path, target: Path) -> Cost:
        """Take one step, `run` or `prepare`, with `target` cleared before."""
        shutil.rmtree(target, ignore_errors=True)
        before = self._tree.cpu()
        self._tree.peak = 0
        self._pipe.send((step, source, target))
        wall = self._answer()
        self._tree.look()
        return Cost(wall, self._tree.cpu() - before, self._tree.peak)

    def _answer(self) -> float:
        try:
            answer = self._pipe.recv()
        except EOFError:
            raise Stopped(f"a contestant's process ended; its last words are in {self._log}") from None
        if isinstance(answer, str):
            raise Stopped(answer)
        return float(answer)


class _Tree:
    """A process and all that came of it: its processor time, and the highest memory that a thread saw."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self.peak = 0
        self._closed = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def close(self) -> None:
        self._closed.set()
        self._watcher.join()

    def members(self) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            return [self._root, *self._root.children(recursive=True)]
        return []

    def cpu(self) -> float:
        """Seconds so far; those of members that have ended are in the `children` figures of their parents."""
        total = 0.0
        for member in self.members():
            with suppress(psutil.NoSuchProcess):
                spent = member.cpu_times()
                total += spent.user + spent.system + spent.children_user + spent.children_system
        return total

    def look(self) -> None:
        """Take note of the memory in use now."""
        resident = 0
        for member in self.members():
            with suppress(psutil.NoSuchProcess):
                resident += member.memory_info().rss
        self.peak = max(self.peak, resident)

    def _watch(self) -> None:
        while not self._closed.wait(_LOOK_SECONDS):
            self.look()


def _serve(pipe: Connection, contestant: Contestant, limits: Limits, log: Path) -> None:
    """The other side: open the engine, then take steps until there are no more."""
    with log.open("wb") as noise:
        os.dup2(noise.fileno(), 1)
        os.dup2(noise.fileno(), 2)
    try:
        limits.apply()
        engine = contestant.open(limits)
        pipe.send(0.0)
        while order := pipe.recv():
            step, source, target = order
            began = time.perf_counter()
            getattr(contestant, step)(engine, source, target)
            pipe.send(time.perf_counter() - began)
    except Exception:
        pipe.send(traceback.format_exc())
