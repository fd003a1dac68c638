"""Reading is part of many permissions."""

from __future__ import annotations

import pytest

from bookeo.client.permissions import includes_reading


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
