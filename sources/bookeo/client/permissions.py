"""What the names of an api key's permissions include, and what stays hidden without them."""

from __future__ import annotations

import re
from collections.abc import Callable

from bookeo.schema import CUSTOMER, CUSTOMER_BOOKING, PAYMENT
from bookeo.schema.booking_lists import BOOKING_PEOPLE
from bookeo.settings.model import BookeoSettings

_NAME = re.compile(r"(?P<what>[a-z]+)(?:_(?P<rights>[rwd]{1,3}))?(?:_(?P<scope>\w+))?", re.ASCII)


def includes_reading(permission: str, what: str) -> bool:
    """Tell whether a permission includes reading something.

    Args:
        permission: Its name, such as `bookings_r_all` or `bookings_rwd_all` (source: names seen, not documented).
        what: What is read, such as `bookings`.

    Returns:
        Whether it does; a name without rights, such as `subaccounts_all`, includes all of them.

    Examples:
        >>> includes_reading("bookings_rw_all", "bookings")
        True
        >>> includes_reading("bookings_w_all", "bookings")
        False
    """
    name = _NAME.fullmatch(permission)
    return name is not None and name["what"] == what and "r" in (name["rights"] or "r")


OF_CUSTOMERS = frozenset(table.name for table in (*CUSTOMER.tables, BOOKING_PEOPLE))
"""Tables that are filled from bookings, as far as the api key may read customers."""


def hidden_tables(may_read: Callable[[str], bool], settings: BookeoSettings) -> frozenset[str]:
    """Find the tables of which bookings show nothing, or not all, for lack of a permission.

    Args:
        may_read: Tells whether the api key may read something, such as `customers`.
        settings: The settings: which tables are filled from bookings, and how.

    Returns:
        Their names.
    """
    hidden: set[str] = set()
    if not may_read("customers"):
        hidden |= OF_CUSTOMERS
        if settings.histories == "always":
            hidden.update(table.name for table in CUSTOMER_BOOKING.tables)
    if not may_read("payments") and settings.payments == "always":
        hidden.update(table.name for table in PAYMENT.tables)
    return frozenset(hidden)
