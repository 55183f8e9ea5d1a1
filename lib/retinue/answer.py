"""What a job answers: numbers with their questions, and pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TypeAlias

from matplotlib.figure import Figure

__all__ = ["Answer", "Finding", "Saved"]

Value = str | int | float | bool | None
Saved: TypeAlias = Callable[[Path], None]  # writes a model into a folder


@dataclass(frozen=True)
class Finding:
    """One number, with the question that it answers and its unit."""

    question: str
    value: Value
    unit: str = ""

    @property
    def shown(self) -> str:
        """The value as people read it."""
        if isinstance(self.value, float) and self.unit == "share":
            return f"{self.value:.1%}"
        if isinstance(self.value, int | float) and not isinstance(self.value, bool):
            number = f"{self.value:,.2f}".rstrip("0").rstrip(".")
            return f"{number} {self.unit}".strip()
        return "none" if self.value is None else str(self.value)


@dataclass(frozen=True)
class Answer:
    """The findings and figures of one run, and how many rows it took in, passed on, set aside.

    `metrics` say how good the `models` are that the run made. `rests_on` names what the findings rest on
    beside the tables of the lake, each with its digest; `legal_bases` are those of rows that came from there.
    """

    as_of: date | None = None
    findings: tuple[Finding, ...] = ()
    figures: Mapping[str, Figure] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    models: Mapping[str, Saved] = field(default_factory=dict)
    rows_in: int = 0
    rows_out: int = 0
    rows_quarantined: int = 0
    rests_on: Mapping[str, str] = field(default_factory=dict)
    legal_bases: tuple[str, ...] = ()
