"""Patterns over rows in order: the row pattern search of SQL and of nPath."""

from retinue.clickstream.npath.search import npath

__all__ = ["npath"]
