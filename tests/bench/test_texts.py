"""The tasks on texts: equal bytes, and equal answers of all contestants."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars
import pytest
from pyspark.sql import SparkSession

from bench import texts
from bench.compare import digest
from bench.engines import Limits, open_duckdb
from bench.tasks import sentiment, text_bigrams

TEXTS = 3_000
LIMITS = Limits(cores=2, heap="1g")


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("texts") / "texts"
    texts.write(folder, texts=TEXTS)
    return folder


def test_texts_are_the_same_bytes_each_time_and_come_whole_in_chunks(
    said: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def files(folder: Path) -> list[bytes]:
        return [file.read_bytes() for file in sorted(folder.iterdir())]

    told: list[int] = []
    texts.write(tmp_path / "again", texts=TEXTS)
    texts.write(tmp_path / "other", texts=TEXTS, seed=1)
    assert files(tmp_path / "again") == files(said) != files(tmp_path / "other")
    monkeypatch.setattr(texts, "TEXTS_A_FILE", 1_000)
    texts.write(tmp_path / "chunks", texts=2_500, each=told.append)
    assert told == [1_000, 2_000, 2_500]
    found = duckdb.sql(
        f"""SELECT count(*), count(DISTINCT text_id), count(DISTINCT text) BETWEEN 2000 AND 2450,
                   avg(len(string_split(text, ' '))) BETWEEN 19 AND 21, count_if(text LIKE '%:)') > 0
            FROM '{tmp_path}/chunks/*.parquet'"""
    ).fetchall()
    assert found == [(2_500, 2_500, True, True, True)]


def test_all_contestants_find_the_same_bigrams(spark: SparkSession, said: Path, tmp_path: Path) -> None:
    engines = {"DuckDB": open_duckdb(LIMITS), "Polars": polars}
    found = {}
    for contestant in text_bigrams.TASK.contestants:
        contestant.run(engines.get(contestant.name, spark), said, tmp_path / contestant.name)
        found[contestant.name] = digest(text_bigrams.TASK, tmp_path / contestant.name)
    assert len(found) == 4
    assert len(set(found.values())) == 1
    assert found["DuckDB"][0] > 10_000


def test_all_contestants_feel_the_same(spark: SparkSession, said: Path, tmp_path: Path) -> None:
    found = set()
    for contestant in sentiment.TASK.contestants:
        engine = spark if contestant.is_ours else contestant.open(LIMITS)
        contestant.run(engine, said, tmp_path / contestant.name)
        found.add(digest(sentiment.TASK, tmp_path / contestant.name))
        if not contestant.is_ours:
            engine[1].terminate()
    assert len(found) == 1
    assert found.pop()[0] == TEXTS
