"""Which channels return more than they cost? From nothing to the net of all, a step a channel."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from retinue.errors import RetinueError
from retinue.plots import labels
from retinue.plots.axes import Across
from retinue.plots.picture import Picture, nothing
from retinue.plots.rows import Rows, check, different, is_null, key_name
from retinue.plots.style import LIGHT
from retinue.schema import quoted

__all__ = ["roi_waterfall"]

TITLE = "Which channels return more than they cost?"
NO_TOUCH = "no touch"
WIDTH, MARGIN, NAME, LEFT, RIGHT, FIGURE = 840, 2, 184, 204, 516, 78  # pixels; FIGURE is a column's width
HEAD, ROW, BAR, FOOT, GAP = 30, 30, 16, 26, 22
MOST = 9_999  # percent that a return is told in
NAMES = 2  # of those that have cost or credit alone

MATCHED, REST, CREDIT_ALONE, COST_ALONE, TOTAL = range(5)
WORDS = {CREDIT_ALONE: "credit without cost", COST_ALONE: "cost without credit", TOTAL: "total"}


class _Sum(NamedTuple):
    """What one channel, or `size` of the smaller ones as one, cost and were credited with."""

    currency: Any
    key: Any
    is_rest: bool
    cost: float
    margin: float
    size: int

    @property
    def net(self) -> float:
        return self.margin - self.cost

    @property
    def kind(self) -> int:
        if not self.cost:
            return CREDIT_ALONE
        return MATCHED if self.margin else COST_ALONE

    @property
    def name(self) -> str:
        return NO_TOUCH if is_null(self.key) else key_name(self.key)


class _Step(NamedTuple):
    """A row of the picture."""

    kind: int
    name: str
    detail: str
    cost: float
    margin: float

    @property
    def net(self) -> float:
        return self.margin - self.cost

    @property
    def roi(self) -> str:
        """The return as a share of the cost; a dash where there is none."""
        if not self.cost:
            return "–"
        percent = round(100 * self.net / self.cost)
        return f"{percent:+,d}%".replace("-", "−") if percent <= MOST else f">{MOST:,}%"

    @property
    def color(self) -> str:
        if self.kind in {CREDIT_ALONE, COST_ALONE}:
            return LIGHT["rest"]
        if self.net < 0:
            return LIGHT["vermillion"]
        return LIGHT["blue" if self.kind == TOTAL else "green"]


def roi_waterfall(
    returns: Rows, *, by: str = "channel", margin: str = "margin_amount", limit: int = 15
) -> Picture:
    """Draw what each channel's attributed margin leaves of its cost, one after the other, up to the total.

    `returns` has the rows of one model: `by` (null for what no touch led to), `cost_amount`, `margin` and
    `currency`; rows of the same `by` and currency are added up. Those with both amounts stand from the
    greatest gain to the greatest loss, the `limit` of most gain or loss each by itself, ties by name, the
    others as one; then, in rows of their own, margin whose cost is null or 0 and cost whose margin is. Each
    currency has its own total: none is converted. From a Spark frame at most 3 x (`limit` + 3) sums a
    currency are collected, by Spark jobs. Raises SchemaMismatch; RetinueError for rows of several models.
    """
    check(returns, [by, "cost_amount", margin, "currency"], what="roi_waterfall")
    if "model" in returns.columns and (found := different(returns, ["model"])[0]) > 1:
        raise RetinueError(
            f"roi_waterfall draws the returns by one model, and these are by {found}; keep one: "
            "returns.where(\"model = 'markov'\")"
        )
    sums = defaultdict[str, list[_Sum]](list)
    for each in _sums(returns, by, margin, limit):
        if each.cost or each.margin:
            sums["" if is_null(each.currency) else labels.clean(each.currency)].append(each)
    if not sums:
        return nothing(title=TITLE, note="Nothing was spent and nothing earned.")
    noun = by.removesuffix("_id")
    return _draw({currency: _steps(sums[currency], limit, noun) for currency in sorted(sums)})


def _sums(returns: Rows, by: str, margin: str, limit: int) -> Iterator[_Sum]:
    if isinstance(returns, DataFrame):
        yield from _folded(returns, by, margin, limit)
        return
    told = returns.assign(_cost=returns["cost_amount"].astype(float), _margin=returns[margin].astype(float))
    added = told.groupby(["currency", by], dropna=False)[["_cost", "_margin"]].sum().reset_index()
    for currency, key, cost, own in added.itertuples(index=False, name=None):
        yield _Sum(currency, key, False, cost, own, 1)


def _folded(returns: DataFrame, by: str, margin: str, limit: int) -> Iterator[_Sum]:
    """The sums where by far the most are folded into the rest of their currency and kind already."""
    added = returns.groupBy("currency", F.col(quoted(by)).alias("_key")).agg(
        *(
            F.coalesce(F.sum(F.col(quoted(amount)).cast("double")), F.lit(0.0)).alias(name)
            for name, amount in (("_cost", "cost_amount"), ("_margin", margin))
        )
    )
    kind = F.struct(F.col("_cost") == 0, F.col("_margin") == 0)
    most = Window.partitionBy("currency", kind).orderBy(F.desc(F.expr("abs(_margin - _cost)")), "_key")
    ranked = added.withColumn("_is_rest", F.row_number().over(most) > max(limit, NAMES))
    key = F.when(~F.col("_is_rest"), F.col("_key"))
    sums = F.sum("_cost"), F.sum("_margin"), F.count("*")
    for currency, is_rest, *_, name, cost, own, size in (
        ranked.groupBy("currency", "_is_rest", kind, key).agg(*sums).collect()
    ):
        yield _Sum(currency, name, is_rest, cost, own, size)


def _steps(sums: Sequence[_Sum], limit: int, noun: str) -> list[_Step]:
    """The rows of a currency from the top down, the total last."""
    kinds = defaultdict[int, list[_Sum]](list)
    for each in sorted(sums, key=lambda each: (each.is_rest, -abs(each.net), each.name)):
        kinds[each.kind].append(each)
    shown = [each for each in kinds[MATCHED][:limit] if not each.is_rest]
    steps = [
        _Step(MATCHED, each.name, "", each.cost, each.margin)
        for each in sorted(shown, key=lambda each: -each.net)
    ]
    if rest := kinds[MATCHED][len(shown) :]:
        name = labels.amount(sum(each.size for each in rest), f"smaller {noun}")
        steps.append(_together(REST, name, "", rest))
    steps += [
        _together(kind, WORDS[kind], _names(kinds[kind]), kinds[kind])
        for kind in (CREDIT_ALONE, COST_ALONE)
        if kinds[kind]
    ]
    return [*steps, _together(TOTAL, WORDS[TOTAL], "", steps)]


def _together(kind: int, name: str, detail: str, parts: Iterable[_Sum | _Step]) -> _Step:
    listed = list(parts)
    return _Step(kind, name, detail, sum(part.cost for part in listed), sum(part.margin for part in listed))


def _names(alone: Sequence[_Sum]) -> str:
    """The largest by name, and how many more there are."""
    named = [each.name for each in alone if not each.is_rest][:NAMES]
    more = sum(each.size for each in alone) - len(named)
    return ", ".join([*named, *[f"{more} more"] * (more > 0)])


def _draw(panels: dict[str, list[_Step]]) -> Picture:
    heights = [HEAD + len(steps) * ROW + FOOT for steps in panels.values()]
    height = sum(heights) + GAP * (len(panels) - 1)
    picture = Picture(title=TITLE, note=_note(panels), width=WIDTH, height=height)
    tops = accumulate(heights, lambda top, tall: top + tall + GAP, initial=0)
    for top, (currency, steps) in zip(tops, panels.items(), strict=False):
        _draw_panel(picture, top, currency, steps)
    return picture


def _note(panels: dict[str, list[_Step]]) -> str:
    """What it comes to, where there is one currency."""
    if len(panels) > 1:
        return f"Attributed margin less cost in {len(panels)} currencies, none converted"
    [(currency, steps)] = panels.items()
    total, told = steps[-1], _amounts(steps)
    sums = f"margin {told(total.margin)} less cost {told(total.cost)} leaves {_signed(told, total.net)}"
    return f"Attributed {sums} {currency}".rstrip() + (f", ROI {total.roi}" if total.cost else "")


def _draw_panel(picture: Picture, top: float, currency: str, steps: Sequence[_Step]) -> None:
    ends = list(accumulate((step.net for step in steps[:-1]), initial=0.0))
    starts = [*ends[:-1], 0.0]  # the total starts from nothing again
    scale = Across.over(min(ends), max(ends), left=LEFT, right=RIGHT)
    rows, told = top + HEAD, _amounts(steps)
    line = labels.fit(currency or "no currency given", room=NAME, size=13)
    picture.write(MARGIN, top + 12, line, size=13, bold=True)
    for place, words in enumerate(("cost", "margin", "net", "ROI")):
        picture.write(_figure(place), top + 12, words, size=11, color=LIGHT["muted"], align="right")
    last = rows + (len(steps) - 1) * ROW
    picture.block(MARGIN, last, WIDTH - 2 * MARGIN, ROW, color=LIGHT["faint"], alpha=0.5)
    scale.draw(picture, top=rows - 2, bottom=last + ROW, told=labels.short)
    zero = scale.x(0)
    picture.line([(zero, rows - 2), (zero, last + ROW)], color=LIGHT["rest"], thickness=1)
    for place, (step, start) in enumerate(zip(steps, starts, strict=True)):
        y = rows + (place + 0.5) * ROW
        _draw_bar(picture, y, scale.x(start), scale.x(start + step.net), step, _tip(step, told, currency))
        _write_row(picture, y, step, told)


def _draw_bar(picture: Picture, y: float, start: float, end: float, step: _Step, tip: str) -> None:
    width = max(abs(end - start), 1.5)
    picture.block(min(start, end), y - BAR / 2, width, BAR, color=step.color, tip=tip)
    if step.kind != TOTAL:
        picture.line([(end, y + BAR / 2), (end, y + ROW - BAR / 2)], color=LIGHT["rest"], thickness=1)


def _write_row(picture: Picture, y: float, step: _Step, told: Callable[[float], str]) -> None:
    is_total = step.kind == TOTAL
    up = 7 if step.detail else 0
    name = labels.fit(step.name, room=NAME, size=12)
    picture.write(MARGIN + NAME, y - up, name, bold=is_total or step.kind == MATCHED, align="right")
    if step.detail:
        detail = labels.fit(step.detail, room=NAME, size=10.5)
        picture.write(MARGIN + NAME, y + up, detail, size=10.5, color=LIGHT["muted"], align="right")
    ink = LIGHT["vermillion" if step.net < 0 else "ink"]
    figures = (
        (told(step.cost) if step.cost else "–", False, LIGHT["muted"]),
        (told(step.margin) if step.margin else "–", False, LIGHT["muted"]),
        (_signed(told, step.net), is_total, ink),
        (step.roi, True, ink),
    )
    for place, (figure, is_bold, color) in enumerate(figures):
        line = labels.fit(figure, room=FIGURE - 4, size=12)
        picture.write(_figure(place), y, line, bold=is_bold, color=color, align="right")


def _figure(place: int) -> float:
    """Where a column of figures ends."""
    return WIDTH - MARGIN - 4 - (3 - place) * FIGURE


def _tip(step: _Step, told: Callable[[float], str], currency: str) -> str:
    name = f"{step.name} ({step.detail})" if step.detail else step.name
    amounts = f"margin {told(step.margin)}, cost {told(step.cost)}, net {_signed(told, step.net)}"
    return f"{name}: {amounts} {currency}".rstrip() + (f"; ROI {step.roi}" if step.cost else "")


def _amounts(steps: Sequence[_Step]) -> Callable[[float], str]:
    """How all amounts of a currency are told, by the largest of them."""
    largest = max(max(abs(step.cost), abs(step.margin), abs(step.net)) for step in steps)
    unit, end = (1e9, "G") if largest >= 1e9 else (1e6, "M") if largest >= 1e6 else (1.0, "")
    decimals = 2 if end or largest < 1000 else 0
    return lambda amount: _amount(amount / unit, decimals) + end


def _amount(number: float, decimals: int) -> str:
    least = 10**-decimals
    if 0 < abs(number) < least / 2:
        return f"<{least:g}" if number > 0 else f"−<{least:g}"
    return f"{number:,.{decimals}f}".replace("-", "−")


def _signed(told: Callable[[float], str], amount: float) -> str:
    return told(amount) if amount < 0 else f"+{told(amount)}"
