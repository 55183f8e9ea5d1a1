"""A real standalone cluster out of the pip package: one master, two workers of one core each."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyspark

SPARK_HOME = Path(str(pyspark.__file__)).parent
MASTER, WORKER = "org.apache.spark.deploy.master.Master", "org.apache.spark.deploy.worker.Worker"
PATIENCE = 180  # seconds until the workers must have joined
DEADLINE = 600  # seconds after which a submit is given up: a driver waits for a lost master for ever


@dataclass(frozen=True)
class Cluster:
    """A running master, by its URL, and the environment in which to submit to it."""

    master: str
    environment: dict[str, str]

    def submit(self, *arguments: str | Path) -> str:
        """spark-submit to the cluster and return what it printed; a failure shows it whole."""
        line = [SPARK_HOME / "bin" / "spark-submit", "--master", self.master, *LOOPBACK, *arguments]
        done = subprocess.run(
            list(map(str, line)),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


LOOPBACK = [
    part
    for setting in (
        "spark.driver.host=127.0.0.1",
        "spark.driver.bindAddress=127.0.0.1",
        "spark.ui.enabled=false",
        "spark.executor.memory=900m",
        "spark.sql.shuffle.partitions=4",
        "spark.databricks.delta.snapshotPartitions=2",
    )
    for part in ("--conf", setting)
]


@contextmanager
def standalone(folder: Path) -> Iterator[Cluster]:
    """The cluster while the body runs; its processes are gone afterwards."""
    port, web = _free_port(), _free_port()
    environment = {
        **os.environ,
        "SPARK_HOME": str(SPARK_HOME),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_NO_DAEMONIZE": "1",
    }
    master = f"spark://127.0.0.1:{port}"
    ports = ["--port", port, "--webui-port", web]
    started = [_start(environment, folder / "master.log", MASTER, "--host", "127.0.0.1", *ports)]
    try:
        started += [_worker(environment, folder, number, master) for number in (1, 2)]
        _await_workers(web, started)
        yield Cluster(master, environment)
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        shutil.rmtree(folder / "work", ignore_errors=True)


def _worker(environment: dict[str, str], folder: Path, number: int, master: str) -> subprocess.Popen[bytes]:
    size = ["--cores", 1, "--memory", "1g", "--work-dir", folder / "work"]
    return _start(environment, folder / f"worker-{number}.log", WORKER, "--host", "127.0.0.1", *size, master)


def _start(environment: dict[str, str], log: Path, *line: object) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            [str(SPARK_HOME / "bin" / "spark-class"), *map(str, line)],
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _await_workers(web: int, started: list[subprocess.Popen[bytes]]) -> None:
    """Until the master itself says that both workers are alive: an open port is too early."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert all(process.poll() is None for process in started), "a master or worker ended; see its log"
        if _alive(web) == 2:
            return
        time.sleep(0.5)
    raise TimeoutError(f"no two workers within {PATIENCE} seconds")


def _alive(web: int) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{web}/json/", timeout=5) as answer:
            return int(json.load(answer)["aliveworkers"])
    except OSError:
        return 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
