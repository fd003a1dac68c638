"""In which language an answer is."""

from __future__ import annotations

from bookeo_sandbox.protocol.calls import Call
from bookeo_sandbox.protocol.errors import bad_request
from bookeo_sandbox.shown.settings_lists import language_tags


def content_language(call: Call) -> str:
    """Works out in which language the answer is.

    Args:
        call: The request, with `lang`.

    Returns:
        For instance `en-AU`.

    Raises:
        ApiError: 400, the account does not speak it.
    """
    tags = language_tags(call.account.profile)
    asked = call.query.get("lang", "userDefault")
    if asked == "userDefault":
        return tags[0]
    if asked == "customerDefault":
        customer = call.account.customers.get(call.path.get("id", ""))
        booking = call.account.bookings.get(call.path.get("bookingNumber", ""))
        known = customer.lang if customer else booking.customer.lang if booking else tags[0]
        return next((tag for tag in tags if _speaks(tag, known)), tags[0])
    for tag in tags:
        if _speaks(tag, asked):
            return tag
    raise bad_request(f"lang must be one of {', '.join(tags)}")


def _speaks(tag: str, asked: str) -> bool:
    return asked.replace("_", "-").casefold() in (tag.casefold(), tag[:2])
