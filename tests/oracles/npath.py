"""Row pattern matching as it is defined, by trying everything: slow, recursive, and independent.

A pattern is a tuple: ("sym", name), ("^",), ("$",), ("seq", parts), ("alt", options),
("rep", body, least, most or None, greedy). A row is the set of the names that hold for it.
"""

from __future__ import annotations


def ways(pattern, rows, place):
    """Every way to match from `place`, the preferred first: (end, labels). May repeat itself."""
    kind = pattern[0]
    if kind == "sym":
        if place < len(rows) and pattern[1] in rows[place]:
            yield place + 1, (pattern[1],)
    elif kind == "^":
        if place == 0:
            yield place, ()
    elif kind == "$":
        if place == len(rows):
            yield place, ()
    elif kind == "alt":
        for option in pattern[1]:
            yield from ways(option, rows, place)
    elif kind == "seq":
        yield from in_turn(list(pattern[1]), rows, place)
    else:
        yield from repeated(pattern, rows, place, 0)


def in_turn(parts, rows, place):
    if not parts:
        yield place, ()
        return
    for middle, labels in ways(parts[0], rows, place):
        for end, more in in_turn(parts[1:], rows, middle):
            yield end, labels + more


def repeated(pattern, rows, place, done):
    _, body, least, most, greedy = pattern

    def again():
        if most is not None and done >= most:
            return
        for middle, labels in ways(body, rows, place):
            if middle == place and done >= least:
                continue  # an iteration beyond the least must take a row
            for end, more in repeated(pattern, rows, middle, done + 1):
                yield end, labels + more

    def stop():
        if done >= least:
            yield place, ()

    for way in (again, stop) if greedy else (stop, again):
        yield from way()


def match_at(pattern, rows, start, prefer, allowed=lambda end: True):
    found = [(end, labels) for end, labels in ways(pattern, rows, start) if allowed(end)]
    if not found:
        return None
    if prefer == "first":
        return found[0]
    longest = max(end for end, _ in found)
    return next(way for way in found if way[0] == longest)


class NoProgress(Exception):
    pass


def matches(pattern, rows, *, mode="nonoverlapping", prefer="longest", clock=None, within=None, most=None):
    """The matches (start, end, labels) in a partition, as a list."""
    found, start = [], 0
    while start < len(rows):
        allowed = (
            (lambda end, start=start: end == start or abs(clock[end - 1] - clock[start]) <= within)
            if clock is not None
            else (lambda end: True)
        )
        match = match_at(pattern, rows, start, prefer, allowed)
        if match is None:
            start += 1
            continue
        end, labels = match
        found.append((start, end, labels))
        start = resume(start, end, labels, mode)
    return found


def resume(start, end, labels, mode):
    if mode == "overlapping" or end == start:
        return start + 1
    if mode == "nonoverlapping":
        return end
    which, symbol = mode.split()
    rows = [start + row for row, label in enumerate(labels) if label == symbol]
    if not rows or (rows[0] if which == "to_first" else rows[-1]) == start:
        raise NoProgress
    return rows[0] if which == "to_first" else rows[-1]


def text(pattern):
    """The pattern in the language under test."""
    kind = pattern[0]
    if kind == "sym":
        return pattern[1]
    if kind in "^$":
        return kind
    if kind == "seq":
        return "(" + ".".join(map(text, pattern[1])) + ")"
    if kind == "alt":
        return "(" + " | ".join(map(text, pattern[1])) + ")"
    _, body, least, most, greedy = pattern
    signs = {(0, 1): "?", (0, None): "*", (1, None): "+"}
    sign = signs.get((least, most)) or (f"{{{least}}}" if least == most else f"{{{least},{'' if most is None else most}}}")
    inner = text(body)
    return (inner if body[0] in ("sym", "^", "$") else f"({inner})") + sign + ("" if greedy else "?")


def random_pattern(random, names="ABC", depth=3):
    kind = random.choice(["sym"] * 4 + (["seq", "seq", "alt", "rep", "rep"] if depth else []) + ["^", "$"][: random.random() < 0.2])
    if kind == "sym":
        return ("sym", random.choice(names))
    if kind in "^$":
        return (random.choice("^$"),)
    if kind == "rep":
        least, most = random.choice([(0, 1), (0, None), (1, None), (2, 2), (0, 2), (1, 3), (2, None), (3, 3)])
        return ("rep", random_pattern(random, names, depth - 1), least, most, random.random() < 0.6)
    parts = tuple(random_pattern(random, names, depth - 1) for _ in range(random.choice([2, 2, 3]) - (random.random() < 0.05) * 2))
    return (kind, parts) if parts or kind == "seq" else ("seq", ())


def random_rows(random, names="ABC", longest=7):
    return [{name for name in names if random.random() < 0.5} for _ in range(random.randint(0, longest))]
