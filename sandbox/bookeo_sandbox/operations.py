"""The table of operations: method, path, and who answers."""

from __future__ import annotations

from collections.abc import Callable

from bookeo_sandbox.calls import Answer, Call
from bookeo_sandbox.reading import Reading
from bookeo_sandbox.writing import Writing

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


def operations(reading: Reading, writing: Writing) -> dict[tuple[str, str], Operation]:
    """Lists what the sandbox serves.

    Args:
        reading: The reading operations.
        writing: The writing operations.

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
        ("GET", "/customers/{id}/bookings"): reading.customer_bookings,
        ("GET", "/payments"): reading.payments,
        **{("GET", f"/settings/{name}"): reading.settings_list for name in SETTINGS},
        ("GET", "/availability/slots"): reading.slots,
        ("GET", "/webhooks"): writing.list_webhooks,
        ("POST", "/webhooks"): writing.create_webhook,
        ("DELETE", "/webhooks/{id}"): writing.delete_webhook,
    }
