"""Spans and metrics of loads, in OpenTelemetry's words: names of operations and accounts, and counts; nothing else."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from bookeo import BookeoError
from bookeo.http.observer import Attempt

SCOPE = "bookeo"
FLUSH_MILLISECONDS = 5000
"""How long a load's end may wait for a collector."""

_log = logging.getLogger(__name__)


class Telemetry:
    """Makes spans and metrics.

    Args:
        traces: OpenTelemetry's provider of tracers.
        metrics: Its provider of meters.
    """

    def __init__(self, traces: Any, metrics: Any) -> None:
        self._providers = traces, metrics
        self.tracer = traces.get_tracer(SCOPE)
        meter = metrics.get_meter(SCOPE)
        self.requests = meter.create_counter("bookeo.requests", "{request}", "Requests sent, repeats included.")
        self.throttled = meter.create_counter("bookeo.throttled", "{request}", "Answers with 429.")
        self.waits = meter.create_counter("bookeo.wait", "s", "Waiting for the pace, after a 429, before a repeat.")
        self.rows = meter.create_counter("bookeo.rows", "{row}", "Rows committed, new and changed.")
        self.loads = meter.create_counter("bookeo.loads", "{load}", "Loads that have ended.")
        self.seconds = meter.create_histogram("bookeo.load.duration", "s", "How long loads take.")
        self.lag = meter.create_gauge("bookeo.lag", "s", "How far behind Bookeo's clock the destination is.")

    @contextmanager
    def load(self, account: str | None, destination: str) -> Iterator[LoadSpans]:
        """Makes the span of a load, and sees to it that all of it is sent.

        Args:
            account: The account's name in the settings, if it has one.
            destination: dlt's name of the destination.

        Yields:
            Who is to be told.
        """
        attributes = {"bookeo.account": account or "", "bookeo.destination": destination}
        span = self.tracer.start_span("bookeo load", attributes=attributes)
        try:
            yield LoadSpans(self, span, attributes)
        finally:
            span.end()
            self._send()

    def _send(self) -> None:
        for provider in self._providers:
            try:
                if hasattr(provider, "force_flush"):
                    provider.force_flush(FLUSH_MILLISECONDS)
            except Exception as error:
                # The load has nothing to do with it.
                _log.warning("Telemetry could not be sent (%s).", type(error).__name__)


class LoadSpans:
    """Tells of one load. May be called from many threads.

    Args:
        telemetry: Where to.
        span: The load's span.
        attributes: What all metrics of this load carry.
    """

    def __init__(self, telemetry: Telemetry, span: Any, attributes: Mapping[str, str]) -> None:
        from opentelemetry import trace

        self._telemetry, self._span, self._attributes = telemetry, span, attributes
        self._context = trace.set_span_in_context(span)
        self._began = time.monotonic()

    def begins(self, account_id: str) -> None:
        """Takes notice of the account.

        Args:
            account_id: Its id at Bookeo.
        """
        self._span.set_attribute("bookeo.account_id", account_id)

    def attempted(self, attempt: Attempt) -> None:
        """See `bookeo.http.observer.RequestWatcher`."""
        from opentelemetry.trace import SpanKind, Status, StatusCode

        attributes: dict[str, Any] = {
            "bookeo.operation": attempt.operation,
            "http.request.method": attempt.operation.partition(" ")[0],
        }
        if attempt.status is not None:
            attributes["http.response.status_code"] = attempt.status
        else:
            attributes["error.type"] = attempt.failure or "no answer"
        self._telemetry.requests.add(1, {**self._attributes, **attributes})
        if attempt.status == 429:
            self._telemetry.throttled.add(1, {**self._attributes, "bookeo.operation": attempt.operation})
        ended = time.time_ns()
        span = self._telemetry.tracer.start_span(
            attempt.operation,
            self._context,
            SpanKind.CLIENT,
            {**attributes, "http.request.resend_count": attempt.number - 1},
            start_time=ended - int(attempt.seconds * 1e9),
        )
        if attempt.status is None or attempt.status >= 400:
            span.set_status(Status(StatusCode.ERROR))
        span.end(ended)

    def waited(self, seconds: float) -> None:
        """See `bookeo.http.observer.RequestWatcher`."""
        self._telemetry.waits.add(seconds, self._attributes)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Makes the span of a step.

        Args:
            name: Which step of a package it is.

        Yields:
            Nothing; the step is under way.
        """
        from opentelemetry.trace import Status, StatusCode

        # What an exception says stays out of the span: a database may quote a row.
        with self._telemetry.tracer.start_as_current_span(
            name, self._context, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except Exception as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(Status(StatusCode.ERROR))
                raise

    def committed(self, rows: Mapping[str, int]) -> None:
        """Counts the rows of a package.

        Args:
            rows: Rows by table.
        """
        for table, count in rows.items():
            self._telemetry.rows.add(count, {**self._attributes, "bookeo.table": table})

    def ended(self, outcome: str, failure: BookeoError | None, lag: timedelta | None) -> None:
        """Takes notice of how the load ended.

        Args:
            outcome: See `bookeo_pipelines.outcomes.Outcome`.
            failure: Why it ended early, if it did.
            lag: How far behind Bookeo's clock the destination is, where that is known.
        """
        from opentelemetry.trace import Status, StatusCode

        attributes = {**self._attributes, "bookeo.outcome": outcome}
        self._span.set_attribute("bookeo.outcome", outcome)
        if failure is not None:
            self._span.set_attribute("error.type", type(failure).__name__)
            self._span.set_status(Status(StatusCode.ERROR, failure.message))
        self._telemetry.loads.add(1, attributes)
        self._telemetry.seconds.record(time.monotonic() - self._began, attributes)
        if lag is not None:
            self._telemetry.lag.set(lag.total_seconds(), self._attributes)
