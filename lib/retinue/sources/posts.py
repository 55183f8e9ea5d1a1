"""Posts, reviews, comments and mails of files, read by a mapping; what is not good says why."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from retinue import schema
from retinue.sources import declared, times
from retinue.sources.declared import ORIGIN, detail, filled, lost
from retinue.sources.mappings import POST_COLUMNS, Mapping
from retinue.tables import ATTACHMENTS, MEDIA_CLASSES, POST_TYPES

__all__ = ["REASONS", "parse", "read", "with_post_ids"]

REASONS = {
    **declared.REASONS,
    "missing_post_id": "the mapping names the post's id, the record has none",
}
"""What a reason can begin with; after a colon it may say more."""

_TIMES = ("posted_at", "edited_at")
_COUNTS = ("share_count", "like_count", "follower_count")
_NUMBERS = (*_COUNTS, "star_rating")
_WORDS = {
    "post_type": (POST_TYPES, "post"),
    "media_class": (MEDIA_CLASSES, "earned"),
    "attachment": (ATTACHMENTS, "text"),
}
"""The columns that know their words, each with the one for a record that says none."""


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

    Columns: those of bronze.posts but when it came in, as `events.read` has them, and reason: null for a good
    row, else a word of REASONS. A post whose network is not said is the source's. No record is dropped.

    Runs Spark jobs, see `records.of_files`; the driver reads each file once for its digest.
    Raises InputMissing, SchemaMismatch and UnknownSetting as `events.read` does.
    """
    records = declared.fresh_records(spark, path, mapping, known)
    return parse(records, mapping, source=source, earliest=earliest, latest=latest)


def parse(
    records: DataFrame, mapping: Mapping, *, source: str, earliest: datetime, latest: datetime
) -> DataFrame:
    """The same as `read` over records that were read before: source_file, source_digest, position, record.

    Lazy. Where the mapping names no post_id, it is the SHA-256 of the post's columns and the ordinal, from 1,
    among equal rows of the file. Raises SchemaMismatch, and UnknownSetting for SQL that does not resolve.
    """
    schema.require(records, ORIGIN, what="posts.parse")
    said = _said(declared.with_fields(records, mapping), mapping, source)
    judged = _judged(said, mapping, declared.utc(earliest), declared.utc(latest))
    posts = declared.delivered(judged, mapping, source=source)
    return posts if "post_id" in mapping.columns else with_post_ids(posts)


def with_post_ids(posts: DataFrame) -> DataFrame:
    """`post_id`: the SHA-256 of the post's columns, and of the ordinal among equal rows of its file.

    In: what `parse` gives. A bad row has no id. One shuffle.
    """
    return declared.with_ids(posts, id="post_id", of=[name for name in POST_COLUMNS if name != "post_id"])


def _said(cut: DataFrame, mapping: Mapping, source: str) -> DataFrame:
    """The post columns as they are meant, and as text (`_posted_at`, `_like_count`, `_media_class` …)."""
    whole = declared.whole(cut, mapping)
    types = {name: whole.schema[name].dataType for name in _TIMES}
    instants = {name: times.instant(F.col(name), types[name], mapping.time) for name in _TIMES}
    return whole.select(
        "_origin",
        "_fault",
        *(instants[name].alias(name) for name in _TIMES),
        *(_number(name).alias(name) for name in _NUMBERS),
        *(declared.word(name, words, default).alias(name) for name, (words, default) in _WORDS.items()),
        F.coalesce(filled("network"), F.lit(source)).alias("network"),
        F.left(F.lower(filled("language")), F.lit(2)).alias("language"),
        *(filled(name).alias(name) for name in _TEXTS),
        *(filled(name).alias(f"_{name}") for name in (*_TIMES, *_NUMBERS, *_WORDS)),
    )


_TEXTS = [name for name in POST_COLUMNS if name not in (*_TIMES, *_NUMBERS, *_WORDS, "network", "language")]


def _number(name: str) -> Column:
    """The number, null where it is none or out of its range."""
    if name in _COUNTS:
        count = F.regexp_replace(filled(name), r"\.0*$", "").try_cast("bigint")  # `12.0` is twelve
        return F.when(count >= 0, count)
    stars = filled(name).try_cast("double")
    return F.when(stars.between(1, 5), stars)


def _judged(said: DataFrame, mapping: Mapping, earliest: datetime, latest: datetime) -> DataFrame:
    """`_fault` completed: the first that holds of REASONS."""

    def is_outside(name: str) -> Column:
        return ~F.col(name).between(F.lit(earliest), F.lit(latest))

    faults = [
        F.col("_fault"),
        *([F.when(F.col("post_id").isNull(), "missing_post_id")] if "post_id" in mapping.columns else []),
        F.when(F.col("_posted_at").isNull(), "missing_time"),
        *(lost("bad_time", name) for name in _TIMES),
        *(F.when(is_outside(name), detail("time_out_of_range", name, F.col(f"_{name}"))) for name in _TIMES),
        *(lost("bad_number", name) for name in _NUMBERS),
        *(lost("bad_value", name) for name in _WORDS),
    ]
    # A time outside may be one that no calendar in Python can hold.
    held = {name: F.when(~is_outside(name), F.col(name)) for name in _TIMES}
    return said.withColumns({"_fault": F.coalesce(*faults), **held})
