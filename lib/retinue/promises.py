"""Whether the lake holds what the catalogue promises across rows."""

from __future__ import annotations

import re
from dataclasses import dataclass

from retinue import tables
from retinue.lake import Lake

__all__ = ["Kept", "kept"]


@dataclass(frozen=True)
class Kept:
    """One promise of one table, whether it holds, and a row that breaks it."""

    table: str
    promise: str
    holds: bool
    example: str = ""


def kept(lake: Lake) -> list[Kept]:
    """Ask every invariant whose tables all exist, every check, and whether every key is unique.

    Runs Spark jobs; brings at most one row for each promise.
    """
    lake.register()
    there = {name for name in tables.CATALOGUE if lake.exists(name)}
    return [
        _asked(lake, name, promise, sql)
        for name in tables.CATALOGUE
        for promise, sql in _promises(name).items()
        if _named(sql) <= there
    ]


def _promises(name: str) -> dict[str, str]:
    table = tables.find(name)
    checks = {check: f"SELECT * FROM {name} WHERE NOT ({sql})" for check, sql in table.checks.items()}
    key = ", ".join(table.key)
    alone = {"key is unique": f"SELECT {key} FROM {name} GROUP BY {key} HAVING count(*) > 1"}
    return {**alone, **checks, **table.invariants}


def _asked(lake: Lake, name: str, promise: str, sql: str) -> Kept:
    broken = lake.spark.sql(sql).first()
    return Kept(name, promise, broken is None, "" if broken is None else str(broken.asDict())[:200])


def _named(sql: str) -> set[str]:
    """The tables that the query reads."""
    return {name for name in tables.CATALOGUE if re.search(rf"\b{re.escape(name)}\b", sql)}
