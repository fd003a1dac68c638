"""The payments feed: all payments by the time they were received, many at a time, and the bookings they belong to.

`GET /payments` names no booking; `description` reads like "Booking 1234" (source: the vendor's pages). A payment is
linked by that text only where it is exactly so, the booking exists, and its customer is the one who paid.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Protocol

import pyarrow as pa

from bookeo.errors import NotFound, PermissionMissing, RequestRejected

_DESCRIPTION = re.compile(r"Booking (\S+)")


class PaymentLinks(Protocol):
    """What is known already of bookings and payments; a warehouse can tell."""

    def customers_of(self, booking_numbers: Collection[str]) -> Mapping[str, str | None]:
        """Finds bookings.

        Args:
            booking_numbers: Numbers as read from descriptions.

        Returns:
            The customer's id (None if there is none) for each of them that exists.
        """
        ...

    def linked_by_endpoint(self, payment_ids: Collection[str]) -> Mapping[str, str | None]:
        """Finds payments whose booking the API itself has named.

        Args:
            payment_ids: Ids of payments.

        Returns:
            The booking's number for each of them; None where the API said that it is not the one in the text.
        """
        ...

    def held(self, payments: pa.Table) -> Collection[str]:
        """Finds payments that are known exactly as they are.

        Args:
            payments: Rows of the table `payments`, linked.

        Returns:
            Their ids.
        """
        ...


def link_payments(payments: pa.Table, links: PaymentLinks | None) -> pa.Table:
    """Says which booking each payment of the feed belongs to.

    Args:
        payments: Rows of the table `payments` without links.
        links: What is known; None if nobody can tell, then an exact description is believed.

    Returns:
        The same rows with `booking_number` and `linked_by`: `endpoint` where the API has said so before, `description`,
        `unverified` where nobody could tell whether the booking exists, or null.
    """
    ids: list[str] = payments["payment_id"].to_pylist()
    customers: list[str | None] = payments["customer_id"].to_pylist()
    numbers = [_number_in(text) for text in payments["description"].to_pylist()]
    known = links.customers_of({number for number in numbers if number}) if links else {}
    endpoint = links.linked_by_endpoint(ids) if links else {}
    booking_numbers: list[str | None] = []
    linked_by: list[str | None] = []
    for payment_id, customer, number in zip(ids, customers, numbers, strict=True):
        if payment_id in endpoint:
            link: tuple[str | None, str | None] = endpoint[payment_id], "endpoint"
        elif number is None:
            link = None, None
        elif links is None:
            link = number, "unverified"
        elif number in known and customer in (None, known[number]):
            link = number, "description"
        else:
            link = None, None
        booking_numbers.append(link[0])
        linked_by.append(link[1])
    for name, values in (("booking_number", booking_numbers), ("linked_by", linked_by)):
        index = payments.schema.get_field_index(name)
        payments = payments.set_column(index, payments.schema.field(index), pa.array(values, pa.string()))
    return payments


def feed_is_closed(error: Exception | None) -> bool:
    """Tells whether an error means that there is no payments feed for this api key.

    Args:
        error: What asking for it raised.

    Returns:
        True for a 403 and a 404.
    """
    return isinstance(error, PermissionMissing | NotFound) or (
        isinstance(error, RequestRejected) and error.status == HTTPStatus.NOT_FOUND
    )


def _number_in(description: str | None) -> str | None:
    match = _DESCRIPTION.fullmatch(description or "")
    return match[1] if match else None
