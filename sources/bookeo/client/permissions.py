"""What the names of an api key's permissions include."""

from __future__ import annotations

import re

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
