"""What the API answered: the body once parsed, the server's time, and how long it asks to wait."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any

import msgspec
import orjson

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True)
class Answer:
    """A whole answer of the API to one request.

    Args:
        body: The body's bytes, decompressed.
        server_time: The server's clock when it answered (its `Date` header), aware UTC; None if it did not say.
        attempts: Requests it took, at least 1.
        seconds: From asking to having the answer, waits and retries included.
        location: The `Location` header, as on a created booking.
        language: The `Content-Language` header.
        operation: The API operation, e.g. `GET /bookings`.
    """

    body: bytes = field(repr=False)
    server_time: datetime | None
    attempts: int
    seconds: float
    location: str | None = field(default=None, repr=False)
    language: str | None = None
    operation: str = ""

    @cached_property
    def payload(self) -> Any:
        """The body parsed as JSON, once; None for an empty body.

        Raises:
            ValueError: The body is not JSON.
        """
        return parse_body(self.body) if self.body.strip() else None

    @cached_property
    def members(self) -> Mapping[str, Any] | None:
        """The members of the object in the body; None where it is something else, or empty.

        They are left as they came, as `msgspec.Raw`, where that can be: to make objects of a page takes several times
        as long as to see that it is whole.

        Raises:
            ValueError: The body is not JSON.
        """
        try:
            self.body.decode()  # msgspec does not look whether texts are UTF-8.
            return _MEMBERS.decode(self.body)
        except (ValueError, RecursionError):
            return self.payload if isinstance(self.payload, dict) else None


def parse_body(body: bytes) -> Any:
    """Parses JSON, with lone surrogates, NaN and Infinity, which `orjson` alone refuses.

    Args:
        body: UTF-8 JSON.

    Returns:
        The value.

    Raises:
        ValueError: The bytes are not JSON; the message holds nothing of them.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    # Raised outside the handlers: the parsers' exceptions carry the whole text, which must not travel with ours.
    try:
        # NaN and Infinity are no JSON, but spoil only the record that they are in: who shapes it rejects it.
        return json.loads(body, parse_constant=float)
    except (ValueError, RecursionError):
        pass
    raise ValueError("the body is not JSON")


def error_object(body: bytes) -> dict[str, Any] | None:
    """Reads the object that comes with a refusal: `httpStatus`, `message`, `errorId` (names seen, not documented).

    Args:
        body: The body of an answer that is not 2xx.

    Returns:
        The object; None if the body is not a JSON object.
    """
    try:
        payload = parse_body(body)
    except ValueError:
        return None
    return payload if isinstance(payload, dict) else None


def http_time(text: str | None) -> datetime | None:
    """Reads an HTTP date.

    Args:
        text: A header's value, e.g. `Tue, 15 Nov 1994 08:12:31 GMT`.

    Returns:
        The time, aware UTC; None if there is none, it has no zone, or it cannot be read.
    """
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
        # A time without a zone may be anybody's.
        return None if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError, TypeError):
        return None


def told_wait(headers: Mapping[str, str], body: bytes) -> float | None:
    """Finds how long the server asks to wait: `Retry-After` (seconds or a date), else `retryAfter` in the body.

    Args:
        headers: The answer's headers, by any case.
        body: The answer's body.

    Returns:
        Seconds, zero or more; None if the server did not say anything that makes sense.
    """
    header = headers.get("Retry-After")
    wait = _seconds(header)
    if wait is None and (until := http_time(header)) is not None:
        # Measured by the server's clock where it shows it: this machine's may be hours off.
        now = http_time(headers.get("Date")) or datetime.now(UTC)
        wait = max(0.0, (until - now).total_seconds())
    if wait is None:
        wait = _seconds((error_object(body) or {}).get("retryAfter"))
    return wait


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
