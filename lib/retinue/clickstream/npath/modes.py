"""The mode: where the search goes on after a match."""

from __future__ import annotations

from collections.abc import Sequence

from retinue.clickstream.npath.faults import fault, unknown_symbol
from retinue.clickstream.npath.matcher import Skip
from retinue.clickstream.npath.symbols import Symbol
from retinue.errors import nearest

WORDS = ("overlapping", "nonoverlapping", "to_first", "to_last")


def read(mode: str, symbols: Sequence[Symbol]) -> Skip:
    """The skip that `overlapping`, `nonoverlapping`, `to_first SYMBOL` or `to_last SYMBOL` means.

    Raises PatternError for any other word, and for a symbol that is not there.
    """
    word, *rest = mode.lower().split()[:3] or [""]
    if word == "overlapping" and not rest:
        return Skip("next row")
    if word == "nonoverlapping" and not rest:
        return Skip("past last row")
    if word not in ("to_first", "to_last") or len(rest) != 1:
        known = "overlapping, nonoverlapping, to_first SYMBOL or to_last SYMBOL"
        near = "" if word in WORDS else nearest(word, WORDS)
        raise fault(f"it is one of {known}{near}", mode, 0, what="mode")
    found = [symbol for symbol in symbols if symbol.name.lower() == rest[0]]
    if not found:
        place = mode.lower().rindex(rest[0])
        message = unknown_symbol(mode[place:].strip(), [symbol.name for symbol in symbols])
        raise fault(message, mode, place, what="mode")
    return Skip("first" if word == "to_first" else "last", found[0].number, found[0].name)
