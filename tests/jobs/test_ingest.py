"""Files into the lake: what is bad waits with its reason, and goes through once its mapping is mended."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lakes import fresh
from pyspark.sql import SparkSession

from retinue import cli, feeds, job, settings

MAPPING = """
format = "csv"
legal_basis = "contract"
[csv]
header = true
[fields]
who = "STRING"
when = "STRING"
what = "STRING"
[time]
written = "{written}"
[columns]
visitor_id = "who"
occurred_at = "when"
event_name = "what"
[event_types]
bought = "purchase"
"""
CLICKS = """who,when,what
ann,2026-05-01 10:00:00,looked
ann,01/05/2026 10:05:00,bought
,2026-05-01 10:00:00,looked
"""


def ingested(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    assert cli.main([*arguments, "--env", "test", "--json"]) == 0
    told: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return told


def performed(capsys: pytest.CaptureFixture[str], job: str, *arguments: str) -> dict[str, Any]:
    assert cli.main(["run", job, *arguments, "--env", "test", "--json"]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def test_bad_records_wait_and_go_through_when_the_mapping_is_mended(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clicks, mapping, home = tmp_path / "clicks.csv", tmp_path / "shop.toml", tmp_path / "home"
    clicks.write_text(CLICKS)
    mapping.write_text(MAPPING.format(written="yyyy-MM-dd HH:mm:ss"))
    at = ["--mapping", str(mapping), "--home", str(home)]

    first = ingested(capsys, "ingest", str(clicks), *at, "--source", "shop")[0]
    assert (first["rows_in"], first["rows_out"], first["rows_quarantined"]) == (3, 1, 2)
    waiting = fresh(spark, home).read("ops.quarantine").orderBy("position").collect()
    assert [(row["position"], row["reason"].split(":")[0], row["source"]) for row in waiting] == [
        (2, "bad_time", "shop"),
        (3, "missing_visitor", "shop"),
    ]
    assert waiting[0]["record"] == "ann,01/05/2026 10:05:00,bought"

    copied = tmp_path / "again.csv"
    copied.write_text(CLICKS)
    again = ingested(capsys, "ingest", str(copied), *at, "--source", "shop")[0]
    assert again["rows_in"] == 0, "the same bytes under another name"

    mapping.write_text(MAPPING.format(written="dd/MM/yyyy HH:mm:ss"))
    requeued = ingested(capsys, "requeue", *at)[0]
    assert (requeued["rows_in"], requeued["rows_out"], requeued["rows_quarantined"]) == (2, 1, 1)
    rows = fresh(spark, home).read("silver.events").orderBy("occurred_at").collect()
    assert [(row["event_name"], row["event_type"], row["source"], row["legal_basis"]) for row in rows] == [
        ("looked", "other", "shop", "contract"),
        ("bought", "purchase", "shop", "contract"),
    ]
    left = fresh(spark, home).read("ops.quarantine").where("requeued_at IS NULL").collect()
    assert [row["position"] for row in left] == [3]
    sessions = fresh(spark, home).read("silver.sessions").collect()
    assert [row["event_count"] for row in sessions] == [2], "silver follows at once"


def test_a_requeued_record_does_not_take_the_id_of_its_equal(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clicks, mapping, home = tmp_path / "clicks.csv", tmp_path / "shop.toml", tmp_path / "home"
    clicks.write_text(
        "who,when,what\n"
        "ann,01/05/2026 10:00:00,looked\n"
        "ann,2026-05-01 10:00:00,looked\n"
        "ann,01/05/2026 10:00:00,looked\n"
    )
    mapping.write_text(MAPPING.format(written="yyyy-MM-dd HH:mm:ss"))
    chosen = ["--set", f"ingest.input={clicks}", "--set", f"ingest.mapping={mapping}", "--home", str(home)]
    assert performed(capsys, "ingest_events", *chosen)["rows_out"] == 1
    given = {row["event_id"] for row in fresh(spark, home).read("bronze.events").collect()}

    mapping.write_text(MAPPING.format(written="dd/MM/yyyy HH:mm:ss"))
    for went_through in (2, 0):
        assert performed(capsys, "requeue_events", *chosen)["rows_out"] == went_through
    rows = fresh(spark, home).read("bronze.events").collect()
    assert sorted(row["position"] for row in rows) == [1, 2, 3]
    assert len({row["event_id"] for row in rows}) == 3
    assert given < {row["event_id"] for row in rows}


def test_a_file_that_was_all_bad_may_come_again_under_a_mended_mapping(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clicks, mapping, home = tmp_path / "clicks.csv", tmp_path / "shop.toml", tmp_path / "home"
    clicks.write_text("who,when,what\nann,01/05/2026 10:00:00,looked\n")
    mapping.write_text(MAPPING.format(written="yyyy-MM-dd HH:mm:ss"))
    given = ["--set", f"ingest.input={clicks}", "--set", f"ingest.mapping={mapping}", "--home", str(home)]
    first = performed(capsys, "ingest_events", *given)
    assert (first["rows_out"], first["rows_quarantined"]) == (0, 1)
    question = first["findings"][1]["id"]
    chosen = ["--env", "test", "--home", str(home), "--json"]
    assert cli.main(["prove", question, *chosen]) == 0

    mapping.write_text(MAPPING.format(written="dd/MM/yyyy HH:mm:ss"))
    capsys.readouterr()
    assert cli.main(["prove", question, *chosen]) == 1
    proof = json.loads(capsys.readouterr().out)
    assert (proof["verdict"], proof["why"]) == ("no longer", "the mapping shop changed since")

    assert performed(capsys, "ingest_events", *given)["rows_out"] == 1
    assert fresh(spark, home).read("ops.quarantine").where("requeued_at IS NULL").count() == 0
    assert performed(capsys, "requeue_events", *given)["rows_in"] == 0


def test_events_that_may_not_be_used_are_told_from_events_that_are_not_there(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clicks, mapping, home = tmp_path / "clicks.csv", tmp_path / "shop.toml", tmp_path / "home"
    clicks.write_text("who,when,what\nann,2026-05-01 10:00:00,looked\n")
    consent = MAPPING.replace('"contract"', '"consent"')
    mapping.write_text(consent.format(written="yyyy-MM-dd HH:mm:ss"))
    at = ["--env", "test", "--home", str(home)]
    assert cli.main(["run", "find_paths", *at]) == 2
    assert "there is no event to analyse yet" in capsys.readouterr().err
    ingested(capsys, "ingest", str(clicks), "--mapping", str(mapping), "--home", str(home))
    assert cli.main(["run", "find_paths", *at]) == 2
    assert "there are 1 events, yet none may be used for analytics" in capsys.readouterr().err
    assert cli.main(["run", "find_paths", "--as-of", "2026-05-01", *at]) == 2
    assert "there is no event before 2026-05-01; give a later --as-of" in capsys.readouterr().err


def test_a_delivery_that_came_in_meanwhile_counts_once(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One ingest has looked which files are new; another takes the folder with its file; it goes on."""
    folder, mapping, home = tmp_path / "in", tmp_path / "shop.toml", tmp_path / "home"
    folder.mkdir()
    for name, hour in (("f1.csv", 10), ("f2.csv", 11)):
        (folder / name).write_text(f"who,when,what\nann,2026-05-01 {hour}:00:00,looked\n")
    mapping.write_text(MAPPING.format(written="yyyy-MM-dd HH:mm:ss"))
    chosen = settings.load("test", home=home, overrides=[f"ingest.mapping={mapping}"])
    slow = replace(chosen, ingest=replace(chosen.ingest, input=str(folder / "f1.csv")))
    quick = replace(chosen, ingest=replace(chosen.ingest, input=str(folder)))
    look, looked = feeds.EVENTS.read, []

    def read(*arguments: Any, **named: Any) -> Any:
        looked.append(named["known"])
        if len(looked) == 1:
            job.perform("ingest_events", fresh(spark, home), quick)
        return look(*arguments, **named)

    monkeypatch.setattr(feeds, "EVENTS", replace(feeds.EVENTS, read=read))
    report = job.perform("ingest_events", fresh(spark, home), slow)
    assert report.counts["rows_out"] == 0, "it began again and found its file known"
    assert len(looked) == 3
    assert fresh(spark, home).read("bronze.events").count() == 2


