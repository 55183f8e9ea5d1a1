"""The aggregates over a whole match, as functions of the array of its rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql import types as T

from retinue.clickstream.npath.measures import LABEL, Aggregate


@dataclass(frozen=True)
class Match:
    """A match as columns: `rows` is an array of structs (label, row), `names` are those of the symbols.

    `typed` gives the type of an aggregate of Spark's, such as the sum, over a value of the rows.
    """

    rows: Column
    names: Sequence[str]
    typed: Callable[[Callable[[str], Column], str], T.DataType]

    def value(self, row: Column, name: str) -> Column:
        """One value of a row, or of an array of rows."""
        return row["row"][name] if name != LABEL else named(row["label"], self.names)

    def chosen(self, aggregate: Aggregate) -> Column:
        """The rows that count."""
        of = aggregate.of
        return self.rows if of is None else F.filter(self.rows, lambda row: row["label"].isin(*of))

    def values(self, aggregate: Aggregate) -> Column:
        """The value of each row that counts."""
        name = aggregate.values[-1]
        if name == LABEL:
            return F.transform(self.chosen(aggregate), lambda row: self.value(row, LABEL))
        return self.chosen(aggregate)["row"][name]


def named(label: Column, names: Sequence[str]) -> Column:
    """The name of the symbol with this number."""
    return F.get(F.array(*map(F.lit, names)), label)


def over_match(aggregate: Aggregate, match: Match) -> Column:
    """The aggregate's value for the match."""
    return OVER_MATCH[aggregate.function](aggregate, match)


def printed(values: Column, aggregate: Aggregate) -> Column:
    """The values as one text, `[a, b, c]`."""
    if aggregate.repeats == "distinct":
        values = F.array_distinct(values)
    if aggregate.repeats == "cdistinct":
        values = F.filter(_pairs(values), lambda pair: ~_repeats(pair))["value"]
    texts, delimiter = values.cast("array<string>"), F.expr(aggregate.delimiter)
    listed = F.call_function("array_join", texts, delimiter, F.lit("null"))
    return F.concat(F.lit("["), listed, F.lit("]"))


def _pairs(values: Column) -> Column:
    """Each value with the one before it, in a struct; that is null for the first."""
    boxed = F.transform(values, lambda value: F.struct(value.alias("value")))
    before = F.concat(F.array(F.lit(None)), F.slice(boxed, F.lit(1), F.greatest(F.size(boxed) - 1, F.lit(0))))
    pairs = F.arrays_zip(values.alias("value"), before.alias("before"))
    return F.slice(pairs, F.lit(1), F.size(boxed))


def _repeats(pair: Column) -> Column:
    return pair["before"].isNotNull() & pair["value"].eqNullSafe(pair["before"]["value"])


def _at(place: int) -> Callable[[Aggregate, Match], Column]:
    return lambda aggregate, match: F.try_element_at(match.values(aggregate), F.lit(place))


def _nth(aggregate: Aggregate, match: Match) -> Column:
    return F.try_element_at(match.values(aggregate), F.lit(aggregate.nth))


def _notnull_at(place: int) -> Callable[[Aggregate, Match], Column]:
    def chosen(aggregate: Aggregate, match: Match) -> Column:
        test, value = aggregate.values
        rows = F.filter(match.chosen(aggregate), lambda row: match.value(row, test).isNotNull())
        return match.value(F.try_element_at(rows, F.lit(place)), value)

    return chosen


def _choose(better: Callable[[Column, Column], Column]) -> Callable[[Aggregate, Match], Column]:
    """The value where another is best; of equal ones the first."""

    def chosen(aggregate: Aggregate, match: Match) -> Column:
        by, value = aggregate.values
        boxed = F.transform(
            match.chosen(aggregate),
            lambda row: F.struct(match.value(row, by).alias("by"), match.value(row, value).alias("value")),
        )
        rows = F.filter(boxed, lambda row: row["by"].isNotNull())
        best = F.reduce(
            rows,
            F.get(rows, F.lit(0)),
            lambda best, row: F.when(better(row["by"], best["by"]), row).otherwise(best),
        )
        return best["value"]

    return chosen


def _count(aggregate: Aggregate, match: Match) -> Column:
    if not aggregate.values:
        return F.size(match.chosen(aggregate)).cast("long")
    values = F.array_compact(match.values(aggregate))
    return F.size(F.array_distinct(values) if aggregate.repeats else values).cast("long")


def _sum(aggregate: Aggregate, match: Match) -> Column:
    return _added(match.values(aggregate), match.typed(F.sum, aggregate.values[0]))


def _avg(aggregate: Aggregate, match: Match) -> Column:
    mean = match.typed(F.avg, aggregate.values[0])
    total = mean if isinstance(mean, T.DoubleType) else match.typed(F.sum, aggregate.values[0])
    values = F.array_compact(match.values(aggregate))
    return (_added(values, total) / F.nullif(F.size(values), F.lit(0))).cast(mean)


def _added(values: Column, total: T.DataType) -> Column:
    """The sum, null where there are no values."""
    start = F.lit(None).cast(total)
    return F.reduce(values, start, lambda sum, value: F.coalesce(sum + value, value, sum).cast(total))


def _dupcountcum(aggregate: Aggregate, match: Match) -> Column:
    pairs = _counted_pairs(aggregate, match)
    return F.when(F.size(pairs) > 0, F.size(F.filter(pairs, _repeats)).cast("long"))


def _dupcount(aggregate: Aggregate, match: Match) -> Column:
    pairs, none = _counted_pairs(aggregate, match), F.lit(None).cast("long")
    return F.reduce(pairs, none, lambda run, pair: F.when(_repeats(pair), run + 1).otherwise(0))


def _counted_pairs(aggregate: Aggregate, match: Match) -> Column:
    if aggregate.values:
        return _pairs(match.values(aggregate))
    return _pairs(F.transform(match.chosen(aggregate), lambda _: F.lit(0)))


OVER_MATCH: dict[str, Callable[[Aggregate, Match], Column]] = {
    "first": _at(1),
    "last": _at(-1),
    "nth": _nth,
    "first_notnull": _notnull_at(1),
    "last_notnull": _notnull_at(-1),
    "max_choose": _choose(lambda row, best: row > best),
    "min_choose": _choose(lambda row, best: row < best),
    "count": _count,
    "sum": _sum,
    "avg": _avg,
    "min": lambda aggregate, match: F.array_min(match.values(aggregate)),
    "max": lambda aggregate, match: F.array_max(match.values(aggregate)),
    "dupcount": _dupcount,
    "dupcountcum": _dupcountcum,
    "accumulate": lambda aggregate, match: printed(match.values(aggregate), aggregate),
}
