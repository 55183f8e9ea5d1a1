"""Row pattern matching as it is defined, by trying everything: slow, recursive, and independent.

A pattern is a tuple: ("sym", name), ("^",), ("$",), ("seq", parts), ("alt", options),
("rep", body, least, most or None, greedy). A row is the set of the names that hold for it.
"""

from __future__ import annotations

from itertools import pairwise

Pattern = tuple


def ways(pattern, rows, place):
    """Every way to match from `place`, the preferred first: (end, labels). May repeat itself."""
    yield from KINDS[pattern[0]](pattern, rows, place)


def taken(pattern, rows, place):
    if place < len(rows) and pattern[1] in rows[place]:
        yield place + 1, (pattern[1],)


def at_start(pattern, rows, place):
    if place == 0:
        yield place, ()


def at_end(pattern, rows, place):
    if place == len(rows):
        yield place, ()


def any_of(pattern, rows, place):
    for option in pattern[1]:
        yield from ways(option, rows, place)


def in_turn(pattern, rows, place):
    parts = pattern[1]
    if not parts:
        yield place, ()
        return
    for middle, labels in ways(parts[0], rows, place):
        for end, more in in_turn(("seq", parts[1:]), rows, middle):
            yield end, labels + more


def repeated(pattern, rows, place, done=0):
    greedy = pattern[4]
    for way in (once_more, enough) if greedy else (enough, once_more):
        yield from way(pattern, rows, place, done)


def once_more(pattern, rows, place, done):
    _, body, least, most, _ = pattern
    if most is not None and done >= most:
        return
    for middle, labels in ways(body, rows, place):
        if middle == place and done >= least:
            continue  # an iteration beyond the least must take a row
        for end, more in repeated(pattern, rows, middle, done + 1):
            yield end, labels + more


def enough(pattern, rows, place, done):
    if done >= pattern[2]:
        yield place, ()


KINDS = {"sym": taken, "^": at_start, "$": at_end, "alt": any_of, "seq": in_turn, "rep": repeated}


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


def matches(pattern, rows, *, mode="nonoverlapping", prefer="longest", clock=None, within=None):
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
    sign = signs.get((least, most)) or (
        f"{{{least}}}" if least == most else f"{{{least},{'' if most is None else most}}}"
    )
    inner = text(body)
    return (inner if body[0] in ("sym", "^", "$") else f"({inner})") + sign + ("" if greedy else "?")


def random_pattern(random, names="ABC", depth=3):
    kind = random.choice(
        ["sym"] * 4
        + (["seq", "seq", "alt", "rep", "rep"] if depth else [])
        + ["^", "$"][: random.random() < 0.2]
    )
    if kind == "sym":
        return ("sym", random.choice(names))
    if kind in "^$":
        return (random.choice("^$"),)
    if kind == "rep":
        least, most = random.choice([(0, 1), (0, None), (1, None), (2, 2), (0, 2), (1, 3), (2, None), (3, 3)])
        return ("rep", random_pattern(random, names, depth - 1), least, most, random.random() < 0.6)
    parts = tuple(
        random_pattern(random, names, depth - 1)
        for _ in range(random.choice([2, 2, 3]) - (random.random() < 0.05) * 2)
    )
    return (kind, parts) if parts or kind == "seq" else ("seq", ())


def random_rows(random, names="ABC", longest=7):
    return [{name for name in names if random.random() < 0.5} for _ in range(random.randint(0, longest))]


# What is told of the matches. A measure is (function, value, of, frame, more): `of` a string of symbols or
# None for every row, `frame` "running" or "final"; a row is a dict, its "holds" the names that hold for it.


def tell(measure, seen, every, partition):
    """The measure over the rows seen so far, or over the whole match, as [(place, label)]."""
    function, value, of, frame, more = measure
    taken = [
        (place, label) for place, label in (seen if frame == "running" else every) if not of or label in of
    ]
    values = [read(value, place, label, partition) for place, label in taken]
    return FUNCTIONS[function](values, more)


def read(value, place, label, partition):
    if value == "classifier()":
        return label
    if value == "*":
        return 0
    if isinstance(value, tuple) and value[0] == "lag":
        _, column, back, default = value
        there = place - back
        return partition[there][column] if 0 <= there < len(partition) else default
    if isinstance(value, tuple):
        return tuple(read(each, place, label, partition) for each in value)
    return partition[place][value]


