"""The main job on real input: what the demo finds, logs, draws and can prove."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lakes import differing, fresh
from mlflow.tracking import MlflowClient
from pyspark.sql import Row, SparkSession

from retinue import answers, cli, job, promises, receipts, samples, settings
from retinue.commands import INTO_GOLD, INTO_SILVER, OF_ADS, OF_POSTS, OF_TIES

JOBS = (
    *("ingest_events", *INTO_SILVER, *INTO_GOLD),
    *("ingest_posts", *OF_POSTS),
    *("ingest_contacts", *OF_TIES),
    *("ingest_ads", *OF_ADS),
)
PROVED = ("ingest_events", "find_paths", "tokenize_posts", "build_graph", "build_journeys")


@pytest.fixture(scope="module")
def runs(spark: SparkSession, demo_home: Path) -> dict[str, Row]:
    """The newest of each job."""
    return {row["job"]: row for row in fresh(spark, demo_home).read("ops.runs").orderBy("ended_at").collect()}


@pytest.fixture(scope="module")
def findings(spark: SparkSession, demo_home: Path) -> dict[str, Row]:
    return {row["question"]: row for row in fresh(spark, demo_home).read("ops.findings").collect()}


def value(findings: dict[str, Row], question: str) -> Any:
    return json.loads(findings[question]["value"])


def test_the_public_clickstream_is_known_to_the_last_event(findings: dict[str, Row]) -> None:
    assert value(findings, "How many records came in?") == 31_106
    assert value(findings, "How many records could not be read?") == 0
    assert value(findings, "How many events are known?") == 31_106
    assert value(findings, "How many visitors made them?") == 600
    assert value(findings, "How many sessions were there?") == 3_605


def test_every_job_succeeded_and_its_counts_add_up(runs: dict[str, Row]) -> None:
    assert set(runs) == set(JOBS)
    for run in runs.values():
        assert run["status"] == "succeeded"
        assert run["duration_seconds"] > 0
    ingest = runs["ingest_events"]
    assert ingest["rows_in"] == ingest["rows_out"] + ingest["rows_quarantined"] == 31_106


def test_mlflow_has_a_run_a_job_with_settings_versions_counts_and_pictures(
    demo_home: Path, runs: dict[str, Row]
) -> None:
    client = MlflowClient(settings.load("test", home=demo_home).tracking_uri)
    for name, run in runs.items():
        logged = client.get_run(run["mlflow_run_id"])
        assert logged.info.status == "FINISHED"
        assert logged.data.params["sessions.timeout_minutes"] == "30.0"
        assert logged.data.metrics["rows_in"] == run["rows_in"]
        assert logged.data.tags["job"] == name
        for table, version in run["input_versions"].items():
            assert logged.data.tags[f"input.{table}"] == str(version)
    paths = client.list_artifacts(runs["find_paths"]["mlflow_run_id"], "figures")
    names = ("top_paths", "step_matrix", "transitions", "drop_offs")
    assert {item.path for item in paths} == {
        f"figures/{name}.{kind}" for name in names for kind in ("html", "png")
    }


def test_the_lake_holds_what_the_catalogue_promises(spark: SparkSession, demo_home: Path) -> None:
    kept = promises.kept(fresh(spark, demo_home))
    assert {each.table for each in kept} >= {"silver.events", "silver.sessions", "gold.top_paths", "ops.runs"}
    assert [each for each in kept if not each.holds] == []


def test_the_report_shows_the_newest_findings_with_their_ids_and_the_pictures(
    demo_home: Path, runs: dict[str, Row]
) -> None:
    page = (demo_home / "report" / "index.html").read_text(encoding="utf-8")
    newest = [finding_id for run in runs.values() for finding_id in run["finding_ids"]]
    assert len(newest) > 100
    for finding_id in newest:
        assert finding_id in page
    assert page.count("<svg") == 21
    assert "3,605" in page


# What the others answer comes out again below or in test_posts, row by row.
@pytest.mark.parametrize("job", PROVED)
def test_a_finding_of_a_job_comes_out_again(
    spark: SparkSession, demo_home: Path, findings: dict[str, Row], job: str
) -> None:
    mine = next(finding for finding in findings.values() if finding["job"] == job)
    chosen = settings.load("test", home=demo_home)
    proof = receipts.prove(fresh(spark, demo_home), chosen, mine["finding_id"])
    assert (proof.verdict, proof.why) == ("equal", "")


def test_legal_basis_and_versions_stand_beside_a_finding(findings: dict[str, Row]) -> None:
    receipt = findings["Which path is the commonest?"]
    assert receipt["legal_bases"] == ["anonymous"]
    assert set(receipt["input_versions"]) == {
        "silver.sessionized_events",
        "silver.identities",
        "silver.consents",
    }


# Jobs of posts run twice in test_posts, on fewer of them, those of ads in test_ads; the jobs for gold all
# write as find_paths does.
def test_the_jobs_again_change_no_row(spark: SparkSession, demo_home: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    shutil.copytree(demo_home, again)
    chosen = settings.load("test", home=again)
    clicks = replace(chosen.ingest, input=str(samples.ecommerce()), mapping="ecommerce_csv")
    asked = replace(chosen, ingest=clicks)
    jobs = ("ingest_events", *INTO_SILVER, "find_paths", "gather_ties", "build_graph", "detect_communities")
    reports = {name: job.perform(name, fresh(spark, again), asked) for name in jobs}
    assert reports["ingest_events"].answer.rows_in == 0, "the file is known by its bytes"
    assert differing(fresh(spark, demo_home), fresh(spark, again)) == []


def test_a_changed_value_and_a_vacuumed_version_are_told(
    spark: SparkSession, demo_home: Path, findings: dict[str, Row], tmp_path: Path
) -> None:
    home = tmp_path / "copy"
    shutil.copytree(demo_home, home)
    chosen, lake = settings.load("test", home=home), fresh(spark, home)
    mine = findings["How many sessions were there?"]["finding_id"]
    spark.sql(f"UPDATE delta.`{lake.path('ops.findings')}` SET value = '3606' WHERE finding_id = '{mine}'")
    proof = receipts.prove(fresh(spark, home), chosen, mine)
    assert (proof.verdict, proof.then, proof.now) == ("different", 3606, 3605)

    folder = Path(lake.path("silver.events"))
    for file in folder.glob("*.parquet"):
        file.unlink()
    proof = receipts.prove(fresh(spark, home), chosen, mine)
    assert proof.verdict == "no longer"
    assert "silver.events is gone: its files were vacuumed" in proof.why


def test_the_last_day_counts_in_retention(spark: SparkSession, demo_home: Path) -> None:
    lake = fresh(spark, demo_home)
    events = lake.read("silver.events").where("NOT is_bot")
    last = events.agg({"occurred_at": "max"}).first()[0].date()
    day = lake.read("gold.stickiness").where(f"active_on = DATE'{last}'").first()
    active = events.where(f"to_date(occurred_at) = DATE'{last}'").select("visitor_id").distinct().count()
    assert (day["daily_count"], day["is_complete"]) == (active, True)
    sizes = lake.read("gold.retention").where("period_index = 0").agg({"cohort_size": "sum"}).first()[0]
    assert sizes == events.select("visitor_id").distinct().count()


def test_an_answer_about_a_segment_stands_beside_that_about_everyone(
    spark: SparkSession, demo_home: Path, tmp_path: Path
) -> None:
    home = tmp_path / "copy"
    shutil.copytree(demo_home, home)
    assert (
        cli.main(["run", "find_paths", "--env", "test", "--home", str(home), "--set", "segment=bounced"]) == 0
    )
    before, after = fresh(spark, demo_home).read("gold.top_paths"), fresh(spark, home).read("gold.top_paths")
    assert after.where("segment = ''").exceptAll(before).count() == 0
    assert after.where("segment = ''").count() == before.count()
    bounced = after.where("segment = 'bounced'")
    assert 0 < bounced.count() < before.count()
    page = answers.write_page(fresh(spark, home), settings.load("test", home=home)).read_text(
        encoding="utf-8"
    )
    assert page.count('<p class="job">find_paths</p>') == 2


def test_engagement_with_the_tools_that_conf_names(
    spark: SparkSession, demo_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "copy"
    shutil.copytree(demo_home, home)
    tools = """engagement.tools=["search: event_type = 'search'", "nothing: false"]"""
    line = ["run", "measure_engagement", "--env", "test", "--home", str(home), "--set", tools, "--json"]
    assert cli.main(line) == 0
    told = json.loads(capsys.readouterr().out)
    users = {found["question"]: found["value"] for found in told["findings"]}
    searchers = fresh(spark, home).read("silver.events").where("event_type = 'search' AND NOT is_bot")
    assert users["How many visitors used search?"] == searchers.select("visitor_id").distinct().count() > 0
    assert users["How many visitors used nothing?"] == 0
    assert users["What share of them then orders (nothing)?"] is None
    rows = fresh(spark, home).read("gold.engagement").collect()
    assert {(row["tool"], row["outcome"]) for row in rows} == {
        (tool, outcome) for tool in ("search", "nothing") for outcome in ("visit", "lead", "order")
    }


def test_a_page_needs_an_answer(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no job has succeeded; start with `retinue demo`"):
        answers.write_page(fresh(spark, tmp_path), settings.load("test", home=tmp_path))
