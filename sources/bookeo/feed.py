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

Link = tuple[str | None, str | None]
"""A payment's booking, and how it is known: `endpoint` where the API has said so before, `description`, `unverified`
where nobody could tell whether the booking exists; None and None where none is known."""

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
        The same rows with `booking_number` and `linked_by`, see `Link`.
    """
    return with_links(payments, find_links(payments, links))


def find_links(payments: pa.Table, links: PaymentLinks | None) -> dict[str, Link]:
    """Finds the booking that each payment of the feed belongs to.

    Args:
        payments: Rows of the table `payments` without links.
        links: As for `link_payments`.

    Returns:
        The link of each payment, by its id.
    """
    ids: list[str] = payments["payment_id"].to_pylist()
    customers: list[str | None] = payments["customer_id"].to_pylist()
    numbers = [_number_in(text) for text in payments["description"].to_pylist()]
    known = links.customers_of({number for number in numbers if number}) if links else {}
    endpoint = links.linked_by_endpoint(ids) if links else {}
    found: dict[str, Link] = {}
    for payment_id, customer, number in zip(ids, customers, numbers, strict=True):
        if payment_id in endpoint:
            found[payment_id] = endpoint[payment_id], "endpoint"
        elif number is not None and links is None:
            found[payment_id] = number, "unverified"
        elif number is not None and number in known and customer in (None, known[number]):
            found[payment_id] = number, "description"
        else:
            found[payment_id] = None, None
    return found


def with_links(payments: pa.Table, found: Mapping[str, Link]) -> pa.Table:
    """Fills in the bookings that payments belong to.

    Args:
        payments: Rows of the table `payments`.
        found: The link of each payment, by its id; one that is not among them gets none.

    Returns:
        The same rows with `booking_number` and `linked_by`.
    """
    links = [found.get(payment, (None, None)) for payment in payments["payment_id"].to_pylist()]
    for position, name in enumerate(("booking_number", "linked_by")):
        index = payments.schema.get_field_index(name)
        values = pa.array([link[position] for link in links], pa.string())
        payments = payments.set_column(index, payments.schema.field(index), values)
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
