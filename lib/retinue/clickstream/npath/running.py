"""The aggregates up to each row of a match, as window functions over its rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from retinue.clickstream.npath.aggregates import named, printed
from retinue.clickstream.npath.measures import LABEL, Aggregate

ROW, TAKEN, STEP = "_npath_row", "_npath_taken", "_npath_step"


@dataclass(frozen=True)
class Running:
    """An aggregate over the rows of a match up to the row itself.

    The frame has the matches' rows: `_npath_row`, the row as a struct; `_npath_label`, the number of the
    symbol that took it; `_npath_taken`, false where the row only stands for an empty match. `match` are
    the columns that tell the matches apart, `names` those of the symbols.
    """

    aggregate: Aggregate
    match: Sequence[str]
    names: Sequence[str]

    @property
    def counts(self) -> Column:
        """Whether the aggregate counts the row."""
        of = self.aggregate.of
        return F.col(TAKEN) if of is None else F.coalesce(F.col(LABEL).isin(*of), F.lit(False))

    def value(self, place: int = -1) -> Column:
        """What the aggregate reads of the row."""
        if not self.aggregate.values:
            return F.lit(0)
        name = self.aggregate.values[place]
        return named(F.col(LABEL), self.names) if name == LABEL else F.col(ROW)[name]

    def counted(self, value: Column) -> Column:
        """The value where the row counts, else null."""
        return F.when(self.counts, value)

    def boxed(self) -> Column:
        """The value in a struct, which is null only where the row does not count."""
        return self.counted(F.struct(self.value().alias("value")))

    @property
    def so_far(self) -> WindowSpec:
        """The rows of the match up to the row itself."""
        window = Window.partitionBy(*self.match).orderBy(F.col(ROW)["position"])
        return window.rowsBetween(Window.unboundedPreceding, Window.currentRow)

    def among_counted(self, *more: Column) -> WindowSpec:
        """The rows of the match that count, or those that do not, in their order."""
        return Window.partitionBy(*self.match, self.counts, *more).orderBy(F.col(ROW)["position"])


def with_running(rows: DataFrame, name: str, running: Running) -> DataFrame:
    """The rows with the aggregate as column `name`."""
    function = running.aggregate.function
    if function in IN_STEPS:
        return IN_STEPS[function](rows, name, running).drop(STEP)
    return rows.withColumn(name, AT_ONCE[function](running))


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
        rank = F.when(by.isNotNull(), running.counted(F.struct(by, F.col(ROW)["position"] * sign)))
        return choose(running.boxed(), rank).over(running.so_far)["value"]

    return chosen


def _plain(function: Callable[[Column], Column]) -> Callable[[Running], Column]:
    return lambda running: function(running.counted(running.value())).over(running.so_far)


def _accumulate(running: Running) -> Column:
    return printed(F.collect_list(running.boxed()).over(running.so_far)["value"], running.aggregate)


def _count(rows: DataFrame, name: str, running: Running) -> DataFrame:
    value = running.counted(running.value())
    if running.aggregate.repeats:
        is_new = F.row_number().over(running.among_counted(running.value())) == 1
        rows, value = rows.withColumn(STEP, is_new), F.when(F.col(STEP), value)
    return rows.withColumn(name, F.count(value).over(running.so_far))


def _nth(rows: DataFrame, name: str, running: Running) -> DataFrame:
    nth = running.aggregate.nth
    if nth > 0:
        return rows.withColumn(
            name, F.nth_value(running.boxed(), nth, ignoreNulls=True).over(running.so_far)["value"]
        )
    back = F.lag(running.boxed(), -nth - 1).over(running.among_counted())
    rows = rows.withColumn(STEP, running.counted(F.struct(back["value"].alias("value"))))
    return rows.withColumn(name, F.last(STEP, ignorenulls=True).over(running.so_far)["value"])


def _repeats(running: Running) -> Column:
    """Whether the row's value equals that of the row before, among those that count."""
    before = F.lag(running.boxed()).over(running.among_counted())
    return running.counted(before.isNotNull() & before["value"].eqNullSafe(running.value()))


def _dupcountcum(rows: DataFrame, name: str, running: Running) -> DataFrame:
    rows = rows.withColumn(STEP, _repeats(running))
    return rows.withColumn(name, _once_any(running, F.count_if(STEP).over(running.so_far)))


def _dupcount(rows: DataFrame, name: str, running: Running) -> DataFrame:
    """How many repeats there are since the last row that counts and is none."""
    rows = rows.withColumn(STEP, _repeats(running))
    rows = rows.withColumn(name, F.count_if(STEP).over(running.so_far))
    before = F.max(F.when(~F.col(STEP), F.col(name))).over(running.so_far)
    return rows.withColumn(name, F.col(name) - before)


def _once_any(running: Running, value: Column) -> Column:
    """The value from the first row on that counts."""
    return F.when(F.max(running.counts).over(running.so_far), value)


AT_ONCE: dict[str, Callable[[Running], Column]] = {
    "first": _first,
    "last": _last,
    "first_notnull": _notnull(F.first),
    "last_notnull": _notnull(F.last),
    "max_choose": _chosen_by(F.max_by, -1),
    "min_choose": _chosen_by(F.min_by, 1),
    "sum": _plain(F.sum),
    "avg": _plain(F.avg),
    "min": _plain(F.min),
    "max": _plain(F.max),
    "accumulate": _accumulate,
}
IN_STEPS: dict[str, Callable[[DataFrame, str, Running], DataFrame]] = {
    "count": _count,
    "nth": _nth,
    "dupcount": _dupcount,
    "dupcountcum": _dupcountcum,
}
