"""One request to the API, from the keys in its headers to a whole answer or an error that says what to do."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import TracebackType
from typing import Any, Literal, NoReturn, Self
from urllib.parse import urlsplit

import orjson
import urllib3.exceptions

from bookeo.errors import BookeoError, NotBookeo, RateLimited, RetriableError, ServerUnavailable
from bookeo.http.api_errors import Redaction, refusal_error, sent_values
from bookeo.http.body import BodyRefused, read_body
from bookeo.http.clocks import ClockWatch
from bookeo.http.http_session import header_key, http_session
from bookeo.http.observer import RequestLog, RequestWatcher
from bookeo.http.rate_limiter import Gate, gate_for
from bookeo.http.response import Answer, error_object, http_time, told_wait
from bookeo.http.transport_errors import Failure, connection_failure
from bookeo.http.usage import Usage, UsageCounter
from bookeo.settings.model import BookeoSettings
from bookeo.settings.privacy import Privacy, read_actions
from bookeo.windows import format_time

FIRST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 60.0
UNREACHABLE_ATTEMPTS = 3
"""Tries before a host that never answered is taken for the wrong one."""
PATIENCE_IN_WAITS = 3
"""A request answered with 429 over and over is given up after this many times the setting `max_wait_seconds`."""
ANSWER_IN_TIMEOUTS = 5
"""An answer that is not whole after this many times the setting `timeout_seconds` is asked for again."""
PERSONAL_PARAMS = frozenset({"searchText", "reason"})
"""Query parameters that may hold something about a customer."""

Method = Literal["GET", "POST", "PUT", "DELETE"]


@dataclass(frozen=True)
class _Call:
    """A request as asked for, the same in every attempt."""

    method: Method
    path: str
    operation: str
    params: dict[str, str]
    body: bytes | None
    sent: tuple[str, ...]
    child: bool
    started: float


class Transport:
    """Sends requests for one account; safe to call from many threads.

    At most `settings.concurrency` requests are under way at once. All transports with the same api key share one gate
    (see `bookeo.http.rate_limiter`), so that together they keep the pace.

    What is tried again, and for how long:

    - Reading (`GET`): 408, 5xx, time-outs, resets, cut-off and non-JSON bodies count as attempts, at most
      `settings.max_attempts` for one request, with a random wait below an exponentially growing bound between them (or
      what the server asks for, if longer). Over the transport's life such repeats may not exceed
      `bookeo.http.usage.RETRY_SHARE` of all requests: a server that fails so often is left alone.
    - A 429 closes the gate for all threads, for as long as the server asks (at most `settings.max_wait_seconds` at
      once). It does not count as an attempt, for the wait was asked for; instead a request is given up once the next
      wait would end more than three times `max_wait_seconds` (15 minutes by default) after its first 429 in a row.
    - Writing (`POST`, `PUT`, `DELETE`) is repeated only when the server certainly did not act: after a 429, and when no
      connection came about. After anything else the error says that the outcome is unknown.
    - 400, 401, 403, 404 and every other 4xx: never.

    Args:
        settings: The account's settings, keys included.
        gate: The gate to go through; by default the shared one of the api key.
        clock: Monotonic seconds.
        sleep: Waits for some seconds; by default until `close` at the longest.
        jitter: A random number from 0 up to 1.
        watcher: Told of each request and each wait.

    Raises:
        SettingsError: A key is missing or holds characters that no header can carry.
    """

    def __init__(
        self,
        settings: BookeoSettings,
        *,
        gate: Gate | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
        jitter: Callable[[], float] = random.random,
        watcher: RequestWatcher | None = None,
    ) -> None:
        self._host = ""  # for `repr`, where the keys are refused
        api_key, secret_key = header_key("api_key", settings.api_key), header_key("secret_key", settings.secret_key)
        self.settings = settings
        self._base_url = settings.base_url.rstrip("/")
        self._host = urlsplit(self._base_url).netloc
        self._redaction = Redaction((api_key, secret_key), keep_words=Privacy(read_actions(settings.privacy)).keeps_all)
        self._gate = gate or gate_for(api_key, self._base_url, settings.effective_requests_per_second, settings.burst)
        self._clock, self._jitter = clock, jitter
        self._stopped = threading.Event()
        self._pause = sleep or self._stopped.wait
        self._slots = threading.Semaphore(settings.concurrency)
        self._usage = UsageCounter(settings.max_requests)
        self._log = RequestLog(settings.account, watcher)
        self.clock = ClockWatch()
        """What the answers tell of the server's clock."""
        self._answered = False
        self._headers: dict[str, str] = {}
        self._session = http_session(settings, api_key, secret_key)

    def __repr__(self) -> str:
        return f"Transport({self._host})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def usage(self) -> Usage:
        """What has been used up so far."""
        return self._usage.snapshot()

    def close(self) -> None:
        """Closes the connections; requests after that, and those waiting, raise `RetriableError`."""
        self._stopped.set()
        self._session.close()

    def request(
        self,
        method: Method,
        path: str,
        *,
        operation: str,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        child: bool = False,
    ) -> Answer:
        """Sends a request and waits for a whole answer.

        Args:
            method: HTTP method.
            path: Path below the base URL, starting with `/`, percent-encoded.
            operation: The API operation for errors and counters: method and path with names in place of ids.
            params: Query parameters.
            json: The body, JSON-like; `Decimal` becomes text, as the API wants money, and aware times RFC 3339.
            child: Whether the load can do without this one record: a 403 is then `NotReadable`.

        Returns:
            The answer; its body is JSON or, after writing, empty.

        Raises:
            CredentialsRejected: 401.
            PermissionMissing: 403.
            NotReadable: 403 with `child`.
            NotFound: 404 for a single record.
            RequestRejected: Any other 4xx.
            NotBookeo: Something else answers at the base URL, or nothing at all.
            RateLimited: 429 for too long.
            ServerUnavailable: No whole answer until the attempts ran out, or a write whose outcome is unknown.
            RequestBudgetSpent: `settings.max_requests` requests have been made.
            RetriableError: The transport was closed.
        """
        query = dict(params or {})
        call = _Call(
            method,
            path,
            operation,
            query,
            None if json is None else orjson.dumps(json, default=_json_default, option=orjson.OPT_PASSTHROUGH_DATETIME),
            (*sent_values(json), *(value for name, value in query.items() if name in PERSONAL_PARAMS)),
            child,
            self._clock(),
        )
        attempts = failures = throttles = 0
        throttled_since = call.started
        while True:
            attempts += 1
            with self._slots:
                self._usage.spend(operation)
                ticket = self._gate.enter(self._wait)
                received = self._attempt(call, attempts)
            # Another request may be under way while this one's answer is looked at.
            verdict = received if isinstance(received, Failure) else self._judge(call, *received, attempts)
            if not isinstance(verdict, Failure):
                self._gate.succeed()
                if isinstance(verdict, BookeoError):
                    raise verdict
                return verdict
            if verdict.throttled:
                throttles += 1
                if throttles == 1:
                    throttled_since = self._clock()
                self._close_gate(call, verdict, ticket, throttles, throttled_since)
            else:
                throttles = 0
                failures += 1
                self._wait_or_give_up(call, verdict, failures)

    def _attempt(self, call: _Call, attempts: int) -> tuple[int, Mapping[str, str], bytes] | Failure:
        """Sends the request once; returns the status, the headers and the body of what comes back."""
        if self._stopped.is_set():
            raise RetriableError("The load was stopped.", operation=call.operation)
        began = self._clock()
        try:
            response = self._session.request(
                call.method,
                self._base_url + call.path,
                params=call.params,
                data=call.body,
                headers=self._headers | ({"Content-Type": "application/json"} if call.body is not None else {}),
                timeout=self.settings.timeout_seconds,
                allow_redirects=False,
                stream=True,
            )
            seconds = ANSWER_IN_TIMEOUTS * self.settings.timeout_seconds
            body = read_body(response, seconds=seconds, clock=self._clock)
            status, headers = response.status_code, response.headers
        except BodyRefused as refused:
            self._log.attempted(call.operation, None, self._clock() - began, attempts, str(refused))
            return Failure(str(refused))
        except (OSError, urllib3.exceptions.HTTPError) as error:
            if isinstance(error, urllib3.exceptions.DecodeError):
                # Packed otherwise than its header says: from now on, nothing is to be packed.
                self._headers["Accept-Encoding"] = "identity"
            # Classified, never chained: the exception carries the request, and with it the keys.
            failure = connection_failure(error)
            self._log.attempted(call.operation, None, self._clock() - began, attempts, failure.what)
            return failure
        self._log.attempted(call.operation, status, self._clock() - began, attempts)
        return status, headers, body

    def _judge(
        self, call: _Call, status: int, headers: Mapping[str, str], body: bytes, attempts: int
    ) -> Answer | BookeoError | Failure:
        """Tells an answer from a final refusal and from what may be tried again."""
        if 200 <= status < 300:
            answer = Answer(
                body,
                server_time=http_time(headers.get("Date")),
                attempts=attempts,
                seconds=self._clock() - call.started,
                location=headers.get("Location"),
                language=headers.get("Content-Language"),
                operation=call.operation,
            )
            self.clock.answered(answer.server_time)
            return self._judge_success(call, status, headers, answer)
        return self._judge_refusal(call, status, headers, body)

    def _judge_success(
        self, call: _Call, status: int, headers: Mapping[str, str], answer: Answer
    ) -> Answer | BookeoError | Failure:
        try:
            # Something must be there when reading, and what is there must be whole.
            if answer.members is not None or answer.payload is not None or call.method != "GET":
                self._answered = True
                return answer
        except ValueError:
            pass
        page = answer.body.lstrip()[:1] == b"<" or "html" in headers.get("Content-Type", "").lower()
        if page and not self._answered:
            return self._not_bookeo("it answers with a web page", call, status)
        return Failure("an answer that is empty, cut off or not JSON", status)

    def _judge_refusal(
        self, call: _Call, status: int, headers: Mapping[str, str], body: bytes
    ) -> BookeoError | Failure:
        refusal = error_object(body)
        if status == 429:
            return Failure("HTTP 429", status, throttled=True, unsent=True, told=told_wait(headers, body))
        if status < 200 or status == 408 or status >= 500 or (status < 400 and self._answered):
            error_id = self._redaction.error_id(refusal)
            return Failure(f"HTTP {status}", status, error_id, told=told_wait(headers, body))
        if status < 400:
            target = urlsplit(headers.get("Location") or "").hostname or "another address"
            return self._not_bookeo(f"it redirects to {target}, where the keys are not sent", call, status)
        unknown_path = status == 404 and not call.child and "{" not in call.operation
        if not self._answered and status != 401 and (refusal is None or unknown_path):
            return self._not_bookeo(f"it answers {call.operation} with HTTP {status}", call, status)
        self._answered = True
        return refusal_error(
            status, refusal, operation=call.operation, child=call.child, redaction=self._redaction, sent=call.sent
        )

    def _close_gate(self, call: _Call, failure: Failure, ticket: int, nth: int, since: float) -> None:
        """Closes the gate after a 429; the next attempt waits there. Gives up when it has gone on for too long."""
        self._usage.throttle()
        bound = min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2**nth)
        told = failure.told
        # A told wait is believed twice; a server that goes on refusing after it means more than it says.
        wait = told if told is not None and nth <= 2 else max(told or 0.0, bound * (1 + self._jitter()) / 2)
        longest = self.settings.max_wait_seconds
        wait = min(wait, longest)
        self._gate.throttle(ticket, wait)
        self._log.throttled(call.operation, wait)
        if self._clock() + wait - since > PATIENCE_IN_WAITS * longest or longest <= 0:
            raise RateLimited(
                f"Bookeo still limits requests after {self._clock() - since:.0f} s of waiting ({nth} times HTTP 429 "
                f"for {call.operation}); run the same command again later.",
                operation=call.operation,
                status=429,
            )

    def _wait_or_give_up(self, call: _Call, failure: Failure, failures: int) -> None:
        if call.method != "GET" and not failure.unsent:
            raise ServerUnavailable(
                f"{call.operation} ended with {failure.what}; whether Bookeo carried it out is not known, so it was "
                "not repeated: look before you do.",
                operation=call.operation,
                status=failure.status,
                error_id=failure.error_id,
            )
        lost = failure.unreachable and not self._answered
        if failures >= (min(UNREACHABLE_ATTEMPTS, self.settings.max_attempts) if lost else self.settings.max_attempts):
            if lost:
                raise self._not_bookeo(failure.what, call, None)
            self._give_up(call, failure, f"in {failures} attempts")
        if not self._usage.may_retry():
            self._give_up(call, failure, f"and {self._usage.snapshot().retries} requests had to be repeated before it")
        bound = min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2**failures)
        wait = max(bound * self._jitter(), min(failure.told or 0.0, self.settings.max_wait_seconds))
        self._log.repeated(call.operation, failure.what, failures + 1, wait)
        self._wait(wait)

    def _give_up(self, call: _Call, failure: Failure, how_often: str) -> NoReturn:
        raise ServerUnavailable(
            f"{call.operation} got no whole answer {how_often} (the last: {failure.what}); run the same command again "
            "later.",
            operation=call.operation,
            status=failure.status,
            error_id=failure.error_id,
        )

    def _not_bookeo(self, what: str, call: _Call, status: int | None) -> NotBookeo:
        return NotBookeo(
            f"The Bookeo API does not seem to be at {self._host}: {what}; check the setting base_url and the network.",
            operation=call.operation,
            status=status,
        )

    def _wait(self, seconds: float) -> None:
        before = self._clock()
        self._pause(seconds)
        self._usage.wait(waited := self._clock() - before)
        self._log.waited(waited)
        if self._stopped.is_set():
            raise RetriableError("The load was stopped while it waited.")


def _json_default(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return format_time(value)
    raise TypeError(f"{type(value).__name__} does not belong into a request")
