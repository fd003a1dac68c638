"""How the sandbox behaves where nobody knows, or where a test wants another world."""

from __future__ import annotations

from dataclasses import dataclass


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
