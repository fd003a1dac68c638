"""Where the next load goes on after a replay into an empty database: at the end of what the archive covers unbroken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from bookeo.archive_file import NOTES, ArchiveFile
from bookeo.archiving import BOOKING_PAGES
from bookeo.forgotten import STATE_KEY
from bookeo.resources import NEVER
from bookeo.windows import ONE_SECOND, floor_second, format_time
from bookeo_pipelines.missing import first_booking
from bookeo_pipelines.packages import load_pending
from bookeo_pipelines.phases import FEED
from bookeo_pipelines.warehouse import Warehouse

Span = tuple[datetime, datetime]
REREAD = ("settings.", "availability.")
"""How the folders begin of what the next load reads again anyhow."""


class Coverage:
    """Which windows a replay has brought."""

    def __init__(self) -> None:
        self._bookings: list[tuple[str, Span]] = []
        self._payments: list[tuple[str, Span]] = []
        self._in_pieces: set[str] = set()
        self._loaded_from: datetime | None = None
        self._fed: frozenset[str] | None = None

    def add(self, file: ArchiveFile, facts: Mapping[str, Any]) -> None:
        """Takes note of the windows of a file.

        Args:
            file: The file.
            facts: What it says of its answers.
        """
        windows = [
            (file.package, (datetime.fromisoformat(row["window_start"]), datetime.fromisoformat(row["window_end"])))
            for row in facts["load_windows"]
        ]
        cursor = facts.get("cursor")
        if cursor and cursor["moves"]:
            self._bookings += windows
            self._loaded_from = self._loaded_from or datetime.fromisoformat(cursor["loaded_from"])
            fed = frozenset(cursor["fed"])
            self._fed = fed if self._fed is None else self._fed & fed
        elif facts["entity"] == "Payment":
            self._payments += windows

    def add_damaged(self, file: ArchiveFile) -> None:
        """Takes note of a file that cannot be read: what was in a package with it must be asked for again.

        Args:
            file: The file.
        """
        if not file.operation.startswith((*REREAD, NOTES)):
            self._in_pieces.add(file.package)

    def _whole(self, spans: Iterable[tuple[str, Span]]) -> list[Span]:
        return [span for package, span in spans if package not in self._in_pieces]

    def state(self, warehouse: Warehouse, account_id: str) -> dict[str, Any] | None:
        """Makes the state of the resources that own the cursors.

        Args:
            warehouse: The account's tables, after the replay.
            account_id: The account.

        Returns:
            The state by resource; None where the archive does not go back to where the loads began.
        """
        if self._loaded_from is None or self._fed is None:
            return None
        reached = _unbroken(self._loaded_from, self._whole(self._bookings))
        if reached is None:
            return None
        bookings = {"account_id": account_id, "fed": sorted(self._fed), "loaded_from": format_time(self._loaded_from)}
        states = {BOOKING_PAGES: {"incremental": {"updated_at": _at(reached)}, **bookings}}
        first = first_booking(warehouse)
        received = _unbroken(floor_second(first), self._whole(self._payments)) if first else None
        if received is not None:
            states[FEED] = {"incremental": {"received_time": _at(received)}}
        return states


def write_state(pipeline: Any, states: Mapping[str, Any], forgotten: Mapping[str, Any] | None) -> None:
    """Writes what the next load must know into the destination.

    Args:
        pipeline: The pipeline.
        states: The state of resources, by name; others stay as they are.
        forgotten: Who is forgotten, see `Forgotten.as_state`; None where that stays as it is.
    """
    with pipeline.managed_state(extract_state=True) as state:
        source = state.setdefault("sources", {}).setdefault("bookeo", {})
        source.setdefault("resources", {}).update(states)
        if forgotten is not None:
            source[STATE_KEY] = forgotten
    load_pending(pipeline)


def _at(moment: datetime) -> dict[str, Any]:
    return {"initial_value": NEVER, "last_value": moment, "unique_hashes": []}


def _unbroken(start: datetime, windows: Iterable[Span]) -> datetime | None:
    """Follows windows from a moment on for as long as each meets the one before to the second."""
    reached = start - ONE_SECOND
    for first, last in sorted(windows):
        if first > reached + ONE_SECOND:
            break
        reached = max(reached, last)
    return reached if reached >= start else None
