"""Which touches earned the sale, in which model's view, and how fast do they convert?

Reads gold.journeys of the same day; writes gold.attribution_credits, gold.attribution,
gold.attribution_disagreement, gold.removal_effects, gold.conversion_speed, gold.conversion_curves,
gold.converters and gold.fastest_paths. Journeys that may yet convert are in none of the models, as nobody
knows their end. A model tells who stood by a conversion, not what caused it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from typing import Any

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retinue import cli, job, plots
from retinue.answer import Answer, Finding
from retinue.attribution import (
    checks,
    converters,
    intervals,
    journeys,
    levels,
    markov,
    rules,
    speed,
    touchpoints,
)
from retinue.job import Analysed
from retinue.lake import Lake
from retinue.settings import AttributionSettings, Settings

READS = ("gold.journeys", "silver.sessionized_events", "silver.ad_touches")
WRITES = (
    "gold.attribution_credits",
    "gold.attribution",
    "gold.attribution_disagreement",
    "gold.removal_effects",
    "gold.conversion_speed",
    "gold.conversion_curves",
    "gold.converters",
    "gold.fastest_paths",
)
MOST_ORDER = 3
EARLIER = 0.7  # of the journeys, by their end: a chain of each order is learnt from these


def run(lake: Lake, settings: Settings) -> Answer:
    """Credit each conversion by every model; start a clock at each touch."""
    chosen = settings.attribution
    with job.analysed(lake, settings) as visits:
        seen = lake.read("silver.ad_touches", purpose="analytics").select("person_id")
        people = visits.rows.select("person_id").union(seen)
        found = visits.kept_about(people, "gold.journeys", by="build_journeys")
        known = touchpoints.ended_since(found, chosen.begin(visits.as_of)).persist()
        try:
            return _answer(visits, known, chosen)
        finally:
            known.unpersist()


def _answer(visits: Analysed, known: DataFrame, chosen: AttributionSettings) -> Answer:
    worth, currency = touchpoints.valued(known, currency=chosen.currency)
    ended = worth.where("NOT is_open")
    names = levels.commonest(known, most=chosen.names)
    orders = {kind: _order(_of(ended, kind), chosen) for kind in chosen.predicates}
    visits.keep("gold.attribution_credits", _credits(ended, chosen))
    effects = visits.keep("gold.removal_effects", _effects(ended, orders))
    credited = _credited(ended, orders, names, chosen).withColumn("currency", F.lit(currency))
    models = visits.keep("gold.attribution", credited)
    within = ("conversion_type", "level")
    apart = visits.keep(
        "gold.attribution_disagreement", intervals.disagreement(models, by="name", within=within)
    )
    clocks = _clocks(visits, known, names, chosen).persist()
    curves = visits.keep("gold.conversion_curves", _curves(clocks))
    fast = visits.keep("gold.conversion_speed", _speed(clocks, curves, chosen))
    clocks.unpersist()
    visits.keep("gold.converters", _each(ended, orders, _converters))
    paths = visits.keep("gold.fastest_paths", _each(ended, orders, converters.fastest_paths))
    # From here on rows of one kind and level: as many as there are channels, models and days.
    kind = next(iter(chosen.predicates))
    by_channel, apart_by, curves_of, fast_of = (
        _of(rows, kind).where("level = 'channel'").toPandas() for rows in (models, apart, curves, fast)
    )
    return visits.answer(
        (
            *_of_models(by_channel, apart_by),
            *_of_effects(_of(effects, kind).toPandas(), orders[kind]),
            *_of_speed(fast_of, chosen),
            *_of_paths(_of(paths, kind)),
            *_of_money(known, currency),
        ),
        figures={
            "models": plots.model_comparison(by_channel, by="name"),
            "curves": plots.conversion_curves(curves_of, by="name"),
        },
        rows_out=models.count(),
    )


def _of(rows: DataFrame, kind: str) -> DataFrame:
    return rows.where(F.col("conversion_type") == kind)


def _order(ended: DataFrame, chosen: AttributionSettings) -> int:
    """How many touches a chain had better remember: conf's, else what foresees later journeys best."""
    if chosen.order:
        return chosen.order
    end = F.unix_micros(F.coalesce("converted_at", F.element_at("touches", -1)["occurred_at"]))
    dated = ended.where("size(touches) > 0").withColumn("_end", end)
    [cut] = dated.agg(F.percentile_approx("_end", EARLIER).alias("at")).collect()
    earlier, later = dated.where(F.col("_end") <= cut["at"]), dated.where(F.col("_end") > cut["at"])
    if later.isEmpty():
        return 1
    losses = markov.losses(journeys.paths(earlier), journeys.paths(later), most=MOST_ORDER)
    return min(losses, key=lambda order: losses[order])


