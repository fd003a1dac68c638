"""Records as the API's JSON: optional fields are left out, never null."""

from __future__ import annotations

import re
from typing import Any

from bookeo_sandbox.invention.schedule import event_id
from bookeo_sandbox.records.account import Account
from bookeo_sandbox.records.entities import (
    ACCEPTED,
    CANCELED,
    NO_SHOW,
    PRIVATE,
    SELF,
    UNKNOWN,
    UNTRACKED,
    Booking,
    Customer,
    Payment,
    packed,
)
from bookeo_sandbox.records.money import money
from bookeo_sandbox.records.times import format_time

Json = dict[str, Any]

_NUMBER = re.compile(rb'":-?\d+(?=[,}])')
_AMOUNT = re.compile(rb'"amount":"[^"]*"')


def booking_dict(account: Account, booking: Booking) -> Json:
    """Shows a booking without customer and participants' details.

    Args:
        account: Its account.
        booking: The booking.

    Returns:
        The API's object; `participants` is its last field.
    """
    profile, zone, flags = account.profile, account.profile.zone, booking.flags
    currency, decimals = profile.currency, profile.decimals
    shown: Json = {"bookingNumber": booking.number}
    if booking.event:
        shown["eventId"] = event_id(booking.product, booking.event, zone)
    shown["startTime"] = format_time(booking.start, zone)
    shown["endTime"] = format_time(booking.end, zone)
    shown["customerId"] = booking.customer.id
    shown["title"] = booking.customer.name
    if booking.resources:
        shown["resources"] = [{"id": resource.id, "name": resource.name} for resource in booking.resources]
    shown["canceled"] = bool(flags & CANCELED)
    if booking.canceled:
        shown["cancelationTime"] = format_time(booking.canceled, zone)
        if booking.cancel_agent:
            shown["cancelationAgent"] = booking.cancel_agent
    shown["accepted"] = bool(flags & ACCEPTED)
    shown["creationTime"] = format_time(booking.created, zone)
    if booking.agent:
        # What a customer books online has none, although it is declared required. Source: real answers.
        shown["creationAgent"] = booking.agent
    if booking.changed:
        shown["lastChangeTime"] = format_time(booking.changed, zone)
        if booking.change_agent:
            shown["lastChangeAgent"] = booking.change_agent
    shown["productName"] = booking.product.name
    shown["productId"] = booking.product.id
    if booking.product.options:
        shown["options"] = [{"id": i, "name": name, "value": value} for i, name, value in booking.options]
    shown["privateEvent"] = bool(flags & PRIVATE)
    if booking.adjustments:
        shown["priceAdjustments"] = [
            {
                "unitPrice": money(unit, currency, decimals),
                "quantity": quantity,
                "description": description,
                "taxIds": list(tax_ids),
            }
            for unit, quantity, description, tax_ids in booking.adjustments
        ]
    if booking.promotion:
        shown["promotionCodeInput"] = booking.promotion.code
        shown["promotionName"] = booking.promotion.name
    if booking.coupons:
        shown["couponCodes"] = list(booking.coupons)
    shown["noShow"] = bool(flags & NO_SHOW)
    if booking.source:
        shown["source"] = booking.source
    if booking.extra:
        shown.update(booking.extra)
    shown["price"] = price_dict(account, booking)
    shown["participants"] = {
        "numbers": [{"peopleCategoryId": category, "number": number} for category, number in booking.numbers]
    }
    return shown


def price_dict(account: Account, booking: Booking) -> Json:
    """Shows what a booking costs and what of it is paid.

    Args:
        account: Its account.
        booking: The booking.

    Returns:
        The API's object.
    """
    currency, decimals = account.profile.currency, account.profile.decimals
    return {
        "totalGross": money(booking.gross, currency, decimals),
        "totalNet": money(booking.net, currency, decimals),
        "totalTaxes": money(booking.gross - booking.net, currency, decimals),
        "totalPaid": money(booking.paid, currency, decimals),
        "taxes": [{"taxId": tax, "amount": money(amount, currency, decimals)} for tax, amount in booking.taxes],
    }


