"""The replay of one account: its answers in the order in which the loads committed them, gathered into few packages."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bookeo import BookeoSettings, Progress
from bookeo.archive.file_format import FORGOTTEN, NOTES, ArchiveFile, Kept, without_uncommitted
from bookeo.archive.store import Archive
from bookeo.errors import ArchiveFileDamaged, SettingsError
from bookeo.extract.archive_writer import Note
from bookeo.http.usage import Usage
from bookeo.privacy.erasure import STATE_KEY, Forgotten
from bookeo.replay.archived_batch import ArchivedBatch, ArchiveSession, as_rows
from bookeo.replay.source import Gathering, bookeo_replay
from bookeo.schema import BOOKING, CUSTOMER, DATA_COPIES, ENTITIES, LOAD_RUNS, PAYMENT, SLOT, TABLES, Entity
from bookeo_pipelines.destinations.errors import as_bookeo_error
from bookeo_pipelines.destinations.target import Target
from bookeo_pipelines.gaps.payment_repair import UNLINKED, Settlement, remove_payments, unlink_payments
from bookeo_pipelines.load.runner import LoadRequest, LoadResult, TableChange
from bookeo_pipelines.replay.conflicts import NewerRows
from bookeo_pipelines.replay.coverage import REREAD, ReplayedWindows, write_state
from bookeo_pipelines.share.data_copies import note_archive
from bookeo_pipelines.warehouse.client import Warehouse
from bookeo_pipelines.warehouse.comments import describe_tables
from bookeo_pipelines.warehouse.cursors import read_cursors, source_state
from bookeo_pipelines.warehouse.deletions import mark_deleted
from bookeo_pipelines.warehouse.load_packages import extract, finish_pending, load_pending, open_pipeline

PACKAGE_BYTES = 64 * 1024 * 1024
"""Rows that are gathered before they are loaded, bytes in memory: a package costs most of a second, however small."""


@dataclass(frozen=True)
class ReplayRequest:
    """What is to be replayed, and where to.

    Args:
        archive: The archive.
        target: Where the tables go.
        settings: The settings; no keys are needed.
        account: Name or id of the only account wanted; None for all that the archive holds.
        since: Only answers read at or after this, aware.
        until: Only answers read at or before this, aware.
        wait_seconds: How long to wait for a load into the same place.
    """

    archive: Archive
    target: Target
    settings: BookeoSettings
    account: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    wait_seconds: float = 0


@dataclass(frozen=True)
class ReplayResult:
    """What a replay of one account did.

    Args:
        load: The same as of a load.
        files: Files of the archive that were read.
        damaged: What is to be said of each file that was skipped.
        next_load: Where the next load goes on, for people.
    """

    load: LoadResult
    files: int
    damaged: tuple[str, ...]
    next_load: str


class AccountReplay:
    """The replay of one account."""

    def __init__(
        self,
        request: ReplayRequest,
        load: LoadRequest,
        account_id: str,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self._request, self._load, self._on_progress = request, load, on_progress
        self._session = ArchiveSession(load.settings, account_id)
        self._pipeline = open_pipeline(load.pipeline_name, load.target)
        self._warehouse = Warehouse(self._pipeline, account_id)
        self._gathering = Gathering()
        self._coverage = ReplayedWindows()
        self._sets_of_payments = False
        self._packages = 0
        self._damaged: list[str] = []
        self._torn: set[Entity] = set()
        self._runs: list[Any] = []
        self._forgotten: dict[str, Any] | None = None

    def run(self) -> ReplayResult:
        """Replays everything, in the order in which the loads committed it."""
        started = time.monotonic()
        try:
            pending = finish_pending(self._pipeline, self._load.target)
            self._check_account()
            before = self._warehouse.row_counts()
            self._newer = NewerRows(self._warehouse)
            files = self._files()
            for done, (file, kept) in enumerate(self._request.archive.read_all(files), 1):
                self._take(file, kept)
                if self._on_progress:
                    self._on_progress(Progress("archive", self._session.rows["bookings"], done, len(files), 0))
            self._flush()
            if self._sets_of_payments:
                Settlement(self._session, self._warehouse).keep_newest()
            self._newer.mark_again()
            self._insert_runs()
            next_load = self._leave_state()
            if self._pipeline.default_schema_name is not None:
                self._warehouse.make(table for table in TABLES.values() if table not in (DATA_COPIES, SLOT.table))
                note_archive(self._warehouse, self._request.archive.place)
            after = self._warehouse.row_counts()
        except Exception as error:
            raise as_bookeo_error(error, self._load.target) from None
        finally:
            self._session.close()
        rows = self._session.rows
        load = LoadResult(
            account=self._load.settings.account,
            account_id=self._session.account_id,
            target=self._load.target,
            notes=self._session.notes,
            usage=Usage(),
            seconds=time.monotonic() - started,
            chunks=self._packages,
            pending=pending,
            covered=None,
            tables={n: TableChange(rows[n], before.get(n, 0), after.get(n, 0)) for n in sorted({*after, *rows})},
        )
        return ReplayResult(load, len(files), tuple(self._damaged), next_load)

    def _files(self) -> list[ArchiveFile]:
        since, until = self._request.since, self._request.until
        # What has been found out since then holds for a destination that knows more than is replayed.
        all_notes = until is not None and self._newer.anything_after(until)

        def wanted(file: ArchiveFile) -> bool:
            late_note = all_notes and file.operation == NOTES
            return (since is None or file.moment >= since) and (until is None or file.moment <= until or late_note)

        files = self._request.archive.files(self._session.account_id)
        self._learn_who_is_forgotten([file for file in files if file.operation == FORGOTTEN])
        return [f for f in without_uncommitted(files) if f.operation != FORGOTTEN and wanted(f)]

    def _learn_who_is_forgotten(self, files: list[ArchiveFile]) -> None:
        """Makes sure that nobody comes back; what the destination says of it counts before the archive."""
        key = self._session.settings.privacy_key
        self._session.forgotten = Forgotten.from_state(source_state(self._pipeline.state), key)
        for file in reversed(files):
            if self._session.forgotten.people:
                break
            try:
                self._forgotten = dict(self._request.archive.read(file).facts["state"])
            except ArchiveFileDamaged as damaged:
                self._damaged.append(f"{damaged.message} It was skipped.")
                continue
            self._session.forgotten = Forgotten.from_state({STATE_KEY: self._forgotten}, key)

    def _check_account(self) -> None:
        cursors = read_cursors(self._pipeline.state)
        if cursors is not None and cursors.account_id != self._session.account_id:
            raise SettingsError(
                f"The archive's account {self._session.account_id} cannot go into {self._load.target.description}: "
                f"the account {cursors.account_id} has been loaded there under the same name; name another database."
            )

    def _take(self, file: ArchiveFile, kept: Kept | ArchiveFileDamaged) -> None:
        if isinstance(kept, ArchiveFileDamaged):
            self._damaged.append(f"{kept.message} It was skipped.")
            self._coverage.add_damaged(file)
            self._torn |= _torn_by(file.operation)
        elif file.operation == NOTES:
            self._follow(kept.facts)
        else:
            self._coverage.add(file, kept.facts)
            entity = ENTITIES[kept.facts["entity"]]
            complete = entity not in self._torn and self._request.since is None
            batch = ArchivedBatch(self._session, kept, complete=complete)
            if not self._gathering.takes(batch):
                self._flush()
            self._sets_of_payments |= batch.entity is PAYMENT and batch.whole_sets
            self._gathering.add(batch)
            if self._gathering.size >= PACKAGE_BYTES:
                self._flush()

    def _follow(self, facts: Any) -> None:
        """Does once more what a load did without new rows."""
        kind, read_until = facts["kind"], datetime.fromisoformat(facts["at"])
        if kind == Note.LOADED:
            self._runs.append(facts["row"])
        elif kind == Note.PAYMENTS_REMOVED:
            self._gathering.change("payments", facts["payments"], None)
            if self._warehouse.has("payments"):
                remove_payments(self._warehouse, facts["payments"], read_until)
        elif kind == Note.PAYMENTS_UNLINKED:
            self._gathering.change("payments", facts["payments"], UNLINKED)
            if self._warehouse.has("payments"):
                unlink_payments(self._warehouse, facts["payments"], read_until)
        elif kind in (Note.BOOKINGS_VANISHED, Note.CUSTOMERS_VANISHED):
            table = BOOKING.table if kind == Note.BOOKINGS_VANISHED else CUSTOMER.table
            deleted_at = datetime.fromisoformat(facts["deleted_at"])
            self._gathering.change(table.name, facts[table.name], {"deleted_at": deleted_at})
            if self._warehouse.has(table.name):
                mark_deleted(self._warehouse, facts[table.name], deleted_at, read_until, table=table)

    def _insert_runs(self) -> None:
        sql = "SELECT started_at FROM {load_runs} WHERE account_id = %s"
        has = self._warehouse.has(LOAD_RUNS.name)
        held = set(self._warehouse.rows(sql, self._session.account_id)) if has else set()
        for row in as_rows(LOAD_RUNS, self._runs).to_pylist():
            if (row["started_at"],) not in held:
                self._warehouse.insert(LOAD_RUNS, row)

    def _flush(self) -> None:
        """Loads what was gathered, less what the destination has in a newer form."""
        tables = self._newer.only_newer(self._gathering.take())
        if not tables:
            return
        for one in tables:
            deleted = sum(one.rows["_deleted"].to_pylist()) if "_deleted" in one.rows.column_names else 0
            self._session.rows[one.table.name] += len(one.rows) - deleted
        extract(self._pipeline, bookeo_replay(tables))
        del tables
        # dlt's objects know each other in circles, and would hold the rows until long after.
        gc.collect()
        info = load_pending(self._pipeline)
        self._packages += 1
        changed = {name for package in info.load_packages for name in package.schema_update}
        if changed:
            self._warehouse.look_again()
            describe_tables(self._pipeline, changed)

    def _leave_state(self) -> str:
        """Sets the cursors where the destination has none, and who is forgotten; says where the next load goes on."""
        known = read_cursors(self._pipeline.state)
        loads = None if known else self._coverage.state(self._warehouse, self._session.account_id)
        if (loads or self._forgotten) and self._pipeline.default_schema_name is not None:
            write_state(self._pipeline, loads, self._forgotten)
        reached = read_cursors(self._pipeline.state)
        if reached is None:
            return "The next load begins at the start: the archive holds no window of bookings that is whole."
        until = "as before" if known else "up to which the archive is unbroken"
        return f"The next load goes on from {reached.bookings:%Y-%m-%d %H:%M} UTC, {until}."


def _torn_by(operation: str) -> set[Entity]:
    """Finds of what older versions may be missing, where a file of an operation is."""
    if operation == NOTES:
        return {BOOKING, PAYMENT}
    return {PAYMENT if operation.endswith("payments") else BOOKING} if not operation.startswith(REREAD) else set()
