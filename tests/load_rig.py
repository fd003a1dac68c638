"""A sandbox, a place to load it into, and the question whether what is there is the truth."""

from __future__ import annotations

import contextlib
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import orjson

from bookeo import BookeoSettings, load_settings
from bookeo.archive.store import Archive
from bookeo.schema import BOOKING, PAYMENT, TABLES
from bookeo.transform.shape import RawPage, shape
from bookeo_pipelines.destinations.target import DEFAULT_DATASET, Target
from bookeo_pipelines.load.runner import LoadRequest, LoadResult, run_load
from bookeo_pipelines.replay.account import ReplayRequest
from bookeo_pipelines.replay.runner import run_replay
from bookeo_pipelines.status.status import read_status
from bookeo_pipelines.warehouse.load_packages import working_folder
from bookeo_sandbox import Sandbox
from patience import PATIENCE

SMALL_BUSINESS: dict[str, Any] = {
    "bookings": 120,
    "years": 0.2,
    "end": "2026-06-30",
    # What no list of bookings can show is another test's concern: bookings vanish, payments come without a change.
    "deletions": False,
    "payments_move_change": True,
}
START = "2026-04-15"
"""Before the first booking of the small business."""
SMALL_LOAD: dict[str, Any] = {
    "start": START,
    "items_per_page": 10,
    "window_days": 4,
    "chunk_bookings": 60,
    "chunk_seconds": PATIENCE,
    "settings_hours": 24 * 366,
    "customers": "as_needed",
    "payments": "never",
    "histories": "never",
}
"""Settings under which the small business takes several pages, windows and packages."""
FEW_TABLES = ("bookings", "booking_people", "customers")
"""Enough to tell whether anything is missing or there twice; each table costs time."""

_NOT_COMPARED = {"fetched_at", "deleted_at", "_deleted", "linked_by"}
_CUSTOMER_COLUMNS = ("account_id", "customer_id", "first_name", "last_name", "email_address")
"""A customer's other columns change with the time alone, without any change of a booking."""


def environment(folder: Path) -> dict[str, str]:
    """The variables that keep a load of a test to itself."""
    return {
        "DLT_DATA_DIR": str(folder / "dlt"),
        "DLT_PROJECT_DIR": str(folder),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "CRITICAL",
    }


