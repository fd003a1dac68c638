"""A payment of the feed is linked by a text that holds the number of a booking of the customer who paid."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from bookeo.errors import NotFound, PermissionMissing, RateLimited, RequestRejected, ServerUnavailable
from bookeo.extract.payments_feed import feed_is_refused, link_payments, named_booking
from bookeo.schema import PAYMENT, arrow_schema


class Known:
    """Some bookings, and two payments that the API has spoken about."""

    bookings: ClassVar[dict[str, str]] = {"0017": "ann", "0019": "ann", "X-7": "ann", "18": "bob"}

    def customers_of(self, booking_numbers: Collection[str]) -> Mapping[str, str | None]:
        return {number: who for number, who in self.bookings.items() if number in booking_numbers}

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
    ("text", "customer", "link"),
    [
        ("Booking 0017", "ann", ("0017", "description")),
        ("Booking 0017", None, ("0017", "description")),
        ("Booking 0017", "bob", (None, None)),
        ("Booking 17", "ann", (None, None)),
        ("Booking 99", "ann", (None, None)),
        ("Réservation n° 0017", "ann", ("0017", "number")),
        ("Réservation nº0017.", "ann", ("0017", "number")),
        ("預訂0017", "ann", ("0017", "number")),
        ("Booking 0017 and two others", "ann", ("0017", "number")),
        ("booking 0017", "ann", ("0017", "number")),
        ("Booking 0017\n", "ann", ("0017", "number")),
        ("Buchung 0017, zuvor 99", "ann", ("0017", "number")),
        ("Buchung X-7", "ann", ("X-7", "number")),
        ("Buchung (X-7)", "ann", ("X-7", "number")),
        ("Von 0017 auf 0019 umgebucht", "ann", (None, None)),
        ("Von 0017 auf 18 umgebucht", "ann", ("0017", "number")),
        ("Réservation n° 0017", "bob", (None, None)),
        ("Réservation n° 0017", None, (None, None)),
        ("Gutschein A0017", "ann", (None, None)),
        ("Gutschein 00170", "ann", (None, None)),
        ("", "ann", (None, None)),
        (None, "ann", (None, None)),
    ],
)
def test_a_text_that_holds_the_number_of_the_customers_own_booking_links(
    text: str | None, customer: str | None, link: tuple[str | None, str | None]
) -> None:
    assert linked(Known(), ("p9", text, customer)) == [link]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Booking 17", "17"),
        ("Booking A-1", "A-1"),
        ("Réservation n° 14900000000011", "14900000000011"),
        ("予約番号1490000000000011", "1490000000000011"),
        ("14900000000011 (14900000000011)", "14900000000011"),
        ("14900000000011 und 14900000000012", None),
        ("Gift voucher 123456789", None),
        ("pi_14900000000011", None),
        ("Reservation 17", None),
        ("", None),
        (None, None),
    ],
)
def test_the_booking_that_a_text_names(text: str | None, number: str | None) -> None:
    assert named_booking(text) == number


def test_what_the_api_said_goes_before_the_text() -> None:
    found = linked(Known(), ("p1", "Booking 0017", "ann"), ("p2", "Booking 0017", "ann"))
    assert found == [("18", "endpoint"), (None, "endpoint")]


def test_where_nobody_knows_the_bookings_a_link_is_called_unverified() -> None:
    assert linked(None, ("p9", "Booking 99", "ann"), ("p8", "no. 99", "ann")) == [("99", "unverified"), (None, None)]


def test_a_feed_that_fails_is_not_taken_for_one_that_is_refused() -> None:
    refused = [
        PermissionMissing("no"),
        NotFound("no"),
        *(RequestRejected("no", status=status) for status in (400, 404)),
    ]
    failing = [ServerUnavailable("no", status=503), RateLimited("no"), None]
    assert [feed_is_refused(error) for error in refused + failing] == [True] * 4 + [False] * 3
