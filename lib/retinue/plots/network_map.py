"""Who is tied to whom, and who counts? The most influential as discs, their communities by colour."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retinue.plots import labels
from retinue.plots.layout import force_directed, parted
from retinue.plots.names import Names, around
from retinue.plots.picture import Picture, nothing
from retinue.plots.rows import Pair, Rows, first, is_null, key_name, pairs, row_count
from retinue.plots.style import CATEGORIES, LIGHT

__all__ = ["network_map"]

TITLE = "Who has most influence, and in which community?"
COLUMNS = ["id", "community_id", "pagerank"]
WIDTH, HEIGHT, RIGHT, MARGIN = 720, 480, 506, 2  # pixels; the map ends at RIGHT
LARGEST, LEAST, FILLED = 22, 2.5, 0.1  # radii of discs, and how much of the map they may fill
THINNEST, THICKEST, SIZE, ROW = 0.6, 3, 12, 42  # of lines, of letters, from community to community
NAMED, BOLD = 30, 3  # how many by influence have their names, if there is room, and in any case
NONE = "no community"


class _Vertex(NamedTuple):
    id: Any
    community: str
    influence: float
    name: str


class _Disc(NamedTuple):
    """A vertex as it is drawn."""

    vertex: _Vertex
    x: float
    y: float
    radius: float
    color: str

    @property
    def place(self) -> tuple[float, float]:
        return self.x, self.y


def network_map(vertices: Rows, edges: Rows, *, limit: int = 120, ties: int = 600) -> Picture:
    """Draw the `limit` vertices of most influence, ties by id, and the `ties` heaviest ties among them.

    `vertices` has a row a vertex: `id`, `community_id`, `pagerank` (double) and, where it is to be called
    otherwise than by its id, `label`; `edges` has `src`, `dst` and `weight`. Discs are as large as influence;
    the colours are those of the communities that most of those drawn are in, the others are grey. The edges
    between two, either way, are one tie, as thick as their weight; vertices that are tied lie near. Who has
    most influence is named where there is room. From Spark frames at most `limit` vertices, `ties` ties and
    two counts are collected, by Spark jobs. Raises SchemaMismatch.
    """
    drawn = _vertices(vertices, limit)
    if not drawn:
        return nothing(title=TITLE, note="The network has no vertex.")
    tied = pairs(edges, among=[vertex.id for vertex in drawn], limit=ties, what="network_map")
    lines = sum(pair.edge_count for pair in tied)
    note = f"{_of(len(drawn), row_count(vertices))} vertices, by influence; "
    note += f"{_of(lines, row_count(edges))} edges"
    if len(tied) == ties:
        note += ", the heaviest"
    return _draw(drawn, tied, note=note)


def _of(part: int, whole: int) -> str:
    return f"{labels.count(part)} of {labels.count(whole)}"


def _vertices(vertices: Rows, limit: int) -> list[_Vertex]:
    columns = [*COLUMNS, *(["label"] if "label" in vertices.columns else [])]
    by = ["pagerank", "id"]
    rows = first(vertices, columns=columns, limit=limit, what="network_map", by=by, ascending=[False, True])
    return [_vertex(*row) for row in rows if not is_null(row[0]) and not is_null(row[2])]


def _vertex(id: Any, community: Any, influence: float, label: Any = None) -> _Vertex:
    name = labels.clean(id if is_null(label) else label)
    return _Vertex(id, NONE if is_null(community) else key_name(community), max(influence, 0.0), name)


def _draw(drawn: list[_Vertex], tied: list[Pair], *, note: str) -> Picture:
    picture = Picture(title=TITLE, note=note, width=WIDTH, height=HEIGHT)
    members = Counter(vertex.community for vertex in drawn)  # in order of influence, which settles ties
    largest = [community for community, _ in members.most_common() if community != NONE]
    colors = dict(zip(largest, CATEGORIES, strict=False))
    discs = _discs(drawn, tied, colors)
    _draw_ties(picture, tied, discs)
    tie_counts = Counter(id for pair in tied for id in (pair.one, pair.other))
    for rank, (id, disc) in enumerate(discs.items(), start=1):
        tip = (
            f"{disc.vertex.name}: influence {disc.vertex.influence:.3g}, rank {rank}; "
            f"{_told(disc.vertex.community)}, {labels.amount(tie_counts[id], 'tie')} drawn"
        )
        picture.dot(*disc.place, disc.radius, color=disc.color, tip=tip)
    _write_names(picture, list(discs.values()))
    _draw_key(picture, drawn, members, colors)
    return picture


def _told(community: str) -> str:
    return NONE if community == NONE else f"community {community}"


def _discs(drawn: list[_Vertex], tied: list[Pair], colors: dict[str, str]) -> dict[Any, _Disc]:
    """Every vertex's disc, no two of which cover each other unless they must."""
    radii = _radii([vertex.influence for vertex in drawn])
    position = {vertex.id: place for place, vertex in enumerate(drawn)}
    ends = np.array([(position[pair.one], position[pair.other]) for pair in tied], dtype=int).reshape(-1, 2)
    groups = np.unique([vertex.community for vertex in drawn], return_inverse=True)[1]
    weights = np.array([_weight(pair) for pair in tied])
    low, high = np.array([MARGIN, MARGIN]), np.array([RIGHT, HEIGHT - MARGIN])
    free = high - low - 2 * LARGEST
    wished = low + LARGEST + free * force_directed(len(drawn), ends, weights, groups)
    places = parted(wished, radii, low=low, high=high).tolist()
    return {
        vertex.id: _Disc(vertex, x, y, radius, colors.get(vertex.community, LIGHT["rest"]))
        for vertex, (x, y), radius in zip(drawn, places, radii.tolist(), strict=True)
    }


