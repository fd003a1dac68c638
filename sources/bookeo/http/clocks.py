"""What the clocks say: the server's on each of its answers, this machine's, and the time since the last load.

A load asks past every clock, so a wrong one costs requests at most. How far a range counts as read depends on whether
the clocks agree, see `Clocks.covered_until`. Where all are wrong alike, by less than two days, the daily look back
finds what they have hidden.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from bookeo.windows import floor_second, format_time, parse_time

TOLERANCE = timedelta(minutes=5)
"""How far clocks may be apart and still agree."""
OPEN_END = timedelta(days=2)
"""How far past the server's clock a load asks."""


def machine_clock() -> datetime:
    """Read this machine's clock, aware, UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Reading:
    """What two clocks showed at one moment of a load; kept in the state for the next.

    Args:
        server: The server's, aware; None where it did not say.
        machine: This machine's, aware.
        apart: How far they were apart, or each from what passed since the load before; None where they agreed.
    """

    server: datetime | None
    machine: datetime
    apart: timedelta | None = None

    def as_state(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {
            "server": format_time(self.server) if self.server else None,
            "machine": format_time(self.machine),
            "apart": int(self.apart.total_seconds()) if self.apart is not None else None,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any] | None) -> Self | None:
        """Read what `as_state` has written.

        Args:
            state: The values; None where there are none.

        Returns:
            The reading; None likewise.
        """
        if not state:
            return None
        apart = state.get("apart")
        return cls(
            parse_time(state["server"]) if state["server"] else None,
            parse_time(state["machine"]),
            timedelta(seconds=apart) if apart is not None else None,
        )


@dataclass(frozen=True)
class Clocks:
    """The clocks of a load, as of one moment.

    Args:
        earliest: The earliest that any answer made the server's clock, aware; None where no answer had a time.
        latest: The latest likewise.
        ahead: What the answer whose clock was furthest ahead makes the server's clock when the load began, aware.
        machine: This machine's clock when the load began, aware.
        before: What the last load read; None where there was none.
    """

    earliest: datetime | None
    latest: datetime | None
    ahead: datetime | None
    machine: datetime
    before: Reading | None = None

    @property
    def reading(self) -> Reading:
        """What the next load compares with."""
        return Reading(self.earliest, self.machine, self.disagreement if self.earliest else None)

    @property
    def now(self) -> datetime:
        """The server's clock at its earliest, else this machine's: what a range may count as read up to at most."""
        return self.earliest or self.machine

    @property
    def open_end(self) -> datetime:
        """The last moment to ask for: past every clock of the server."""
        return (self.latest or self.machine) + OPEN_END

    @property
    def disagreement(self) -> timedelta | None:
        """How far the clocks are apart; None where they agree, the longest span where the server's is not known."""
        if self.earliest is None or self.ahead is None:
            return timedelta.max
        apart = [abs(self.machine - self.earliest), abs(self.machine - self.ahead)]
        if self.before is not None:
            passed = self.machine - self.before.machine
            # Time runs forwards, and by both clocks alike.
            apart.append(max(-passed, timedelta(0)))
            if self.before.server is not None:
                by_server = self.earliest - self.before.server
                apart += [abs(by_server - passed), max(-by_server, timedelta(0))]
        return max(apart) if max(apart) > TOLERANCE else None

    def covered_until(self, newest: datetime | None) -> datetime | None:
        """Tell up to when a range may count as read, however far was asked.

        Args:
            newest: The newest change that was seen, aware; None where none was.

        Returns:
            The earliest clock where all agree, else the newest change seen, and never after the server's clock; None
            where nothing may count.
        """
        if self.disagreement is None:
            return floor_second(min(self.now, self.machine))
        return floor_second(min(newest, self.now)) if newest is not None else None


class ClockWatch:
    """Collects what the server's answers say of its clock; safe to share between threads.

    Args:
        machine_clock: This machine's clock; read once, for it may be set while a load runs.
        elapsed: Monotonic seconds.
    """

    def __init__(
        self,
        machine_clock: Callable[[], datetime] = machine_clock,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._elapsed = elapsed
        self._began = elapsed()
        self._machine = machine_clock()
        self._lock = threading.Lock()
        self._earliest: datetime | None = None
        self._latest: datetime | None = None
        self._ahead: datetime | None = None

    def answered(self, server_time: datetime | None) -> None:
        """Take note of an answer's time.

        Args:
            server_time: Its `Date`, aware; None where it has none that can be trusted.
        """
        if server_time is None:
            return
        began = server_time - timedelta(seconds=self._elapsed() - self._began)
        with self._lock:
            self._earliest = min(self._earliest or server_time, server_time)
            self._latest = max(self._latest or server_time, server_time)
            self._ahead = max(self._ahead or began, began)

    def read(self, before: Reading | None = None) -> Clocks:
        """Read all clocks.

        Args:
            before: What the last load read.

        Returns:
            The clocks.
        """
        with self._lock:
            return Clocks(self._earliest, self._latest, self._ahead, self._machine, before)
