"""Tools and what follows their use, visitor by visitor in plain Python."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple


class Row(NamedTuple):
    session: int
    kind: str


Condition = Callable[[Row], bool]


def outcomes(
    visitors: Iterable[Sequence[Row]], *, tool: Condition, lead: Condition, order: Condition
) -> dict[str, tuple[int, int, int, int]]:
    """Per outcome: users, users that reached it, others, others that reached it."""
    told = [(any(map(tool, rows)), reached(rows, tool, lead, order)) for rows in visitors]
    return {
        name: (
            sum(used for used, _ in told),
            sum(used and name in found for used, found in told),
            sum(not used for used, _ in told),
            sum(not used and name in found for used, found in told),
        )
        for name in ("visit", "lead", "order")
    }


def reached(rows: Sequence[Row], tool: Condition, lead: Condition, order: Condition) -> set[str]:
    uses = [place for place, row in enumerate(rows) if tool(row)]
    since, counting = (rows[uses[0]].session, rows[uses[0] + 1 :]) if uses else (rows[0].session, rows)
    found = {name for name, holds in (("lead", lead), ("order", order)) if any(map(holds, counting))}
    return found | ({"visit"} if rows[-1].session > since else set())


def use(visitors: Iterable[Sequence[Row]], *, tool: Condition) -> tuple[int, int, int, int]:
    """Uses, sessions with one, visitors with one, visitors with one in several sessions."""
    sessions = [[row.session for row in rows if tool(row)] for rows in visitors]
    return (
        sum(map(len, sessions)),
        sum(len(set(used)) for used in sessions),
        sum(len(set(used)) > 0 for used in sessions),
        sum(len(set(used)) > 1 for used in sessions),
    )
