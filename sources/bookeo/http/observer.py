"""What is told of requests while they are made: a line of log for each, and whoever watches."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Protocol

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Attempt:
    """A request that was sent once, and what came back.

    Args:
        operation: The API operation, e.g. `GET /bookings`, without ids or parameters.
        status: The HTTP status; None where no whole answer came.
        seconds: From sending it to the end of the answer.
        number: 1 for the first try, more for repeats.
        failure: Where no whole answer came, what happened.
    """

    operation: str
    status: int | None
    seconds: float
    number: int
    failure: str | None = None


class RequestWatcher(Protocol):
    """Somebody who wants to know of each request; called from the threads that make them."""

    def attempted(self, attempt: Attempt) -> None:
        """Takes notice of a request that has ended."""

    def waited(self, seconds: float) -> None:
        """Takes notice of a wait: for the pace, after a 429, or before a repeat."""


class RequestLog:
    """Tells of the requests of one account.

    Args:
        account: The account's name in the settings, if it has one.
        watcher: Told, too.
    """

    def __init__(self, account: str | None, watcher: RequestWatcher | None = None) -> None:
        self._account = account
        self._watcher = watcher

    def attempted(self, operation: str, status: int | None, seconds: float, number: int, failure: str = "") -> None:
        """Tells of a request that has ended.

        Args:
            operation: See `Attempt`.
            status: See `Attempt`.
            seconds: See `Attempt`.
            number: See `Attempt`.
            failure: See `Attempt`; empty for none.
        """
        what = failure or f"HTTP {status}"
        _log.debug(
            "%s: %s", operation, what, extra=self._fields(operation, status=status, seconds=seconds, attempt=number)
        )
        if self._watcher is not None:
            self._watcher.attempted(Attempt(operation, status, seconds, number, failure or None))

    def waited(self, seconds: float) -> None:
        """Tells of a wait that is over.

        Args:
            seconds: How long it was.
        """
        if self._watcher is not None:
            self._watcher.waited(seconds)

    def throttled(self, operation: str, wait: float) -> None:
        """Tells of an answer with 429.

        Args:
            operation: The API operation.
            wait: Seconds for which all requests of the api key stay away.
        """
        what = "%s was answered with 429; all requests of this api key wait for %.1f s"
        _log.info(what, operation, wait, extra=self._fields(operation, wait_seconds=wait))

    def repeated(self, operation: str, what: str, number: int, wait: float) -> None:
        """Tells of a request that is tried again.

        Args:
            operation: The API operation.
            what: What happened to the last try.
            number: Which try comes now.
            wait: Seconds until then.
        """
        fields = self._fields(operation, wait_seconds=wait)
        _log.info("%s: %s; attempt %d follows in %.1f s", operation, what, number, wait, extra=fields)

    def _fields(self, operation: str, **more: float | None) -> dict[str, object]:
        return {"fields": {"account": self._account, "operation": operation, **more}}
