"""What may be asked of the API: parameters as it spells them, refused here where it would refuse them itself."""

from __future__ import annotations

from dataclasses import dataclass

from bookeo.errors import RequestRejected
from bookeo.settings.model import MAX_ITEMS_PER_PAGE
from bookeo.windows import MAX_WINDOW, Window, format_time

Params = dict[str, str | None]
"""Query parameters; None stands for one that is not sent."""


@dataclass(frozen=True)
class BookingsQuery:
    """What to ask `GET /bookings` for.

    Args:
        last_updated: Bookings last changed, or created, within this window.
        start_time: Bookings that start within this window.
        include_canceled: Whether canceled bookings are listed; the API's own default is no.
        expand_customer: Whether each booking carries its customer's details.
        expand_participants: Whether each booking carries its participants' details.
        product_id: Only bookings of this product; None for all.
        items_per_page: 1 to 100; None for the setting.

    Raises:
        RequestRejected: The API would refuse it: no window at all, one over 31 days, or too many items on a page.
    """

    last_updated: Window | None = None
    start_time: Window | None = None
    include_canceled: bool = True
    expand_customer: bool = True
    expand_participants: bool = True
    product_id: str | None = None
    items_per_page: int | None = None

    def __post_init__(self) -> None:
        if self.last_updated is None and self.start_time is None:
            raise refused("GET /bookings", "needs a window of change or of start times")
        check_window("GET /bookings", self.last_updated)
        check_window("GET /bookings", self.start_time)
        if self.items_per_page is not None and not 1 <= self.items_per_page <= MAX_ITEMS_PER_PAGE:
            raise refused(
                "GET /bookings", f"gives 1 to {MAX_ITEMS_PER_PAGE} items on a page, not {self.items_per_page}"
            )

    def params(self, items_per_page: int) -> Params:
        """Writes the query as the API spells it.

        Args:
            items_per_page: Used when the query does not say it itself.

        Returns:
            Query parameters.
        """
        return {
            "lastUpdatedStartTime": format_time(self.last_updated.start) if self.last_updated else None,
            "lastUpdatedEndTime": format_time(self.last_updated.end) if self.last_updated else None,
            "startTime": format_time(self.start_time.start) if self.start_time else None,
            "endTime": format_time(self.start_time.end) if self.start_time else None,
            "includeCanceled": flag(self.include_canceled),
            "expandCustomer": flag(self.expand_customer),
            "expandParticipants": flag(self.expand_participants),
            "productId": self.product_id,
            "itemsPerPage": str(self.items_per_page or items_per_page),
        }


def flag(value: bool | None) -> str | None:
    """Writes a flag.

    Args:
        value: The flag; None when it is not given.

    Returns:
        `true`, `false` or None.
    """
    return None if value is None else str(value).lower()


def check_window(operation: str, window: Window | None) -> None:
    """Refuses a window that the API would refuse.

    Args:
        operation: The API operation.
        window: The window, if there is one.

    Raises:
        RequestRejected: It spans more than 31 days.
    """
    if window is not None and window.span > MAX_WINDOW:
        raise refused(operation, f"takes at most {MAX_WINDOW.days} days at once, not {window}")


def refused(operation: str, what: str) -> RequestRejected:
    """Makes the error for a request that is not worth sending.

    Args:
        operation: The API operation.
        what: What is wrong, after the operation's name; nothing about a customer.

    Returns:
        The error, not raised.
    """
    return RequestRejected(f"{operation} {what}; nothing was sent.", operation=operation)
