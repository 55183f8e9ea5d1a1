"""What ads cost and what they returned: as credited, and where there was an experiment, as caused."""

from __future__ import annotations

from datetime import datetime
from functools import reduce
from statistics import NormalDist

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retinue.errors import RetinueError
from retinue.schema import quoted, require

__all__ = ["calibrated", "daily", "incremental", "returns", "tried"]

BOTH, COST_ALONE, CREDIT_ALONE = "matched", "cost without touches", "touches without cost"
_BOUNDS = ("", "_low", "_high")


def returns(credited: DataFrame, costs: DataFrame, *, by: str = "channel", margin: float = 1.0) -> DataFrame:
    """Put the cost of each ad beside what it is credited with; nothing of either is left out.

    Out, a row a model, `by` and currency: model, `by`, currency, matched (matched, cost without touches or
    touches without cost), cost_amount, conversions, value_amount, margin_amount (value x `margin`), each but
    the cost also with _low and _high (double); attributed_roi ((margin - cost) / cost), roas (value / cost)
    and cpa (cost / conversions, in the currency), each with _low and _high; null where they divide by 0.
    Credit without cost has cost 0, cost without credit has conversions 0 in every model. What no touch led to
    stands under `by` null. Bounds are those of the credit: costs are taken as known.

    In: `credited` as `intervals.bootstrap` gives it, for the same `by`, optionally with currency; `costs`
    with `by`, cost_amount and optionally currency, any number of rows each. Attributed returns say which
    touches stood before a conversion, not what they caused: see `calibrated`. Lazy; shuffles of rows a `by`.
    Raises SchemaMismatch; RetinueError where `margin` is not above 0.
    """
    require(credited, ["model", by, *_named("conversions"), *_named("value")], what="returns")
    require(costs, [by, "cost_amount"], what="returns")
    if not 0 < margin < float("inf"):
        raise RetinueError(f"margin is {margin}; give what is left of a unit of value, such as 0.4")
    earned, spent = _with_currency(credited), _with_currency(costs)
    sums = spent.groupBy(F.col(quoted(by)).alias("_by"), F.col("currency").alias("_currency")).agg(
        F.sum("cost_amount").cast("double").alias("_cost")
    )
    # A cost that no touch belongs to is one in every model.
    every = sums.crossJoin(F.broadcast(credited.select(F.col("model").alias("_model")).distinct()))
    key = (("model", "_model"), (quoted(by), "_by"), ("currency", "_currency"))
    same = [F.col(one).eqNullSafe(F.col(other)) for one, other in key]
    joined = every.join(earned, reduce(Column.__and__, same), "full_outer")
    return _rated(
        joined.select(
            F.coalesce("model", "_model").alias("model"),
            F.coalesce(quoted(by), "_by").alias(by),
            F.coalesce("currency", "_currency").alias("currency"),
            _matched(F.col("_cost"), F.col("conversions")).alias("matched"),
            F.coalesce("_cost", F.lit(0.0)).alias("cost_amount"),
            *(F.coalesce(name, F.lit(0.0)).alias(name) for name in _named("conversions")),
            *(F.coalesce(f"value{end}", F.lit(0.0)).alias(f"value_amount{end}") for end in _BOUNDS),
        ).withColumns({f"margin_amount{end}": F.col(f"value_amount{end}") * margin for end in _BOUNDS})
    )


