"""The errors a user can meet, each one sentence that says how to go on.

RetinueError (ValueError)
├── SchemaMismatch    a frame or file lacks a column, or has it in another type
├── UnknownSetting    a key in conf that does not exist, or a value that cannot be
├── UnknownTable      a table that the catalogue does not have
├── UnknownJob        a job that jobs/ does not have
├── PatternError      a pattern, symbol or measure that does not parse or resolve
├── ConsentMissing    a read of personal rows without a purpose that allows it
├── InvariantBroken   rows that contradict what the catalogue promises
├── LeakageFound      a model that saw the future
├── InputMissing      a file or folder that is not there or cannot be read or written
└── EnvironmentFault  Java, jars or packages that are missing or do not fit
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "ConsentMissing",
    "EnvironmentFault",
    "InputMissing",
    "InvariantBroken",
    "LeakageFound",
    "PatternError",
    "RetinueError",
    "SchemaMismatch",
    "UnknownJob",
    "UnknownSetting",
    "UnknownTable",
    "nearest",
]


class RetinueError(ValueError):
    """Whatever retinue refuses: the message has what was found, what was wanted, how to go on."""


class SchemaMismatch(RetinueError):
    """A frame or file lacks a column, or has it in another type."""


class UnknownSetting(RetinueError):
    """A key in conf that does not exist, or a value that cannot be."""


class UnknownTable(RetinueError):
    """A table that the catalogue does not have."""


class UnknownJob(RetinueError):
    """A job that jobs/ does not have."""


class PatternError(RetinueError):
    """A pattern, symbol or measure that does not parse or resolve."""


class ConsentMissing(RetinueError):
    """A read of personal rows without a purpose that allows it."""


class InvariantBroken(RetinueError):
    """Rows that contradict what the catalogue promises."""


class LeakageFound(RetinueError):
    """A model that saw the future."""


class InputMissing(RetinueError):
    """A file or folder that is not there, or cannot be read or written."""


class EnvironmentFault(RetinueError):
    """Java, jars or packages that are missing or do not fit."""


def nearest(word: str, known: Iterable[str]) -> str:
    """The clause `; did you mean 'x'?` for the known word most like this one, or nothing."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else ""
