"""Who belongs together, what is each community like, who bridges two, and what became of the old ones?

Reads silver.ties, silver.post_tokens, silver.post_sentiment and silver.events, and for the ids that
communities have already gold.community_profiles and gold.communities; writes gold.communities,
gold.community_overlaps, gold.community_profiles, gold.community_bridges and gold.community_flows. People
belong together by their ties to each other; where there are none, people and products by who takes up what.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retinue import cli, job, plots
from retinue.answer import Answer, Finding
from retinue.job import Analysed
from retinue.lake import Lake
from retinue.network import (
    building,
    changing,
    communities,
    engines,
    influence,
    memberships,
    profiles,
)
from retinue.network import ties as sources
from retinue.settings import Settings
from retinue.text import stems, themes

READS = (
    *("silver.ties", "silver.post_tokens", "silver.post_sentiment", "silver.events"),
    *("gold.community_profiles", "gold.communities"),
)
WRITES = (
    "gold.communities",
    "gold.community_overlaps",
    "gold.community_profiles",
    "gold.community_bridges",
    "gold.community_flows",
)
FATES = {"went_on": "went on", "split": "split off", "merged": "went up in others"}


def run(lake: Lake, settings: Settings) -> Answer:
    """Group by ties, under the numbers of before; then look at each group."""
    chosen = settings.graph
    with job.tied(lake, settings) as ties:
        faded = building.edges(
            ties.rows, as_of=ties.as_of, half_life=chosen.half_life, least=chosen.least_weight
        )
        edges = engines.settled(faded)
        people = building.between_people(edges)
        return _answer(ties, edges, edges if people.isEmpty() else people, settings)


def _answer(ties: Analysed, edges: DataFrame, tied: DataFrame, settings: Settings) -> Answer:
    chosen = settings.graph
    is_local = engines.is_local(tied, engine=chosen.engine, local_limit=chosen.local_limit)
    engine = "local" if is_local else "distributed"
    found = communities.detect(tied, resolution=chosen.resolution, engine=engine)
    last, greatest = _last(ties)
    before = _before(ties, last)
    lasting = engines.settled(changing.lasting(found, before, after=greatest))
    members = ties.keep("gold.communities", memberships.members(tied, lasting))
    ties.keep("gold.community_overlaps", memberships.overlaps(tied, lasting))
    bridges = ties.keep("gold.community_bridges", memberships.bridges(tied, lasting))
    posts = engines.settled(_posts(ties, stems.stop_words(settings.texts.languages)))
    told = profiles.profile(lasting, edges, posts, _purchases(ties, settings.engagement.order))
    described = ties.keep("gold.community_profiles", told)
    flows = changing.flows(before, lasting) if last else ties.lake.frame("gold.community_flows", [])
    went = ties.keep("gold.community_flows", flows.withColumn("before_as_of", F.lit(last).cast("date")))
    figures = {"communities": plots.network_map(_drawn(tied, lasting, engine), tied)}
    if last:
        figures["flows"] = plots.community_flow(went)
    return ties.answer(
        (
            Finding("Which engine solved the graph?", engine),
            *_of_profiles(described),
            *_of_bridges(bridges),
            *_of_flows(went, last),
        ),
        rows_out=members.count(),
        figures=figures,
    )


def _last(ties: Analysed) -> tuple[date | None, int]:
    """The day of the last snapshot before this one, and the greatest number that any other gave."""
    others = ties.lake.read("gold.community_profiles").where(
        (F.col("as_of") != F.lit(ties.as_of)) & (F.col("segment") == "")
    )
    earlier = F.when(F.col("as_of") < F.lit(ties.as_of), F.col("as_of"))
    [row] = others.agg(F.max(earlier).alias("day"), F.max("community_id").alias("greatest")).collect()
    return row["day"], row["greatest"] or 0


def _before(ties: Analysed, day: date | None) -> DataFrame:
    """The communities of that day, of those who may be read today."""
    now = ties.rows.select(F.explode(F.array("src", "dst")).alias("id"))
    known = ties.lake.known_of("gold.communities", now, id="id")
    is_of = (F.col("as_of") == F.lit(day).cast("date")) & (F.col("segment") == "")
    return known.where(is_of).select("id", "community_id")


def _posts(ties: Analysed, stopped: list[str]) -> DataFrame:
    """What was said until the day: id (who said it), words (that may mark a community), compound."""
    key = ["network", "post_id"]
    said = ties.lake.read("silver.post_tokens", purpose="analytics")
    feelings = ties.lake.read("silver.post_sentiment", purpose="analytics").select(*key, "compound")
    until = said.where(F.col("posted_at") < F.lit(ties.as_of)).join(feelings, key, "left")
    words = themes.telling_words("annotations", stop_words=stopped)
    return sources.with_author(until).select("id", words.alias("words"), "compound")


def _purchases(ties: Analysed, order: str) -> DataFrame:
    events = ties.lake.read("silver.events", purpose="analytics")
    bought = events.where(F.expr(order) & (F.col("occurred_at") < F.lit(ties.as_of)))
    return bought.select(F.col("person_id").alias("id"), "price_amount")


def _drawn(edges: DataFrame, lasting: DataFrame, engine: str) -> DataFrame:
    return sources.label(lasting.join(influence.ranks(edges, engine=engine), "id"))


def _of_profiles(profiles: DataFrame) -> Iterable[Finding]:
    yield Finding("How many communities are there?", profiles.count(), "communities")
    largest = profiles.orderBy(F.desc("member_count"), "community_id").first()
    if largest:
        yield Finding("How many people are in the largest?", largest["member_count"], "people")
        yield Finding("How much of their ties stays inside?", largest["inside_share"], "share")
        yield Finding("Which words mark it?", ", ".join(largest["words"][:3]) if largest["words"] else None)
        yield Finding("What does it take up most?", largest["products"][0] if largest["products"] else None)


def _of_bridges(bridges: DataFrame) -> Iterable[Finding]:
    first = bridges.orderBy(F.desc("weight"), "community_id", "other_id").first()
    if first:
        yield Finding("Who bridges the two communities with most ties between?", first["bridge_id"])


def _of_flows(went: DataFrame, last: date | None) -> Iterable[Finding]:
    """What became of the communities of the last snapshot, where there was one."""
    if not last:
        return
    of_members = went.where("before IS NOT NULL AND now IS NOT NULL")
    fates = {row["fate"]: row["count"] for row in of_members.groupBy("fate").count().collect()}
    for fate, asked in FATES.items():
        yield Finding(f"How many communities {asked} since {last}?", fates.get(fate, 0), "communities")


if __name__ == "__main__":
    cli.submitted(__file__)
