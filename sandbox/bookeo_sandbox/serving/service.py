"""One request from the outside to its answer: count, faults, keys, operation."""

from __future__ import annotations

import math
import re
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from functools import partial
from typing import Any

import orjson

from bookeo_sandbox.business import Business
from bookeo_sandbox.operations.availability import Availability
from bookeo_sandbox.operations.blocking import Blocking
from bookeo_sandbox.operations.languages import content_language
from bookeo_sandbox.operations.reading import Reading
from bookeo_sandbox.operations.table import Operation, operations
from bookeo_sandbox.operations.writing import Writing
from bookeo_sandbox.protocol.calls import Answer, Call
from bookeo_sandbox.protocol.errors import ApiError
from bookeo_sandbox.protocol.escapes import escaped
from bookeo_sandbox.records.account import Account
from bookeo_sandbox.records.ids import stable_id
from bookeo_sandbox.serving.faults import BEFORE, Fault, RateLimiter

_LOG_KEPT = 100_000
KEY_PARAMETERS = ("apiKey", "secretKey")
_DATA = b'"data":['
_EMPTY_LIST = b'{"info":{"totalItems":0,"totalPages":0,"currentPage":1},"data":[]}'
_TOTALS = re.compile(rb'"totalItems":(\d+),"totalPages":(\d+),')


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """A request as hooks and the log see it, without keys.

    Args:
        number: Which request of this operation, from 1.
        operation: Method and path template, e.g. `GET /bookings`.
        path: Parameters of the path.
        query: Parameters of the query.
        account: Name of the account, None for keys that are not known.
    """

    number: int
    operation: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    account: str | None


Hook = Callable[[RequestInfo], None]


