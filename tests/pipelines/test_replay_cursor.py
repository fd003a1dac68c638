"""After a replay the next load goes on where the archive ends, or where it has a hole."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from bookeo.archive_file import FIRST, ArchiveFile
from bookeo_pipelines.replay_cursor import Coverage
from bookeo_pipelines.warehouse import Warehouse


class OneBooking:
    """A warehouse that holds a booking of the third of January."""

    account_id = "a1"

    def has(self, table: str) -> bool:
        return True

    def rows(self, *_: Any) -> list[Any]:
        return [(datetime(2026, 1, 3, 12, tzinfo=UTC),)]


def day(number: int, clock: str = "00:00:00") -> str:
    return f"2026-01-{number:02}T{clock}+00:00"


def file(package: str, operation: str = "bookings") -> ArchiveFile:
    return ArchiveFile("a1", operation, datetime(2026, 2, 1, tzinfo=UTC), package, FIRST)


def days(first: int, last: int) -> dict[str, str]:
    return {"window_start": day(first), "window_end": day(last, "23:59:59")}


def bookings(*windows: tuple[int, int], loaded_from: int = 1, moves: bool = True, fed: str = "bookings") -> Any:
    cursor = {"moves": moves, "loaded_from": day(loaded_from), "fed": fed.split()}
    return {"entity": "Booking", "load_windows": [days(*window) for window in windows], "cursor": cursor}


def payments(*windows: tuple[int, int]) -> Any:
    return {"entity": "Payment", "load_windows": [days(*window) for window in windows]}


def reached(*files: Any, damaged: tuple[ArchiveFile, ...] = ()) -> tuple[Any, Any, Any]:
    """Where the bookings and the payments go on, and the tables that follow."""
    coverage = Coverage()
    for number, facts in enumerate(files):
        coverage.add(file(str(number)), facts)
    for one in damaged:
        coverage.add_damaged(one)
    states = coverage.state(cast("Warehouse", OneBooking()), "a1")
    if states is None:
        return None, None, None
    cursors = [
        states[name]["incremental"][column]["last_value"].isoformat() if name in states else None
        for name, column in (("booking_pages", "updated_at"), ("payment_feed", "received_time"))
    ]
    return cursors[0], cursors[1], states["booking_pages"]["fed"]


@pytest.mark.parametrize(
    ("files", "bookings_at", "payments_at"),
    [
        ((bookings((1, 5), (6, 9)), payments((1, 9))), 9, 9),
        # In any order, overlapping; a reading that the cursor did not follow does not count.
        ((bookings((4, 9)), bookings((1, 4)), bookings((10, 12), moves=False)), 9, None),
        # A hole.
        ((bookings((1, 4)), bookings((6, 9)), payments((2, 3)), payments((5, 6))), 4, 3),
        # The archive was begun later than the loads; the payments were.
        ((bookings((5, 9)), payments((1, 9))), None, None),
        ((bookings((1, 9)), payments((3, 9))), 9, None),
        ((payments((1, 9)),), None, None),
    ],
)
def test_the_cursor_goes_to_the_end_of_what_is_unbroken(
    files: tuple[Any, ...], bookings_at: int | None, payments_at: int | None
) -> None:
    expected = [day(at, "23:59:59") if at else None for at in (bookings_at, payments_at)]
    assert list(reached(*files)[:2]) == expected


def test_what_was_in_a_package_with_a_damaged_file_is_read_again() -> None:
    files = bookings((1, 4)), bookings((5, 9)), bookings((10, 12))
    assert reached(*files, damaged=(file("1", "bookings.bookingNumber.payments"),))[0] == day(4, "23:59:59")
    # Small lists are read again anyhow.
    assert reached(*files, damaged=(file("1", "settings.taxes"),))[0] == day(12, "23:59:59")


def test_only_tables_that_every_load_has_fed_follow_the_cursor() -> None:
    assert reached(bookings((1, 4), fed="a b"), bookings((5, 9), fed="b c"))[2] == ["b"]
