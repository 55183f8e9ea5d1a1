"""Who turned to whom, or to what, on which day?

Reads silver.posts, silver.post_tokens, silver.contacts and silver.events; writes silver.ties. Only days with
posts, contacts or events that are new or changed are put together again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retinue import cli, job
from retinue.answer import Answer, Finding
from retinue.clickstream.incremental import of
from retinue.lake import Lake
from retinue.network import ties
from retinue.settings import Settings
from retinue.tables import RELATIONSHIPS

NAME = "gather_ties"
READS = ("silver.posts", "silver.post_tokens", "silver.contacts", "silver.events")
WRITES = ("silver.ties",)


def run(lake: Lake, settings: Settings) -> Answer:
    """Each source's changed days, in the place of what they were."""
    since = {name: job.last_seen(lake, settings, job=NAME, table=name, section="ties") for name in READS}
    changed = {name: lake.changes(name, since=version) for name, version in since.items()}
    products = settings.ties.predicates
    days = {
        ties.IN_PUBLIC: _days_of_posts(lake, changed).persist(),
        RELATIONSHIPS: _days(changed["silver.contacts"], "occurred_at").persist(),
        tuple(products): _days(changed["silver.events"], "occurred_at").persist(),
    }
    try:
        if any(not each.isEmpty() for each in days.values()):
            gathered = _gathered(lake, [*days.values()], products)
            within = _slots(days)
            if None in since.values():  # what is not gathered any more goes
                within = within.union(lake.read("silver.ties").select(within.columns))
            lake.merge("silver.ties", gathered, within=within)
        return _answer(lake, rows_in=sum(each.count() for each in days.values()))
    finally:
        for each in days.values():
            each.unpersist()


def _days(rows: DataFrame, at: str) -> DataFrame:
    return rows.select(F.to_date(at).alias("acted_on")).distinct()


def _days_of_posts(lake: Lake, changed: Mapping[str, DataFrame]) -> DataFrame:
    """The days with a changed post, and those with an answer to one or a share of one."""
    fresh = changed["silver.posts"].select("network", "post_id", "posted_at").distinct()
    posts = lake.read("silver.posts")
    turned = (
        posts.join(fresh.select("network", F.col("post_id").alias(to)), ["network", to], "left_semi")
        for to in ("reply_to", "share_of")
    )
    days = (_days(rows, "posted_at") for rows in (fresh, changed["silver.post_tokens"], *turned))
    return reduce(DataFrame.union, days).distinct()


def _gathered(lake: Lake, days: Iterable[DataFrame], products: Mapping[str, str]) -> DataFrame:
    of_posts, of_contacts, of_events = days
    posts, words = lake.read("silver.posts"), lake.read("silver.post_tokens")
    people = lake.read("silver.events").where(~F.col("is_bot"))
    in_public = ties.of_posts(_on(posts, "posted_at", of_posts), posts, _on(words, "posted_at", of_posts))
    in_private = ties.of_contacts(_on(lake.read("silver.contacts"), "occurred_at", of_contacts))
    taken_up = ties.of_events(_on(people, "occurred_at", of_events), products)
    return in_public.unionByName(in_private).unionByName(taken_up)


def _on(rows: DataFrame, at: str, days: DataFrame) -> DataFrame:
    """The rows of these days."""
    dated = rows.withColumn("acted_on", F.to_date(at))
    return of(dated, F.broadcast(days)).select(rows.columns)


def _slots(days: Mapping[tuple[str, ...], DataFrame]) -> DataFrame:
    """relationship, acted_on: what is gathered anew."""
    slots = (
        each.select(F.explode(F.lit([*words])).alias("relationship"), "acted_on")
        for words, each in days.items()
    )
    return reduce(DataFrame.union, slots)


def _answer(lake: Lake, *, rows_in: int) -> Answer:
    counts = lake.read("silver.ties").groupBy("relationship").agg(F.sum("act_count").alias("acts"))
    told = counts.orderBy(F.desc("acts"), "relationship").collect()  # a row a relationship
    return Answer(
        findings=(
            Finding("On how many days did anything change?", rows_in, "days"),
            *(Finding(f"How often was there: {row['relationship']}?", row["acts"], "acts") for row in told),
        ),
        rows_in=rows_in,
        rows_out=lake.rows_written("silver.ties"),
    )


if __name__ == "__main__":
    cli.submitted(__file__)
