"""How the loads of a destination stand: rows, cursors, what is incomplete or pending, and what the last runs cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bookeo.cursor.coverage import Coverage
from bookeo.cursor.state import Listing, ListState
from bookeo.schema import LOAD_RUNS, PAYMENT, REJECTED_ROWS, TABLES, Table
from bookeo.windows import Window
from bookeo_pipelines.destinations.target import Target
from bookeo_pipelines.gaps.rejections import counts, open_rejections
from bookeo_pipelines.load.reset import SETTINGS
from bookeo_pipelines.runtime.quoting import literal
from bookeo_pipelines.warehouse.cursors import Cursors
from bookeo_pipelines.warehouse.load_packages import working_folder
from bookeo_pipelines.warehouse.reading import Reading, reading

RUNS_SHOWN = 5
"""Last runs of each account that are shown."""
NEWEST = ("updated_at", "received_time", "loaded_at", "ended_at", "checked_at", "fetched_at")
"""Columns that tell when a row's newest fact is from; the first that a table has counts."""


@dataclass(frozen=True)
class TableStatus:
    """How a table stands for an account.

    Args:
        rows: The account's rows.
        newest: When the newest change in it is from, aware; None where it is empty or does not tell.
        cursor: Up to when it has been read, aware; None where no cursor leads it.
        lag: How long ago that is; None likewise.
    """

    rows: int
    newest: datetime | None
    cursor: datetime | None
    lag: timedelta | None


@dataclass(frozen=True)
class Run:
    """A load that committed something.

    Args:
        started_at: When it began, aware.
        seconds: How long it took.
        requests: Requests made.
        bookings: Bookings read.
        packages: Packages committed.
        outcome: `done`, or the kind of error that ended it early.
    """

    started_at: datetime
    seconds: Decimal
    requests: int
    bookings: int
    packages: int
    outcome: str


@dataclass
class AccountStatus:
    """How an account stands.

    Args:
        pipeline: dlt's name of the pipeline.
        account: Its name in the settings, as far as the pipeline's name tells; None for the only one.
        account_id: The account's id at Bookeo.
        cursors: How far it has been read.
        pending: Load packages of an interrupted load (or of one that is running) that wait in the working folder.
        tables: How each table stands, by name.
        gaps: Times that should have been read by now and were not, or could not be proven, by what was asked for.
        unproven: Windows in which not as many items landed as were announced, and what was asked for.
        rejected: Records that could not be shaped, by the table that they were meant for.
        open_rejections: Those among them that have neither come in a form that fits since nor are gone.
        runs: The last runs, newest first.
    """

    pipeline: str
    account: str | None
    account_id: str
    cursors: Cursors
    pending: int
    tables: dict[str, TableStatus] = field(default_factory=dict)
    gaps: dict[str, list[Window]] = field(default_factory=dict)
    unproven: list[tuple[str, Window]] = field(default_factory=list)
    rejected: dict[str, int] = field(default_factory=dict)
    open_rejections: dict[str, int] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)

    @property
    def lag(self) -> timedelta | None:
        """How long ago bookings were read up to; None where they never were."""
        return self.tables["bookings"].lag if "bookings" in self.tables else None

    def is_older_than(self, limit: timedelta) -> bool:
        """Tell whether bookings were read up to longer ago than a limit, or never.

        Args:
            limit: How old they may be.

        Returns:
            Whether they are older.
        """
        return self.lag is None or self.lag > limit

    @property
    def is_complete(self) -> bool:
        """Whether nothing that should have been read is missing or unproven."""
        return not self.gaps and not self.unproven


def read_status(target: Target, account: str | None = None, *, now: datetime | None = None) -> list[AccountStatus]:
    """Reads how all accounts in a destination stand. Nothing is written, and the API is not asked.

    Args:
        target: The destination.
        account: Only accounts of these names in the settings, with commas between them; None for all.
        now: Against what the lag is measured, aware; None: this machine's clock.

    Returns:
        The accounts, by the names of their pipelines.

    Raises:
        LoadRunning: A load is writing to the DuckDB file just now.
        BookeoError: The destination cannot be read.
    """
    now = now or datetime.now(UTC)
    wanted = account and {name.strip() for name in account.split(",")}
    with reading(target) as source:
        found = [
            AccountStatus(name, _account(name), cursors.account_id, cursors, _pending(target, name))
            for name, cursors in source.cursors().items()
            if not wanted or _account(name) in wanted
        ]
        _read_tables(source, found, now)
        _read_windows(source, found)
        _read_rejected(source, found)
        _read_runs(source, found)
    return found


