"""The reading operations: parameters to records to pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from operator import attrgetter
from typing import Any

import orjson

from bookeo_sandbox.operations import bodies
from bookeo_sandbox.protocol.calls import Answer, Call
from bookeo_sandbox.protocol.errors import ApiError, bad_request
from bookeo_sandbox.protocol.pages import Pager
from bookeo_sandbox.records.entities import CANCELED, Booking, Customer, Payment
from bookeo_sandbox.records.times import parse_date, seconds, wall_seconds
from bookeo_sandbox.shown.render import booking_bytes, customer_bytes, payment_dict, with_constant
from bookeo_sandbox.shown.settings_lists import settings_lists

MAX_PAYMENTS_PER_PAGE = 300
"""Source: the vendor's API pages; every other list has 100, of which slots take 300 all the same."""

_SEARCH_FIELDS = ("name", "firstName", "lastName", "emailAddress")


class Reading:
    """The reading operations over one pager.

    Each takes a `Call`, gives its `Answer`, and raises `ApiError` for what the API refuses.
    """

    def __init__(self) -> None:
        self.pager = Pager()

    def bookings(self, call: Call) -> Answer:
        """`GET /bookings`."""
        if call.account.switches.bookings_without_permission == "403":
            call.require("bookings_r_all")
        return self.pager.answer(call, _find_bookings, show_bookings)

    def booking(self, call: Call) -> Answer:
        """`GET /bookings/{bookingNumber}`."""
        call.require("bookings_r_all")
        return Answer(body=show_bookings(call, [_seen(call, call.booking())])[0])

    def booking_customer(self, call: Call) -> Answer:
        """`GET /bookings/{bookingNumber}/customer`."""
        call.require("bookings_r_all")
        call.require("customers_r_all")
        return Answer(body=_show_customers(call, [call.booking().customer])[0])

    def booking_payments(self, call: Call) -> Answer:
        """`GET /bookings/{bookingNumber}/payments`."""
        call.require("bookings_r_all")
        booking = _seen(call, call.booking())
        readable = call.allows("payments_r_all")
        if not readable and call.account.switches.booking_payments_without_permission == "403":
            call.require("payments_r_all")
        return self.pager.answer(
            call, lambda _: booking.payments if readable else (), _show_payments, highest=MAX_PAYMENTS_PER_PAGE
        )

    def customers(self, call: Call) -> Answer:
        """`GET /customers`."""
        if call.account.switches.customers_without_permission == "403":
            call.require("customers_r_all")
        return self.pager.answer(call, _find_customers, _show_customers, by_now=True)

    def customer(self, call: Call) -> Answer:
        """`GET /customers/{id}`."""
        call.require("customers_r_all")
        return Answer(body=_show_customers(call, [call.customer()])[0])

    def customer_bookings(self, call: Call) -> Answer:
        """`GET /customers/{id}/bookings`."""
        call.require("customers_r_all")
        if call.account.switches.bookings_without_permission == "403":
            call.require("bookings_r_all")
        customer = call.customer()
        return self.pager.answer(call, lambda asked: _find_history(asked, customer), show_bookings)

    def payments(self, call: Call) -> Answer:
        """`GET /payments`."""
        if not call.allows("payments_r_all") and call.account.switches.payments_without_permission == "403":
            call.require("payments_r_all")
        return self.pager.answer(call, _find_payments, _show_payments, highest=MAX_PAYMENTS_PER_PAGE)

    def payment(self, call: Call) -> Answer:
        """`GET /payments/{id}`."""
        call.require("payments_r_all")
        found = call.account.payments.get(call.path["id"])
        if found is None:
            raise ApiError(404, "No payment with this id")
        return Answer(body=_show_payments(call, [found])[0])

    def linked_people(self, call: Call) -> Answer:
        """`GET /customers/{id}/linkedpeople`."""
        call.require("customers_r_all")
        customer = call.customer()
        return self.pager.answer(call, lambda _: customer.linked, lambda _, people: list(people))

    def subaccounts(self, call: Call) -> Answer:
        """`GET /subaccounts`: the first account is a portal, the others are its businesses."""
        call.require("subaccounts_all")
        portal, *others = call.business.accounts
        found = [{"id": a.profile.account_id, "name": a.profile.name} for a in others if call.account is portal]
        return self.pager.answer(call, lambda _: found, _show_objects, highest=MAX_PAYMENTS_PER_PAGE)

    def settings_list(self, call: Call) -> Answer:
        """`GET /settings/...`: the small lists."""
        name = call.operation.rsplit("/", 1)[1]
        content = settings_lists(call.account)[name]
        if name in ("apikeyinfo", "business", "customercustomfields"):
            return Answer.of(content)
        if name == "peoplecategories":
            return Answer.of({"categories": content})
        if name in ("taxes", "languages"):
            return Answer.of({"data": content})
        if name == "products" and "type" in call.query:
            content = [product for product in content if product["type"] == call.query["type"]]
        return self.pager.answer(call, lambda _: content, _show_objects)


def show_bookings(call: Call, bookings: Sequence[Booking]) -> list[bytes]:
    """Shows bookings as far as the api key may read.

    Args:
        call: The request, with `expandCustomer` and `expandParticipants`.
        bookings: The bookings.

    Returns:
        JSON of each.
    """
    persons = call.allows("customers_r_all")
    # A customer's history has no `expandCustomer`. Source: swagger file.
    expand = call.flag("expandCustomer") if not call.operation.startswith("GET /customers") else False
    details = call.flag("expandParticipants")
    shown = [
        booking_bytes(
            call.account,
            booking,
            customer=_show_customers(call, [booking.customer])[0] if expand and persons else None,
            details=details,
            persons=persons,
        )
        for booking in bookings
    ]
    return _spoiled(call, [booking.number for booking in bookings], shown)


