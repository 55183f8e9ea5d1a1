"""Which Java Spark will start, and what is wrong with it.

Set-up runs this file alone before anything is installed, so it takes no more than the
standard library to load.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

WANTED = 17
REMEDY = (
    f"install Java {WANTED} (Debian or Ubuntu: sudo apt install openjdk-{WANTED}-jre-headless, "
    f"macOS: brew install openjdk@{WANTED}, elsewhere: adoptium.net) and put it on PATH or in JAVA_HOME"
)


def command() -> str | None:
    """The java that Spark starts: JAVA_HOME's where that is set, else the first on PATH."""
    home = os.environ.get("JAVA_HOME")
    return shutil.which(Path(home, "bin", "java") if home else "java")


def fault() -> str | None:
    """One sentence: which Java was found, which is wanted and how to get it; None where all is well."""
    java = command()
    if java is None:
        home = os.environ.get("JAVA_HOME")
        found = f"JAVA_HOME is {home}, which has no bin/java" if home else "there is no java on PATH"
    else:
        version = _version(java)
        if _major(version) >= WANTED:
            return None
        found = f"{java} is Java {version}" if version else f"{java} is no Java that runs"
    return f"Spark needs Java {WANTED} or newer and {found}: {REMEDY}."


def require() -> None:
    """Stop unless Spark finds a Java that it runs on.

    Raises EnvironmentFault with the sentence of `fault`.
    """
    from retinue.errors import EnvironmentFault

    if sentence := fault():
        raise EnvironmentFault(sentence)


def _version(java: str) -> str:
    """What `java -version` calls itself, such as 17.0.15 or 1.8.0_392; empty where it does not say."""
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, errors="replace").stderr
    except OSError:
        return ""
    quoted = re.search(r'version "([^"]+)"', said)
    return quoted.group(1) if quoted else ""


def _major(version: str) -> int:
    """The 17 of 17.0.15, the 8 of 1.8.0_392, 0 of anything else."""
    number = re.match(r"(?:1\.)?(\d+)", version)
    return int(number.group(1)) if number else 0