def _account(pipeline: str) -> str | None:
    return pipeline.removeprefix("bookeo_") if pipeline.startswith("bookeo_") else None


def _pending(target: Target, pipeline: str) -> int:
    # Looked at from outside: opening the pipeline could disturb a load that is running.
    folder = working_folder(target) / pipeline
    return sum(1 for place in ("normalize/extracted", "load/normalized") for _ in (folder / place).glob("*"))


def _read_tables(source: Reading, accounts: Sequence[AccountStatus], now: datetime) -> None:
    present = [table for name, table in TABLES.items() if name in source.tables]
    if not present:
        return
    counts = " UNION ALL ".join(
        f"SELECT {literal(table.name)}, account_id, count(*), {_newest(table)} "
        f"FROM {{{table.name}}} GROUP BY account_id"
        for table in present
    )
    found = {(table, account): (rows, newest) for table, account, rows, newest in source.rows(counts)}
    for status in accounts:
        for table in present:
            rows, newest = found.get((table.name, status.account_id), (0, None))
            cursor = _cursor(table.name, status.cursors)
            lag = max(now - cursor, timedelta(0)) if cursor else None
            status.tables[table.name] = TableStatus(int(rows), newest, cursor, lag)


def _newest(table: Table) -> str:
    declared = {column.name for column in table.columns}
    name = next((name for name in NEWEST if name in declared), None)
    return f"max({name})" if name else "CAST(NULL AS TIMESTAMP WITH TIME ZONE)"


def _cursor(table: str, cursors: Cursors) -> datetime | None:
    if table in cursors.fed:
        return cursors.state.bookings.covered[table].reached(cursors.loaded_from)
    if table == PAYMENT.table.name:
        return cursors.payments
    return cursors.settings if table in SETTINGS else None


def _read_windows(source: Reading, accounts: Sequence[AccountStatus]) -> None:
    if "load_windows" not in source.tables:
        return
    for status in accounts:
        rows = source.rows(
            "SELECT resource, window_start, window_end FROM {load_windows} "
            "WHERE account_id = %s AND status <> 'complete' ORDER BY resource, window_start",
            status.account_id,
        )
        lists = status.cursors.state.lists
        status.unproven = [
            (resource, Window(start.astimezone(UTC), end.astimezone(UTC)))
            for resource, start, end in rows
            # One that was read again since, and added up, is covered.
            if not any(window.start <= start and end <= window.end for window in _covered(lists, resource).windows)
        ]
        status.gaps = {name: list(known.missing.windows) for name, known in lists.items() if known.missing}


def _covered(lists: Mapping[Listing, ListState], resource: str) -> Coverage:
    known = next((known for name, known in lists.items() if name == resource), ListState())
    return known.common(known.kept_up)


def _read_rejected(source: Reading, accounts: Sequence[AccountStatus]) -> None:
    if REJECTED_ROWS.name not in source.tables:
        return
    for status in accounts:
        rows = source.rows(
            "SELECT table_name, count(*) FROM {rejected_rows} WHERE account_id = %s GROUP BY table_name ORDER BY 1",
            status.account_id,
        )
        status.rejected = {table: int(count) for table, count in rows}
        status.open_rejections = counts(open_rejections(source, source.tables, status.account_id)) if rows else {}


def _read_runs(source: Reading, accounts: Sequence[AccountStatus]) -> None:
    if LOAD_RUNS.name not in source.tables:
        return
    for status in accounts:
        rows = source.rows(
            "SELECT started_at, seconds, requests, bookings, packages, outcome FROM {load_runs} "
            f"WHERE account_id = %s ORDER BY started_at DESC LIMIT {RUNS_SHOWN}",
            status.account_id,
        )
        status.runs = [Run(*row) for row in rows]
