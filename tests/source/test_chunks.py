"""A chunk is read in batches, so that memory does not grow with it; in one package the newest version still wins."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from bookeo import BookeoSettings
from bookeo.extract.chunks import SLOW, window_batches
from bookeo.extract.window_reader import WindowRead, WindowReader
from bookeo.replay.archived_batch import ArchiveSession
from bookeo.windows import Window

BEGIN = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)


class Reads:
    """Stands for a reader whose windows are these: in each the bookings by number, with so many options."""

    windows_done = windows_left = 0
    finished = False

    def __init__(self, *windows: dict[str, int], seconds: float = 0.0, slow_from: int = 0) -> None:
        self._reads = enumerate(read(day, bookings) for day, bookings in enumerate(windows))
        self._seconds = seconds
        self._slow_from = slow_from
        self.now = 0.0

    def monotonic(self) -> float:
        """A clock that only slow windows move."""
        return self.now

    def next_window(self) -> WindowRead | None:
        number, window = next(self._reads, (0, None))
        if number >= self._slow_from:
            self.now += self._seconds
        return window


def read(day: int, bookings: dict[str, int]) -> WindowRead:
    start = BEGIN + day * DAY
    records: list[dict[str, Any]] = [
        {
            "bookingNumber": number,
            "title": "x",
            "creationTime": BEGIN.isoformat(),
            "lastChangeTime": start.isoformat(),
            "creationAgent": "x",
            "productId": "P",
            "participants": {"numbers": []},
            "options": [{"id": f"O{position}", "name": "n", "value": "v"} for position in range(options)],
        }
        for number, options in bookings.items()
    ]
    body = json.dumps({"data": records}).encode()
    window = Window(start, start + DAY - timedelta(seconds=1))
    return WindowRead(window, (body,), frozenset(bookings), len(bookings), 1, 1, 0.0, None, (None,))


def chunk(session: ArchiveSession, *windows: dict[str, int]) -> Iterator[tuple[list[Any], datetime]]:
    """The options of each batch, as number, position and whether it is a tombstone; and its end."""
    for batch, reads, _ in window_batches(session, cast("WindowReader", Reads(*windows))):
        options = batch.table("booking_options")
        assert options is not None
        yield (
            [(row["booking_number"], row["position"], row["_deleted"]) for row in options.to_pylist()],
            reads[-1].window.end,
        )


def test_batches_of_a_chunk_are_one_package(monkeypatch: pytest.MonkeyPatch) -> None:
    session = ArchiveSession(BookeoSettings(), "A")
    monkeypatch.setattr("bookeo.extract.chunks.PAGES_AT_ONCE", 2)
    batches = list(chunk(session, {"1": 3}, {"2": 1}, {"1": 1}))
    assert [end for _, end in batches] == [BEGIN + days * DAY - timedelta(seconds=1) for days in (2, 3)]
    first, second = (sorted(rows) for rows, _ in batches)
    assert first == [*(("1", position, False) for position in range(3)), ("2", 0, False)]
    assert second == [("1", 0, False), ("1", 1, True), ("1", 2, True)], "what the older version had is taken away"
    [(rows, _)] = chunk(session, {"1": 1})
    assert rows == [("1", 0, False)], "dlt itself replaces what is of another package"


def test_what_comes_slowly_is_shaped_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    session = ArchiveSession(BookeoSettings(), "A")
    monkeypatch.setattr("bookeo.extract.chunks.PAGES_MEANWHILE", 2)
    windows = [{str(day): 1} for day in range(7)]

    def batches(slow_from: int) -> list[list[str]]:
        reads = Reads(*windows, seconds=10 * SLOW, slow_from=slow_from)
        monkeypatch.setattr("bookeo.extract.chunks.time", reads)
        return [list(batch.booking_numbers()) for batch, _, _ in window_batches(session, cast("WindowReader", reads))]

    assert batches(slow_from=8) == [["0", "1", "2", "3", "4", "5", "6"]], "what comes fast is shaped together"
    assert batches(slow_from=4) == [["0", "1", "2", "3", "4"], ["5", "6"]], "one page is too little"


def test_a_window_is_no_larger_than_what_is_held_at_once() -> None:
    assert BookeoSettings(chunk_bookings=1_000_000).window_items == BookeoSettings().window_items == 10_000
    assert BookeoSettings(chunk_bookings=70).window_items == 70
