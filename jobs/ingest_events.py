"""What was delivered, and which records could not be read?

Reads event files by a mapping; good records go to bronze.events, the others to ops.quarantine.
A file is known by its bytes: the same one counts once, whatever its name.
"""

from __future__ import annotations

import hashlib

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retinue import cli, quarantine
from retinue.answer import Answer, Finding
from retinue.errors import InputMissing, InvariantBroken
from retinue.lake import Lake
from retinue.settings import Settings
from retinue.sources import events, mappings

READS = ()
WRITES = ("ops.quarantine", "bronze.events")


def run(lake: Lake, settings: Settings) -> Answer:
    """Quarantine first, bronze last: a file found in bronze has gone through whole."""
    ingest = settings.ingest
    if not (ingest.input and ingest.mapping):
        raise InputMissing("nothing to ingest: set ingest.input and ingest.mapping, or `retinue ingest FILE`")
    mapping = mappings.load(ingest.mapping)
    records = events.read(
        lake.spark,
        ingest.input,
        mapping,
        source=ingest.source or mapping.name,
        **ingest.sane(now=lake.now),
        known=_digests(lake),
    ).persist()
    try:
        return _divided(lake, records, mapping)
    finally:
        records.unpersist()


def _divided(lake: Lake, records: DataFrame, mapping: mappings.Mapping) -> Answer:
    good, bad = records.where("reason IS NULL"), records.where("reason IS NOT NULL")
    good_count, bad_count = good.count(), bad.count()
    delivery = _delivery(records)
    if bad_count:
        aside = quarantine.of_records(bad, lake, job="ingest_events", mapping=mapping.name)
        lake.insert("ops.quarantine", aside)
    if good_count:
        arrived = good.withColumn("ingested_at", F.current_timestamp())
        lake.insert("bronze.events", arrived)  # by file and position: deliveries may overlap, also at once
        _require_all_there(lake, good)
    quarantine.release(lake, lake.read("bronze.events"))
    return Answer(
        findings=(
            Finding("How many records came in?", good_count + bad_count, "records"),
            Finding("How many of them could not be read?", bad_count, "records"),
        ),
        rows_in=good_count + bad_count,
        rows_out=good_count,
        rows_quarantined=bad_count,
        rests_on={"the files": delivery, f"the mapping {mapping.name}": mapping.digest},
        legal_bases=(mapping.legal_basis,),
    )


def _digests(lake: Lake) -> set[str]:
    """The files that have gone through: one short text a file."""
    rows = lake.read("bronze.events").select("source_digest").distinct().collect()
    return {row["source_digest"] for row in rows}


def _delivery(records: DataFrame) -> str:
    """One name for this set of files."""
    rows = records.select("source_digest").distinct().collect()
    return hashlib.sha256("".join(sorted(row["source_digest"] for row in rows)).encode()).hexdigest()


def _require_all_there(lake: Lake, good: DataFrame) -> None:
    record = ["source_digest", "position"]
    if not good.join(lake.read("bronze.events"), record, "left_anti").isEmpty():
        raise InvariantBroken(
            "some of the good records did not arrive in bronze.events; run ingest_events again"
        )


if __name__ == "__main__":
    cli.submitted(__file__)
