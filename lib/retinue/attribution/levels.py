"""How narrowly credit is told: by channel, by campaign, by ad, by creative."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retinue.schema import require

__all__ = ["LEVELS", "OTHERS", "assigned", "at_level", "commonest", "folded", "named", "touched"]

LEVELS = ("channel", "campaign_id", "ad_id", "creative_id")
"""From the widest."""
OTHERS = "(others)"


def commonest(journeys: DataFrame, *, most: int) -> dict[str, list[str]]:
    """The `most` commonest names of touches, at channels and at each level where any has one of its own.

    A touch is called what LEVELS has there, else in parentheses by the next wider name: a visit by mail
    stands beside ads as (email), and keeps what it earns. Ties go by name.

    In: journeys, whose touches have the columns of LEVELS. Runs a Spark job; as many names a level come to
    the driver. Raises SchemaMismatch.
    """
    told = _exploded(journeys, LEVELS)
    own = F.count(F.when(F.col("is_own"), True))
    counted = told.groupBy("level", "name").agg(F.count("*").alias("touches"), own.alias("own"))
    ranked = counted.withColumns(
        {
            "has_own": F.max("own").over(Window.partitionBy("level")) > 0,
            "rank": F.row_number().over(Window.partitionBy("level").orderBy(F.desc("touches"), "name")),
        }
    )
    kept = ranked.where(f"rank <= {most} AND (has_own OR level = 'channel')").orderBy("rank").collect()
    found: defaultdict[str, list[str]] = defaultdict(list)
    for row in kept:
        found[row["level"]].append(row["name"])
    return {level: found[level] for level in LEVELS if level in found or level == "channel"}


def at_level(journeys: DataFrame, *, level: str, kept: Sequence[str]) -> DataFrame:
    """The journeys with touches that have their name at a level: occurred_at, name.

    Names that are not among the `kept`, as `commonest` gives them, are (others). Lazy. Raises SchemaMismatch.
    """
    require(journeys, ["touches"], what="at_level")

    def told(touch: Column) -> Column:
        name = _kept(_name(touch, level), kept)
        return F.struct(touch["occurred_at"].alias("occurred_at"), name.alias("name"))

    return journeys.withColumn("touches", F.transform("touches", told))


def touched(journeys: DataFrame, *, kept: Mapping[str, Sequence[str]]) -> DataFrame:
    """A row a touch and level of `kept`: the journeys' other columns, level, occurred_at, name. Lazy.

    Names that are not among the kept are (others). Raises SchemaMismatch.
    """
    told = _exploded(journeys, kept)
    name = F.lit(None).cast("string")
    for level, names in kept.items():
        name = F.when(F.col("level") == level, _kept(F.col("name"), names)).otherwise(name)
    return told.withColumn("name", name).drop("is_own")


def named(rows: DataFrame, *, levels: Iterable[str]) -> DataFrame:
    """A row for each of the levels, with `level` and its `name`, of rows with the columns of LEVELS. Lazy.

    Where a row has no name at all, `name` is null. Raises SchemaMismatch.
    """
    require(rows, LEVELS, what="named")
    of = F.struct(*LEVELS)
    told = (F.struct(F.lit(level).alias("level"), _name(of, level).alias("name")) for level in levels)
    return rows.withColumn("_told", F.explode(F.array(*told))).select(*rows.columns, "_told.*")


def folded(costs: DataFrame, journeys: DataFrame, *, kept: Mapping[str, Sequence[str]]) -> DataFrame:
    """Costs by the names that credit has: those of ads whose touches are among the (others) stand there too.

    In: costs with the columns of LEVELS; journeys; what was kept, as `commonest` gives it. Out: a row a cost
    and level, with level and name. Lazy; a broadcast of a row a name. Raises SchemaMismatch.
    """
    seen = _exploded(journeys, kept).select(F.struct("level", "name").alias("_seen")).distinct()
    told = named(costs, levels=kept).join(
        F.broadcast(seen), F.struct("level", "name") == F.col("_seen"), "left"
    )
    name = F.col("name")
    for level, names in kept.items():
        is_other = (F.col("level") == level) & F.col("_seen").isNotNull() & ~F.col("name").isin(list(names))
        name = F.when(is_other, OTHERS).otherwise(name)
    return told.withColumn("name", name).drop("_seen")


def assigned(assignments: DataFrame) -> DataFrame:
    """Lots with the level at which they were drawn and the `name` there: of an ad, a campaign or a channel.

    In: rows of silver.ad_assignments. Lazy. Raises SchemaMismatch.
    """
    drawn = [level for level in LEVELS if level in assignments.columns]
    require(assignments, drawn or LEVELS[:1], what="assigned")
    level = F.coalesce(*(F.when(F.col(each).isNotNull(), F.lit(each)) for each in reversed(drawn)))
    return assignments.withColumns({"level": level, "name": F.coalesce(*map(F.col, reversed(drawn)))})


def _exploded(journeys: DataFrame, levels: Iterable[str]) -> DataFrame:
    """A row a touch and level: the journeys' other columns, level, occurred_at, name, is_own."""
    require(journeys, ["touches"], what="touches of journeys")
    others = [name for name in journeys.columns if name != "touches"]
    touch = F.col("touch")
    told = (
        F.struct(
            F.lit(level).alias("level"),
            touch["occurred_at"].alias("occurred_at"),
            _name(touch, level).alias("name"),
            touch[level].isNotNull().alias("is_own"),
        )
        for level in levels
    )
    touches = journeys.select(*others, F.explode("touches").alias("touch"))
    return touches.select(*others, F.explode(F.array(*told)).alias("told")).select(*others, "told.*")


def _kept(name: Column, kept: Sequence[str]) -> Column:
    return F.when(name.isin(list(kept)), name).otherwise(OTHERS)


def _name(touch: Column, level: str) -> Column:
    narrow, *wider = reversed(LEVELS[: LEVELS.index(level) + 1])
    others = (F.concat(F.lit("("), touch[name], F.lit(")")) for name in wider)
    return F.coalesce(touch[narrow], *others)
