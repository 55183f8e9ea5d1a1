"""How likely a tie passes something on, learned from a log of who did what when."""

from __future__ import annotations

from datetime import datetime, timedelta

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retinue.clickstream.times import epoch_micros, instant_micros, span_micros
from retinue.errors import RetinueError, SchemaMismatch
from retinue.network import edges as given
from retinue.schema import quoted, require

__all__ = ["CREDITS", "probabilities"]

CREDITS = ("full", "shared")


def probabilities(
    edges: DataFrame,
    actions: DataFrame,
    *,
    user: str = "user_id",
    item: str = "item_id",
    at: str = "at",
    window: timedelta = timedelta(days=7),
    credit: str = "full",
    prior_trials: float = 5.0,
    until: datetime | float | None = None,
) -> DataFrame:
    """The share of src's actions that dst repeats later, but not later than `window` after, for every tie.

    An action is the first time that a user does something with an item; a repetition exactly `window` later
    counts, one at the same instant does not. Where dst repeats what several did whose ties lead to it, with
    the `credit` full each has passed it on, with shared each has an equal part of that. Shares of few actions
    are drawn towards the share of all ties together, as if `prior_trials` actions more had that.

    Out, a row a tie (src and dst not the same; parallel edges are one): src, dst, trials (bigint, actions of
    src), successes (double, those passed on), probability (double; without any trial that of all ties, null
    where `prior_trials` is 0). `spread` and `seeds` take it as their column of probabilities.

    In: edges src, dst: src acts on dst, since before the log begins. Actions with `user` (an id as src and
    dst are), `item`, `at` (a timestamp, or a number in seconds); a row that lacks one is none. With `until`,
    an instant in `at`'s units, later actions do not count, and one whose window ends later is no trial;
    without it the last ones of the log, which had less time to be repeated, make the shares too small.

    What is repeated need not be passed on: those who are alike do the same unasked.

    Lazy. A tie costs the actions of whichever end has fewer, each looked up by user and item among those of
    the other: neither an item that all take up nor one with a million followers multiplies anything. Source:
    Goyal, Bonchi and Lakshmanan, "Learning Influence Probabilities in Social Networks" (2010): Bernoulli and
    partial credits, with a window. Raises SchemaMismatch; RetinueError for knobs that cannot be.
    """
    if credit.lower() not in CREDITS:
        raise RetinueError(f"credit is {credit!r}; there are {', '.join(CREDITS)}")
    if window <= timedelta(0) or prior_trials < 0:
        raise RetinueError(
            f"window is {window} and prior_trials {prior_trials}; give a time above 0, and 0 or more"
        )
    _require(edges, actions, user, item, at)
    ties = edges.where("src != dst").select("src", "dst").distinct()
    done = _firsts(actions, user, item, at, window, until)
    totals = done.groupBy("user").agg(F.count_if("is_trial").alias("trials"), F.count("*").alias("total"))
    weighed = _with_totals(ties, totals)
    passed = _passed(weighed.where("total > 0 AND other_total > 0"), done, span_micros(window))
    tallied = _tallied(weighed, passed, is_shared=credit.lower() == "shared")
    rate = tallied.agg(
        F.coalesce(F.try_divide(F.sum("successes"), F.sum("trials")), F.lit(0.0)).alias("rate")
    )
    drawn = F.col("successes") + prior_trials * F.col("rate")
    return tallied.crossJoin(F.broadcast(rate)).select(
        "src",
        "dst",
        "trials",
        "successes",
        F.try_divide(drawn, F.col("trials") + prior_trials).alias("probability"),
    )


def _require(edges: DataFrame, actions: DataFrame, user: str, item: str, at: str) -> None:
    require(edges, ["src", "dst"], what="probabilities")
    require(actions, [user, item, at], what="probabilities")
    kinds = [edges.schema["src"], edges.schema["dst"], actions.schema[user]]
    if len({kind.dataType for kind in kinds}) > 1:
        told = ", ".join(f"{kind.name} is {kind.dataType.simpleString()}" for kind in kinds)
        raise SchemaMismatch(f"src, dst and the users must be of one type; here {told}: cast them to one")


def _firsts(
    actions: DataFrame, user: str, item: str, at: str, window: timedelta, until: datetime | float | None
) -> DataFrame:
    """user, item, at (microseconds), is_trial: when each did a thing first, up to the end."""
    named = actions.select(
        F.col(quoted(user)).alias("user"),
        F.col(quoted(item)).alias("item"),
        epoch_micros(actions, at).alias("at"),
    )
    firsts = named.dropna().groupBy("user", "item").agg(F.min("at").alias("at"))
    if until is None:
        return firsts.withColumn("is_trial", F.lit(True))
    end = instant_micros(until)
    return firsts.where(F.col("at") <= end).withColumn("is_trial", F.col("at") <= end - span_micros(window))


def _with_totals(ties: DataFrame, totals: DataFrame) -> DataFrame:
    """The ties with the trials of src and the actions of both ends."""
    of_src = totals.withColumnRenamed("user", "src")
    of_dst = totals.select(F.col("user").alias("dst"), F.col("total").alias("other_total"))
    known = ties.join(of_src, "src", "left").join(of_dst, "dst", "left")
    return known.na.fill(0, ["trials", "total", "other_total"])


def _passed(ties: DataFrame, done: DataFrame, window: int) -> DataFrame:
    """src, dst, item of the trials that dst repeats in the window; found from the end with fewer actions."""
    is_from_src = F.col("total") <= F.col("other_total")
    ends = ties.select(
        "src",
        "dst",
        is_from_src.alias("is_from_src"),
        F.when(is_from_src, F.col("src")).otherwise(F.col("dst")).alias("one"),
        F.when(is_from_src, F.col("dst")).otherwise(F.col("src")).alias("other"),
    )
    both = ends.join(_as(done, "one"), "one").join(_as(done, "other"), ["other", "item"])
    lag = F.when(F.col("is_from_src"), F.lit(1)).otherwise(-1) * (F.col("other_at") - F.col("one_at"))
    is_trial = F.when(F.col("is_from_src"), F.col("one_is_trial")).otherwise(F.col("other_is_trial"))
    return both.where((lag > 0) & (lag <= window) & is_trial).select("src", "dst", "item")


def _as(done: DataFrame, end: str) -> DataFrame:
    """The actions, those of one end of a tie."""
    return done.select(
        F.col("user").alias(end),
        "item",
        F.col("at").alias(f"{end}_at"),
        F.col("is_trial").alias(f"{end}_is_trial"),
    )


def _tallied(ties: DataFrame, passed: DataFrame, *, is_shared: bool) -> DataFrame:
    """src, dst, trials, successes of every tie."""
    senders: Column = F.count("*").over(Window.partitionBy("dst", "item")) if is_shared else F.lit(1)
    credited = passed.withColumn("credit", 1.0 / senders)
    successes = credited.groupBy("src", "dst").agg(
        F.sum(given.whole_steps(F.col("credit"))).alias("successes")
    )
    return ties.join(successes, ["src", "dst"], "left").select(
        "src", "dst", "trials", F.coalesce("successes", F.lit(0.0)).alias("successes")
    )
