"""Which communities lasted, split or merged? Their members as flows from the ones before to those now."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from retinue.plots import labels
from retinue.plots.names import Align
from retinue.plots.picture import Picture, nothing
from retinue.plots.rows import OTHERS, Rows, different, folded, is_null, key_name, largest_keys
from retinue.plots.style import CATEGORIES, LIGHT

__all__ = ["community_flow"]

TITLE = "Which communities lasted, split or merged?"
SIDES = ("before", "now")
WIDTH, NAMES, BAR, TOP, MARGIN = 720, 184, 12, 40, 2  # pixels; NAMES is the room for words on either side
TALLEST, SLOT, GAP = 400, 32, 8  # heights: of all members, the least for a name, between two
REACH = WIDTH / 2 - NAMES - BAR  # from the middle to either side's bars
STAYED = "went_on"
STORIES = (  # a flow's fate, and what it says of a community now and of one before
    ("went_on", "was", "now"),
    ("split", "split from", "split into"),
    ("merged", "merged from", "merged into"),
)


class _Node(NamedTuple):
    """Where members were or are: in a community, in one of the others, or outside."""

    kind: int
    name: str


COMMUNITY, OTHER, OUTSIDE = range(3)
_OTHERS, _OUTSIDE = _Node(OTHER, ""), _Node(OUTSIDE, "")


class _Flow(NamedTuple):
    """Members of one fate that went from one node to another."""

    source: _Node
    target: _Node
    fate: str
    size: int


@dataclass
class _Bar:
    """A node's place on its side, and how much of it ribbons already fill."""

    size: int
    y: float
    height: float
    filled: float = 0


class _Side(NamedTuple):
    """The bars of the communities before, or of those now, whose ribbons begin or end at `x`."""

    is_now: bool
    x: float
    align: Align
    others: int  # communities in the bar of the others
    bars: dict[_Node, _Bar]

    def name(self, node: _Node) -> str:
        if node.kind == COMMUNITY:
            return f"Community {node.name}"
        if node.kind == OTHER:
            return labels.amount(self.others, "other")
        return "left" if self.is_now else "joined"

    def color(self, node: _Node, colors: Mapping[_Node, str]) -> str:
        leaves = self.is_now and node.kind == OUTSIDE
        return LIGHT["vermillion"] if leaves else colors[node]


@dataclass(frozen=True)
class _Change:
    """All flows, and how many members each node had and has."""

    flows: list[_Flow]
    before: Counter[_Node]
    now: Counter[_Node]

    def story(self, node: _Node, *, is_now: bool) -> str:
        """What became of a community before, or where one that is now came from."""
        if node.kind != COMMUNITY:
            return ""
        if self.before[node] and self.now[node]:
            return _growth(self.now[node] / self.before[node] - 1) if is_now else ""
        for fate, came, went in STORIES:
            ends = [flow[:2] for flow in self.flows if flow.fate == fate]
            met = [source if is_now else target for source, target in ends if node in (source, target)]
            if fate == STAYED and _OTHERS in met:
                return ""  # of its own id, most likely, and there too small to be drawn
            if met:
                return f"{came if is_now else went} {' and '.join(sorted(map(_name, met)))}"
        return "new" if is_now else "scattered"


def community_flow(flows: Rows, *, limit: int = 12) -> Picture:
    """Draw the members of each community before as ribbons to those that they are in now.

    `flows` has the rows that `changing.flows` gives: `before`, `now` (community_id; null for nowhere),
    `member_count` and `fate`. On either side the `limit` largest communities are drawn, ties by id, the
    others as one, and last who joined or left. Before, they stand by size; now, where most of their members
    come from. A community has one colour on both sides, if it is of the six largest; it goes by the id, so
    that most keep theirs from picture to picture. From a Spark frame at most 6 x (`limit` + 2)² rows and two
    counts are collected, by Spark jobs. Raises SchemaMismatch.
    """
    kept = {
        side: largest_keys(flows, key=side, size="member_count", limit=limit, what="community_flow")
        for side in SIDES
    }
    rows = folded(flows, kept=kept, by="fate", size="member_count", what="community_flow")
    found = [_Flow(_node(row[0]), _node(row[1]), str(row[2]), int(row[3])) for row in rows if row[3] > 0]
    if not found:
        return nothing(title=TITLE, note="No community has a member.")
    before, now = Counter[_Node](), Counter[_Node]()
    for flow in found:
        before[flow.source] += flow.size
        now[flow.target] += flow.size
    others = [count - len(kept[side]) for count, side in zip(different(flows, SIDES), SIDES, strict=True)]
    return _draw(_Change(found, before, now), others)


def _node(key: Any) -> _Node:
    if key is OTHERS:
        return _OTHERS
    return _OUTSIDE if is_null(key) else _Node(COMMUNITY, key_name(key))


def _name(node: _Node) -> str:
    return node.name if node.kind == COMMUNITY else "others"


def _growth(share: float) -> str:
    percent = round(100 * share)
    return labels.signed(percent, decimals=0) + "%" if percent else "as large"


