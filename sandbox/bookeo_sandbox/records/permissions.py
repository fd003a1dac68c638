"""What an api key may do."""

from __future__ import annotations

import re
from collections.abc import Iterable

PERMISSIONS = (
    "availability_r",
    "blocks_r_all",
    "bookings_r_all",
    "customers_r_all",
    "payments_r_all",
    "subaccounts_all",
)
"""Names of permissions as seen in public integrations; what a key has at first."""
_ACCESS = re.compile(r"(.+)_(r|rw|rwd)(_all)?")


def includes(granted: Iterable[str], wanted: str) -> bool:
    """Tells whether permissions include another one: reading and writing includes reading.

    Args:
        granted: Permissions, e.g. `bookings_rw_all`.
        wanted: A permission, e.g. `bookings_r_all`.

    Returns:
        True if one of them is it or goes further.
    """
    asked = _ACCESS.fullmatch(wanted)
    for permission in granted:
        given = _ACCESS.fullmatch(permission)
        if permission == wanted or (
            asked and given and (given[1], given[3]) == (asked[1], asked[3]) and given[2].startswith(asked[2])
        ):
            return True
    return False


def is_permission(name: str) -> bool:
    """Tells whether there is a permission of this name.

    Args:
        name: A name, e.g. `bookings_rwd_all`.

    Returns:
        True if there is.
    """
    return name in PERMISSIONS or any(includes((name,), known) for known in PERMISSIONS)