def _show_payments(call: Call, payments: Sequence[Payment]) -> list[bytes]:
    shown = [orjson.dumps(payment_dict(call.account, payment)) for payment in payments]
    return _spoiled(call, [payment.id for payment in payments], shown)


def _show_customers(call: Call, customers: Sequence[Customer]) -> list[bytes]:
    shown = [customer_bytes(call.account, customer, call.now) for customer in customers]
    return _spoiled(call, [customer.id for customer in customers], shown)


def _spoiled(call: Call, names: Sequence[str], shown: list[bytes]) -> list[bytes]:
    spoiled = call.account.spoiled
    if not spoiled:
        return shown
    return [
        with_constant(text, spoiled[name]) if name in spoiled else text for name, text in zip(names, shown, strict=True)
    ]


def _show_objects(_: Call, objects: Sequence[Any]) -> list[bytes]:
    return [orjson.dumps(value) for value in objects]


def _find_bookings(call: Call) -> list[Booking]:
    account = call.account
    booked = call.span("startTime", "endTime")
    updated = call.span("lastUpdatedStartTime", "lastUpdatedEndTime")
    canceled = call.flag("includeCanceled")
    call.flag("expandCustomer"), call.flag("expandParticipants")
    if updated is None and booked is None:
        raise bad_request("startTime and endTime, or lastUpdatedStartTime and lastUpdatedEndTime, are required")
    if not call.allows("bookings_r_all"):
        return []
    if account.replica is not None:
        found = list(account.replica.bookings(call.now).values())
        if updated is not None:
            found = [booking for booking in found if updated.holds_truly(booking.updated, booking.number)]
    elif updated is not None:
        found = updated.truly_in(account.by_update, attrgetter("updated"), attrgetter("number"))
    elif booked is not None:
        found = booked.shown_in(account.by_start, attrgetter("start"))
    if booked is not None:
        found = [booking for booking in found if booked.holds(booking.start)]
    if not canceled:
        found = [booking for booking in found if not booking.flags & CANCELED]
    if "productId" in call.query:
        product = bodies.product(call)
        found = [booking for booking in found if booking.product is product]
    found.sort(key=_booking_order)
    return found


def _seen(call: Call, booking: Booking) -> Booking:
    """A booking as it can be seen; a 404 if it cannot yet."""
    if call.account.replica is None:
        return booking
    seen = call.account.replica.bookings(call.now).get(booking.number)
    if seen is None:
        raise ApiError(404, "No booking with this number")
    return seen


def _booking_order(booking: Booking) -> tuple[int, str]:
    return booking.created, booking.number


def _find_history(call: Call, customer: Customer) -> list[Booking]:
    call.flag("expandParticipants")
    begin, end = (_date_edge(call, name, days) for name, days in (("beginDate", 0), ("endDate", 1)))
    if begin is not None and end is not None and begin >= end:
        raise bad_request("beginDate is after endDate")
    if not call.allows("bookings_r_all"):
        return []
    known = customer.bookings
    if call.account.replica is not None:
        known = [b for b in call.account.replica.bookings(call.now).values() if b.customer is customer]
    found = [b for b in known if (begin is None or b.start >= begin) and (end is None or b.start < end)]
    return sorted(found, key=lambda booking: (booking.start, booking.number))


def _date_edge(call: Call, name: str, days_later: int) -> int | None:
    if name not in call.query:
        return None
    try:
        day = parse_date(call.query[name]) + timedelta(days=days_later)
    except (ValueError, OverflowError) as error:
        raise bad_request(f"{name} is {error}") from None
    return wall_seconds(datetime.combine(day, time(), UTC), call.account.profile.zone)


def _find_payments(call: Call) -> list[Payment]:
    received = call.span("startTime", "endTime")
    if received is None:
        raise bad_request("startTime and endTime are required")
    method = call.query.get("paymentMethod")
    if method is not None and method not in bodies.PAYMENT_METHODS:
        raise bad_request("Unknown paymentMethod")
    if not call.allows("payments_r_all"):
        return []
    if call.account.replica is not None:
        seen = call.account.replica.payments(call.now).values()
        found = [payment for payment in seen if received.holds_truly(payment.received, payment.id)]
    else:
        found = received.truly_in(call.account.by_receipt, attrgetter("received"), attrgetter("id"))
    if method is not None:
        found = [payment for payment in found if payment.method == method]
    found.sort(key=lambda payment: (payment.received, payment.id))
    return found


def _find_customers(call: Call) -> list[Customer]:
    found = list(call.account.customer_list) if call.allows("customers_r_all") else []
    if "createdSince" in call.query:
        since = call.time("createdSince")
        found = [customer for customer in found if customer.created >= since]
    members, others = call.flag("currentMembers"), call.flag("currentNonMembers")
    if members != others:
        found = [customer for customer in found if _is_member(customer, call.now) == members]
    field, text = call.query.get("searchField", "name"), call.query.get("searchText")
    if field not in _SEARCH_FIELDS:
        raise bad_request(f"searchField must be one of {', '.join(_SEARCH_FIELDS)}")
    if text is not None:
        found = [customer for customer in found if text.casefold() in _searched(customer, field)]
    elif "searchField" in call.query:
        raise bad_request("searchField needs searchText")
    return found


def _is_member(customer: Customer, now: int) -> bool:
    data = orjson.loads(customer.data)
    end = data.get("membershipEnd")
    return bool(data.get("member")) and (end is None or seconds(datetime.fromisoformat(end)) >= now)


def _searched(customer: Customer, field: str) -> str:
    if field == "name":
        return customer.name.casefold()
    return str(orjson.loads(customer.data).get(field, "")).casefold()
