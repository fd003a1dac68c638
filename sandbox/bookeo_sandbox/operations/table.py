"""The table of operations: method, path, and who answers."""

from __future__ import annotations

from collections.abc import Callable

from bookeo_sandbox.operations.availability import Availability
from bookeo_sandbox.operations.blocking import Blocking
from bookeo_sandbox.operations.reading import Reading
from bookeo_sandbox.operations.writing import Writing
from bookeo_sandbox.protocol.calls import Answer, Call

SETTINGS = (
    "apikeyinfo",
    "business",
    "products",
    "peoplecategories",
    "resources",
    "taxes",
    "languages",
    "customercustomfields",
)

Operation = Callable[[Call], Answer]


def operations(
    reading: Reading, writing: Writing, availability: Availability, blocking: Blocking
) -> dict[tuple[str, str], Operation]:
    """Lists what the sandbox serves.

    Args:
        reading: The reading operations.
        writing: The writing operations.
        availability: Those about what can be booked.
        blocking: Those about what cannot.

    Returns:
        By method and path template below `/v2`.
    """
    return {
        ("GET", "/bookings"): reading.bookings,
        ("POST", "/bookings"): writing.create_booking,
        ("GET", "/bookings/{bookingNumber}"): reading.booking,
        ("PUT", "/bookings/{bookingNumber}"): writing.update_booking,
        ("DELETE", "/bookings/{bookingNumber}"): writing.cancel_booking,
        ("GET", "/bookings/{bookingNumber}/customer"): reading.booking_customer,
        ("GET", "/bookings/{bookingNumber}/payments"): reading.booking_payments,
        ("POST", "/bookings/{bookingNumber}/payments"): writing.add_payment,
        ("GET", "/customers"): reading.customers,
        ("GET", "/customers/{id}"): reading.customer,
        ("POST", "/customers"): writing.create_customer,
        ("PUT", "/customers/{id}"): writing.update_customer,
        ("DELETE", "/customers/{id}"): writing.delete_customer,
        ("GET", "/customers/{id}/bookings"): reading.customer_bookings,
        ("GET", "/customers/{id}/linkedpeople"): reading.linked_people,
        ("GET", "/payments"): reading.payments,
        ("GET", "/payments/{id}"): reading.payment,
        ("GET", "/subaccounts"): reading.subaccounts,
        **{("GET", f"/settings/{name}"): reading.settings_list for name in SETTINGS},
        ("GET", "/availability/slots"): availability.slots,
        ("POST", "/availability/matchingslots"): availability.search,
        ("GET", "/availability/matchingslots/{id}"): availability.search_page,
        ("POST", "/holds"): blocking.create_hold,
        ("GET", "/holds/{id}"): blocking.hold,
        ("DELETE", "/holds/{id}"): blocking.delete_hold,
        ("GET", "/seatblocks"): blocking.seat_blocks,
        ("POST", "/seatblocks"): blocking.create_seat_block,
        ("GET", "/resourceblocks"): blocking.resource_blocks,
        ("POST", "/resourceblocks"): blocking.create_resource_block,
        **{("GET", f"/{kind}blocks/{{id}}"): blocking.block for kind in ("seat", "resource")},
        **{("PUT", f"/{kind}blocks/{{id}}"): blocking.update_block for kind in ("seat", "resource")},
        **{("DELETE", f"/{kind}blocks/{{id}}"): blocking.delete_block for kind in ("seat", "resource")},
        ("GET", "/webhooks"): writing.list_webhooks,
        ("POST", "/webhooks"): writing.create_webhook,
        ("DELETE", "/webhooks/{id}"): writing.delete_webhook,
    }