def _each(rows: DataFrame, kinds: Iterable[str], told: Callable[[DataFrame], DataFrame]) -> DataFrame:
    """What is told of each kind of conversion."""
    parts = (told(_of(rows, kind)).withColumn("conversion_type", F.lit(kind)) for kind in kinds)
    return reduce(DataFrame.unionByName, parts)


def _credits(ended: DataFrame, chosen: AttributionSettings) -> DataFrame:
    """What each touch earns by each rule."""

    def numbered(touch: Column, place: Column) -> Column:
        return touch.withField("touch_index", place + 1)

    told = ended.withColumn("touches", F.transform("touches", numbered))

    def by_rule(model: str) -> DataFrame:
        shared = rules.credits(told, model=model, half_life=chosen.half_life, weights=chosen.position)
        return shared.withColumn("model", F.lit(model))

    of_touch = {name: F.col(f"touch.{name}") for name in (*levels.LEVELS, "touch_index")}
    together = reduce(DataFrame.unionByName, map(by_rule, rules.MODELS))
    return together.withColumns({**of_touch, "touched_at": F.col("touch.occurred_at")})


def _effects(ended: DataFrame, orders: Mapping[str, int]) -> DataFrame:
    """What is lost without each channel, by a chain that converts as often as journeys do."""

    def of_kind(kind: str, order: int) -> DataFrame:
        paths = journeys.paths(_of(ended, kind))
        checks.require_empirical_rate(paths, order=order)
        told = {"conversion_type": F.lit(kind), "order": F.lit(order)}
        return markov.attribute(paths, order=order).withColumns(told)

    return reduce(DataFrame.unionByName, (of_kind(kind, order) for kind, order in orders.items()))


def _credited(
    ended: DataFrame,
    orders: Mapping[str, int],
    names: Mapping[str, Sequence[str]],
    chosen: AttributionSettings,
) -> DataFrame:
    """Every model by every kind and level that there is; what is credited is what converted."""

    def at(kind: str, level: str) -> DataFrame:
        told = levels.at_level(_of(ended, kind), level=level, kept=names[level])
        credited = intervals.bootstrap(
            told,
            by="name",
            # Of single ads there are too many for a chain that remembers more.
            order=orders[kind] if level == "channel" else 1,
            half_life=chosen.half_life,
            weights=chosen.position,
            replicates=chosen.replicates,
        )
        whose = {"conversion_type": F.lit(kind), "level": F.lit(level)}
        return credited.withColumnRenamed("channel", "name").withColumns(whose)

    credited = reduce(DataFrame.unionByName, (at(kind, level) for kind in orders for level in names))
    checks.require_conserved(credited, ended)
    return credited


def _clocks(
    visits: Analysed, known: DataFrame, names: Mapping[str, Sequence[str]], chosen: AttributionSettings
) -> DataFrame:
    """A clock a person and name that no other of his is running beside, of channels and of ads."""
    kept = {level: names[level] for level in ("channel", "ad_id") if level in names}
    whose = F.struct("conversion_type", "level", "person_id").alias("whose")
    touches = levels.touched(known.select("conversion_type", "person_id", "touches"), kept=kept)
    every = F.explode(F.array(*map(F.lit, kept))).alias("level")
    done = (
        known.where("is_converted")
        .select("*", every)
        .select(whose, F.col("converted_at").alias("occurred_at"))
    )
    started = speed.exposures(
        touches.select(whose, "occurred_at", "name").distinct(),
        done.distinct(),
        horizon=chosen.horizon,
        person="whose",
        by="name",
        as_of=visits.as_of,
    )
    first = started.where("is_first").select("whose.conversion_type", "whose.level", "*").drop("whose")
    return first.withColumn("named", _named())


def _named() -> Column:
    """What stands under a key of its own at each kind and level."""
    return F.struct("conversion_type", "level", "name")


def _curves(clocks: DataFrame) -> DataFrame:
    return speed.curves(clocks, by="named").select("named.*", "*")


