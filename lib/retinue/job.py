"""How a job runs: its lake, its run log, its MLflow run, its receipts.

A job is a file in jobs/ whose docstring begins with the question it answers, with `READS`,
`WRITES` and `run(lake, settings) -> Answer`; its last line calls `cli.submitted`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from matplotlib.figure import Figure
from mlflow.exceptions import MlflowException
from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from retinue import code, receipts, registry, tables, tracking
from retinue import settings as conf
from retinue.answer import Answer, Finding, Saved
from retinue.causes import cause
from retinue.clickstream import segments
from retinue.errors import ConsentMissing, InputMissing, RetinueError
from retinue.lake import Lake, Overtaken
from retinue.network import engines, ties
from retinue.receipts import Receipt
from retinue.settings import Settings

__all__ = ["Analysed", "Report", "analysed", "last_seen", "perform", "require_writable", "spoken", "tied"]


@dataclass(frozen=True)
class Report:
    """What a run did, as the command prints it and ops.runs keeps it."""

    job: str
    run_id: str
    mlflow_run_id: str
    started_at: datetime
    answer: Answer = field(default_factory=Answer)
    receipts: tuple[Receipt, ...] = ()
    input_versions: Mapping[str, int] = field(default_factory=dict)
    output_versions: Mapping[str, int] = field(default_factory=dict)
    ended_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    error: str = ""

    @property
    def duration_seconds(self) -> float:
        """From start to end."""
        return (self.ended_at - self.started_at).total_seconds()

    @property
    def counts(self) -> dict[str, int]:
        """Rows in, out and set aside."""
        answer = self.answer
        return {
            "rows_in": answer.rows_in,
            "rows_out": answer.rows_out,
            "rows_quarantined": answer.rows_quarantined,
        }


CHANGES_LAST = timedelta(days=7)  # VACUUM takes older change files by default
COPIED = (
    "run_id",
    "job",
    "started_at",
    "ended_at",
    "duration_seconds",
    "input_versions",
    "output_versions",
    "mlflow_run_id",
)


@dataclass(frozen=True)
class Analysed:
    """The rows that an analysis counts, the day as of which it does, and where they end."""

    lake: Lake
    as_of: date
    segment: segments.Segment | None
    rows: DataFrame
    until: datetime

    def keep(self, name: str, rows: DataFrame) -> DataFrame:
        """Put the rows in the place of those of the same day and segment; return them as kept."""
        self.lake.replace(name, rows, as_of=self.as_of, segment=self._segment)
        return self.lake.read(name).where(self._is_of)

    def kept(self, name: str, *, by: str) -> DataFrame:
        """What the job `by` kept of the same day and segment; about nobody, so it needs no purpose.

        Raises InputMissing where nothing was kept. Runs a Spark job.
        """
        return self._found(self.lake.read(name), name, by)

    def kept_about(self, people: DataFrame, name: str, *, by: str) -> DataFrame:
        """The same of a table about people, as far as it is about these, who were read with a purpose."""
        return self._found(self.lake.known_of(name, people, id="person_id"), name, by)

    def _found(self, rows: DataFrame, name: str, by: str) -> DataFrame:
        found = rows.where(self._is_of)
        if found.isEmpty():
            raise InputMissing(f"{name} has nothing as of {self.as_of} that may be used; run {by} first")
        return found

    @property
    def _segment(self) -> str:
        return self.segment.name if self.segment else ""

    @property
    def _is_of(self) -> Column:
        return (F.col("as_of") == F.lit(self.as_of)) & (F.col("segment") == self._segment)

    def answer(
        self,
        findings: Iterable[Finding],
        *,
        rows_out: int,
        figures: Mapping[str, Figure] | None = None,
        metrics: Mapping[str, float] | None = None,
        models: Mapping[str, Saved] | None = None,
    ) -> Answer:
        """These findings, figures, metrics and models, as found in the rows. Counts these: a Spark job."""
        segment = self.segment
        return Answer(
            as_of=self.as_of,
            rests_on={f"the segment {segment.name}": segment.digest} if segment else {},
            findings=tuple(findings),
            figures=figures or {},
            metrics=metrics or {},
            models=models or {},
            rows_in=self.rows.count(),
            rows_out=rows_out,
        )


@contextmanager
def analysed(lake: Lake, settings: Settings) -> Iterator[Analysed]:
    """The sessionized events before the midnight UTC that begins `as_of`, of conf's segment.

    They are read once, and held (on disk where memory is short) until the job is done with them.

    The day is conf's as_of, else the one after the newest event. Bots are left out unless
    conf's paths.include_bots says otherwise. Runs a Spark job.
    Raises InputMissing where there is no event at all, ConsentMissing where none may be used.
    """
    with _held(lake, settings, EVENTS) as visits:
        people = visits.rows if settings.paths.include_bots else visits.rows.where(~F.col("is_bot"))
        segment = segments.load(settings.segment) if settings.segment else None
        chosen = people.transform(segments.of, segment=segment) if segment else people
        yield replace(visits, segment=segment, rows=chosen)


@contextmanager
def spoken(lake: Lake, settings: Settings, name: str) -> Iterator[Analysed]:
    """The posts of a silver table before the midnight UTC that begins `as_of`, held as `analysed` does.

    The day is conf's as_of, else the one after the newest post. Runs a Spark job.
    Raises InputMissing where there is no post at all, ConsentMissing where none may be used.
    """
    with _held(lake, settings, replace(POSTS, table=name)) as posts:
        yield posts


@contextmanager
def tied(lake: Lake, settings: Settings) -> Iterator[Analysed]:
    """The ties of each day before the midnight UTC that begins `as_of`, held as `analysed` does.

    Columns: those of `ties.named`. The day is conf's as_of, else the one after the newest tie. Runs a Spark
    job.
    Raises InputMissing where there is no tie at all, ConsentMissing where none may be used.
    """
    with _held(lake, settings, TIES) as found:
        yield replace(found, rows=engines.settled(ties.named(found.rows)))


@dataclass(frozen=True)
class _Kind:
    """A kind of rows: where they lie, when they happened, what one is called, which jobs bring them."""

    table: str
    at: str
    word: str
    jobs: str


EVENTS = _Kind(
    "silver.sessionized_events", "occurred_at", "event", "ingest_events, clean_events and sessionize_events"
)
POSTS = _Kind("silver.posts", "posted_at", "post", "ingest_posts, tokenize_posts and score_sentiment")

TIES = _Kind(
    "silver.ties", "last_at", "tie", "ingest_posts, ingest_contacts or clean_events, then gather_ties"
)


@contextmanager
def _held(lake: Lake, settings: Settings, kind: _Kind) -> Iterator[Analysed]:
    rows = lake.read(kind.table, purpose="analytics")
    if settings.as_of:
        day = date.fromisoformat(settings.as_of)
        rows = rows.where(F.col(kind.at) < F.lit(day).cast("timestamp"))
    rows = rows.persist()
    try:
        newest = rows.agg(F.max(kind.at).alias("at")).first()
        if newest is None or newest["at"] is None:
            raise _nothing_to_analyse(lake, settings, kind)
        until = newest["at"].replace(tzinfo=UTC)
        as_of = date.fromisoformat(settings.as_of) if settings.as_of else until.date() + timedelta(days=1)
        yield Analysed(lake, as_of, None, rows, until)
    finally:
        rows.unpersist()


def _nothing_to_analyse(lake: Lake, settings: Settings, kind: _Kind) -> RetinueError:
    stored = lake.read(kind.table)
    before = f" before {settings.as_of}" if settings.as_of else ""
    if settings.as_of:
        stored = stored.where(F.col(kind.at) < F.lit(settings.as_of).cast("timestamp"))
    count = stored.count()
    if count:
        return ConsentMissing(
            f"there are {count:,} {kind.word}s{before}, yet none may be used for analytics: their legal "
            "basis is consent, which silver.consents does not have, or objections bar them; record the "
            "consents, or ingest under a mapping whose legal_basis is the true one"
        )
    if before and not lake.read(kind.table).isEmpty():
        return InputMissing(f"there is no {kind.word}{before}; give a later --as-of")
    return InputMissing(f"there is no {kind.word} to analyse yet; run {kind.jobs} first")


def last_seen(lake: Lake, settings: Settings, *, job: str, table: str, section: str | None) -> int | None:
    """The version of the table that the job's last successful run read, if that run still counts.

    None asks for a full run: there was none yet, or the settings of this section (None: no settings bear on
    it) or the code have changed since, or it is longer ago than Delta keeps what changed, or another run (one
    that failed, say) has written over what it left.
    Runs a Spark job and brings one row.
    """
    succeeded = (F.col("job") == job) & (F.col("status") == "succeeded")
    last = lake.read("ops.runs").where(succeeded).orderBy(F.col("ended_at").desc(), "run_id").first()
    if last is None or last["code_version"] != code.version():
        return None
    if section and json.loads(last["settings"])[section] != asdict(settings)[section]:
        return None
    if lake.now - last["ended_at"].replace(tzinfo=UTC) > CHANGES_LAST:
        return None
    if any(lake.version(name) != version for name, version in _owned(last).items()):
        return None
    seen: int | None = last["input_versions"].get(table)
    return seen


def _owned(run: Row) -> dict[str, int]:
    """The versions that the run left of the tables that are its job's alone."""
    written: dict[str, int] = run["output_versions"]
    return {name: version for name, version in written.items() if tables.find(name).owner == run["job"]}


