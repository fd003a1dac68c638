"""The writing operations: bookings, cancelations, payments, webhooks. A refused request changes nothing."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import orjson

from bookeo_sandbox.invention.drawing import set_price
from bookeo_sandbox.invention.life import edit_customer
from bookeo_sandbox.invention.schedule import event_start
from bookeo_sandbox.operations import bodies
from bookeo_sandbox.operations.availability import free_seats, seats_of
from bookeo_sandbox.operations.reading import show_bookings
from bookeo_sandbox.protocol.calls import Answer, Call
from bookeo_sandbox.protocol.errors import ApiError, bad_request
from bookeo_sandbox.records.entities import CANCELED, NO_SHOW, PRIVATE, Booking, Customer, Payment, Product, packed
from bookeo_sandbox.records.ids import stable_id
from bookeo_sandbox.records.times import format_time, whole_minute
from bookeo_sandbox.shown.render import customer_bytes, payment_dict

_EXTRA_TEXTS = ("giftVoucherCodeInput", "specificVoucherCode", "sourceIp")
_DOMAINS = ("bookings", "customers", "payments", "seatblocks", "resourceblocks")
_TYPES = ("created", "updated", "deleted")
_FREE_CANCELATION_SECONDS = 48 * 3600


class Writing:
    """The writing operations, and the webhooks that they keep.

    Each takes a `Call`, gives its `Answer`, and raises `ApiError` for what the API refuses, before anything changed.
    """

    def __init__(self) -> None:
        self.webhooks: dict[str, dict[tuple[str, str], dict[str, str]]] = {}

    def create_booking(self, call: Call) -> Answer:
        """`POST /bookings`."""
        call.require("bookings_r_all")
        body, account = call.object(), call.account
        tell = _Notices(call, "notifyCustomer", "notifyUsers", "sendCustomerReminders", "sendCustomerThankyou")
        hold = account.holds.pop(call.query.get("previousHoldId", ""), None)
        try:
            payments = [bodies.payment(call, row) for row in bodies.objects(body, "initialPayments")]
            booking = drafted(call, body, number=None, backend=tell.backend)
        except ApiError:
            if hold is not None:
                account.holds[hold.id] = hold
            raise
        customer = booking.customer
        if hold is not None:
            # A booking exists from the beginning of the checkout. Source: real answers.
            booking.created = hold.created
        account.add_booking(booking)
        for payment in payments:
            payment.booking, payment.customer_id = booking, customer.id
            account.add_payment(payment, is_new=True)
        tell.about("created", booking)
        return Answer(201, show_bookings(call, [booking])[0], {"Location": f"/v2/bookings/{booking.number}"})

    def update_booking(self, call: Call) -> Answer:
        """`PUT /bookings/{bookingNumber}`: what the body holds is changed, the rest stays."""
        call.require("bookings_r_all")
        booking, body, account = call.booking(), call.object(), call.account
        tell = _Notices(call, "notifyCustomer", "notifyUsers")
        if booking.flags & CANCELED:
            raise bad_request("A canceled booking cannot be changed")
        product = account.products.get(str(body.get("productId", booking.product.id)))
        if product is not booking.product:
            raise bad_request("The product of a booking cannot be changed")
        numbers, people = booking.numbers, booking.people
        if "participants" in body:
            numbers, people = bodies.participants(call, body, product)
            people = booking.people if numbers == booking.numbers else people
        times = (booking.start, booking.end, booking.event)
        if ("eventId" in body and find_event(call, body, product) != booking.event) or (
            "startTime" in body and bodies.moment(call, body, "startTime") != booking.start
        ):
            times = _times(call, body, product)
        options = bodies.options(body, product) if "options" in body else booking.options
        adjustments = bodies.adjustments(call, body) if "priceAdjustments" in body else booking.adjustments
        promotion = bodies.promotion(call, body) if "promotionCodeInput" in body else booking.promotion
        coupons = _coupons(body) if "couponCodes" in body else booking.coupons
        extra = {**(booking.extra or {}), **_extra(body)}

        price_matters = (numbers, options, adjustments, promotion) != (
            booking.numbers,
            booking.options,
            booking.adjustments,
            booking.promotion,
        )
        booking.numbers, booking.people, booking.options, booking.adjustments = numbers, people, options, adjustments
        booking.promotion, booking.coupons, booking.extra = promotion, coupons, extra or None
        for name, bit in (("privateEvent", PRIVATE), ("noShow", NO_SHOW)):
            if isinstance(body.get(name), bool):
                booking.flags = booking.flags | bit if body[name] else booking.flags & ~bit
        if price_matters:
            set_price(booking)
        if times != (booking.start, booking.end, booking.event):
            account.reschedule(booking, *times)
        account.mark_changed(booking, call.now, "API backend" if tell.backend else "API")
        tell.about("updated", booking)
        return Answer(body=show_bookings(call, [booking])[0])

    def cancel_booking(self, call: Call) -> Answer:
        """`DELETE /bookings/{bookingNumber}`."""
        call.require("bookings_r_all")
        booking, account = call.booking(), call.account
        policy, series = call.flag("applyCancellationPolicy"), call.flag("cancelRemainingSeries")
        tracked = call.flag("trackInCustomerHistory")
        tell = _Notices(call, "notifyCustomer", "notifyUsers")
        if booking.flags & CANCELED:
            raise bad_request("The booking is canceled already")
        canceled = [booking]
        if series:
            all_of_it = call.business.life(account).series_of(booking)
            canceled += [b for b in all_of_it if b.start > booking.start and b.number in account.bookings]
        for each in canceled:
            if not each.flags & CANCELED:
                account.cancel(each, call.now, "API", tracked=tracked)
                if policy:
                    _refund_by_policy(call, each)
                tell.about("canceled", each, reason=call.query.get("reason"))
        if not account.switches.delete_returns_booking:
            return Answer(200)
        return Answer(body=show_bookings(call, [booking])[0])

    def add_payment(self, call: Call) -> Answer:
        """`POST /bookings/{bookingNumber}/payments`."""
        call.require("bookings_r_all")
        call.require("payments_r_all")
        booking = call.booking()
        payment = bodies.payment(call, call.object(), booking)
        call.account.add_payment(payment)
        return Answer(
            201, orjson.dumps(payment_dict(call.account, payment)), {"Location": f"/v2/payments/{payment.id}"}
        )

    def create_customer(self, call: Call) -> Answer:
        """`POST /customers`."""
        call.require("customers_r_all")
        customer = _customer(call, {"customer": call.object()})
        shown = customer_bytes(call.account, customer, call.now)
        return Answer(201, shown, {"Location": f"/v2/customers/{customer.id}"})

    def update_customer(self, call: Call) -> Answer:
        """`PUT /customers/{id}`: what the body holds is changed, the rest stays."""
        call.require("customers_r_all")
        customer, fields = call.customer(), bodies.customer_fields(call.object(), is_new=False)
        edit_customer(call.account, customer, call.now, **fields)
        return Answer(body=customer_bytes(call.account, customer, call.now))

    def delete_customer(self, call: Call) -> Answer:
        """`DELETE /customers/{id}`: their bookings vanish; refused while one is ahead that is not canceled."""
        call.require("customers_r_all")
        customer = call.customer()
        if any(b.start > call.now and not b.flags & CANCELED for b in customer.bookings):
            raise bad_request("A customer with bookings ahead cannot be deleted; cancel them first")
        call.account.delete_customer(customer)
        return Answer(204)

    def list_webhooks(self, call: Call) -> Answer:
        """`GET /webhooks`."""
        kept = list(self._kept(call).values())
        info = {"totalItems": len(kept), "totalPages": 1 if kept else 0, "currentPage": 1}
        return Answer.of({"info": info, "data": kept})

    def create_webhook(self, call: Call) -> Answer:
        """`POST /webhooks`: a new one for the same domain and type takes the place of the old."""
        body = call.object()
        url, domain, kind = bodies.text(body, "url") or "", body.get("domain"), body.get("type")
        try:
            parts = urlsplit(url)
        except ValueError:
            raise bad_request("url is not a URL") from None
        if parts.scheme != "https" or not parts.hostname:
            raise bad_request("url must start with https://")
        if domain not in _DOMAINS or kind not in _TYPES:
            raise bad_request(f"domain must be one of {', '.join(_DOMAINS)}, type one of {', '.join(_TYPES)}")
        number = stable_id(call.account.api_key.key, domain, kind, url, call.now, length=18)
        self._kept(call)[domain, kind] = {"id": number, "url": url, "domain": domain, "type": kind}
        return Answer.of(self._kept(call)[domain, kind], 201, Location=f"/v2/webhooks/{number}")

    def delete_webhook(self, call: Call) -> Answer:
        """`DELETE /webhooks/{id}`."""
        kept = self._kept(call)
        for place, webhook in kept.items():
            if webhook["id"] == call.path["id"]:
                del kept[place]
                return Answer(204)
        raise ApiError(404, "No webhook with this id")

    def _kept(self, call: Call) -> dict[tuple[str, str], dict[str, str]]:
        return self.webhooks.setdefault(call.account.api_key.key, {})


class _Notices:
    """Who is told of a change; the outbox shows it."""

    def __init__(self, call: Call, *names: str) -> None:
        self._call = call
        self._flags = {name: call.flag(name) for name in names}
        mode = call.query.get("mode")
        if mode not in (None, "backend"):
            raise bad_request("mode can only be backend")
        self.backend = mode == "backend"

    def about(self, kind: str, booking: Booking, **more: Any) -> None:
        """Writes into the outbox.

        Args:
            kind: created, updated or canceled.
            booking: The booking.
            **more: What else to say.
        """
        call = self._call
        entry = {
            "kind": kind,
            "bookingNumber": booking.number,
            "time": format_time(call.now, call.account.profile.zone),
        }
        if "previousHoldId" in call.query:
            more["previousHoldId"] = call.query["previousHoldId"]
        more = {name: value for name, value in more.items() if value is not None}
        call.account.outbox.append({**entry, **self._flags, "backend": self.backend, **more})


def drafted(call: Call, body: dict[str, Any], *, number: str | None, backend: bool = False) -> Booking:
    """Checks a new booking and prices it; the caller takes it in.

    Args:
        call: The request.
        body: The booking.
        number: Its booking number; None: a new one, and a new customer is taken in. Otherwise it may have none.
        backend: Staff make it, who may overbook.

    Returns:
        The booking.

    Raises:
        ApiError: 400, what makes no sense, or has no seats left.
    """
    account = call.account
    product = account.products.get(str(body.get("productId")))
    if product is None:
        raise bad_request("productId is required and must be known")
    numbers, people = bodies.participants(call, body, product)
    start, end, event = _times(call, body, product)
    if event and free_seats(call, product, event) < seats_of(call, product, numbers) and not backend:
        raise bad_request("Not enough seats left")
    options, adjustments = bodies.options(body, product), bodies.adjustments(call, body)
    promotion, coupons, extra = bodies.promotion(call, body), _coupons(body), _extra(body)
    customer = Customer("", "", call.now, account.profile.language, b"{}", ())
    if number is None:
        customer = _customer(call, body)
        number = account.next_number()
    booking = Booking(number, customer, product, whole_minute(call.now), start, end)
    booking.event, booking.agent, booking.source = event, "API backend" if backend else "API", "API"
    booking.numbers, booking.people, booking.options, booking.adjustments = numbers, people, options, adjustments
    booking.promotion, booking.coupons, booking.extra = promotion, coupons, extra or None
    booking.flags |= PRIVATE if body.get("privateEvent") is True else 0
    set_price(booking)
    return booking


def find_event(call: Call, body: dict[str, Any], product: Product) -> int:
    """Finds the slot that a body names.

    Args:
        call: The request.
        body: What has an `eventId`.
        product: The product of the slot.

    Returns:
        Its start in Unix seconds.

    Raises:
        ApiError: 400, the product has no such slot.
    """
    try:
        return event_start(product, bodies.text(body, "eventId") or "", call.account.profile.zone)
    except (ValueError, OverflowError):
        raise bad_request("eventId is not a slot of this product") from None


def _times(call: Call, body: dict[str, Any], product: Product) -> tuple[int, int, int]:
    if product.type != "flexibleTime" or "eventId" in body:
        if "eventId" not in body:
            raise bad_request("eventId is required for products of this type")
        event = find_event(call, body, product)
        return event, event + 60 * product.minutes, event
    start, end = bodies.moment(call, body, "startTime"), bodies.moment(call, body, "endTime")
    if start is None:
        raise bad_request("eventId or startTime is required")
    end = start + 60 * product.minutes if end is None else end
    if end <= start:
        raise bad_request("endTime is not after startTime")
    return start, end, 0


def _coupons(body: dict[str, Any]) -> tuple[str, ...]:
    codes = body.get("couponCodes", [])
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        raise bad_request("couponCodes must be a list of texts")
    return tuple(codes)


def _extra(body: dict[str, Any]) -> dict[str, Any]:
    extra = {name: value for name in _EXTRA_TEXTS if (value := bodies.text(body, name)) is not None}
    reference = bodies.text(body, "externalRef", bodies.MAX_EXTERNAL_REF)
    if reference is not None:
        extra["externalRef"] = reference
    return extra


def _customer(call: Call, body: dict[str, Any]) -> Customer:
    account = call.account
    if isinstance(body.get("customerId"), str):
        customer = account.customers.get(body["customerId"])
        if customer is None:
            raise bad_request("Unknown customerId")
        return customer
    if not isinstance(body.get("customer"), dict):
        raise bad_request("customerId or customer is required")
    fields = bodies.customer_fields(body["customer"])
    number = account.next_id("customer")
    created = whole_minute(call.now)
    data = {"id": number, **fields, "creationTime": format_time(created, account.profile.zone)}
    language = fields.get("languageCode", account.profile.language)
    name = " ".join(fields[part] for part in ("firstName", "lastName") if fields.get(part))
    customer = Customer(number, name, created, language, packed(data), ())
    account.add_customer(customer)
    return customer


def _refund_by_policy(call: Call, booking: Booking) -> None:
    early = booking.start - call.now >= _FREE_CANCELATION_SECONDS
    amount = booking.paid if early else booking.paid // 2
    if amount > 0:
        number = call.account.next_id("payment")
        payment = Payment(
            number,
            call.now,
            call.now,
            -amount,
            "accountCredit",
            "Refund",
            booking=booking,
            customer_id=booking.customer.id,
            agent="API",
        )
        call.account.add_payment(payment)