def test_a_dry_run_writes_nothing(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clicks, mapping, home = tmp_path / "clicks.csv", tmp_path / "shop.toml", tmp_path / "home"
    clicks.write_text(CLICKS)
    mapping.write_text(MAPPING.format(written="yyyy-MM-dd HH:mm:ss"))
    chosen = ["--set", f"ingest.input={clicks}", "--set", f"ingest.mapping={mapping}"]
    line = ["run", "ingest_events", "--dry-run", "--json", "--env", "test", "--home", str(home), *chosen]
    assert cli.main(line) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["would_hold"] == {"ops.quarantine": 2, "bronze.events": 1}
    assert not (home / "lake").exists()


def test_a_missing_file_and_an_unknown_mapping_get_one_sentence(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = ["--env", "test", "--home", str(tmp_path / "home")]
    assert cli.main(["ingest", str(tmp_path / "nowhere.csv"), "--mapping", "generic_csv", *home]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "nowhere.csv" in said
    assert cli.main(["ingest", str(tmp_path / "nowhere.csv"), "--mapping", "generic_cvs", *home]) == 2
    said = capsys.readouterr().err
    assert "generic_csv" in said
    assert "Traceback" not in said


def test_an_unknown_file_gets_a_mapping_that_then_reads_it(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clicks, mapping, home = tmp_path / "clicks.csv", tmp_path / "mine.toml", tmp_path / "home"
    clicks.write_text(
        "cookie,ts,url,action\na,2026-05-01T10:00:00Z,/home,view\na,2026-05-01T10:01:00Z,/x,view\n"
    )
    assert cli.main(["map", str(clicks), "--out", str(mapping)]) == 0
    assert "retinue ingest" in capsys.readouterr().out
    told = ingested(capsys, "ingest", str(clicks), "--mapping", str(mapping), "--home", str(home))
    assert (told[0]["rows_in"], told[0]["rows_quarantined"]) == (2, 0)