def booking_bytes(account: Account, booking: Booking, *, customer: bytes | None, details: bool, persons: bool) -> bytes:
    """Shows a booking as JSON text.

    Args:
        account: Its account.
        booking: The booking.
        customer: JSON of the customer to embed.
        details: With `participants.details`.
        persons: With `personDetails` of linked persons.

    Returns:
        JSON in UTF-8.
    """
    if booking.override is not None:
        return booking.override
    body = booking.cache
    if body is None:
        body = booking.cache = packed(booking_dict(account, booking))
    if not details and customer is None:
        return body
    parts = [body[:-2]]
    if details:
        parts += [b',"details":', _details(booking, persons=persons)]
    parts.append(b"}")
    if customer is not None:
        parts += [b',"customer":', customer]
    parts.append(b"}")
    return b"".join(parts)


def _details(booking: Booking, *, persons: bool) -> bytes:
    rows: list[bytes] = []
    people = iter(booking.people)
    for category, number in booking.numbers:
        for position in range(1, number + 1):
            who = next(people, UNKNOWN)
            row = b'{"personId":"%s","peopleCategoryId":"%s","categoryIndex":%d'
            name = "PSELF" if who == SELF else "PUNKNOWN"
            linked = None
            if who >= 0:
                name, linked = f"{booking.customer.id}L{who}", booking.customer.linked[who]
            row %= (name.encode(), category.encode(), position)
            rows.append(row + b',"personDetails":' + linked + b"}" if linked and persons else row + b"}")
    return b"[" + b",".join(rows) + b"]"


def customer_bytes(account: Account, customer: Customer, now: int) -> bytes:
    """Shows a customer, with what follows from their bookings.

    Args:
        account: The account.
        customer: The customer.
        now: The moment that divides the previous booking from the next, in Unix seconds.

    Returns:
        JSON in UTF-8.
    """
    canceled = no_shows = before = 0
    after: int | None = None
    for booking in customer.bookings:
        flags = booking.flags
        if flags & CANCELED:
            canceled += not flags & UNTRACKED
            continue
        no_shows += bool(flags & NO_SHOW)
        start = booking.start
        if start > now:
            after = start if after is None or start < after else after
        elif start > before:
            before = start
    zone = account.profile.zone
    tail = f',"numBookings":{len(customer.bookings)},"numCancelations":{canceled},"numNoShows":{no_shows}'
    if after is not None:
        tail += f',"startTimeOfNextBooking":"{format_time(after, zone)}"'
    if before:
        tail += f',"startTimeOfPreviousBooking":"{format_time(before, zone)}"'
    return customer.data[:-1] + tail.encode() + b"}"


def payment_dict(account: Account, payment: Payment) -> Json:
    """Shows a payment.

    Args:
        account: Its account.
        payment: The payment.

    Returns:
        The API's object.
    """
    profile = account.profile
    shown: Json = {
        "id": payment.id,
        "creationTime": format_time(payment.created, profile.zone),
        "receivedTime": format_time(payment.received, profile.zone),
        "reason": payment.reason,
    }
    description = payment.description
    if description is None and payment.booking is not None:
        description = account.switches.payment_description.replace("{number}", payment.booking.number) or None
    optional = {
        "description": description,
        "comment": payment.comment,
        "paymentMethodOther": payment.method_other,
        "agent": payment.agent,
        "customerId": payment.customer_id,
        "gatewayName": payment.gateway,
        "transactionId": payment.transaction,
    }
    shown["amount"] = money(payment.amount, profile.currency, profile.decimals)
    shown["paymentMethod"] = payment.method
    shown.update({name: value for name, value in optional.items() if value is not None})
    return shown


def with_constant(text: bytes, constant: str) -> bytes:
    """Puts what JSON forbids in the place of a record's first number, or else of its first amount.

    Args:
        text: JSON of a record.
        constant: For instance `NaN`.

    Returns:
        What many parsers of JSON read, and others refuse.
    """
    spoiled, count = _NUMBER.subn(b'":' + constant.encode(), text, count=1)
    return spoiled if count else _AMOUNT.sub(b'"amount":' + constant.encode(), text, count=1)
