"""The bench: equal bytes, equal answers, a difference noticed, figures written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import polars
import pytest
from pyspark.sql import SparkSession

from bench import clicks, command
from bench.compare import Difference, compare, digest
from bench.engines import Limits, open_duckdb
from bench.task import Contestant, Task
from bench.tasks import sessionize

EVENTS = 20_000
LIMITS = Limits(cores=2, heap="1g")


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clicks") / "events"
    clicks.write(folder, events=EVENTS)
    return folder


def files(folder: Path) -> list[bytes]:
    return [file.read_bytes() for file in sorted(folder.iterdir())]


def test_events_are_the_same_bytes_each_time(events: Path, tmp_path: Path) -> None:
    clicks.write(tmp_path / "again", events=EVENTS)
    clicks.write(tmp_path / "other", events=EVENTS, seed=1)
    assert files(tmp_path / "again") == files(events)
    assert files(tmp_path / "other") != files(events)


def test_events_come_whole_in_chunks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(clicks, "EVENTS_A_FILE", 3000)
    told: list[int] = []
    clicks.write(tmp_path / "events", events=10_000, each=told.append)
    found = duckdb.sql(
        f"""SELECT count(*), count(DISTINCT event_id), count(query) > 0,
                   count(result_count) = count(query), count_if(result_count = 0) > 0,
                   count(DISTINCT visitor_id) BETWEEN 100 AND 201, count(DISTINCT channel),
                   count(*) > count(DISTINCT (visitor_id, occurred_at)), min(price_amount) >= 5
            FROM '{tmp_path}/events/*.parquet'"""
    ).fetchall()
    assert found == [(10_000, 10_000, True, True, True, True, 6, True, True)]
    assert told == [3000, 6000, 9000, 10_000]


def test_all_contestants_agree(spark: SparkSession, events: Path, tmp_path: Path) -> None:
    engines: dict[str, Any] = {"DuckDB": open_duckdb(LIMITS), "Polars": polars}
    found = {}
    for contestant in sessionize.TASK.contestants:
        engine, source = engines.get(contestant.name, spark), events
        if contestant.prepare:
            source = tmp_path / "prepared"
            contestant.prepare(engine, events, source)
        contestant.run(engine, source, tmp_path / contestant.name)
        found[contestant.name] = digest(sessionize.TASK, tmp_path / contestant.name)
    assert len(found) == 5
    assert set(found.values()) == {(EVENTS, found["DuckDB"][1])}


def copy(connection: Any, source: Path, target: Path, *, query: str) -> None:
    target.mkdir()
    connection.execute(f"COPY ({query.format(source=source)}) TO '{target}/answer.parquet'")


def forwards(connection: Any, source: Path, target: Path) -> None:
    copy(connection, source, target, query="SELECT * FROM '{source}/*.parquet' ORDER BY event_id")


def backwards(connection: Any, source: Path, target: Path) -> None:
    copy(connection, source, target, query="SELECT * FROM '{source}/*.parquet' ORDER BY event_id DESC")


def one_cell_off(connection: Any, source: Path, target: Path) -> None:
    changed = "if(event_id = 'e0000000007', 'elsewhere', channel)"
    copy(
        connection,
        source,
        target,
        query=f"SELECT * REPLACE ({changed} AS channel) FROM '{{source}}/*.parquet'",
    )


def of(*runs: Any) -> Task:
    contestants = tuple(Contestant(run.__name__, open_duckdb, run) for run in runs)
    return Task("copy", contestants, digest=("event_id", "channel"))


def race(task: Task, events: Path, work: Path, said: list[str]) -> Any:
    return compare(task, events=events, work=work, limits=LIMITS, rounds=2, runs=2, say=said.append)


def test_order_is_no_difference_and_rounds_take_turns(events: Path, tmp_path: Path) -> None:
    said: list[str] = []
    figures = race(of(forwards, backwards), events, tmp_path, said)
    assert [line.split(": ")[1] for line in said] == ["forwards", "backwards", "backwards", "forwards"]
    for cost in figures["backwards"].cold + figures["backwards"].warm:
        assert cost.wall > 0
        assert cost.memory > 10 * 2**20


def test_one_cell_is_a_difference(events: Path, tmp_path: Path) -> None:
    with pytest.raises(Difference, match="one_cell_off"):
        race(of(forwards, one_cell_off), events, tmp_path, [])


def test_the_command_prints_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--cache", str(tmp_path / "cache"), "--results", str(tmp_path / "results")]
    few = ["--rounds", "1", "--runs", "1", "--heap", "1g"]
    command.main(["--size", "20K", "--only", "retinue", "duckdb", "polars", *few, *where])
    assert "retinue" in capsys.readouterr().out
    text = (tmp_path / "results" / "sessionize-20k.json").read_text()
    report = json.loads(text)
    assert (report["size"], report["rounds"]) == (EVENTS, 1)
    assert set(report["ratios"]["retinue"]) == {"DuckDB", "Polars"}
    assert str(tmp_path) not in text


@pytest.mark.parametrize("words", [["--size", "many"], ["--size", "0"], ["--only", "pandas"]])
def test_what_it_cannot_do_is_said(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        command.main(words)
    assert stopped.value.code == 2
    assert f"{words[1]!r}" in capsys.readouterr().err
