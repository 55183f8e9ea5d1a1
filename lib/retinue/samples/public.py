"""Public data sets that set-up takes out of pinned packages."""

from __future__ import annotations

import sys
from pathlib import Path

from retinue.errors import EnvironmentFault

__all__ = ["ecommerce"]


def ecommerce() -> Path:
    """The file of an online shop's clickstream: 31,106 events of 600 users in half a year, gzipped CSV.

    Columns: user_id, session_id (the shop's own), event, timestamp (UTC), platform,
    acquisition_channel, user_cohort, user_lifecycle. From the package retentioneering (Apache licence).

    Raises EnvironmentFault where set-up has not brought it.
    """
    path = Path(sys.prefix) / "share" / "retinue" / "data" / "ecom.csv.gz"
    if not path.is_file():
        raise EnvironmentFault(f"the sample clickstream is not at {path}; `make demo` brings it")
    return path
