"""After a replay the next load reads what the archive does not hold whole."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from bookeo.archive.file_format import FIRST, ArchiveFile
from bookeo.cursor.coverage import Coverage, span
from bookeo.cursor.state import LoadState
from bookeo_pipelines.replay.coverage import ReplayedWindows
from bookeo_pipelines.warehouse.client import Warehouse


class HeldUntil:
    """A warehouse whose newest row is of some day of January."""

    account_id = "a1"

    def __init__(self, newest: int) -> None:
        self.newest = newest

    def has(self, table: str) -> bool:
        return True

    def rows(self, *_: Any) -> list[Any]:
        return [(at(self.newest, 23, 59, 59),)]


def at(day: int, *clock: int) -> datetime:
    return datetime(2026, 1, day, *clock, tzinfo=UTC)


def file(package: str, operation: str = "bookings") -> ArchiveFile:
    return ArchiveFile("a1", operation, datetime(2026, 2, 1, tzinfo=UTC), package, FIRST)


def window(first: int, last: int, status: str = "complete") -> dict[str, str]:
    ends = {"window_start": at(first).isoformat(), "window_end": at(last, 23, 59, 59).isoformat()}
    return {**ends, "status": status}


def bookings(*windows: tuple[int, int], filled: str = "bookings", status: str = "complete") -> Any:
    return {
        "entity": "Booking",
        "load_windows": [window(*ends, status) for ends in windows],
        "filled": filled.split(),
    }


def payments(*windows: tuple[int, int]) -> Any:
    return {"entity": "Payment", "load_windows": [window(*ends) for ends in windows]}


def state(*files: Any, damaged: tuple[ArchiveFile, ...] = (), newest: int = 31) -> LoadState | None:
    replayed = ReplayedWindows()
    for number, facts in enumerate(files):
        replayed.add(file(str(number)), facts)
    for one in damaged:
        replayed.add_damaged(one)
    return replayed.state(cast("Warehouse", HeldUntil(newest)), "a1")


def days(*ranges: tuple[int, int]) -> Coverage:
    return Coverage.of(w for first, last in ranges for w in span(at(first), at(last, 23, 59, 59)).windows)


def covered(*files: Any, **more: Any) -> tuple[Coverage, Coverage] | None:
    found = state(*files, **more)
    none = Coverage()
    return found and (found.bookings.covered.get("bookings", none), found.payments.covered.get("payments", none))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ((bookings((1, 5), (6, 9)), payments((1, 9))), (days((1, 9)), days((1, 9)))),
        ((bookings((4, 9)), bookings((1, 4))), (days((1, 9)), days())),
        ((bookings((1, 4)), bookings((6, 9)), payments((2, 3))), (days((1, 4), (6, 9)), days((2, 3)))),
        ((bookings((1, 4)), bookings((5, 9), status="unproven")), (days((1, 4)), days())),
        ((payments((1, 9)),), None),
    ],
)
def test_windows_that_are_whole_count_as_read(files: tuple[Any, ...], expected: Any) -> None:
    assert covered(*files) == expected


def test_what_was_in_a_package_with_a_damaged_file_is_read_again() -> None:
    files = bookings((1, 4)), bookings((5, 9)), bookings((10, 12))
    broken = file("1", "bookings.bookingNumber.payments")
    assert covered(*files, damaged=(broken,)) == (days((1, 4), (10, 12)), days())
    # Small lists are read again anyhow.
    assert covered(*files, damaged=(file("1", "settings.taxes"),)) == (days((1, 12)), days())


def test_nothing_after_the_newest_row_counts() -> None:
    assert covered(bookings((1, 9)), newest=7) == (days((1, 7)), days())


def test_each_table_counts_by_the_files_that_filled_it() -> None:
    found = state(bookings((1, 4), filled="a b"), bookings((5, 9), filled="b c"))
    assert found is not None
    assert found.bookings.covered == {"a": days((1, 4)), "b": days((1, 9)), "c": days((5, 9))}


def test_archives_of_before_the_state_had_a_version_count_where_the_cursor_moved() -> None:
    old = {"entity": "Booking", "load_windows": [window(1, 4)]}
    assert covered({**old, "cursor": {"moves": True, "fed": ["bookings"]}}) == (days((1, 4)), days())
    assert covered({**old, "cursor": {"moves": False, "fed": ["bookings"]}}) is None
