"""The payments feed: all payments by the time they were received, many at a time, and the bookings they belong to.

`GET /payments` names no booking; `description` reads like "Booking 1234" (source: the vendor's pages), in the language
of the account. A payment is linked by its text where that holds the number of a booking whose customer is the one who
paid. Whoever links payments so compares their sums with what each booking says is paid, and asks where they differ.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Protocol

import pyarrow as pa

from bookeo.errors import NotFound, PermissionMissing, RequestRejected

Link = tuple[str | None, str | None]
"""A payment's booking, and how it is known: `endpoint` where the API has said so before, `description` for the exact
text, `number` for any text that holds the number of one booking of the same customer, `unverified` where nobody could
tell whether the booking exists; None and None where none is known."""

LONG_NUMBER = 10
"""Digits from which on a number in a text may be a booking's (they have 14 to 16), and not an amount or a voucher's."""

_DESCRIPTION = re.compile(r"Booking (\S+)")
_DIGITS = re.compile(r"(?<![0-9A-Za-z_])[0-9]+(?![0-9A-Za-z_])")
_AROUND = ".,:;!?()[]{}<>\"'#/\\|*«»“”„°º"


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
    texts: list[str | None] = payments["description"].to_pylist()
    exact = [_exact_number(text) for text in texts]
    if links is None:
        return {one: (number, "unverified" if number else None) for one, number in zip(ids, exact, strict=True)}
    numbers = [_numbers_in(text) for text in texts]
    known = links.customers_of(set().union(*numbers, (number for number in exact if number)))
    endpoint = links.linked_by_endpoint(ids)
    found: dict[str, Link] = {}
    for payment_id, customer, number, others in zip(ids, customers, exact, numbers, strict=True):
        theirs = [other for other in others if customer is not None and known.get(other) == customer]
        if payment_id in endpoint:
            found[payment_id] = endpoint[payment_id], "endpoint"
        elif number is not None and number in known:
            belongs = customer in (None, known[number])
            found[payment_id] = (number, "description") if belongs else (None, None)
        else:
            # Two bookings in one text: the payment may be of either.
            found[payment_id] = (theirs[0], "number") if len(theirs) == 1 else (None, None)
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


def feed_is_refused(error: Exception | None) -> bool:
    """Tell whether an error means that the payments feed does not answer this api key.

    Args:
        error: What asking for it raised.

    Returns:
        True for a 403, a 404 and a 400.
    """
    return isinstance(error, PermissionMissing | NotFound | RequestRejected)


def named_booking(description: str | None) -> str | None:
    """Read the booking that a payment's text names, whether there is such a booking or not.

    Args:
        description: The text.

    Returns:
        The number of "Booking NUMBER", else the only long number in a text of any language; None where there is none.
    """
    number = _exact_number(description)
    if number is not None:
        return number
    long = {digits for digits in _DIGITS.findall(description or "") if len(digits) >= LONG_NUMBER}
    return long.pop() if len(long) == 1 else None


def _exact_number(description: str | None) -> str | None:
    match = _DESCRIPTION.fullmatch(description or "")
    return match[1] if match else None


def _numbers_in(description: str | None) -> set[str]:
    """Read all that may be a booking's number: digits that stand apart, and words with a digit in them."""
    words = (word.strip(_AROUND) for word in (description or "").split())
    return {word for word in words if any(char in "0123456789" for char in word)} | set(
        _DIGITS.findall(description or "")
    )
