"""How invented customers pay: deposits and balances, at once or late, and what they get back."""

from __future__ import annotations

from random import Random

from bookeo_sandbox.invention import names
from bookeo_sandbox.records.account import Account
from bookeo_sandbox.records.entities import Booking, Payment

_DAY = 86_400

Plan = list[tuple[int, str]]
"""Moments in Unix seconds and what is done then: deposit, balance, refund."""

_DESK_METHODS = ("cash", "cash", "debitCard", "creditCard", "bankTransfer", "checque", "accountCredit", "other")
_ONLINE_METHODS = ("creditCard", "creditCard", "creditCard", "paypal", "moneyVoucher", "existingCredit")


def payment_plan(booking: Booking, booked: int, rng: Random) -> Plan:
    """Decides when a booking is paid.

    Args:
        booking: A new booking.
        booked: When it is listed first, in Unix seconds.
        rng: Source of chance.

    Returns:
        What will happen, from the moment of booking on.
    """
    chance = rng.random()
    if booking.gross == 0:
        return []
    if booking.agent is None:
        if chance < 0.55:
            return [(booked, "all")]
        if chance < 0.9:
            balance = booking.start - int(rng.random() * 2 * 3600)
            return [(booked, "deposit"), (max(balance, booked + 60), "balance")]
    if chance < 0.12:
        return []
    if chance < 0.35:
        return [(booked + int((1 + 6 * rng.random()) * _DAY), "transfer")]
    if chance < 0.45:
        return [(booked, "deposit"), (booking.end + 300, "balance")]
    return [(booking.start - 600 + int(rng.random() * 1200), "balance")]


def pay(account: Account, booking: Booking, kind: str, now: int, rng: Random, *, is_new: bool = False) -> None:
    """Makes a payment of a plan, if anything is due.

    Args:
        account: The account.
        booking: The booking.
        kind: `all`, `deposit`, `balance`, `transfer`, `tip` or `refund`.
        now: Unix seconds.
        rng: Source of chance.
        is_new: The booking is made together with it.
    """
    due = booking.gross - booking.paid
    amount = due
    if kind == "deposit":
        amount = due * 3 // 10
    elif kind == "refund":
        amount = -booking.paid if rng.random() < 0.7 else -(booking.paid // 2)
    elif kind == "tip":
        amount = max(1, booking.gross // 20)
    if amount == 0 or (amount < 0) != (kind == "refund" or due < 0):
        return
    online = booking.agent is None and kind in ("all", "deposit")
    method = "bankTransfer" if kind == "transfer" else rng.choice(_ONLINE_METHODS if online else _DESK_METHODS)
    reason = {"all": "Full payment", "deposit": "Deposit", "refund": "Refund", "tip": "Tip"}.get(kind, "Balance")
    received = now
    if method == "bankTransfer" and rng.random() < 0.3:
        # Somebody reads the bank's statement days later and enters the day on which the money came.
        received = max(booking.created, now - int(rng.random() * 3 * _DAY))
    gateway = rng.choice(names.GATEWAYS) if method == "creditCard" else None
    account.add_payment(
        Payment(
            account.next_id("payment"),
            now,
            received,
            amount,
            method,
            reason,
            booking=booking,
            customer_id=booking.customer.id,
            comment=rng.choice(names.COMMENTS) if rng.random() < 0.05 else None,
            method_other="Hotel voucher" if method == "other" else None,
            agent=None if online else booking.agent or rng.choice(names.AGENTS),
            gateway=gateway,
            transaction=f"ch_{rng.getrandbits(60):015x}" if gateway else None,
        ),
        is_new=is_new,
    )


def pay_for_something_else(account: Account, now: int, rng: Random) -> None:
    """Makes a payment that belongs to no booking: a voucher, or text that only mentions one.

    Args:
        account: The account.
        now: Unix seconds.
        rng: Source of chance.
    """
    unit = 10**account.profile.decimals if account.profile.decimals else 100
    amount = int(unit * (10 + rng.random() * 190))
    number = next(reversed(account.bookings), "0" * 16)
    description, amount = rng.choice(
        (
            (f"Ten walks, prepaid ({int(rng.random() * 10**8):08d})", amount),
            (f"Gift voucher GV{int(rng.random() * 10**8):08d}", amount),
            ("Kaution Schlüssel", amount),
            (f"Compensation as agreed by phone, see Booking {number}", -amount // 4),
            (f"Booking {number} and two others, group invoice", amount),
            (f"Rebooking {number}", amount // 8),
            (None, amount),
        )
    )
    customer = rng.choice(account.customer_list) if account.customer_list and rng.random() < 0.8 else None
    account.add_payment(
        Payment(
            account.next_id("payment"),
            now,
            now,
            amount,
            rng.choice(_DESK_METHODS[:5]),
            "Other",
            description=description,
            customer_id=customer.id if customer else None,
            agent=rng.choice(names.AGENTS),
        )
    )
