"""Facts of files: contacts, and the touches, costs and assignments of ads; what is not good says why."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field, replace
from datetime import datetime

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from retinue import schema
from retinue.sources import declared, times
from retinue.sources.declared import ORIGIN, detail, filled, lost
from retinue.sources.mappings import COLUMNS, Mapping
from retinue.tables import RELATIONSHIPS, TOUCH_TYPES

__all__ = ["FACTS", "Fact", "parse", "read", "with_ids"]


@dataclass(frozen=True)
class Fact:
    """A kind of fact, as its mapping's kind has columns: its id, when it was, and what it must say.

    missing: reason = SQL over the columns that holds where something is not there. words: column = the words
    that it knows. numbers: column = the number from which it counts, itself included unless it is 0.0. What
    is not said is as `defaults` has it; null there is the source's name. `restated` columns do not tell one
    fact from another: a later word on the same one may change them.
    """

    id: str
    at: str
    missing: Dict[str, str]
    words: Dict[str, tuple[str, ...]] = field(default_factory=dict)
    above_zero: tuple[str, ...] = ()
    defaults: Dict[str, str | float | None] = field(default_factory=dict)
    restated: tuple[str, ...] = ()

    @property
    def reasons(self) -> tuple[str, ...]:
        """What a reason can begin with; after a colon it may say more."""
        return (*declared.REASONS, f"missing_{self.id}", *self.missing)


_NOBODY = {"missing_person": "visitor_id IS NULL AND user_id IS NULL"}
_UNNAMED = {"missing_ad": "coalesce(channel, campaign_id, ad_id) IS NULL"}
FACTS: Dict[str, Fact] = {
    "contacts": Fact(
        id="contact_id",
        at="occurred_at",
        missing={"missing_end": "profile_id IS NULL OR to_profile_id IS NULL"},
        words={"relationship": RELATIONSHIPS},
        above_zero=("weight",),
        defaults={"relationship": "follows", "weight": 1.0, "network": None},
    ),
    "touches": Fact(
        id="touch_id",
        at="occurred_at",
        missing={**_NOBODY, "missing_channel": "channel IS NULL"},
        words={"touch_type": TOUCH_TYPES},
        defaults={"touch_type": "click"},
    ),
    "costs": Fact(
        id="cost_id",
        at="spent_on",
        missing={**_UNNAMED, "missing_cost": "_cost_amount IS NULL"},
        restated=("cost_amount", "impression_count", "click_count"),
    ),
    "assignments": Fact(
        id="assignment_id",
        at="assigned_at",
        missing={**_NOBODY, **_UNNAMED, "missing_group": "_is_treated IS NULL"},
        restated=("is_treated",),
    ),
}
"""By the kind of its mapping."""

_INFINITE = float("inf")


def read(
    spark: SparkSession,
    path: str,
    mapping: Mapping,
    *,
    source: str,
    earliest: datetime,
    latest: datetime,
    known: Collection[str] = (),
) -> DataFrame:
    """The records of `path` (file, folder or glob, plain or compressed, any Hadoop URI), a row each.

    Columns: those of the kind's bronze table but when it came in, as `events.read` has them, and reason: null
    for a good row, else a word of the fact's `reasons`. A contact whose network is not said is the source's,
    one of no relationship follows, one without a weight counts 1; a touch of no type is a click. A day is
    taken as it is written, in whatever zone. No record is dropped.

    Runs Spark jobs, see `records.of_files`; the driver reads each file once for its digest.
    Raises InputMissing, SchemaMismatch and UnknownSetting as `events.read` does.
    """
    records = declared.fresh_records(spark, path, mapping, known)
    return parse(records, mapping, source=source, earliest=earliest, latest=latest)


def parse(
    records: DataFrame, mapping: Mapping, *, source: str, earliest: datetime, latest: datetime
) -> DataFrame:
    """The same as `read` over records that were read before: source_file, source_digest, position, record.

    Lazy. Where the mapping names no id, it is the SHA-256 of the fact's columns and the ordinal, from 1,
    among equal rows of the file. Raises SchemaMismatch, and UnknownSetting for SQL that does not resolve.
    """
    schema.require(records, ORIGIN, what="facts.parse")
    fact = FACTS[mapping.kind]
    said = _said(declared.with_fields(records, mapping), mapping, fact, source)
    judged = _judged(said, mapping, fact, declared.utc(earliest), declared.utc(latest))
    facts = declared.delivered(judged, mapping, source=source)
    return facts if fact.id in mapping.columns else with_ids(facts, kind=mapping.kind)


def with_ids(facts: DataFrame, *, kind: str) -> DataFrame:
    """The id: the SHA-256 of the columns that tell facts apart, and the ordinal among equals of the file.

    In: what `parse` gives for mappings of this kind. A bad row has no id. One shuffle.
    """
    fact = FACTS[kind]
    columns = [name for name in COLUMNS[kind] if name not in (fact.id, *fact.restated)]
    return declared.with_ids(facts, id=fact.id, of=columns)


def _said(cut: DataFrame, mapping: Mapping, fact: Fact, source: str) -> DataFrame:
    """The columns as they are meant, and as text behind a line (`_occurred_at`)."""
    whole = declared.whole(cut, mapping)
    meant = {name: _meant(name, kind, fact, mapping, whole) for name, kind in COLUMNS[mapping.kind].items()}
    for name, default in fact.defaults.items():
        unsaid = F.lit(source if default is None else default)
        meant[name] = F.when(filled(name).isNull(), unsaid).otherwise(meant[name])
    return whole.select(
        "_origin",
        "_fault",
        *(column.alias(name) for name, column in meant.items()),
        *(filled(name).alias(f"_{name}") for name in meant),
    )


def _meant(name: str, kind: str, fact: Fact, mapping: Mapping, whole: DataFrame) -> Column:
    """The column in its type; null where nothing stands there, or nothing that can be."""
    if kind == "timestamp":
        return times.instant(F.col(name), whole.schema[name].dataType, mapping.time)
    if kind == "date":  # as it is written: what a day is, its source knows
        as_written = replace(mapping.time, zone="UTC")
        return times.instant(F.col(name), whole.schema[name].dataType, as_written).cast("date")
    if name in fact.words:
        said = F.lower(F.trim(filled(name)))
        return F.when(said.isin(*fact.words[name]), said)
    if kind == "boolean":
        return filled(name).try_cast("boolean")
    if kind == "string":
        return filled(name)
    number = filled(name).try_cast("double")
    counts = (number > 0 if name in fact.above_zero else number >= 0) & (
        number < _INFINITE
    )  # NaN is above all
    return F.when(counts, filled(name).try_cast(kind))


def _judged(said: DataFrame, mapping: Mapping, fact: Fact, earliest: datetime, latest: datetime) -> DataFrame:
    """`_fault` completed: the first that holds of the fact's reasons."""
    kinds = COLUMNS[mapping.kind]
    is_outside = ~F.col(fact.at).between(F.lit(earliest), F.lit(latest))
    others = [name for name, kind in kinds.items() if kind != "string" or name in fact.words]
    faults = [
        F.col("_fault"),
        *([F.when(F.col(fact.id).isNull(), f"missing_{fact.id}")] if fact.id in mapping.columns else []),
        *(F.when(F.expr(rule), reason) for reason, rule in fact.missing.items()),
        F.when(F.col(f"_{fact.at}").isNull(), "missing_time"),
        lost("bad_time", fact.at),
        F.when(is_outside, detail("time_out_of_range", fact.at, F.col(f"_{fact.at}"))),
        *(lost(_reason(kinds[name]), name) for name in others if name != fact.at),
    ]
    # A time outside may be one that no calendar in Python can hold.
    held = F.when(~is_outside, F.col(fact.at))
    return said.withColumns({"_fault": F.coalesce(*faults), fact.at: held})


def _reason(kind: str) -> str:
    return "bad_value" if kind in ("boolean", "string") else "bad_number"
