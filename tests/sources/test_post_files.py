"""Reading posts: CSV whose texts span lines, JSON, Parquet; each record once, good or with a reason."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from sources.reading import RANGE, by_position

from retinue import samples
from retinue.errors import UnknownSetting
from retinue.sources import mappings, posts
from retinue.sources.mappings import POST_COLUMNS

SAID: list[dict[str, Any]] = [
    {
        "network": "chirp",
        "post_id": "1",
        "post_type": "Review",
        "profile_id": "ann",
        "posted_at": "2026-01-05T10:00:00+01:00",
        "edited_at": "2026-01-06 08:00:00",
        "language": "EN-us",
        "text": 'Great "thing",\nreally 👍🏽',
        "reply_to": "0",
        "share_count": "3",
        "like_count": "12.0",
        "follower_count": "100",
        "star_rating": "4.5",
        "media_class": "earned",
        "attachment": "picture",
        "brand": "acme",
        "product_id": "p1",
        "campaign_id": "spring",
    },
    {"post_id": "2", "posted_at": "2026-01-05", "text": "bare"},
    {"post_id": "3", "posted_at": "2026-01-05"},
    {"post_id": "4", "posted_at": "2026-01-05", "text": "x", "star_rating": "6"},
    {"post_id": "5", "posted_at": "2026-01-05", "text": "x", "like_count": "-1"},
    {"post_id": "6", "posted_at": "2026-01-05", "text": "x", "media_class": "bought"},
    {"post_id": "7", "posted_at": "soon", "text": "x"},
    {"post_id": "8", "text": "x"},
    {"post_id": "9", "posted_at": "1980-01-05", "text": "x"},
    {"posted_at": "2026-01-05", "text": "x"},
    {"post_id": "11", "posted_at": "2026-01-05", "edited_at": "later", "text": "x"},
]
REASONS = {
    4: "bad_number: star_rating is 6",
    5: "bad_number: like_count is -1",
    6: "bad_value: media_class is bought",
    7: "bad_time: posted_at is soon",
    8: "missing_time",
    9: "time_out_of_range: posted_at is 1980-01-05",
    10: "missing_post_id",
    11: "bad_time: edited_at is later",
}


def written(folder: Path, form: str) -> Path:
    path = folder / f"posts.{form}"
    whole = [{name: post.get(name) for name in POST_COLUMNS} for post in SAID]
    if form == "csv":
        text = io.StringIO()
        table = csv.DictWriter(text, POST_COLUMNS)
        table.writeheader()
        table.writerows(whole)
        path.write_text(text.getvalue(), encoding="utf-8")
    elif form == "jsonl":
        path.write_text("".join(json.dumps(post) + "\n" for post in SAID), encoding="utf-8")
    else:
        pq.write_table(pa.Table.from_pylist(whole, pa.schema([(c, pa.string()) for c in POST_COLUMNS])), path)
    return path


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_each_form_says_the_same(spark: SparkSession, tmp_path: Path, form: str) -> None:
    mapping = mappings.load(f"generic_posts_{form}")
    read = by_position(posts.read(spark, str(written(tmp_path, form)), mapping, **RANGE))
    assert {n: row["reason"] for n, row in read.items() if row["reason"]} == REASONS
    first, bare = read[1].asDict(), read[2].asDict()
    wanted = {
        "share_of": None,
        **SAID[0],
        "post_type": "review",
        "posted_at": datetime(2026, 1, 5, 9),
        "edited_at": datetime(2026, 1, 6, 8),
        "language": "en",
        "share_count": 3,
        "like_count": 12,
        "follower_count": 100,
        "star_rating": 4.5,
    }
    assert {name: first[name] for name in POST_COLUMNS} == wanted
    said = {"network": "shop", "post_id": "2", "posted_at": datetime(2026, 1, 5), "text": "bare"}
    default = {"post_type": "post", "media_class": "earned", "attachment": "text"}
    assert {name: bare[name] for name in POST_COLUMNS if bare[name] is not None} == said | default
    assert read[3]["text"] is None
    assert read[3]["reason"] is None


def test_a_post_without_an_id_gets_one_that_tells_equals_apart(spark: SparkSession, tmp_path: Path) -> None:
    path = tmp_path / "mails.jsonl"
    path.write_text('{"t": "a"}\n{"t": "b"}\n{"t": "a"}\n', encoding="utf-8")
    declared = (
        'kind = "posts"\nformat = "jsonl"\nlegal_basis = "contract"\n[fields]\nt = "string"\n'
        '[columns]\ntext = "t"\nposted_at = "TIMESTAMP\'2026-01-05 10:00:00\'"\npost_type = "\'mail\'"\n'
    )
    mapping = mappings.loads(declared, name="mails")
    ids = [
        row["post_id"]
        for _, row in sorted(by_position(posts.read(spark, str(path), mapping, **RANGE)).items())
    ]
    assert len(set(ids)) == 3
    assert all(len(id) == 64 for id in ids)
    again = by_position(posts.read(spark, str(path), mapping, **RANGE))
    assert ids == [row["post_id"] for _, row in sorted(again.items())]


def test_the_rated_texts(spark: SparkSession) -> None:
    read = posts.read(spark, samples.rated_texts(), mappings.load("rated_texts"), **RANGE)
    rows = read.groupBy("network", "post_type").count().collect()
    counts = {tuple(row) for row in rows}
    assert counts == {("twitter", "post", 4200), ("amazon", "review", 3708)}
    assert read.where("reason IS NOT NULL OR star_rating NOT BETWEEN 1 AND 5").isEmpty()


def test_a_mapping_of_posts_is_checked_as_such() -> None:
    declared = """
kind = "posts"
format = "jsonl"
legal_basis = "contract"
[fields]
t = "string"
[columns]
visitor_id = "t"
text = "t"
[event_types]
otherwise = "other"
"""
    with pytest.raises(UnknownSetting) as refused:
        mappings.loads(declared, name="mine")
    said = str(refused.value)
    assert "columns.visitor_id is no key" in said
    assert "columns.posted_at is missing" in said
    assert "[event_types] belongs to kind = 'events'" in said
    with pytest.raises(UnknownSetting, match=r"kind is 'post': one of events, posts, .*did you mean 'posts'"):
        mappings.loads(declared.replace('"posts"', '"post"'), name="mine")
