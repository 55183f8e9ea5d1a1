"""On what the figures were taken: no names, no paths."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import version

import psutil

__all__ = ["facts"]

_PACKAGES = (
    *("pyspark", "delta-spark", "graphframes-py", "duckdb", "polars", "pyarrow", "numpy", "scipy"),
    *("vaderSentiment", "networkit", "networkx", "retinue"),
)


def facts() -> dict[str, object]:
    """Cores, memory, kinds and versions; the load average as the bench begins."""
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "java": _java(),
        **{package: version(package) for package in _PACKAGES},
        "load_average": round(os.getloadavg()[0], 2),
    }


def _java() -> str:
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=True).stderr
    found = re.search(r'version "([^"]+)"', said)
    return found[1] if found else "unknown"
