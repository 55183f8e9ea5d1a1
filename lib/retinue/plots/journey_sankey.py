"""How do journeys run, touch by touch? From the first touches to a conversion or to none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retinue.plots import labels
from retinue.plots.alluvial import MARGIN, Bar, Node, Ribbon, head, ribbons, stacked
from retinue.plots.picture import Picture, nothing
from retinue.plots.rows import Rows, check, is_null, largest
from retinue.plots.style import CATEGORIES, LIGHT

__all__ = ["journey_sankey"]

TITLE = "How do journeys run, touch by touch?"
COLUMNS = ["path", "conversions", "nulls"]
PITCH, LABEL, LEAST = 168, 138, 760  # pixels; a picture is no narrower than its note needs

# Those who converted stand above the channels, those who did not below all others.
CONVERTED, CHANNEL, FOLDED, MORE, LOST = range(5)
_CONVERTED, _OTHER, _MORE, _LOST = (Node(kind, "") for kind in (CONVERTED, FOLDED, MORE, LOST))
GREEN = LIGHT["green"]
COLORS = [color for color in CATEGORIES if color != GREEN]  # which stands for a conversion

Sizes = defaultdict[Node, float]
Links = defaultdict[tuple[Node, Node], float]


class _Walk(NamedTuple):
    """Journeys by their first touches; a channel that is null is one of the others."""

    channels: Sequence[Any]
    is_longer: bool
    conversions: float
    nulls: float


@dataclass
class _Flows:
    """How many journeys stand at each node of each column, and how many go from one to the next."""

    standing: list[Sizes]
    moving: list[Links]
    touches: int  # columns of them
    others: int  # channels that stand as one

    @property
    def journeys(self) -> float:
        return sum(self.standing[0].values())

    @property
    def conversions(self) -> float:
        return self.standing[-1].get(_CONVERTED, 0.0)

    def name(self, node: Node) -> str:
        return {
            CONVERTED: "converted",
            CHANNEL: node.name,
            FOLDED: labels.amount(self.others, "other"),
            MORE: "more touches",
            LOST: "not converted",
        }[node.kind]

    def heading(self, column: int) -> str:
        if column < self.touches:
            return f"Touch {column + 1}"
        return "In the end" if column == len(self.standing) - 1 else f"Touch {column + 1} and on"


def journey_sankey(paths: Rows, *, steps: int = 4, limit: int = 5) -> Picture:
    """Draw the first `steps` touches of all journeys as ribbons as wide as they are many, up to their end.

    `paths` has the rows that `journeys.paths` gives: `path` (array of channels, the first touch first; nulls
    in it are left out), `conversions` and `nulls` (journeys with and without conversion). The `limit`
    channels with most journeys at these touches stand by size in each column, ties by name, the others as
    one. Who has converted goes on above them, who has not and has no further touch below; touches after the
    first `steps` are one. Conversions without a touch are told, not drawn. From a Spark frame at most
    `limit` channels and 2 x (`limit` + 2)^`steps` sums are collected, by Spark jobs. Raises SchemaMismatch.
    """
    check(paths, COLUMNS, what="journey_sankey")
    top = largest(_channels(paths, steps), key="channel", size="size", limit=limit, what="journey_sankey")
    named = [channel for channel, _ in top.kept]
    walks = [walk for walk in _walks(paths, steps, named) if walk.conversions + walk.nulls > 0]
    touched = [walk for walk in walks if len(walk.channels)]
    if not touched:
        return nothing(title=TITLE, note="No journey has a touch.")
    flows = _flows(touched, others=top.other_count)
    untouched = sum(walk.conversions for walk in walks if not len(walk.channels))
    return _draw(flows, [labels.clean(channel) for channel in named], note=_note(flows, untouched))


def _channels(paths: Rows, steps: int) -> Rows:
    """channel, size: the journeys at the channel's touches among the first `steps`."""
    if isinstance(paths, DataFrame):
        touches = F.slice(F.array_compact("path"), 1, steps)
        size = F.coalesce("conversions", F.lit(0)) + F.coalesce("nulls", F.lit(0))
        touched = paths.select(F.explode(touches).alias("channel"), size.alias("size"))
        return touched.groupBy("channel").agg(F.sum("size").alias("size"))
    sizes = defaultdict[Any, float](float)
    for walk in _given(paths):
        for channel in walk.channels[:steps]:
            sizes[channel] += walk.conversions + walk.nulls
    return pd.DataFrame({"channel": list(sizes.keys()), "size": list(sizes.values())})


def _walks(paths: Rows, steps: int, named: Sequence[Any]) -> list[_Walk]:
    """The journeys by their first `steps` touches, where a channel that is not named is null."""
    if isinstance(paths, DataFrame):
        path = F.array_compact(F.coalesce("path", F.array()))
        shown = F.transform(F.slice(path, 1, steps), lambda touch: F.when(touch.isin(list(named)), touch))
        keys = shown.alias("channels"), (F.size(path) > steps).alias("is_longer")
        sums = (F.coalesce(F.sum(name), F.lit(0)).cast("double") for name in COLUMNS[1:])
        return [_Walk(*row) for row in paths.groupBy(*keys).agg(*sums).collect()]
    return [
        walk._replace(
            channels=[channel if channel in named else None for channel in walk.channels[:steps]],
            is_longer=len(walk.channels) > steps,
        )
        for walk in _given(paths)
    ]


