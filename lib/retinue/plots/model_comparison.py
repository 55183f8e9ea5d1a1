"""Do the models agree on a channel? All models' credits side by side, a lane a channel."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from retinue.plots import labels
from retinue.plots.axes import Across
from retinue.plots.picture import Picture, nothing
from retinue.plots.rows import Rows, check, different, first, is_null, key_name, largest_keys, only, without
from retinue.plots.style import LIGHT

__all__ = ["model_comparison"]

TITLE = "Do the models agree on what a channel earns?"
LAST, NO_TOUCH = "last", "no touch"
MODELS = {  # in the order of a lane
    "first": "rest",
    LAST: "ink",
    "last_non_direct": "muted",
    "linear": "sky",
    "position": "purple",
    "time_decay": "yellow",
    "shapley": "orange",
    "markov": "blue",
    "counterfactual": "green",
}
MOST, LONGEST = 12, 180  # models, and pixels for a model's name
WIDTH, MARGIN, NAME, TOLD, LEFT, RIGHT = 770, 2, 132, 118, 150, 632  # pixels; TOLD on the right
ROW, PAD, GAP, DOT, KEY, FOOT, LEAST = 6.4, 4, 3, 3.2, 20, 26, 34  # LEAST is the least height of a lane


class _Credit(NamedTuple):
    model: str
    channel: str
    conversions: float
    low: float
    high: float

    @property
    def ends(self) -> tuple[float, float]:
        """The interval; where it is not known, the number itself."""
        is_known = not (is_null(self.low) or is_null(self.high))
        return (self.low, self.high) if is_known else (self.conversions, self.conversions)

    @property
    def tip(self) -> str:
        low, high = map(labels.rounded, self.ends)
        interval = f" (interval {low} to {high})" if low != high else ""
        return f"{self.channel}, {_words(self.model)}: {labels.rounded(self.conversions)}{interval}"


class _Lane(NamedTuple):
    """A channel's credits, a model each."""

    channel: str
    credits: dict[str, _Credit]

    @property
    def range(self) -> tuple[float, float]:
        """The least and the greatest credit that a model gives."""
        given = [credit.conversions for credit in self.credits.values()]
        return min(given), max(given)

    @property
    def told(self) -> str:
        low, high = map(labels.rounded, self.range)
        return low if low == high else f"{low} to {high}"


def model_comparison(credits: Rows, *, by: str = "channel", limit: int = 15) -> Picture:
    """Draw each channel's credit by every model as dots on their intervals, in a lane of its own.

    `credits` has the rows that `intervals.bootstrap` gives, one a model and channel: `model`, the column
    `by` (null for what no touch led to), `conversions`, `conversions_low` and `conversions_high`. Channels
    stand by the credit that the last touch gives them (by that of all models, where no row is of the model
    `last`), ties by name; the `limit` first are drawn, then what no touch led to. The dashed line in a lane
    is the last touch. From a Spark frame at most 12 x (`limit` + 1) rows, those of the first models by name,
    and a count are collected, by Spark jobs. Raises SchemaMismatch.
    """
    columns, what = ["model", by, "conversions", "conversions_low", "conversions_high"], "model_comparison"
    check(credits, columns, what=what)
    size, of_last = "conversions", only(credits, key="model", keys=[LAST])
    keys = largest_keys(of_last, key=by, size=size, limit=limit, what=what) or largest_keys(
        credits, key=by, size=size, limit=limit, what=what
    )
    rows = [
        row
        for part, channels in ((only(credits, key=by, keys=keys), limit), (without(credits, key=by), 1))
        for row in first(part, columns=columns, limit=MOST * channels, what=what, by=["model", by])
    ]
    lanes = _lanes([row for row in rows if not is_null(row[2])], keys)
    if not lanes:
        return nothing(title=TITLE, note="No model has given credit.")
    hidden = different(credits, [by])[0] - len(keys)
    return _draw(lanes, note=_note(lanes, hidden=hidden, noun=by.removesuffix("_id")))


def _lanes(rows: Sequence[tuple[Any, ...]], keys: Sequence[Any]) -> list[_Lane]:
    """In the order of the keys, then what no touch led to."""
    credits = defaultdict[Any, dict[str, _Credit]](dict)
    for model, key, *amounts in rows:
        name = NO_TOUCH if is_null(key) else key_name(key)
        credits[None if is_null(key) else key][str(model)] = _Credit(str(model), name, *amounts)
    return [
        _Lane(next(iter(credits[key].values())).channel, credits[key])
        for key in [*keys, None]
        if key in credits
    ]