def daily(credits: DataFrame, costs: DataFrame, *, by: str = "channel") -> DataFrame:
    """Put what was spent on a day beside what the touches of that day earned, whenever it was that they did.

    Out, a row a model, `by`, day and currency: model, `by`, acted_on (date, UTC for touches), currency,
    cost_amount, conversions, value_amount (double, 0 where there is none). Every cost is a row in each model.

    In: credits of touches with model, `by`, touched_at, conversions, value and currency (those without
    touched_at are left out: no day earned them); costs with `by`, spent_on, cost_amount and currency. Lazy;
    one shuffle of partial sums. Raises SchemaMismatch.
    """
    require(credits, ["model", by, "touched_at", "conversions", "value", "currency"], what="daily (credits)")
    require(costs, [by, "spent_on", "cost_amount", "currency"], what="daily (costs)")
    earned = credits.where("touched_at IS NOT NULL").select(
        "model",
        quoted(by),
        F.to_date("touched_at").alias("acted_on"),
        "currency",
        F.lit(0.0).alias("cost_amount"),
        "conversions",
        F.coalesce("value", F.lit(0.0)).alias("value_amount"),
    )
    spent = costs.crossJoin(F.broadcast(credits.select("model").distinct())).select(
        "model",
        quoted(by),
        F.col("spent_on").alias("acted_on"),
        "currency",
        F.col("cost_amount").cast("double").alias("cost_amount"),
        F.lit(0.0).alias("conversions"),
        F.lit(0.0).alias("value_amount"),
    )
    amounts = ("cost_amount", "conversions", "value_amount")
    sums = (F.sum(name).alias(name) for name in amounts)
    return earned.unionByName(spent).groupBy("model", quoted(by), "acted_on", "currency").agg(*sums)


def tried(
    assignments: DataFrame,
    conversions: DataFrame,
    *,
    by: str = "channel",
    person: str = "person_id",
    begin: datetime | None = None,
) -> DataFrame:
    """The people of each experiment, with what they were worth from their lot on: for `incremental`.

    Out, a row a person and `by`: `person`, `by`, is_treated (boolean), value (double, 0 where there was no
    conversion), begun_at (timestamp, of the first lot of that `by`). Conversions before a person's own lot,
    or before `begin`, do not count. Who drew both lots, as one with two devices may, is left out.

    In: assignments with `person`, `by`, is_treated and assigned_at; conversions with `person`, converted_at
    and value. Lazy; two shuffles, by person and of sums. Raises SchemaMismatch.
    """
    require(assignments, [person, by, "is_treated", "assigned_at"], what="tried (assignments)")
    require(conversions, [person, "converted_at", "value"], what="tried (conversions)")
    lots = (
        assignments.groupBy(quoted(person), quoted(by))
        .agg(
            F.min("is_treated").alias("is_treated"),
            F.max("is_treated").alias("_other"),
            F.min("assigned_at").alias("_at"),
        )
        .withColumn("begun_at", F.min("_at").over(Window.partitionBy(quoted(by))))
        .where("is_treated = _other")
    )
    since = F.col("_at") if begin is None else F.greatest("_at", F.lit(begin))
    done = conversions.select(F.col(quoted(person)).alias("_who"), "converted_at", "value")
    counts = (F.col(quoted(person)) == F.col("_who")) & (F.col("converted_at") >= since)
    worth = F.coalesce(F.sum(F.col("value").cast("double")), F.lit(0.0)).alias("value")
    whose = [F.col(quoted(person)), F.col(quoted(by)), F.col("is_treated"), F.col("begun_at")]
    return lots.join(done, counts, "left").groupBy(*whose).agg(worth)


def incremental(
    people: DataFrame,
    *,
    by: str = "channel",
    treated: str = "is_treated",
    value: str = "value",
    level: float = 0.95,
) -> DataFrame:
    """What an ad brought about: how much more those are worth who could see it than the held-out ones.

    Out, a row a `by`: `by`, treated_count, control_count (bigint), treated_mean, control_mean (double, value
    a person), incremental_value (double, their difference x treated_count), incremental_low, incremental_high
    (its bounds at `level`, as for means of different variance).

    In: a row a person of an experiment and `by`, with `treated` (boolean: could see the ad, seen or not; else
    held out, by lot) and `value` (number; null counts 0). Lazy; one shuffle of partial sums. Null bounds
    where a group has fewer than two people. Source: Welch (1947). Raises SchemaMismatch; RetinueError for a
    level.
    """
    require(people, [by, treated, value], what="incremental")
    if not 0 < level < 1:
        raise RetinueError(f"level is {level}; give a share between 0 and 1")
    worth = F.coalesce(F.col(quoted(value)).cast("double"), F.lit(0.0))
    is_treated = F.col(quoted(treated))
    groups = (
        people.where(is_treated.isNotNull())
        .groupBy(quoted(by))
        .agg(
            *(
                each.alias(f"{name}_{what}")
                for name, mine in (("treated", is_treated), ("control", ~is_treated))
                for what, each in _moments(F.when(mine, worth))
            )
        )
    )
    off = NormalDist().inv_cdf((1 + level) / 2) * F.sqrt(
        F.try_divide("treated_variance", "treated_count") + F.try_divide("control_variance", "control_count")
    )
    gain, count = F.col("treated_mean") - F.col("control_mean"), F.col("treated_count")
    return groups.select(
        quoted(by),
        *("treated_count", "control_count", "treated_mean", "control_mean"),
        (gain * count).alias("incremental_value"),
        ((gain - off) * count).alias("incremental_low"),
        ((gain + off) * count).alias("incremental_high"),
    )


