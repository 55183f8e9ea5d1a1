"""The Delta lake: the only code that knows where tables lie and how they are written.

Every write can be repeated: an append carries a transaction id, a merge goes by the key of
the catalogue, a replacement covers one `as_of`. So a job run twice, or killed between two
writes and run again, or run by two at once, leaves what one run leaves.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from delta import exceptions
from delta.tables import DeltaTable
from pyspark.sql import Column, DataFrame, DataFrameWriter, SparkSession
from pyspark.sql import functions as F

from retinue import tables
from retinue.errors import ConsentMissing, RetinueError, nearest
from retinue.identity import consent
from retinue.schema import require
from retinue.settings import Settings
from retinue.tables import Table

__all__ = ["Journal", "Lake", "Overtaken", "connect"]

Result = TypeVar("Result")
ANOTHER_CAME_FIRST = (
    exceptions.ConcurrentAppendException,
    exceptions.ConcurrentDeleteDeleteException,
    exceptions.ConcurrentDeleteReadException,
    exceptions.ConcurrentTransactionException,
    exceptions.ConcurrentWriteException,
    exceptions.DeltaConcurrentModificationException,
    exceptions.MetadataChangedException,
    exceptions.ProtocolChangedException,
)


class Overtaken(RetinueError):
    """Another run wrote a table that this one had begun to work on."""

    def __init__(self, name: str) -> None:
        super().__init__(f"another run has written {name} since this one began; run it again")


@dataclass
class Journal:
    """Which version of each table was read first, and which was written last.

    `unchanged` has the tables whose newest write had nothing to do; `without_purpose` has those
    with personal columns that were read without one.
    """

    read: dict[str, int] = field(default_factory=dict)
    written: dict[str, int] = field(default_factory=dict)
    unchanged: set[str] = field(default_factory=set)
    without_purpose: set[str] = field(default_factory=set)


class Lake:
    """The tables of the catalogue under one root.

    A Lake belongs to one run: what it read first is the version it goes on reading, so that
    every number of the run comes from the same state. `journal` says which versions those were.
    """

    def __init__(
        self,
        spark: SparkSession,
        root: str,
        *,
        catalog: str = "",
        retries: int = 8,
        purposes: Sequence[str] = (),
    ) -> None:
        self.spark = spark
        self.root = root.rstrip("/")
        self.run_id = uuid.uuid4().hex
        self.now = datetime.now(UTC)  # one instant for the whole run
        self.journal = Journal()
        self._watched: dict[str, int] = {}
        self._catalog = catalog
        self._retries = retries
        self.purposes = tuple(purposes)

    def begin(self, own: Iterable[str]) -> None:
        """Begin with nothing read; from here on only this run may write the tables that are its `own`.

        A write to one that another run has written since raises Overtaken: what this run would write
        comes from what it read before.
        """
        self.journal = Journal()
        self._watched = {name: self.version(name) for name in own}

    def path(self, name: str) -> str:
        """The folder of a table: root/layer/name. Raises UnknownTable."""
        return f"{self.root}/{tables.find(name).name.replace('.', '/')}"

    def exists(self, name: str) -> bool:
        """Whether the table has been created."""
        return DeltaTable.isDeltaTable(self.spark, self.path(name))

    def create(self, name: str) -> None:
        """Create the table as the catalogue declares it, unless it is there."""
        if not self.exists(name):
            self._again(lambda: _builder(self.spark, tables.find(name), self.path(name)).execute())

    def version(self, name: str) -> int:
        """The newest version of the table."""
        self.create(name)
        jvm: Any = self.spark._jvm  # DeltaTable.history would run a Spark job to say it
        log = jvm.org.apache.spark.sql.delta.DeltaLog.forTable(self.spark._jsparkSession, self.path(name))
        none = jvm.scala.Option.empty()
        return int(log.update(False, none, none).version())

    def history(self, name: str) -> DataFrame:
        """What was done to the table, newest first: version, timestamp, operation, operationMetrics."""
        return self._delta(name).history()

    def read(self, name: str, *, purpose: str | None = None) -> DataFrame:
        """The rows of a table, at one version throughout the run.

        With a `purpose`, only rows that may be used for it: see `identity.consent.allowed`,
        which also adds `person_id`. Without one the rows are as stored, which is for the
        upkeep of the lake; a job that writes gold is refused then.
        Raises UnknownTable; ConsentMissing for a purpose that conf does not declare.
        """
        rows = self._rows(name)
        if purpose is None:
            self._note_without_purpose(name)
            return rows
        self._require_purpose(purpose)
        return consent.allowed(
            rows, self._rows("silver.identities"), self._rows("silver.consents"), purpose=purpose
        )

    def known_of(self, name: str, rows: DataFrame, *, id: str) -> DataFrame:
        """The rows of a table that are about an `id` of these rows, which were read with a purpose.

        So a job builds on its gold of earlier days, and nobody comes back with it who may not be read by now.
        """
        return self._rows(name).join(rows.select(id).distinct(), id, "left_semi")

    def at(self, name: str, version: int) -> DataFrame:
        """The rows of the table as they were at a version; not part of what the run has read."""
        return self.spark.read.format("delta").option("versionAsOf", version).load(self.path(name))

    def changes(self, name: str, *, since: int | None) -> DataFrame:
        """The rows inserted, updated or deleted after version `since`, before and after alike.

        Up to the version that this run reads. None is all rows of that version, and so is one that
        is not there any more, since the table was made anew or restored.
        """
        self._note_without_purpose(name)
        rows, newest = self._rows(name), self._pinned(name)
        if since is None or since > newest:
            return rows
        if since == newest:
            return rows.limit(0)
        feed = (
            self.spark.read.format("delta")
            .option("readChangeFeed", "true")
            .option("startingVersion", since + 1)
            .option("endingVersion", newest)
            .load(self.path(name))
        )
        return feed.select(rows.columns)

    def append(self, name: str, rows: DataFrame, *, transaction: str, number: int = 1) -> None:
        """Add the rows once: a second append of the same transaction and number does nothing."""
        self._append(name, self._conformed(name, rows), transaction, number)

    def replace(self, name: str, rows: DataFrame, *, as_of: date, segment: str = "") -> None:
        """Put these rows in the place of those of that `as_of` and segment, which the lake adds to them."""
        about = {"as_of": F.lit(as_of).cast("date"), "segment": F.lit(segment)}
        fresh = self._conformed(name, rows.withColumns(about))
        if self._fill(name, fresh):
            return
        writer = fresh.write.format("delta").mode("overwrite")
        replaced = f"as_of = DATE'{as_of}' AND segment = '{_quoted(segment)}'"
        self._save(name, writer.option("replaceWhere", replaced))

    def insert(self, name: str, rows: DataFrame) -> None:
        """Add the rows whose key is not in the table yet; those that are there stay as they are."""
        table, fresh = tables.find(name), self._conformed(name, rows)
        if self._fill(name, fresh):
            return
        columns = {column: F.col(f"new.{column}") for column in table.column_names}
        merging = self._delta(name).alias("kept").merge(fresh.alias("new"), _same_key(table))
        self._merged(name, merging.whenNotMatchedInsert(values=columns).execute)  # type: ignore[arg-type]

    def frame(self, name: str, rows: Sequence[Mapping[str, Any]]) -> DataFrame:
        """These few rows, in the columns and types of the table; what a row leaves out is null."""
        table = tables.find(name)
        schema = ", ".join(f"`{column.name}` {column.type}" for column in table.columns)
        values = [tuple(row.get(column) for column in table.column_names) for row in rows]
        return self.spark.createDataFrame(values, schema)

    def merge(self, name: str, rows: DataFrame, *, within: DataFrame | None = None) -> None:
        """Insert or update the rows by the table's key; equal rows are left alone.

        `within` names groups by its columns (say, touched visitors): rows of these groups
        that are in the table and not in `rows` go. `rows` must have each key once.
        """
        fresh = self._conformed(name, rows)
        if not self._fill(name, fresh):
            self._merged(name, lambda: self._merge(tables.find(name), fresh, within))

    def register(self) -> None:
        """Make every table that exists visible to SQL as layer.name, in the catalog that conf names.

        In such a catalog, which others use too, a name that stands for another place stays as it is;
        in the session's own it is for this lake from now on.
        """
        if self._catalog:
            self.spark.sql(f"USE CATALOG `{self._catalog}`")
        for layer in tables.LAYERS:
            self.spark.sql(f"CREATE SCHEMA IF NOT EXISTS {layer}")
        for name in filter(self.exists, tables.CATALOGUE):
            if not self._catalog:
                self.spark.sql(f"DROP TABLE IF EXISTS {name}")  # the name only: the rows stay at their path
            place = _quoted(self.path(name))
            self.spark.sql(f"CREATE TABLE IF NOT EXISTS {name} USING delta LOCATION '{place}'")

    def rows_written(self, name: str) -> int:
        """How many rows this run's newest write of the table put in or changed."""
        version = self.journal.written.get(name)
        if version is None or name in self.journal.unchanged:
            return 0
        since = self._delta(name).history(self.version(name) - version + 1)
        done = since.where(F.col("version") == version).select("operationMetrics").first()
        metrics = done["operationMetrics"] if done else {}
        counted = ("numTargetRowsInserted", "numTargetRowsUpdated", "numTargetRowsDeleted")
        if counted[0] in metrics:
            return sum(int(metrics[each]) for each in counted)
        return int(metrics.get("numOutputRows", 0))

    def _delta(self, name: str) -> DeltaTable:
        self.create(name)
        return DeltaTable.forPath(self.spark, self.path(name))

    def _rows(self, name: str) -> DataFrame:
        return self.at(name, self._pinned(name))

    def _pinned(self, name: str) -> int:
        """The version that this run wrote last, else the one it read first."""
        if name in self.journal.written:
            return self.journal.written[name]
        if name not in self.journal.read:
            self.journal.read[name] = self.version(name)
        return self.journal.read[name]

    def _require_purpose(self, purpose: str) -> None:
        if purpose not in self.purposes:
            raise ConsentMissing(
                f"the purpose {purpose!r} is not declared{nearest(purpose, self.purposes)}; conf's "
                f"consent.purposes has {', '.join(self.purposes) or 'none'}"
            )

    def _conformed(self, name: str, rows: DataFrame) -> DataFrame:
        """The catalogue's columns in their order and types, sorted as readers group them."""
        table = tables.find(name)
        require(rows, table.column_names, what=f"the table {name}")
        conformed = rows.select([F.col(c.name).cast(c.type).alias(c.name) for c in table.columns])
        return conformed.sortWithinPartitions(*table.cluster_by) if table.cluster_by else conformed

    def _gone(self, table: Table, fresh: DataFrame, within: DataFrame) -> DataFrame:
        present = self._delta(table.name).toDF().join(within.distinct(), within.columns, "left_semi")
        gone = present.join(fresh, list(table.key), "left_anti")
        return gone.select(table.column_names).withColumn("_is_gone", F.lit(True))

    def _fill(self, name: str, fresh: DataFrame) -> bool:
        """Append the rows if nothing was written yet, and so there is nothing to compare or replace.

        A table is filled once, whoever comes first, by the transaction of that name.
        """
        if self.version(name) > 0:
            return False
        return self._append(name, fresh, "fill", 1)

    def _append(self, name: str, fresh: DataFrame, transaction: str, number: int) -> bool:
        writer = fresh.write.format("delta").mode("append")
        return self._save(name, writer.option("txnAppId", transaction).option("txnVersion", number))

    def _merge(self, table: Table, fresh: DataFrame, within: DataFrame | None) -> None:
        columns = {name: F.col(f"new.{name}") for name in table.column_names}
        changed = ~_all(
            F.col(f"kept.{c.name}").eqNullSafe(F.col(f"new.{c.name}"))
            for c in table.columns
            if not c.type.startswith("MAP")  # maps do not compare; a row differs by its other columns too
            and c.name not in table.stamps
        )
        rows = fresh.persist()
        try:
            source = rows.withColumn("_is_gone", F.lit(False))
            if within is not None:
                source = source.unionByName(self._gone(table, rows, within))
            (
                self._delta(table.name)
                .alias("kept")
                .merge(source.alias("new"), _same_key(table))
                .whenMatchedDelete(F.col("new._is_gone"))
                .whenMatchedUpdate(changed, columns)  # type: ignore[arg-type]
                .whenNotMatchedInsert(~F.col("new._is_gone"), columns)  # type: ignore[arg-type]
                .execute()
            )
        finally:
            rows.unpersist()

    def _note_without_purpose(self, name: str) -> None:
        if tables.find(name).personal_columns and not self._is_own(name):
            self.journal.without_purpose.add(name)

    def _is_own(self, name: str) -> bool:
        """Whether this run wrote the table: it may look at that."""
        return name in self.journal.written

    def _require_lawful(self, name: str) -> None:
        """What goes to gold must come from reads with a purpose."""
        if tables.find(name).layer == "gold" and self.journal.without_purpose:
            raise ConsentMissing(
                f"{name} is for analysis, yet {', '.join(sorted(self.journal.without_purpose))} was read "
                f"without a purpose; read it with purpose= one of {', '.join(self.purposes)}"
            )

    def _save(self, name: str, writer: DataFrameWriter) -> bool:
        """Commit under a mark, so that the version is this write's whoever else writes now.

        False where the transaction had been committed before.
        """
        mark = uuid.uuid4().hex
        marked = writer.option("userMetadata", mark)
        before = self._write(name, lambda: marked.save(self.path(name)))
        since = self._delta(name).history(self.version(name) - before or 1).where(F.col("version") > before)
        own = since.where(F.col("userMetadata") == mark).select("version").first()
        self._wrote(name, version=own["version"] if own else self.version(name), is_changed=own is not None)
        return own is not None

    def _merged(self, name: str, commit: Callable[[], Any]) -> None:
        """A merge takes no mark: its version is the newest."""
        before = self._write(name, commit)
        after = self.version(name)
        self._wrote(name, version=after, is_changed=after > before)

    def _write(self, name: str, commit: Callable[[], Any]) -> int:
        """Commit, and return the version before it."""
        self._require_lawful(name)
        before = self.version(name)
        self._again(lambda: self._unless_overtaken(name, commit))
        return before

    def _unless_overtaken(self, name: str, commit: Callable[[], Any]) -> None:
        if self.version(name) != self._watched.get(name, self.version(name)):
            raise Overtaken(name)
        commit()

    def _wrote(self, name: str, *, version: int, is_changed: bool) -> None:
        if name in self._watched:
            if version != self._watched[name] + is_changed:
                raise Overtaken(name)
            self._watched[name] = version
        self.journal.written[name] = version
        self.journal.unchanged = {*self.journal.unchanged - {name}, *([] if is_changed else [name])}

    def _again(self, commit: Callable[[], Result]) -> Result:
        """Commit, and once more whenever another writer came first; waits grow and are uneven."""
        for attempt in range(self._retries):
            try:
                return commit()
            except ANOTHER_CAME_FIRST:
                time.sleep(random.uniform(0, 0.1 * 2**attempt))
        return commit()


def connect(spark: SparkSession, settings: Settings) -> Lake:
    """The lake where the settings say it lies."""
    return Lake(
        spark,
        settings.lake_root,
        catalog=settings.lake.catalog,
        retries=settings.lake.retries,
        purposes=settings.consent.purposes,
    )


def _builder(spark: SparkSession, table: Table, path: str) -> Any:
    builder = DeltaTable.createIfNotExists(spark).location(path).comment(f"One row: {table.grain}.")
    builder = builder.property("delta.enableChangeDataFeed", "true")
    for column in table.columns:
        unit = f" ({column.unit})" if column.unit else ""
        builder = builder.addColumn(
            column.name, column.type, nullable=not column.is_required, comment=column.meaning + unit
        )
    for check, condition in table.checks.items():
        builder = builder.property(f"delta.constraints.{check}", condition)
    return builder.clusterBy(*table.cluster_by) if table.cluster_by else builder


def _same_key(table: Table) -> Column:
    return _all(F.col(f"kept.{key}").eqNullSafe(F.col(f"new.{key}")) for key in table.key)


def _all(conditions: Iterable[Column]) -> Column:
    combined = F.lit(True)
    for condition in conditions:
        combined = combined & condition
    return combined


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
