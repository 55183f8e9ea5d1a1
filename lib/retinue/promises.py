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
    """Ask every invariant whose tables all exist, and every check of their rows.

    Runs Spark jobs; brings at most one row for each promise.
    """
    there = {name for name in tables.CATALOGUE if lake.exists(name)}
    for name in there:
        lake.read(name).createOrReplaceTempView(_view(name))
    return [
        _asked(lake, name, promise, sql)
        for name in tables.CATALOGUE
        for promise, sql in _promises(name).items()
        if set(_named(sql)) <= there
    ]


def _promises(name: str) -> dict[str, str]:
    table = tables.find(name)
    checks = {check: f"SELECT * FROM {name} WHERE NOT ({sql})" for check, sql in table.checks.items()}
    key = ", ".join(table.key)
    alone = {"key is unique": f"SELECT {key} FROM {name} GROUP BY {key} HAVING count(*) > 1"}
    return {**alone, **checks, **table.invariants}


def _asked(lake: Lake, name: str, promise: str, sql: str) -> Kept:
    for table in _named(sql):
        sql = re.sub(rf"\b{re.escape(table)}\b", _view(table), sql)
    broken = lake.spark.sql(sql).first()
    return Kept(name, promise, broken is None, "" if broken is None else str(broken.asDict())[:200])


def _named(sql: str) -> list[str]:
    return [name for name in tables.CATALOGUE if re.search(rf"\b{re.escape(name)}\b", sql)]


def _view(name: str) -> str:
    return "promised_" + name.replace(".", "_")