def _given(paths: pd.DataFrame) -> Iterator[_Walk]:
    for path, *sizes in paths[COLUMNS].itertuples(index=False, name=None):
        touches = [] if path is None else [channel for channel in path if not is_null(channel)]
        conversions, nulls = (0.0 if is_null(size) else float(size) for size in sizes)
        yield _Walk(touches, False, conversions, nulls)


def _flows(walks: Sequence[_Walk], *, others: int) -> _Flows:
    """All that goes from column to column; who converted, and who did not, stays that up to the last one."""
    touches = max(len(walk.channels) for walk in walks)
    has_more = any(walk.is_longer for walk in walks)
    moving = [Links(float) for _ in range(touches + has_more)]
    for walk in walks:
        nodes = [*map(_node, walk.channels), *[_MORE] * walk.is_longer]
        for end, size in ((_CONVERTED, walk.conversions), (_LOST, walk.nulls)):
            if not size > 0:
                continue
            stops = [*nodes, *[end] * (len(moving) + 1 - len(nodes))]
            for links, link in zip(moving, pairwise(stops), strict=True):
                links[link] += size
    return _Flows(_standing(moving), moving, touches, others)


def _standing(moving: Sequence[Links]) -> list[Sizes]:
    standing = [Sizes(float) for _ in range(len(moving) + 1)]
    for column, links in enumerate(moving):
        for (source, target), size in links.items():
            if not column:
                standing[0][source] += size
            standing[column + 1][target] += size
    return standing


def _node(channel: Any) -> Node:
    return _OTHER if is_null(channel) else Node(CHANNEL, labels.clean(channel))


def _note(flows: _Flows, untouched: float) -> str:
    converted = labels.share(flows.conversions, flows.journeys)
    note = f"{_amount(flows.journeys, 'journey')}, {converted} convert"
    if flows.others:
        note += f"; {labels.amount(flows.others, 'smaller channel')} as one"
    if untouched > 0:
        note += f"; {_amount(untouched, 'conversion')} had no touch"
    return note


def _amount(size: float, noun: str) -> str:
    return labels.amount(round(size), noun)


def _draw(flows: _Flows, channels: Sequence[str], *, note: str) -> Picture:
    bars, bottom = stacked(flows.standing, pitch=PITCH)
    width = max(MARGIN + len(bars) * PITCH, LEAST)
    picture = Picture(title=TITLE, note=note, width=width, height=bottom + MARGIN)
    colors = {Node(CHANNEL, name): color for name, color in zip(channels, COLORS, strict=False)}
    colors |= {_CONVERTED: GREEN, _LOST: LIGHT["vermillion"]}
    for ribbon in ribbons(flows.moving, bars):
        _draw_ribbon(picture, flows, ribbon, colors)
    for column, own in enumerate(bars):
        on_the_way = sum(bar.size for node, bar in own.items() if node.kind not in {CONVERTED, LOST})
        here = on_the_way if column < len(bars) - 1 else flows.journeys
        text = f"{labels.count(round(here))} · {labels.share(here, flows.journeys)}"
        head(picture, MARGIN + column * PITCH, flows.heading(column), text)
        for bar in own.values():
            _draw_bar(picture, flows, bar, colors)
    return picture


def _draw_ribbon(picture: Picture, flows: _Flows, ribbon: Ribbon, colors: dict[Node, str]) -> None:
    source, target = ribbon.source.node, ribbon.target.node
    share = f"{labels.share(ribbon.size, ribbon.source.size)} of those here"
    tip = f"{flows.name(source)} → {flows.name(target)}: {_amount(ribbon.size, 'journey')}, {share}"
    if target.kind == LOST:
        color, alpha = LIGHT["rest"], 0.16
    elif target.kind == CONVERTED:
        color, alpha = GREEN, 0.45
    else:
        color, alpha = colors.get(source, LIGHT["rest"]), 0.32
    tip = "" if source == target and source.kind in {CONVERTED, LOST} else tip
    picture.ribbon(ribbon.start, ribbon.end, ribbon.thickness, color=color, tip=tip, alpha=alpha)


def _draw_bar(picture: Picture, flows: _Flows, bar: Bar, colors: dict[Node, str]) -> None:
    name, color = flows.name(bar.node), colors.get(bar.node, LIGHT["rest"])
    figures = f"{labels.count(round(bar.size))} · {labels.share(bar.size, flows.journeys)}"
    ink = color if bar.node.kind == LOST else LIGHT["ink"]
    tip = f"{name}: {_amount(bar.size, 'journey')} · {labels.share(bar.size, flows.journeys)}"
    bar.draw(picture, name=name, figures=figures, tip=tip, room=LABEL, color=color, ink=ink)
