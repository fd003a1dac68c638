"""What happens to an account in the course of time, second by second, the same for the same seed.

Bookings arrive by season, weekday and growth; each brings what follows from it (payments, changes, a cancelation).
All of it waits in one queue and happens when the clock passes, so that it makes no difference in how many steps the
clock is moved.
"""

from __future__ import annotations

import heapq
import math
from datetime import datetime
from random import Random
from typing import Any
from zlib import crc32

import orjson

from bookeo_sandbox.invention import names
from bookeo_sandbox.invention.drawing import draw_booking, draw_customer, draw_numbers, set_price
from bookeo_sandbox.invention.payments import pay, pay_for_something_else, payment_plan
from bookeo_sandbox.invention.schedule import next_event, weeks_later
from bookeo_sandbox.records.account import Account
from bookeo_sandbox.records.entities import ACCEPTED, CANCELED, NO_SHOW, UNKNOWN, Booking, Customer, packed
from bookeo_sandbox.records.times import whole_minute

_DAY = 86_400
_WEEKDAYS = (0.9, 0.8, 0.85, 0.95, 1.2, 1.35, 1.15)


class Life:
    """The future of an account.

    Args:
        account: The account; its history is made by the first `run_until`.
        seed: Seed of the business.
        position: Which account of the business, from 0.
        bookings: How many bookings the history has.
        end: Where the history ends, in Unix seconds.
        days: How long the history is.
    """

    def __init__(self, account: Account, seed: int, position: int, bookings: int, end: int, days: int) -> None:
        self._account = account
        self._seed = f"{seed}:{position}"
        self._days = days
        self._begin = end - days * _DAY
        self._southern = account.profile.country in ("AU", "NZ", "KI", "AS")
        self._bookings = bookings
        self._total = sum(self._weight(day) for day in range(days))
        self._reached = 0.0
        self._drawn_days = 0
        self._queue: list[tuple[int, int, str, Any, int]] = []
        self._order = 0
        self._weights = tuple(product.share for product in account.profile.products)
        self._series: dict[int, list[Booking]] = {}

    def run_until(self, now: int) -> None:
        """Lets everything happen that is due.

        Args:
            now: Unix seconds.
        """
        while self._begin + self._drawn_days * _DAY < now:
            day_end = self._begin + (self._drawn_days + 1) * _DAY
            self._draw_day(self._drawn_days)
            self._drawn_days += 1
            self._happen(min(day_end, now))
        self._happen(now)

    def recurring(self) -> list[list[Booking]]:
        """Lists the series of recurring bookings.

        Returns:
            The bookings of each, in the order in which they were made.
        """
        return list(self._series.values())

    def series_of(self, booking: Booking) -> list[Booking]:
        """Lists the recurring bookings that one belongs to.

        Args:
            booking: The booking.

        Returns:
            All of the series in the order in which they were made, or only the booking itself.
        """
        return self._series.get(booking.series, [booking])

    def _weight(self, day: int) -> float:
        moment = datetime.fromtimestamp(self._begin + day * _DAY, self._account.profile.zone)
        phase = 2 * math.pi * (moment.timetuple().tm_yday - (15 if self._southern else 196)) / 365.25
        growth = 1 + 0.5 * day / max(self._days, 1)
        return growth * (1 + 0.45 * math.cos(phase)) * _WEEKDAYS[moment.weekday()]

    def _draw_day(self, day: int) -> None:
        rng = Random(f"{self._seed}:{day}")  # noqa: S311
        before, self._reached = self._reached, self._reached + self._weight(day)
        scale = self._bookings / self._total
        arrivals = _whole(self._reached * scale) - _whole(before * scale)
        begin = self._begin + day * _DAY
        series, left, moment = 0, 0, 0
        for place in range(arrivals):
            if left:
                left -= 1
            else:
                series = 0
                moment = self._waking_moment(begin, rng)
                if arrivals - place >= 2 and rng.random() < 0.02:
                    left = min(1 + int(rng.random() * 6), arrivals - place - 1)
                    series = self._order + 1
            self._push(moment, "book", (series, rng.getrandbits(64)))
        self._draw_now_and_then(before * scale * 0.05, self._reached * scale * 0.05, begin, "other_payment", rng)
        if day >= self._days:
            self._draw_now_and_then(before * scale * 0.02, self._reached * scale * 0.02, begin, "delete", rng)
            self._draw_now_and_then(before * scale * 0.03, self._reached * scale * 0.03, begin, "edit_customer", rng)

    def _draw_now_and_then(self, before: float, after: float, begin: int, kind: str, rng: Random) -> None:
        for _ in range(_whole(after) - _whole(before)):
            self._push(self._waking_moment(begin, rng), kind, rng.getrandbits(64))

    def _waking_moment(self, begin: int, rng: Random) -> int:
        for _ in range(4):
            moment = begin + 1 + int(rng.random() * _DAY)
            if datetime.fromtimestamp(moment, self._account.profile.zone).hour >= 7:
                return moment
        return moment

    def _push(self, moment: int, kind: str, subject: Any, chance: int = 0) -> None:
        self._order += 1
        heapq.heappush(self._queue, (moment, self._order, kind, subject, chance))

    def _happen(self, now: int) -> None:
        queue = self._queue
        while queue and queue[0][0] <= now:
            moment, order, kind, subject, _ = heapq.heappop(queue)
            self._account.moment = moment
            if isinstance(subject, Booking):
                if subject.number in self._account.bookings:
                    self._happen_to_booking(subject, kind, moment, Random(f"{self._seed}:{order}"))  # noqa: S311
            elif kind == "book":
                series, chance = subject
                self._book(moment, series, Random(chance))  # noqa: S311
            elif kind == "other_payment":
                pay_for_something_else(self._account, moment, Random(subject))  # noqa: S311
            elif self._account.customer_list:
                rng = Random(subject)  # noqa: S311
                customer = rng.choice(self._account.customer_list)
                ahead = any(b.start > moment and not b.flags & CANCELED for b in customer.bookings)
                if kind == "delete" and self._account.switches.deletions and not ahead:
                    self._account.delete_customer(customer)
                elif kind == "edit_customer" and self._account.switches.customer_edits:
                    edit_customer(self._account, customer, moment, city=rng.choice(names.CITIES)[1])

    def _book(self, moment: int, series: int, rng: Random) -> None:
        account = self._account
        siblings = self._series.setdefault(series, []) if series else []
        if siblings:
            first = siblings[0]
            booking = draw_booking(account, rng, moment, first.customer, first.product)
            start = weeks_later(first.start, len(siblings), account.profile.zone)
            booking.event, booking.start, booking.end = 0, start, start + first.end - first.start
        else:
            customers = account.customer_list
            returning = customers and rng.random() < 0.42
            customer = (
                customers[int(len(customers) * rng.random() ** 1.3)]
                if returning
                else draw_customer(account, rng, moment)
            )
            products = account.profile.products
            product = products[-1] if series else rng.choices(products, self._weights)[0]
            booking = draw_booking(account, rng, moment, customer, product)
        if series:
            booking.series, booking.agent, booking.source = series, booking.agent or names.AGENTS[0], "Phone"
            if booking.extra:
                booking.extra.pop("sourceIp", None)
            siblings.append(booking)
        longest = account.switches.checkout_minutes
        if longest and booking.agent is None:
            # What a customer books online exists from the beginning of the checkout, and is listed at its end.
            begun = booking.created - 60 * (1 + crc32(booking.number.encode()) % longest)
            booking.created = max(begun, whole_minute(self._begin + 60))
        account.add_booking(booking)
        self._plan(booking, moment, rng)

    def _plan(self, booking: Booking, created: int, rng: Random) -> None:
        start = booking.start
        for moment, kind in payment_plan(booking, created, rng):
            if moment <= created:
                pay(self._account, booking, kind, created, rng, is_new=True)
            else:
                self._push(moment, kind, booking)
        chance = rng.random()
        later = created + 1 + int(rng.random() * max(start - created, 1))
        if not booking.flags & ACCEPTED:
            self._push(created + 1 + int(rng.random() * min(_DAY, start - created)), "accept", booking)
        if chance < 0.09:
            self._push(later, "cancel", booking)
        elif chance < 0.15:
            self._push(later, "reschedule", booking)
        elif chance < 0.20:
            self._push(later, "edit", booking)
        elif chance < 0.23:
            self._push(start + 3600, "no_show", booking)
        elif chance < 0.235:
            self._push(booking.end + 600, "tip", booking)

    def _happen_to_booking(self, booking: Booking, kind: str, now: int, rng: Random) -> None:
        account, agent = self._account, rng.choice(names.AGENTS) if rng.random() < 0.6 else None
        if booking.flags & CANCELED and kind != "refund":
            return
        if kind == "cancel":
            account.cancel(booking, now, agent)
            if booking.paid > 0 and rng.random() < 0.8:
                self._push(now + int(rng.random() ** 3 * 5 * _DAY), "refund", booking)
        elif kind == "reschedule":
            length = booking.end - booking.start
            start = next_event(
                booking.product, max(now, booking.start) + int(rng.random() * 20 * _DAY), account.profile.zone, rng
            )
            for field in ("firstCourseEnrolledEventId", "dropinCourseEnrolledEventId"):
                (booking.extra or {}).pop(field, None)
            account.reschedule(booking, start, start + length, start if booking.event else 0)
            account.mark_changed(booking, now, agent)
        elif kind == "edit":
            booking.numbers = draw_numbers(booking.product, rng)
            booking.people = (booking.people[0],) + (UNKNOWN,) * (sum(number for _, number in booking.numbers) - 1)
            set_price(booking)
            account.mark_changed(booking, now, agent)
        elif kind == "accept":
            booking.flags |= ACCEPTED
            account.mark_changed(booking, now, agent or names.AGENTS[0])
        elif kind == "no_show":
            if booking.start < now:
                booking.flags |= NO_SHOW
                account.mark_changed(booking, now, agent or names.AGENTS[0])
        else:
            pay(account, booking, kind, now, rng)


def edit_customer(account: Account, customer: Customer, now: int, **changes: Any) -> None:
    """Changes fields of a customer.

    Args:
        account: The account.
        customer: The customer.
        now: Unix seconds.
        **changes: The API's fields with their new values; `city` goes into the address.
    """
    data = orjson.loads(customer.data)
    if "city" in changes:
        data.setdefault("streetAddress", {})["city"] = changes.pop("city")
    data.update(changes)
    customer.data = packed(data)
    customer.name = " ".join(data[part] for part in ("firstName", "lastName") if part in data)
    if account.switches.customer_edits_move_change:
        for booking in customer.bookings:
            account.mark_changed(booking, now, None)
    account.version += 1


def _whole(amount: float) -> int:
    # The sum of the days' weights ends a hair off the total: without this the last booking would be missing.
    return math.floor(amount + 1e-6)
