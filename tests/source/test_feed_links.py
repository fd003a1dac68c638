"""A payment of the feed is linked by its text only where the text, the booking and the customer agree."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pyarrow as pa
import pytest

from bookeo.errors import NotFound, PermissionMissing, RequestRejected, ServerUnavailable
from bookeo.feed import feed_is_closed, link_payments
from bookeo.tables import PAYMENT, arrow_schema


class Known:
    """Two bookings, and two payments that the API has spoken about."""

    def customers_of(self, booking_numbers: Collection[str]) -> Mapping[str, str | None]:
        return {number: who for number, who in {"0017": "ann", "18": "bob"}.items() if number in booking_numbers}

    def linked_by_endpoint(self, payment_ids: Collection[str]) -> Mapping[str, str | None]:
        return {payment: number for payment, number in {"p1": "18", "p2": None}.items() if payment in payment_ids}

    def held(self, payments: pa.Table) -> Collection[str]:
        return ()


def linked(links: Known | None, *payments: tuple[str, str | None, str | None]) -> list[tuple[Any, Any]]:
    """Links payments given by id, text and customer."""
    schema = arrow_schema(PAYMENT.table)
    rows = [{"account_id": "A", "payment_id": p, "description": text, "customer_id": who} for p, text, who in payments]
    table = link_payments(pa.Table.from_pylist(rows, schema=schema), links)
    assert table.schema == schema
    return list(zip(table["booking_number"].to_pylist(), table["linked_by"].to_pylist(), strict=True))


@pytest.mark.parametrize(
    ("text", "customer", "booking"),
    [
        ("Booking 0017", "ann", "0017"),
        ("Booking 0017", None, "0017"),
        ("Booking 0017", "bob", None),
        ("Booking 17", "ann", None),
        ("Booking 99", "ann", None),
        ("Booking 0017 and two others", "ann", None),
        ("see Booking 0017", "ann", None),
        ("Rebooking 0017", "ann", None),
        ("booking 0017", "ann", None),
        ("Booking 0017\n", "ann", None),
        ("", "ann", None),
        (None, "ann", None),
    ],
)
def test_only_the_exact_text_of_the_customers_own_booking_links(
    text: str | None, customer: str | None, booking: str | None
) -> None:
    assert linked(Known(), ("p9", text, customer)) == [(booking, "description" if booking else None)]


def test_what_the_api_said_goes_before_the_text() -> None:
    found = linked(Known(), ("p1", "Booking 0017", "ann"), ("p2", "Booking 0017", "ann"))
    assert found == [("18", "endpoint"), (None, "endpoint")]


def test_where_nobody_knows_the_bookings_a_link_is_called_unverified() -> None:
    assert linked(None, ("p9", "Booking 99", "ann"), ("p8", "no. 99", "ann")) == [("99", "unverified"), (None, None)]


def test_a_feed_that_fails_is_not_taken_for_one_that_is_closed() -> None:
    closed = [PermissionMissing("no"), NotFound("no"), RequestRejected("no", status=404)]
    failing = [RequestRejected("no", status=400), ServerUnavailable("no", status=503), None]
    assert [feed_is_closed(error) for error in closed + failing] == [True] * 3 + [False] * 3
