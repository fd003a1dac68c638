"""A request and its answer, between the server and the operations; and the reading of parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from bookeo_sandbox.protocol.errors import ApiError, bad_request
from bookeo_sandbox.records.account import Account
from bookeo_sandbox.records.entities import Booking, Customer
from bookeo_sandbox.records.permissions import includes
from bookeo_sandbox.records.spans import Span
from bookeo_sandbox.records.times import parse_time

if TYPE_CHECKING:
    from bookeo_sandbox.business import Business

MAX_RANGE_SECONDS = 31 * 86_400
"""The longest range of a pair of time filters. Source: the vendor's API pages."""


@dataclass(slots=True)
class Call:
    """A request whose keys were accepted.

    Args:
        business: Whose data it is about.
        account: The account of the api key.
        operation: Method and path template.
        path: Parameters of the path.
        query: Parameters of the query.
        body: The raw body.
        now: The sandbox's time in Unix seconds.
    """

    business: Business
    account: Account
    operation: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    now: int

    def flag(self, name: str) -> bool:
        """Reads a parameter that is true or false.

        Args:
            name: Its name.

        Returns:
            Its value; False when left out.

        Raises:
            ApiError: 400, it is neither.
        """
        value = self.query.get(name, "false")
        if not self.strict:
            value = value.lower()
        if value not in ("true", "false"):
            raise bad_request(f"{name} must be true or false")
        return value == "true"

    @property
    def strict(self) -> bool:
        """Whether only what the documents allow is taken, and nothing that is seen to work besides."""
        return self.account.switches.strict

    def number(self, name: str, default: int, highest: int | None = None) -> int:
        """Reads a parameter that is a number from 1 on.

        Args:
            name: Its name.
            default: Its value when left out.
            highest: The largest value allowed.

        Returns:
            Its value.

        Raises:
            ApiError: 400, it is no such number.
        """
        text = self.query.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) >= 1):
            raise bad_request(f"{name} must be a number from 1 on")
        if highest is not None and int(text) > highest:
            raise bad_request(f"{name} cannot be above {highest}")
        return int(text)

    def span(self, begin: str, end: str, *, limited: bool = True) -> Span | None:
        """Reads a pair of times.

        Args:
            begin: Name of the first parameter.
            end: Name of the second.
            limited: At most 31 days.

        Returns:
            What lies between them, or None when neither is there.

        Raises:
            ApiError: 400, half a pair, no times, the wrong way round, or too long.
        """
        if begin not in self.query and end not in self.query:
            return None
        if begin not in self.query or end not in self.query:
            raise bad_request(f"{begin} and {end} are required together")
        first, last = self.time(begin), self.time(end)
        if first > last:
            raise bad_request(f"{begin} is after {end}")
        if limited and last - first > MAX_RANGE_SECONDS:
            raise bad_request(f"{begin} and {end} are more than 31 days apart")
        switches = self.account.switches
        return Span(first, last, ends=switches.window_ends, precision=switches.precision)

    def time(self, name: str) -> float:
        """Reads a parameter that is a time.

        Args:
            name: Its name; it must be there.

        Returns:
            Unix seconds.

        Raises:
            ApiError: 400, it is no time.
        """
        try:
            return parse_time(self.query[name], self.account.profile.zone, strict=self.strict)
        except (ValueError, OverflowError) as error:
            raise bad_request(f"{name} is {error}") from None

    def allows(self, permission: str) -> bool:
        """Tells whether the api key has a permission.

        Args:
            permission: Its name.

        Returns:
            True if it has.
        """
        return includes(self.account.api_key.permissions, permission)

    def require(self, permission: str) -> None:
        """Refuses the request unless the api key has a permission.

        Args:
            permission: Its name.

        Raises:
            ApiError: 403.
        """
        if not self.allows(permission):
            raise ApiError(403, f"This API key does not have the permission {permission}")

    def booking(self) -> Booking:
        """Finds the booking that the path names.

        Returns:
            The booking.

        Raises:
            ApiError: 404.
        """
        booking = self.account.bookings.get(self.path["bookingNumber"])
        if booking is None:
            raise ApiError(404, "No booking with this number")
        return booking

    def customer(self) -> Customer:
        """Finds the customer that the path names.

        Returns:
            The customer.

        Raises:
            ApiError: 404.
        """
        customer = self.account.customers.get(self.path["id"])
        if customer is None:
            raise ApiError(404, "No customer with this id")
        return customer

    def object(self) -> dict[str, Any]:
        """Reads the body.

        Returns:
            The JSON object in it.

        Raises:
            ApiError: 400, it is none.
        """
        try:
            value = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise bad_request("The body is not JSON") from None
        if not isinstance(value, dict):
            raise bad_request("The body is not a JSON object")
        return value


@dataclass(slots=True)
class Answer:
    """What is sent back.

    Args:
        status: HTTP status code.
        body: JSON text; empty for none.
        headers: More headers.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value: Any, status: int = 200, **headers: str) -> Answer:
        """Makes an answer with a JSON body.

        Args:
            value: What the body says.
            status: HTTP status code.
            **headers: More headers.

        Returns:
            The answer.
        """
        return cls(status, orjson.dumps(value), headers)
