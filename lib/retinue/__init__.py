"""What retinue answers from: Spark jobs over a Delta lake.

`retinue.spark()` gives the session with Delta and GraphFrames on, `retinue.open_lake()` the
lake, in notebooks and scripts alike; both take the environment and the home.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from retinue.errors import RetinueError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from retinue.lake import Lake

__all__ = ["RetinueError", "__version__", "open_lake", "spark"]
__version__ = "0.1.0"


def spark(env: str = "local", home: str | os.PathLike[str] | None = None) -> SparkSession:
    """The Spark session of an environment, as conf opens it; the running one where there is one."""
    from retinue import session, settings

    return session.start(settings.load(env, home=home))


def open_lake(env: str = "local", home: str | os.PathLike[str] | None = None) -> Lake:
    """The lake under the home of an environment, with every table there is visible to SQL."""
    from retinue import lake, session, settings

    chosen = settings.load(env, home=home)
    opened = lake.connect(session.start(chosen), chosen)
    opened.register()
    return opened
