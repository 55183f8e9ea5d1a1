"""Whether the search can always go on after a match."""

from __future__ import annotations

from retinue.clickstream.npath.automaton import ACCEPT, ANY_ROW, FIRST_ROW, Automaton
from retinue.clickstream.npath.matcher import Skip


def always_leads_on(automaton: Automaton, skip: Skip) -> bool:
    """Whether the pattern alone makes sure that the skip goes to a later row than the match's first.

    To a symbol's last row: each match that takes rows takes one beyond its first for the symbol. To its
    first row: besides, the match's first row is never taken for it.
    """
    if skip.symbol < 0:
        return True
    begins = {*automaton.after[FIRST_ROW], *automaton.after[ANY_ROW]} - {ACCEPT}
    if skip.to == "first" and any(automaton.symbol[state] == skip.symbol for state in begins):
        return False
    return not _can_end_without(automaton, skip.symbol, begins)


def _can_end_without(automaton: Automaton, symbol: int, begins: set[int]) -> bool:
    """Whether there is a way from these states to the end by others than the symbol's."""
    seen, ahead = set(begins), list(begins)
    while ahead:
        state = ahead.pop()
        for follower in {*automaton.after[state], *automaton.after_last[state]} - seen:
            if follower == ACCEPT:
                return True
            if automaton.symbol[follower] != symbol:
                seen.add(follower)
                ahead.append(follower)
    return False
