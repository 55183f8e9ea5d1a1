"""What ClickHouse itself answered: results of the real engine (26.9, by its Python package chdb).

clickhouse_funnels.csv: a line a visitor, its rows as time:mask (bit k - 1 where step k holds, of three),
then the level that windowFunnel(6, modes...) gave, a column for each set of modes.

clickhouse_sequences.json: visitors as lists of [time, mask], and for each pattern what sequenceCount and
sequenceMatchEvents gave. No visitor has two rows of one time, whose order that engine leaves open. Times
are to be compared only for patterns that do not end in a time condition, which sequenceMatchEvents forgets.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

WINDOW = 6
STEPS = 3
Row = tuple[int, int]


def funnels() -> tuple[list[list[Row]], dict[frozenset[str], list[int]]]:
    """The visitors, and their levels for each set of modes."""
    with Path(__file__).with_name("clickhouse_funnels.csv").open() as lines:
        table = list(csv.DictReader(lines))
    visitors = [
        [(int(at), int(mask)) for at, mask in (row.split(":") for row in line.pop("rows").split())]
        for line in table
    ]
    columns = {name: [int(line[name]) for line in table] for name in table[0]}
    return visitors, {frozenset(name.split()) - {"default"}: levels for name, levels in columns.items()}


def sequences() -> tuple[list[list[Row]], list[dict]]:
    """The visitors, and for each pattern: pattern, counts, times."""
    found = json.loads(Path(__file__).with_name("clickhouse_sequences.json").read_text())
    return [[(at, mask) for at, mask in visitor] for visitor in found["visitors"]], found["patterns"]
