"""One try that brought no usable answer: what happened, and what may be done about it."""

from __future__ import annotations

from dataclasses import dataclass

import requests
import urllib3.exceptions


@dataclass(frozen=True)
class Failure:
    """A try without a usable answer.

    Args:
        what: What happened, in words that hold nothing of the request.
        status: The HTTP status, if there was one.
        error_id: Bookeo's id of the error.
        unsent: The server certainly did not act, so that even writing may be tried again.
        unreachable: Nothing seems to be there; before any success that means a wrong `base_url`.
        throttled: The answer was 429.
        told: Seconds the server asks to wait.
    """

    what: str
    status: int | None = None
    error_id: str | None = None
    unsent: bool = False
    unreachable: bool = False
    throttled: bool = False
    told: float | None = None


def connection_failure(error: Exception) -> Failure:
    """Classifies what `requests`, or `urllib3` below it, raised.

    Args:
        error: The exception. It carries the request and its headers, so it must not be kept or chained.

    Returns:
        The failure, free of the request.
    """
    inner = error.args[0] if error.args else None
    reason = getattr(inner, "reason", inner)
    if isinstance(error, requests.exceptions.SSLError):
        return Failure("the encrypted connection could not be trusted or made", unreachable=True)
    if isinstance(error, requests.exceptions.ProxyError):
        return Failure("the proxy did not connect", unreachable=True, unsent=True)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return Failure("no connection in time", unsent=True)
    late = urllib3.exceptions.ReadTimeoutError
    if isinstance(error, requests.exceptions.Timeout | late) or isinstance(reason, late):
        return Failure("no answer in time")
    if isinstance(reason, urllib3.exceptions.NameResolutionError):
        return Failure("the host's name is not known", unreachable=True, unsent=True)
    if isinstance(reason, urllib3.exceptions.NewConnectionError):
        return Failure("the connection was refused", unreachable=True, unsent=True)
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return Failure("the address makes no sense", unreachable=True, unsent=True)
    return Failure("the connection broke off")
