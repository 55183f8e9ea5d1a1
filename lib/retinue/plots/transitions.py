"""What follows what? For each step, the share of the moves from it to every other one."""

from __future__ import annotations

from collections import Counter

from retinue.plots import heat, labels
from retinue.plots.picture import Picture, nothing
from retinue.plots.rows import Rows, first
from retinue.plots.style import LIGHT

__all__ = ["transitions"]

TITLE = "What follows what?"
NAME, CELL, ROW, TOP = 210, 58, 32, 26  # pixels
ENTRY, EXIT = "(entry)", "(exit)"
Move = tuple[str, str]


def transitions(moves: Rows, *, names: int = 12, limit: int = 2_000) -> Picture:
    """Draw a row a step and a column, numbered alike, for each that may follow, with its share of the row.

    `moves` has a row a pair: `from_step`, `to_step` (`(entry)` and `(exit)` among them), `transition_count`
    and `share` (of all transitions from from_step). The `names` steps with most moves to them stand by that
    number, ties by name, the entry above and the exit after them; the other steps have no cell, so that a
    row may come to less than 100%. Out of the `limit` largest rows; from a Spark frame no more are
    collected, by a Spark job. Raises SchemaMismatch.
    """
    columns = ["transition_count", "from_step", "to_step", "share"]
    rows = first(moves, columns=columns, limit=limit, what="transitions", ascending=[False, True, True, True])
    shares, arrivals = dict[Move, tuple[int, float]](), Counter[str]()
    for number, source, target, share in rows:
        if number > 0:
            move = labels.clean(source), labels.clean(target)
            shares.setdefault(move, (int(number), float(share)))
            arrivals[labels.clean(target)] += int(number)
    if not shares:
        return nothing(title=TITLE, note="No session has moved.")
    ranked = sorted(arrivals.keys() - {EXIT}, key=lambda name: (-arrivals[name], name))
    return _draw(shares, ranked[:names], hidden=len(ranked[names:]))


def _draw(shares: dict[Move, tuple[int, float]], names: list[str], *, hidden: int) -> Picture:
    note = "The share of the moves from each step"
    if hidden:
        note += f"; {labels.amount(hidden, 'rarer step')} not drawn"
    sources, targets = [ENTRY, *names], [*names, EXIT]
    width, height = NAME + len(targets) * CELL + 2, TOP + len(sources) * ROW + 2
    picture = Picture(title=TITLE, note=note, width=max(width, 560), height=height)
    heads = [*map(str, range(1, len(names) + 1)), EXIT]  # names would not fit above their columns
    for column, head in enumerate(heads):
        x = NAME + (column + 0.5) * CELL
        picture.write(x, 10, head, size=11, color=LIGHT["muted"], align="center")
    for row, source in enumerate(sources):
        y = TOP + row * ROW
        name = f"{row}. {source}" if row else source
        heat.row_name(picture, y + ROW / 2, name, room=NAME - 8)
        for column, target in enumerate(targets):
            number, share = shares.get((source, target), (0, 0.0))
            heat.cell(
                picture,
                (NAME + column * CELL, y, CELL, ROW),
                heat=share,
                text=labels.share(share, 1) if number else "·",
                tip=f"{source} → {target}: {labels.count(number)}, {labels.share(share, 1)}",
                color="vermillion" if target == EXIT else "blue",
            )
    return picture
