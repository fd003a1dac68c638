"""A wrong clock of this machine changes nothing: the server's own time is what counts."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self

import pytest
from dlt.common.time import LockedMonotonicPreciseTime

from bookeo_sandbox import Sandbox
from load_rig import FEW_TABLES, Rig

HOURS = 3600


RIGHT = datetime(2026, 6, 30, 23, 59, 59, tzinfo=UTC)
"""The server's time when a test begins."""


class Clock:
    """Puts this machine's clock wrong, wherever the load or dlt look at it, as for a process that starts anew."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self._began = time.monotonic()

    def put(self, off: float) -> None:
        def now() -> float:
            return RIGHT.timestamp() + time.monotonic() - self._began

        class Wrong(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Self:
                return super().fromtimestamp(now() + off, tz)

        patch = self._monkeypatch.setattr
        patch(time, "time", lambda: now() + off)
        patch("dlt.common.time.precise_time", lambda: now() + off)
        patch("dlt.common.storages.load_package.precise_time", lambda: now() + off)
        # The ids of dlt's packages are such times; they are only made to rise within one process.
        ids = LockedMonotonicPreciseTime(strictly_increasing=True)
        patch("dlt.common.time.increasing_precise_time", ids)
        patch("dlt.common.storages.load_package.increasing_precise_time", ids)
        for name, module in list(sys.modules.items()):
            if name.startswith("bookeo") and getattr(module, "datetime", None) is datetime:
                patch(module, "datetime", Wrong)


@pytest.mark.parametrize("hours", [3, -3])
def test_a_load_with_the_clock_three_hours_off_ends_in_the_truth(
    folder: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    rig = Rig(folder, sandbox, tables=FEW_TABLES, chunk_bookings=1000)
    clock = Clock(monkeypatch)
    clock.put(hours * HOURS)
    first = rig.load()
    assert first.covered is not None
    assert first.covered[1] == RIGHT, "the server's time"
    assert rig.differences() == []

    # The clock is put right; the loads that follow go on from each other all the same.
    sandbox.advance(hours=2)
    clock.put(0)
    second = rig.load()
    assert second.covered is not None
    sandbox.advance(hours=2)
    third = rig.load()
    assert third.covered is not None
    overlap = timedelta(seconds=rig.settings().overlap_seconds - 1)
    assert second.covered[0] == first.covered[1] - overlap
    assert third.covered[0] == second.covered[1] - overlap
    assert rig.differences() == []
