"""Whom do people turn to, whose posts travel, is it influence, and with whom should one begin?

Reads silver.ties, silver.posts and silver.post_sentiment; writes gold.influence, gold.influence_reach,
gold.influence_seeds, gold.cascades, gold.cascade_starters, gold.influence_verdicts, gold.topic_influence,
gold.influencers and gold.rising_influencers. Where nobody turns to anybody, products are ranked instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from matplotlib.figure import Figure
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retinue import cli, job, plots
from retinue.answer import Answer, Finding
from retinue.job import Analysed
from retinue.lake import Lake
from retinue.network import (
    actions,
    building,
    changing,
    communities,
    distances,
    engines,
    homophily,
    influence,
    influencers,
    shares,
    spread,
)
from retinue.network import ties as sources
from retinue.settings import GraphSettings, Settings

READS = ("silver.ties", "silver.posts", "silver.post_sentiment")
WRITES = (
    "gold.influence",
    "gold.influence_reach",
    "gold.influence_seeds",
    "gold.cascades",
    "gold.cascade_starters",
    "gold.influence_verdicts",
    "gold.topic_influence",
    "gold.influencers",
    "gold.rising_influencers",
)
MEASURES = (
    *("pagerank", "degree", "in_degree", "out_degree", "core_number"),
    *("triangles", "clustering", "closeness", "betweenness"),
)
HOPS = 3
TOPICS = 8  # the largest ones are judged
STARTERS = 3  # of cascades, by who took part in them


@dataclass(frozen=True)
class Network:
    """Who heeds whom: src heeds dst; whether one task holds it, and what people said."""

    edges: DataFrame
    is_local: bool
    posts: DataFrame
    chosen: GraphSettings

    @property
    def acting(self) -> DataFrame:
        """The same from who acts, src, to who heeds."""
        return self.edges.select(F.col("dst").alias("src"), F.col("src").alias("dst"), "weight", "first_at")

    @property
    def engine(self) -> str:
        """What solves it, so that nobody has to count again."""
        return "local" if self.is_local else "distributed"


def run(lake: Lake, settings: Settings) -> Answer:
    """Rank who is heeded; follow what was passed on; judge, and choose."""
    chosen = settings.graph
    with job.tied(lake, settings) as ties:
        faded = building.edges(
            ties.rows, as_of=ties.as_of, half_life=chosen.half_life, least=chosen.least_weight
        )
        edges = engines.settled(faded)
        people = building.heeding(building.between_people(edges))
        is_social = not people.isEmpty()
        heard = people if is_social else edges
        is_local = engines.is_local(heard, engine=chosen.engine, local_limit=chosen.local_limit)
        network = Network(heard, is_local, engines.settled(_posts(ties)), chosen)
        return _of_people(ties, network) if is_social else _of_products(ties, network)


def _posts(ties: Analysed) -> DataFrame:
    """What was said until the day, with the vertex that said it as `id`, and how it feels."""
    said = ties.lake.read("silver.posts", purpose="analytics").where(F.col("posted_at") < F.lit(ties.as_of))
    feelings = ties.lake.read("silver.post_sentiment", purpose="analytics")
    felt = feelings.select("network", "post_id", "compound")
    return sources.with_author(said).join(felt, ["network", "post_id"], "left")


def _of_people(ties: Analysed, network: Network) -> Answer:
    ranks = _measured(ties, network)
    passed_on = engines.settled(shares.members(_in_trees(network)))
    cascades = _cascades(ties, network, passed_on)
    seeds = _seeds(ties, network, passed_on)
    verdicts = ties.keep("gold.influence_verdicts", _verdicts(ties, network, passed_on))
    ties.keep("gold.influence_reach", _reach(ties, network, ranks))
    ties.keep("gold.topic_influence", _topics(network))
    ties.keep("gold.influencers", _influencers(ties, network, ranks))
    rising = ties.keep("gold.rising_influencers", _rising(ties, network.chosen))
    return ties.answer(
        (
            *_of_ranks(ranks, network, "person"),
            *_of_cascades(cascades),
            *_of_seeds(seeds),
            *_of_verdicts(verdicts),
            Finding("To how many do more people turn than before, beyond chance?", rising.count(), "people"),
        ),
        rows_out=ranks.count(),
        figures={"network": _map(network, ranks), **_pictures(cascades, passed_on, seeds)},
    )


def _of_products(ties: Analysed, network: Network) -> Answer:
    """All that needs people who turn to people is empty."""
    for name in WRITES[1:]:
        ties.keep(name, ties.lake.frame(name, []))
    ranks = _measured(ties, network)
    return ties.answer(
        _of_ranks(building.named_products(ranks), network, "product"),
        rows_out=ranks.count(),
        figures={"network": _map(network, ranks)},
    )


def _measured(ties: Analysed, network: Network) -> DataFrame:
    measured = influence.measures(network.edges, directed=True, which=MEASURES, engine=network.engine)
    return ties.keep("gold.influence", measured)


def _in_trees(network: Network) -> DataFrame:
    """The posts by vertex, each share under the one it was taken from."""
    posts = network.posts.withColumn("profile_id", F.col("id"))
    return shares.through_follows(posts, _follows(network))


def _follows(network: Network) -> DataFrame:
    return network.edges.where("relationship = 'follows'")


def _cascades(ties: Analysed, network: Network, passed_on: DataFrame) -> DataFrame:
    follows = _follows(network)
    known = None if follows.isEmpty() else follows
    started = shares.starters(passed_on, known).withColumnRenamed("profile_id", "id")
    ties.keep("gold.cascade_starters", started.where("id IS NOT NULL"))
    return ties.keep("gold.cascades", shares.cascades(passed_on, known))


def _seeds(ties: Analysed, network: Network, passed_on: DataFrame) -> DataFrame:
    """With whom to begin, where shares show how likely a tie passes something on."""
    roots = passed_on.select("network", "post_id", "root_post_id")
    log = network.posts.join(roots, ["network", "post_id"], "left").select(
        F.col("id").alias("user_id"),
        F.concat_ws("\u001f", "network", F.coalesce("root_post_id", "post_id")).alias("item_id"),
        F.col("posted_at").alias("at"),
    )
    [ends] = log.agg(F.min("at").alias("first"), F.max("at").alias("last")).collect()
    if not network.is_local or passed_on.isEmpty():
        return ties.keep("gold.influence_seeds", ties.lake.frame("gold.influence_seeds", []))
    half = ends["first"] + (ends["last"] - ends["first"]) / 2
    best = spread.seeds(_learnt(network, log, half), k=network.chosen.seeds, probability="probability")
    return ties.keep("gold.influence_seeds", best)


def _learnt(network: Network, log: DataFrame, half: datetime) -> DataFrame:
    """Every tie with its probability: those that were there before the later half of the log, by that half;
    the others by what these have together."""
    early = network.acting.where(F.col("first_at") < F.lit(half))
    known = actions.probabilities(early, log.where(F.col("at") >= F.lit(half)))
    together = known.agg(F.try_divide(F.sum("successes"), F.sum("trials")).alias("_together"))
    every = network.acting.select("src", "dst").distinct().join(known, ["src", "dst"], "left")
    return every.crossJoin(F.broadcast(together)).select(
        "src", "dst", F.coalesce("probability", "_together").alias("probability")
    )


def _verdicts(ties: Analysed, network: Network, passed_on: DataFrame) -> DataFrame:
    """Whether talk of the largest topics, and what the first starters post, spreads along ties."""
    by = network.chosen.by
    talked = network.posts.where(F.col(by).isNotNull())
    acted = _largest(talked.select("id", F.col("posted_at").alias("at"), F.col(by).alias("topic")), TOPICS)
    passed = passed_on.where("profile_id IS NOT NULL").select(
        F.col("profile_id").alias("id"),
        F.col("posted_at").alias("at"),
        F.concat(F.lit("what comes from "), "started_by").alias("topic"),
    )
    every = acted.union(_largest(passed, STARTERS))
    if not network.is_local or every.isEmpty():
        return ties.lake.frame("gold.influence_verdicts", [])
    return homophily.verdicts(every, network.acting, by="topic")


def _largest(acted: DataFrame, limit: int) -> DataFrame:
    """What people did on the topics that most of them did something on."""
    sizes = acted.where("topic IS NOT NULL").groupBy("topic").agg(F.count_distinct("id").alias("size"))
    largest = sizes.orderBy(F.desc("size"), "topic").limit(limit)
    return acted.join(F.broadcast(largest), "topic", "left_semi").select("id", "at", "topic")


def _reach(ties: Analysed, network: Network, ranks: DataFrame) -> DataFrame:
    """How many heed the most influential, and who heeds these, and so on."""
    if not network.is_local:
        return ties.lake.frame("gold.influence_reach", [])
    first = ranks.orderBy(F.desc("pagerank"), "id").limit(network.chosen.seeds).select("id").collect()
    return distances.reach(network.acting, sources=[row["id"] for row in first], hops=HOPS, directed=True)


def _topics(network: Network) -> DataFrame:
    return influencers.on_topics(
        network.edges, network.posts, by=network.chosen.by, topics=TOPICS, engine=network.engine
    )


def _influencers(ties: Analysed, network: Network, ranks: DataFrame) -> DataFrame:
    buys = ties.rows.where("relationship = 'buys'").select(F.col("src").alias("id"), "acted_on")
    return influencers.beside_advocates(ranks, network.posts, buys)


def _rising(ties: Analysed, chosen: GraphSettings) -> DataFrame:
    """By how many people turned to each in the last span and in the one before."""
    days = building.heeding(building.between_people(ties.rows)).where("src <> dst")
    start = ties.as_of - chosen.window

    def turned(since: object, until: object) -> DataFrame:
        inside = days.where((F.col("acted_on") >= F.lit(since)) & (F.col("acted_on") < F.lit(until)))
        return inside.groupBy(F.col("dst").alias("id")).agg(F.count_distinct("src").alias("weight"))

    return changing.risers(turned(start - chosen.window, start), turned(start, ties.as_of))


def _map(network: Network, ranks: DataFrame) -> Figure:
    groups = communities.detect(network.edges, engine=network.engine)
    return plots.network_map(sources.label(ranks.join(groups, "id")), network.edges)


def _pictures(cascades: DataFrame, passed_on: DataFrame, seeds: DataFrame) -> Mapping[str, Figure]:
    figures = {} if seeds.isEmpty() else {"reach": plots.reach_curve(seeds)}
    largest = cascades.orderBy(F.desc("share_count"), "network", "root_post_id").first()
    if largest:
        is_of = (F.col("network") == largest["network"]) & (F.col("root_post_id") == largest["root_post_id"])
        figures["cascade"] = plots.cascade_tree(passed_on.where(is_of))
    return figures


def _of_ranks(ranks: DataFrame, network: Network, word: str) -> Iterable[Finding]:
    first = ranks.orderBy(F.desc("pagerank"), "id").first()
    yield Finding("On how many ties does influence rest?", network.edges.count(), "ties")
    yield Finding("Which engine solved the graph?", network.engine)
    yield Finding(f"Which {word} is turned to most?", first["id"] if first else None)
    yield Finding("How much of the attention goes there?", first["pagerank"] if first else None, "share")


def _of_cascades(cascades: DataFrame) -> Iterable[Finding]:
    largest = cascades.orderBy(F.desc("share_count"), "network", "root_post_id").first()
    yield Finding("How many posts were passed on?", cascades.count(), "posts")
    if largest:
        yield Finding("How often was the one that went furthest?", largest["share_count"], "shares")
        yield Finding("Who started it?", largest["started_by"])
        yield Finding("How many people did it reach?", largest["effective_reach"], "people")


def _of_seeds(seeds: DataFrame) -> Iterable[Finding]:
    last = seeds.orderBy(F.desc("rank")).first()
    if last:
        yield Finding(
            f"How many people would the best {last['rank']} to begin with move?", last["spread"], "people"
        )
        yield Finding("With what standard error?", last["standard_error"], "people")
        yield Finding("And as many with most ties?", last["degree_spread"], "people")


def _of_verdicts(verdicts: DataFrame) -> Iterable[Finding]:
    judged = {row["verdict"]: row["count"] for row in verdicts.groupBy("verdict").count().collect()}
    yield Finding(
        "Of how many topics and starters does what is said spread by influence?",
        judged.get("influence", 0),
        "topics",
    )
    yield Finding(
        "And of how many is it likeness, as far as can be told?", judged.get("association", 0), "topics"
    )


if __name__ == "__main__":
    cli.submitted(__file__)
