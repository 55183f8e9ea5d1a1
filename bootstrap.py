"""Makes .venv what the locks say. Every target of the Makefile runs it first.

Three steps, each with a stamp that holds the hash of what it was made from: a step whose
stamp is right is skipped, so that a second run costs nothing and an interrupted one goes on.
The standard library is all there is here.
"""

from __future__ import annotations

import hashlib
import runpy
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOG = VENV / "setup.log"
CONF = ROOT / "conf"
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
BUILD_LOCK = CONF / "locks" / "build.txt"
LOCK = CONF / "locks" / f"py{VERSION}.txt"
ASSETS = ("jars.lock", "data.lock", "spark-defaults.conf", "log4j2.properties")


def main() -> None:
    """Check Java before anything is fetched, then bring each step up to date."""
    if fault := runpy.run_path(str(ROOT / "lib" / "retinue" / "java.py"))["fault"]():
        stop(fault)
    # Scripts and Spark's defaults hold absolute paths: a checkout that was moved is set up anew.
    step("packages", install_packages, str(VENV), sys.base_prefix, VERSION, BUILD_LOCK, LOCK)
    step("project", install_project, ROOT / "setup.py")
    step("assets", install_assets, *(CONF / name for name in ASSETS))


def step(name: str, make: Callable[[], None], *sources: str | Path) -> None:
    """Run `make` unless its stamp says that it was last run from just these sources."""
    stamp = VENV / f"{name}.stamp"
    texts = [source.read_text() if isinstance(source, Path) else source for source in sources]
    key = hashlib.sha256("\0".join(texts).encode()).hexdigest()
    if stamp.is_file() and stamp.read_text() == key:
        return
    start = time.monotonic()
    make()
    stamp.write_text(key)
    say(f"  done in {time.monotonic() - start:.0f} s")


def install_packages() -> None:
    """Make the environment from nothing, with just what the lock for this Python holds.

    The build tools are locked too, and nothing is built apart from them: pyspark comes as source.
    """
    say(f"Making .venv with Python {VERSION}; the first time this fetches about 800 MB of packages")
    venv.create(VENV, clear=True, symlinks=True, with_pip=True)
    pip("--require-hashes", "--requirement", str(BUILD_LOCK))
    pip("--require-hashes", "--no-deps", "--no-build-isolation", "--requirement", str(LOCK))


def install_project() -> None:
    """Put the checkout itself into the environment, editable, with what is there already."""
    say("Installing retinue")
    pip("--no-deps", "--no-build-isolation", "--no-index", "--editable", str(ROOT))


def install_assets() -> None:
    """Have the environment's own Python fetch jars and data and write Spark's defaults."""
    say("Fetching jars and public data")
    done = subprocess.run([PYTHON, "-m", "retinue.install"])
    if done.returncode:
        sys.exit(2)


def pip(*arguments: str) -> None:
    """Run pip install in the environment: its words go to the log, on a terminal what it is at is shown."""
    command = [str(PYTHON), "-m", "pip", "install", "--progress-bar", "off", *arguments]
    words: list[str] = []
    with (
        LOG.open("a") as log,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as running,
    ):
        for line in running.stdout or ():
            log.write(line)
            words.append(line.strip())
            show(line)
    show("")
    if running.returncode:
        why = next((line for line in reversed(words) if line.startswith("ERROR")), words[-1])
        stop(f"pip could not install the packages ({why}); {LOG} has all it said, make goes on from here")


def show(line: str) -> None:
    """Overwrite the terminal's last line with this one."""
    if sys.stdout.isatty():
        print(f"\r\033[K  {line.strip()[:70]}" if line else "\r\033[K", end="", flush=True)


def say(line: str) -> None:
    """Print a line at once, whoever reads."""
    print(line, flush=True)


def stop(sentence: str) -> NoReturn:
    """End with one sentence and exit code 2."""
    print(sentence, file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        stop("Interrupted; the next make goes on from here.")
    except (OSError, subprocess.SubprocessError) as error:
        stop(f"Set-up could not go on: {error}.")
