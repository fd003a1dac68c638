"""Progress on a terminal as a display that stays in place, elsewhere as plain lines now and then."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from bookeo import Progress
from bookeo_pipelines.runtime.terminal import Terminal, visible

PLAIN_EVERY_SECONDS = 10.0
"""How often a plain line is printed."""

LABELS = {
    "bookings": "Bookings",
    "customers": "Customers",
    "payments": "Payments",
    "customer_bookings": "Histories",
    "archive": "Archive",
}
UNITS = {"bookings": "windows", "payments": "windows", "archive": "files"}


class ProgressDisplay:
    """Shows how far a load is.

    Args:
        console: Where to print.
    """

    def __init__(self, console: Terminal) -> None:
        self._console = console
        self._bar: Bar | None = None
        self._tasks: dict[tuple[str, str], TaskID] = {}
        self._last_line = time.monotonic()

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Shows the display while the block runs."""
        if not self._console.is_terminal:
            yield
            return
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:.0f}/{task.total:.0f} {task.fields[unit]}", markup=False),
            TextColumn("{task.fields[detail]}", markup=False),
            TimeRemainingColumn(compact=True),
        )
        with Bar(*columns, console=self._console, transient=True) as self._bar:
            yield
        self._bar = None

    def update(self, account: str, progress: Progress) -> None:
        """Takes notice of a step.

        Args:
            account: The account's name; empty where there is only one.
            progress: How far its load is.
        """
        unit = UNITS.get(progress.phase, "asked")
        detail = f"{progress.bookings:,} bookings, {progress.requests:,} requests"
        what = (f"{visible(account)}: " if account else "") + LABELS.get(progress.phase, progress.phase)
        if self._bar is not None:
            key = account, progress.phase
            if key not in self._tasks:
                self._tasks[key] = self._bar.add_task(what, total=progress.total, unit=unit, detail="")
            self._bar.update(self._tasks[key], completed=progress.done, total=progress.total, detail=detail)
        elif time.monotonic() - self._last_line >= PLAIN_EVERY_SECONDS:
            self._last_line = time.monotonic()
            self._console.print(f"{what} {progress.done}/{progress.total}, {detail}")
