"""Jobs on a standalone cluster give the rows that they give locally, from the packaged code."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster.components_job import components
from cluster.standalone import Cluster, standalone
from lakes import with_clean_events
from pyspark.sql import SparkSession

import retinue
from retinue import code, job, settings
from retinue.lake import connect

pytestmark = pytest.mark.cluster
JOBS = Path(retinue.__file__).parents[2] / "jobs"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with standalone(tmp_path_factory.mktemp("cluster")) as running:
        yield running


def test_sessionize_gives_the_rows_that_it_gives_locally(
    spark: SparkSession, cluster: Cluster, tmp_path: Path
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    with_clean_events(spark, here)
    shutil.copytree(here / "lake", there / "lake")
    chosen = settings.load("test", home=here)
    job.perform("sessionize_events", connect(spark, chosen), chosen)
    archive = code.package(tmp_path / "packages")
    cluster.submit("--py-files", archive, JOBS / "sessionize_events.py", "--env", "cluster", "--home", there)
    for table in ("silver/sessionized_events", "silver/sessions"):
        ours = spark.read.format("delta").load(str(here / "lake" / table))
        theirs = spark.read.format("delta").load(str(there / "lake" / table))
        assert ours.count() > 0
        assert ours.exceptAll(theirs).count() == 0
        assert theirs.exceptAll(ours).count() == 0


def test_graphframes_runs_in_the_workers_with_the_packaged_code(
    spark: SparkSession, cluster: Cluster, tmp_path: Path
) -> None:
    with_clean_events(spark, tmp_path / "home")
    lake, output, archive = tmp_path / "home" / "lake", tmp_path / "out", code.package(tmp_path / "packages")
    script = Path(__file__).with_name("components_job.py")
    cluster.submit("--py-files", archive, script, lake, output)
    files = [row["file"] for row in spark.read.parquet(str(output / "files")).collect()]
    assert files
    assert all(f"{archive.name}/retinue/__init__.py" in file for file in files)
    ours = components(spark.read.format("delta").load(str(lake / "silver" / "events")))
    theirs = spark.read.parquet(str(output / "components"))
    assert ours.exceptAll(theirs.select(ours.columns)).count() == 0
    assert theirs.count() == ours.count()