class Service:
    """The API over a business, with its faults and counts.

    Args:
        business: Whose data it serves.
    """

    def __init__(self, business: Business) -> None:
        self.business = business
        self.hooks: list[Hook] = []
        self.reset()

    def reset(self) -> None:
        """Forgets tokens, webhooks, faults and counts; hooks stay."""
        self.reading = Reading()
        self.writing = Writing()
        self.operations: dict[tuple[str, str], Operation] = operations(
            self.reading, self.writing, Availability(self.reading.pager), Blocking(self.reading.pager)
        )
        self.faults: list[Fault] = []
        self.limiter: RateLimiter | None = None
        self._errors = 0
        self.clear_requests()

    def clear_requests(self) -> None:
        """Forgets what was asked so far."""
        self.counts: Counter[tuple[str, str]] = Counter()
        self._arrived: Counter[str] = Counter()
        self.log: deque[dict[str, Any]] = deque(maxlen=_LOG_KEPT)
        self.keys_in_query = False

    def arrive(
        self, operation: str, path: Mapping[str, str], query: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[RequestInfo, list[Fault]]:
        """Takes note of a request, lets hooks run, and decides what goes wrong with it.

        Args:
            operation: Method and path template.
            path: Parameters of the path.
            query: Parameters of the query.
            headers: Its headers.

        Returns:
            The request without keys, and the faults that strike.
        """
        with self.business.lock:
            self._arrived[operation] += 1
            self.keys_in_query |= any(name in query for name in KEY_PARAMETERS)
            shown = {name: value for name, value in query.items() if name not in KEY_PARAMETERS}
            account = self._account(query, headers)
            name = account.profile.name if account else None
            info = RequestInfo(self._arrived[operation], operation, dict(path), shown, name)
            hooks = list(self.hooks)
        for hook in hooks:
            hook(info)
        with self.business.lock:
            return info, [fault for fault in self.faults if fault.strikes(operation)]

    def answer(
        self, info: RequestInfo, faults: list[Fault], query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> Answer:
        """Answers a request, in place of the operation where a fault says so.

        Args:
            info: The request as noted.
            faults: The faults that strike it.
            query: Parameters of the query, keys included.
            headers: Its headers.
            body: Its body.

        Returns:
            The answer, with the headers that every answer has.
        """
        with self.business.lock:
            language = None
            try:
                early = next((fault for fault in faults if fault.kind in BEFORE), None)
                if early is not None:
                    answer = self._faulty(early)
                else:
                    account = self._checked(query, headers)
                    call = Call(
                        self.business, account, info.operation, info.path, info.query, body, self.business.now()
                    )
                    language = content_language(call)
                    method, _, path = info.operation.partition(" ")
                    answer = self.operations[method, path](call)
            except ApiError as error:
                answer = self.refusal(error)
            for fault in faults:
                if fault.kind == "empty_list" and _DATA in answer.body:
                    answer.body = _EMPTY_LIST
                elif fault.kind == "wrong_total":
                    answer.body = _TOTALS.sub(partial(_wrong, how=fault.total), answer.body)
            answer.body = escaped(answer.body, self.business.switches.json_escapes)
            if language and answer.body:
                answer.headers["Content-Language"] = language
            self.note(info, str(answer.status), [fault.kind for fault in faults])
            return answer

    def note(self, info: RequestInfo, status: str, faults: list[str]) -> None:
        """Counts a request.

        Args:
            info: The request.
            status: HTTP status code of its answer.
            faults: Kinds of the faults that struck.
        """
        self.counts[info.operation, status] += 1
        entry = {
            "operation": info.operation,
            "path": dict(info.path),
            "query": dict(info.query),
            "account": info.account,
        }
        self.log.append({**entry, "status": status, "faults": faults})

    def refusal(self, error: ApiError) -> Answer:
        """Makes the API's error object.

        Args:
            error: What was refused.

        Returns:
            The answer.
        """
        self._errors += 1
        value = {
            "httpStatus": error.status,
            "message": error.message,
            "errorId": stable_id("error", self._errors, length=20),
        }
        answer = Answer(error.status, orjson.dumps(value))
        if isinstance(error, _TooManyError):
            answer.headers["Retry-After"] = str(error.wait)
        return answer

    def date(self, fault: Fault | None = None) -> str | None:
        """Tells the time of the sandbox for the header `Date`.

        Args:
            fault: What is wrong with it; None: nothing.

        Returns:
            An HTTP date, or what stands in its place; None: no header.
        """
        with self.business.lock:
            if fault is None:
                return formatdate(self.business.now(), usegmt=True)
            date = formatdate(int(self.business.now() + fault.seconds), usegmt=True)
        right_length = {"shifted": len(date), "no_zone": -len(" GMT")}
        return {"absent": None, "nonsense": "yesterday"}.get(fault.date, date[: right_length.get(fault.date, 0)])

    def _account(self, query: Mapping[str, str], headers: Mapping[str, str]) -> Account | None:
        key = headers.get("x-bookeo-apikey") or query.get("apiKey")
        return next((account for account in self.business.accounts if account.api_key.key == key), None)

    def _checked(self, query: Mapping[str, str], headers: Mapping[str, str]) -> Account:
        secret = headers.get("x-bookeo-secretkey") or query.get("secretKey")
        account = self._account(query, headers)
        if secret != self.business.secret_key or account is None or account.api_key.revoked:
            raise ApiError(401, "Missing or invalid secret key or API key")
        wait = self.limiter.wait(account.api_key.key) if self.limiter else 0.0
        if wait:
            raise _TooManyError(math.ceil(wait))
        return account

    def _faulty(self, fault: Fault) -> Answer:
        if fault.kind == "error":
            return self.refusal(ApiError(fault.status, "Something went wrong on our side"))
        answer = self.refusal(ApiError(429, "Too many requests"))
        if fault.retry_after_in == "header":
            answer.headers["Retry-After"] = str(fault.retry_after)
        elif fault.retry_after_in == "body":
            answer.body = orjson.dumps({**orjson.loads(answer.body), "retryAfter": fault.retry_after})
        return answer


class _TooManyError(ApiError):
    def __init__(self, wait: int) -> None:
        super().__init__(429, "Too many requests")
        self.wait = wait


def _wrong(match: re.Match[bytes], how: str) -> bytes:
    items, pages = int(match[1]), int(match[2])
    if how == "missing":
        return b""
    if how in ("null", "float", "text"):
        written = {"null": b'"%s":null,', "float": b'"%s":%d.5,', "text": b'"%s":"%d",'}[how]
        totals = ((b"totalItems", items), (b"totalPages", pages))
        return b"".join(written % (total if how != "null" else total[:1]) for total in totals)
    items = {"one_more": items + 1, "one_less": max(items - 1, 0)}.get(how, -(-items // 100) * 100)
    return b'"totalItems":%d,"totalPages":%d,' % (items, pages)
