"""A lake that is read but never written: for a dry run, and to prove a finding again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retinue.lake import Lake

__all__ = ["Rehearsal"]


class Rehearsal(Lake):
    """The tables at the given versions, else the newest; what a job writes it reads back from memory.

    Every increment is the whole: `changes` gives all rows, so that what a job would merge is
    the table as one full run leaves it.
    """

    def __init__(
        self, lake: Lake, versions: Mapping[str, int] = MappingProxyType({}), *, now: datetime | None = None
    ) -> None:
        super().__init__(lake.spark, lake.root, purposes=lake.purposes)
        self.now = now or self.now
        self.journal.read.update(versions)
        self.held: dict[str, DataFrame] = {}

    def changes(self, name: str, *, since: int | None) -> DataFrame:
        """All rows of the version."""
        self._note_without_purpose(name)
        return self._rows(name)

    def append(self, name: str, rows: DataFrame, *, transaction: str, number: int = 1) -> None:
        """Hold the rows."""
        self._hold(name, rows)

    def insert(self, name: str, rows: DataFrame) -> None:
        """Hold the rows."""
        self._hold(name, rows)

    def replace(self, name: str, rows: DataFrame, *, as_of: date, segment: str = "") -> None:
        """Hold the rows, with their `as_of` and segment."""
        about = {"as_of": F.lit(as_of).cast("date"), "segment": F.lit(segment)}
        self._hold(name, rows.withColumns(about))

    def merge(self, name: str, rows: DataFrame, *, within: DataFrame | None = None) -> None:
        """Hold the rows."""
        self._hold(name, rows)

    def rows_written(self, name: str) -> int:
        """How many rows are held. Runs a Spark job."""
        return self.held[name].count() if name in self.held else 0

    def _hold(self, name: str, rows: DataFrame) -> None:
        self._require_lawful(name)
        self.held[name] = self._conformed(name, rows)

    def _is_own(self, name: str) -> bool:
        return name in self.held

    def _rows(self, name: str) -> DataFrame:
        if name in self.held:
            return self.held[name]
        is_there = name in self.journal.read or self.exists(name)
        return super()._rows(name) if is_there else self.frame(name, [])
