"""Customers of a sandbox whom the api key may not read, though it may read others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bookeo_sandbox import Sandbox
from bookeo_sandbox.protocol.calls import Answer, Call
from bookeo_sandbox.protocol.errors import ApiError

SetAttribute = Callable[[Any, str, Any], None]


def hide_customers(sandbox: Sandbox, every: int, set_attribute: SetAttribute = setattr) -> set[str]:
    """Hide customers of the first account: no booking, no list and no path of theirs shows them any more.

    Args:
        sandbox: The sandbox. Bookings of these customers are shown as they are now, whatever happens to them later.
        every: Hides one customer of so many.
        set_attribute: Sets an attribute of the sandbox's modules, such as `MonkeyPatch.setattr`.

    Returns:
        The customers' ids.
    """
    from bookeo_sandbox.operations import reading

    truth = sandbox.truth()
    booked = dict.fromkeys(booking["customerId"] for booking in truth["bookings"])
    hidden = set(list(booked)[::every])
    for booking in truth["bookings"]:
        if booking["customerId"] in hidden:
            shown = {name: value for name, value in booking.items() if name != "customer"}
            sandbox.override(booking["bookingNumber"], shown)
    find, operations = reading._find_customers, sandbox._service.operations
    one = operations["GET", "/bookings/{bookingNumber}/customer"]

    def find_others(call: Call) -> list[Any]:
        return [customer for customer in find(call) if customer.id not in hidden]

    def show_others(call: Call) -> Answer:
        if call.booking().customer.id in hidden:
            raise ApiError(403, "Not this customer")
        return one(call)

    set_attribute(reading, "_find_customers", find_others)
    operations["GET", "/bookings/{bookingNumber}/customer"] = show_others
    return hidden
