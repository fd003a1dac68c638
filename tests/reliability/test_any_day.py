"""A load may begin on any day, a second before midnight or while the clocks change, and so may the one after it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bookeo_sandbox import serve
from load_rig import SMALL_BUSINESS, Rig

MOMENTS = {
    "2024-02-28T23:59:59": "Europe/Berlin",  # before a leap day
    "2024-02-29T23:59:59": "Pacific/Kiritimati",  # after it
    "2026-03-29T01:59:59": "Europe/Berlin",  # the next second is 03:00:00
    "2026-10-25T01:59:59": "Europe/Berlin",  # the hour that begins comes twice
    "2026-11-30T23:59:59": "America/Los_Angeles",
    "2026-12-31T23:59:59": "Australia/Sydney",
}
"""Local times of a business at which a load begins, by the second before something happens in the calendar."""


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_load_and_the_one_an_hour_later_equal_the_truth(folder: Path, moment: str) -> None:
    began = datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(MOMENTS[moment]))
    business = {**SMALL_BUSINESS, "bookings": 40, "end": began.isoformat(), "time_zones": [MOMENTS[moment]]}
    with serve(**business) as sandbox:
        assert sandbox.now() == began.isoformat()
        start = f"{began - timedelta(days=80):%Y-%m-%d}"
        rig = Rig(folder, sandbox, tables=("bookings", "payments"), start=start, payments="as_needed", window_days=31)
        assert rig.load().failure is None
        sandbox.advance(hours=1)
        loaded = rig.load()
        assert loaded.failure is None
        assert rig.differences(payments=True) == []
        assert rig.ledger_gaps() == []
        assert loaded.covered is not None
        assert loaded.covered[1] == began.astimezone(UTC) + timedelta(hours=1)