class Rig:
    """Loads one account of a sandbox into a database of its own, under the folder that `DLT_DATA_DIR` names."""

    def __init__(
        self,
        folder: Path,
        sandbox: Sandbox,
        account: str | None = None,
        tables: tuple[str, ...] | None = None,
        target: Target | None = None,
        **settings: Any,
    ) -> None:
        self.sandbox = sandbox
        self.account = account
        self.tables = tables
        self.database = folder / "loaded.duckdb"
        self.target = target or Target(database=self.database)
        self._settings = SMALL_LOAD | settings

    def settings(self, **more: Any) -> BookeoSettings:
        """The settings, keys included."""
        return load_settings(**self.settings_values(**more))

    def settings_values(self, **more: Any) -> dict[str, Any]:
        """The settings before they are checked."""
        accounts = {account.name: account.api_key for account in self.sandbox.accounts}
        key = accounts[self.account] if self.account else self.sandbox.api_key
        keys = {"api_key": key, "secret_key": self.sandbox.secret_key, "base_url": self.sandbox.base_url}
        return keys | self._settings | more

    def load(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        **settings: Any,
    ) -> LoadResult:
        """Runs a load in this process."""
        return run_load(self.request(since=since, until=until, **settings))

    def request(self, *, since: datetime | None = None, until: datetime | None = None, **settings: Any) -> LoadRequest:
        """What a load is asked for."""
        return LoadRequest(self.settings(**settings), self.target, since=since, until=until, tables=self.tables)

    def delete_working_folder(self) -> None:
        """What a container that starts afresh does."""
        shutil.rmtree(working_folder(self.target), ignore_errors=True)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Asks the database; tables need no schema before their names."""
        with duckdb.connect(str(self.database), read_only=True) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            if connection.execute(f"FROM duckdb_schemas() WHERE schema_name = '{DEFAULT_DATASET}'").fetchall():
                connection.execute(f"SET schema = '{DEFAULT_DATASET}'")
            return connection.execute(sql).fetchall()

    def differences(self, *, payments: bool = False, but: Iterable[str] = ()) -> list[str]:
        """Compares every table that comes with the bookings with the truth, row by row and column by column.

        The expected rows are shaped from the sandbox's own records, so this is about which rows are there and how
        often; whether they are shaped rightly is shown elsewhere.

        Args:
            payments: Whether the payments were loaded, too.
            but: Numbers of bookings to leave out.

        Returns:
            A line for each table that differs; none when all is well.
        """
        left_out = set(but)
        truth = self.sandbox.truth(self.account)
        bookings = [booking for booking in truth["bookings"] if booking["bookingNumber"] not in left_out]
        moment, account_id = datetime(2000, 1, 1, tzinfo=UTC), truth["accountId"]
        page = RawPage(orjson.dumps({"data": bookings}), "data")
        expected = dict(shape(BOOKING, [page], account_id=account_id, fetched_at=moment).tables)
        if payments:
            by_booking: dict[str, list[dict[str, Any]]] = defaultdict(list)
            for payment in truth["payments"]:
                if number := payment.pop("bookingNumber", None):
                    by_booking[number].append(payment)
            pages = [
                RawPage(orjson.dumps({"data": found}), "data", {"booking_number": number, "linked_by": "endpoint"})
                for number, found in by_booking.items()
                if number not in left_out
            ]
            expected |= shape(PAYMENT, pages, account_id=account_id, fetched_at=moment).tables
        found_lines = []
        for name, table in expected.items():
            if self.tables is not None and name not in self.tables:
                continue
            if name.startswith("customer") and name != "customers":
                continue
            columns = [
                column
                for column in (_CUSTOMER_COLUMNS if name == "customers" else table.column_names)
                if column not in _NOT_COMPARED
            ]
            rows = table.to_pylist()
            wanted = Counter(tuple(row[column] for column in columns) for row in rows if not row.get("_deleted", False))
            got = Counter(self._rows(name, columns, account_id, left_out))
            if wanted != got:
                missing, extra = wanted - got, got - wanted
                twice = sum(1 for count in got.values() if count > 1)
                example = next(iter(missing or extra))
                found_lines.append(
                    f"{name}: {missing.total()} missing, {extra.total()} too many, {twice} there twice, e.g. {example}"
                )
        return found_lines

    def _rows(self, table: str, columns: list[str], account_id: str, left_out: set[str]) -> list[tuple[Any, ...]]:
        names = {
            name
            for (name,) in self.ask(f"SELECT table_name FROM duckdb_tables() WHERE schema_name = '{DEFAULT_DATASET}'")
        }
        if table not in names:
            return []
        chosen = ", ".join(f'"{column}"' for column in columns)
        # What was paid for no booking comes with the payments feed only.
        linked = " AND booking_number IS NOT NULL" if table == "payments" else ""
        rows = self.ask(f"SELECT {chosen} FROM {table} WHERE account_id = '{account_id}'{linked}")
        if not left_out or "booking_number" not in columns:
            return rows
        position = columns.index("booking_number")
        return [row for row in rows if row[position] not in left_out]

    def rows(self, database: Path) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of all tables that have some."""
        found = {}
        with duckdb.connect(str(database), read_only=True) as connection:
            for name in TABLES.keys() - {"data_copies"}:  # When a copy was first made is another moment in each.
                with contextlib.suppress(duckdb.CatalogException):
                    rows = connection.execute(f"FROM {DEFAULT_DATASET}.{name} ORDER BY ALL").fetchall()
                    if rows:
                        found[name] = rows
        return found

    def replayed(self, archive: Path, database: Path) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of all tables after a replay."""
        request = ReplayRequest(Archive(str(archive)), Target(database=database), self.settings())
        [result] = run_replay(request)
        assert result.damaged == ()
        return self.rows(database)

    def ledger_gaps(self) -> list[str]:
        """Times that should have been read by now and do not count as read, as the state has it."""
        accounts = read_status(self.target, self.account)
        return [str(window) for status in accounts for gaps in status.gaps.values() for window in gaps]
