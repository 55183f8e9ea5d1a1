"""What the site's tools do for it: who uses them, and what those visitors go on to do."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retinue.clickstream.intervals import wilson
from retinue.clickstream.predicates import PURCHASE, holds
from retinue.errors import RetinueError
from retinue.schema import quoted, require

_PLACE = ("session_index", "event_index")


def tool_use(
    sessionized: DataFrame, *, tools: Mapping[str, str | Column], visitor: str = "visitor_id"
) -> DataFrame:
    """How much each tool is used: a use is a row where the tool's predicate holds.

    `tools` are predicates by name, as SQL or Columns (share, log in, subscribe to the newsletter); null does
    not hold, and several may hold for one row. In: what sessionize adds, `visitor`, and what they need.

    Out, a row a tool, used or not: tool (string), use_count, session_count (with a use), session_share (of
    all sessions), visitor_count (with a use), visitor_share (of all visitors), repeat_visitor_count (that
    used it in more than one session).

    One shuffle of the rows, by visitor, none where they already lie so.
    Raises SchemaMismatch; RetinueError where `tools` is empty.
    """
    visitors = _visitors(sessionized, tools, {}, visitor)
    used = F.col("use.session_count")
    return (
        visitors.select("session_count", F.explode("uses").alias("use"))
        .groupBy("use.tool")
        .agg(
            F.sum("use.use_count").alias("use_count"),
            F.sum(used).alias("session_count"),
            (F.sum(used) / F.sum("session_count")).alias("session_share"),
            F.count_if(used > 0).alias("visitor_count"),
            (F.count_if(used > 0) / F.count("*")).alias("visitor_share"),
            F.count_if(used > 1).alias("repeat_visitor_count"),
        )
    )


def engagement(
    sessionized: DataFrame,
    *,
    tools: Mapping[str, str | Column],
    lead: str | Column,
    order: str | Column = PURCHASE,
    confidence: float = 0.95,
    visitor: str = "visitor_id",
) -> DataFrame:
    """What visitors do after they first used a tool, beside what those do who never use it.

    Three outcomes a tool: visit (a session later than that of the first use), lead and order (a row later
    than the first use where `lead` or `order` holds; in the same session counts, the row of the use itself
    does not). They do not presuppose each other. Of a visitor without a use all rows count: visit is then a
    second session, lead and order are any. That favours those without the tool, as their whole time counts;
    yet who uses a tool was keener before, so that the lift is a comparison and no proof of an effect.

    `tools` are predicates by name, as SQL or Columns; null does not hold. In: what sessionize adds,
    `visitor`, and what the predicates need.

    Out, a row a tool and outcome: tool, outcome (visit, lead, order), visitor_count (with a use),
    outcome_count (of these, with the outcome after it), rate (outcome_count / visitor_count), low and high
    (its Wilson interval at `confidence`), the same of the visitors without a use: other_visitor_count,
    other_outcome_count, other_rate, other_low, other_high; lift (rate / other_rate; null where that
    is 0). Rates of nobody are null.

    One shuffle of the rows, by visitor, none where they already lie so.
    Raises SchemaMismatch; RetinueError where `tools` is empty or `confidence` not between 0 and 1.
    """
    visitors = _visitors(sessionized, tools, {"lead": lead, "order": order}, visitor)
    has_used = F.col("use.first_used").isNotNull()
    return _rates(
        visitors.withColumn("use", F.explode("uses"))
        .select(has_used.alias("has_used"), "use.tool", F.inline(_outcomes()))
        .groupBy("tool", "outcome")
        .agg(
            F.count_if("has_used").alias("visitor_count"),
            F.count_if(F.col("has_used") & F.col("is_reached")).alias("outcome_count"),
            F.count_if(~F.col("has_used")).alias("other_visitor_count"),
            F.count_if(~F.col("has_used") & F.col("is_reached")).alias("other_outcome_count"),
        ),
        confidence,
    )


def _visitors(
    sessionized: DataFrame,
    tools: Mapping[str, str | Column],
    outcomes: Mapping[str, str | Column],
    visitor: str,
) -> DataFrame:
    """A row a visitor: the uses of each tool, the sessions, and where each outcome last came up."""
    require(sessionized, [visitor, "session_id", *_PLACE], what="a look at tools")
    if not tools:
        raise RetinueError("tools is empty; give at least one predicate by name")
    sessions, place = F.collect_set("session_index"), F.struct(*_PLACE)
    return (
        sessionized.where(F.col("session_id").isNotNull())
        .groupBy(quoted(visitor))
        .agg(
            F.array(*(_use(name, holds(tool)) for name, tool in tools.items())).alias("uses"),
            F.size(sessions).alias("session_count"),
            *(F.max(F.when(holds(reached), place)).alias(name) for name, reached in outcomes.items()),
            F.min("session_index").alias("first_session"),
            F.max("session_index").alias("last_session"),
        )
    )


def _use(tool: str, is_used: Column) -> Column:
    return F.struct(
        F.lit(tool).alias("tool"),
        F.count_if(is_used).alias("use_count"),
        F.size(F.collect_set(F.when(is_used, F.col("session_index")))).alias("session_count"),
        F.min(F.when(is_used, F.struct(*_PLACE))).alias("first_used"),
    )


def _outcomes() -> Column:
    """Whether the visitor reached each outcome: after the first use, or at all where there is none."""
    used = F.col("use.first_used")
    came_again = F.col("last_session") > F.coalesce(used["session_index"], "first_session")
    reached = {"visit": came_again} | {
        name: F.coalesce(F.col(name) > used, F.col(name).isNotNull()) for name in ("lead", "order")
    }
    return F.array(
        *(
            F.struct(F.lit(name).alias("outcome"), is_reached.alias("is_reached"))
            for name, is_reached in reached.items()
        )
    )


def _rates(counted: DataFrame, confidence: float) -> DataFrame:
    reached, visitors = F.col("outcome_count"), F.col("visitor_count")
    other_reached, others = F.col("other_outcome_count"), F.col("other_visitor_count")
    low, high = wilson(reached, visitors, confidence)
    other_low, other_high = wilson(other_reached, others, confidence)
    rate, other_rate = F.try_divide(reached, visitors), F.try_divide(other_reached, others)
    return counted.select(
        *("tool", "outcome", "visitor_count", "outcome_count"),
        *(rate.alias("rate"), low.alias("low"), high.alias("high")),
        *("other_visitor_count", "other_outcome_count"),
        *(other_rate.alias("other_rate"), other_low.alias("other_low"), other_high.alias("other_high")),
        F.try_divide(rate, other_rate).alias("lift"),
    )