def calibrated(
    returned: DataFrame, experiments: DataFrame, *, by: str = "channel", margin: float = 1.0
) -> DataFrame:
    """Put what experiments say was caused beside what is credited, and what shift of budget that founds.

    Out: the columns of `returned`, then incremental_margin_amount, incremental_roi and its _low and _high
    (double), calibration (double: incremental margin / attributed margin; below 1, the model overrates), and
    suggestion (more where all of the interval of incremental_roi is above 0, less where all is below, wait
    where 0 lies within). All are null where there was no experiment: without one nothing is suggested.

    In: what `returns` gives; what `incremental` gives, for the same `by`, time and currency. Lazy; a
    broadcast of a row a `by`. Raises SchemaMismatch.
    """
    require(returned, [by, "cost_amount", "margin_amount"], what="calibrated")
    require(experiments, [by, "incremental_value", "incremental_low", "incremental_high"], what="calibrated")
    margins = experiments.select(
        F.col(quoted(by)).alias("_by"),
        *((F.col(f"incremental_{name}") * margin).alias(f"_{name}") for name in ("value", "low", "high")),
    )
    joined = returned.join(F.broadcast(margins), F.col(quoted(by)) == F.col("_by"), "left")
    cost = F.col("cost_amount")
    roi = {
        f"incremental_roi{end}": F.try_divide(F.col(name) - cost, cost)
        for end, name in zip(_BOUNDS, ("_value", "_low", "_high"), strict=True)
    }
    suggestion = (
        F.when(F.col("incremental_roi_low") > 0, "more")
        .when(F.col("incremental_roi_high") < 0, "less")
        .when(F.col("incremental_roi").isNotNull(), "wait")
    )
    return (
        joined.withColumn("incremental_margin_amount", F.col("_value"))
        .withColumns(roi)
        .withColumn("calibration", F.try_divide("_value", "margin_amount"))
        .withColumn("suggestion", suggestion)
        .drop("_by", "_value", "_low", "_high")
    )


def _named(name: str) -> list[str]:
    return [f"{name}{end}" for end in _BOUNDS]


def _with_currency(rows: DataFrame) -> DataFrame:
    return rows if "currency" in rows.columns else rows.withColumn("currency", F.lit(None).cast("string"))


def _matched(cost: Column, credit: Column) -> Column:
    return F.when(cost.isNull(), CREDIT_ALONE).when(credit.isNull(), COST_ALONE).otherwise(BOTH)


def _rated(priced: DataFrame) -> DataFrame:
    cost = F.col("cost_amount")
    opposite = {"": "", "_low": "_high", "_high": "_low"}  # the more conversions, the less each costs
    return priced.withColumns(
        {
            **{
                f"attributed_roi{end}": F.try_divide(F.col(f"margin_amount{end}") - cost, cost)
                for end in _BOUNDS
            },
            **{f"roas{end}": F.try_divide(F.col(f"value_amount{end}"), cost) for end in _BOUNDS},
            **{f"cpa{end}": F.try_divide(cost, F.col(f"conversions{opposite[end]}")) for end in _BOUNDS},
        }
    )


def _moments(worth: Column) -> tuple[tuple[str, Column], ...]:
    return ("count", F.count(worth)), ("mean", F.avg(worth)), ("variance", F.var_samp(worth))
