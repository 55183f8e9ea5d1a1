"""Lines of web servers' combined log format (Apache's and nginx's own) cut into fields."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

__all__ = ["LINE", "cut"]

# Possessive throughout: no line, however long or broken, makes the matcher go back or recurse.
_QUOTED = r'"((?:[^"\\]++|\\.)*+)"'
LINE = (
    r"^(\S++) (\S++) ([^\[]*+)\[([^\]]++)\] "  # client, identity, login, time
    + _QUOTED  # request
    + r" (\d{3}) (\d++|-)"  # status, size
    + rf"(?: {_QUOTED} {_QUOTED}(?: .*+)?+)?+\s*+$"  # referrer, user agent, what the site adds
)
_GROUPS = 9
_SEPARATOR = "\0"  # texts that hold it are refused before they come here


def cut(line: Column) -> Column:
    """The nine fields of a line as an array of strings; of another length where it is no such line.

    A `-` is null. Referrer and user agent may be missing (the common log format); what a site
    appends after them is passed over. Escaped quotes and backslashes are unescaped.
    """
    # One match cuts the line: nine regexp_extract would be nine matches.
    groups = _SEPARATOR.join(f"${group}" for group in range(1, _GROUPS + 1))
    values = F.split(F.regexp_replace(line, LINE, groups), _SEPARATOR)
    unescaped = F.transform(values, lambda value: F.regexp_replace(F.trim(value), r'\\(["\\])', "$1"))
    return F.transform(unescaped, lambda value: F.when(~value.isin("", "-"), value))
