"""The incremental load: chunk after chunk, each committed on its own, so that it can stop and go on at any point."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from bookeo import BookeoError, BookeoSettings, LoadNotes, LoadSession, Progress
from bookeo.usage import Usage
from bookeo_pipelines.destination import Target, check_writable
from bookeo_pipelines.failures import as_bookeo_error
from bookeo_pipelines.packages import Pending, finish_pending, open_pipeline
from bookeo_pipelines.phases import Phases, selection
from bookeo_pipelines.run_lock import one_at_a_time
from bookeo_pipelines.warehouse import Warehouse


@dataclass(frozen=True)
class LoadRequest:
    """What is to be loaded, and where to.

    Args:
        settings: The account's settings.
        target: Where the tables go.
        since: First moment, aware; None: where the last load ended.
        until: Last moment, aware; None: the server's now.
        tables: Names of the tables to load; None for all.
        wait_seconds: How long to wait for another load into the same place.
    """

    settings: BookeoSettings
    target: Target
    since: datetime | None = None
    until: datetime | None = None
    tables: tuple[str, ...] | None = None
    wait_seconds: float = 0

    @property
    def pipeline_name(self) -> str:
        """Dlt's name of the pipeline: one for each account, as each has its own cursor."""
        return f"bookeo_{self.settings.account}" if self.settings.account else "bookeo"


@dataclass
class TableChange:
    """What a load did to a table.

    Args:
        loaded: Rows written, new and changed.
        before: Rows it held before.
        after: Rows it holds now.
    """

    loaded: int
    before: int
    after: int

    @property
    def new(self) -> int:
        """Rows that were not there before, on balance."""
        return min(max(self.after - self.before, 0), self.loaded)

    @property
    def changed(self) -> int:
        """Rows written in the place of older ones."""
        return self.loaded - self.new


@dataclass
class LoadResult:
    """What a load did.

    Args:
        account: Name of the account in the settings, if it has one.
        account_id: The account's id at Bookeo.
        target: Where the data is.
        tables: What happened to each table, by name.
        notes: What the load wants said.
        usage: What it used of the API.
        seconds: How long it took.
        chunks: Packages that were committed.
        pending: What an earlier run had left behind.
        covered: First and last moment of the range, if bookings were read.
        failure: Why it ended early, if it did; what is counted here is loaded all the same.
    """

    account: str | None
    account_id: str
    target: Target
    notes: LoadNotes
    usage: Usage
    seconds: float
    chunks: int
    pending: Pending
    covered: tuple[datetime, datetime] | None
    tables: dict[str, TableChange] = field(default_factory=dict)
    failure: BookeoError | None = None

    @property
    def rejected(self) -> int:
        """Records that could not be shaped."""
        return sum(self.notes.rejected.values())


def run_load(request: LoadRequest, on_progress: Callable[[Progress], None] | None = None) -> LoadResult:
    """Loads what has changed since the last load.

    Args:
        request: What and where to.
        on_progress: Called as the load goes on.

    Returns:
        What it did. Where `failure` is set, everything up to there is committed, and the next run goes on from it.

    Raises:
        BookeoError: Nothing could be loaded; the destination is as it was.
    """
    started = time.monotonic()
    lock = _lock_path(request)
    with one_at_a_time(lock, request.target.description, request.wait_seconds):
        check_writable(request.target)
        session = LoadSession(
            request.settings, since=request.since, until=request.until, chunked=True, on_progress=on_progress
        )
        try:
            names = selection(session, request.tables)
            account_id = session.account_id
            pipeline = open_pipeline(request.pipeline_name, request.target)
            pending = finish_pending(pipeline, request.target)
            before = Warehouse(pipeline, account_id).row_counts()
            phases = Phases(pipeline, session, names, request.target)
            phases.run()
            after = Warehouse(pipeline, account_id).row_counts()
        finally:
            session.close()
    return LoadResult(
        account=request.settings.account,
        account_id=account_id,
        target=request.target,
        notes=session.notes,
        usage=session.client.transport.usage,
        seconds=time.monotonic() - started,
        chunks=phases.packages,
        pending=pending,
        covered=(session.range.since, session.range.until) if session.range else None,
        tables={
            name: TableChange(session.rows[name], before.get(name, 0), after.get(name, 0))
            for name in sorted({*after, *session.rows})
        },
        failure=as_bookeo_error(session.failure, request.target) if session.failure else None,
    )


def _lock_path(request: LoadRequest) -> Path:
    if request.target.database is not None:
        return request.target.database.with_name(f".{request.target.database.name}.lock")
    from bookeo_pipelines.packages import working_folder

    return working_folder(request.target) / f"{request.pipeline_name}.lock"