def _radii(influences: Sequence[float]) -> NDArray[np.float64]:
    """Discs as large as the influence of their vertices, which leave enough of the map free."""
    shares = np.array(influences) / (max(influences) or 1)
    largest = min(LARGEST, math.sqrt(FILLED * RIGHT * HEIGHT / math.pi / max(shares.sum(), 1)))
    return np.maximum(largest * np.sqrt(shares), LEAST)


def _weight(pair: Pair) -> float:
    return 0.0 if is_null(pair.weight) else max(float(pair.weight), 0.0)


def _draw_ties(picture: Picture, tied: list[Pair], discs: dict[Any, _Disc]) -> None:
    """The heaviest last; inside a community in its colour, else grey."""
    least, most = min(map(_weight, tied), default=0), max(map(_weight, tied), default=0)
    for pair in reversed(tied):
        one, other = discs[pair.one], discs[pair.other]
        share = math.sqrt((_weight(pair) - least) / (most - least or 1))
        picture.line(
            [one.place, other.place],
            color=one.color if one.vertex.community == other.vertex.community else LIGHT["rest"],
            thickness=THINNEST + (THICKEST - THINNEST) * share,
            alpha=0.25 + 0.3 * share,
            tip=f"{one.vertex.name} – {other.vertex.name}: weight {_weight(pair):,.6g}",
        )


def _write_names(picture: Picture, discs: list[_Disc]) -> None:
    around_all = [around(*disc.place, 2 * disc.radius, 2 * disc.radius) for disc in discs]
    names = Names((MARGIN, 0, RIGHT, HEIGHT), around_all)
    for rank, disc in enumerate(discs[:NAMED], start=1):
        size, bold = (13, True) if rank <= BOLD else (11, False)
        name, across = disc.vertex.name, 2 * disc.radius
        names.write(picture, disc.place, name, dot=across, size=size, bold=bold, is_needed=bold)


def _draw_key(picture: Picture, drawn: list[_Vertex], members: Counter[str], colors: dict[str, str]) -> None:
    """Each community's colour, who has most influence there, and how many of those drawn are in it."""
    x, y, end = RIGHT + 26, 10, WIDTH - MARGIN
    picture.write(x - 6, y, "Community around", size=11, color=LIGHT["muted"])
    picture.write(end, y, "drawn", size=11, color=LIGHT["muted"], align="right")
    for place, (community, color) in enumerate(colors.items()):
        y = 36 + place * ROW
        leader = next(vertex.name for vertex in drawn if vertex.community == community)
        picture.dot(x, y, 6, color=color)
        picture.write(x + 14, y, labels.fit(leader, room=end - x - 46, size=SIZE), bold=True)
        picture.write(end, y, labels.count(members[community]), align="right")
        told = labels.fit(_told(community), room=end - x - 14, size=11)
        picture.write(x + 14, y + 15, told, size=11, color=LIGHT["muted"])
    others = len(drawn) - sum(members[community] for community in colors)
    if others:
        y = 36 + len(colors) * ROW
        picture.dot(x, y, 6, color=LIGHT["rest"])
        picture.write(x + 14, y, "all others", color=LIGHT["muted"])
        picture.write(end, y, labels.count(others), align="right")