def _speed(clocks: DataFrame, curves: DataFrame, chosen: AttributionSettings) -> DataFrame:
    """How fast each channel and each ad converts, and whether by chance."""
    groups = clocks.select("conversion_type", "level").distinct().collect()

    def tested(kind: str, level: str) -> DataFrame:
        found = speed.compare(_of(clocks, kind).where(F.col("level") == level), by="name")
        whose = {"conversion_type": F.lit(kind), "level": F.lit(level)}
        each = found.where("name IS NOT NULL").withColumns(whose)
        return each.select(_named().alias("named"), "p_value", "q_value")

    told = speed.summary(curves.withColumn("named", _named()), horizon=chosen.horizon, by="named")
    if not groups:
        return told.select("named.*", "*").withColumns(dict.fromkeys(("p_value", "q_value"), F.lit(None)))
    chances = reduce(DataFrame.unionByName, (tested(*group) for group in sorted(groups)))
    return told.join(F.broadcast(chances), "named", "left").select("named.*", "*")


def _converters(ended: DataFrame) -> DataFrame:
    """Of those who converted: how many touches they had, and how long the last one was ago."""
    had, ago = converters.touches_to_convert(ended), converters.last_ad_delays(ended)
    last = ago.withColumnsRenamed({"channel": "_channel", "conversion_count": "last_count"})
    same = F.col("channel").eqNullSafe(F.col("_channel"))
    return had.join(last, same, "left").drop("_channel")


def _of_models(by_channel: pd.DataFrame, apart: pd.DataFrame) -> Iterable[Finding]:
    for model, words in (("last", "by the last touch"), ("markov", "by what is lost without it")):
        rows = by_channel[(by_channel["model"] == model) & by_channel["name"].notna()]
        first = _first(rows, "conversions", "name")
        yield Finding(f"Which channel earns most, {words}?", first.get("name"))
        yield Finding(f"How much ({words})?", first.get("conversions", 0.0), "conversions")
    named = apart[apart["name"].notna()]
    widest = _first(named, "disagreement", "name")
    yield Finding("On which channel do the models differ most?", widest.get("name"))
    yield Finding("By how much of all conversions?", widest.get("disagreement"), "share")
    beyond = int(named["is_beyond_chance"].sum())
    yield Finding("On how many channels do they differ beyond chance?", beyond, "channels")


def _of_effects(effects: pd.DataFrame, order: int) -> Iterable[Finding]:
    yield Finding("How many touches does the chain remember?", order, "touches")
    first = _first(effects[effects["channel"].notna()], "removal_effect", "channel")
    yield Finding("Without which channel would the chain lose most?", first.get("channel"))
    yield Finding("What share of the conversions?", first.get("removal_effect"), "share")


def _of_speed(fast: pd.DataFrame, chosen: AttributionSettings) -> Iterable[Finding]:
    first = _first(fast.assign(sooner=-fast["restricted_mean_days"]), "sooner", "name")
    yield Finding("After which channel's touch do people convert soonest?", first.get("name"))
    within = f"How many of them do, within {chosen.horizon_days} days?"
    yield Finding(within, first.get("converted_share"), "share")
    yield Finding(
        "Of how many channels is the speed another than of the rest, beyond chance?",
        int((fast["q_value"] < 0.05).sum()),
        "channels",
    )


def _first(rows: pd.DataFrame, by: str, name: str) -> dict[str, Any]:
    """The row of the greatest, the first by name of several; empty where there is none."""
    known = rows[rows[by].notna()].sort_values([by, name], ascending=[False, True])
    return {} if known.empty else dict(zip(known.columns, known.iloc[0], strict=True))


def _of_paths(paths: DataFrame) -> Iterable[Finding]:
    first = paths.where("rank = 1").first()
    yield Finding("Which path converts soonest?", " > ".join(first["path"]) if first else None)
    median = first["median_days"] if first else None
    yield Finding("How soon, by half of its conversions?", median, "days")


def _of_money(known: DataFrame, currency: str | None) -> Iterable[Finding]:
    yield Finding("In which currency is value counted?", currency)
    others = known.where((F.col("currency") != F.lit(currency)) & F.col("value").isNotNull()).count()
    yield Finding("How many conversions are worth something in another?", others, "conversions")


if __name__ == "__main__":
    cli.submitted(__file__)
