"""SQL that finds gaps among payments: bookings whose payments do not add up, payments whose booking is not known."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta

from bookeo.extract.payments_feed import named_booking
from bookeo_pipelines.gaps.customers import LONG_AGO, key_conditions
from bookeo_pipelines.warehouse.client import Warehouse

READ_BEFORE = timedelta(minutes=5)
"""How long before a window's last answer its first may have come."""
ASKED_DAILY_FOR = timedelta(days=7)
"""How long a booking that a payment names is asked for once a day: one in checkout may not be there yet."""


def unpaid_sums(warehouse: Warehouse, numbers: Collection[str] | None = None) -> dict[str, str]:
    """Find bookings whose payments do not add up to what the booking says is paid, in its currency.

    Args:
        warehouse: The account's tables.
        numbers: The bookings to look at; None for all.

    Returns:
        By booking number, the figures that do not add up: a booking is asked once for the same figures.
    """
    if not warehouse.has("bookings"):
        return {}
    account, found = warehouse.account_id, {}
    # Where no payment was loaded yet, a booking that says it is paid has none of its payments.
    payments = "{payments}" if warehouse.has("payments") else "{bookings}"
    amounts = "amount, currency" if warehouse.has("payments") else "0 AS amount, '' AS currency"
    none_held = "" if warehouse.has("payments") else " AND 1 = 0"
    for condition, keys in key_conditions(warehouse, "booking_number", numbers):
        # Refunds are negative payments. A booking without a price has nothing to add up to; one payment in another
        # currency is enough for nothing to add up, whatever the sum is.
        rows = warehouse.rows(
            f"""
            SELECT b.booking_number, b.total_paid_amount, b.total_paid_currency,
                   p.amount, p.payments, p.lowest, p.highest
            FROM (SELECT * FROM {{bookings}} WHERE account_id = %s{condition}) b LEFT JOIN (
                SELECT booking_number, count(*) AS payments, sum(amount) AS amount,
                       min(coalesce(currency, '')) AS lowest, max(coalesce(currency, '')) AS highest
                FROM (
                    SELECT booking_number, {amounts} FROM {payments} WHERE account_id = %s{condition}{none_held}
                ) one
                GROUP BY booking_number
            ) p ON p.booking_number = b.booking_number
            WHERE b.deleted_at IS NULL AND b.total_paid_amount IS NOT NULL
              AND (b.total_paid_amount <> coalesce(p.amount, 0)
                   OR p.lowest <> coalesce(b.total_paid_currency, ' ')
                   OR p.highest <> coalesce(b.total_paid_currency, ' '))
            """,
            *[account, *keys] * 2,
        )
        for number, paid, currency, amount, count, low, high in rows:
            if numbers is not None and number not in numbers:
                continue
            sums = f"{count or 0} payments of {amount or 0} {low or ''} to {high or ''}"
            found[number] = f"paid {paid} {currency}, {sums}"
    return found


def cancelling_out(warehouse: Warehouse) -> dict[str, str]:
    """Find bookings whose payments may lack some that are zero in sum, which no total shows.

    Payments without a booking can hide in one whose total is right only if some of them cancel out: there is a zero
    among them, or both signs are. Payments of an unknown customer, which could be anybody's, are not looked at.

    Args:
        warehouse: The account's tables.

    Returns:
        By booking number, the payments of its customer that make it so.
    """
    if not (warehouse.has("payments") and warehouse.has("bookings")):
        return {}
    rows = warehouse.rows(
        """
        SELECT b.booking_number, u.payments, u.newest FROM {bookings} b JOIN (
            SELECT customer_id, count(*) AS payments, max(payment_id) AS newest FROM {payments}
            WHERE account_id = %s AND booking_number IS NULL AND linked_by IS NULL
            GROUP BY customer_id HAVING min(amount) <= 0 AND max(amount) >= 0
        ) u ON u.customer_id = b.customer_id
        WHERE b.account_id = %s AND b.deleted_at IS NULL
        """,
        warehouse.account_id,
        warehouse.account_id,
    )
    return {number: f"{count} payments without a booking up to {newest}" for number, count, newest in rows}


def read_since(warehouse: Warehouse, numbers: Collection[str], moment: datetime) -> frozenset[str]:
    """Find which of some bookings were read since a moment.

    Args:
        warehouse: The account's tables.
        numbers: The bookings.
        moment: The moment, aware.

    Returns:
        The numbers of those that were.
    """
    found: set[str] = set()
    for condition, keys in key_conditions(warehouse, "booking_number", numbers):
        sql = f"SELECT booking_number FROM {{bookings}} WHERE account_id = %s AND fetched_at >= %s{condition}"
        found.update(number for (number,) in warehouse.rows(sql, warehouse.account_id, moment, *keys))
    return frozenset(found.intersection(numbers))


def paid_since(
    warehouse: Warehouse, checked_until: datetime | None, began: datetime, server_now: datetime
) -> dict[str, str]:
    """Find bookings whose paid total may be older than a payment without a booking: those of its customer.

    The work list is in the rows themselves, whatever load wrote them: it outlives a load that is killed.

    Args:
        warehouse: The account's tables.
        checked_until: Up to when all payments read were looked at, aware; None where they never were.
        began: When this load began, by the clock of `fetched_at`, aware. What it reads is up to date...
        server_now: ...but for payments recorded since then, by Bookeo's clock, aware.

    Returns:
        By booking number, the payment.
    """
    if not (warehouse.has("payments") and warehouse.has("bookings")):
        return {}
    rows = warehouse.rows(
        """
        SELECT b.booking_number, b.fetched_at, max(p.payment_id), max(p.creation_time)
        FROM {payments} p JOIN {bookings} b ON b.account_id = p.account_id AND b.customer_id = p.customer_id
        WHERE p.account_id = %s AND p.booking_number IS NULL AND p.linked_by IS NULL AND p.fetched_at > %s
          AND b.deleted_at IS NULL AND b.fetched_at < p.fetched_at AND (b.fetched_at < %s OR p.creation_time >= %s)
        GROUP BY b.booking_number, b.fetched_at
        """,
        warehouse.account_id,
        checked_until or LONG_AGO,
        began,
        server_now.replace(second=0, microsecond=0),
    )
    if rows and checked_until is None:
        # A first load that was interrupted: what was paid before a booking was first read is in its total.
        read_at = _server_times(warehouse)
        rows = [row for row in rows if row[3] is None or row[3] >= read_at(row[1])]
    return {number: f"payment {payment} without a booking" for number, _, payment, _ in rows}


