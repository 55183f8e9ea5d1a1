"""Reading contacts: CSV, JSON, Parquet; each record once, good or with a reason."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from sources.reading import RANGE, by_position, written

from retinue.errors import SchemaMismatch, UnknownSetting
from retinue.sources import facts, mappings, proposing
from retinue.sources.declared import ORIGIN
from retinue.sources.mappings import COLUMNS

BARE = {"profile_id": "ann", "to_profile_id": "bob", "occurred_at": "2026-01-05"}
SAID: list[dict[str, Any]] = [
    {
        "network": "chirp",
        "contact_id": "1",
        "relationship": "Refers ",
        "profile_id": "ann",
        "to_profile_id": "bob",
        "occurred_at": "2026-01-05T10:00:00+01:00",
        "weight": "2.5",
    },
    {**BARE, "contact_id": "2"},
    {**BARE, "contact_id": "3", "to_profile_id": "ann", "relationship": "e_mails", "weight": "1e-3"},
    BARE,
    {"contact_id": "5", "to_profile_id": "bob", "occurred_at": "2026-01-05"},
    {"contact_id": "6", "profile_id": "ann", "to_profile_id": " ", "occurred_at": "2026-01-05"},
    {"contact_id": "7", "profile_id": "ann", "to_profile_id": "bob"},
    {**BARE, "contact_id": "8", "occurred_at": "soon"},
    {**BARE, "contact_id": "9", "occurred_at": "1980-01-05"},
    *({**BARE, "contact_id": weight, "weight": weight} for weight in ("0", "-1", "much", "NaN", "Infinity")),
    {**BARE, "contact_id": "15", "relationship": "likes"},
]
REASONS = {
    4: "missing_contact_id",
    5: "missing_end",
    6: "missing_end",
    7: "missing_time",
    8: "bad_time: occurred_at is soon",
    9: "time_out_of_range: occurred_at is 1980-01-05",
    10: "bad_number: weight is 0",
    11: "bad_number: weight is -1",
    12: "bad_number: weight is much",
    13: "bad_number: weight is NaN",
    14: "bad_number: weight is Infinity",
    15: "bad_value: relationship is likes",
}
WITHOUT_IDS = """
kind = "contacts"
format = "jsonl"
legal_basis = "contract"
[fields]
to = "string"
[columns]
profile_id = "'ann'"
to_profile_id = "to"
occurred_at = "TIMESTAMP'2026-01-05 10:00:00'"
"""


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_each_form_says_the_same(spark: SparkSession, tmp_path: Path, form: str) -> None:
    mapping = mappings.load(f"generic_contacts_{form}")
    read = by_position(facts.read(spark, str(written(tmp_path, form, "contacts", SAID)), mapping, **RANGE))
    assert {n: row["reason"] for n, row in read.items() if row["reason"]} == REASONS
    assert {word.partition(":")[0] for word in REASONS.values()} <= set(facts.FACTS["contacts"].reasons)
    good = [tuple(read[n][name] for name in COLUMNS["contacts"]) for n in (1, 2, 3)]
    assert good == [
        ("chirp", "1", "refers", "ann", "bob", datetime(2026, 1, 5, 9), 2.5),
        ("shop", "2", "follows", "ann", "bob", datetime(2026, 1, 5), 1.0),
        ("shop", "3", "e_mails", "ann", "ann", datetime(2026, 1, 5), 0.001),
    ]
    assert {(row["source"], row["legal_basis"]) for row in read.values()} == {("shop", "consent")}


def test_a_contact_without_an_id_gets_one_that_tells_equals_apart(
    spark: SparkSession, tmp_path: Path
) -> None:
    (tmp_path / "one.jsonl").write_text('{"to": "bob"}\n{"to": "eve"}\n{"to": "bob"}\n{}\n', encoding="utf-8")
    (tmp_path / "two.jsonl").write_text('{"to": "eve"}\n{"to": "bob"}\n', encoding="utf-8")
    mapping = mappings.loads(WITHOUT_IDS, name="mine")
    read = facts.read(spark, str(tmp_path), mapping, **RANGE).collect()
    ids = {(Path(row["source_file"]).stem, row["position"]): row["contact_id"] for row in read}
    good = [ids["one", position] for position in (1, 2, 3)]
    assert len(set(good)) == 3
    assert all(len(id) == 64 for id in good)
    assert [row["reason"] for row in read if row["contact_id"] is None] == ["missing_end"]
    assert (ids["two", 1], ids["two", 2]) == (good[1], good[0]), "the same contact in another file"
    records = facts.read(spark, str(tmp_path / "one.jsonl"), mapping, **RANGE)
    again = by_position(facts.parse(records.select(*ORIGIN), mapping, **RANGE))
    assert [again[position]["contact_id"] for position in (1, 2, 3)] == good
    with pytest.raises(SchemaMismatch, match=r"facts\.parse"):
        facts.parse(spark.range(1), mapping, **RANGE)


def test_a_mapping_of_contacts_is_checked_as_such() -> None:
    wrong = WITHOUT_IDS.replace("profile_id = \"'ann'\"", "text = \"'ann'\"").replace(
        "occurred_at", "ocurred_at"
    )
    with pytest.raises(UnknownSetting) as refused:
        mappings.loads(wrong + '[url]\naddress = "to"\n[event_types]\notherwise = "other"\n', name="mine")
    said = str(refused.value)
    assert "columns.text is no key" in said
    assert "columns.ocurred_at is no key of a mapping; did you mean 'occurred_at'?" in said
    assert "columns.profile_id is missing: who turned to somebody" in said
    assert "columns.to_profile_id is missing" not in said
    for key in ("url", "event_types"):
        assert f"[{key}] belongs to kind = 'events'" in said


def test_a_file_with_the_columns_of_a_contact_is_recognised(tmp_path: Path) -> None:
    assert proposing.propose(written(tmp_path, "csv", "contacts", SAID)).ready == "generic_contacts_csv"
