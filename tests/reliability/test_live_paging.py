"""Bookings change and vanish between the page requests of a whole load; finer in `test_reader_paging.py`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bookeo_sandbox import RequestInfo, Sandbox
from load_rig import Rig

FIRST_WINDOW = {"start": "2026-05-10", "window_days": 31, "items_per_page": 10, "chunk_bookings": 1000}


@pytest.mark.parametrize(
    "happens",
    [
        pytest.param(lambda s, page: s.touch(page[9]), id="the row before the page edge changes"),
        pytest.param(lambda s, page: s.delete(page[9]), id="the row before the page edge vanishes"),
        pytest.param(lambda s, page: s.delete(page[-1]), id="the last row vanishes"),
        pytest.param(lambda s, page: [s.touch(number) for number in page[10:]], id="one page is left"),
        pytest.param(lambda s, page: [s.delete(number) for number in page[:10]], id="the first page vanishes"),
        pytest.param(lambda s, page: s.expire_tokens(), id="the token expires"),
    ],
)
def test_what_changes_between_two_pages_is_loaded_now_or_next_time(
    folder: Path, sandbox: Sandbox, happens: Callable[[Sandbox, list[str]], object]
) -> None:
    rig = Rig(folder, sandbox, tables=("bookings", "booking_people"), **FIRST_WINDOW)
    # All that the first window holds, in the order of its pages.
    in_window = [
        booking
        for booking in sandbox.truth()["bookings"]
        if "2026-05-10" <= booking.get("lastChangeTime", booking["creationTime"])[:10] < "2026-06-10"
    ]
    numbers = [booking["bookingNumber"] for booking in in_window]
    assert len(numbers) > 25
    done = []

    def hook(request: RequestInfo) -> None:
        if "pageNavigationToken" in request.query and not done:
            done.append(request)
            happens(sandbox, numbers)

    sandbox.on_request(hook)
    result = rig.load()
    sandbox.remove_hooks()
    assert done, "it happened between two pages"
    assert result.failure is None
    attempts = rig.ask("SELECT max(attempts) FROM load_windows")
    assert attempts == [(2,)], "the window was read again"
    sandbox.advance(minutes=20)
    assert rig.load().failure is None
    early = {booking["bookingNumber"] for booking in sandbox.truth()["bookings"]} - {
        n for (n,) in rig.ask("SELECT booking_number FROM bookings")
    }
    vanished = set(sandbox.truth()["deletedBookings"])
    started = {
        booking["bookingNumber"]
        for booking in sandbox.truth()["bookings"]
        if booking.get("lastChangeTime", booking["creationTime"]) < "2026-05-10T12"
    }
    assert early <= started, "only what lies before the start is missing"
    assert rig.differences(but=started | vanished) == []
