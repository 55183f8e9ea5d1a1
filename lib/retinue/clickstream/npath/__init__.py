"""Patterns over rows in order: the row pattern search of SQL and of nPath."""

from retinue.clickstream.npath.runaway import runaway
from retinue.clickstream.npath.search import npath
from retinue.clickstream.npath.streams import merge

__all__ = ["merge", "npath", "runaway"]
