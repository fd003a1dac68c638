"""What can still be booked: slots, and slots that suit somebody."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from bookeo_sandbox.invention.schedule import classes_of, event_id, events_between
from bookeo_sandbox.operations import bodies
from bookeo_sandbox.protocol.calls import Answer, Call
from bookeo_sandbox.protocol.errors import ApiError, bad_request
from bookeo_sandbox.protocol.pages import Pager
from bookeo_sandbox.records.entities import CANCELED, PRIVATE, Numbers, Product
from bookeo_sandbox.records.ids import stable_id
from bookeo_sandbox.records.money import money, price_of
from bookeo_sandbox.records.times import format_time

_SLOTS_PER_PAGE = 300
"""Taken although the documents say 100. Source: clients in use."""
_MATCHES_PER_PAGE = 50


class Availability:
    """The operations under `/availability`.

    Args:
        pager: Cuts lists into pages.
    """

    def __init__(self, pager: Pager) -> None:
        self._pager = pager
        self._searches: dict[str, list[dict[str, Any]]] = {}

    def slots(self, call: Call) -> Answer:
        """`GET /availability/slots`."""
        call.require("availability_r")
        highest = 100 if call.strict else _SLOTS_PER_PAGE
        return self._pager.answer(call, _find_slots, _show, highest=highest, by_now=True)

    def search(self, call: Call) -> Answer:
        """`POST /availability/matchingslots`: slots with enough seats for certain people, with what it costs them."""
        call.require("availability_r")
        found = _find_matches(call, call.object())
        name = stable_id(call.account.api_key.key, "search", len(self._searches), length=28)
        self._searches[name] = found
        answer = self._page(found, name, 1)
        return Answer(201, answer.body, {"Location": f"/v2/availability/matchingslots/{name}"})

    def search_page(self, call: Call) -> Answer:
        """`GET /availability/matchingslots/{id}`: a page of what a search found."""
        call.require("availability_r")
        found = self._searches.get(call.path["id"])
        if found is None:
            raise ApiError(404, "No search with this id")
        return self._page(found, call.path["id"], call.number("pageNumber", 1))

    def _page(self, found: list[dict[str, Any]], name: str, number: int) -> Answer:
        pages = -(-len(found) // _MATCHES_PER_PAGE)
        info: dict[str, Any] = {"totalItems": len(found), "totalPages": pages, "currentPage": number}
        if pages > 1:
            info["pageNavigationToken"] = name
        return Answer.of({"info": info, "data": found[(number - 1) * _MATCHES_PER_PAGE : number * _MATCHES_PER_PAGE]})


def _show(_: Call, slots: Sequence[Any]) -> list[bytes]:
    return [orjson.dumps(slot) for slot in slots]


def _find_matches(call: Call, body: dict[str, Any]) -> list[dict[str, Any]]:
    profile = call.account.profile
    product = call.account.products.get(str(body.get("productId")))
    begin, end = bodies.moment(call, body, "startTime"), bodies.moment(call, body, "endTime")
    if product is None or begin is None or end is None or begin > end:
        raise bad_request("productId, startTime and endTime are required, and must be known and in order")
    numbers, _ = bodies.participants(call, {"participants": {"numbers": body.get("peopleNumbers")}}, product)
    gross, _, _ = price_of(product, numbers, bodies.options(body, product), (), None)
    price = money(gross, profile.currency, profile.decimals)
    seats = seats_of(call, product, numbers)
    return [
        {**slot_times(product, start, profile.zone), "price": price}
        for start in events_between(product, begin, end, profile.zone)
        if free_seats(call, product, start) >= seats
    ]


def _find_slots(call: Call) -> list[dict[str, Any]]:
    times = call.span("startTime", "endTime")
    if times is None:
        raise bad_request("startTime and endTime are required")
    if "productId" in call.query:
        products = [bodies.product(call)]
        if products[0].type == "flexibleTime":
            raise bad_request("Products of type flexibleTime have no slots")
    else:
        products = [p for p in call.account.profile.products if p.type != "flexibleTime"]
    zone = call.account.profile.zone
    slots = []
    for product in products:
        for start in events_between(product, math.ceil(times.begin), math.floor(times.end), zone):
            slot = {**slot_times(product, start, zone), "numSeatsAvailable": free_seats(call, product, start)}
            slots.append((start, product.id, slot))
    return [slot for _, _, slot in sorted(slots, key=lambda row: row[:2])]


def slot_times(product: Product, start: int, zone: ZoneInfo) -> dict[str, Any]:
    """Shows what a slot is, without its free seats.

    Args:
        product: The product.
        start: Start of the slot in Unix seconds; of a course, of its first class.
        zone: The account's zone.

    Returns:
        The API's object; a course's has its classes.
    """
    slot = {
        "eventId": event_id(product, start, zone),
        "productId": product.id,
        "startTime": format_time(start, zone),
        "endTime": format_time(start + 60 * product.minutes, zone),
    }
    if product.type != "fixedCourse":
        return slot
    events = [
        {
            "eventNumber": number,
            "eventId": event_id(product, begin, zone),
            "startTime": format_time(begin, zone),
            "endTime": format_time(begin + 60 * product.minutes, zone),
        }
        for number, begin in enumerate(classes_of(product, start, zone), start=1)
    ]
    title = f"{product.name}, from {slot['startTime'][:10]}"
    return {**slot, "courseSchedule": {"title": title, "events": events}}


def free_seats(call: Call, product: Product, start: int) -> int:
    """Counts the seats that are left of a slot.

    Args:
        call: The request.
        product: A product with slots.
        start: Start of the slot in Unix seconds.

    Returns:
        At least 0.
    """
    # Somebody who joins a course later starts later: its seats are looked for over the whole course.
    last = start + (product.classes * 8 * 86_400 if product.type == "fixedCourse" else 0)
    taken = 0
    for booking in call.account.by_start.between(start, last):
        if booking.product is product and booking.event == start and not booking.flags & CANCELED:
            if booking.flags & PRIVATE:
                return 0
            taken += seats_of(call, product, booking.numbers)
    for hold in call.account.holds.values():
        if hold.booking.product is product and hold.booking.event == start and hold.expires > call.now:
            taken += seats_of(call, product, hold.booking.numbers)
    taken += sum(b.seats for b in call.account.blocks.values() if b.product is product and b.event == start)
    return max(0, product.capacity - taken)


def seats_of(call: Call, product: Product, numbers: Numbers) -> int:
    """Counts the seats that people take.

    Args:
        call: The request.
        product: What they book.
        numbers: How many they are, by category.

    Returns:
        Each person's seats together; 1 where the product is sold per booking.
    """
    if product.booking_price is not None:
        return 1
    seats = {category: number for category, _, number in call.account.profile.categories}
    return sum(seats.get(category, 1) * number for category, number in numbers)
