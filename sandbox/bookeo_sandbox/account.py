"""One business account: its records, found by id and by time, and the changes that they can undergo."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter

from bookeo_sandbox.catalog import stable_id
from bookeo_sandbox.index import TimeIndex
from bookeo_sandbox.records import (
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
from bookeo_sandbox.replica import Replica
from bookeo_sandbox.times import whole_minute

_STRIDE = 7_206_418_935_041  # has no factor in common with a power of 10: numbers never repeat
_LONGER_SINCE = 1_735_689_600
"""From 2025 on booking numbers have 16 digits instead of 14. Source: real answers."""

PERMISSIONS = (
    "availability_r",
    "blocks_r_all",
    "bookings_r_all",
    "customers_r_all",
    "payments_r_all",
    "subaccounts_all",
)
"""Names of permissions as seen in public integrations; what a key has at first."""
_ACCESS = re.compile(r"(.+)_(r|rw|rwd)(_all)?")


def includes(granted: Iterable[str], wanted: str) -> bool:
    """Tells whether permissions include another one: reading and writing includes reading.

    Args:
        granted: Permissions, e.g. `bookings_rw_all`.
        wanted: A permission, e.g. `bookings_r_all`.

    Returns:
        True if one of them is it or goes further.
    """
    asked = _ACCESS.fullmatch(wanted)
    for permission in granted:
        given = _ACCESS.fullmatch(permission)
        if permission == wanted or (
            asked and given and (given[1], given[3]) == (asked[1], asked[3]) and given[2].startswith(asked[2])
        ):
            return True
    return False


def is_permission(name: str) -> bool:
    """Tells whether there is a permission of this name.

    Args:
        name: A name, e.g. `bookings_rwd_all`.

    Returns:
        True if there is.
    """
    return name in PERMISSIONS or any(includes((name,), known) for known in PERMISSIONS)


@dataclass(slots=True)
class Switches:
    """How the sandbox answers where the vendor's documents are silent, or where a test wants another world.

    Args:
        snapshot: A page token pins the result; otherwise each page is looked up anew.
        payments_move_change: A new payment moves the booking's `lastChangeTime`.
        customer_edits_move_change: An edited customer moves the `lastChangeTime` of their bookings.
        payments_without_permission: What `GET /payments` says: "403" or "empty".
        booking_payments_without_permission: What a booking's list says: "403" or "empty".
        keep_payments: Payments stay in the feed when their customer is deleted.
        delete_returns_booking: The answer to a cancelation shows the booking; otherwise it has no body.
        customer_edits: In passing time, customers change their addresses without touching a booking.
        deletions: In passing time, customers are deleted, with their bookings.
        gzip: Answers are compressed for those who ask.
        bookings_without_permission: What lists of bookings say: "403" or "empty".
        customers_without_permission: What `GET /customers` says: "403" or "empty".
        window_ends: Which ends of a pair of times belong to it: "inclusive" (both), "end_exclusive" (only the
            beginning) or "exclusive" (neither).
        precision: To what times of change and receipt are compared: "shown" (as the API shows them), "seconds" or
            "milliseconds" (as they truly are, the ends likewise).
        replica_lag_minutes: Changes of bookings and payments become visible this many minutes after they were made.
        numeric_tokens: Page tokens are numbers in JSON, not text.
        payment_description: What payments of a booking say, with `{number}`; empty: nothing.
        checkout_minutes: In passing time, an online booking is listed up to this many minutes after its `creationTime`.
        strict: Only what the documents allow is taken: no fractions of a second, no `True`, no `pageNumber=1` without
            a token, 100 slots a page.
        json_escapes: What JSON escapes: what means something in HTML ("html"), that and every slash and every letter
            that is not ASCII ("all"), or no more than it must ("none").
    """

    snapshot: bool = False
    payments_move_change: bool = False
    customer_edits_move_change: bool = False
    payments_without_permission: str = "403"
    booking_payments_without_permission: str = "empty"
    keep_payments: bool = False
    delete_returns_booking: bool = True
    customer_edits: bool = False
    deletions: bool = True
    gzip: bool = True
    bookings_without_permission: str = "403"
    customers_without_permission: str = "403"
    window_ends: str = "inclusive"
    precision: str = "shown"
    replica_lag_minutes: int = 0
    numeric_tokens: bool = False
    payment_description: str = "Booking {number}"
    checkout_minutes: int = 12
    strict: bool = False
    json_escapes: str = "html"


_REFUSAL = ("403", "empty")
CHOICES: dict[str, tuple[str, ...]] = {
    "payments_without_permission": _REFUSAL,
    "booking_payments_without_permission": _REFUSAL,
    "bookings_without_permission": _REFUSAL,
    "customers_without_permission": _REFUSAL,
    "window_ends": ("inclusive", "end_exclusive", "exclusive"),
    "precision": ("shown", "seconds", "milliseconds"),
    "json_escapes": ("html", "all", "none"),
}
"""The values of switches that are one of several texts."""


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
