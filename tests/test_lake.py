"""What the lake promises: once, by key, by day, at one version."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from retinue.errors import ConsentMissing, SchemaMismatch, UnknownTable
from retinue.lake import Lake, Overtaken
from retinue.rehearsal import Rehearsal


@pytest.fixture
def lake(spark: SparkSession, tmp_path: Path) -> Lake:
    return Lake(spark, str(tmp_path / "lake"), purposes=["analytics"])


def event(event_id: str, visitor_id: str = "v1", **more: Any) -> dict[str, Any]:
    return {
        "event_id": event_id,
        "visitor_id": visitor_id,
        "occurred_at": datetime(2026, 1, 1, tzinfo=UTC),
        "event_type": "page_view",
        "is_bot": False,
        "source": "web",
        "legal_basis": "anonymous",
        **more,
    }


def ids(lake: Lake, name: str = "silver.events") -> list[str]:
    fresh = Lake(lake.spark, lake.root, purposes=lake.purposes)
    return sorted(row["event_id"] for row in fresh.read(name).select("event_id").collect())


def test_append_of_one_transaction_counts_once(lake: Lake) -> None:
    rows = lake.frame("silver.events", [event("a"), event("b")])
    for _ in range(2):
        lake.append("silver.events", rows, transaction="t", number=1)
    lake.append("silver.events", lake.frame("silver.events", [event("c")]), transaction="t", number=2)
    assert ids(lake) == ["a", "b", "c"]


def test_merge_updates_inserts_and_leaves_equal_rows_alone(lake: Lake) -> None:
    lake.merge("silver.events", lake.frame("silver.events", [event("a"), event("b")]))
    first = lake.journal.written["silver.events"]
    later = [event("b", page="/new"), event("c"), event("a")]
    lake.merge("silver.events", lake.frame("silver.events", later))
    changed = {row["event_id"] for row in lake.changes("silver.events", since=first).collect()}
    assert ids(lake) == ["a", "b", "c"]
    assert lake.rows_written("silver.events") == 2
    assert changed == {"b", "c"}


def test_a_run_goes_on_reading_the_version_that_it_read_first(lake: Lake) -> None:
    lake.merge("silver.events", lake.frame("silver.events", [event("a")]))
    reader = Lake(lake.spark, lake.root)
    assert reader.read("silver.events").count() == 1
    lake.merge("silver.events", lake.frame("silver.events", [event("b")]))
    assert reader.read("silver.events").count() == 1
    assert reader.journal.read == {"silver.events": 1}


def test_merge_within_groups_removes_what_the_groups_no_longer_have(lake: Lake) -> None:
    lake.merge("silver.events", lake.frame("silver.events", [event("a"), event("b"), event("z", "v2")]))
    touched = lake.spark.createDataFrame([("v1",)], "visitor_id STRING")
    lake.merge("silver.events", lake.frame("silver.events", [event("b"), event("c")]), within=touched)
    assert ids(lake) == ["b", "c", "z"]


def test_insert_keeps_what_is_there(lake: Lake) -> None:
    lake.insert("silver.events", lake.frame("silver.events", [event("a", page="/first")]))
    lake.insert("silver.events", lake.frame("silver.events", [event("a", page="/second"), event("b")]))
    pages = {row["event_id"]: row["page"] for row in lake.read("silver.events").collect()}
    assert pages == {"a": "/first", "b": None}


def test_replace_touches_its_own_day_only(lake: Lake) -> None:
    def step(name: str, count: int) -> dict[str, Any]:
        return {"from_step": name, "to_step": "x", "transition_count": count, "share": 1.0}

    def day(rows: list[dict[str, Any]], on: date) -> None:
        lake.replace("gold.transitions", lake.frame("gold.transitions", rows), as_of=on)

    day([step("a", 1), step("b", 2)], date(2026, 1, 1))
    day([step("a", 3)], date(2026, 1, 2))
    day([step("c", 4)], date(2026, 1, 1))
    rows = lake.read("gold.transitions").select("as_of", "from_step", "transition_count").collect()
    assert sorted(map(tuple, rows)) == [(date(2026, 1, 1), "c", 4), (date(2026, 1, 2), "a", 3)]


def test_a_row_that_breaks_a_check_of_the_catalogue_is_refused(lake: Lake) -> None:
    rows = lake.frame("silver.events", [event("a", event_type="teleport")])
    with pytest.raises((PySparkException, Py4JJavaError), match="event_type_known"):
        lake.append("silver.events", rows, transaction="t")
    assert ids(lake) == []


def test_two_writers_at_once_leave_what_one_leaves(lake: Lake) -> None:
    def write(_: int) -> None:
        other = Lake(lake.spark, lake.root)
        other.merge("silver.events", other.frame("silver.events", [event("a"), event("b")]))

    lake.create("silver.events")
    with ThreadPoolExecutor(3) as writers:
        list(writers.map(write, range(3)))
    assert ids(lake) == ["a", "b"]


def test_a_run_that_was_overtaken_does_not_write_what_it_read_before(lake: Lake) -> None:
    older = Lake(lake.spark, lake.root)
    older.begin(["silver.events"])
    older.read("silver.events")
    newer = Lake(lake.spark, lake.root)
    newer.begin(["silver.events"])
    newer.merge("silver.events", newer.frame("silver.events", [event("a")]))
    newer.merge("silver.events", newer.frame("silver.events", [event("b")]))
    with pytest.raises(Overtaken, match=r"another run has written silver\.events"):
        older.merge("silver.events", older.frame("silver.events", []))
    older.begin(["silver.events"])
    older.merge("silver.events", older.frame("silver.events", [event("c")]))
    assert ids(lake) == ["a", "b", "c"]


def test_gold_is_not_written_from_personal_rows_read_without_a_purpose(lake: Lake) -> None:
    lake.read("silver.events")
    with pytest.raises(ConsentMissing, match=r"silver\.events was read without a purpose"):
        lake.replace("gold.transitions", lake.frame("gold.transitions", []), as_of=date(2026, 1, 1))


def test_nor_is_it_rehearsed_from_them(lake: Lake) -> None:
    rehearsal = Rehearsal(lake)
    rehearsal.changes("silver.events", since=None)
    with pytest.raises(ConsentMissing, match=r"silver\.events was read without a purpose"):
        rehearsal.replace("gold.transitions", lake.frame("gold.transitions", []), as_of=date(2026, 1, 1))


def test_changes_since_a_version_that_is_gone_are_all_rows(lake: Lake) -> None:
    lake.merge("silver.events", lake.frame("silver.events", [event("a"), event("b")]))
    newest = lake.version("silver.events")
    assert lake.changes("silver.events", since=newest).count() == 0
    assert lake.changes("silver.events", since=newest + 5).count() == 2


def test_a_purpose_that_conf_does_not_declare_is_refused(lake: Lake) -> None:
    with pytest.raises(ConsentMissing, match="did you mean 'analytics'"):
        lake.read("silver.events", purpose="analitics")


def test_reading_for_a_purpose_applies_consent_and_names_the_person(lake: Lake) -> None:
    lake.merge(
        "silver.events",
        lake.frame(
            "silver.events",
            [
                event("free"),
                event("granted", "v2", legal_basis="consent"),
                event("silent", "v3", legal_basis="consent"),
                event("objected", "v4", legal_basis="contract"),
                event("elsewhere", "v5", legal_basis="consent"),
                event("linked", "v6", legal_basis="consent"),
                event("revoked", "v7", legal_basis="consent"),
                event("of one who objected elsewhere", "v8"),
                event("of one who objected as a profile", "v10"),
            ],
        ),
    )

    words = [
        ("visitor", "v2", "analytics", "granted", 1),
        ("visitor", "v4", "analytics", "objected", 1),
        ("visitor", "v5", "marketing", "granted", 1),
        ("person", "p6", "analytics", "granted", 1),
        ("visitor", "v7", "analytics", "granted", 1),
        ("visitor", "v7", "analytics", "denied", 2),
        ("visitor", "v9", "analytics", "objected", 1),
        ("profile", "x", "analytics", "objected", 1),
    ]
    names = ("subject_type", "subject_id", "purpose", "status")
    said = [
        {**dict(zip(names, word, strict=True)), "recorded_at": datetime(2026, 1, 1, hour, tzinfo=UTC)}
        for *word, hour in words
    ]
    lake.merge("silver.consents", lake.frame("silver.consents", said))
    links = [
        {"visitor_id": "v6", "person_id": "p6"},
        {"visitor_id": "v8", "person_id": "p8"},
        {"visitor_id": "v9", "person_id": "p8"},
        {"visitor_id": "v10", "person_id": "p10"},
        {"profile_id": "x", "person_id": "p10"},
    ]
    lake.merge("silver.identities", lake.frame("silver.identities", links))
    rows = lake.read("silver.events", purpose="analytics").select("event_id", "person_id").collect()
    assert {row["event_id"]: row["person_id"] for row in rows} == {
        "free": "v:v1",
        "granted": "v:v2",
        "linked": "p6",
    }


def test_a_tie_is_about_both_of_its_ends(lake: Lake) -> None:
    def tie(profile: str, other: str | None, *bases: str, product: str | None = None) -> dict[str, Any]:
        day = datetime(2026, 1, 1, tzinfo=UTC)
        basis, other_basis = bases
        return {
            "relationship": "shares",
            "acted_on": day.date(),
            "network": "x",
            "profile_id": profile,
            "to_profile_id": other,
            "product_id": product,
            "legal_basis": basis,
            "to_legal_basis": other_basis,
            "act_count": 1,
            "weight": 1.0,
            "first_at": day,
            "last_at": day,
        }

    ties = [
        tie("ann", "bob", "anonymous", "anonymous"),
        tie("ann", "cas", "anonymous", "anonymous"),  # who objects
        tie("cas", "ann", "anonymous", "anonymous"),
        tie("ann", "dan", "anonymous", "consent"),  # who has not been asked
        tie("ann", "eve", "anonymous", "consent"),  # who agreed, as the person that she is
        tie("ann", None, "anonymous", "anonymous", product="7"),
    ]
    lake.merge("silver.ties", lake.frame("silver.ties", ties))
    words = [("profile", "cas", "objected"), ("person", "p-eve", "granted")]
    said = [
        {
            "subject_type": kind,
            "subject_id": id,
            "status": status,
            "purpose": "analytics",
            "recorded_at": datetime(2026, 1, 1, tzinfo=UTC),
        }
        for kind, id, status in words
    ]
    lake.merge("silver.consents", lake.frame("silver.consents", said))
    links = [{"profile_id": name, "person_id": f"p-{name}"} for name in ("ann", "eve")]
    lake.merge("silver.identities", lake.frame("silver.identities", links))
    rows = lake.read("silver.ties", purpose="analytics").collect()
    assert {
        (row["person_id"], row["to_profile_id"], row["to_person_id"], row["product_id"]) for row in rows
    } == {
        ("p-ann", "bob", None, None),
        ("p-ann", "eve", "p-eve", None),
        ("p-ann", None, None, "7"),
    }
    assert {(row["legal_basis"], row["to_legal_basis"]) for row in rows} == {
        ("anonymous", "anonymous"),
        ("anonymous", "consent"),
    }


def test_registered_tables_answer_sql(lake: Lake) -> None:
    lake.merge("silver.events", lake.frame("silver.events", [event("a")]))
    lake.register()
    found = lake.spark.sql("SELECT count(*) AS n FROM silver.events").first()
    assert found is not None
    assert found["n"] == 1


def test_a_rehearsal_reads_back_what_was_written_and_writes_nothing(lake: Lake) -> None:
    lake.merge("silver.events", lake.frame("silver.events", [event("a")]))
    rehearsal = Rehearsal(lake)
    assert rehearsal.read("silver.sessions").count() == 0
    assert not lake.exists("silver.sessions"), "reading makes no table"
    rehearsal.merge("silver.events", lake.frame("silver.events", [event("b")]))
    assert [row["event_id"] for row in rehearsal.read("silver.events").collect()] == ["b"]
    assert ids(lake) == ["a"]


def test_names_and_columns_that_do_not_exist_are_told(lake: Lake) -> None:
    with pytest.raises(UnknownTable, match=r"did you mean 'silver\.events'"):
        lake.read("silver.event")
    with pytest.raises(SchemaMismatch, match="event_id"):
        lake.append("silver.events", lake.spark.range(1), transaction="t")
