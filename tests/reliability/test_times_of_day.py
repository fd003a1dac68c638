"""Days that are not as long as others, and business hours at both ends of the world, through a whole load."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bookeo.windows import PADDING
from bookeo_sandbox import serve
from load_rig import Rig

MOMENTS = [
    # Both hemispheres' changes of the clocks, to either side of them to the second.
    "2023-12-31T23:59:59+00:00",
    "2024-01-01T00:00:00+00:00",
    "2024-02-28T23:59:59+00:00",
    "2024-02-29T00:00:00+00:00",
    "2024-02-29T23:59:59+00:00",
    "2024-03-01T00:00:00+00:00",
    "2024-03-31T00:59:59+00:00",
    "2024-03-31T01:00:00+00:00",
    "2024-04-06T15:59:59+00:00",
    "2024-04-06T16:00:00+00:00",
    "2024-10-05T15:59:59+00:00",
    "2024-10-05T16:00:00+00:00",
    "2024-10-27T00:30:00+00:00",
    "2024-10-27T01:30:00+00:00",
    "2024-12-31T10:00:00+00:00",
    "2024-12-31T23:59:59+00:00",
]
ZONES = ["Europe/Berlin", "Australia/Sydney", "Pacific/Pago_Pago", "Pacific/Kiritimati"]
"""A clock that changes in spring, one that changes in autumn, and the offsets -11:00 and +14:00."""


@pytest.mark.parametrize("zone", ZONES)
def test_bookings_changed_at_the_edges_of_hours_days_and_years_are_each_loaded_once(folder: Path, zone: str) -> None:
    with serve(bookings=60, years=2, end="2025-01-31", time_zones=[zone], deletions=False) as sandbox:
        now = datetime.fromisoformat(sandbox.now())
        numbers = [booking["bookingNumber"] for booking in sandbox.truth()["bookings"]]
        changed = dict(zip(numbers, [datetime.fromisoformat(text) for text in MOMENTS], strict=False))
        for number, moment in changed.items():
            sandbox.touch(number, seconds=(moment - now).total_seconds())
        rig = Rig(folder, sandbox, tables=("bookings",), start="2023-01-31", chunk_bookings=1000, window_days=31)

        # Up to the second and on from it: nothing falls between.
        assert rig.load(until=datetime.fromisoformat(MOMENTS[8]), overlap_seconds=0).failure is None
        [(newest,)] = rig.ask("SELECT max(updated_at) FROM bookings")
        assert timedelta(0) <= newest - datetime.fromisoformat(MOMENTS[8]) <= PADDING
        assert rig.load(overlap_seconds=0).failure is None

        assert rig.differences() == []
        assert rig.ledger_gaps() == []
        rows = rig.ask(
            "SELECT booking_number, updated_at, start_time, start_date_local, start_time_local FROM bookings"
        )
        found = {number: updated for number, updated, *_ in rows}
        assert {number: found[number] for number in changed} == changed
        for _, _, start, day, clock in rows:
            assert datetime.combine(day, clock) == start.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        asked = [
            (datetime.fromisoformat(one["query"]["lastUpdatedStartTime"]), one["query"]["lastUpdatedEndTime"])
            for one in sandbox.requests()["log"]
            if "lastUpdatedStartTime" in one["query"]
        ]
        assert all(datetime.fromisoformat(end) - begin <= timedelta(days=31) for begin, end in asked)
        assert all(end.endswith("+00:00") for _, end in asked), "never the account's own zone, whatever the offset"