def perform(name: str, lake: Lake, settings: Settings) -> Report:
    """Run a job; log it in MLflow and, last of all, in ops.runs; keep a receipt of each finding.

    Raises what the job raises, after the run has been logged as failed.
    """
    job = registry.find(name)
    require_writable(settings)
    tracked = tracking.start(settings, job=name, code_version=code.version())
    begun = Report(name, lake.run_id, tracked.run_id, datetime.now(UTC))
    try:
        report = _finished(begun, lake, settings, _answered(job, name, lake, settings))
        tracked.log(report.counts, lake.journal, report.answer)
    except (Exception, KeyboardInterrupt) as fault:
        _keep(lake, settings, _failed(begun, lake, fault))
        with suppress(MlflowException):  # what stopped the run may be that it does not answer
            tracked.end(succeeded=False)
        raise
    _keep(lake, settings, report)
    tracked.end(succeeded=True)
    return report


def _answered(job: registry.Job, name: str, lake: Lake, settings: Settings) -> Answer:
    """What the job answers; from the start again where another run of it wrote its tables meanwhile."""
    own = [table for table in job.WRITES if tables.find(table).owner == name]
    for _ in range(settings.lake.retries):
        lake.begin(own)
        try:
            return job.run(lake, settings)
        except Overtaken:
            continue
    lake.begin(own)
    return job.run(lake, settings)


