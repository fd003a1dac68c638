"""What a run has used of the API: requests, repeats, refusals for pace, time spent waiting."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from bookeo.errors import RequestBudgetSpent

FREE_RETRIES = 50
"""Repeats that a run may always make."""
RETRY_SHARE = 0.3
"""Beyond those, the share of all requests that may be repeats."""


@dataclass(frozen=True)
class Usage:
    """Counts of one transport's life.

    Args:
        requests: Requests sent by API operation, e.g. `GET /bookings`; every attempt counted.
        retries: Repeats after failures (5xx, time-outs, resets, broken bodies); repeats after a 429 are not among them.
        throttled: Answers with 429.
        seconds_waited: Seconds spent waiting for the pace, after a 429 and between repeats, summed over all threads.
    """

    requests: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    retries: int = 0
    throttled: int = 0
    seconds_waited: float = 0.0

    @property
    def total_requests(self) -> int:
        """Requests of all operations together."""
        return sum(self.requests.values())


class UsageCounter:
    """Counts, and says when a run has had enough; safe to share between threads.

    Args:
        max_requests: Requests that may be made; None for no limit.
    """

    def __init__(self, max_requests: int | None = None) -> None:
        self._lock = threading.Lock()
        self._max_requests = max_requests
        self._by_operation: Counter[str] = Counter()
        self._requests = self._retries = self._throttled = 0
        self._seconds_waited = 0.0

    def spend(self, operation: str) -> None:
        """Counts a request that is about to go out.

        Args:
            operation: The API operation.

        Raises:
            RequestBudgetSpent: As many requests as allowed have been made; this one must not go out.
        """
        with self._lock:
            if self._max_requests is not None and self._requests >= self._max_requests:
                raise RequestBudgetSpent(
                    f"The {self._max_requests} requests allowed for this run (setting max_requests) are used up; "
                    "the next run goes on from here.",
                    operation=operation,
                )
            self._requests += 1
            self._by_operation[operation] += 1

    def may_retry(self) -> bool:
        """Counts a repeat, if the run has not had too many.

        Returns:
            False if it has; nothing is counted then.
        """
        with self._lock:
            if self._retries >= max(FREE_RETRIES, self._requests * RETRY_SHARE):
                return False
            self._retries += 1
            return True

    def throttle(self) -> None:
        """Counts a 429."""
        with self._lock:
            self._throttled += 1

    def wait(self, seconds: float) -> None:
        """Counts time spent waiting.

        Args:
            seconds: How long.
        """
        with self._lock:
            self._seconds_waited += seconds

    def snapshot(self) -> Usage:
        """Reads all counts at one moment.

        Returns:
            The counts; later requests do not change them.
        """
        with self._lock:
            return Usage(
                requests=MappingProxyType(dict(self._by_operation)),
                retries=self._retries,
                throttled=self._throttled,
                seconds_waited=self._seconds_waited,
            )
