"""Reading is part of many permissions."""

from __future__ import annotations

import pytest

from bookeo.client.permissions import hidden_tables, includes_reading
from bookeo.settings.model import BookeoSettings


@pytest.mark.parametrize(
    ("permission", "is_included"),
    [
        ("bookings_r_all", True),
        ("bookings_rw_all", True),
        ("bookings_rwd_all", True),
        ("bookings_r", True),
        ("bookings_all", True),
        ("bookings", True),
        ("bookings_w_all", False),
        ("bookings_wd_all", False),
        ("customers_r_all", False),
        ("bookingsx_r_all", False),
        ("Bookings_r_all", False),
        ("", False),
    ],
)
def test_what_includes_reading_bookings(permission: str, is_included: bool) -> None:
    assert includes_reading(permission, "bookings") is is_included


def test_what_stays_hidden_without_a_permission() -> None:
    settings = BookeoSettings()
    people = {"booking_people", "customers", "customer_custom_fields", "customer_phone_numbers"}
    assert hidden_tables(lambda _: True, settings) == frozenset()
    assert hidden_tables(lambda what: what != "customers", settings) == people
    assert hidden_tables(lambda what: what != "payments", settings) == frozenset(), "their feed is a list of its own"
    settings.payments = settings.histories = "always"
    assert hidden_tables(lambda what: what != "payments", settings) == {"payments"}
    assert hidden_tables(lambda what: what != "customers", settings) == people | {"customer_bookings"}
