"""Whether a frame has what an analysis needs, said before Spark starts."""

from __future__ import annotations

from collections.abc import Iterable

from pyspark.sql import DataFrame

from retinue.errors import SchemaMismatch, nearest


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
