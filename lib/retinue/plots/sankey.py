"""Where do sessions go, step by step? The top paths as flows from column to column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from retinue.plots import labels
from retinue.plots.alluvial import MARGIN, Bar, Node, Ribbon, head, ribbons, stacked
from retinue.plots.picture import Picture, nothing
from retinue.plots.rows import Rows, largest
from retinue.plots.style import CATEGORIES, LIGHT

__all__ = ["sankey"]

TITLE = "Where do sessions go, step by step?"
PITCH, LABEL = 192, 160  # pixels

# Pages come first, then those folded together, then those who left.
PAGE, FOLDED, RARER, LEFT = range(4)
_OTHER, _RARER, _LEFT = Node(FOLDED, ""), Node(RARER, ""), Node(LEFT, "")


@dataclass
class Flows:
    """How many sessions stand at each node of each column, and how many go from one to the next."""

    standing: list[Counter[Node]]
    moving: list[Counter[tuple[Node, Node]]]
    folded: list[int]  # names folded into other, a column
    sessions: int  # on the paths that are drawn


def sankey(paths: Rows, *, limit: int = 5_000, steps: int = 5, names: int = 6) -> Picture:
    """Draw the `limit` most frequent paths as ribbons as wide as their sessions, step by step.

    `paths` has `path` (array of strings: a session's steps from its start, each session in at most one
    path) and `session_count` (sessions); ties between equal counts go by path. In every column the `names`
    largest pages stand by size, ties by name, the others as one. A path that ends before the last column
    drawn flows out as `left`. Sessions on rarer paths stand in the first column as other paths, which are
    not followed. From a Spark frame at most `limit` rows and one sum are collected, by Spark jobs. Raises
    SchemaMismatch.
    """
    top = largest(paths, key="path", size="session_count", limit=limit, what="sankey")
    walked = [(tuple(map(labels.clean, path)), size) for path, size in top.kept if len(path)]
    if not walked:
        return nothing(title=TITLE, note="No session has a path to draw.")
    followed = labels.amount(sum(size for _, size in walked), "session")
    note = f"{followed} on {labels.amount(len(walked), 'path')}"
    if top.other_count:
        note += (
            f"; {labels.amount(top.other_size, 'session')} on "
            f"{labels.amount(top.other_count, 'rarer path')} not followed"
        )
    return _draw(_flows(walked, steps=steps, names=names, rarer=top.other_size), note=note)


def _flows(walked: Sequence[tuple[tuple[str, ...], int]], *, steps: int, names: int, rarer: int) -> Flows:
    columns = min(steps, max(len(path) for path, _ in walked))
    shown, folded = _shown_names(walked, columns, names)
    standing = [Counter[Node]() for _ in range(columns)]
    moving = [Counter[tuple[Node, Node]]() for _ in range(columns - 1)]
    for path, size in walked:
        nodes = [Node(PAGE, name) if name in shown[i] else _OTHER for i, name in enumerate(path[:columns])]
        nodes += [_LEFT] * (len(path) < columns)
        for column, node in enumerate(nodes):
            standing[column][node] += size
        for column, link in enumerate(pairwise(nodes)):
            moving[column][link] += size
    sessions = sum(standing[0].values())
    if rarer:
        standing[0][_RARER] = rarer
    return Flows(standing, moving, folded, sessions)


def _shown_names(
    walked: Sequence[tuple[tuple[str, ...], int]], columns: int, names: int
) -> tuple[list[set[str]], list[int]]:
    """A column's largest names, and how many more it has."""
    sizes = [Counter[str]() for _ in range(columns)]
    for path, size in walked:
        for column, name in enumerate(path[:columns]):
            sizes[column][name] += size
    ranked = [sorted(column.items(), key=lambda item: (-item[1], item[0])) for column in sizes]
    shown = [{name for name, _ in column[:names]} for column in ranked]
    return shown, [max(0, len(column) - names) for column in ranked]


def _draw(flows: Flows, *, note: str) -> Picture:
    bars, bottom = stacked(flows.standing, pitch=PITCH)
    picture = Picture(title=TITLE, note=note, width=MARGIN + len(bars) * PITCH, height=bottom + MARGIN)
    colors = _colors(flows)
    for ribbon in ribbons(flows.moving, bars):
        _draw_ribbon(picture, flows, ribbon, colors)
    for column in bars:
        _draw_header(picture, flows, list(column.values()))
        for bar in column.values():
            _draw_bar(picture, flows, bar, colors)
    return picture


def _colors(flows: Flows) -> dict[Node, str]:
    """The same colour for a page in every column, the brightest for the pages that most sessions see."""
    totals = sum(flows.standing, Counter[Node]())
    pages = sorted(
        (node for node in totals if node.kind == PAGE), key=lambda node: (-totals[node], node.name)
    )
    colors = dict.fromkeys(totals, LIGHT["rest"]) | dict(zip(pages, CATEGORIES, strict=False))
    return colors | {_LEFT: LIGHT["vermillion"]}


def _draw_ribbon(picture: Picture, flows: Flows, ribbon: Ribbon, colors: dict[Node, str]) -> None:
    source, target = ribbon.source.node, ribbon.target.node
    way = f"{_name(source, flows, ribbon.source.column)} → {_name(target, flows, ribbon.target.column)}"
    share = f"{labels.share(ribbon.size, ribbon.source.size)} of those here"
    tip = f"{way}: {labels.amount(ribbon.size, 'session')}, {share}"
    leaves = target.kind == LEFT
    color, alpha = (LIGHT["rest"], 0.2) if leaves else (colors[source], 0.32)
    picture.ribbon(ribbon.start, ribbon.end, ribbon.thickness, color=color, tip=tip, alpha=alpha)


def _draw_header(picture: Picture, flows: Flows, bars: list[Bar]) -> None:
    here = sum(bar.size for bar in bars if bar.node.kind in {PAGE, FOLDED})
    text = f"{labels.count(here)} · {labels.share(here, flows.sessions)}"
    head(picture, bars[0].x, f"Step {bars[0].column + 1}", text)


def _draw_bar(picture: Picture, flows: Flows, bar: Bar, colors: dict[Node, str]) -> None:
    name = _name(bar.node, flows, bar.column)
    tip = f"{name}: {labels.amount(bar.size, 'session')}"
    of_all = "" if bar.node.kind == RARER else f" · {labels.share(bar.size, flows.sessions)}"
    ink = LIGHT["vermillion" if bar.node.kind == LEFT else "ink"]
    figures = labels.count(bar.size) + of_all
    color = colors[bar.node]
    bar.draw(picture, name=name, figures=figures, tip=tip + of_all, room=LABEL, color=color, ink=ink)


def _name(node: Node, flows: Flows, column: int) -> str:
    return {
        PAGE: node.name,
        FOLDED: labels.amount(flows.folded[column], "other"),
        RARER: "other paths",
        LEFT: "left",
    }[node.kind]
