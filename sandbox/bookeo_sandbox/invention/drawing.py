"""Draws invented customers and bookings. The same random numbers always make the same ones."""

from __future__ import annotations

from random import Random
from typing import Any

from bookeo_sandbox.invention import names
from bookeo_sandbox.invention.schedule import classes_of, event_id, next_event
from bookeo_sandbox.records.account import Account
from bookeo_sandbox.records.entities import (
    ACCEPTED,
    PRIVATE,
    SELF,
    UNKNOWN,
    Adjustment,
    Booking,
    Customer,
    Numbers,
    Option,
    Product,
    packed,
)
from bookeo_sandbox.records.money import money, price_of
from bookeo_sandbox.records.times import format_time, whole_minute

_DAY = 86_400
_SHARED: dict[Any, Any] = {}
"""Equal tuples kept once: most bookings have the participants and options of many others."""


def shared(value: Any) -> Any:
    """Keeps one of equal values.

    Args:
        value: Something immutable.

    Returns:
        An equal value, the same each time.
    """
    if len(_SHARED) > 50_000:
        _SHARED.clear()
    return _SHARED.setdefault(value, value)


def draw_customer(account: Account, rng: Random, now: int) -> Customer:
    """Invents a customer and takes them in.

    Args:
        account: Whose customer it is.
        rng: Source of chance.
        now: Creation time in Unix seconds.

    Returns:
        The customer.
    """
    profile, chance = account.profile, rng.random
    person = _person(rng)
    customer_id = account.next_id("customer")
    created = whole_minute(now)
    data: dict[str, Any] = {"id": customer_id, **person, "creationTime": format_time(created, profile.zone)}
    if chance() < 0.85:
        country, city, state, postcode = rng.choice(names.CITIES)
        address = {"address1": f"{1 + int(chance() * 240)} {rng.choice(names.STREETS)}", "city": city}
        if chance() < 0.2:
            address["address2"] = f"Apt. {1 + int(chance() * 40)}"
        if state:
            address["state"] = state
        data["streetAddress"] = {**address, "countryCode": country, "postcode": postcode}
    else:
        data["streetAddress"] = {"countryCode": profile.country}
    if chance() < 0.3:
        data["customFields"] = [{"id": "CF1", "name": "How did you hear of us?", "value": rng.choice(names.SOURCES)}]
        if chance() < 0.3:
            data["customFields"].append({"id": "CF2", "name": "Notes", "value": rng.choice(names.REMARKS)})
    if chance() < 0.03:
        data["credit"] = money(int(chance() * 10_000), profile.currency, profile.decimals)
    if chance() < 0.02:
        data["facebookId"] = str(int(chance() * 10**15))
    language = rng.choice(names.LANGUAGES) if chance() < 0.4 else profile.language
    if "emailAddress" in person or "phoneNumbers" in person:
        data["languageCode"] = language
    data["acceptSmsReminders"] = chance() < 0.6
    if chance() < 0.08:
        data["member"] = True
        data["membershipEnd"] = format_time(whole_minute(now + (chance() * 700 - 100) * _DAY), profile.zone)
    else:
        data["member"] = False
    linked: tuple[bytes, ...] = ()
    if chance() < 0.15:
        linked = tuple(
            packed({"id": f"{customer_id}L{place}", "customerId": customer_id, **_person(rng)})
            for place in range(1 + int(chance() * 3))
        )
    full_name = " ".join(str(person[part]) for part in ("firstName", "lastName") if part in person)
    customer = Customer(customer_id, full_name, created, language, packed(data), linked)
    account.add_customer(customer)
    return customer


def _person(rng: Random) -> dict[str, Any]:
    chance = rng.random
    first, last, middle = rng.choice(names.FIRST), rng.choice(names.LAST), rng.choice(names.MIDDLE)
    person: dict[str, Any] = {"firstName": first}
    if middle:
        person["middleName"] = middle
    if chance() < 0.98:
        person["lastName"] = last
    if chance() < 0.9:
        person["emailAddress"] = f"guest{int(chance() * 10**8)}@example.{rng.choice(('com', 'org', 'net'))}"
    if chance() < 0.75:
        number = f"+61 4{int(chance() * 10**8):08d}"
        person["phoneNumbers"] = [{"number": number, "type": rng.choice(("mobile", "mobile", "home", "work", "fax"))}]
        if chance() < 0.1:
            person["phoneNumbers"].append({"number": f"0{int(chance() * 10**9)}", "type": "home"})
    if chance() < 0.2:
        person["dateOfBirth"] = f"{1940 + int(chance() * 75)}-{1 + int(chance() * 12):02d}-{1 + int(chance() * 28):02d}"
    if chance() < 0.4:
        person["gender"] = rng.choice(("male", "female", "unknown"))
    return person


