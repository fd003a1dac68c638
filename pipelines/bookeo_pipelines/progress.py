"""Progress on a terminal as a display that stays in place, elsewhere as plain lines now and then."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from bookeo import Progress

PLAIN_EVERY_SECONDS = 10.0
"""How often a plain line is printed."""

LABELS = {
    "bookings": "Bookings",
    "customers": "Customers",
    "payments": "Payments",
    "customer_bookings": "Histories",
    "payment_feed": "Payments feed",
}


class ProgressDisplay:
    """Shows how far a load is.

    Args:
        console: Where to print.
        label: What is being loaded, e.g. the account's name.
    """

    def __init__(self, console: Console, label: str = "") -> None:
        self._console = console
        self._label = f"{label}: " if label else ""
        self._bar: Bar | None = None
        self._tasks: dict[str, int] = {}
        self._last_line = time.monotonic()

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Shows the display while the block runs."""
        if not self._console.is_terminal:
            yield
            return
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:.0f}/{task.total:.0f} {task.fields[unit]}"),
            TextColumn("{task.fields[detail]}"),
            TimeRemainingColumn(compact=True),
        )
        with Bar(*columns, console=self._console, transient=True) as self._bar:
            yield
        self._bar = None

    def update(self, progress: Progress) -> None:
        """Takes notice of a step.

        Args:
            progress: How far the load is.
        """
        unit = "windows" if progress.phase == "bookings" else "asked"
        detail = f"{progress.bookings:,} bookings, {progress.requests:,} requests"
        if self._bar is not None:
            if progress.phase not in self._tasks:
                description = self._label + LABELS.get(progress.phase, progress.phase)
                self._tasks[progress.phase] = self._bar.add_task(
                    description, total=progress.total, unit=unit, detail=""
                )
            self._bar.update(
                self._tasks[progress.phase],  # type: ignore[arg-type]
                completed=progress.done,
                total=progress.total,
                detail=detail,
            )
        elif time.monotonic() - self._last_line >= PLAIN_EVERY_SECONDS:
            self._last_line = time.monotonic()
            what = LABELS.get(progress.phase, progress.phase)
            self._console.print(
                f"{self._label}{what} {progress.done}/{progress.total} {unit}, {detail}", highlight=False
            )
