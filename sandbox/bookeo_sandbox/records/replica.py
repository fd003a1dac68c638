"""What can be read while changes become visible late, as from a replica of a database that is behind."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from copy import copy

from bookeo_sandbox.records.entities import Booking, Payment


class Replica:
    """Bookings and payments as they were a while ago.

    Args:
        bookings: The bookings at first.
        payments: The payments at first.
        lag: Seconds after which a change becomes visible.
    """

    def __init__(self, bookings: Iterable[Booking], payments: Iterable[Payment], lag: int) -> None:
        self.lag = lag
        self._bookings = {booking.number: copy(booking) for booking in bookings}
        self._payments = {payment.id: copy(payment) for payment in payments}
        self._coming: deque[tuple[int, str, Booking | Payment | None]] = deque()

    def take_booking(self, moment: int, booking: Booking) -> None:
        """Notes what a booking has become.

        Args:
            moment: When, in Unix seconds.
            booking: The booking.
        """
        self._coming.append((moment, booking.number, copy(booking)))

    def take_payment(self, moment: int, payment: Payment) -> None:
        """Notes what a payment has become.

        Args:
            moment: When, in Unix seconds.
            payment: The payment.
        """
        self._coming.append((moment, payment.id, copy(payment)))

    def lose_booking(self, moment: int, booking: Booking) -> None:
        """Notes that a booking is gone.

        Args:
            moment: When, in Unix seconds.
            booking: The booking.
        """
        self._coming.append((moment, booking.number, None))

    def lose_payment(self, moment: int, payment: Payment) -> None:
        """Notes that a payment is gone.

        Args:
            moment: When, in Unix seconds.
            payment: The payment.
        """
        self._coming.append((moment, payment.id, None))

    def bookings(self, now: int) -> dict[str, Booking]:
        """Lists the bookings that can be seen.

        Args:
            now: Unix seconds.

        Returns:
            The bookings by number, as they were `lag` seconds ago.
        """
        self._catch_up(now)
        return self._bookings

    def payments(self, now: int) -> dict[str, Payment]:
        """Lists the payments that can be seen.

        Args:
            now: Unix seconds.

        Returns:
            The payments by id, as they were `lag` seconds ago.
        """
        self._catch_up(now)
        return self._payments

    def _catch_up(self, now: int) -> None:
        while self._coming and self._coming[0][0] <= now - self.lag:
            _, name, record = self._coming.popleft()
            if isinstance(record, Booking):
                self._bookings[name] = record
            elif record is not None:
                self._payments[name] = record
            else:
                self._bookings.pop(name, None)
                self._payments.pop(name, None)