def known(values):
    return [value for value in values if value is not None]


def run_length(values):
    if not values:
        return None
    run = 0
    while run + 1 < len(values) and values[-1 - run] == values[-2 - run]:
        run += 1
    return run


def chosen(values, sign):
    best = None
    for by, value in values:
        if by is not None and (best is None or sign * by > sign * best[0]):
            best = (by, value)
    return best and best[1]


def accumulated(values, more):
    repeats, delimiter = more or ("", ", ")
    if repeats == "distinct":
        values = list(dict.fromkeys(values))
    if repeats == "cdistinct":
        values = [value for place, value in enumerate(values) if place == 0 or value != values[place - 1]]
    return "[" + delimiter.join("null" if value is None else str(value) for value in values) + "]"


def nth(values, n):
    place = n - 1 if n > 0 else len(values) + n
    return values[place] if 0 <= place < len(values) else None


FUNCTIONS = {
    "first": lambda values, _: values[0] if values else None,
    "last": lambda values, _: values[-1] if values else None,
    "classifier": lambda values, _: values[-1] if values else None,
    "first_notnull": lambda values, _: next(iter(known(values)), None),
    "last_notnull": lambda values, _: next(reversed(known(values)), None),
    "nth": nth,
    "sum": lambda values, _: sum(known(values)) if known(values) else None,
    "avg": lambda values, _: sum(known(values)) / len(known(values)) if known(values) else None,
    "min": lambda values, _: min(known(values), default=None),
    "max": lambda values, _: max(known(values), default=None),
    "count": lambda values, distinct: len(set(known(values)) if distinct else known(values)),
    "max_choose": lambda values, _: chosen(values, 1),
    "min_choose": lambda values, _: chosen(values, -1),
    "dupcount": lambda values, _: run_length(values),
    "dupcountcum": lambda values, _: sum(one == other for one, other in pairwise(values)) if values else None,
    "accumulate": accumulated,
}


def written(measure):
    """The measure in the language under test."""
    function, value, of, frame, more = measure
    values = value if isinstance(value, tuple) and value[0] != "lag" else (value,)
    inner = ", ".join(f"lag({v[1]}, {v[2]}, {v[3]})" if isinstance(v, tuple) else v for v in values)
    if function == "count" and more:
        inner = "distinct " + inner
    if function == "nth":
        inner += f", {more}"
    repeats, delimiter = more if function == "accumulate" and more else ("", None)
    counted = f" of any({', '.join(of)})" if of else ""
    quote = f" delimiter '{delimiter}'" if delimiter is not None else ""
    inner = "" if function == "classifier" else inner
    return f"{frame} {function}({repeats} {inner}{counted}{quote})"


def answer(pattern, partition, measures, options):
    """What npath tells of one partition: a list of tuples, one a row, in no order.

    A measure may also be the name of a column, or "match_number()". `options` are those of `matches` and
    output, where (a predicate of the places and labels), empty_matches, unmatched_rows.
    """
    told, shown, number = [], set(), 0
    names = {key: options[key] for key in ("mode", "prefer", "clock", "within") if key in options}
    for start, end, labels in matches(pattern, [row["holds"] for row in partition], **names):
        every = list(zip(range(start, end), labels, strict=True))
        if "where" in options and not options["where"](every, partition):
            continue
        number += 1
        if start == end and not options.get("empty_matches"):
            continue
        places = [(start, None)] if start == end else every
        if options.get("output") != "row":
            told.append(tuple(line(measures, every, every, partition, number, places[-1][0])))
            continue
        for index, (place, _) in enumerate(places):
            shown.add(place)
            told.append(tuple(line(measures, every[: index + 1], every, partition, number, place)))
    if options.get("unmatched_rows"):
        alone = set(range(len(partition))) - shown
        told += [tuple(partition[place].get(measure) for measure in measures) for place in alone]
    return told


def line(measures, seen, every, partition, number, place):
    for measure in measures:
        if measure == "match_number()":
            yield number
        elif isinstance(measure, str):
            yield partition[place][measure]
        else:
            yield tell(measure, seen, every, partition)
