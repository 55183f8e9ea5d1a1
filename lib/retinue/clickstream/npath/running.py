"""The aggregates up to each row of a match, as window functions over its rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from retinue.clickstream.npath.aggregates import named, printed
from retinue.clickstream.npath.measures import LABEL, Aggregate

STEP = "_npath_step"


@dataclass(frozen=True)
class Running:
    """An aggregate over the rows of a match up to the row itself.

    The frame has a match's row a row: `label`, `is_taken` (false for the row that stands for an empty
    match), and the struct `row`; `match` are the columns that tell the match, `order` the row's place in it.
    """

    aggregate: Aggregate
    match: Sequence[str]
    order: Column
    names: Sequence[str]

    @property
    def counts(self) -> Column:
        of = self.aggregate.of
        return F.col("is_taken") if of is None else F.coalesce(F.col("label").isin(*of), F.lit(False))

    def value(self, place: int = -1) -> Column:
        name = self.aggregate.values[place]
        return named(F.col("label"), self.names) if name == LABEL else F.col("row")[name]

    def boxed(self) -> Column:
        """The value in a struct, which is null only where the row does not count."""
        return F.when(self.counts, F.struct(self.value().alias("value")))

    @property
    def so_far(self) -> WindowSpec:
        window = Window.partitionBy(*self.match).orderBy(self.order)
        return window.rowsBetween(Window.unboundedPreceding, Window.currentRow)

    def counted(self, *more: Column) -> WindowSpec:
        """The rows of the match that count, in their order."""
        return Window.partitionBy(*self.match, self.counts, *more).orderBy(self.order)


def with_running(rows: DataFrame, name: str, running: Running) -> DataFrame:
    """The rows with the aggregate as column `name`."""
    if running.aggregate.function in IN_STEPS:
        return IN_STEPS[running.aggregate.function](rows, name, running)
    return rows.withColumn(name, AT_ONCE[running.aggregate.function](running))


def _first(running: Running) -> Column:
    return F.first(running.boxed(), ignorenulls=True).over(running.so_far)["value"]


def _last(running: Running) -> Column:
    return F.last(running.boxed(), ignorenulls=True).over(running.so_far)["value"]


def _notnull(choose: Callable[..., Column]) -> Callable[[Running], Column]:
    def chosen(running: Running) -> Column:
        boxed = F.when(running.value(0).isNotNull(), running.boxed())
        return choose(boxed, ignorenulls=True).over(running.so_far)["value"]

    return chosen


def _chosen_by(choose: Callable[[Column, Column], Column], sign: int) -> Callable[[Running], Column]:
    """The value where another is best; of equal ones the first."""

    def chosen(running: Running) -> Column:
        by = running.value(0)
        rank = F.when(running.counts & by.isNotNull(), F.struct(by, F.col("row")["position"] * sign))
        return choose(running.boxed(), rank).over(running.so_far)["value"]

    return chosen


def _of_counted(function: Callable[[Column], Column]) -> Callable[[Running], Column]:
    def over(running: Running) -> Column:
        return function(F.when(running.counts, running.value())).over(running.so_far)

    return over


def _accumulate(running: Running) -> Column:
    return printed(F.collect_list(running.boxed()).over(running.so_far)["value"], running.aggregate)


def _count(rows: DataFrame, name: str, running: Running) -> DataFrame:
    if not running.aggregate.values:
        return rows.withColumn(name, F.count(F.when(running.counts, 1)).over(running.so_far))
    value = F.when(running.counts, running.value())
    if not running.aggregate.repeats:
        return rows.withColumn(name, F.count(value).over(running.so_far))
    rows = rows.withColumn(STEP, F.row_number().over(running.counted(value)) == 1)
    return rows.withColumn(name, F.count(F.when(F.col(STEP), value)).over(running.so_far)).drop(STEP)


def _nth(rows: DataFrame, name: str, running: Running) -> DataFrame:
    nth = running.aggregate.nth
    if nth > 0:
        value = F.nth_value(running.boxed(), nth, ignoreNulls=True).over(running.so_far)["value"]
        return rows.withColumn(name, value)
    back = F.lag(running.boxed(), -nth - 1).over(running.counted())
    return _latest(rows.withColumn(STEP, F.struct(back.alias("value"))), name, running, F.col(STEP))


def _latest(rows: DataFrame, name: str, running: Running, step: Column) -> DataFrame:
    """What the step says at the latest row that counts."""
    latest = F.last(F.when(running.counts, step), ignorenulls=True).over(running.so_far)
    return rows.withColumn(name, latest["value"]["value"]).drop(STEP)
