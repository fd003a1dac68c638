"""One business account: its records, found by id and by time, and the changes that they can undergo."""

from __future__ import annotations

from operator import attrgetter

from bookeo_sandbox.records.entities import (
    CANCELED,
    NO_SHOW,
    UNTRACKED,
    ApiKey,
    Block,
    Booking,
    Customer,
    Hold,
    Payment,
    Profile,
)
from bookeo_sandbox.records.ids import stable_id
from bookeo_sandbox.records.index import TimeIndex
from bookeo_sandbox.records.permissions import PERMISSIONS
from bookeo_sandbox.records.replica import Replica
from bookeo_sandbox.records.switches import Switches
from bookeo_sandbox.records.times import whole_minute

_STRIDE = 7_206_418_935_041  # has no factor in common with a power of 10: numbers never repeat
_LONGER_SINCE = 1_735_689_600
"""From 2025 on booking numbers have 16 digits instead of 14. Source: real answers."""


class Account:
    """The records of an account. Every change raises `version`.

    Args:
        profile: Who it is.
        seed: Seed of the business.
        position: Which account of the business, from 0.
        created: When its api key was made, in Unix seconds.
        switches: Shared by all accounts.
    """

    def __init__(self, profile: Profile, seed: int, position: int, created: int, switches: Switches) -> None:
        self.profile = profile
        self.switches = switches
        self.version = 0
        key = "sandbox" + stable_id(seed, position, "key", length=26)
        self.api_key = ApiKey(key, set(PERMISSIONS), whole_minute(created))
        self.bookings: dict[str, Booking] = {}
        self.customers: dict[str, Customer] = {}
        self.customer_list: list[Customer] = []
        self.payments: dict[str, Payment] = {}
        self.by_update: TimeIndex[Booking] = TimeIndex(attrgetter("updated"))
        self.by_start: TimeIndex[Booking] = TimeIndex(attrgetter("start"))
        self.by_receipt: TimeIndex[Payment] = TimeIndex(attrgetter("received"))
        self.deleted_bookings: list[str] = []
        self.deleted_customers: list[str] = []
        self.outbox: list[dict[str, object]] = []
        self.holds: dict[str, Hold] = {}
        self.blocks: dict[str, Block] = {}
        self._other_payments: dict[str, list[Payment]] = {}
        self.products = {product.id: product for product in profile.products}
        self.moment = created
        """When what happens now happens, in Unix seconds."""
        self.replica: Replica | None = None
        """What is read instead, if changes become visible late."""
        self.spoiled: dict[str, str] = {}
        """By number or id of a record: what JSON forbids and stands in it, e.g. `NaN`."""
        self._position = position
        self._counts = {"booking": 0, "customer": 0, "payment": 0, "hold": 0, "block": 0}

    def next_number(self) -> str:
        """Makes a booking number: 14 or 16 digits in no order, some with a zero in front.

        Returns:
            A number never used before in any account of the business.
        """
        count = self._count("booking")
        digits = 16 if self.moment >= _LONGER_SINCE else 14
        return str((_STRIDE * (count * 64 + self._position + 1)) % 10**digits).zfill(digits)

    def next_id(self, kind: str) -> str:
        """Makes the id of a customer or a payment.

        Args:
            kind: `customer`, `payment`, `hold` or `block`.

        Returns:
            An id never used before in the account.
        """
        return f"{self.profile.account_id[:5]}{kind[0].upper()}{(self._count(kind) * 2_654_435_761) % 2**40:010X}"

    def state(self) -> tuple[int, ...]:
        """Tells whether anything happened in between: then it differs.

        Returns:
            Numbers that only grow.
        """
        return self.version, *self._counts.values()

    def _count(self, kind: str) -> int:
        self._counts[kind] += 1
        return self._counts[kind]

    def add_customer(self, customer: Customer) -> None:
        """Takes in a customer.

        Args:
            customer: The customer.
        """
        self.customers[customer.id] = customer
        self.customer_list.append(customer)
        self.version += 1

    def add_booking(self, booking: Booking) -> None:
        """Takes in a booking, also for its customer.

        Args:
            booking: The booking.
        """
        self.bookings[booking.number] = booking
        booking.customer.bookings.append(booking)
        self.by_update.add(booking)
        self.by_start.add(booking)
        self._committed(booking)

    def add_payment(self, payment: Payment, *, is_new: bool = False) -> None:
        """Takes in a payment; a booking's `totalPaid` follows.

        Args:
            payment: The payment.
            is_new: The booking was made together with it and does not count as changed.
        """
        payment.created, payment.received = whole_minute(payment.created), whole_minute(payment.received)
        self.payments[payment.id] = payment
        self.by_receipt.add(payment)
        if payment.booking is None and payment.customer_id:
            self._other_payments.setdefault(payment.customer_id, []).append(payment)
        booking = payment.booking
        if booking is not None:
            booking.payments = (*booking.payments, payment)
            booking.paid += payment.amount
            booking.cache = None
            if self.switches.payments_move_change and not is_new:
                self.mark_changed(booking, payment.created, payment.agent)
            self._committed(booking)
        self._committed_payment(payment)

    def change_payment(self, payment: Payment, *, amount: int | None = None, received: int | None = None) -> None:
        """Corrects a payment; a booking's `totalPaid` follows, its `lastChangeTime` does not.

        Args:
            payment: The payment.
            amount: Its new amount; None: as it was.
            received: Its new time of receipt in Unix seconds; None: as it was.
        """
        booking = payment.booking
        if amount is not None:
            if booking is not None:
                booking.paid += amount - payment.amount
            payment.amount = amount
        if received is not None:
            before, payment.received = payment.received, whole_minute(received)
            self.by_receipt.moved(payment, before)
        if booking is not None:
            booking.cache = None
            self._committed(booking)
        self._committed_payment(payment)

    def delete_payment(self, payment: Payment) -> None:
        """Makes a payment vanish; a booking's `totalPaid` follows, its `lastChangeTime` does not.

        Args:
            payment: The payment.
        """
        self._forget_payment(payment)
        booking = payment.booking
        if booking is not None:
            booking.payments = tuple(other for other in booking.payments if other is not payment)
            booking.paid -= payment.amount
            booking.cache = None
            self._committed(booking)
        elif payment.customer_id:
            self._other_payments[payment.customer_id].remove(payment)
        self.version += 1

    def mark_changed(self, booking: Booking, at: int, agent: str | None, *, exact: bool = False) -> None:
        """Moves a booking's `lastChangeTime`.

        Args:
            booking: The booking.
            at: Unix seconds.
            agent: Who did it; None for the customer.
            exact: To the second; otherwise to the minute, as the API does.
        """
        before = booking.updated
        booking.changed = at if exact else whole_minute(at)
        booking.change_agent = agent
        booking.cache = None
        self.by_update.moved(booking, before)
        self._committed(booking)

    def reschedule(self, booking: Booking, start: int, end: int, event: int) -> None:
        """Moves a booking to another time; `mark_changed` is the caller's.

        Args:
            booking: The booking.
            start: Unix seconds.
            end: Unix seconds.
            event: Start of the slot, 0 without one.
        """
        before = booking.start
        booking.start, booking.end, booking.event = start, end, event
        booking.cache = None
        self.by_start.moved(booking, before)
        self._committed(booking)

    def cancel(self, booking: Booking, at: int, agent: str | None, *, tracked: bool = True) -> None:
        """Cancels a booking; it stays.

        Args:
            booking: The booking.
            at: Unix seconds.
            agent: Who did it; None for the customer.
            tracked: The customer's `numCancelations` counts it.
        """
        booking.flags |= CANCELED | (0 if tracked else UNTRACKED)
        booking.flags &= ~NO_SHOW
        booking.canceled = whole_minute(at)
        booking.cancel_agent = agent
        self.mark_changed(booking, at, agent)

    def delete_booking(self, booking: Booking) -> None:
        """Makes a booking vanish, as it does with its customer.

        Args:
            booking: The booking.
        """
        del self.bookings[booking.number]
        booking.customer.bookings.remove(booking)
        self.by_update.remove(booking, booking.updated)
        self.by_start.remove(booking, booking.start)
        if not self.switches.keep_payments:
            for payment in booking.payments:
                self._forget_payment(payment)
        self.deleted_bookings.append(booking.number)
        if self.replica is not None:
            self.replica.lose_booking(self.moment, booking)
        self.version += 1

    def delete_customer(self, customer: Customer) -> None:
        """Deletes a customer; their bookings vanish.

        Args:
            customer: The customer.
        """
        for booking in list(customer.bookings):
            self.delete_booking(booking)
        if not self.switches.keep_payments:
            for payment in self._other_payments.pop(customer.id, []):
                self._forget_payment(payment)
        del self.customers[customer.id]
        self.customer_list.remove(customer)
        self.deleted_customers.append(customer.id)
        self.version += 1

    def _committed(self, booking: Booking) -> None:
        self.version += 1
        if self.replica is not None:
            self.replica.take_booking(self.moment, booking)

    def _committed_payment(self, payment: Payment) -> None:
        self.version += 1
        if self.replica is not None:
            self.replica.take_payment(self.moment, payment)

    def _forget_payment(self, payment: Payment) -> None:
        del self.payments[payment.id]
        self.by_receipt.remove(payment, payment.received)
        if self.replica is not None:
            self.replica.lose_payment(self.moment, payment)
