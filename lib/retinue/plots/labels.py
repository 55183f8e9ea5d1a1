"""Words and numbers as a picture shows them: one printable line, no longer than its room."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["clean", "count", "fit", "share"]

# Marks that turn the direction of the text around them, and the two code points that XML cannot hold.
_UNPRINTABLE = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")


def clean(label: object) -> str:
    """The label as one line of printable text; `(none)` where nothing is left."""
    line = " ".join(_UNPRINTABLE.sub("", "" if label is None else str(label)).split())
    return "".join(c for c in line if unicodedata.category(c) not in {"Cc", "Cs"}).strip() or "(none)"


def fit(label: object, *, room: float, size: float) -> str:
    """The clean label, cut with an ellipsis where it would be wider than `room` pixels at this size."""
    line = clean(label)
    ends = [0.0]
    for character in line:
        ends.append(ends[-1] + _ems(character) * size)
        if ends[-1] > room:
            kept = sum(end <= room - size for end in ends[1:])
            return line[:kept].rstrip() + "…"
    return line


def _ems(character: str) -> float:
    """An upper estimate of a character's width in ems, whichever sans-serif font draws it."""
    if unicodedata.east_asian_width(character) in "WF" or ord(character) > 0xFFFF:
        return 1.3
    if character in "MWmw@%—":
        return 1.0
    return 0.75 if character.isupper() else 0.62


def count(number: float) -> str:
    """A whole number with thousands separated: 31,106."""
    return f"{int(number):,}"


def share(part: float, whole: float) -> str:
    """The part as a percentage to one decimal, which says 0% and 100% only of nothing and of all."""
    if not whole:
        return "–"
    percent = 100 * part / whole
    if 0 < percent < 0.1:
        return "<0.1%"
    if 99.9 < percent < 100:
        return ">99.9%"
    return f"{percent:.1f}".removesuffix(".0") + "%"
