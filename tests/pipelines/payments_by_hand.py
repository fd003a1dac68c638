"""Payments that a business's people add, change and delete in the sandbox, without any booking counting as changed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bookeo_sandbox import Sandbox
from bookeo_sandbox.records.entities import Booking, Payment

DAY = 86_400


class Till:
    """The payments of the sandbox's first account.

    Args:
        sandbox: The sandbox.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self.account = sandbox.business.accounts[0]
        self._sandbox = sandbox

    @property
    def now(self) -> int:
        """The sandbox's time in Unix seconds."""
        return int(datetime.fromisoformat(self._sandbox.now()).astimezone(UTC).timestamp())

    def bookings(self, payments: int = 1) -> list[Booking]:
        """Bookings that have at least so many payments, oldest first."""
        return [b for b in self.account.bookings.values() if len(b.payments) >= payments]

    def add(
        self,
        amount: int = 700,
        *,
        booking: Booking | None = None,
        description: str | None = None,
        customer_id: str | None = None,
        days_ago: float = 0,
        **more: Any,
    ) -> Payment:
        """Enters a payment now, received some days ago; one with a booking counts towards what that has paid."""
        payment = Payment(
            self.account.next_id("payment"),
            self.now,
            self.now - int(days_ago * DAY),
            amount,
            "cash",
            "Balance",
            booking=booking,
            description=description,
            customer_id=customer_id or (booking.customer.id if booking else None),
            **more,
        )
        with self._sandbox.business.lock:
            self.account.add_payment(payment)
        return payment

    def edit(self, payment: Payment, amount: int) -> None:
        """Corrects an amount."""
        with self._sandbox.business.lock:
            self.account.change_payment(payment, amount=amount)

    def delete(self, payment: Payment) -> None:
        """Takes a payment away."""
        self._sandbox.delete_payment(payment.id)

    def move(self, payment: Payment, booking: Booking) -> None:
        """Books a payment on another booking; its text stays."""
        self.delete(payment)
        payment.description = payment.description or (f"Booking {payment.booking.number}" if payment.booking else None)
        payment.booking = booking
        with self._sandbox.business.lock:
            self.account.add_payment(payment)
