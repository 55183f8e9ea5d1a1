"""Records of files into bronze: the good ones arrive, the others wait in quarantine with their reason.

A file is known by its bytes: the same one counts once, whatever its name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retinue import quarantine
from retinue.answer import Answer, Finding
from retinue.errors import InputMissing, InvariantBroken, UnknownSetting
from retinue.lake import Lake
from retinue.settings import Settings
from retinue.sources import events, facts, mappings, posts
from retinue.sources.mappings import Mapping

__all__ = ["ADS", "CONTACTS", "EVENTS", "POSTS", "Feed", "ingest", "requeue"]

RECORD = ["source_digest", "position"]
AFTER_ALL = 1 << 40  # more records than a file has


@dataclass(frozen=True)
class Feed:
    """A kind of record: what it is called, its table, the job that brings it, whom it is about, its id."""

    kind: str
    records: str
    table: str
    job: str
    subject: str | None
    id: str
    read: Callable[..., DataFrame]
    parse: Callable[..., DataFrame]
    with_ids: Callable[[DataFrame], DataFrame]


EVENTS = Feed(
    kind="events",
    records="records",
    table="bronze.events",
    job="ingest_events",
    subject="visitor_id",
    id="event_id",
    read=events.read,
    parse=events.parse,
    with_ids=events.with_event_ids,
)
POSTS = Feed(
    kind="posts",
    records="records of posts",
    table="bronze.posts",
    job="ingest_posts",
    subject="profile_id",
    id="post_id",
    read=posts.read,
    parse=posts.parse,
    with_ids=posts.with_post_ids,
)


def _of_facts(kind: str, *, records: str, table: str, job: str, subject: str | None) -> Feed:
    with_ids = partial(facts.with_ids, kind=kind)
    id = facts.FACTS[kind].id
    return Feed(kind, records, table, job, subject, id, facts.read, facts.parse, with_ids)


CONTACTS = _of_facts(
    "contacts",
    records="records of contacts",
    table="bronze.contacts",
    job="ingest_contacts",
    subject="profile_id",
)
ADS = tuple(
    _of_facts(
        kind,
        records=f"records of {kind}",
        table=f"bronze.ad_{kind}",
        job="ingest_ads",
        subject=subject,
    )
    for kind, subject in (("touches", "visitor_id"), ("costs", None), ("assignments", "visitor_id"))
)
"""The feeds of one job."""


def ingest(lake: Lake, settings: Settings, *feeds: Feed) -> Answer:
    """Read conf's ingest.input by its mapping, as the one of the feeds of that kind.

    Raises InputMissing without input or mapping, UnknownSetting for one of another kind, and what `read`
    raises.

    Quarantine first, bronze last: a file found in bronze has gone through whole.
    """
    chosen = settings.ingest
    if not (chosen.input and chosen.mapping):
        raise InputMissing("nothing to ingest: set ingest.input and ingest.mapping, or `retinue ingest FILE`")
    mapping, feed = _chosen(settings, feeds)
    records = feed.read(
        lake.spark,
        chosen.input,
        mapping,
        source=chosen.source or mapping.name,
        **chosen.sane(now=lake.now),
        known=_digests(lake.read(feed.table)),
    ).persist()
    try:
        return _divided(lake, records, mapping, feed)
    finally:
        records.unpersist()


def requeue(lake: Lake, settings: Settings, *feeds: Feed) -> Answer:
    """Read what waits in quarantine again by its mended mapping. Raises UnknownSetting as `mappings.load`.

    Bronze first: a record that is marked as requeued has arrived.
    """
    mapping, feed = _chosen(settings, feeds)
    held = quarantine.waiting(lake, job=feed.job)
    waiting = held.where(F.col("mapping") == mapping.name)
    known = lake.read(feed.table)
    judged = _judged(waiting.join(known, RECORD, "left_anti"), mapping, settings, lake, feed)
    judged = (judged if feed.id in mapping.columns else _numbered(judged, known, feed)).persist()
    try:
        good = judged.where("reason IS NULL").count()
        rows_in = judged.count()
        if good:
            arrived = judged.where("reason IS NULL").withColumn("ingested_at", F.current_timestamp())
            lake.insert(feed.table, arrived)
        lake.merge("ops.quarantine", _marked(waiting, judged))
    finally:
        judged.unpersist()
    elsewhere = held.where(~F.col("mapping").eqNullSafe(mapping.name)).count()
    return Answer(
        findings=(
            Finding(f"How many quarantined {feed.records} went through?", good, "records"),
            Finding("How many wait for another mapping?", elsewhere, "records"),
        ),
        rows_in=rows_in,
        rows_out=good,
        rows_quarantined=rows_in - good,
        rests_on={f"the mapping {mapping.name}": mapping.digest},
        legal_bases=(mapping.legal_basis,),
    )


def _chosen(settings: Settings, feeds: Sequence[Feed]) -> tuple[Mapping, Feed]:
    """The mapping, and the feed of its kind."""
    mapping = mappings.load(settings.ingest.mapping)
    for feed in feeds:
        if feed.kind == mapping.kind:
            return mapping, feed
    wanted = " or ".join(repr(feed.kind) for feed in feeds)
    other = next(feed.job for feed in (EVENTS, POSTS, CONTACTS, *ADS) if feed.kind == mapping.kind)
    raise UnknownSetting(
        f"ingest.mapping is {settings.ingest.mapping!r}, whose kind is {mapping.kind!r}; {feeds[0].job} "
        f"wants one of {wanted}, or run {other}"
    )


def _divided(lake: Lake, records: DataFrame, mapping: Mapping, feed: Feed) -> Answer:
    good, bad = records.where("reason IS NULL"), records.where("reason IS NOT NULL")
    good_count, bad_count = good.count(), bad.count()
    delivery = hashlib.sha256("".join(sorted(_digests(records))).encode()).hexdigest()
    if bad_count:
        aside = quarantine.of_records(bad, lake, job=feed.job, mapping=mapping.name, subject=feed.subject)
        lake.insert("ops.quarantine", aside)
    if good_count:
        arrived = good.withColumn("ingested_at", F.current_timestamp())
        lake.insert(feed.table, arrived)  # by file and position: deliveries may overlap, also at once
        _require_all_there(lake, good, feed)
    quarantine.release(lake, lake.read(feed.table), job=feed.job)
    return Answer(
        findings=(
            Finding(f"How many {feed.records} came in?", good_count + bad_count, "records"),
            Finding(f"How many {feed.records} could not be read?", bad_count, "records"),
        ),
        rows_in=good_count + bad_count,
        rows_out=good_count,
        rows_quarantined=bad_count,
        rests_on={"the files": delivery, f"the mapping {mapping.name}": mapping.digest},
        legal_bases=(mapping.legal_basis,),
    )


def _digests(records: DataFrame) -> set[str]:
    """The files of the records: one short text a file."""
    return {row["source_digest"] for row in records.select("source_digest").distinct().collect()}


def _require_all_there(lake: Lake, good: DataFrame, feed: Feed) -> None:
    if not good.join(lake.read(feed.table), RECORD, "left_anti").isEmpty():
        raise InvariantBroken(
            f"some of the good records did not arrive in {feed.table}; run {feed.job} again"
        )


def _judged(waiting: DataFrame, mapping: Mapping, settings: Settings, lake: Lake, feed: Feed) -> DataFrame:
    """The records read again, each under the source it came from."""
    sources = [row["source"] for row in waiting.select("source").distinct().collect()]
    again = [
        feed.parse(
            waiting.where(F.col("source") == source),
            mapping,
            source=source,
            **settings.ingest.sane(now=lake.now),
        )
        for source in sources or [""]
    ]
    return reduce(DataFrame.unionByName, again)


def _numbered(judged: DataFrame, known: DataFrame, feed: Feed) -> DataFrame:
    """The records with ids that count their equals that went through: these come first, and keep theirs."""
    counted_last = judged.withColumn("position", F.col("position") + AFTER_ALL)
    of_their_files = known.join(judged, "source_digest", "left_semi").withColumn("reason", F.lit(None))
    together = counted_last.unionByName(of_their_files.select(judged.columns))
    numbered = feed.with_ids(together).where(F.col("position") > AFTER_ALL)
    return numbered.withColumn("position", F.col("position") - AFTER_ALL)


def _marked(waiting: DataFrame, judged: DataFrame) -> DataFrame:
    """The waiting records with the verdict of now; one that is not judged has arrived before."""
    verdicts = judged.select(*RECORD, F.lit(True).alias("is_judged"), F.col("reason").alias("now"))
    has_arrived = F.col("is_judged").isNull() | F.col("now").isNull()
    return (
        waiting.join(verdicts, RECORD, "left")
        .withColumn("requeued_at", F.when(has_arrived, F.current_timestamp()))
        .withColumn("reason", F.coalesce("now", "reason"))
    )