def draw_booking(account: Account, rng: Random, now: int, customer: Customer, product: Product) -> Booking:
    """Invents a booking, priced; the caller takes it in.

    Args:
        account: Whose booking it is.
        rng: Source of chance.
        now: Creation time in Unix seconds.
        customer: Who books.
        product: What is booked.

    Returns:
        The booking, without payments.
    """
    chance, zone = rng.random, account.profile.zone
    earliest = now + 3600 + int(min(rng.expovariate(1 / product.lead_days), 300.0) * _DAY)
    start = event = next_event(product, earliest, zone, rng)
    extra: dict[str, Any] = {}
    if product.type == "fixedCourse":
        start = _join_course(account, product, event, rng, extra)
    elif product.type == "flexibleTime" and chance() < 0.5:
        event = 0
    length = product.minutes * (2 if product.type == "flexibleTime" and chance() < 0.2 else 1)
    booking = Booking(account.next_number(), customer, product, whole_minute(now), start, start + 60 * length)
    booking.event = event
    booking.source = rng.choice(names.SOURCES) if chance() < 0.8 else None
    if chance() < 0.35:
        booking.agent = rng.choice(names.AGENTS)
    booking.numbers = draw_numbers(product, rng)
    booking.people = _draw_people(booking, rng)
    booking.options = _draw_options(product, rng)
    if product.resources and chance() < 0.7:
        booking.resources = shared((rng.choice(product.resources),))
    if product.flags.get("allowPrivateEvents") and chance() < 0.05:
        booking.flags |= PRIVATE
    if product.flags.get("acceptDeny") and chance() < 0.5:
        booking.flags &= ~ACCEPTED
    if chance() < 0.06:
        booking.adjustments = (_draw_adjustment(account, product, rng),)
    if account.profile.promotions and chance() < 0.07:
        booking.promotion = rng.choice(account.profile.promotions[:2] if chance() < 0.9 else account.profile.promotions)
    if chance() < 0.03:
        booking.coupons = tuple(f"CPN-{int(chance() * 10**6):06d}" for _ in range(1 + int(chance() * 2)))
    _draw_rarities(booking, rng, extra)
    booking.extra = extra or None
    set_price(booking)
    return booking


def set_price(booking: Booking) -> None:
    """Works out a booking's price from what it contains.

    Args:
        booking: The booking; its cached JSON is dropped.
    """
    booking.gross, booking.net, booking.taxes = price_of(
        booking.product, booking.numbers, booking.options, booking.adjustments, booking.promotion
    )
    booking.cache = None


def draw_numbers(product: Product, rng: Random) -> Numbers:
    """Draws how many take part.

    Args:
        product: What is booked.
        rng: Source of chance.

    Returns:
        Categories with a number above 0.
    """
    limits = {category: highest for category, _, highest in product.limits}
    adults = min(limits.get("Cadults", limits.get(None, 2)), 1 + int(rng.expovariate(0.9)))
    rows = [("Cadults", adults)]
    for category, likelihood in (("Cchildren", 0.3), ("Cinfants", 0.06)):
        if category in limits and rng.random() < likelihood:
            rows.append((category, min(limits[category], 1 + int(rng.random() * 3))))
    if len(rows) > 1 and rng.random() < 0.04:
        del rows[0]
    return shared(tuple(rows))  # type: ignore[no-any-return]


def _draw_people(booking: Booking, rng: Random) -> tuple[int, ...]:
    count = sum(number for _, number in booking.numbers)
    linked = len(booking.customer.linked)
    people = [SELF if rng.random() < 0.9 else UNKNOWN]
    for place in range(count - 1):
        people.append(place if place < linked and rng.random() < 0.8 else UNKNOWN)
    return shared(tuple(people[:count]))  # type: ignore[no-any-return]


def _draw_options(product: Product, rng: Random) -> tuple[Option, ...]:
    chosen: list[Option] = []
    for spec in product.options:
        if spec.kind == "onOff":
            chosen.append((spec.id, spec.name, "true" if rng.random() < 0.25 else "false"))
        elif spec.kind == "text":
            if rng.random() < 0.12:
                chosen.append((spec.id, spec.name, rng.choice(names.REMARKS)))
        elif rng.random() < 0.4:
            chosen.append((spec.id, spec.name, rng.choice(spec.values)))
    return shared(tuple(chosen))  # type: ignore[no-any-return]


def _draw_adjustment(account: Account, product: Product, rng: Random) -> Adjustment:
    unit = 10**account.profile.decimals * (100 if account.profile.decimals == 0 else 1)
    taxes = tuple(tax.id for tax in product.taxes) if rng.random() < 0.7 else ()
    if rng.random() < 0.5:
        return (-int(unit * (1 + rng.random() * 9)), 1, "Goodwill", taxes)
    return (
        int(unit * (2 + rng.random() * 20)),
        1 + int(rng.random() * 3),
        rng.choice(("Wine", "Parking", "Überlänge")),
        taxes,
    )


def _join_course(account: Account, product: Product, event: int, rng: Random, extra: dict[str, Any]) -> int:
    """Chooses from which class on, or to which single class, somebody comes."""
    chance = rng.random()
    if chance > 0.35:
        return event
    start = classes_of(product, event, account.profile.zone)[1 + int(rng.random() * (product.classes - 1))]
    field = "firstCourseEnrolledEventId" if chance > 0.12 else "dropinCourseEnrolledEventId"
    extra[field] = event_id(product, start, account.profile.zone)
    return start


def _draw_rarities(booking: Booking, rng: Random, extra: dict[str, Any]) -> None:
    chance = rng.random
    if booking.agent is None and chance() < 0.7:
        extra["sourceIp"] = (
            f"203.0.113.{int(chance() * 256)}" if chance() < 0.8 else f"2001:db8::{int(chance() * 65536):x}"
        )
    if chance() < 0.04:
        extra["externalRef"] = f"OTA-{int(chance() * 10**9)}" if chance() < 0.9 else "ref/Ünï#" + "x" * 55
    if chance() < 0.02:
        extra["giftVoucherCodeInput"] = f"GV{int(chance() * 10**8):08d}"
        if chance() < 0.4:
            extra["specificVoucherCode"] = f"SV-{int(chance() * 10**6)}"
