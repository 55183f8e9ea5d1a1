"""Posts once each: what they read before, how they read now, and which repeat others."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from retinue import samples, tables
from retinue.errors import SchemaMismatch
from retinue.text import posts

TYPES = {c.name: c.type for c in (*tables.POST, *tables.ORIGIN, *tables.DELIVERY)}
SCHEMA = ", ".join(f"`{name}` {kind}" for name, kind in TYPES.items())


def delivered(spark: SparkSession, *records: dict[str, Any]) -> DataFrame:
    filled = [{"network": "n", "source": "s", "legal_basis": "contract", **record} for record in records]
    return spark.createDataFrame([tuple(each.get(name) for name in TYPES) for each in filled], SCHEMA)


def record(
    post: str, text: str | None, *, came: int, edited: int | None = None, **more: Any
) -> dict[str, Any]:
    return {
        "post_id": post,
        "text": text,
        "posted_at": datetime(2026, 1, 1),
        "edited_at": edited and datetime(2026, 1, edited),
        "ingested_at": datetime(2026, 2, came),
        "source_digest": f"file{came}",
        "position": 1,
        **more,
    }


RECORDS = [
    record("edited", "first words", came=1, star_rating=2.0),
    record("edited", "third words", came=2, edited=9, like_count=7),
    record("edited", "second words", came=3, edited=5),
    record("liked", "same words", came=1, like_count=1),
    record("liked", "same words", came=2, like_count=5),
    record("silently", "old", came=1),
    record("silently", "new", came=4),
    record("back", "a", came=1),
    record("back", "b", came=2),
    record("back", "a", came=3),
    record("picture", None, came=1, attachment="picture"),
]


def test_versions_follow_each_other_without_a_gap(spark: SparkSession) -> None:
    found = posts.versions(delivered(spark, *RECORDS)).orderBy("post_id", "version_index").collect()
    told = [(row.post_id, row.version_index, row.text, row.valid_from, row.valid_to) for row in found]
    begin = datetime(2026, 1, 1)

    def edit(day: int) -> datetime:
        return datetime(2026, 1, day)

    def came(day: int) -> datetime:
        return datetime(2026, 2, day)

    assert told == [
        ("back", 1, "a", begin, came(2)),
        ("back", 2, "b", came(2), came(3)),
        ("back", 3, "a", came(3), None),
        ("edited", 1, "first words", begin, edit(5)),
        ("edited", 2, "second words", edit(5), edit(9)),
        ("edited", 3, "third words", edit(9), None),
        ("liked", 1, "same words", begin, None),
        ("picture", 1, None, begin, None),
        ("silently", 1, "old", begin, came(4)),
        ("silently", 2, "new", came(4), None),
    ]


def test_a_post_is_as_its_newest_delivery_has_it(spark: SparkSession) -> None:
    told = delivered(spark, *RECORDS, record("said", "zwei Worte", came=1, language="de"))
    rows = {row.post_id: row for row in posts.current(told, among=["en", "de"]).collect()}
    assert {(id, row.text, row.version_count) for id, row in rows.items()} == {
        ("back", "a", 3),
        ("edited", "third words", 3),
        ("liked", "same words", 1),
        ("picture", None, 1),
        ("silently", "new", 2),
        ("said", "zwei Worte", 1),
    }
    assert rows["liked"].like_count == 5
    assert rows["edited"].like_count == 7
    assert rows["said"].language == "de"
    assert rows["said"].language_probability is None
    assert rows["edited"].language == "en"
    assert rows["edited"].language_probability > 0.3
    assert rows["picture"].language is None


def test_the_pasted_text_of_the_small_world_is_found_and_a_quiet_world_has_none(spark: SparkSession) -> None:
    for quiet in (False, True):
        world = samples.small_world(spark, visitors=150, quiet=quiet)
        missing = {name: kind for name, kind in TYPES.items() if name not in world.posts.columns}
        whole = world.posts.withColumns({n: F.lit(None).cast(kind) for n, kind in missing.items()})
        marked = posts.with_copies(whole).persist()
        campaigns = posts.campaigns(marked).collect()
        if quiet:
            assert campaigns == []
        else:
            (pasted,) = campaigns
            copies = {
                r.post_id
                for r in marked.where("is_copy AND original_post_id = '" + pasted.post_id + "'").collect()
            }
            assert copies | {pasted.post_id} == world.truth.pasted_posts
            assert pasted.post_count == pasted.author_count == len(world.truth.pasted_posts)
        marked.unpersist()


def test_what_is_shared_by_the_button_or_short_is_no_copy(spark: SparkSession) -> None:
    long = " ".join(f"word{n}" for n in range(20))
    told = delivered(
        spark,
        record("first", long, came=1),
        record("shared", long, came=1, share_of="first"),
        record("pasted", long + " more", came=1),
        record("thanks", "great thank you", came=1),
        record("thanks too", "great thank you", came=1),
    )
    found = posts.with_copies(posts.current(told, among=["en"]))
    rows = {row.post_id: (row.is_copy, row.original_post_id, row.copy_count) for row in found.collect()}
    assert rows == {
        "first": (False, None, 1),
        "shared": (False, None, None),
        "pasted": (True, "first", 1),
        "thanks": (False, None, None),
        "thanks too": (False, None, None),
    }


def test_what_lacks_a_column_is_refused(spark: SparkSession) -> None:
    bare = spark.range(1)
    for call in (posts.versions, posts.current, posts.with_copies, posts.campaigns):
        with pytest.raises(SchemaMismatch):
            call(bare)
