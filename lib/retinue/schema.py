"""Whether a frame has what an analysis needs, said before Spark starts."""

from __future__ import annotations

from collections.abc import Iterable

from pyspark.sql import DataFrame
from pyspark.sql import types as T

from retinue.errors import SchemaMismatch, nearest

__all__ = ["has_order", "quoted", "require"]


def require(rows: DataFrame, columns: Iterable[str], *, what: str) -> None:
    """Stop unless `rows` has all these columns.

    Raises SchemaMismatch, naming `what` needs them, the ones missing, and those there are.
    """
    missing = [column for column in columns if column not in rows.columns]
    if missing:
        raise SchemaMismatch(
            f"{what} needs the column{'s' * (len(missing) > 1)} {', '.join(missing)}; "
            f"the frame has {', '.join(rows.columns) or 'none'}{nearest(missing[0], rows.columns)}"
        )


def quoted(column: str) -> str:
    """A column's name as SQL takes it, whatever it is made of."""
    return "`" + column.replace("`", "``") + "`"


def has_order(kind: T.DataType) -> bool:
    """Whether values of the type can be sorted, grouped and hashed: all but maps, variants and shapes."""
    return not any(word in kind.simpleString() for word in ("map<", "variant", "geo"))
