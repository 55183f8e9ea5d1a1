"""What a funnel comes to: how many visitors reached each step, how long that took, and who they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retinue.clickstream import histories
from retinue.errors import RetinueError, SchemaMismatch, nearest
from retinue.schema import quoted, require

OPTIONAL = "optional"  # the key in the metadata of a step's column


@dataclass(frozen=True)
class Step:
    """A step, with how many required ones there are up to it and the required one before."""

    name: str
    is_optional: bool
    level: int
    before: str | None

    @property
    def is_reached(self) -> Column:
        """Whether the visitor took it."""
        return F.col(quoted(f"{self.name}_at")).isNotNull() if self.is_optional else self._is_at(self.level)

    @property
    def could_be_reached(self) -> Column:
        """Whether the visitor took the required step before, which of the first are those who took it."""
        return self._is_at(max(self.level - (not self.is_optional), 1))

    @property
    def is_dropped(self) -> Column:
        """Whether the visitor was lost between the step before and this one."""
        return F.lit(not self.is_optional) & self.could_be_reached & ~self.is_reached

    def _is_at(self, level: int) -> Column:
        return F.col("level") >= level


def report(
    funnelled: DataFrame, *, by: str | Sequence[str] = (), steps: Sequence[str] | None = None
) -> DataFrame:
    """How many visitors reached each step, how many were lost before it, and how long it took.

    In: what funnel gives; `steps` are the names in order, by default those of all columns after level that
    end in `_at`. `by` breaks the report down by further columns, such as funnel's breakdown.

    Out, a row a step (and value of `by`): `by`, step_index (int, from 1), step, visitor_count (level at
    least that), share_of_first (of the visitors that took the first step), share_of_previous (of those at
    the step before; 1 for the first), drop_count (visitors at the step before and not at this one),
    lower_quartile_seconds, median_seconds, upper_quartile_seconds (double: from the step before to this one,
    nearest rank, exact to a ten-thousandth of the ranks; units of `at` where it is a number; null for the
    first), median_seconds_from_first. A share of nobody is null. And where the funnel has

    - optional steps: is_optional. Their visitor_count are those who took them, nobody is lost there, and
      the step before is, here as everywhere, the required one
    - unbroken_level: excluded_count (visitors who would have reached the step but for the exclusions; null
      for an optional one)
    - is_open: open_count (of the drop_count, those who may still come) and lost_count (the others)

    Raises SchemaMismatch.
    """
    chosen, keys = _steps(funnelled, steps), [by] if isinstance(by, str) else list(by)
    require(funnelled, keys, what="a funnel's report")
    totals = funnelled.groupBy(*map(quoted, keys)).agg(
        *(
            total.alias(f"_{name}_{place}")
            for place, step in enumerate(chosen)
            for name, total in _totals(funnelled, chosen, step).items()
        )
    )
    # Sums in columns of their own: Spark 4.2 finds no row at all in an inline over fields of structs.
    rows = [_row(place, step, funnelled.columns, chosen) for place, step in enumerate(chosen)]
    return totals.select(*map(quoted, keys), F.inline(F.array(*rows)))


def time_to_convert(
    funnelled: DataFrame, *, by: str | Sequence[str] = (), steps: Sequence[str] | None = None
) -> DataFrame:
    """How long it took from the first required step to the last, those who took it.

    In: as report's. Out, a row (a value of `by`): `by`, visitor_count (bigint: who took the last step),
    lower_quartile_seconds, median_seconds, upper_quartile_seconds (double: nearest rank, exact to a
    ten-thousandth of the ranks; units of `at` where it is a number; null of nobody).

    Raises SchemaMismatch.
    """
    required = [step for step in _steps(funnelled, steps) if not step.is_optional]
    keys = [by] if isinstance(by, str) else list(by)
    require(funnelled, keys, what="the time to convert")
    since = _since(funnelled, required[0].name, required[-1].name)
    totals = funnelled.groupBy(*map(quoted, keys)).agg(
        F.count_if(required[-1].is_reached).alias("visitor_count"), _quartiles(since).alias("_quartiles")
    )
    return totals.select(*map(quoted, keys), "visitor_count", *_three(F.col("_quartiles")))


def visitors_at(funnelled: DataFrame, *, step: str, steps: Sequence[str] | None = None) -> DataFrame:
    """The rows of the visitors who took the step: as many as report's visitor_count.

    In: as report's. Raises SchemaMismatch, and RetinueError for a step that is none.
    """
    return funnelled.where(_named(step, _steps(funnelled, steps)).is_reached)


def dropped_at(funnelled: DataFrame, *, step: str, steps: Sequence[str] | None = None) -> DataFrame:
    """The rows of the visitors who took the step before and not this one: as many as report's drop_count.

    In: as report's. Raises SchemaMismatch, and RetinueError for a step that is none.
    """
    return funnelled.where(_named(step, _steps(funnelled, steps)).is_dropped)


def _steps(funnelled: DataFrame, names: Sequence[str] | None) -> list[Step]:
    """The steps in order, of which those are optional whose columns say so."""
    require(funnelled, ["level"], what="a funnel's report")
    names = list(names) if names is not None else _step_names(funnelled)
    require(funnelled, [f"{name}_at" for name in names], what="a funnel's report")
    found = list[Step]()
    required = list[str]()
    for name in names:
        is_optional = bool(funnelled.schema[f"{name}_at"].metadata.get(OPTIONAL))
        level = len(required) + (not is_optional)
        found.append(Step(name, is_optional, level, required[-1] if required else None))
        required += [] if is_optional else [name]
    if not required:
        raise SchemaMismatch(f"a funnel's report needs a required step; it has {', '.join(names) or 'none'}")
    return found


def _step_names(funnelled: DataFrame) -> list[str]:
    after = funnelled.columns[funnelled.columns.index("level") + 1 :]
    return [column.removesuffix("_at") for column in after if column.endswith("_at")]


def _named(name: str, steps: Sequence[Step]) -> Step:
    names = [step.name for step in steps]
    if name not in names:
        raise RetinueError(f"there is no step {name!r}; there are {', '.join(names)}{nearest(name, names)}")
    return steps[names.index(name)]


def _totals(funnelled: DataFrame, steps: Sequence[Step], step: Step) -> dict[str, Column]:
    """The sums that a row of the report is made of."""
    totals = {
        "first": F.count_if(steps[0].is_reached),
        "before": F.count_if(step.could_be_reached),
        "here": F.count_if(step.is_reached),
        "dropped": F.count_if(step.is_dropped),
    }
    if step.before:
        totals["since_before"] = _quartiles(_since(funnelled, step.before, step.name))
        totals["since_first"] = _quartiles(_since(funnelled, steps[0].name, step.name))
    if "unbroken_level" in funnelled.columns:
        totals["excluded"] = F.count_if(~step.is_reached & (F.col("unbroken_level") >= step.level))
    if "is_open" in funnelled.columns:
        totals["open"] = F.count_if(step.is_dropped & F.col("is_open"))
    return totals


def _row(place: int, step: Step, columns: Sequence[str], steps: Sequence[Step]) -> Column:
    def total(name: str) -> Column:
        return F.col(f"_{name}_{place}")

    nothing = F.lit(None).cast("array<double>")
    row = [
        F.lit(place + 1).alias("step_index"),
        F.lit(step.name).alias("step"),
        total("here").alias("visitor_count"),
        F.try_divide(total("here"), total("first")).alias("share_of_first"),
        F.try_divide(total("here"), total("before")).alias("share_of_previous"),
        total("dropped").alias("drop_count"),
        *_three(total("since_before") if step.before else nothing),
        F.get(total("since_first") if step.before else nothing, 1).alias("median_seconds_from_first"),
    ]
    if any(other.is_optional for other in steps):
        row.append(F.lit(step.is_optional).alias("is_optional"))
    if "unbroken_level" in columns:
        excluded = F.lit(None).cast("bigint") if step.is_optional else total("excluded")
        row.append(excluded.alias("excluded_count"))
    if "is_open" in columns:
        lost = total("dropped") - total("open")
        row += [total("open").alias("open_count"), lost.alias("lost_count")]
    return F.struct(*row)


def _since(funnelled: DataFrame, start: str, end: str) -> Column:
    """The time between two steps, in seconds or in units of a number."""
    begun, ended = (histories.instant(funnelled, f"{name}_at").cast("decimal(20,0)") for name in (start, end))
    return (ended - begun).cast("double") / histories.unit(funnelled, f"{end}_at")


def _quartiles(seconds: Column) -> Column:
    return F.percentile_approx(seconds, [0.25, 0.5, 0.75], 10_000)


def _three(quartiles: Column) -> list[Column]:
    names = ("lower_quartile_seconds", "median_seconds", "upper_quartile_seconds")
    return [F.get(quartiles, place).alias(name) for place, name in enumerate(names)]
