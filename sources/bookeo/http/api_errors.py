"""From a refusal of the API to the error that says what to do about it, without a key or anything about a customer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from bookeo.errors import BookeoError, CredentialsRejected, NotFound, NotReadable, PermissionMissing, RequestRejected

PERMISSIONS = {
    "GET /bookings": "bookings_r_all",
    "GET /bookings/{bookingNumber}": "bookings_r_all",
    "GET /bookings/{bookingNumber}/customer": "customers_r_all",
    "GET /bookings/{bookingNumber}/payments": "payments_r_all",
    "GET /customers": "customers_r_all",
    "GET /customers/{id}": "customers_r_all",
    "GET /customers/{id}/bookings": "bookings_r_all",
    "GET /payments": "payments_r_all",
    "GET /availability/slots": "availability_r",
}
"""Permission needed by an operation. The names were seen in public integrations; those for writing are not known."""

_MESSAGE_LENGTH = 200
_LONGEST_MESSAGE = 100_000
_ERROR_ID = re.compile(r"[\w.:-]{1,64}", flags=re.ASCII)
_EMAIL = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+")
_PHONE = re.compile(r"(?<![\w.:-])\+?\d(?:[ ()./-]?\d){6,}(?![\w:])")


class Redaction:
    """Takes out of the server's own words what must not travel further.

    Args:
        secrets: The keys.
        keep_words: Whether the rest may travel: it may name anybody whom the request was about.
    """

    def __init__(self, secrets: Iterable[str], *, keep_words: bool = True) -> None:
        self._secrets = tuple(secret for secret in secrets if secret)
        self._keep_words = keep_words

    def __repr__(self) -> str:
        return "Redaction()"

    def clean(self, text: object, sent: Iterable[str] = ()) -> str:
        """Shortens and cleans a message of the server.

        Args:
            text: The message; anything but a string counts as none.
            sent: What the request carried of its own (names, comments...), which the server may be quoting.

        Returns:
            One line of at most 200 characters without keys, e-mail addresses, phone numbers and quoted input; nothing
            where no words are kept.
        """
        if not isinstance(text, str) or not self._keep_words:
            return ""
        text = text[:_LONGEST_MESSAGE]
        for secret in self._secrets:
            text = re.sub(re.escape(secret), "***", text, flags=re.IGNORECASE)
        for part in sorted({part for part in sent if len(part) > 1}, key=len, reverse=True):
            text = re.sub(rf"(?<!\w){re.escape(part)}(?!\w)", "***", text, flags=re.IGNORECASE)
        # Cut before these patterns, whose time grows with the square of the length.
        text = _PHONE.sub("***", _EMAIL.sub("***", text[: 10 * _MESSAGE_LENGTH]))
        text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return text if len(text) <= _MESSAGE_LENGTH else text[: _MESSAGE_LENGTH - 1] + "…"

    def error_id(self, refusal: dict[str, Any] | None) -> str | None:
        """Reads the id to quote to Bookeo's support.

        Args:
            refusal: The error object.

        Returns:
            The id; None if there is none that looks like one.
        """
        value = (refusal or {}).get("errorId")
        text = str(value) if isinstance(value, str | int) else ""
        return text if _ERROR_ID.fullmatch(text) and not any(secret in text for secret in self._secrets) else None


def sent_values(value: Any) -> Iterable[str]:
    """Lists every piece of text in a request's body.

    Args:
        value: The body, JSON-like.

    Yields:
        Each string and each number as text.
    """
    if isinstance(value, dict):
        for item in value.values():
            yield from sent_values(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from sent_values(item)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def refusal_error(
    status: int,
    refusal: dict[str, Any] | None,
    *,
    operation: str,
    child: bool,
    redaction: Redaction,
    sent: Iterable[str],
) -> BookeoError:
    """Makes the error for an answer that says no for good.

    Args:
        status: HTTP status, 400 to 499.
        refusal: The answer's error object, if it has one.
        operation: The API operation, e.g. `GET /bookings`.
        child: Whether the request was for one record of many, which a load can do without.
        redaction: Cleans the API's own words.
        sent: What the request carried of its own, which the API may be quoting.

    Returns:
        The error, not raised.
    """
    error_id = redaction.error_id(refusal)
    quote = f" (Bookeo's error id: {error_id})" if error_id else ""
    if status == 401:
        return CredentialsRejected(
            f"Bookeo does not accept the api key and secret key{quote}: check both, and that the application is still "
            "installed in this account.",
            operation=operation,
            status=status,
            error_id=error_id,
        )
    if status == 403 and child:
        return NotReadable(
            f"The api key may not read this record of {operation}{quote}.",
            operation=operation,
            status=status,
            error_id=error_id,
        )
    if status == 403:
        permission = PERMISSIONS.get(operation)
        wanted = f"the permission {permission}" if permission else "a permission"
        if not operation.startswith("GET "):
            wanted = "a write permission"
        return PermissionMissing(
            f"The api key lacks {wanted} for {operation}{quote}: the account's owner must grant it to the application.",
            permission=permission,
            operation=operation,
            status=status,
            error_id=error_id,
        )
    if status == 404 and (child or "{" in operation):
        return NotFound(
            f"{operation} found no such record{quote}.", operation=operation, status=status, error_id=error_id
        )
    said = redaction.clean((refusal or {}).get("message"), sent)
    return RequestRejected(
        f"Bookeo refused {operation} with HTTP {status}{quote}"
        + ("; its reason is shown on a terminal only." if said else "."),
        operation=operation,
        status=status,
        error_id=error_id,
        api_message=said or None,
    )
