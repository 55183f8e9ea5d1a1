"""Contacts through the commands: each once, as delivered first; what waited comes after all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lakes import fresh
from pyspark.sql import SparkSession

from retinue import cli

MAPPING = """
kind = "contacts"
format = "csv"
legal_basis = "contract"
[csv]
header = true
[fields]
id = "string"
who = "string"
whom = "string"
since = "string"
how = "string"
much = "string"
[time]
written = "{written}"
[columns]
contact_id = "id"
profile_id = "who"
to_profile_id = "whom"
occurred_at = "since"
relationship = "how"
weight = "much"
"""
HEADER = "id,who,whom,since,how,much\n"
MONDAY = HEADER + "1,ann,bob,2026-05-01,,\n2,bob,ann,2026-05-02,e_mails,2\n3,ann,ann,03/05/2026,refers,\n"
TUESDAY = HEADER + "2,bob,ann,2026-05-02,e_mails,9\n4,eve,ann,2026-05-04,follows,\n"


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """What a command tells of its one job."""
    assert cli.main(["run", *arguments, "--env", "test", "--json"]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def test_a_contact_counts_once_as_delivered_first_and_comes_after_all_when_the_mapping_is_mended(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mapping, home = tmp_path / "mine.toml", tmp_path / "home"
    mapping.write_text(MAPPING.format(written="yyyy-MM-dd"))
    at = ["--set", f"ingest.mapping={mapping}", "--home", str(home)]
    counts = []
    for name, text in (("monday", MONDAY), ("tuesday", TUESDAY)):
        (tmp_path / f"{name}.csv").write_text(text)
        told = said(capsys, "ingest_contacts", "--set", f"ingest.input={tmp_path / f'{name}.csv'}", *at)
        counts.append((told["rows_in"], told["rows_out"], told["rows_quarantined"]))
    assert counts == [(3, 2, 1), (2, 2, 0)]
    lake = fresh(spark, home)
    weights = {row.contact_id: row.weight for row in lake.read("silver.contacts").collect()}
    assert weights == {"1": 1.0, "2": 2.0, "4": 1.0}
    (waits,) = lake.read("ops.quarantine").collect()
    assert (waits.job, waits.subject_id, waits.reason) == (
        "ingest_contacts",
        "ann",
        "bad_time: occurred_at is 03/05/2026",
    )

    mapping.write_text(MAPPING.format(written="dd/MM/yyyy"))
    requeued = said(capsys, "requeue_contacts", *at)
    assert (requeued["rows_in"], requeued["rows_out"]) == (1, 1)
    values = {found["question"]: found["value"] for found in requeued["findings"]}
    assert values["How many contacts are known?"] == 4
    assert values["How many contacts have the relationship follows?"] == 2
    assert values["How many profiles do contacts connect?"] == 3
    known = fresh(spark, home).read("silver.contacts").orderBy("contact_id").collect()
    assert [
        (row.contact_id, row.relationship, row.profile_id, row.to_profile_id, row.weight) for row in known
    ] == [
        ("1", "follows", "ann", "bob", 1.0),
        ("2", "e_mails", "bob", "ann", 2.0),
        ("3", "refers", "ann", "ann", 1.0),
        ("4", "follows", "eve", "ann", 1.0),
    ]
    assert {(row.network, row.source, row.legal_basis) for row in known} == {("mine", "mine", "contract")}