def _server_times(warehouse: Warehouse) -> Callable[[datetime], datetime]:
    """Make a function from the time at which a booking was read, by our clock, to Bookeo's time a little before it."""
    if not warehouse.has("load_windows"):
        return lambda _: LONG_AGO
    ledger = warehouse.rows(
        "SELECT loaded_at, server_time FROM {load_windows} "
        "WHERE account_id = %s AND resource = %s AND server_time IS NOT NULL",
        warehouse.account_id,
        "bookings",
    )
    ledger.sort()
    moments = [loaded_at for loaded_at, _ in ledger]

    def server_time(fetched_at: datetime) -> datetime:
        before = bisect_right(moments, fetched_at)
        return ledger[before - 1][1] - READ_BEFORE if before else LONG_AGO

    return server_time


def named_bookings(warehouse: Warehouse, server_now: datetime) -> dict[str, str]:
    """Find bookings that the texts of payments name and that are not held.

    An online booking bears the time at which its checkout began and is listed only when that has ended: no list by
    time of change need show it again.

    Args:
        warehouse: The account's tables.
        server_now: Bookeo's time, aware.

    Returns:
        By booking number, the payment; with the day while the payment is so new that the booking may not be there yet.
    """
    if not warehouse.has_column("payments", "description"):
        return {}
    rows = warehouse.rows(
        "SELECT payment_id, description, creation_time FROM {payments} "
        "WHERE account_id = %s AND booking_number IS NULL AND linked_by IS NULL AND description IS NOT NULL",
        warehouse.account_id,
    )
    named: dict[str, str] = {}
    for payment, description, created in sorted(rows):
        number = named_booking(description)
        if number is not None:
            new = created is not None and server_now - created < ASKED_DAILY_FOR
            named[number] = f"payment {payment} names it" + (f", asked on {server_now:%Y-%m-%d}" if new else "")
    held = held_bookings(warehouse, named)
    return {number: basis for number, basis in named.items() if number not in held}


def held_bookings(warehouse: Warehouse, numbers: Collection[str]) -> set[str]:
    """Find which of some bookings are held.

    Args:
        warehouse: The account's tables.
        numbers: The bookings.

    Returns:
        The numbers of those that are.
    """
    if not warehouse.has("bookings"):
        return set()
    found: set[str] = set()
    for condition, keys in key_conditions(warehouse, "booking_number", numbers):
        sql = f"SELECT booking_number FROM {{bookings}} WHERE account_id = %s{condition}"
        found.update(number for (number,) in warehouse.rows(sql, warehouse.account_id, *keys))
    return found.intersection(numbers)


def doubled_payments(warehouse: Warehouse) -> dict[str, datetime]:
    """Find payments of which there are several rows, such as one linked and one not.

    Args:
        warehouse: The account's tables.

    Returns:
        By payment id, when the newest row was read.
    """
    if not warehouse.has("payments"):
        return {}
    rows = warehouse.rows(
        "SELECT payment_id, max(fetched_at) FROM {payments} WHERE account_id = %s "
        "GROUP BY payment_id HAVING count(*) > 1",
        warehouse.account_id,
    )
    return dict(rows)


def payments_of_vanished(warehouse: Warehouse) -> dict[str, datetime]:
    """List the payments of bookings that are marked as vanished.

    Args:
        warehouse: The account's tables.

    Returns:
        By payment id, when it was received.
    """
    if not (warehouse.has("payments") and warehouse.has("bookings")):
        return {}
    rows = warehouse.rows(
        """
        SELECT p.payment_id, p.received_time FROM {payments} p JOIN {bookings} b
            ON b.account_id = p.account_id AND b.booking_number = p.booking_number
        WHERE p.account_id = %s AND b.deleted_at IS NOT NULL AND p.received_time IS NOT NULL
        """,
        warehouse.account_id,
    )
    return dict(rows)


def all_paid(warehouse: Warehouse) -> dict[str, str]:
    """List every booking with its version, to ask each for its payments after every change.

    Args:
        warehouse: The account's tables.

    Returns:
        By booking number, the time of its last change.
    """
    if not warehouse.has("bookings"):
        return {}
    rows = warehouse.rows(
        "SELECT booking_number, updated_at FROM {bookings} WHERE account_id = %s AND deleted_at IS NULL",
        warehouse.account_id,
    )
    return {number: f"changed {updated_at}" for number, updated_at in rows}


def combined(*gaps: Mapping[str, str]) -> dict[str, str]:
    """Merge findings of several kinds.

    Args:
        *gaps: Each by key, what was found.

    Returns:
        By key, all that was found: a key is asked once for all of it, and again when any of it changes.
    """
    keys: Iterable[str] = dict.fromkeys(itertools.chain.from_iterable(gaps))
    return {key: "; ".join(found[key] for found in gaps if key in found) for key in keys}