def _draw(change: _Change, others: list[int]) -> Picture:
    scale = TALLEST / max(change.before.total(), change.now.total())
    one = _Side(False, WIDTH / 2 - REACH, "right", others[0], _stack(_by_size(change.before), scale))
    other = _Side(True, WIDTH / 2 + REACH, "left", others[1], _stack(_by_source(change), scale))
    bars = [*one.bars.values(), *other.bars.values()]
    bottom = max(bar.y + bar.height / 2 + max(bar.height, SLOT) / 2 for bar in bars)
    picture = Picture(title=TITLE, note=_note(change), width=WIDTH, height=bottom + MARGIN)
    colors = _colors(change)
    _draw_ribbons(picture, change, one, other, colors)
    for side, heading in ((one, "Before"), (other, "Now")):
        picture.write(side.x, 10, heading, size=13, bold=True, align=side.align)
        for node in side.bars:
            _draw_bar(picture, side, node, change.story(node, is_now=side.is_now), side.color(node, colors))
    return picture


def _note(change: _Change) -> str:
    joined, left = change.before[_OUTSIDE], change.now[_OUTSIDE]
    before, now = change.before.total() - joined, change.now.total() - left
    stayed = sum(flow.size for flow in change.flows if flow.fate == STAYED)
    return (
        f"{labels.amount(before, 'member')} before, {labels.count(now)} now; "
        f"{labels.share(stayed, before - left)} of those in both went on together"
    )


def _by_size(sizes: Counter[_Node]) -> list[tuple[_Node, int]]:
    return sorted(sizes.items(), key=lambda item: (item[0].kind, -item[1], item[0].name))


def _by_source(change: _Change) -> list[tuple[_Node, int]]:
    """The communities now, by where their members stood before on average, so that few ribbons cross."""
    place = {node: place for place, (node, _) in enumerate(_by_size(change.before))}
    far = Counter[_Node]()
    for flow in change.flows:
        far[flow.target] += place[flow.source] * flow.size
    return sorted(
        _by_size(change.now),
        key=lambda item: (item[0].kind, far[item[0]] / item[1] if not item[0].kind else 0),
    )


def _stack(sizes: list[tuple[_Node, int]], scale: float) -> dict[_Node, _Bar]:
    """The bars of a side from the top down, as tall as their members, each with room for its name."""
    bars, y = {}, float(TOP)
    for node, size in sizes:
        height = max(size * scale, 1)
        slot = max(height, SLOT)
        bars[node] = _Bar(size, y + (slot - height) / 2, height)
        y += slot + GAP
    return bars


def _colors(change: _Change) -> dict[_Node, str]:
    """A colour for each of the largest communities: the one its id wishes for, or the next that is free."""
    sizes = change.before | change.now  # of either side the larger
    colors = dict.fromkeys(sizes, LIGHT["rest"])
    free = list(CATEGORIES)
    for node, _ in _by_size(sizes)[: len(CATEGORIES)]:
        if node.kind == COMMUNITY:
            wish = zlib.crc32(node.name.encode(errors="replace")) % len(CATEGORIES)
            turned = [*CATEGORIES[wish:], *CATEGORIES[:wish]]
            colors[node] = next(color for color in turned if color in free)
            free.remove(colors[node])
    return colors


def _draw_ribbons(
    picture: Picture, change: _Change, before: _Side, now: _Side, colors: Mapping[_Node, str]
) -> None:
    """The ribbons, which fill each bar from the top without a gap."""
    sizes, fates = Counter[tuple[_Node, _Node]](), dict[tuple[_Node, _Node], str]()
    for flow in change.flows:
        sizes[flow[:2]] += flow.size
        fates[flow[:2]] = flow.fate.replace("_", " ")
    for source, target in sorted(sizes, key=lambda ends: (before.bars[ends[0]].y, now.bars[ends[1]].y)):
        size, one, other = sizes[source, target], before.bars[source], now.bars[target]
        thickness = one.height * size / one.size
        tip = f"{before.name(source)} → {now.name(target)}: {labels.amount(size, 'member')}"
        if source.kind == target.kind == COMMUNITY:
            shares = labels.share(size, one.size), labels.share(size, other.size)
            tip += f", {shares[0]} of the one and {shares[1]} of the other; {fates[source, target]}"
        start, end = (before.x, one.y + one.filled), (now.x, other.y + other.filled)
        color, alpha = (LIGHT["rest"], 0.2) if target.kind == OUTSIDE else (colors[source], 0.4)
        picture.ribbon(start, end, thickness, color=color, tip=tip, alpha=alpha)
        one.filled += thickness
        other.filled += other.height * size / other.size


def _draw_bar(picture: Picture, side: _Side, node: _Node, story: str, color: str) -> None:
    bar, name = side.bars[node], side.name(node)
    tip = f"{name}: {labels.amount(bar.size, 'member')}" + (f"; {story}" if story else "")
    left = side.x if side.is_now else side.x - BAR
    picture.block(left, bar.y, BAR, bar.height, color=color, tip=tip)
    x, middle, room = left + BAR + 8 if side.is_now else left - 8, bar.y + bar.height / 2, NAMES - 10
    ink = color if color == LIGHT["vermillion"] else LIGHT["ink"]
    line = labels.fit(name, room=room, size=12)
    picture.write(x, middle - 7, line, bold=True, color=ink, align=side.align)
    figures = labels.count(bar.size) + (f" · {story}" if story else "")
    line = labels.fit(figures, room=room, size=11)
    picture.write(x, middle + 8, line, size=11, color=LIGHT["muted"], align=side.align)
