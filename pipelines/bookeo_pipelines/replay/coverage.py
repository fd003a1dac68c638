"""What counts as read after a replay into an empty database: the windows that the archive holds whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bookeo.archive.file_format import NOTES, ArchiveFile
from bookeo.cursor.coverage import Coverage
from bookeo.cursor.state import PAYMENTS, ListState, LoadState
from bookeo.privacy.erasure import STATE_KEY
from bookeo.windows import Window, floor_second
from bookeo_pipelines.warehouse.client import Warehouse
from bookeo_pipelines.warehouse.load_packages import load_pending

REREAD = ("settings.", "availability.")
"""How the folders begin of what the next load reads again anyhow."""


class ReplayedWindows:
    """Which windows a replay has brought."""

    def __init__(self) -> None:
        self._windows: list[tuple[str, frozenset[str], Window]] = []
        self._in_pieces: set[str] = set()

    def add(self, file: ArchiveFile, facts: Mapping[str, Any]) -> None:
        """Take note of the windows of a file.

        Args:
            file: The file.
            facts: What it says of its answers.
        """
        tables = _filled(facts)
        for row in facts["load_windows"] if tables else ():
            if row["status"] == "complete":
                start, end = (
                    floor_second(datetime.fromisoformat(row[name])) for name in ("window_start", "window_end")
                )
                self._windows.append((file.package, tables, Window(start, end)))

    def add_damaged(self, file: ArchiveFile) -> None:
        """Take note of a file that cannot be read: what was in a package with it must be asked for again.

        Args:
            file: The file.
        """
        if not file.operation.startswith((*REREAD, NOTES)):
            self._in_pieces.add(file.package)

    def state(self, warehouse: Warehouse, account_id: str) -> LoadState | None:
        """Make the state that the next load goes on from.

        The archive does not tell whether the clocks of the loads agreed, so nothing after the newest row counts.

        Args:
            warehouse: The account's tables, after the replay.
            account_id: The account.

        Returns:
            The state; None where the archive holds no window of bookings.
        """
        state = LoadState(account_id)
        whole: dict[str, list[Window]] = defaultdict(list)
        for package, tables, window in self._windows:
            if package not in self._in_pieces:
                for table in tables:
                    whole[table].append(window)
        for table, windows in whole.items():
            of_feed = table == _FEED
            newest = (
                _newest(warehouse, "payments", "received_time")
                if of_feed
                else _newest(warehouse, "bookings", "updated_at")
            )
            listing: ListState = state.payments if of_feed else state.bookings
            if newest is not None:
                listing.covered[PAYMENTS if of_feed else table] = Coverage.of(windows).until(newest)
        return state if state.bookings.first else None


_FEED = "payments of the feed"


def _filled(facts: Mapping[str, Any]) -> frozenset[str]:
    """Tell which tables hold all rows of a file's windows."""
    if facts["entity"] == "Payment":
        return frozenset({_FEED})
    old = facts.get("cursor")
    if old is not None:  # as loads without a versioned state have written it
        return frozenset(old["fed"]) if old["moves"] else frozenset()
    return frozenset(facts.get("filled", ()))


def _newest(warehouse: Warehouse, table: str, column: str) -> datetime | None:
    if not warehouse.has(table):
        return None
    [(newest,)] = warehouse.rows(f"SELECT max({column}) FROM {{{table}}} WHERE account_id = %s", warehouse.account_id)
    return newest if isinstance(newest, datetime) else None


def write_state(pipeline: Any, loads: LoadState | None, forgotten: Mapping[str, Any] | None) -> None:
    """Write what the next load must know into the destination.

    Args:
        pipeline: The pipeline.
        loads: What the loads remember; None where that stays as it is.
        forgotten: Who is forgotten, see `Forgotten.as_state`; None where that stays as it is.
    """
    with pipeline.managed_state(extract_state=True) as state:
        source = state.setdefault("sources", {}).setdefault("bookeo", {})
        if loads is not None:
            loads.write_to(source)
        if forgotten is not None:
            source[STATE_KEY] = forgotten
    load_pending(pipeline)