def require_writable(settings: Settings) -> None:
    """Make the home. Raises InputMissing where it cannot be made or written."""
    home = settings.home_path
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise InputMissing(
            f"the home {home} cannot be made ({fault.strerror}); give --home a folder"
        ) from None
    if not os.access(home, os.W_OK):
        raise InputMissing(f"the home {home} cannot be written; give --home a folder that can")


def _finished(begun: Report, lake: Lake, settings: Settings, answer: Answer) -> Report:
    kept = receipts.issue(
        lake,
        settings,
        job=begun.job,
        answer=answer,
        run_id=begun.run_id,
        mlflow_run_id=begun.mlflow_run_id,
    )
    return Report(
        begun.job,
        begun.run_id,
        begun.mlflow_run_id,
        begun.started_at,
        answer,
        kept,
        dict(lake.journal.read),
        dict(lake.journal.written),
    )


def _failed(begun: Report, lake: Lake, fault: BaseException) -> Report:
    return Report(
        begun.job,
        begun.run_id,
        begun.mlflow_run_id,
        begun.started_at,
        input_versions=dict(lake.journal.read),
        output_versions=dict(lake.journal.written),
        error=cause(fault),
    )


def _keep(lake: Lake, settings: Settings, report: Report) -> None:
    row = {
        **{name: getattr(report, name) for name in COPIED},
        **report.counts,
        "finding_ids": [receipt.finding_id for receipt in report.receipts],
        "status": "failed" if report.error else "succeeded",
        "as_of": report.answer.as_of,
        "settings": json.dumps(conf.shown(settings), sort_keys=True),
        "code_version": code.version(),
        "error": report.error or None,
    }
    lake.append("ops.runs", lake.frame("ops.runs", [row]), transaction=f"run/{report.run_id}")
