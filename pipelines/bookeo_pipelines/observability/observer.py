"""What a load tells while it runs: lines of log, and spans and metrics where somebody collects them."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bookeo import BookeoError, Progress
from bookeo.http.observer import RequestWatcher
from bookeo_pipelines.destinations.errors import as_bookeo_error
from bookeo_pipelines.destinations.target import Target
from bookeo_pipelines.interrupts import interrupts
from bookeo_pipelines.outcomes import Outcome, failure_as_json, outcome_of

if TYPE_CHECKING:
    from bookeo_pipelines.observability.spans import LoadSpans

PROGRESS_SECONDS = 10.0
"""How often a line says how far a load is."""

_log = logging.getLogger(__name__)


class LoadWatch:
    """Told by one load of what it does.

    Args:
        account: The account's name in the settings, if it has one.
        target: Where the load goes.
        spans: Where spans and metrics of it go; None for nowhere.
    """

    def __init__(self, account: str | None, target: Target, spans: LoadSpans | None = None) -> None:
        self._account = account
        self._spans = spans
        self._target = target
        self._last_line = time.monotonic()
        self._seconds: dict[str, float] = {}

    @property
    def requests(self) -> RequestWatcher | None:
        """Who wants to know of each request; None for nobody."""
        return self._spans

    def begins(self, account_id: str) -> None:
        """Tells that the account is known and the load is under way.

        Args:
            account_id: The account's id at Bookeo.
        """
        self._tell("The load begins", account_id=account_id, destination=self._target.destination)
        if self._spans is not None:
            self._spans.begins(account_id)

    def progress(self, progress: Progress) -> None:
        """Tells now and then how far the load is.

        Args:
            progress: How far it is.
        """
        if time.monotonic() - self._last_line >= PROGRESS_SECONDS:
            self._last_line = time.monotonic()
            self._tell("The load goes on", **vars(progress))

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measures one step of a package.

        Args:
            name: `extract`, `normalize` or `load`.

        Yields:
            Nothing; the step is under way.
        """
        began = time.monotonic()
        with self._spans.step(name) if self._spans is not None else nullcontext():
            yield
        self._seconds[name] = time.monotonic() - began

    def committed(self, number: int, rows: Counter[str]) -> None:
        """Tells of a package that is in the destination.

        Args:
            number: How many there are by now.
            rows: Its rows, by table.
        """
        seconds = {name: round(spent, 3) for name, spent in self._seconds.items()}
        self._seconds.clear()
        self._tell("A package is committed", package=number, rows=dict(rows), seconds=seconds)
        if self._spans is not None:
            self._spans.committed(rows)

    def interrupted(self) -> None:
        """Tells that the load was interrupted."""
        outcome = Outcome.INTERRUPTED
        self._tell("The load has ended", logging.WARNING, outcome=outcome.value)
        if self._spans is not None:
            self._spans.ended(outcome.value, None, None)

    def ended(self, *, failure: BookeoError | None, rejected: int, lag: timedelta | None, **summary: Any) -> None:
        """Tells how the load ended.

        Args:
            failure: Why it ended early, if it did.
            rejected: Records that could not be shaped.
            lag: How far behind Bookeo's clock the destination is now; None where the load does not tell.
            **summary: What else is to be said.
        """
        outcome = outcome_of(failure, rejected=rejected > 0)
        level = logging.INFO if outcome.exit_code == 0 else logging.ERROR
        self._tell(
            "The load has ended",
            level,
            outcome=outcome.value,
            failure=failure_as_json(failure) if failure else None,
            rejected=rejected,
            lag_seconds=round(lag.total_seconds(), 3) if lag is not None else None,
            **summary,
        )
        if self._spans is not None:
            self._spans.ended(outcome.value, failure, lag)

    def _tell(self, message: str, level: int = logging.INFO, **fields: Any) -> None:
        _log.log(level, message, extra={"fields": {"account": self._account, **fields}})


@contextmanager
def watched(account: str | None, target: Target) -> Iterator[LoadWatch]:
    """Watches a load from before its first request to its end.

    Args:
        account: The account's name in the settings, if it has one.
        target: Where the load goes.

    Yields:
        Who is to be told. An exception that ends the block is told, too.
    """
    from bookeo_pipelines.observability.telemetry import telemetry

    collected = telemetry()
    with collected.load(account, target.destination) if collected else nullcontext() as spans:
        watch = LoadWatch(account, target, spans)
        try:
            with interrupts.telling(watch.interrupted):
                yield watch
        except Exception as error:
            if interrupts.number is not None:
                raise
            watch.ended(failure=as_bookeo_error(error, target), rejected=0, lag=None)
            raise
