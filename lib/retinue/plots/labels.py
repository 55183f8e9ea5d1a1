"""Words and numbers as a picture shows them: one printable line, no longer than its room."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Sequence

__all__ = [
    "amount",
    "apart",
    "brief",
    "clean",
    "count",
    "duration",
    "fit",
    "rounded",
    "share",
    "short",
    "signed",
    "width",
    "wrap",
]

# Marks that turn the direction of the text around them, and code points that no XML can hold.
_UNPRINTABLE = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]")
_UNITS = ((86_400, "days"), (3_600, "h"), (60, "min"), (1, "s"))
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


def wrap(text: object, *, room: float, size: float, lines: int) -> list[str]:
    """The clean text in at most so many lines of `room` pixels, broken between words; the last may be cut."""
    wrapped = [""]
    for word in clean(text).split(" "):
        longer = f"{wrapped[-1]} {word}".lstrip()
        if width(longer, size=size) <= room or not wrapped[-1]:
            wrapped[-1] = longer
        elif len(wrapped) < lines:
            wrapped.append(word)
        else:
            wrapped[-1] = longer  # too long now, so that it is cut where it must be
            break
    return [fit(line, room=room, size=size) for line in wrapped]


def apart(heights: Sequence[float], *, gap: float, low: float, high: float) -> list[float]:
    """The ascending heights, moved as little as can be, at least `gap` apart between low and high.

    Where they crowd they stand evenly about their middle: least squares, by pooling adjacent violators.
    """
    pools: list[tuple[float, int]] = []
    for place, height in enumerate(heights):
        total, size = height - place * gap, 1
        while pools and pools[-1][0] / pools[-1][1] > total / size:
            before, count = pools.pop()
            total, size = before + total, count + size
        pools.append((total, size))
    bases = itertools.chain.from_iterable([total / size] * size for total, size in pools)
    last = high - gap * (len(heights) - 1)
    return [max(min(base, last), low) + place * gap for place, base in enumerate(bases)]


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


def rounded(number: float) -> str:
    """A number that need not be whole, such as a mean; below a hundred to one decimal: 3,106, 31.1."""
    return f"{number:.1f}" if abs(number) < 99.95 else f"{number:,.0f}"


def brief(number: float) -> str:
    """A count in at most four characters, for a cell or an axis: 950, 1.2k, 35k, 4M."""
    whole = int(number)
    for unit, name in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if whole >= unit:
            decimals = 1 if whole < 10 * unit and whole % unit >= unit // 10 else 0
            # Cut, not rounded: 9,960 is 9.9k, for 10.0k would not fit.
            return f"{whole * 10**decimals // unit / 10**decimals:.{decimals}f}{name}"
    return str(whole)


def short(number: float) -> str:
    """A round number of an axis, with its sign: 0.5, 950, −1.5k, 20M."""
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= 10 * unit or (abs(number) >= unit and number % (unit / 10) == 0):
            return f"{number / unit:,.6g}{name}".replace("-", "−")
    return f"{number:,.6g}".replace("-", "−")


def amount(number: float, noun: str) -> str:
    """The count with its noun: 1 session, 3,605 sessions."""
    return f"{count(number)} {noun}{'s' * (number != 1)}"


def duration(seconds: float) -> str:
    """The time in the largest unit of which it has two: 90 s, 5 min, 2.5 h."""
    size, unit = next((unit for unit in _UNITS if seconds >= 2 * unit[0]), _UNITS[-1])
    number = seconds / size
    return f"{number:.1f} {unit}".replace(".0 ", " ") if number < 10 else f"{number:,.0f} {unit}"


def signed(number: float, *, decimals: int = 2) -> str:
    """The number with its sign, a true minus: +0.31, −1.20."""
    return f"{number:+.{decimals}f}".replace("-", "−")


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
