"""Going round in circles: steps taken again, things tried again, and the steps where sessions end."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retinue.clickstream.intervals import wilson
from retinue.clickstream.paths import refuse_below_one, session_paths
from retinue.clickstream.predicates import PING, PURCHASE, holds
from retinue.schema import quoted, require


def loops(
    sessionized: DataFrame,
    *,
    of: str = "page",
    visitor: str = "visitor_id",
    conversion: str | Column | None = None,
) -> DataFrame:
    """How often sessions come back to a step: at once, or after at least one other step.

    A step at once after itself is a repeat (checkout, checkout); a step after itself with others between
    them is a return, which closes a loop (cart, shipping, cart). Nulls are no step and heartbeats (event_type
    ping, where there is an event_type) none either. See session_paths for `conversion`.

    Out, a row a step: step (string), session_count (that have it), repeat_count, repeat_session_count
    (sessions with a repeat), return_count (loops), return_session_count (with a return), and the
    conversion rates of the sessions that took the step once, that repeated it, that returned to it:
    conversion_rate_once, conversion_rate_repeated, conversion_rate_returned (null where there are none).

    Raises SchemaMismatch.
    """
    sessions = session_paths(
        _without_heartbeats(sessionized, of), of=of, collapse=False, visitor=visitor, conversion=conversion
    )
    steps = F.inline(F.arrays_zip(F.col("path").alias("step"), _predecessors(F.col("path")).alias("before")))
    visits = sessions.select(quoted(visitor), "session_id", "is_converted", steps)
    is_repeat = F.col("step") == F.col("before")
    in_session = visits.groupBy(quoted(visitor), "session_id", "step").agg(
        F.max("is_converted").alias("is_converted"),
        F.count("*").alias("visits"),
        F.count_if(is_repeat).alias("repeats"),
    )
    returns = F.col("visits") - F.col("repeats") - 1
    return in_session.groupBy("step").agg(
        F.count("*").alias("session_count"),
        F.sum("repeats").alias("repeat_count"),
        F.count_if(F.col("repeats") > 0).alias("repeat_session_count"),
        F.sum(returns).alias("return_count"),
        F.count_if(returns > 0).alias("return_session_count"),
        _conversion_rate(F.col("visits") == 1).alias("conversion_rate_once"),
        _conversion_rate(F.col("repeats") > 0).alias("conversion_rate_repeated"),
        _conversion_rate(returns > 0).alias("conversion_rate_returned"),
    )


def reattempts(
    sessionized: DataFrame,
    *,
    attempt: str | Column,
    success: str | Column = PURCHASE,
    most: int = 5,
    confidence: float = 0.95,
    visitor: str = "visitor_id",
) -> DataFrame:
    """What becomes of a visitor's first, second ... attempt: success, another attempt, or nothing more.

    An attempt is a row where `attempt` holds (say, a checkout); it succeeds where the visitor's next row
    that is an attempt or a success is a success, or where it is one itself. Attempts are counted over
    sessions, from 1 again after every success. `most` stands for that many or more. An attempt shortly
    before the data end has had less time to succeed than the others.

    In: what sessionize adds, `visitor`, and what the predicates need; null does not hold.

    Out, a row a number of attempts: attempt_index (int), attempt_count, success_count, success_rate (of the
    attempts), low and high (its Wilson interval at `confidence`), retry_count (another attempt followed),
    retry_in_session_count (in the same session), abandoned_count (nothing followed).

    One shuffle of the rows, by visitor, none where they already lie so.
    Raises SchemaMismatch; RetinueError where `most` is below 1 or `confidence` not between 0 and 1.
    """
    refuse_below_one(most=most)
    require(sessionized, [visitor, "session_id", "session_index", "event_index"], what="a look at attempts")
    tries = (
        sessionized.select(
            *(quoted(visitor), "session_id", "session_index", "event_index"),
            holds(attempt).alias("is_attempt"),
            holds(success).alias("is_success"),
        )
        .where(F.col("session_id").isNotNull())
        .where("is_attempt or is_success")
    )
    counted = (
        _followed(tries, visitor)
        .where("is_attempt")
        .groupBy(F.least("attempt_index", F.lit(most)).cast("int").alias("attempt_index"))
        .agg(
            F.count("*").alias("attempt_count"),
            F.count_if("succeeds").alias("success_count"),
            F.count_if("is_retried").alias("retry_count"),
            F.count_if(F.col("is_retried") & F.col("stays")).alias("retry_in_session_count"),
            F.count_if(~F.col("succeeds") & ~F.col("is_retried")).alias("abandoned_count"),
        )
    )
    low, high = wilson(F.col("success_count"), F.col("attempt_count"), confidence)
    rate = F.col("success_count") / F.col("attempt_count")
    return counted.select(
        *("attempt_index", "attempt_count", "success_count", rate.alias("success_rate")),
        *(low.alias("low"), high.alias("high")),
        *("retry_count", "retry_in_session_count", "abandoned_count"),
    )


def drop_offs(
    sessionized: DataFrame,
    *,
    of: str = "page",
    collapse: bool = True,
    confidence: float = 0.95,
    visitor: str = "visitor_id",
    conversion: str | Column | None = None,
) -> DataFrame:
    """Where sessions that did not convert end, beside how many would end there if all steps were alike.

    A drop-off is the last step of a session that did not convert; without any conversion known, of every
    session. Expected at a step is what its visits would lose at the rate of all visits as deep in their
    session: a first step loses more than a tenth, whatever it is, and a step is not blamed for standing
    first (indirect standardisation). The expected drop-offs of all steps add up to the real ones.
    What a step is, `collapse` and `conversion`: see session_paths.

    Out, a row a step: step (string), visit_count (times that a session was there), exit_count (visits that
    were their session's last), exit_rate (of visits), drop_off_count, drop_off_rate (of visits), low and
    high (the Wilson interval of that rate at `confidence`; visits of one session are not quite
    independent), expected_count (double), ratio (drop_off_count / expected_count; null where none is
    expected).

    Raises SchemaMismatch; RetinueError where `confidence` is not between 0 and 1.
    """
    sessions = session_paths(sessionized, of=of, collapse=collapse, visitor=visitor, conversion=conversion)
    visits, drop_offs = F.col("visit_count"), F.col("drop_off_count")
    low, high = wilson(drop_offs, visits, confidence)
    return (
        _with_expected(_visits_by_depth(sessions))
        .groupBy("step")
        .agg(
            *(F.sum(name).alias(name) for name in ("visit_count", "exit_count", "drop_off_count")),
            F.sum("expected_count").alias("expected_count"),
        )
        .select(
            *("step", "visit_count", "exit_count", (F.col("exit_count") / visits).alias("exit_rate")),
            *("drop_off_count", (drop_offs / visits).alias("drop_off_rate")),
            *(low.alias("low"), high.alias("high"), "expected_count"),
            F.try_divide(drop_offs, "expected_count").alias("ratio"),
        )
    )


def _without_heartbeats(sessionized: DataFrame, of: str) -> DataFrame:
    """The rows with no step where they are pings, which say again where the visitor still is."""
    if "event_type" not in sessionized.columns or of not in sessionized.columns:
        return sessionized
    return sessionized.withColumn(of, F.when(~holds(PING), F.col(quoted(of))))


def _predecessors(path: Column) -> Column:
    return F.concat(F.array(F.lit(None).cast("string")), F.slice(path, F.lit(1), F.size(path) - 1))


def _conversion_rate(among: Column) -> Column:
    return F.avg(F.when(among, F.col("is_converted").cast("int")))


def _followed(tries: DataFrame, visitor: str) -> DataFrame:
    """Number the attempts since the last success, and say what came next."""
    in_order = Window.partitionBy(quoted(visitor)).orderBy("session_index", "event_index")
    so_far = in_order.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    before = in_order.rowsBetween(Window.unboundedPreceding, -1)
    done_with = F.max(F.when(F.col("is_success"), F.col("attempts"))).over(before)
    next_succeeds, next_tries = (
        F.lead(name, 1, False).over(in_order) for name in ("is_success", "is_attempt")
    )
    succeeds = F.col("is_success") | (next_succeeds & ~next_tries)
    return tries.withColumn("attempts", F.count_if("is_attempt").over(so_far)).withColumns(
        {
            "attempt_index": F.col("attempts") - F.coalesce(done_with, F.lit(0)),
            "succeeds": succeeds,
            "is_retried": ~succeeds & next_tries,
            "stays": F.lead("session_id").over(in_order) == F.col("session_id"),
        }
    )


def _visits_by_depth(sessions: DataFrame) -> DataFrame:
    """How many visits each step had in each place of a session, and how many went no further."""
    visits = sessions.select(
        "is_converted", F.size("path").alias("size"), F.posexplode("path").alias("place", "step")
    )
    is_last = F.col("place") == F.col("size") - 1
    return visits.groupBy("step", "place").agg(
        F.count("*").alias("visit_count"),
        F.count_if(is_last).alias("exit_count"),
        F.count_if(is_last & ~F.coalesce("is_converted", F.lit(False))).alias("drop_off_count"),
    )


def _with_expected(by_depth: DataFrame) -> DataFrame:
    there = Window.partitionBy("place")
    rate = F.sum("drop_off_count").over(there) / F.sum("visit_count").over(there)
    return by_depth.withColumn("expected_count", F.col("visit_count") * rate)