def _note(lanes: Sequence[_Lane], *, hidden: int, noun: str) -> str:
    """What is drawn, and where the models differ most."""
    widest = max(lanes, key=lambda lane: lane.range[1] - lane.range[0])
    note = "Conversions credited, with intervals"
    note += f"; {labels.amount(hidden, f'smaller {noun}')} not drawn" if hidden else ""
    if widest.range[0] == widest.range[1]:
        return note
    return f"{note}; models differ most on {labels.fit(widest.channel, room=NAME, size=12)}: {widest.told}"


def _draw(lanes: Sequence[_Lane], *, note: str) -> Picture:
    found = {model for lane in lanes for model in lane.credits}
    models = [model for model in MODELS if model in found] + sorted(found - MODELS.keys())
    key = _key_places(models)
    top = key[-1][1] + 16
    tall = max(len(models) * ROW + 2 * PAD, LEAST)
    bottom = top + len(lanes) * (tall + GAP)
    picture = Picture(title=TITLE, note=note, width=WIDTH, height=bottom + FOOT)
    for model, (x, y) in zip(models, key, strict=True):
        picture.dot(x + DOT, y, DOT + 1, color=_color(model))
        picture.write(x + 2 * DOT + 5, y, labels.fit(_words(model), room=LONGEST, size=11), size=11)
    ends = [end for lane in lanes for credit in lane.credits.values() for end in credit.ends]
    scale = Across.over(min(0, *ends), max(0, *ends), left=LEFT, right=RIGHT, lines=8)
    for place in range(len(lanes)):
        picture.block(
            MARGIN, top + place * (tall + GAP), WIDTH - 2 * MARGIN, tall, color=LIGHT["faint"], alpha=0.4
        )
    scale.draw(picture, top=top, bottom=bottom - GAP, told=labels.short)
    for place, lane in enumerate(lanes):
        _draw_lane(picture, top + place * (tall + GAP), tall, lane, models, scale)
    return picture


def _key_places(models: Sequence[str]) -> list[tuple[float, float]]:
    """Where the key names each model: from left to right, in as many lines as it takes."""
    places, x, y = list[tuple[float, float]](), float(MARGIN), 8.0
    for model in models:
        wide = labels.width(labels.fit(_words(model), room=LONGEST, size=11), size=11) + 24
        if x + wide > WIDTH:
            x, y = float(MARGIN), y + KEY
        places.append((x, y))
        x += wide
    return places


def _draw_lane(
    picture: Picture, top: float, tall: float, lane: _Lane, models: Sequence[str], scale: Across
) -> None:
    middle = top + tall / 2
    name = labels.fit(lane.channel, room=NAME, size=12)
    picture.write(LEFT - 12, middle, name, bold=True, align="right")
    if last := lane.credits.get(LAST):
        x = scale.x(last.conversions)
        picture.line([(x, top), (x, top + tall)], color=LIGHT["rest"], thickness=1, is_dashed=True)
        told = f"last touch {labels.rounded(last.conversions)}"
        picture.write(
            RIGHT + 20, middle + 8, labels.fit(told, room=TOLD, size=11), size=11, color=LIGHT["muted"]
        )
    line = labels.fit(lane.told, room=TOLD, size=12)
    picture.write(RIGHT + 20, middle - 8 if last else middle, line, bold=True)
    start = middle - len(models) * ROW / 2
    for place, model in enumerate(models):
        if credit := lane.credits.get(model):
            _draw_credit(picture, start + (place + 0.5) * ROW, credit, scale)


def _draw_credit(picture: Picture, y: float, credit: _Credit, scale: Across) -> None:
    low, high = map(scale.x, credit.ends)
    picture.block(low, y - 1.25, high - low, 2.5, color=_color(credit.model), alpha=0.6)
    picture.dot(scale.x(credit.conversions), y, DOT, color=_color(credit.model), tip=credit.tip)


def _color(model: str) -> str:
    return LIGHT[MODELS.get(model, "vermillion")]


def _words(model: str) -> str:
    return labels.clean(model).replace("_", " ")
