"""Words and numbers as a picture shows them: one printable line, no longer than its room."""

from __future__ import annotations

import itertools
import re
import unicodedata

__all__ = ["amount", "clean", "count", "fit", "share", "width"]

# Marks that turn the direction of the text around them, and code points that no XML can hold.
_UNPRINTABLE = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]")
_MARKS = 3  # accents on one letter; a taller stack would run over other lines


def clean(label: object) -> str:
    """The label as one line of printable text; `(none)` where nothing is left."""
    text = _UNPRINTABLE.sub("", "" if label is None else str(label))
    line = " ".join("".join(" " if unicodedata.category(c) == "Cc" else c for c in text).split())
    stacked = itertools.groupby(line, lambda c: unicodedata.category(c) == "Mn")
    kept = (itertools.islice(run, _MARKS) if is_mark else run for is_mark, run in stacked)
    return "".join(itertools.chain.from_iterable(kept)) or "(none)"


def fit(label: object, *, room: float, size: float) -> str:
    """The clean label, cut with an ellipsis where it could be wider than `room` pixels at this size."""
    line = clean(label)
    if width(line, size=size) <= room:
        return line
    ends = itertools.accumulate(_ems(character) * size for character in line)
    return line[: sum(end <= room - size for end in ends)].rstrip() + "…"


def width(line: str, *, size: float) -> float:
    """At most how many pixels wide the line is, whichever sans-serif font draws it, bold or not."""
    return sum(_ems(character) for character in line) * size


def _ems(character: str) -> float:
    if unicodedata.east_asian_width(character) in "WF" or ord(character) > 0xFFFF:
        return 1.3
    if character in "MWmw@%—":
        return 1.11
    return 0.84 if character.isupper() else 0.7


def count(number: float) -> str:
    """A whole number with its thousands apart: 31,106."""
    return f"{int(number):,}"


def amount(number: float, noun: str) -> str:
    """The count with its noun: 1 session, 3,605 sessions."""
    return f"{count(number)} {noun}{'s' * (number != 1)}"


def share(part: float, whole: float) -> str:
    """The part as a percentage to one decimal, which says 0% and 100% only of nothing and of all."""
    if not whole:
        return "–"
    percent = 100 * part / whole
    if 0 < percent < 0.1:
        return "<0.1%"
    if 99.9 < percent < 100:
        return ">99.9%"
    return f"{percent:.1f}%" if 0 < percent < 100 else f"{percent:.0f}%"
