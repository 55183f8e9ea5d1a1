"""Credit by what is lost without a channel: journeys as a chain of touches, exactly solved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F
from scipy.sparse import csc_matrix, identity  # type: ignore[import-untyped]
from scipy.sparse.linalg import splu  # type: ignore[import-untyped]

from retinue.attribution import shares
from retinue.errors import RetinueError

__all__ = ["Chain", "attribute", "chain_between", "chain_of", "losses", "transitions"]

Array = NDArray[np.float64]
AT_ONCE = 256  # columns of the solution in memory


def attribute(paths: DataFrame, *, order: int = 1) -> DataFrame:
    """Share all conversions out by how many would be lost if a channel led nowhere.

    Out, a row a channel: channel, conversions (double: all of them x removal_effect / the sum of these),
    value (double, all of it shared likewise), removal_effect (double, 0..1: the share of conversions that the
    chain loses without the channel). What no touch led to is under the channel null, without an effect.

    The chain: the state is the last `order` channels, padded with none at the start; channels repeated in a
    row are kept. A state is left for another, for a conversion or for nothing as often as paths do. Removing
    a channel makes all states whose newest channel it is lead to nothing. The effects are exact: the chain is
    solved once, and what each removal changes follows from that solution.

    In: path (array of channels, nulls in it are no touches), conversions, optionally nulls and value. Runs
    Spark jobs; the transitions come to the driver, at most channels ^ (order + 1). It is credit, not cause: a
    channel that meets people who would buy anyhow is credited all the same.
    Source: Anderl, Becker, von Wangenheim and Schumann (2016). Raises SchemaMismatch; RetinueError where
    `order` is below 1.
    """
    effects = chain_of(transitions(paths, order=order).collect(), order=order).removal_effects()
    return shares.spread(paths, effects, removal_effect=effects)


def transitions(paths: DataFrame, *, order: int = 1) -> DataFrame:
    """How often journeys go from one state to the next.

    Out, a row a step: source (array, the last `order` channels, newest last, fewer at the start), channel
    (the next one; null where journeys end), conversions (double, of the journeys that take the step), nulls
    (double, likewise those without). In and raises as `attribute`. Lazy; one shuffle, of counts.
    """
    if order < 1:
        raise RetinueError(f"order is {order}; it must be 1 or more")
    given = shares.given(paths, what="markov").where("size(path) > 0 AND conversions + nulls > 0")
    places = F.sequence(F.lit(0), F.size("path"))
    steps = F.transform(
        places,
        lambda n: F.struct(
            F.slice("path", F.greatest(n - order, F.lit(0)) + 1, F.least(n, F.lit(order))).alias("source"),
            F.get("path", n).alias("channel"),
        ),
    )
    return (
        given.select(F.explode(steps).alias("step"), "conversions", "nulls")
        .groupBy("step")
        .agg(F.sum("conversions").alias("conversions"), F.sum("nulls").alias("nulls"))
        .select("step.source", "step.channel", "conversions", "nulls")
    )


def losses(earlier: DataFrame, later: DataFrame, *, most: int = 3) -> dict[int, float]:
    """How badly chains of order 1 to `most`, learnt from earlier paths, foresee each step of later ones.

    Out: order = the mean of -log(the probability of what came next: a channel, a conversion or nothing). The
    order with the least is the one to take. What a state was not seen to lead to is likely as after the state
    of one touch less, which weighs as much as one observation, and at last all alike.

    In: paths as for `attribute`. Runs Spark jobs; the transitions of both come to the driver, at most
    channels ^ (most + 1). Source: MacKay and Peto (1995), for the weights. Raises SchemaMismatch;
    RetinueError where `most` is below 1 or later paths have no step.
    """
    learnt, seen = (list(_followed(paths, most)) for paths in (earlier, later))
    steps = sum(count for *_, count in seen)
    if not steps:
        raise RetinueError("no later path has a touch; give journeys that end after the earlier ones")
    outcomes = len({outcome for _, outcome, _ in (*learnt, *seen)} | {_CONVERSION, _NOTHING})
    counts: defaultdict[tuple[Any, ...], float] = defaultdict(float)
    left: defaultdict[tuple[Any, ...], float] = defaultdict(float)
    for source, outcome, count in learnt:
        for order in range(most + 1):
            counts[order, _last(source, order), outcome] += count
            left[order, _last(source, order)] += count

    def chance(source: tuple[Any, ...], outcome: Any, order: int) -> float:
        if order < 0:
            return 1 / outcomes
        state = order, _last(source, order)
        return (counts[*state, outcome] + chance(source, outcome, order - 1)) / (left[state] + 1)

    return {
        order: -sum(count * log(chance(source, outcome, order)) for source, outcome, count in seen) / steps
        for order in range(1, most + 1)
    }


_CONVERSION, _NOTHING = object(), object()  # what can come next beside channels


def _last(source: tuple[Any, ...], order: int) -> tuple[Any, ...]:
    return source[-order:] if order else ()


def _followed(paths: DataFrame, order: int) -> Iterator[tuple[tuple[Any, ...], Any, float]]:
    """State, what came next, and how often."""
    for row in transitions(paths, order=order).collect():
        source = tuple(row.source)
        if row.channel is not None:
            yield source, row.channel, row.conversions + row.nulls
        else:
            yield source, _CONVERSION, row.conversions
            yield source, _NOTHING, row.nulls


@dataclass(frozen=True)
class Chain:
    """A chain that ends in a conversion or in nothing: how likely each state leads to which."""

    newest: tuple[Any, ...]  # the channel that each state ends with; the first one is the start, with none
    onward: csc_matrix  # probabilities from state to state
    converting: Array  # and from each state to a conversion at once

    def conversion_probability(self) -> float:
        """Of a journey from its start."""
        return float(self._solved()[0][0])

    def removal_effects(self) -> dict[Any, float]:
        """The share of conversions that is lost with each channel.

        A journey that is ever in the channel's states is first so in one of them, J: from there on it would
        have converted. With N the visits, the chance to come there first is N[start, J] / N[J, J].
        """
        converts, visits, inverse = self._solved()
        base = float(converts[0]) or 1.0
        lost = {}
        for channel in dict.fromkeys(self.newest[1:]):
            states = np.flatnonzero([newest == channel for newest in self.newest])
            first = np.linalg.solve(_block(inverse, states, len(self.newest)).T, visits[states])
            lost[channel] = float(first @ converts[states]) / base
        return lost

    def _solved(self) -> tuple[Array, Array, Any]:
        """How likely each state leads to a conversion, how often each is visited, and the factors."""
        factors = splu(csc_matrix(identity(len(self.newest)) - self.onward))
        start = np.zeros(len(self.newest))
        start[0] = 1.0
        return factors.solve(self.converting), factors.solve(start, trans="T"), factors


def chain_of(steps: Iterable[Row], *, order: int) -> Chain:
    """The chain of the transitions that `transitions` counts."""
    return chain_between(
        ((tuple(row.source), row.channel, row.conversions, row.nulls) for row in steps), order=order
    )


def chain_between(steps: Iterable[tuple[tuple[Any, ...], Any, float, float]], *, order: int) -> Chain:
    """The same of plain steps: source, channel (None at the end), conversions, nulls."""
    counted = list(steps)
    states = {(): 0} | {
        state: n for n, state in enumerate(sorted({source for source, *_ in counted} - {()}), start=1)
    }
    left, won = np.zeros(len(states)), np.zeros(len(states))
    cells: list[tuple[int, int, float]] = []
    for source, channel, conversions, nulls in counted:
        left[states[source]] += conversions + nulls
        if channel is None:
            won[states[source]] += conversions
        else:
            cells.append((states[source], states[(*source, channel)[-order:]], conversions + nulls))
    rows, columns, counts = (np.array(each) for each in zip(*cells, strict=True)) if cells else ([], [], [])
    onward = csc_matrix((counts, (rows, columns)), shape=(len(states), len(states)))
    share = 1 / np.where(left > 0, left, 1.0)
    newest = tuple(state[-1] if state else None for state in states)
    return Chain(newest, csc_matrix(onward.multiply(share[:, None])), won * share)


def _block(factors: Any, states: NDArray[np.int64], size: int) -> Array:
    """The visits of these states from these states, some columns at a time."""
    columns = []
    for start in range(0, len(states), AT_ONCE):
        part = states[start : start + AT_ONCE]
        units = np.zeros((size, len(part)))
        units[part, np.arange(len(part))] = 1.0
        columns.append(factors.solve(units)[states])
    return np.hstack(columns)
